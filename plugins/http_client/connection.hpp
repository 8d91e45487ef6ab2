// One connection of a Client, with the request it is busy with. Owned by the SDK's layer until it
// is closed; the pool knows it until it is of no use any more. [its shard]
#pragma once

#include <memory>
#include <optional>

#include "http_client/pool.hpp"

namespace keel::http {

class HttpConnection final : public TcpHandler {
 public:
  explicit HttpConnection(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}

  // Sends a request; before the connection is open it waits for that.
  void start(Job job);
  // Takes the request away, which needs no answer any more.
  std::optional<Job> take_job();
  // Ends the connection; the pool hears nothing more.
  void abandon();

  bool is_open() const { return open_; }
  bool busy() const { return job_.has_value(); }
  // When it must have answered, or, idle, when it is closed.
  std::int64_t due_ms() const { return job_ ? job_->deadline_ms : idle_until_ms_; }

  void opened(const TcpInfo& info) override;
  std::size_t data(std::string_view bytes) override;
  void closed(const Closed& why) override;

 private:
  void write();
  void rest();
  std::size_t read(std::string_view bytes);

  std::shared_ptr<Pool> pool_;
  std::optional<Job> job_;
  std::unique_ptr<ResponseParser> parser_;  // while a request is out
  bool open_ = false;
  bool abandoned_ = false;
  std::uint32_t answers_ = 0;
  std::int64_t idle_until_ms_ = 0;
};

}  // namespace keel::http
