#include "kernel/admin/http_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace keel::kernel {
namespace {

HttpParsed bad(std::uint16_t status) {
  return {.state = HttpParsed::State::bad, .status = status, .request = {}};
}

bool iequals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool token_char(unsigned char c) {
  return std::isalnum(c) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), token_char);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

// METHOD SP target SP HTTP/1.x. Answers a status, 0 when it is good.
std::uint16_t parse_request_line(std::string_view line, HttpRequest& out) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return 400;
  const std::string_view method = line.substr(0, first), version = line.substr(last + 1);
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || target.empty() || target[0] != '/') return 400;
  if (std::any_of(target.begin(), target.end(),
                  [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }))
    return 400;
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return version.starts_with("HTTP/") ? 505 : 400;
  out.method = method;
  out.path = target.substr(0, target.find('?'));
  out.keep_alive = version == "HTTP/1.1";
  return 0;
}

std::uint16_t parse_field(std::string_view line, HttpRequest& out) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return 400;
  const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(),
                  [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }))
    return 400;
  if (iequals(name, "connection")) {
    if (iequals(value, "close")) out.keep_alive = false;
    if (iequals(value, "keep-alive")) out.keep_alive = true;
  }
  if (iequals(name, "transfer-encoding")) out.has_body = true;
  if (iequals(name, "content-length") && value != "0") out.has_body = true;
  return 0;
}

std::string_view reason(std::uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

}  // namespace

HttpParsed parse_http_request(std::string_view input) {
  const std::size_t end = input.find("\r\n\r\n");
  if (end == std::string_view::npos || end + 4 > kHttpMaxRequest)
    return input.size() >= kHttpMaxRequest ? bad(431) : HttpParsed{};
  HttpParsed out{.state = HttpParsed::State::done, .status = 0, .request = {}};
  out.request.size = end + 4;
  std::string_view rest = input.substr(0, end + 2);
  if (const auto status = parse_request_line(take_line(rest), out.request)) return bad(status);
  while (!rest.empty()) {
    if (const auto status = parse_field(take_line(rest), out.request)) return bad(status);
  }
  if (out.request.has_body) {
    // Nothing here takes a body, and one that is skipped wrongly would be read as the next request.
    out.request.keep_alive = false;
    if (out.request.method == "GET" || out.request.method == "HEAD") return bad(413);
  }
  return out;
}

std::string format_http_response(const HttpResponse& response, bool keep_alive, bool head_only) {
  std::string out = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: {}\r\n{}\r\n",
      response.status, reason(response.status), response.content_type, response.body.size(),
      keep_alive ? "keep-alive" : "close", response.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (!head_only) out += response.body;
  return out;
}

}  // namespace keel::kernel
