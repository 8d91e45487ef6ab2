#include "http_client/client.hpp"

#include <algorithm>
#include <utility>

#include "http_client/connection.hpp"
#include "http_client/pool.hpp"

namespace keel::http {

Client::Client(Host& host, ClientOptions options, std::uint32_t shard) {
  if (shard == kHere) shard = host.shards().current();
  if (shard == kControl) shard = 0;
  pool_ = std::make_shared<Pool>(host, std::move(options), shard);
}

Client::~Client() {
  if (pool_) pool_->close();
}

void Client::send(Request request, Done done) { pool_->send(std::move(request), std::move(done)); }
void Client::close() { pool_->close(); }
std::uint32_t Client::shard() const { return pool_->shard(); }
const ClientStats& Client::stats() const { return pool_->stats(); }

Pool::Pool(Host& host, ClientOptions options, std::uint32_t shard)
    : host_(host), options_(std::move(options)), shard_(shard) {}

void Pool::send(Request request, Client::Done done) {
  if (host_.shards().current() == shard_) return begin(std::move(request), std::move(done));
  // The answer to a task that is not taken, or cancelled, comes here.
  auto shared = std::make_shared<Client::Done>(std::move(done));
  const Status posted = host_.shards().post(
      shard_, [self = shared_from_this(), request = std::move(request), shared](bool cancelled) {
        if (cancelled) return (*shared)(Status(KEEL_E_STATE, "the plugin is being unloaded"));
        self->begin(request, std::move(*shared));
      });
  if (!posted) (*shared)(posted);
}

void Pool::begin(Request request, Client::Done done) {
  const std::shared_ptr<Pool> self = shared_from_this();
  sending_ = true;
  ++stats_.requests;
  Job job;
  job.done = std::move(done);
  job.head = request.method == "HEAD";
  const std::uint32_t timeout =
      request.timeout_ms != 0 ? request.timeout_ms : options_.request_timeout_ms;
  job.deadline_ms = now_ms() + timeout;
  Result<std::string> bytes = serialize(request, options_.server);
  if (closed_) {
    settle(std::move(job), Status(KEEL_E_STATE, "the client is closed"));
  } else if (!bytes) {
    settle(std::move(job), bytes.status());
  } else {
    job.bytes = std::move(*bytes);
    watch(job.deadline_ms);
    waiting_.push_back(std::move(job));
    pump();
    if (waiting_.size() > options_.max_waiting) {
      Job last = std::move(waiting_.back());
      waiting_.pop_back();
      settle(std::move(last), Status(KEEL_E_LIMIT, about("too many requests wait")));
    }
  }
  count();
  sending_ = false;
}

void Pool::close() {
  if (std::exchange(closed_, true)) return;
  const std::shared_ptr<Pool> self = shared_from_this();
  std::vector<Job> ended;
  for (Job& job : waiting_) ended.push_back(std::move(job));
  waiting_.clear();
  for (HttpConnection* const connection : std::exchange(connections_, {})) {
    if (auto job = connection->take_job()) ended.push_back(std::move(*job));
    connection->abandon();
  }
  timer_.reset();
  count();
  for (Job& job : ended) {
    settle(std::move(job), Status(KEEL_E_STATE, "the client was closed"));
  }
}

void Pool::pump() {
  while (!waiting_.empty() && !closed_) {
    HttpConnection* const rested = idle();
    if (rested && !waiting_.front().repeated) {
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      rested->start(std::move(job));
      continue;
    }
    if (connections_.size() >= options_.pool_size) {
      if (!rested) return;
      forget(*rested);  // makes room for a request that needs a new one
      rested->abandon();
    }
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    std::string why;
    if (!dial(job, why)) settle(std::move(job), Status(KEEL_E_IO, about(why)));
  }
}

// The one used last: so those that are not needed grow old.
HttpConnection* Pool::idle() {
  HttpConnection* best = nullptr;
  for (HttpConnection* const each : connections_) {
    if (!each->is_open() || each->busy()) continue;
    if (!best || each->due_ms() >= best->due_ms()) best = each;
  }
  return best;
}

bool Pool::dial(Job& job, std::string& why) {
  auto made = std::make_unique<HttpConnection>(shared_from_this());
  HttpConnection* const connection = made.get();
  Tls tls;
  tls.cafile = options_.tls.cafile;
  tls.certfile = options_.tls.certfile;
  tls.keyfile = options_.tls.keyfile;
  tls.verify = options_.tls.verify ? Verify::require : Verify::none;
  TcpConnectOptions options;
  options.host = options_.server.host;
  options.port = options_.server.port;
  options.timeout_ms = options_.connect_timeout_ms;
  options.shard = shard_;
  if (options_.server.tls()) {
    options.tls = &tls;
    options.server_name = options_.tls.server_name;
  }
  ++stats_.connects;
  if (const Status status = host_.tcp().connect(options, std::move(made)); !status) {
    why = status.text();
    return false;
  }
  connections_.push_back(connection);
  connection->start(std::move(job));
  return true;
}

void Pool::opened(HttpConnection& from) {
  if (!from.busy()) watch(from.due_ms());
  pump();
  count();
}

void Pool::answered(HttpConnection& from, Job job, Response response, bool reusable) {
  const std::shared_ptr<Pool> self = shared_from_this();
  if (reusable) {
    watch(from.due_ms());
  } else {
    forget(from);
  }
  pump();
  count();
  settle(std::move(job), std::move(response));
}

void Pool::broke(HttpConnection& from, std::optional<Job> job, std::string why) {
  const std::shared_ptr<Pool> self = shared_from_this();
  forget(from);
  pump();
  count();
  if (job) settle(std::move(*job), Status(KEEL_E_IO, about(why)));
}

void Pool::again(HttpConnection& from, Job job) {
  const std::shared_ptr<Pool> self = shared_from_this();
  ++stats_.repeats;
  forget(from);
  job.repeated = true;
  waiting_.push_front(std::move(job));
  pump();
  count();
}

void Pool::forget(HttpConnection& connection) { std::erase(connections_, &connection); }

void Pool::settle(Job job, Result<Response> result) {
  if (!result) ++stats_.failures;
  if (!sending_) return job.done(std::move(result));
  auto later = std::make_shared<std::pair<Client::Done, Result<Response>>>(std::move(job.done),
                                                                           std::move(result));
  const Status posted =
      host_.shards().post(shard_, [later](bool) { later->first(std::move(later->second)); });
  if (!posted) later->first(std::move(later->second));
}

void Pool::watch(std::int64_t due_ms) {
  if (closed_ || (timer_due_ms_ != 0 && timer_due_ms_ <= due_ms)) return;
  const auto wait = static_cast<std::uint32_t>(std::max<std::int64_t>(due_ms - now_ms(), 1));
  if (timer_.rearm(wait)) {
    timer_due_ms_ = due_ms;
    return;
  }
  auto made = host_.timers().after(
      wait, [this] { on_timer(); }, shard_);
  if (!made) return;  // being unloaded: everything ends
  timer_ = std::move(*made);
  timer_due_ms_ = due_ms;
}

void Pool::on_timer() {
  const std::shared_ptr<Pool> self = shared_from_this();
  timer_due_ms_ = 0;
  const std::int64_t now = now_ms();
  std::vector<Job> expired;
  const std::vector<HttpConnection*> all = connections_;
  for (HttpConnection* const connection : all) {
    const bool watched = connection->busy() || connection->is_open();
    if (!watched || connection->due_ms() > now) continue;
    if (auto job = connection->take_job()) expired.push_back(std::move(*job));
    if (!connection->is_open()) continue;  // goes on connecting, for the next request
    forget(*connection);
    connection->abandon();
  }
  expire_waiting(now, expired);
  pump();
  for (const HttpConnection* const connection : connections_) {
    if (connection->busy() || connection->is_open()) watch(connection->due_ms());
  }
  for (const Job& job : waiting_) watch(job.deadline_ms);
  count();
  for (Job& job : expired) settle(std::move(job), Status(KEEL_E_IO, about("timed out")));
}

void Pool::expire_waiting(std::int64_t now, std::vector<Job>& expired) {
  std::deque<Job> left;
  for (Job& job : waiting_) {
    if (job.deadline_ms <= now) {
      expired.push_back(std::move(job));
    } else {
      left.push_back(std::move(job));
    }
  }
  waiting_ = std::move(left);
}

void Pool::count() {
  stats_.connections = static_cast<std::uint32_t>(connections_.size());
  stats_.waiting = static_cast<std::uint32_t>(waiting_.size());
  stats_.busy = static_cast<std::uint32_t>(std::count_if(
      connections_.begin(), connections_.end(), [](const auto* each) { return each->busy(); }));
}

std::string Pool::about(std::string_view what) const {
  return concat(options_.server.server(), ": ", what);
}

}  // namespace keel::http
