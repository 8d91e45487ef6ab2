// Changes messages on their way: payloads below a topic prefix become upper case. New settings take
// effect while it runs: the hook is replaced by one with the new values in it, so that no shard
// needs a lock to read them.
#include <keel/plugin.hpp>

class Transformer final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr keel::Setting settings[] = {
      keel::string("transformer.prefix", "shout/", "Topics that begin so are changed").reloadable(),
      keel::size("transformer.limit", "64KB", "Longer payloads pass as they are").reloadable(),
  };

  keel::Status start() override { return install(); }
  keel::Status apply(std::span<const std::string_view>) override { return install(); }

 private:
  keel::Status install() {
    return host()
        .hooks()
        .on_publish(0,
                    [prefix = host().config().text("transformer.prefix"),
                     limit = host().config().size("transformer.limit")](
                        const keel::Message& m) -> keel::Verdict {
                      if (!m.topic().starts_with(prefix) || m.payload().size() > limit) {
                        return keel::Next{};
                      }
                      std::string loud(m.payload());
                      for (char& c : loud) {
                        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
                      }
                      keel::Publish changed = m.edit();
                      changed.payload = loud;
                      return keel::replace(m, changed);
                    })
        .into(hook_);
  }

  keel::Hook hook_;
};

KEEL_PLUGIN(Transformer, "transformer", "1.0.0", "Payloads in capitals");
