// banned: who is kept out, by client id, user name or address.
#include <fmt/format.h>

#include <ctime>
#include <optional>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"
#include "kernel/broker/ban_text.hpp"
#include "kernel/config/value.hpp"

namespace keel::kernel {
namespace {

constexpr std::int64_t kMaxSeconds = 100LL * 366 * 86'400;

std::string as_json(const Ban& ban) {
  JsonObject out;
  out.add("kind", ban_kind_name(ban.kind)).add("value", ban.value);
  if (ban.until_s == 0)
    out.add_null("until");
  else
    out.add("until", ban.until_s);
  return out.add("reason", ban.reason).add("by", ban.by).add("at", ban.at_s).str();
}

std::string as_text(const Ban& ban) {
  return fmt::format("Banned({}, value={}, until={}, reason={}, by={}, at={})",
                     ban_kind_name(ban.kind), one_line(ban.value), iso_time(ban.until_s),
                     one_line(ban.reason), one_line(ban.by), iso_time(ban.at_s));
}

Exit list_bans(AdminContext& context, Reply& reply) {
  reply.begin_list();
  for (const BanPtr& ban : context.realm.bans.list()) {
    reply.entry(reply.json() ? as_json(*ban) : as_text(*ban));
    if (!reply.alive()) return Exit::error;
  }
  return reply.end_list();
}

struct Options {
  std::int64_t for_s = 0;  // 0: for ever
  std::string reason;
};

// `--for TIME` and `--reason TEXT`, in any order. Nothing: other words.
std::optional<Result<Options>> read_options(Args words) {
  Options out;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return std::nullopt;
    const std::string& value = words[i + 1];
    if (words[i] == "--reason") {
      out.reason = value;
    } else if (words[i] == "--for") {
      const auto ms = parse_duration(value);
      if (!ms || *ms < 1'000 || *ms / 1'000 > kMaxSeconds)
        return Error{
            fmt::format("'--for {}': give a time from 1s to 100 years, such as 90s, 1h or "
                        "7d; without --for the ban has no end",
                        one_line(value))};
      out.for_s = *ms / 1'000;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// What changed holds on every shard when this returns. False: the broker stops.
bool await_shards(AdminContext& context) {
  return context.gate.every_shard([](Broker&) {});
}

Exit add(AdminContext& context, BanKind kind, const std::string& value, Args words, Reply& reply) {
  const auto options = read_options(words);
  if (!options) return Exit::usage;
  if (!*options) return reply.fail(options->error());
  auto ban = make_ban(kind, value);
  if (!ban) return reply.fail(ban.error());
  ban->at_s = std::time(nullptr);
  if ((*options)->for_s != 0) ban->until_s = ban->at_s + (*options)->for_s;
  ban->reason = (*options)->reason;
  ban->by = "ctl";
  const std::string shown = fmt::format("{} {}", ban_kind_name(kind), one_line(ban->value));
  const std::string until = iso_time(ban->until_s);
  const auto added = context.realm.bans.add(std::move(*ban));
  if (!await_shards(context)) return reply.fail(kStopping);
  if (!added) return reply.fail(added.error());
  KEEL_LOG(notice, "ctl: {} banned until={}", shown, until);
  return reply.ok();
}

Exit del(AdminContext& context, BanKind kind, const std::string& value, Reply& reply) {
  const auto ban = make_ban(kind, value);
  if (!ban) return reply.fail(ban.error());
  const auto removed = context.realm.bans.remove(kind, ban->id());
  if (removed && !*removed) return reply.fail("Not Found.");
  if (!await_shards(context)) return reply.fail(kStopping);
  if (!removed) return reply.fail(removed.error());
  KEEL_LOG(notice, "ctl: {} {} not banned any more", ban_kind_name(kind), one_line(ban->value));
  return reply.ok();
}

Exit banned(AdminContext& context, Args args, Reply& reply) {
  if (fits(args, "list")) return list_bans(context, reply);
  if (args.size() < 3) return Exit::usage;
  const auto kind = parse_ban_kind(args[1]);
  if (!kind) return Exit::usage;
  if (args[0] == "add") return add(context, *kind, args[2], args.subspan(3), reply);
  if (args[0] == "del" && args.size() == 3) return del(context, *kind, args[2], reply);
  return Exit::usage;
}

}  // namespace

void add_banned_command(CommandTable& table, AdminContext& context) {
  table.add("banned",
            {{"banned list", "List who is banned"},
             {"banned add client|user|address <Value>",
              "Keep it out; also --for <Time> and --reason <Text>"},
             {"banned del client|user|address <Value>", "Let it in again"}},
            [&context](Args args, Reply& reply) { return banned(context, args, reply); });
}

}  // namespace keel::kernel
