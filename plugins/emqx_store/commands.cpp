#include "emqx_store/commands.hpp"

#include <boost/json.hpp>
#include <keel/text.hpp>
#include <utility>

#include "emqx_store/report.hpp"

namespace emqx_store {
namespace {

namespace js = boost::json;
using keel::concat;

constexpr std::uint32_t kPatienceMs = 45'000;  // a command may take a minute

Jobs::Result failed(const std::string& text) {
  return {.good = false, .text = text + "\n", .json = js::serialize(js::object{{"error", text}})};
}

}  // namespace

keel::Status Commands::add() {
  return host_.ctl().add("store",
                         {{"store info", "Show how the store is"},
                          {"store compact",
                           "Rewrite the tables, so that what was erased takes no "
                           "space"}},
                         [this](keel::CtlCall& call) { return called(call); });
}

int Commands::called(keel::CtlCall& call) {
  if (call.size() == 1 && call[0] == "info") {
    const Service::Status status = service_.status();
    const std::string& directory = service_.engine_options().directory;
    call.print(call.json() ? info_json(status, directory) : info_text(status, directory));
    return KEEL_EXIT_OK;
  }
  if (call.size() == 1 && call[0] == "compact") {
    return start(call, "compact",
                 [this](const std::atomic<bool>& cancelled) { return compact(cancelled); });
  }
  return KEEL_EXIT_USAGE;
}

int Commands::start(keel::CtlCall& call, std::string name, Jobs::Work work) {
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
               "' is under way: try again when 'store info' ", "no longer shows it\n");
    return KEEL_EXIT_ERROR;
  }
  const std::string later = "'store " + name + "' goes on; 'store info' shows how it ended\n";
  const keel::Status timed = host_.timers().after(kPatienceMs, [reply, json, later, name] {
    const std::string text = json ? js::serialize(js::object{{"under_way", name}}) + "\n" : later;
    reply.ok(text).ignore();
  });
  timed.ignore();  // then the broker's own patience ends it
  return KEEL_EXIT_LATER;
}

Jobs::Result Commands::compact(const std::atomic<bool>& cancelled) {
  const Gate::Visit engine(service_.gate());
  if (!engine) return failed("the store could not be opened again");
  const std::uint64_t before = engine->stats().table_bytes;
  if (const Outcome compacted = engine->compact(&cancelled); !compacted) {
    return failed(compacted.text());
  }
  if (cancelled) return failed("cancelled");
  const std::uint64_t after = engine->stats().table_bytes;
  return {
      .good = true,
      .text =
          concat("The tables had ", size_text(before), ", now they have ", size_text(after), ".\n"),
      .json = js::serialize(js::object{{"bytes_before", before}, {"bytes_after", after}}) + "\n"};
}

}  // namespace emqx_store
