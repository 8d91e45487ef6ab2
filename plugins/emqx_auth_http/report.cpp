#include "emqx_auth_http/report.hpp"

namespace auth_http {
namespace {

constexpr double kBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
constexpr const char* kAnswers[] = {"allow", "deny", "ignore", "failure"};
constexpr const char* kReasons[] = {"cached", "breaker", "overload", "unfit"};

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::auth:
      return "auth";
    case Kind::super:
      return "super";
    case Kind::acl:
      return "acl";
  }
  return "";
}

keel::Status Report::start() {
  const keel::Metrics metrics = host_.metrics();
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::size_t answer = 0; answer < 4; ++answer) {
      const std::string labels = keel::concat("request=\"", name_of(static_cast<Kind>(kind)),
                                              "\",result=\"", kAnswers[answer], '"');
      KEEL_TRY(metrics
                   .counter("auth_http_requests_total", "Requests that ended, retries included",
                            labels.c_str())
                   .into(requests_[kind][answer]));
    }
  }
  for (std::size_t why = 0; why < kUnaskeds; ++why) {
    const std::string labels = keel::concat("why=\"", kReasons[why], '"');
    KEEL_TRY(metrics
                 .counter("auth_http_unasked_total", "Questions answered without a request",
                          labels.c_str())
                 .into(unasked_[why]));
  }
  KEEL_TRY(metrics.counter("auth_http_retries_total", "Requests sent again after a failure")
               .into(retries_));
  KEEL_TRY(metrics.histogram("auth_http_request_seconds", "From request to answer", kBounds)
               .into(seconds_));
  KEEL_TRY(metrics.gauge_of("auth_http_pending", "Questions under way",
                            [this] { return pending.load(std::memory_order_relaxed); }));
  return metrics.gauge_of("auth_http_breakers_open",
                          "Servers that are left alone, counted on each shard",
                          [this] { return breakers_open(); });
}

void Report::answered(Kind kind, Answer answer, std::int64_t took_ms) {
  requests_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(answer)].add();
  seconds_.observe(static_cast<double>(took_ms) / 1000);
}

void Report::failed(Kind kind, std::string_view why, std::int64_t now_ms) {
  std::uint64_t others = 0;
  {
    const std::lock_guard lock(mutex_);
    last_failure_ = why;
    if (now_ms - logged_ms_ < kQuietMs) {
      ++unlogged_;
      return;
    }
    logged_ms_ = now_ms;
    others = std::exchange(unlogged_, 0);
  }
  if (others == 0) return host_.log().warning(name_of(kind), " request: ", why);
  host_.log().warning(name_of(kind), " request: ", why, " (and ", others,
                      " more since the last such line)");
}

void Report::breaker_opened(const std::string& server, std::int64_t open_ms) {
  if (open_.fetch_add(1, std::memory_order_relaxed) != 0) return;
  host_.log().error(server, " does not work and is left alone for ", open_ms,
                    " ms at a time; until it answers again, auth.http.on_failure decides");
}

void Report::breaker_closed(const std::string& server) {
  if (open_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  host_.log().notice(server, " answers again");
}

std::string Report::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

}  // namespace auth_http
