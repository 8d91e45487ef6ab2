#include "kernel/admin/command_table.hpp"

#include <fmt/format.h>

#include <exception>

#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string usage_text(const UsageLine& usage) {
  return fmt::format("{:<48}# {}", usage.form, usage.summary);
}

std::string usage_json(const UsageLine& usage) {
  return JsonObject().add("usage", usage.form).add("summary", usage.summary).str();
}

void print_usage(const std::vector<UsageLine>& usage, Reply& reply) {
  if (reply.json()) {
    JsonArray forms;
    for (const UsageLine& line : usage) forms.add_raw(usage_json(line));
    reply.line(JsonObject().add("error", "usage").add_raw("usage", forms.str()).str());
    return;
  }
  for (const UsageLine& line : usage) reply.line(usage_text(line));
}

}  // namespace

CommandLine CommandLine::parse(std::vector<std::string> args) {
  CommandLine line;
  bool literal = false;
  for (std::string& word : args) {
    if (!literal && word == "--json") {
      line.json = true;
    } else if (!literal && word == "--") {
      literal = true;
    } else {
      line.words.push_back(std::move(word));
    }
  }
  return line;
}

void CommandTable::add(std::string name, std::vector<UsageLine> usage, CommandFn fn) {
  auto command = std::make_shared<const Command>(Command{std::move(usage), std::move(fn)});
  const std::lock_guard lock(mutex_);
  auto& slot = commands_[name];
  if (slot) KEEL_LOG(warning, "ctl: command '{}' replaces an earlier one", name);
  slot = std::move(command);
}

void CommandTable::add_fallback(std::string name, CommandFn fn) {
  const std::lock_guard lock(mutex_);
  fallbacks_[std::move(name)] = std::make_shared<const Command>(Command{{}, std::move(fn)});
}

bool CommandTable::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return commands_.contains(name);
}

void CommandTable::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto at = commands_.find(name); at != commands_.end()) commands_.erase(at);
}

std::shared_ptr<const CommandTable::Command> CommandTable::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto* table : {&commands_, &fallbacks_})
    if (const auto at = table->find(name); at != table->end()) return at->second;
  return nullptr;
}

void CommandTable::print_all(Reply& reply) const {
  std::vector<std::shared_ptr<const Command>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, command] : commands_)
      if (!command->usage.empty()) all.push_back(command);
  }
  if (reply.json()) reply.begin_list();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!reply.json() && i > 0) reply.line(std::string(80, '-'));
    for (const UsageLine& line : all[i]->usage)
      reply.entry(reply.json() ? usage_json(line) : usage_text(line));
  }
  if (reply.json()) reply.end_list();
}

Exit CommandTable::run(Args words, Reply& reply) const {
  const std::string_view name = words.empty() ? std::string_view() : words[0];
  const auto command = find(name);
  if (!command) {
    const bool asked = name == "help" || name == "--help" || name == "-h";
    print_all(reply);
    if (asked) return Exit::ok;
    if (!name.empty() && !reply.json())
      reply.line(fmt::format("\nUnknown command '{}'.", one_line(name)));
    return Exit::usage;
  }
  try {
    const Exit code = command->fn(words.subspan(1), reply);
    if (code == Exit::usage) print_usage(command->usage, reply);
    return code;
  } catch (const std::exception& error) {
    KEEL_LOG(error, "ctl: command '{}' failed: {}", name, error.what());
    return reply.fail(fmt::format("{}: {}", name, error.what()));
  }
}

bool fits(Args args, std::string_view form) {
  std::size_t i = 0;
  while (!form.empty()) {
    const std::size_t end = std::min(form.find(' '), form.size());
    const std::string_view word = form.substr(0, end);
    if (i == args.size() || (word != "*" && word != args[i])) return false;
    ++i;
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return i == args.size();
}

}  // namespace keel::kernel
