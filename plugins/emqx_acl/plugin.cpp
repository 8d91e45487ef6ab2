// emqx_acl: who may publish and subscribe to what, by a file of rules. See README.md.
#include <array>
#include <filesystem>
#include <keel/plugin.hpp>

#include "emqx_acl/load.hpp"
#include "emqx_acl/printable.hpp"
#include "emqx_acl/report.hpp"

namespace emqx_acl {
namespace {

constexpr std::int32_t kBehindOthers = -1;  // plugins of the usual priority are asked first

// A view of what the kernel shows.
Who who_of(const keel::Client& client) {
  Who out;
  out.client_id = client.client_id();
  out.username = client.username();
  out.has_username = client.has_username();
  out.listener = client.listener();
  const keel::Verified verified = client.verified();
  out.cn = verified.cn();
  out.san = verified.san();
  out.dn = verified.dn();
  out.ip = Ip::of(client.peer());
  out.away = out.ip.family == Ip::Family::none && out.listener.empty();
  return out;
}

}  // namespace

// Everything here is of the control thread, but for decide().
class Acl final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr keel::Setting settings[] = {
      keel::string("acl.file", "etc/acl.conf",
                   "The rules; a relative path counts from the broker's working directory")
          .reloadable(),
      keel::string("acl_file", nullptr, "The same by its name in EMQ X; wins over acl.file")
          .reloadable(),
  };

  keel::Status start() override {
    KEEL_TRY(add_metrics());
    KEEL_TRY(read_rules());
    KEEL_TRY(host().ctl().add(
        "acl",
        {{"acl reload", "Read the rules again and apply them to live subscriptions"},
         {"acl show", "Show the rules in force"},
         {"acl explain <ClientId> publish|subscribe <Topic> [--qos N] [--retain] [--user U] "
          "[--address A] [--cn NAME] [--listener L]",
          "Show which rule decides, and why; with an option from --user on: for a client like "
          "that"}},
        [this](keel::CtlCall& call) { return command(call); }));
    // Runs when the rules are in force: clients may be connected already.
    return host().shards().post(keel::kControl, [this] { recheck_quietly(); });
  }

  keel::Status apply(std::span<const std::string_view>) override {
    KEEL_TRY(read_rules());
    recheck_quietly();
    return {};
  }

  keel::Health health() override {
    if (!fault_.empty()) {
      return {keel::Health::degraded, "the rules of before are in force: " + fault_};
    }
    return {keel::Health::good, now_.summary()};
  }

 private:
  struct Loaded {
    Rules rules;
    std::string error;  // when there are none
  };
  static Loaded load(const std::string& file) {
    keel::Result<Rules> read = load_file(file);
    if (!read) return {nullptr, std::string(read.text())};
    return {std::move(*read), {}};
  }

  keel::Status add_metrics() {
    constexpr const char* kLabels[] = {R"(decision="allow")", R"(decision="deny")",
                                       R"(decision="none")"};
    for (std::size_t i = 0; i < decisions_.size(); ++i) {
      KEEL_TRY(host()
                   .metrics()
                   .counter("acl_decisions_total", "Questions by what the rules say", kLabels[i])
                   .into(decisions_[i]));
    }
    KEEL_TRY(host()
                 .metrics()
                 .counter("acl_reload_failures_total", "Files of rules that were refused")
                 .into(failures_));
    return host().metrics().gauge("acl_rules", "Rules in force").into(count_);
  }

  // The settings say where; an error leaves the rules of before in force.
  keel::Status read_rules() {
    const std::string own = host().config().text("acl.file");
    const std::string named = host().config().path(host().config().text("acl_file", own));
    const std::string file = std::filesystem::path(named).lexically_normal().string();
    Loaded loaded = load(file);
    if (!loaded.rules) {
      failures_.add();
      return host().config().fail("acl.file", loaded.error);
    }
    return put_in_force({std::move(loaded.rules), file});
  }

  // The hook is replaced by one that holds the new rules, so that no shard needs a lock.
  keel::Status put_in_force(InForce next) {
    KEEL_TRY(host()
                 .hooks()
                 .on_authorize(kBehindOthers,
                               [this, rules = next.rules](const keel::AuthorizeRequest& request) {
                                 return decide(*rules, request);
                               })
                 .into(hook_));
    now_ = std::move(next);
    ++generation_;
    count_.set(static_cast<std::int64_t>(now_.rules->rules().size()));
    fault_.clear();
    host().log().info(now_.summary(), " in force");
    return {};
  }

