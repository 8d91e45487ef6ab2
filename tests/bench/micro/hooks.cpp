// What a message pays for the hooks at message_publish: of one plugin and of five, with the whole
// way into a plugin and back.
#include <string>

#include "support.hpp"
#include "tests/bench/loop/loop.hpp"
#include "tests/bench/plugin_host.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

void hooks(benchmark::State& state, std::string_view properties) {
  Loop loop;
  PluginHost host(loop.realm(), loop.broker());
  host.install(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  MessageView message;
  message.topic = "sensors/kitchen/temperature";
  message.payload = "21.5";
  message.properties = properties;
  const PublishRequest request{message, "client", "user"};
  for (auto _ : state) {
    // As the broker calls them.
    if (const auto& hook = loop.broker().hooks().publish)
      benchmark::DoNotOptimize(loop.broker().call(hook, request));
    benchmark::ClobberMemory();
  }
}

BENCHMARK_CAPTURE(hooks, plain, "")
    ->ArgNames({"hooks", "plugins"})
    ->Args({0, 0})
    ->Args({1, 1})
    ->Args({5, 1})
    ->Args({5, 5});
BENCHMARK_CAPTURE(hooks, user_property, std::string_view("\x26\0\1k\0\1v", 7))
    ->ArgNames({"hooks", "plugins"})
    ->Args({1, 1});

}  // namespace
