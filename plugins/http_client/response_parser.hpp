// Reads one response to one request from bytes as they come. No sockets; one thread at a time. What
// it keeps is bounded by the limits, whatever the server sends.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http_client/message.hpp"

namespace keel::http {

class ResponseParser {
 public:
  struct Limits {
    std::uint32_t header = 8 * 1024;  // status line and headers, also of each 1xx before
    std::uint64_t body = 64 * 1024;
  };
  enum class State { reading, done, failed };

  // `head`: the request was a HEAD, so no body follows whatever the headers say.
  ResponseParser(Limits limits, bool head);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // Takes from the beginning of `bytes` and answers how much; the rest is to be shown again with
  // what comes behind it, or lies behind the response when done().
  std::size_t feed(std::string_view bytes);
  // The connection ended: some responses end so, for others it is a failure.
  void end();

  State state() const { return state_; }
  const std::string& error() const { return error_; }  // of a failure
  bool begun() const { return begun_; }                // a byte came
  // Once done: whether the connection may carry another request.
  bool keep_alive() const;
  // Once done; leaves nothing behind.
  Response take();

 private:
  struct Impl;
  void fail(std::string why);
  // A response is complete: the awaited one, or a 1xx in front of it.
  void finish();

  Limits limits_;
  bool head_;
  State state_ = State::reading;
  bool begun_ = false;
  int informational_ = 0;  // 1xx responses so far
  std::string error_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keel::http
