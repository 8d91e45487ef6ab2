// KernelFixture: the real broker, as a child process in a directory of its own, with the built
// plugin loaded, and a little MQTT client. For tests on a machine that has nothing but the SDK.
//
//   keel::KernelFixture kernel({.settings = "template.address = \"127.0.0.1:0\"\n"});
//   auto client = kernel.connect("reader");
//   client.subscribe("kitchen/#");
//   ...
//   client.expect("kitchen/temp", "21");
//   CHECK(kernel.unload());
//   CHECK(!kernel.maps_contains("emqx_template"));
//
// keel_plugin_test() tells where things are; the environment may say otherwise: KEEL_BROKER,
// KEEL_CTL.
#pragma once

#include <memory>

#include "keel/result.hpp"
#include "keel/test/mqtt_client.hpp"
#include "keel/test/process.hpp"

namespace keel {

class KernelFixture {
 public:
  struct Options {
    std::string plugin = default_plugin();    // the .so to load; empty: none
    std::string settings = {};                // of the plugin: its NAME.conf
    std::string kernel_settings = {};         // more lines of keel.conf, for sections of their own
    std::vector<std::string> available = {};  // further .so files that can be loaded by name
    unsigned shards = 2;
    bool load = true;  // else load() does
    int timeout_ms = 60'000;
  };
  struct Outcome {
    int exit = 0;
    std::string output;  // and errors
  };

  KernelFixture() : KernelFixture(Options()) {}
  explicit KernelFixture(Options options) : options_(std::move(options)) {
    for (const char* below : {"etc", "etc/plugins", "lib", "data"}) {
      test::make_dir(dir_.path(below));
    }
    if (!options_.plugin.empty()) put_plugin(options_.plugin);
    for (const std::string& file : options_.available) put_plugin(file);
    if (!options_.settings.empty()) put_settings(options_.settings);
    test::write_file(
        dir_.path("etc/keel.conf"),
        concat("[kernel]\nshards = ", options_.shards, "\ndata_dir = \"", dir_.path("data"),
               "\"\n[plugins]\ndir = \"", dir_.path("lib"),
               "\"\n[listener.mqtt]\nbind = \"127.0.0.1:0\"\n", options_.kernel_settings));
    start();
    if (!options_.plugin.empty() && options_.load) {
      if (const Status status = load(); !status) test::fail(std::string(status.text()));
    }
  }
  ~KernelFixture() {
    if (!process_) return;
    process_->signal(SIGTERM);
    process_->wait(options_.timeout_ms);
  }

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  bool running() { return process_ && process_->running(); }
  std::string log() const { return test::read_file(dir_.path("log")); }
  std::string path(std::string_view below = {}) const { return dir_.path(below); }
  std::string plugin() const { return test::stem(options_.plugin); }

  // `ctl <words>`; `input` is what it can read: the answers to what it asks for.
  Outcome ctl(const std::vector<std::string>& words, std::string_view input = {}) const {
    const std::string out = dir_.path("ctl.out"), in = dir_.path("ctl.in");
    test::write_file(out, "");
    test::write_file(in, input);
    std::vector<std::string> command{ctl_path(), "--socket", dir_.path("data/ctl.sock")};
    command.insert(command.end(), words.begin(), words.end());
    test::Process process(command, dir_.path(), out, in);
    const int exit = process.wait(options_.timeout_ms);
    return {exit, test::read_file(out)};
  }
  Status load(std::vector<std::string> more = {}) { return plugins("load", std::move(more)); }
  Status unload() { return plugins("unload"); }
  Status reload() { return plugins("reload"); }
  // From another file of the same plugin.
  Status upgrade(const std::string& file) { return plugins("upgrade", {file}); }
  // The plugin's settings, for the next load or reload.
  void put_settings(std::string_view text) {
    test::write_file(dir_.path(concat("etc/plugins/", plugin(), ".conf")), text);
  }
  // Copies a .so to where the broker finds it by its name.
  void put_plugin(const std::string& file) {
    const std::string bytes = test::read_file(file);
    if (bytes.empty()) test::fail(concat("there is no plugin ", file));
    const std::string to = dir_.path(concat("lib/", test::stem(file), ".so"));
    test::write_file(concat(to, ".new"), bytes, 0700);
    if (::rename(concat(to, ".new").c_str(), to.c_str()) != 0) test::fail("cannot rename a plugin");
  }

