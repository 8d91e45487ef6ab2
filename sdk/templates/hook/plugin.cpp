// @NAME@: changes messages on their way through the broker.
#include <keel/plugin.hpp>
#include <string>

namespace {

// Puts a text in front of every message below one topic.
class MessageHook final : public keel::Plugin {
 public:
  static constexpr keel::Setting settings[] = {
      keel::string("topic", "@NAME@/", "Messages whose topic begins so are changed"),
      keel::string("text", "checked: ", "What is put in front of them"),
  };

  using Plugin::Plugin;

  keel::Status start() override {
    topic_ = host().config().text("topic");
    text_ = host().config().text("text");
    return host().hooks().on_publish(
        0, [this](const keel::Message& message) { return change(message); });
  }

 private:
  // Runs on every shard, several at a time: it only reads what start() has set.
  keel::Verdict change(const keel::Message& message) const {
    if (!message.topic().starts_with(topic_)) return keel::Next{};
    const std::string payload = keel::concat(text_, message.payload());
    keel::Publish changed = message.edit();
    changed.payload = payload;
    return keel::replace(message, changed);
  }

  std::string topic_, text_;
};

}  // namespace

KEEL_PLUGIN(MessageHook, "@NAME@", KEEL_PLUGIN_VERSION, "Changes messages on their way");
