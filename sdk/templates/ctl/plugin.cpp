// @NAME@: a command for operators, `ctl @NAME@ ...`, and a metric for those who watch.
#include <atomic>
#include <keel/plugin.hpp>
#include <string>

namespace {

// Counts the messages below one topic.
class MessageCounter final : public keel::Plugin {
 public:
  static constexpr keel::Setting settings[] = {
      keel::string("topic", "", "Messages whose topic begins so are counted"),
  };

  using Plugin::Plugin;

  keel::Status start() override {
    topic_ = host().config().text("topic");
    KEEL_TRY(host().metrics().counter("@NAME@_messages_total", "Messages counted").into(total_));
    KEEL_TRY(
        host().hooks().on_publish(0, [this](const keel::Message& message) { count(message); }));
    return host().ctl().add("@NAME@",
                            {{"@NAME@ show", "Show how many messages were counted"},
                             {"@NAME@ reset", "Begin again at 0"}},
                            [this](keel::CtlCall& call) { return command(call); });
  }

 private:
  // Runs on every shard, several at a time.
  void count(const keel::Message& message) {
    if (!message.topic().starts_with(topic_)) return;
    count_.fetch_add(1, std::memory_order_relaxed);
    total_.add();
  }

  int command(keel::CtlCall& call) {
    if (call.size() != 1) return KEEL_EXIT_USAGE;
    if (call[0] == "reset") {
      count_ = 0;
    } else if (call[0] != "show") {
      return KEEL_EXIT_USAGE;
    }
    if (call.json()) {
      call.print("{\"messages\":", count_.load(), "}\n");
    } else {
      call.print("messages: ", count_.load(), "\n");
    }
    return KEEL_EXIT_OK;
  }

  std::string topic_;
  std::atomic<std::uint64_t> count_ = 0;
  keel::Counter total_;
};

}  // namespace

KEEL_PLUGIN(MessageCounter, "@NAME@", KEEL_PLUGIN_VERSION, "Counts messages");
