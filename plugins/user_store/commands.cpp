#include "user_store/commands.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <unordered_set>

#include "user_store/crypto.hpp"
#include "user_store/import.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

constexpr int kMostHashing = 64;  // passwords of commands, waiting for a worker

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::string(text.data(), text.size()));
}

}  // namespace

keel::Status Commands::start() {
  const std::string command = flavor_.command;
  const std::string add = command + " add <Name> [<Password>]",
                    update = command + " update <Name> [<Password>]",
                    passwd = command + " passwd <Name> [<Password>]", del = command + " del <Name>",
                    all = command + " list", import = command + " import <File> [--replace]";
  return host_.ctl().add(
      flavor_.command,
      {{add.c_str(), "Add one; asks for the password if it is not given"},
       {update.c_str(), "Change the password; who is connected has to come anew"},
       {passwd.c_str(), "The same"},
       {del.c_str(), "Remove one, and disconnect it"},
       {all.c_str(), "Show the names"},
       {import.c_str(), "Add those of a Mosquitto, EMQ X or CSV file"}},
      [this](keel::CtlCall& call) { return run(call); });
}

int Commands::run(const keel::CtlCall& call) {
  const std::string_view verb = call[0];
  if (verb == "add") return set(call, Change::Kind::add);
  if (verb == "update" || verb == "passwd") return set(call, Change::Kind::update);
  if (verb == "del") return remove(call);
  if (verb == "list") return list(call);
  if (verb == "import") return import(call);
  return KEEL_EXIT_USAGE;
}

int Commands::fail(const keel::CtlCall& call, std::string_view text) const {
  call.print(text, '\n');
  return KEEL_EXIT_ERROR;
}

std::string Commands::refusal(std::string_view name, Change::Kind kind) const {
  if (std::string wrong = name_problem(name); !wrong.empty()) return wrong;
  const std::string shown = escape(name);
  if (settings_users_.contains(name)) {
    return keel::concat(shown, " stands in the settings of the plugin (", flavor_.prefix, ".*.",
                        flavor_.key, "); change it there and reload the plugin");
  }
  const bool there = store_.table().contains(name);
  if (kind == Change::Kind::add && there) {
    return keel::concat(shown, " exists already; `", flavor_.command, " update ", shown,
                        "` changes the password");
  }
  if (kind != Change::Kind::add && !there) {
    return keel::concat("there is no ", flavor_.noun, ' ', shown);
  }
  return {};
}

