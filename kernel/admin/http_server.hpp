// The optional HTTP listener on a loopback address: /metrics for scrapers, /health for supervisors.
// Lives on the control thread's event loop. [control]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "kernel/admin/http_request.hpp"
#include "kernel/base/result.hpp"

namespace asio {
class io_context;
}

namespace keel::kernel {

class HttpServer {
 public:
  static constexpr std::size_t kMaxConnections = 32;  // more are closed at once
  static constexpr int kTimeoutSeconds = 5;  // for a request, for an answer, between requests

  using Route = std::function<HttpResponse()>;

  explicit HttpServer(asio::io_context& io);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  // Answers GET and HEAD of exactly this path.
  void add(std::string path, Route route);

  // "8080" (on 127.0.0.1), "127.0.0.1:8080", "[::1]:8080". There is no access control here, so
  // other addresses are refused. Answers the port.
  Result<std::uint16_t> start(std::string_view bind);
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace keel::kernel
