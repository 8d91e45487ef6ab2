#include "emqx_auth_jwt/key_set_source.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace jwt {

namespace {

using keel::concat;
using keel::Result;
using keel::Status;

constexpr std::uint32_t kClientShard = 0;
// Less than the five seconds that a client can be kept waiting.
constexpr std::uint32_t kConnectMs = 3'000, kFetchMs = 4'000;
constexpr std::int64_t kRequestEveryMs = 30'000;
constexpr std::int64_t kRetryMs = 30'000;  // after a failure, if the interval is not shorter still

// A URL without its query, which may hold a secret.
std::string shown(const std::string& from) {
  return Options::is_url(from) ? from.substr(0, from.find('?')) : from;
}

}  // namespace

KeySetSource::KeySetSource(keel::Host& host, const Options& options, Settled settled)
    : host_(host),
      from_(options.key_set),
      name_(shown(from_)),
      ca_(options.key_set_ca),
      refresh_ms_(options.refresh_ms),
      settled_(std::move(settled)) {
  if (!options.key_set_is_url()) return;
  url_ = *keel::http::parse_url(from_);
  keel::http::ClientOptions client{.server = url_, .tls = {.cafile = ca_}};
  client.connect_timeout_ms = kConnectMs;
  client.request_timeout_ms = kFetchMs;
  client.pool_size = 1;
  client.max_waiting = 1;
  client.idle_timeout_ms = 5'000;
  client.max_response = kMaxKeySetText;
  client_ = std::make_shared<keel::http::Client>(host_, client, kClientShard);
}

KeySetSource::Reading KeySetSource::parse(std::string text, const std::string& from) {
  Reading out;
  const bool fetched = Options::is_url(from);
  auto read = read_key_set(text, fetched ? Secrets::refuse : Secrets::accept, shown(from));
  if (read) {
    out.read = std::move(*read);
  } else {
    out.error = read.text();
  }
  out.text = std::move(text);
  return out;
}

KeySetSource::Reading KeySetSource::read_file(const std::string& path, const Stamp& last) {
  Reading out;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    out.error = std::strerror(errno);
    return out;
  }
  const Stamp stamp{status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_size,
                    status.st_ino};
  if (stamp == last) {
    out.unchanged = true;
    return out;
  }
  auto text = read_small_file(path, kMaxKeySetText);
  if (!text) {
    out.error = text.text();
    return out;
  }
  out = parse(std::move(*text), path);
  out.stamp = stamp;
  return out;
}

KeySetSource::Reading KeySetSource::response(const Result<keel::http::Response>& answer,
                                             const std::string& from) {
  Reading out;
  if (!answer) {
    out.error = answer.text();
  } else if (answer->status != 200) {
    out.error = concat("the server answers ", answer->status);
  } else {
    out = parse(answer->body, from);
  }
  return out;
}

Status KeySetSource::read_now() {
  Reading reading = read_file(from_, {});
  if (!reading.error.empty()) return Status::error(reading.error);
  error_.clear();
  keep(std::move(reading));
  schedule();
  return {};
}

void KeySetSource::adopt(const std::string& text) {
  Reading reading = parse(text, from_);
  if (reading.error.empty()) keep(std::move(reading));
}

void KeySetSource::refresh() {
  if (busy_ || closed_) return;
  busy_ = true;
  client_ ? fetch() : read_by_worker();
}

void KeySetSource::request() {
  if (busy_) return;  // its end serves this one too
  const std::int64_t now = host_.clock().mono_ms();
  if (now < next_request_ms_) return settled_(false);
  next_request_ms_ = now + kRequestEveryMs;
  refresh();
}

void KeySetSource::read_by_worker() {
  const Status queued = host_.workers().run(
      [path = from_, last = error_.empty() ? stamp_ : Stamp()] { return read_file(path, last); },
      [self = shared_from_this()](Result<Reading> reading) { self->take(std::move(reading)); },
      keel::kControl);
  if (!queued) take(queued);
}

// Shard 0 asks, a worker reads the answer, the control thread takes it.
void KeySetSource::fetch() {
  auto answered = [self = shared_from_this()](Result<keel::http::Response> answer) {
    if (answer.code() == KEEL_E_STATE) return;  // closed
    keel::Host& host = self->host_;
    const Status queued = host.workers().run(
        [answer = std::move(answer), from = self->from_] { return response(answer, from); },
        [self](Result<Reading> reading) { self->take(std::move(reading)); }, keel::kControl);
    if (queued) return;
    host.shards().post(keel::kControl, [self, queued] { self->take(queued); }).ignore();
  };
  client_->send({.target = url_.path, .headers = {{"Accept", "application/json"}}},
                std::move(answered));
}

void KeySetSource::take(Result<Reading> reading) {
  if (closed_) return;
  busy_ = false;
  bool changed = false;
  std::string wrong(reading ? std::string_view(reading->error) : reading.text());
  if (wrong.empty() && !reading->unchanged) changed = keep(std::move(*reading));
  if (!wrong.empty()) {
    host_.log().warning("key set ", name_, ": ", wrong,
                        loaded() ? "; the keys it had remain in force" : "");
  }
  error_ = std::move(wrong);
  if (error_.empty()) loaded_ms_ = host_.clock().mono_ms();
  schedule();
  settled_(changed);
}

bool KeySetSource::keep(Reading reading) {
  loaded_ms_ = host_.clock().mono_ms();
  stamp_ = reading.stamp;
  if (reading.text == text_) return false;
  for (const std::string& line : reading.read.left_out) {
    host_.log().notice("key set ", name_, ": ", line, "; left out");
  }
  host_.log().info("key set ", name_, ": ", reading.read.keys.size(), " keys");
  text_ = std::move(reading.text);
  keys_ = std::move(reading.read.keys);
  return true;
}

void KeySetSource::schedule() {
  const std::int64_t wait = error_.empty() ? refresh_ms_ : std::min(refresh_ms_, kRetryMs);
  const auto due = [self = weak_from_this(), &host = host_] {
    host.shards()
        .post(keel::kControl,
              [self] {
                if (const auto source = self.lock()) source->refresh();
              })
        .ignore();
  };
  if (const Status status =
          host_.timers().after(static_cast<std::uint32_t>(wait), due, kClientShard).into(timer_);
      !status) {
    host_.log().error("key set ", name_, ": cannot be read again: ", status);
  }
}

void KeySetSource::close() {
  closed_ = true;
  timer_.cancel();
  if (!client_) return;
  host_.shards()
      .post(kClientShard, [client = std::move(client_)]() mutable { client->close(); })
      .ignore();
}

std::int64_t KeySetSource::age_s() const {
  return loaded() ? (host_.clock().mono_ms() - loaded_ms_) / 1000 : -1;
}

}  // namespace jwt
