// Keeps what its command is given in the broker's store.
#include "keel/kv.hpp"
#include "keel/plugin.hpp"

namespace {

class KvUser final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    host()
        .kv()
        .each("",
              [this](std::string_view key, std::string_view) { found_ += keel::concat(key, ' '); })
        .ignore();
    return host().ctl().add("kv",
                            {{"kv put <Key> <Value>", "Write"},
                             {"kv erase <Key>", "Erase"},
                             {"kv list [<Prefix>]", "Show"},
                             {"kv found", "What was there at the start"}},
                            [this](keel::CtlCall& call) { return command(call); });
  }

 private:
  int command(keel::CtlCall& call) {
    if (call[0] == "found") {
      call.print(found_, '\n');
      return KEEL_EXIT_OK;
    }
    if (call[0] == "list") return list(call);
    if (call.size() < 2) return KEEL_EXIT_USAGE;
    keel::Status status = call[0] == "put" && call.size() == 3 ? host().kv().put(call[1], call[2])
                                                               : host().kv().erase(call[1]);
    // Answered when it is safe.
    if (status) status = host().kv().sync([reply = call.reply()] { reply.ok("safe\n").ignore(); });
    if (status) return KEEL_EXIT_LATER;
    call.print(status.text(), '\n');
    return KEEL_EXIT_ERROR;
  }
  int list(keel::CtlCall& call) {
    const keel::Status status = host().kv().each(
        call.size() > 1 ? call[1] : "",
        [&](std::string_view key, std::string_view value) { call.print(key, '=', value, '\n'); });
    if (status) return KEEL_EXIT_OK;
    call.print(status.text(), '\n');
    return KEEL_EXIT_ERROR;
  }

  std::string found_;
};

}  // namespace

KEEL_PLUGIN(KvUser, "kv_user", "1.0.0", "an animal of the zoo");
