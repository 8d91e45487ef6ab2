// The commands of `ctl` by name. The kernel's own are added at start, others may come and go while
// the broker runs. [any]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/admin/reply.hpp"

namespace keel::kernel {

using Args = std::span<const std::string>;

// Runs one command with the arguments behind its name. Exit::usage makes the table print the usage.
// Called on a thread of the ctl server, several at once.
using CommandFn = std::function<Exit(Args args, Reply& reply)>;

struct UsageLine {
  std::string form;     // "clients show <ClientId>"
  std::string summary;  // "Show a client"
};

// What was typed: the words, and whether --json stood among them. Behind "--" every word is
// literal.
struct CommandLine {
  std::vector<std::string> words;
  bool json = false;

  static CommandLine parse(std::vector<std::string> args);
};

class CommandTable {
 public:
  CommandTable() = default;
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // A second command of the same name replaces the first, with a warning in the log.
  void add(std::string name, std::vector<UsageLine> usage, CommandFn fn);
  // What answers to a name that no command has. Not listed, and in nobody's way.
  void add_fallback(std::string name, CommandFn fn);
  bool contains(std::string_view name) const;  // fallbacks do not count
  // Calls that run already are not waited for.
  void remove(std::string_view name);

  // Without a command, or with one that is unknown: all usages.
  Exit run(Args words, Reply& reply) const;

 private:
  struct Command {
    std::vector<UsageLine> usage;
    CommandFn fn;
  };
  std::shared_ptr<const Command> find(std::string_view name) const;
  void print_all(Reply& reply) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Command>, std::less<>> commands_, fallbacks_;
};

// Whether the arguments have this form: words that must be there literally, `*` for any one word.
//   fits(args, "add * * *")
bool fits(Args args, std::string_view form);

}  // namespace keel::kernel