  // A client that is connected.
  test::MqttClient connect(std::string client_id) {
    return connect_with({.client_id = std::move(client_id)});
  }
  test::MqttClient connect_with(const test::MqttClient::Options& options) {
    test::MqttClient client(port_);
    if (const int code = client.connect(options); code != 0) {
      test::fail(concat("the broker refuses ", options.client_id, " with code ", code));
    }
    return client;
  }

  // Whether the broker has a file mapped whose path contains `part`: code that is still there.
  bool maps_contains(std::string_view part) const {
    return test::read_file(concat("/proc/", pid(), "/maps")).find(part) != std::string::npos;
  }
  // Waits until the log has `part`; false: it does not come.
  bool await_log(std::string_view part) const {
    const std::int64_t until = test::now_ms() + options_.timeout_ms;
    while (log().find(part) == std::string::npos) {
      if (test::now_ms() > until) return false;
      test::pause_ms(10);
    }
    return true;
  }

  // Stops the broker and starts it again with the same directory. The port may change.
  void restart() {
    if (const int exit = stop(); exit != 0) test::fail(concat("the broker ended with ", exit));
    start();
  }
  // SIGTERM; the exit code. -1: it did not end in time.
  int stop() {
    process_->signal(SIGTERM);
    return process_->wait(options_.timeout_ms);
  }

 private:
  static std::string place(const char* variable, const char* built) {
    const char* const value = std::getenv(variable);
    return value ? value : built;
  }
  static std::string broker_path() {
#ifdef KEEL_TEST_BROKER
    return place("KEEL_BROKER", KEEL_TEST_BROKER);
#else
    return place("KEEL_BROKER", "keel");
#endif
  }
  static std::string ctl_path() {
#ifdef KEEL_TEST_CTL
    return place("KEEL_CTL", KEEL_TEST_CTL);
#else
    return place("KEEL_CTL", "ctl");
#endif
  }
  static std::string default_plugin() {
#ifdef KEEL_TEST_PLUGIN
    return KEEL_TEST_PLUGIN;
#else
    return {};
#endif
  }

  Status plugins(const char* verb, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"plugins", verb, plugin()};
    words.insert(words.end(), more.begin(), more.end());
    Outcome outcome = ctl(words);
    if (outcome.exit == 0) return {};
    return Status::error(concat("ctl plugins ", verb, ": ", outcome.output));
  }
  void start() {
    process_ = std::make_unique<test::Process>(
        std::vector<std::string>{broker_path(), "-c", dir_.path("etc/keel.conf")}, dir_.path(),
        dir_.path("log"));
    const std::int64_t until = test::now_ms() + options_.timeout_ms;
    while (!ready()) {
      if (!process_->running()) test::fail(concat("the broker ended while starting:\n", log()));
      if (test::now_ms() > until) test::fail(concat("the broker is not ready:\n", log()));
      test::pause_ms(20);
    }
  }
  // When the listener says where it listens, everything is up.
  bool ready() {
    if (::access(dir_.path("data/ctl.sock").c_str(), F_OK) != 0) return false;
    const Outcome listeners = ctl({"listeners", "--json"});
    const std::string_view mark = "\"listen_on\":\"127.0.0.1:";
    const std::size_t at = listeners.output.find(mark);
    if (listeners.exit != 0 || at == std::string::npos) return false;
    port_ = static_cast<std::uint16_t>(std::atoi(listeners.output.c_str() + at + mark.size()));
    return port_ != 0;
  }

  Options options_;
  test::TempDir dir_;
  std::unique_ptr<test::Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace keel
