// The only user of Boost.Beast, whose parser takes the request apart.
#include "emqx_ws/upgrade.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "emqx_ws/header_list.hpp"

namespace ws {
namespace {

namespace http = boost::beast::http;
using Request = http::request<http::empty_body>;

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::array<std::string_view, 3> kProtocols = {"mqtt", "mqttv3.1", "mqttv3.1.1"};
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view reason_phrase(int status) {
  return view(http::obsolete_reason(static_cast<http::status>(status)));
}

UpgradeAnswer refuse(int status, std::string_view text, std::string_view headers = {}) {
  UpgradeAnswer out;
  out.status = status;
  out.response = "HTTP/1.1 " + std::to_string(status) + ' ';
  out.response += reason_phrase(status);
  out.response += "\r\nContent-Type: text/plain\r\nConnection: close\r\n";
  out.response += headers;
  out.response += "Content-Length: " + std::to_string(text.size() + 1) + "\r\n\r\n";
  out.response += text;
  out.response += '\n';
  return out;
}

// All values of a header in one list, as RFC 7230 allows to read them.
std::string joined(const Request& request, std::string_view name) {
  std::string out;
  const auto [begin, end] =
      request.equal_range(boost::beast::string_view(name.data(), name.size()));
  for (auto at = begin; at != end; ++at) {
    if (!out.empty()) out += ", ";
    out += view(at->value());
  }
  return out;
}

// The value of a header that must be there once.
std::optional<std::string_view> single(const Request& request, std::string_view name) {
  const auto [begin, end] =
      request.equal_range(boost::beast::string_view(name.data(), name.size()));
  if (begin == end || std::next(begin) != end) return std::nullopt;
  return trimmed(view(begin->value()));
}

// Sixteen bytes in base64.
bool is_key(std::string_view key) {
  const auto digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, digit);
}

// Only browsers say where a page comes from, and they always do.
bool origin_allowed(const Request& request, const UpgradePolicy& policy) {
  if (policy.allowed_origins.empty() || request.count("Origin") == 0) return true;
  const auto origin = single(request, "Origin");
  return origin && std::any_of(policy.allowed_origins.begin(), policy.allowed_origins.end(),
                               [&](const std::string& each) { return same_word(each, *origin); });
}

// The first of MQTT's in the client's order; empty: none is. False: not a list of names.
bool choose_protocol(const std::string& offered, std::string_view& chosen) {
  HeaderList list(offered);
  std::string_view name;
  while (list.next_element(name)) {
    const auto known = std::find(kProtocols.begin(), kProtocols.end(), name);
    if (chosen.empty() && known != kProtocols.end()) chosen = *known;
  }
  return list.well_formed();
}

// What every request to this port must be.
std::optional<UpgradeAnswer> check_http(const http::request_parser<http::empty_body>& parser,
                                        const UpgradePolicy& policy) {
  const Request& request = parser.get();
  if (request.version() != 11) return refuse(400, "This needs HTTP/1.1.");
  if (request.method() != http::verb::get) {
    return refuse(405, "Only GET is served here.", "Allow: GET\r\n");
  }
  if (parser.chunked() || parser.content_length().value_or(0) != 0) {
    return refuse(400, "A GET with a body is not served here.");
  }
  if (!single(request, "Host")) return refuse(400, "One Host header is needed.");
  const std::string_view target = view(request.target());
  if (target.substr(0, target.find('?')) != policy.path) {
    return refuse(404, "There is nothing at this path.");
  }
  if (!origin_allowed(request, policy)) {
    return refuse(403, "Pages of this origin may not connect.");
  }
  return std::nullopt;
}

// What a WebSocket client says in addition.
std::optional<UpgradeAnswer> check_websocket(const Request& request) {
  constexpr std::string_view hints = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  if (!has_word(joined(request, "Upgrade"), "websocket") ||
      !has_word(joined(request, "Connection"), "upgrade")) {
    return refuse(426, "This is MQTT over WebSocket; connect with a WebSocket client.", hints);
  }
  if (single(request, "Sec-WebSocket-Version") != "13") {
    return refuse(426, "This needs Sec-WebSocket-Version: 13.", hints);
  }
  const auto key = single(request, "Sec-WebSocket-Key");
  if (!key || !is_key(*key)) {
    return refuse(400, "Sec-WebSocket-Key must be there once, 16 bytes in base64.");
  }
  return std::nullopt;
}

UpgradeAnswer accept(const Request& request, const UpgradePolicy& policy) {
  UpgradeAnswer out;
  std::string_view protocol;
  if (!choose_protocol(joined(request, "Sec-WebSocket-Protocol"), protocol)) {
    return refuse(400, "Sec-WebSocket-Protocol is not a list of names.");
  }
  if (protocol.empty() && policy.verify_protocol) {
    return refuse(400, "Sec-WebSocket-Protocol must offer mqtt, mqttv3.1 or mqttv3.1.1.");
  }
  out.response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(*single(request, "Sec-WebSocket-Key")) + "\r\n";
  if (!protocol.empty()) {
    out.response.append("Sec-WebSocket-Protocol: ").append(protocol).append("\r\n");
  }
  if (const std::string wishes = joined(request, "Sec-WebSocket-Extensions");
      policy.compression && !wishes.empty()) {
    bool well_formed = true;
    if (const auto offer = negotiate(wishes, *policy.compression, well_formed)) {
      out.compression = offer->terms;
      out.response.append("Sec-WebSocket-Extensions: ").append(offer->answer).append("\r\n");
    }
    if (!well_formed) return refuse(400, "Sec-WebSocket-Extensions cannot be read.");
  }
  out.response += "\r\n";
  if (!policy.address_header.empty()) out.address = joined(request, policy.address_header);
  if (!policy.port_header.empty()) out.port = joined(request, policy.port_header);
  return out;
}

}  // namespace

RequestEnd find_request_end(std::string_view in, std::size_t& seen, std::size_t& size) {
  // A request begins with a method; another protocol's first byte is found out at once.
  if (!in.empty() && (in[0] < 'A' || in[0] > 'Z')) return RequestEnd::not_http;
  const std::size_t from = seen < kEnd.size() ? 0 : seen - (kEnd.size() - 1);
  const std::size_t at = in.find(kEnd, from);
  seen = in.size();
  if (at == std::string_view::npos) return RequestEnd::incomplete;
  size = at + kEnd.size();
  return RequestEnd::complete;
}

UpgradeAnswer answer_upgrade(std::string_view request, const UpgradePolicy& policy) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(request.size()) + 1);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(request.data(), request.size()), error);
  if (error || !parser.is_header_done()) return refuse(400, "This is no HTTP request.");
  if (auto refused = check_http(parser, policy)) return *std::move(refused);
  if (auto refused = check_websocket(parser.get())) return *std::move(refused);
  return accept(parser.get(), policy);
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key).append(kMagic);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  std::string out(4 * ((size + 2) / 3) + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), digest, static_cast<int>(size));
  out.pop_back();
  return out;
}

UpgradeAnswer refuse_upgrade(int status, std::string_view text) { return refuse(status, text); }

}  // namespace ws
