// Decides who may subscribe, changes its mind on request, and answers commands at once, later,
// never, or with a question.
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "keel/plugin.hpp"

namespace {

using keel::CtlCall;
using keel::CtlReply;

class Judge final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    KEEL_TRY(host().hooks().on_authenticate(
        0, [](const keel::AuthRequest& request) { return authenticate(request); }));
    KEEL_TRY(host().hooks().on_authorize(
        0, [this](const keel::AuthorizeRequest& request) { return authorize(request); }));
    KEEL_TRY(host().hooks().on_event(KEEL_HOOK_SESSION_UNSUBSCRIBED, [this](const keel::Event& e) {
      const std::lock_guard lock(mutex_);
      ended_ += keel::concat(e.topic(), ' ', e.reason(), '\n');
    }));
    return host().ctl().add("judge", {{"judge <word> ...", "See tests/plugins/judge.cpp"}},
                            [this](CtlCall& call) { return command(call); });
  }

 private:
  static keel::AuthVerdict authenticate(const keel::AuthRequest& request) {
    if (!request.client().has_username()) return keel::Next{};
    return keel::Allow{.superuser = request.client().username() == "root"};
  }
  keel::Verdict authorize(const keel::AuthorizeRequest& request) {
    const std::lock_guard lock(mutex_);
    if (request.publishing()) return keel::Next{};
    if (pends_) return keel::Pending{};
    if (!denied_.empty() && request.topic().starts_with(denied_)) return keel::Deny{};
    return keel::Next{};
  }

  int command(CtlCall& call) {
    const std::string_view verb = call[0];
    if (verb == "deny" || verb == "pend" || verb == "ended") {
      const std::lock_guard lock(mutex_);
      if (verb == "deny") denied_ = call[1];
      if (verb == "ended") call.print(std::exchange(ended_, {}));
      pends_ = verb == "pend";
      return KEEL_EXIT_OK;
    }
    if (verb == "recheck") return recheck(call);
    if (verb == "kick") {
      return host().clients().kick_user(call[1]) ? KEEL_EXIT_OK : KEEL_EXIT_ERROR;
    }
    if (verb == "who") return who(call);
    if (verb == "ask") return ask(call);
    return keep(call);
  }

  int recheck(CtlCall& call) {
    const std::int64_t begun = host().clock().mono_ms();
    const keel::Status status = host().hooks().recheck(
        call[1], [this, begun, reply = call.reply()](std::uint64_t asked, std::uint64_t removed) {
          reply
              .ok(keel::concat(asked, " asked, ", removed, " removed, ms ",
                               host().clock().mono_ms() - begun, '\n'))
              .ignore();
        });
    return status ? KEEL_EXIT_LATER : KEEL_EXIT_ERROR;
  }
  int who(CtlCall& call) {
    const keel::Status status =
        host().clients().find(call[1], [reply = call.reply()](const keel::Client* client) {
          if (!client) return reply.fail("nobody\n").ignore();
          reply
              .ok(keel::concat(client->username(), " password ", client->has_password() ? 1 : 0,
                               " cn ", client->verified().cn(), " from ", client->peer(), '\n'))
              .ignore();
        });
    return status ? KEEL_EXIT_LATER : KEEL_EXIT_ERROR;
  }
  // ask: two questions; ask later: the first one comes later; ask for ever.
  static int ask(CtlCall& call) {
    if (call.size() == 1 || call[1] == "ever") {
      call.print("Password: ");
      return KEEL_EXIT_PROMPT;
    }
    if (call[1] == "later" && call.size() == 2) {
      call.reply().prompt("Later: ").ignore();
      return KEEL_EXIT_LATER;
    }
    if (call.size() == 2) {
      call.print("Again: ");
      return KEEL_EXIT_PROMPT;
    }
    call.print('[', call[1], "] [", call[2], ']', call.json() ? " json" : "", '\n');
    return KEEL_EXIT_OK;
  }
  // wait: kept, for `release`, or for ever; early: ended before this returns; throw.
  int keep(CtlCall& call) {
    if (call[0] == "wait") {
      call.print("waiting\n");
      replies_.push_back(call.reply());
      return KEEL_EXIT_LATER;
    }
    if (call[0] == "early") {
      call.reply().fail("early\n").ignore();
      call.print("printed\n");
      return KEEL_EXIT_LATER;
    }
    if (call[0] == "throw") {
      replies_.push_back(call.reply());
      throw std::runtime_error("thrown");
    }
    if (call[0] == "waiting") {
      call.print(replies_.size(), '\n');
      return KEEL_EXIT_OK;
    }
    if (call[0] != "release") return KEEL_EXIT_USAGE;
    // From a worker's thread, and what became of it.
    auto replies = std::make_shared<std::vector<CtlReply>>(std::exchange(replies_, {}));
    auto said = std::make_shared<std::string>();
    const keel::Status status = host().workers().run(
        [replies, said] {
          for (const CtlReply& reply : *replies) {
            *said += keel::concat(reply.ok("released\n").code(), ' ');
          }
        },
        [said, reply = call.reply()] { reply.ok(*said + '\n').ignore(); });
    return status ? KEEL_EXIT_LATER : KEEL_EXIT_ERROR;
  }

  std::mutex mutex_;
  std::string denied_, ended_;  // a prefix of filters; what subscriptions ended
  bool pends_ = false;
  std::vector<CtlReply> replies_;
};

}  // namespace

KEEL_PLUGIN(Judge, "judge", "1.0.0", "an animal of the zoo");
