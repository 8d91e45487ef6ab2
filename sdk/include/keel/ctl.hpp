// Commands for operators: `ctl <name> ...`. [control]
//
//   host().ctl().add("hello", {{"hello count", "How many lines came in"}},
//                    [this](keel::CtlCall& call) { call.print(count_, "\n"); return 0; });
#pragma once

#include <initializer_list>
#include <span>

#include "keel/handle.hpp"

namespace keel {

// One call of a command; valid during it.
class CtlCall {
 public:
  explicit CtlCall(const keel_ctl_call& call) : call_(&call) {}

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

 private:
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
      CtlCall shown(*call);
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

  // int fn(keel::CtlCall&) answers a KEEL_EXIT_*.
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
