// One shard's part: puts the kernel's questions to the web servers, and their answers into tickets.
// Made and destroyed on the control thread while nothing runs; all else [its shard].
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "emqx_auth_http/breaker.hpp"
#include "emqx_auth_http/report.hpp"
#include "emqx_auth_http/setup.hpp"
#include "emqx_auth_http/success_cache.hpp"
#include "keel/plugin_base.hpp"

namespace auth_http {

// A server as one shard sees it.
struct Backend {
  Backend(keel::Host& host, keel::http::ClientOptions options, std::uint32_t shard,
          Breaker with_breaker)
      : server(options.server.server()),
        client(host, std::move(options), shard),
        breaker(with_breaker) {}
  const std::string server;  // "http://127.0.0.1:8080"
  keel::http::Client client;
  Breaker breaker;
  std::atomic<bool> left_alone{false};  // for people. [any]
};

class Asker {
 public:
  Asker(keel::Host& host, const Setup& setup, Report& report, std::uint32_t shard);
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;
  ~Asker();

  keel::AuthVerdict authenticate(const keel::AuthRequest& request);
  keel::Verdict authorize(const keel::AuthorizeRequest& request);

  // Keeps `drained` until the questions that are under way now have their answers.
  void hold(const std::shared_ptr<keel::DrainDone>& drained);

  // The server of a request, for its numbers. [any]
  const Backend& backend(Kind kind) const { return *backends_[static_cast<std::size_t>(kind)]; }

 private:
  struct Question {
    keel::Ticket ticket;
    Kind kind = Kind::auth;  // of the request that is out or next
    keel::http::Request request;
    std::optional<keel::http::Request> super;  // to ask when the first is allowed
    std::optional<SuccessCache::Digest> digest;
    std::int64_t deadline_ms = 0;
    std::int64_t sent_ms = 0;
    std::uint32_t attempts = 0;
    keel::Timer retry;
    std::shared_ptr<keel::DrainDone> drained;
  };
  using Id = std::uint64_t;

  // Whether there is no room for a question, or nobody to ask.
  bool hopeless(Kind kind);
  void open(Question question);
  void send(Id id);
  void on_result(Id id, const keel::Result<keel::http::Response>& result);
  Judgement understand(Kind kind, const keel::Result<keel::http::Response>& result,
                       std::int64_t took_ms);
  void note(Kind kind, bool works);
  bool retry(Id id, Question& question);
  void failed(Id id, Question& question);
  void allowed(Id id, Question& question);
  template <class F>
  void settle(Id id, F&& answer);
  Backend& of(Kind kind) { return *backends_[static_cast<std::size_t>(kind)]; }
  std::int64_t now_ms() const { return host_.clock().mono_ms(); }

  keel::Host& host_;
  const Setup& setup_;
  Report& report_;
  const std::uint32_t shard_;
  SuccessCache cache_;
  std::unordered_map<Id, Question> questions_;
  Id next_id_ = 1;
  // By kind; several may be one.
  std::array<std::shared_ptr<Backend>, kKinds> backends_;
};

}  // namespace auth_http
