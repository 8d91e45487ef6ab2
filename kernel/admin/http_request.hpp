// The head of an HTTP/1.1 request, taken apart; no I/O. Only what a scraper sends is understood:
// GET and HEAD without a body; of other methods the head, so that they can be refused by name. Pure
// functions; [any].
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keel::kernel {

inline constexpr std::size_t kHttpMaxRequest = 8'192;

struct HttpRequest {
  std::string method, path;  // path without the query
  bool keep_alive = false;
  bool has_body = false;  // which is not read, so the connection has to end
  std::size_t size = 0;   // of the request in the input
};

struct HttpParsed {
  enum class State : std::uint8_t { more, done, bad };
  State state = State::more;
  std::uint16_t status = 0;  // what to answer to a bad one
  HttpRequest request;
};

// Looks at everything received so far.
HttpParsed parse_http_request(std::string_view input);

struct HttpResponse {
  std::uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// The bytes to send; `head_only`: the answer to HEAD.
std::string format_http_response(const HttpResponse& response, bool keep_alive, bool head_only);

}  // namespace keel::kernel
