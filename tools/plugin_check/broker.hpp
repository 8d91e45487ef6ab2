// The broker that a plugin is checked in: the real one, as a child, in a temporary directory, with
// one Unix socket for clients. Where the system allows it has a network of its own, so that the
// ports a plugin binds are free and nothing outside can be reached.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace keel::check {

class Broker {
 public:
  struct Options {
    std::string program;               // of the broker
    std::vector<std::string> plugins;  // files; loaded under the name they have
    std::string plugin_name;           // of the one that is checked,
    std::string settings;              // and its settings file, or empty
  };

  // Throws std::runtime_error when it does not start, with the end of its log.
  explicit Broker(const Options& options);
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();

  struct Answer {
    std::optional<int> code;  // none: it did not answer
    std::string text;
  };
  Answer ctl(const std::vector<std::string>& arguments) const;

  bool alive();
  // SIGTERM, and the end of it: empty if it exited with 0, else what happened.
  std::string stop();
  std::string how_it_ended() const;

  std::string log() const;
  std::filesystem::path client_socket() const { return directory_ / "mqtt.sock"; }
  // The lines of its memory map that belong to a loaded copy of the plugin.
  std::size_t mappings(const std::string& plugin) const;

 private:
  void clean_up();
  void lay_out(const Options& options);
  void spawn(const std::string& program);
  void await_start();
  bool ended(bool wait);

  std::filesystem::path directory_;
  pid_t child_ = -1;
  int status_ = 0;
};

}  // namespace keel::check
