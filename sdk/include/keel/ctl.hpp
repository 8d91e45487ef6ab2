// Commands for operators: `ctl <name> ...`. [control]
//
//   host().ctl().add("hello", {{"hello count", "How many lines came in"}},
//                    [this](keel::CtlCall& call) { call.print(count_, "\n"); return 0; });
#pragma once

#include <initializer_list>
#include <span>

#include "keel/handle.hpp"

namespace keel {

// Ends a call whose function returned KEEL_EXIT_LATER. A value; any thread; the first end counts.
// KEEL_E_STALE: ended already, too late, or nobody waits any more.
class CtlReply {
 public:
  CtlReply() = default;
  CtlReply(detail::Core& core, keel_handle number) : core_(&core), number_(number) {}

  Status ok(std::string_view text) const { return finish(KEEL_EXIT_OK, text); }
  Status fail(std::string_view text) const { return finish(KEEL_EXIT_ERROR, text); }
  // `text` is a question; what is typed comes with one more call.
  Status prompt(std::string_view text) const { return finish(KEEL_EXIT_PROMPT, text); }
  keel_handle id() const { return number_; }

 private:
  Status finish(std::int32_t exit, std::string_view text) const {
    if (!core_) return KEEL_E_INVAL;
    return core_->plain(
        core_->ctl.call(&keel_ext_ctl::finish, core_->host, number_, exit, to_c(text)));
  }

  detail::Core* core_ = nullptr;
  keel_handle number_ = 0;
};

// One call of a command; valid during it.
class CtlCall {
 public:
  CtlCall(detail::Core& core, const keel_ctl_call& call) : core_(&core), call_(&call) {}

  // The words behind the command's name.
  std::size_t size() const { return call_->args_n; }
  std::string_view operator[](std::size_t i) const {
    return i < call_->args_n ? view(call_->args[i]) : std::string_view();
  }
  // Whether one JSON document is wanted.
  bool json() const { return call_->json != 0; }
  // A line ends with \n.
  template <class... A>
  void print(const A&... parts) const {
    put(call_->out, concat(parts...));
  }
  // For an answer that takes its time: keep this and return KEEL_EXIT_LATER.
  CtlReply reply() const {
    return {*core_, KEEL_HAS(call_, reply) ? call_->reply : keel_handle{0}};
  }

 private:
  detail::Core* core_;
  const keel_ctl_call* call_;
};

namespace detail {
class CommandContextBase : public Context {
 public:
  using Context::Context;
  void shut() noexcept override {
    shut_on_control(*this, [](Context& command) {
      return command.core.ctl.call(&keel_ext_ctl::remove, command.core.host, command.handle.load());
    });
  }
};
template <class F>
class CommandContext final : public CommandContextBase {
 public:
  CommandContext(Core& of, F f) : CommandContextBase(of), fn(std::move(f)) {}
  static std::int32_t called(void* ctx, const keel_ctl_call* call) {
    const Ref<CommandContext> self(static_cast<CommandContext*>(ctx));
    if (!self->open()) return KEEL_EXIT_ERROR;
    bool threw = true;
    const std::int32_t exit = guarded(self->core, std::int32_t{KEEL_EXIT_ERROR}, [&] {
      CtlCall shown(self->core, *call);
      const auto code = static_cast<std::int32_t>(self->fn(shown));
      threw = false;
      return code;
    });
    if (threw) put(call->out, "the plugin threw an exception; see the log\n");
    return exit;
  }
  F fn;
};
}  // namespace detail

class Command : public Handle {
 public:
  Command() = default;
  explicit Command(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}
};

class Ctl {
 public:
  explicit Ctl(detail::Core& core) : core_(core) {}

  // int fn(keel::CtlCall&) answers a KEEL_EXIT_*: PROMPT to have a password typed, LATER to answer
  // with call.reply() when the work is done.
  template <class F>
  Result<Command> add(const char* name, std::initializer_list<keel_ctl_usage> usage, F fn) const {
    auto context = detail::make_context<detail::CommandContext<F>>(core_, std::move(fn));
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.ctl.call(&keel_ext_ctl::add, core_.host, name, usage.begin(),
                       static_cast<std::uint32_t>(usage.size()),
                       keel_ctl_fn(&detail::CommandContext<F>::called), context.get(), &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Command(std::move(context));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