  // On every shard, several at a time.
  keel::Verdict decide(const RuleSet& rules, const keel::AuthorizeRequest& request) const {
    const Rule* const rule = rules.decide(
        {who_of(request.client()), request.publishing() ? Action::publish : Action::subscribe,
         request.qos(), request.retain(), request.topic()});
    decisions_[!rule ? 2 : rule->permit ? 0 : 1].add();
    if (!rule) return keel::Next{};
    if (rule->permit) return keel::Allow{};
    return keel::Deny{};
  }

  // Live subscriptions are asked about again; nobody waits for the answer.
  void recheck_quietly() {
    const keel::Status asked =
        host().hooks().recheck({}, [this](std::uint64_t n, std::uint64_t removed) {
          host().log().info(n, " subscriptions checked, ", removed, " removed");
        });
    if (!asked) not_rechecked(asked);
  }
  void not_rechecked(const keel::Status& why) {
    host().log().error("live subscriptions cannot be checked: ", why);
    host().hooks().forget_decisions().ignore();
  }

  int command(keel::CtlCall& call) {
    if (call.size() == 1 && call[0] == "show") {
      call.print(show(now_, call.json()));
      return KEEL_EXIT_OK;
    }
    if (call.size() == 1 && call[0] == "reload") return reload(call);
    if (call.size() > 1 && call[0] == "explain") return explain_to(call);
    return KEEL_EXIT_USAGE;
  }

  int reload(keel::CtlCall& call) {
    if (reloading_) {
      call.print("The rules are being read already; try again when that is done.\n");
      return KEEL_EXIT_ERROR;
    }
    const keel::Status queued = host().workers().run(
        [file = now_.file] { return load(file); },
        [this, file = now_.file, generation = generation_, reply = call.reply(),
         json = call.json()](keel::Result<Loaded> loaded) {
          reloading_ = false;
          if (generation != generation_) {
            return reply.fail("The rules were read by ctl plugins reload meanwhile.\n").ignore();
          }
          if (!loaded) return failed(reply, std::string(loaded.text()));
          if (!loaded->rules) return failed(reply, loaded->error);
          take(reply, {std::move(loaded->rules), file}, json);
        },
        keel::kControl);
    if (!queued) {
      call.print("The rules cannot be read now: ", queued, "\n");
      return KEEL_EXIT_ERROR;
    }
    reloading_ = true;
    return KEEL_EXIT_LATER;
  }
  void failed(const keel::CtlReply& reply, std::string why) {
    failures_.add();
    fault_ = std::move(why);
    host().log().error(fault_, "; the rules of before stay in force");
    reply.fail(fault_ + "\nThe rules of before stay in force.\n").ignore();
  }
  void take(const keel::CtlReply& reply, InForce next, bool json) {
    if (const keel::Status put = put_in_force(std::move(next)); !put) {
      return failed(reply, std::string(put.text()));
    }
    const keel::Status asked =
        host().hooks().recheck({}, [this, reply, json](std::uint64_t n, std::uint64_t removed) {
          reply.ok(reloaded(now_, Recheck{n, removed}, json)).ignore();
        });
    if (asked) return;
    not_rechecked(asked);
    reply.ok(reloaded(now_, std::nullopt, json)).ignore();
  }

  int explain_to(keel::CtlCall& call) {
    std::vector<std::string_view> words;
    for (std::size_t i = 1; i < call.size(); ++i) words.push_back(call[i]);
    Question question;
    std::string error;
    if (!parse_question(words, question, error)) {
      if (error.empty()) return KEEL_EXIT_USAGE;
      call.print(error, ".\n");
      return KEEL_EXIT_ERROR;
    }
    if (question.thought_up()) {
      call.print(explained(now_, question, question.who(), call.json()));
      return KEEL_EXIT_OK;
    }
    const std::string client = question.client;
    const keel::Status asked =
        host().clients().find(client, [this, question = std::move(question), reply = call.reply(),
                                       json = call.json()](const keel::Client* found) {
          if (found) return reply.ok(explained(now_, question, who_of(*found), json)).ignore();
          reply
              .fail(keel::concat("Client ", in_quotes(question.client),
                                 " is not connected. To ask about one that would be, say more of "
                                 "it: --user, --address, --cn, --listener.\n"))
              .ignore();
        });
    if (asked) return KEEL_EXIT_LATER;
    call.print("The client cannot be looked up: ", asked, "\n");
    return KEEL_EXIT_ERROR;
  }

  InForce now_;
  std::string fault_;                       // why the last reload failed
  bool reloading_ = false;                  // a worker reads the file
  std::uint64_t generation_ = 0;            // of the rules in force
  std::array<keel::Counter, 3> decisions_;  // allow, deny, none
  keel::Counter failures_;
  keel::Gauge count_;
  keel::Hook hook_;
};

}  // namespace emqx_acl

KEEL_PLUGIN(emqx_acl::Acl, "emqx_acl", "1.0.0",
            "Who may publish and subscribe to what, by a file of rules");
