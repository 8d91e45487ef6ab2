// FakeHost's tables hooks and auth, and the questions that tests put to a plugin's hooks. Part of
// keel/fake.hpp.
#pragma once

#include "keel/ext/auth.h"
#include "keel/fake/messages.hpp"

namespace keel::fake {

struct Hook final : Object {
  const char* kind() const override { return "hook"; }
  std::uint32_t point = 0, sample = 0;
  std::int32_t priority = 0;
  keel_hook_fn fn = nullptr;
  void* ctx = nullptr;
  std::uint32_t seen = 0;
  template <class F>
  F as() const {
    return reinterpret_cast<F>(fn);
  }
};

class HookPoints : public Messages {
 public:
  using Messages::Messages;

  // ---- for tests ----
  // The shard on which the hooks are asked.
  std::uint32_t hook_shard = 0;
  int decisions_forgotten = 0;  // by rechecks, too
  // The rechecks that the plugin asked for, oldest first. run() answers them with these numbers,
  // unless they are held: then finish_recheck() does.
  std::vector<FakeRecheck> rechecks;
  std::uint64_t recheck_asked = 0, recheck_removed = 0;
  bool hold_rechecks = false;

  // client_authenticate; with `method`, client_enhanced_auth. PENDING: see answer().
  FakeAnswer authenticate(const FakeClient& client, const std::string& method = {},
                          const std::string& data = {});
  // client_authorize. `action`: KEEL_PUBLISH or KEEL_SUBSCRIBE.
  FakeAnswer authorize(const FakeClient& client, int action, const std::string& topic,
                       std::uint8_t qos = 0, bool retain = false);
  // What became of a question that was PENDING. After five seconds it is a denial.
  FakeAnswer answer(keel_handle ticket);

  // Answers the oldest recheck that waits. False: none does.
  bool finish_recheck(std::uint64_t asked, std::uint64_t removed);

  FakeConnectAnswer connect(const FakeClient& client, std::string_view will_topic = {});
  FakeConnackAnswer connack(const FakeClient& client, std::uint8_t reason = 0,
                            bool session_present = false);
  FakeFilterAnswer subscribe(const FakeClient& client, const std::string& filter,
                             std::uint8_t qos = 0);
  FakeFilterAnswer unsubscribe(const FakeClient& client, const std::string& filter);
  // message_publish: a client publishes; what the hooks make of it.
  FakePublishAnswer publish(const FakeMessage& message);
  // One of the notifications.
  void notify(keel_hook_point point, const FakeClient* client, std::string_view topic = {},
              std::string_view reason = "success", std::uint8_t reason_code = 0,
              const FakeMessage* message = nullptr, std::uint8_t qos = 0);

 protected:
  const void* hook_table_for(std::string_view id);
  // Questions of a plugin that goes are denied, its rechecks cancelled.
  void end_questions();

 private:
  struct Question {
    std::uint32_t point = 0;
    FakeClient client;
    std::string method, data, topic;
    std::uint8_t action = 0, qos = 0;
    bool retain = false;
    std::size_t position = 0;  // of the hook to ask next
    std::int64_t asked_ms = 0;
    bool settled = false;
    FakeAnswer answer;
  };
  static HookPoints& of(const keel_host* host) {
    return static_cast<HookPoints&>(*instance(host).kernel);
  }

  std::vector<Hook*> hooks_at(std::uint32_t point);
  template <class F>
  std::int32_t chain(std::uint32_t point, F&& ask_one) {
    std::int32_t verdict = KEEL_NEXT;
    for (const Hook* hook : hooks_at(point)) {
      verdict = on(hook_shard, [&] { return ask_one(*hook); });
      if (verdict != KEEL_NEXT && verdict != KEEL_REPLACE) break;
    }
    run();
    return verdict;
  }
  FakeFilterAnswer ask_filter(std::uint32_t point, const FakeClient& client,
                              const std::string& filter, std::uint8_t qos);

  FakeAnswer ask(Question question);
  void go_on(keel_handle ticket, Question& question);
  FakeAnswer ask_hook(const Hook& hook, keel_handle ticket, const Question& question);
  static void settle(Question& question, FakeAnswer answer);
  void expire(Question& question);
  keel_status resolve(keel_handle ticket, std::int32_t verdict, const keel_auth_attrs* attrs);

  keel_status recheck(std::string_view client_id, keel_recheck_fn done, void* ctx);
  void end_recheck(std::uint64_t asked, std::uint64_t removed, bool cancelled);

  static const keel_ext_hooks& hooks_table();
  static const keel_ext_auth& auth_table();

  struct WaitingRecheck {
    std::size_t index;
    keel_recheck_fn done;
    void* ctx;
  };

  std::map<keel_handle, Question> questions_;
  std::deque<WaitingRecheck> waiting_rechecks_;
  keel_handle next_ticket_ = 0x7100'0000'0001;
};

}  // namespace keel::fake
