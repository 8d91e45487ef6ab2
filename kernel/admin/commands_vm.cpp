// vm: the process, in the words that users of EMQ X know where they make sense here.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/system_info.hpp"

namespace keel::kernel {
namespace {

// One "name: value" after the other, or one JSON object of all.
class Sheet {
 public:
  explicit Sheet(Reply& reply) : reply_(reply) {}

  void add(std::string_view name, std::uint64_t value) {
    json_.add(name, value);
    print(name, fmt::to_string(value));
  }
  void add(std::string_view name, double value) {
    const std::string text = fmt::format("{:.2f}", value);
    json_.add_raw(name, text);
    print(name, text);
  }
  Exit end() {
    if (reply_.json()) reply_.line(json_.str());
    return Exit::ok;
  }

 private:
  void print(std::string_view name, const std::string& value) {
    if (!reply_.json()) reply_.line(fmt::format("{:<24}: {}", name, value));
  }

  Reply& reply_;
  JsonObject json_;
};

void load(Sheet& sheet) {
  const auto loads = load_averages();
  sheet.add("cpu/load1", loads[0]);
  sheet.add("cpu/load5", loads[1]);
  sheet.add("cpu/load15", loads[2]);
}

void memory(Sheet& sheet) {
  const ProcessMemory process = process_memory();
  const HeapUse heap = heap_use();
  sheet.add("memory/total", process.resident);
  sheet.add("memory/peak", process.resident_peak);
  sheet.add("memory/anonymous", process.anonymous);
  sheet.add("memory/virtual", process.virtual_size);
  sheet.add("memory/heap_used", heap.used);
  sheet.add("memory/heap_free", heap.free);
  sheet.add("memory/heap_mapped", heap.mapped);
}

void process(Sheet& sheet, const AdminContext& context) {
  sheet.add("process/limit", std::uint64_t{context.realm.settings()->limits.max_connections});
  sheet.add("process/clients", static_cast<std::uint64_t>(context.realm.total(Gauge::connections)));
  sheet.add("process/count", thread_count());
}

void io(Sheet& sheet) {
  sheet.add("io/max_fds", max_descriptors());
  sheet.add("io/active_fds", open_descriptors());
}

void ports(Sheet& sheet, const AdminContext& context) {
  sheet.add("ports/count", static_cast<std::uint64_t>(context.realm.total(Gauge::connections)));
  sheet.add("ports/limit", max_descriptors());
}

Exit vm(const AdminContext& context, Args args, Reply& reply) {
  if (args.size() > 1) return Exit::usage;
  const std::string_view part = args.empty() ? std::string_view("all") : args[0];
  const bool all = part == "all";
  Sheet sheet(reply);
  bool known = all;
  const auto wanted = [&](std::string_view name) {
    known = known || part == name;
    return all || part == name;
  };
  if (wanted("load")) load(sheet);
  if (wanted("memory")) memory(sheet);
  if (wanted("process")) process(sheet, context);
  if (wanted("io")) io(sheet);
  if (wanted("ports")) ports(sheet, context);
  return known ? sheet.end() : Exit::usage;
}

}  // namespace

void add_vm_command(CommandTable& table, AdminContext& context) {
  table.add("vm",
            {{"vm all", "Show everything about the process"},
             {"vm load", "Show the system's load"},
             {"vm memory", "Show memory, in bytes"},
             {"vm process", "Show threads (count), clients and their limit"},
             {"vm io", "Show file descriptors"},
             {"vm ports", "Show client sockets"}},
            [&context](Args args, Reply& reply) { return vm(context, args, reply); });
}

}  // namespace keel::kernel
