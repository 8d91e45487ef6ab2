// What a web server may answer, in pieces as large as the first byte says, to the parser of
// plugins/http_client. Whatever comes, what is kept is bounded, and an answer is complete or not
// wherever the pieces are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "http_client/response_parser.hpp"

namespace {

using keel::http::ResponseParser;
using State = ResponseParser::State;

constexpr ResponseParser::Limits kLimits{.header = 512, .body = 1024};

struct Outcome {
  State state;
  bool keep_alive = false;
  std::size_t used = 0;
  keel::http::Response response = {};
};

Outcome read(std::string_view bytes, std::size_t step, bool head, bool ended) {
  ResponseParser parser(kLimits, head);
  std::string unread;
  std::size_t used = 0;
  while (!bytes.empty() && parser.state() == State::reading) {
    unread += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    const std::string exact(unread);
    const std::size_t n = parser.feed(exact);
    FUZZ_CHECK(n <= exact.size());
    unread.erase(0, n);
    used += n;
    FUZZ_CHECK(parser.state() != State::reading || unread.size() <= 16 * 1024);
  }
  if (ended) parser.end();
  FUZZ_CHECK(!ended || parser.state() != State::reading);
  FUZZ_CHECK((parser.state() == State::failed) == !parser.error().empty());
  Outcome out{parser.state(), parser.keep_alive(), used};
  if (out.state == State::done) out.response = parser.take();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = std::size_t{1} + (data[0] & 63);
  const bool head = (data[0] & 64) != 0, ended = (data[0] & 128) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome pieces = read(bytes, step, head, ended);
  const Outcome whole = read(bytes, bytes.size(), head, ended);
  if (pieces.state == State::done) {
    FUZZ_CHECK(pieces.response.status >= 200 && pieces.response.status <= 999);
    FUZZ_CHECK(pieces.response.body.size() <= kLimits.body);
    FUZZ_CHECK(!head || pieces.response.body.empty());
    FUZZ_CHECK(whole.state == State::done);
    FUZZ_CHECK(whole.keep_alive == pieces.keep_alive);
    FUZZ_CHECK(whole.used == pieces.used);
    FUZZ_CHECK(whole.response.status == pieces.response.status);
    FUZZ_CHECK(whole.response.headers == pieces.response.headers);
    FUZZ_CHECK(whole.response.body == pieces.response.body);
  }
  return 0;
}
