#include "http_client/response_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "keel/text.hpp"

namespace keel::http {

namespace beast = boost::beast::http;

namespace {
constexpr int kMaxInformational = 8;      // 1xx responses in front of one
constexpr std::size_t kLine = 16 * 1024;  // of a chunk's head, or the trailers
// A chunked body that is not over has at least this many octets to come; Beast asserts that it is
// given so many when it looks at the last chunk once more.
constexpr std::size_t kLastChunk = 5;
}  // namespace

struct ResponseParser::Impl {
  Impl(const Limits& limits, bool head) {
    // What its limit counts depends on where the pieces are cut; feed() counts for itself.
    parser.header_limit(limits.header * 2);
    parser.body_limit(limits.body);
    parser.skip(head);
  }
  beast::response_parser<beast::string_body> parser;
  std::size_t header = 0;  // octets read of it
};

ResponseParser::ResponseParser(Limits limits, bool head)
    : limits_(limits), head_(head), impl_(std::make_unique<Impl>(limits, head)) {}

ResponseParser::~ResponseParser() = default;

std::size_t ResponseParser::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  std::size_t used = 0;
  while (state_ == State::reading && used < bytes.size()) {
    boost::system::error_code error;
    // Not eager: the first call that gets so far ends behind the header.
    const bool in_header = !impl_->parser.is_header_done();
    if (!in_header && impl_->parser.chunked() && bytes.size() - used < kLastChunk) break;
    impl_->parser.eager(!in_header);
    const std::size_t n =
        impl_->parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (in_header) impl_->header += n;
    const std::size_t unread = impl_->parser.is_header_done() ? 0 : bytes.size() - used;
    if (in_header && impl_->header + unread > limits_.header) {
      fail("no proper HTTP response: its header is too large");
      break;
    }
    if (error == beast::error::need_more) break;
    if (error) {
      fail(concat("no proper HTTP response: ", error.message()));
    } else if (impl_->parser.is_header_done() && impl_->parser.get().result_int() < 100) {
      fail("no proper HTTP response: a status below 100");
    } else if (impl_->parser.is_done()) {
      finish();
    } else if (n == 0) {
      break;
    }
  }
  if (state_ == State::reading &&
      bytes.size() - used > std::max<std::size_t>(limits_.header, kLine)) {
    fail("no proper HTTP response: a line does not end");
  }
  return used;
}

void ResponseParser::end() {
  if (state_ != State::reading) return;
  if (!begun_) return fail("the server closed the connection without an answer");
  boost::system::error_code error;
  // The end of a message that has no byte yet, as behind a 1xx, is not the parser's to judge.
  if (impl_->parser.got_some()) impl_->parser.put_eof(error);
  if (error || !impl_->parser.is_done()) {
    return fail("the server closed the connection in the middle of its answer");
  }
  finish();
}

void ResponseParser::finish() {
  const unsigned status = impl_->parser.get().result_int();
  if (status >= 200) {
    state_ = State::done;
  } else if (status == 101) {
    fail("the server changes to another protocol, which was not asked for");
  } else if (++informational_ > kMaxInformational) {
    fail("the server does not come to its answer");
  } else {
    impl_ = std::make_unique<Impl>(limits_, head_);
  }
}

bool ResponseParser::keep_alive() const {
  return state_ == State::done && impl_ && impl_->parser.keep_alive() && !impl_->parser.need_eof();
}

Response ResponseParser::take() {
  Response out;
  auto message = impl_->parser.release();
  out.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    out.headers.emplace_back(field.name_string(), field.value());
  }
  out.body = std::move(message.body());
  impl_.reset();
  return out;
}

void ResponseParser::fail(std::string why) {
  state_ = State::failed;
  error_ = std::move(why);
}

}  // namespace keel::http
