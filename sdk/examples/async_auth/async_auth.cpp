// Authentication that takes its time: the password file is read by a worker, and a ticket carries
// the answer back. Meanwhile the data path goes on.
#include <keel/plugin.hpp>

#include <cstdio>
#include <memory>

namespace {

enum class Answer { unknown, right, wrong, unreadable };

// Lines `user:password`. Blocks, so only a worker may call it.
Answer look_up(const std::string& file, const std::string& user, const std::string& password) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "re"),
                                                           &std::fclose);
  if (!in) return Answer::unreadable;
  char line[512];
  while (std::fgets(line, sizeof line, in.get())) {
    std::string_view entry = line;
    while (entry.ends_with('\n') || entry.ends_with('\r')) entry.remove_suffix(1);
    const std::size_t cut = entry.find(':');
    if (cut == std::string_view::npos || entry.substr(0, cut) != user) continue;
    return entry.substr(cut + 1) == password ? Answer::right : Answer::wrong;
  }
  return Answer::unknown;
}

constexpr std::uint8_t kBadUserNameOrPassword = 0x86, kServerUnavailable = 0x88;

}  // namespace

class AsyncAuth final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr keel::Setting settings[] = {
      keel::string("async_auth.file", nullptr, "Lines user:password; read for each login")
          .required(),
  };

  keel::Status start() override {
    file_ = host().config().path(host().config().text("async_auth.file"));
    return host().hooks().on_authenticate(
        0, [this](const keel::AuthRequest& request) { return ask(request); });
  }

 private:
  keel::AuthVerdict ask(const keel::AuthRequest& request) const {
    if (!request.client().has_username()) return keel::Next{};
    const keel::Status queued = host().workers().run(
        [file = file_, user = std::string(request.client().username()),
         password = std::string(request.password())] { return look_up(file, user, password); },
        [ticket = request.ticket()](keel::Result<Answer> answer) { settle(ticket, answer); });
    if (queued) return keel::Pending{};
    return keel::Deny{kServerUnavailable};  // too many are waiting
  }

  // A ticket may have run out, or its client have left: then there is nobody to tell.
  static void settle(const keel::Ticket& ticket, const keel::Result<Answer>& answer) {
    switch (answer ? *answer : Answer::unreadable) {
      case Answer::right:
        return ticket.allow().ignore();
      case Answer::wrong:
        return ticket.deny(kBadUserNameOrPassword).ignore();
      case Answer::unknown:
        return ticket.next().ignore();
      case Answer::unreadable:
        return ticket.deny(kServerUnavailable).ignore();
    }
  }

  std::string file_;
};

KEEL_PLUGIN(AsyncAuth, "async_auth", "1.0.0", "Passwords from a file, read by a worker");
