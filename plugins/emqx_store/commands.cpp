#include "emqx_store/commands.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <keel/text.hpp>
#include <utility>

#include "emqx_store/operations.hpp"
#include "emqx_store/report.hpp"

namespace emqx_store {
namespace {

namespace js = boost::json;

constexpr std::uint32_t kPatienceMs = 45'000;  // a command may take a minute

// A number from 1 on.
bool read_number(std::string_view text, std::uint32_t& out) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && at == end && out != 0;
}

}  // namespace

keel::Status Commands::add() {
  return host_.ctl().add(
      "store",
      {{"store info", "Show how the store is"},
       {"store check", "Read all of it and compare it with its checksums"},
       {"store compact", "Rewrite the tables, so that what was erased takes no space"},
       {"store backup <Directory> [--keep <N>]",
        "Add a backup to those in a directory, and keep the last N of them"},
       {"store backups <Directory>", "List them"},
       {"store restore <Directory> [<Backup>]",
        "Lay a backup ready, the last one or that with this number, for the next start"},
       {"store restore --cancel", "Take that back"}},
      [this](keel::CtlCall& call) { return called(call); });
}

int Commands::called(keel::CtlCall& call) {
  const std::string_view word = call[0];
  if (call.size() == 1 && word == "info") {
    const Service::Status status = service_.status();
    const std::string& directory = service_.engine_options().directory;
    call.print(call.json() ? info_json(status, directory) : info_text(status, directory));
    return KEEL_EXIT_OK;
  }
  if (call.size() == 1 && word == "check") {
    return start(call, [this](const auto& cancelled) { return check(service_, cancelled); });
  }
  if (call.size() == 1 && word == "compact") {
    return start(call, [this](const auto& cancelled) { return compact(service_, cancelled); });
  }
  if (word == "backup") return start_backup(call);
  if (word == "restore") return start_restore(call);
  if (call.size() == 2 && word == "backups") {
    return start(
        call, [this, from = path(call[1])](const auto&) { return list_backups(service_, from); });
  }
  return KEEL_EXIT_USAGE;
}

int Commands::start_backup(keel::CtlCall& call) {
  std::uint32_t keep = 0;
  const bool keeps = call.size() == 4 && call[2] == "--keep" && read_number(call[3], keep);
  if (call.size() != 2 && !keeps) return KEEL_EXIT_USAGE;
  return start(call, [this, to = path(call[1]), keep](const auto& cancelled) {
    return backup(service_, to, keep, cancelled);
  });
}

int Commands::start_restore(keel::CtlCall& call) {
  if (call.size() == 2 && call[1] == "--cancel") {
    return start(call, [this](const auto&) { return cancel_restore(service_); });
  }
  std::uint32_t id = 0;
  if (call.size() != 2 && !(call.size() == 3 && read_number(call[2], id))) return KEEL_EXIT_USAGE;
  return start(call, [this, from = path(call[1]), id](const auto& cancelled) {
    return restore(service_, from, id, cancelled);
  });
}

std::string Commands::path(std::string_view text) const {
  std::string out = host_.config().path(text);
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

// Answers when the work is done, or after a while that it goes on.
int Commands::start(keel::CtlCall& call, Jobs::Work work) {
  const std::string name(call[0]);
  const keel::CtlReply reply = call.reply();
  const bool json = call.json();
  const bool started =
      service_.jobs().start(name, std::move(work), [reply, json](const Jobs::Result& result) {
        const std::string& text = json ? result.json : result.text;
        (result.good ? reply.ok(text) : reply.fail(text))
            .ignore();  // it may have been told already
      });
  if (!started) {
    call.print("'store ", service_.jobs().state().running,
               "' is under way: try again when 'store info' no longer shows it\n");
    return KEEL_EXIT_ERROR;
  }
  const std::string later = json
                                ? js::serialize(js::object{{"under_way", name}}) + "\n"
                                : "'store " + name + "' goes on; 'store info' shows how it ended\n";
  const keel::Status timed =
      host_.timers().after(kPatienceMs, [reply, later] { reply.ok(later).ignore(); });
  if (!timed) host_.log().warning("no timer for 'store ", name, "': ", timed);
  return KEEL_EXIT_LATER;
}

}  // namespace emqx_store