// A question's answer comes as one more word, so it cannot be told from a password that was given:
// it is asked for once, and `update` mends a slip.
int Commands::set(const keel::CtlCall& call, Change::Kind kind) {
  if (call.size() < 2 || call.size() > 3) return KEEL_EXIT_USAGE;
  const std::string name(call[1]);
  if (const std::string wrong = refusal(name, kind); !wrong.empty()) return fail(call, wrong);
  if (call.size() == 2) {
    call.print("Password for ", escape(name), ": ");
    return KEEL_EXIT_PROMPT;
  }
  if (call[2].empty()) return fail(call, "the password is empty");
  if (call[2].size() > 65'535) return fail(call, "the password is longer than MQTT can carry");
  if (hashing_.fetch_add(1) >= kMostHashing) {
    hashing_.fetch_sub(1);
    return fail(call, "too many passwords are being set at once; try again");
  }
  const auto work = [this, kind, name, password = std::string(call[2]), reply = call.reply(),
                     json = call.json()]() mutable {
    std::string value = checks_.make_value(password);
    wipe(password);
    hashing_.fetch_sub(1);
    if (value.empty()) return reply.fail("there is not enough memory to hash it\n").ignore();
    store_.submit({.kind = kind,
                   .name = name,
                   .value = std::move(value),
                   .done = [=, this](UserStore::Outcome outcome, std::string_view problem) {
                     finish(reply, json, kind, name, outcome, problem);
                   }});
  };
  if (const keel::Status given = host_.workers().run(work, [] {}); !given) {
    hashing_.fetch_sub(1);
    return fail(call, keel::concat("the broker has too much to do: ", given));
  }
  return KEEL_EXIT_LATER;
}

int Commands::remove(const keel::CtlCall& call) {
  if (call.size() != 2) return KEEL_EXIT_USAGE;
  const std::string name(call[1]);
  if (const std::string wrong = refusal(name, Change::Kind::remove); !wrong.empty()) {
    return fail(call, wrong);
  }
  store_.submit({.kind = Change::Kind::remove,
                 .name = name,
                 .done = [this, name, reply = call.reply(), json = call.json()](
                             UserStore::Outcome outcome, std::string_view problem) {
                   finish(reply, json, Change::Kind::remove, name, outcome, problem);
                 }});
  return KEEL_EXIT_LATER;
}

void Commands::finish(const keel::CtlReply& reply, bool json, Change::Kind kind,
                      const std::string& name, UserStore::Outcome outcome,
                      std::string_view problem) const {
  if (outcome == UserStore::Outcome::done) {
    if (kind != Change::Kind::add) disconnect(name);
    return reply.ok(json ? "{\"result\":\"ok\"}\n" : "ok\n").ignore();
  }
  std::string text(problem);
  if (outcome == UserStore::Outcome::exists) text = escape(name) + " exists already";
  if (outcome == UserStore::Outcome::unknown) {
    text = keel::concat("there is no ", flavor_.noun, ' ', escape(name));
  }
  reply.fail(text + '\n').ignore();
}

int Commands::list(const keel::CtlCall& call) {
  if (call.size() != 1) return KEEL_EXIT_USAGE;
  const keel::Status given = host_.workers().run(
      [this, reply = call.reply(), json = call.json()] { reply.ok(names(json)).ignore(); }, [] {});
  if (given) return KEEL_EXIT_LATER;
  return fail(call, keel::concat("the broker has too much to do: ", given));
}

std::string Commands::names(bool json) const {
  struct Shown {
    std::string name, scheme;
    bool scram, settings;
  };
  std::vector<Shown> all;
  store_.table().each([&](std::string_view name, std::string_view value) {
    const UserValue parts(value);
    all.push_back({std::string(name), std::string(scheme_name(recognise(parts.hash()).scheme)),
                   !parts.scram().empty(), false});
  });
  for (std::string& name : settings_users_.names()) {
    all.push_back({std::move(name), "settings", false, true});
  }
  std::sort(all.begin(), all.end(), [](const Shown& a, const Shown& b) { return a.name < b.name; });
  std::string out = json ? "[" : "";
  for (const Shown& one : all) {
    if (!json) {
      out += escape(one.name) + '\n';
      continue;
    }
    if (out.size() > 1) out += ',';
    out += keel::concat("\n{\"", flavor_.key, "\":", json_text(one.name), ",\"source\":\"",
                        one.settings ? "settings" : "store", "\",\"hash\":\"", one.scheme,
                        "\",\"scram\":", one.scram, '}');
  }
  return json ? out + "]\n" : out;
}

int Commands::import(const keel::CtlCall& call) {
  const bool replace = call.size() == 3 && call[2] == "--replace";
  if (call.size() != 2 && !replace) return KEEL_EXIT_USAGE;
  const std::string path = host_.config().path(call[1]);
  ImportOptions options;
  options.name_key = flavor_.key;
  options.how = how_;
  options.progress = [this](std::size_t n) { host_.log().info("import: ", n, " entries so far"); };
  store_.submit(UserStore::Import{.read = [path, options] { return read_import(path, options); },
                                  .replace = replace,
                                  .done =
                                      [this, path, reply = call.reply(), json = call.json()](
                                          const keel::Result<UserStore::Imported>& result) {
                                        imported(reply, json, path, result);
                                      }});
  return KEEL_EXIT_LATER;
}

void Commands::imported(const keel::CtlReply& reply, bool json, const std::string& path,
                        const keel::Result<UserStore::Imported>& result) const {
  if (!result) return reply.fail(keel::concat(result.text(), '\n')).ignore();
  const std::string text =
      json ? keel::concat("{\"added\":", result->added, ",\"replaced\":", result->replaced,
                          ",\"kept\":", result->kept, "}\n")
           : keel::concat(result->added, " added, ", result->replaced, " replaced, ", result->kept,
                          result->kept != 0 ? " kept as they are (--replace takes the file's)\n"
                                            : " kept as they are\n");
  host_.log().notice("import of ", path, ": ", result->added, " added, ", result->replaced,
                     " replaced, ", result->kept, " kept");
  disconnect_all(result->changed);
  reply.ok(text).ignore();
}

void Commands::disconnect(const std::string& name) const {
  const keel::Clients clients = host_.clients();
  const keel::Status given = flavor_.by_client_id ? clients.kick(name) : clients.kick_user(name);
  if (!given && given.code() != KEEL_E_NOENT) {
    host_.log().error("cannot disconnect ", flavor_.noun, ' ', escape(name), ": ", given);
  }
}

// Many at once: looks at who is connected instead of asking for each.
void Commands::disconnect_all(std::vector<std::string> names) const {
  if (names.empty()) return;
  const auto wanted = std::make_shared<std::unordered_set<std::string>>(
      std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  const auto look = [this, wanted](const keel::Client& client) {
    const std::string_view name = flavor_.by_client_id ? client.client_id() : client.username();
    if (wanted->contains(std::string(name))) host_.clients().kick(client.client_id()).ignore();
  };
  if (const keel::Status given = host_.clients().each(look, [] {}); !given) {
    host_.log().error("cannot disconnect those whose password was replaced: ", given);
  }
}

}  // namespace user_store
