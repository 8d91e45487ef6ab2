// What the plugin host needs of the program above it. Implemented by program and admin, faked by
// tests.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/task.hpp"

namespace keel::kernel {

class ControlPort {
 public:
  struct Usage {
    std::string form, summary;
  };
  // Takes what a command answers: exit code and text. Called once, on any thread; when it is
  // destroyed without, the command has failed. False: nobody waits for the answer any more.
  using CommandAnswer = std::function<bool(int exit, std::string text)>;
  // Runs on the control thread, see ctl/1; it may keep `answer` for later.
  using CommandFn =
      std::function<void(std::span<const std::string> args, bool json, CommandAnswer answer)>;

  virtual ~ControlPort() = default;
  virtual void post(Task task) = 0;  // to the control thread [any]
  // Runs later, even while an earlier task waits for it by polling. [control]
  virtual void after_ms(std::int64_t delay_ms, std::function<void()> fn) = 0;
  // False: there is a command of this name. [control]
  virtual bool add_command(const std::string& name, std::vector<Usage> usage, CommandFn fn) = 0;
  // Calls that are under way come to their end by themselves, without the command. [control]
  virtual void remove_command(const std::string& name) = 0;
};

}  // namespace keel::kernel
