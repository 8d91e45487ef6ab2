#include "http_client/connection.hpp"

#include <utility>

namespace keel::http {

void HttpConnection::start(Job job) {
  job_ = std::move(job);
  if (open_) write();
}

std::optional<Job> HttpConnection::take_job() { return std::exchange(job_, std::nullopt); }

void HttpConnection::abandon() {
  abandoned_ = true;
  connection().close().ignore();
}

void HttpConnection::opened(const TcpInfo&) {
  open_ = true;
  if (abandoned_) return abandon();
  if (job_) {
    write();
  } else {
    rest();
  }
  pool_->opened(*this);
}

void HttpConnection::write() {
  const ClientOptions& options = pool_->options();
  parser_ = std::make_unique<ResponseParser>(
      ResponseParser::Limits{options.max_header, options.max_response}, job_->head);
  // A write that fails closes the connection, or belongs to one that is closed: closed() follows.
  if (!connection().write(job_->bytes)) connection().close().ignore();
}

void HttpConnection::rest() {
  parser_.reset();
  idle_until_ms_ = pool_->now_ms() + pool_->options().idle_timeout_ms;
}

std::size_t HttpConnection::data(std::string_view bytes) {
  if (abandoned_) return bytes.size();
  if (!job_) {  // nobody asked
    abandon();
    pool_->broke(*this, std::nullopt, {});
    return bytes.size();
  }
  const std::size_t used = parser_->feed(bytes);
  if (parser_->state() == ResponseParser::State::reading) return used;
  Job job = *take_job();
  if (parser_->state() == ResponseParser::State::failed) {
    const std::string why = parser_->error();
    abandon();
    pool_->broke(*this, std::move(job), why);
    return bytes.size();
  }
  // What lies behind the answer belongs to nothing: such a server is not to be asked again here.
  const bool reusable = parser_->keep_alive() && used == bytes.size();
  Response response = parser_->take();
  ++answers_;
  rest();
  if (!reusable) abandon();
  pool_->answered(*this, std::move(job), std::move(response), reusable);
  return bytes.size();
}

void HttpConnection::closed(const Closed& why) {
  open_ = false;
  if (std::exchange(abandoned_, true)) return;
  std::optional<Job> job = take_job();
  if (!job) return pool_->broke(*this, std::nullopt, std::string(why.detail));
  if (!parser_) return pool_->broke(*this, std::move(job), std::string(why.detail));
  if (answers_ > 0 && !parser_->begun() && !job->repeated && why.reason != KEEL_CLOSE_UNLOAD) {
    return pool_->again(*this, std::move(*job));
  }
  if (why.reason == KEEL_CLOSE_PEER) {
    parser_->end();
    if (parser_->state() == ResponseParser::State::done) {
      return pool_->answered(*this, std::move(*job), parser_->take(), false);
    }
  }
  pool_->broke(*this, std::move(job),
               parser_->error().empty() ? std::string(why.detail) : parser_->error());
}

}  // namespace keel::http
