// ctl/1: commands of plugins.
#include <cstring>

#include "kernel/plugin/ctl_call.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

class CommandObject final : public HostObject {
 public:
  CommandObject(Slot& slot, std::string name, std::vector<ControlPort::Usage> usage, keel_ctl_fn fn,
                void* ctx)
      : HostObject(slot, ObjectKind::command, kControlThread),
        name_(std::move(name)),
        usage_(std::move(usage)),
        fn_(fn),
        ctx_(ctx) {}

  // Registered at once, so that add() can refuse; answered once the plugin runs.
  bool claim() {
    return slot().runtime().control().add_command(
        name_, usage_, [this](auto args, bool json, ControlPort::CommandAnswer answer) {
          run(args, json, std::move(answer));
        });
  }
  void begin() override { running_ = true; }
  void revoke() override { slot().runtime().control().remove_command(name_); }

 private:
  void run(std::span<const std::string> args, bool json, ControlPort::CommandAnswer answer) {
    Slot& mine = slot();
    if (!running_) {
      answer(KEEL_EXIT_ERROR, fmt::format("Plugin {} is being started.\n", mine.name()));
      return;
    }
    CtlCall* const asked = CtlCall::begin(mine, std::move(answer));
    if (!asked) return;
    std::vector<keel_str> words;
    for (const std::string& arg : args) words.push_back(str(arg));
    keel_ctl_call call{};
    call.size = sizeof call;
    call.json = json ? 1 : 0;
    call.args = words.data();
    call.args_n = static_cast<std::uint32_t>(words.size());
    call.out = sink_into(asked->printed());
    call.reply = asked->handle();
    asked->returned(call_plugin(
        mine, CallSite::command, [&] { return fn_(ctx_, &call); }, KEEL_E_EXCEPTION));
  }

  const std::string name_;
  const std::vector<ControlPort::Usage> usage_;
  const keel_ctl_fn fn_;
  void* const ctx_;
  bool running_ = false;
};

constexpr std::size_t kLongestCommand = 32, kMostUsages = 64;

bool well_formed(std::string_view name) {
  if (name.empty() || name.size() > kLongestCommand || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
  return true;
}

keel_status ctl_add(const keel_host* host, const char* name, const keel_ctl_usage* usages,
                    std::uint32_t usages_n, keel_ctl_fn fn, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "ctl.add")) return bad;
  const std::string word = name ? std::string(name, ::strnlen(name, kLongestCommand + 1)) : "";
  if (!well_formed(word) || !fn || !out)
    return fail(KEEL_E_INVAL,
                "ctl.add: a name like 'sn' ([a-z][a-z0-9_-]*, at most 32), a function and a result "
                "are needed");
  if (usages_n > kMostUsages) return fail(KEEL_E_LIMIT, "ctl.add: more than 64 usages");
  std::vector<ControlPort::Usage> lines;
  for (std::uint32_t i = 0; i < usages_n; ++i)
    if (usages[i].form)
      lines.push_back({usages[i].form, usages[i].summary ? usages[i].summary : ""});
  auto command = std::make_unique<CommandObject>(slot, word, std::move(lines), fn, ctx);
  CommandObject& claimed = *command;
  if (!claimed.claim())
    return fail(KEEL_E_EXISTS, fmt::format("ctl.add: there is a command '{}' already", word));
  const keel_status added = slot.add(std::move(command), out);
  if (added != KEEL_OK) slot.runtime().control().remove_command(word);
  return added;
}

keel_status ctl_remove(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  auto* command = slot.find<CommandObject>(handle, ObjectKind::command, status, "ctl.remove");
  if (!command) return status;
  command->revoke();
  slot.drop(*command);
  return KEEL_OK;
}

keel_status ctl_finish(const keel_host* host, keel_handle reply, std::int32_t exit, keel_str text) {
  if (exit != KEEL_EXIT_OK && exit != KEEL_EXIT_ERROR && exit != KEEL_EXIT_PROMPT)
    return fail(KEEL_E_INVAL, fmt::format("ctl.finish: {} is no exit that ends a command", exit));
  return CtlCall::finish(Slot::of(host), reply, exit, view(text));
}

}  // namespace

const keel_ext_ctl tables::ctl = {.size = sizeof(keel_ext_ctl),
                                  .reserved = 0,
                                  .add = ctl_add,
                                  .remove = ctl_remove,
                                  .finish = ctl_finish};

}  // namespace keel::kernel
