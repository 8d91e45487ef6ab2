// The inside of a Client: its connections and the requests that wait. Belongs to one shard;
// [shard] unless it says otherwise. Lives as long as the client or one of its connections.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "http_client/client.hpp"
#include "http_client/response_parser.hpp"

namespace keel::http {

class HttpConnection;

// One request on its way.
struct Job {
  std::string bytes;
  bool head = false;  // a HEAD: its answer has no body
  Client::Done done;
  std::int64_t deadline_ms = 0;
  bool repeated = false;  // it met a connection that was closed while idle
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(Host& host, ClientOptions options, std::uint32_t shard);

  void send(Request request, Client::Done done);  // [any]
  void close();

  // What connections report. Each may be the last call of `from`'s life in the pool.
  void opened(HttpConnection& from);
  void answered(HttpConnection& from, Job job, Response response, bool reusable);
  void broke(HttpConnection& from, std::optional<Job> job, std::string why);
  void again(HttpConnection& from, Job job);  // closed while idle: on a new connection

  std::uint32_t shard() const { return shard_; }
  const ClientStats& stats() const { return stats_; }
  const ClientOptions& options() const { return options_; }
  std::int64_t now_ms() const { return host_.clock().mono_ms(); }

 private:
  void begin(Request request, Client::Done done);
  // Gives waiting requests to connections that are idle or new, as far as there are.
  void pump();
  HttpConnection* idle();
  bool dial(Job& job, std::string& why);
  void forget(HttpConnection& connection);
  void settle(Job job, Result<Response> result);
  // Makes sure that the timer fires by then.
  void watch(std::int64_t due_ms);
  void on_timer();
  void expire_waiting(std::int64_t now, std::vector<Job>& expired);
  void count();
  std::string about(std::string_view what) const;

  Host& host_;
  const ClientOptions options_;
  const std::uint32_t shard_;
  ClientStats stats_;
  std::vector<HttpConnection*> connections_;  // owned by the SDK's layer
  std::deque<Job> waiting_;
  Timer timer_;
  std::int64_t timer_due_ms_ = 0;  // 0: it does not run
  bool sending_ = false;           // within send(): answers come later
  bool closed_ = false;
};

}  // namespace keel::http
