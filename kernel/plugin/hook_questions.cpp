#include "kernel/plugin/hook_questions.hpp"

#include <cstring>

namespace keel::kernel {

HookQuestion::HookQuestion(Kind what, const AuthRequest& request)
    : kind(what),
      ticket(request.ticket),
      client_(request.client),
      client_id_(request.client.client_id),
      username_(request.client.username),
      password_(request.password),
      method_(request.auth_method),
      data_(request.auth_data) {}

HookQuestion::HookQuestion(const AuthorizeRequest& request)
    : kind(Kind::authorize),
      ticket(request.ticket),
      client_(request.client),
      client_id_(request.client.client_id),
      username_(request.client.username),
      topic_(request.topic),
      action_(request.action),
      qos_(request.qos),
      retain_(request.retain) {}

HookQuestion::~HookQuestion() { wipe(); }

// All the room they have: a short text stays where it was when it was moved from.
void HookQuestion::wipe() {
  for (std::string* secret : {&password_, &data_}) {
    secret->resize(secret->capacity());
    ::explicit_bzero(secret->data(), secret->size());
  }
}

HookClient HookQuestion::client() const {
  HookClient client = client_;
  client.client_id = client_id_;
  client.username = username_;
  return client;
}

AuthRequest HookQuestion::auth() const { return {client(), password_, method_, data_, ticket}; }

AuthorizeRequest HookQuestion::authorize() const {
  return {action_, qos_, retain_, topic_, client(), ticket};
}

HookQuestion HookQuestions::take(std::uint64_t number) {
  const auto found = questions_.find(number);
  HookQuestion question = std::move(found->second);
  questions_.erase(found);
  return question;
}

std::vector<std::uint64_t> HookQuestions::of(const Slot* owner) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, question] : questions_)
    if (question.owner == owner) numbers.push_back(number);
  return numbers;
}

}  // namespace keel::kernel
