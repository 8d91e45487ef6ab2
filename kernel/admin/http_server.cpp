#include "kernel/admin/http_server.hpp"

#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <set>

#include "kernel/base/address.hpp"

namespace keel::kernel {
namespace {

using asio::ip::tcp;

class HttpConnection;

HttpResponse error_response(std::uint16_t status) {
  return {.status = status, .body = fmt::format("{}\n", status)};
}

}  // namespace

// Outlives the server while handlers are under way; after stop() they find `stopped` and do
// nothing.
struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  explicit Impl(asio::io_context& context) : io(context), acceptor(context) {}

  void accept_next();
  HttpResponse answer(const HttpRequest& request) const;

  asio::io_context& io;
  tcp::acceptor acceptor;
  std::map<std::string, Route, std::less<>> routes;
  std::set<std::shared_ptr<HttpConnection>> connections;
  bool stopped = false;
};

namespace {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(tcp::socket socket, std::function<HttpResponse(const HttpRequest&)> answer,
                 std::function<void(const std::shared_ptr<HttpConnection>&)> gone)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        answer_(std::move(answer)),
        gone_(std::move(gone)) {}

  void next_request() {
    restart_timer();
    parse();
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    asio::error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
    gone_(shared_from_this());
  }

 private:
  void restart_timer() {
    timer_.expires_after(std::chrono::seconds(HttpServer::kTimeoutSeconds));
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (!error) self->close();
    });
  }

  void parse() {
    const HttpParsed parsed = parse_http_request(input_);
    switch (parsed.state) {
      case HttpParsed::State::more:
        return read();
      case HttpParsed::State::bad:
        return respond(error_response(parsed.status), false, false);
      case HttpParsed::State::done:
        break;
    }
    input_.erase(0, parsed.request.size);
    respond(answer_(parsed.request), parsed.request.keep_alive, parsed.request.method == "HEAD");
  }

  void read() {
    const std::size_t had = input_.size();
    input_.resize(kHttpMaxRequest);
    socket_.async_read_some(
        asio::buffer(input_.data() + had, input_.size() - had),
        [self = shared_from_this(), had](const asio::error_code& error, std::size_t n) {
          self->input_.resize(had + n);
          if (error) return self->close();
          self->parse();
        });
  }

  void respond(const HttpResponse& response, bool keep_alive, bool head_only) {
    output_ = format_http_response(response, keep_alive, head_only);
    restart_timer();
    asio::async_write(
        socket_, asio::buffer(output_),
        [self = shared_from_this(), keep_alive](const asio::error_code& error, std::size_t) {
          if (error || self->closed_) return self->close();
          if (keep_alive) return self->next_request();
          self->linger();
        });
  }

  // Closing over unread bytes would reset the connection and take the answer with it.
  void linger() {
    asio::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    input_.resize(kHttpMaxRequest);
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](
                                                      const asio::error_code& error, std::size_t) {
      if (error) return self->close();
      self->linger();
    });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  std::function<HttpResponse(const HttpRequest&)> answer_;
  std::function<void(const std::shared_ptr<HttpConnection>&)> gone_;
  std::string input_, output_;
  bool closed_ = false;
};

}  // namespace

HttpResponse HttpServer::Impl::answer(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") return error_response(405);
  const auto route = routes.find(request.path);
  return route == routes.end() ? error_response(404) : route->second();
}

void HttpServer::Impl::accept_next() {
  acceptor.async_accept([self = shared_from_this()](const asio::error_code& error,
                                                    tcp::socket socket) {
    if (self->stopped || error == asio::error::operation_aborted) return;
    if (error) {  // out of descriptors: the queue keeps the connection, come back later
      auto timer = std::make_shared<asio::steady_timer>(self->io, std::chrono::milliseconds(200));
      timer->async_wait([self, timer](const asio::error_code&) {
        if (!self->stopped) self->accept_next();
      });
      return;
    }
    if (self->connections.size() < kMaxConnections) {
      const std::weak_ptr<Impl> weak = self;
      auto connection = std::make_shared<HttpConnection>(
          std::move(socket),
          [weak](const HttpRequest& request) {
            const auto impl = weak.lock();
            return impl && !impl->stopped ? impl->answer(request) : error_response(503);
          },
          [weak](const std::shared_ptr<HttpConnection>& gone) {
            if (const auto impl = weak.lock()) impl->connections.erase(gone);
          });
      self->connections.insert(connection);
      connection->next_request();
    }
    self->accept_next();
  });
}

HttpServer::HttpServer(asio::io_context& io) : impl_(std::make_shared<Impl>(io)) {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::add(std::string path, Route route) {
  impl_->routes[std::move(path)] = std::move(route);
}

Result<std::uint16_t> HttpServer::start(std::string_view bind) {
  const auto address = parse_bind(bind, "127.0.0.1");
  if (!address) return Error{fmt::format("http.bind: {}", address.error())};
  if (!address->unix_path.empty() || !address->loopback())
    return Error{
        fmt::format("http.bind: '{}' is not a loopback address; this listener has no access "
                    "control, so name 127.0.0.1 or [::1] and put a proxy in front of it",
                    bind)};
  const tcp::endpoint endpoint(asio::ip::make_address(address->endpoint.host()),
                               address->endpoint.port);
  asio::error_code error;
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(64, error);
  if (error) {
    asio::error_code ignored;
    acceptor.close(ignored);
    return Error{fmt::format("http.bind: cannot listen on {}: {}; choose another port",
                             address->text(), error.message())};
  }
  impl_->stopped = false;
  impl_->accept_next();
  return acceptor.local_endpoint().port();
}

void HttpServer::stop() {
  impl_->stopped = true;
  asio::error_code ignored;
  impl_->acceptor.close(ignored);
  const auto open = impl_->connections;  // close() takes each out of the set
  for (const auto& connection : open) connection->close();
}

}  // namespace keel::kernel
