#include "http_client/message.hpp"

#include <algorithm>
#include <charconv>

#include "keel/text.hpp"

namespace keel::http {
namespace {

constexpr std::size_t kMaxUrl = 8 * 1024;
constexpr std::size_t kMaxHost = 255;  // what tcp.connect takes

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110: what methods and header names are made of.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Tabs and everything that is not a control character; bytes above ASCII are the server's to judge.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_ours(std::string_view name) {
  for (const std::string_view ours :
       {"Host", "Content-Length", "Transfer-Encoding", "Connection"}) {
    if (same_name(name, ours)) return true;
  }
  return false;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status bad_url(std::string_view why) {
  return Status::error(
      concat("no address of a web server: ", why, "; write http://host:port/path, or https"));
}

// "host", "host:port", "[::1]:port".
Status read_authority(std::string_view text, Url& out) {
  if (text.find('@') != std::string_view::npos) {
    return bad_url("a user name or password in it is not supported, send it in a header");
  }
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad_url("']' is missing");
    out.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    has_port = !port.empty();
    if (has_port && port[0] != ':') return bad_url("something stands behind ']'");
    if (out.host.find(':') == std::string::npos) return bad_url("[] hold no IPv6 address");
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon);
  }
  const bool named = std::all_of(out.host.begin(), out.host.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == ':';
  });
  if (out.host.empty() || out.host.size() > kMaxHost || !named) return bad_url("it has no host");
  if (!has_port) return {};
  unsigned number = 0;
  const char* const last = port.data() + port.size();
  const auto [end, problem] = std::from_chars(port.data() + 1, last, number);
  if (problem != std::errc() || end != last || number == 0 || number > 65535) {
    return bad_url("its port is none from 1 to 65535");
  }
  out.port = static_cast<std::uint16_t>(number);
  return {};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string Url::server() const {
  const bool v6 = host.find(':') != std::string::npos;
  return concat(scheme, "://", v6 ? "[" : "", host, v6 ? "]:" : ":", port);
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl) return bad_url("it is longer than 8 KiB");
  if (!is_visible(text))
    return bad_url("it has spaces or other than ASCII characters, encode them");
  Url out;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad_url("it does not begin with http:// or https://");
  out.scheme = text.substr(0, colon);
  std::transform(out.scheme.begin(), out.scheme.end(), out.scheme.begin(), lower);
  if (out.scheme != "http" && out.scheme != "https") {
    return bad_url("it does not begin with http:// or https://");
  }
  if (out.tls()) out.port = 443;
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = text.find_first_of("/?");
  KEEL_TRY(read_authority(text.substr(0, end), out));
  if (end == std::string_view::npos) return out;
  out.path = text.substr(end);
  if (out.path[0] == '?') out.path.insert(0, "/");
  return out;
}

std::string encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

Result<std::string> serialize(const Request& request, const Url& server) {
  if (!is_token(request.method)) return Status::error("the method is no word");
  if (!request.target.starts_with('/') || !is_visible(request.target)) {
    return Status::error("the path has characters that must be encoded, or no / in front");
  }
  if (has_control(server.host)) return Status::error("the host has control characters");
  if (!is_field_value(request.content_type)) {
    return Status::error("the content type has control characters");
  }
  const bool v6 = server.host.find(':') != std::string::npos;
  std::string host = v6 ? concat('[', server.host, ']') : server.host;
  if (server.port != (server.tls() ? 443 : 80)) host += concat(':', server.port);
  std::string out;
  out.reserve(256 + request.target.size() + request.body.size());
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  append_header(out, "Host", host);
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return Status::error("a header's name is no word");
    if (is_ours(name)) return Status::error(concat("the header ", name, " is set by the client"));
    if (!is_field_value(value)) {
      return Status::error(concat("the header ", name, " has control characters"));
    }
    append_header(out, name, value);
  }
  const bool bodiless = request.method == "GET" || request.method == "HEAD";
  if (!request.body.empty() && !request.content_type.empty()) {
    append_header(out, "Content-Type", request.content_type);
  }
  if (!bodiless || !request.body.empty()) {
    append_header(out, "Content-Length", concat(request.body.size()));
  }
  out.append("\r\n").append(request.body);
  return out;
}

}  // namespace keel::http
