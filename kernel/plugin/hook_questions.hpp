// Questions of one shard that a hook left pending, with everything needed to go on asking. One per
// ticket of the broker, which tells when nobody waits any more. [shard]
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/broker/hook_table.hpp"
#include "kernel/plugin/handle_table.hpp"

namespace keel::kernel {

class Slot;

// What a denial is told as when the plugin gives no reason.
inline Reason usual_denial(bool with_password) {
  return with_password ? Reason::bad_user_name_or_password : Reason::not_authorized;
}

struct HookQuestion {
  enum class Kind : std::uint8_t { authenticate, enhanced_auth, authorize };

  Kind kind{};
  const Slot* owner = nullptr;  // whose hook has it; null: it waits for hooks to be in force again
  std::size_t next = 0;         // the hook behind it in the chain
  AuthTicket ticket;

  // The request, owned. The peer's record lives as long as the question.
  HookQuestion(Kind what, const AuthRequest& request);
  explicit HookQuestion(const AuthorizeRequest& request);
  HookQuestion(HookQuestion&&) = default;
  HookQuestion& operator=(HookQuestion&&) = delete;
  ~HookQuestion();  // wipes the password

  // Views into this.
  AuthRequest auth() const;
  AuthorizeRequest authorize() const;
  Reason usual_denial() const {
    return kernel::usual_denial(kind != Kind::authorize && client_.has_password);
  }

 private:
  HookClient client() const;
  void wipe();

  HookClient client_;
  std::string client_id_, username_, password_, method_, data_, topic_;
  Action action_{};
  std::uint8_t qos_ = 0;
  bool retain_ = false;
};

class HookQuestions {
 public:
  void put(HookQuestion question) {
    const std::uint64_t number = question.ticket.number;
    questions_.erase(number);
    questions_.emplace(number, std::move(question));
  }
  HookQuestion* find(std::uint64_t number) {
    const auto found = questions_.find(number);
    return found != questions_.end() ? &found->second : nullptr;
  }
  // The question leaves the table. There must be one.
  HookQuestion take(std::uint64_t number);
  void forget(std::uint64_t number) { questions_.erase(number); }
  template <class F>
  void each(F&& fn) {
    for (auto& [number, question] : questions_) fn(question);
  }
  // Those of an owner.
  std::vector<std::uint64_t> of(const Slot* owner) const;
  std::size_t size() const { return questions_.size(); }

 private:
  std::unordered_map<std::uint64_t, HookQuestion> questions_;
};

// A ticket as plugins see it: its number, of 48 bits, stands where handles have generation and
// index.
inline keel_handle ticket_handle(const AuthTicket& ticket) {
  return (ticket.number >> 24) << 40 |
         keel_handle{static_cast<std::uint8_t>(ObjectKind::ticket)} << 32 |
         keel_handle{ticket.shard & 0xff} << 24 | (ticket.number & 0xffffff);
}
inline AuthTicket ticket_of(keel_handle handle) {
  return {HandleParts::thread(handle), (handle >> 40) << 24 | (handle & 0xffffff)};
}

}  // namespace keel::kernel
