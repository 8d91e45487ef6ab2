// The real broker as a child process, with a temporary directory of its own for settings, data and
// log.
//
// The settings text may use ${port:NAME} (a free port, the same for the same NAME), ${dir} (the
// temporary directory) and ${certs} (the test certificates). The listener `mqtt`, data directory
// and number of shards are set from the command line. Stopped by SIGTERM at the end, when it must
// exit with 0 and have no sanitizer report in its log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/system/support/client.hpp"
#include "tests/system/support/process.hpp"

namespace keel::test {

struct BrokerOptions {
  int shards = 2;
  bool listener = true;     // set up the listener `mqtt`
  bool orderly_end = true;  // else it is killed at the end, and nobody asks for its exit code
  std::vector<std::string> arguments;                         // more of them
  std::vector<std::string> environment;                       // NAME=value
  std::function<void(const std::filesystem::path&)> prepare;  // puts files into the directory
};

class BrokerProcess {
 public:
  explicit BrokerProcess(const std::string& settings = {}, BrokerOptions options = {});
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess();

  const std::filesystem::path& dir() const { return dir_.path(); }
  std::filesystem::path conf() const { return dir() / "keel.conf"; }
  std::filesystem::path data_dir() const { return dir() / "data"; }
  std::filesystem::path socket() const { return data_dir() / "ctl.sock"; }
  pid_t pid() const { return process_->pid(); }
  bool running() { return process_ && process_->running(); }
  std::string log() const { return read_file(dir() / "log"); }
  std::uint64_t resident_kib() const;

  std::uint16_t port(const std::string& name = "mqtt");
  Endpoint endpoint(const std::string& listener = "mqtt") {
    return Endpoint{.port = port(listener)};
  }
  Endpoint tls_endpoint(const std::string& listener, TlsOptions tls);

  // A connection on which nothing was sent yet.
  Client open(Version version = Version::v311) { return Client{endpoint(), version}; }
  Client connect(const Connect& connect, At at = At::current()) {
    return Client::accepted(endpoint(), connect, at);
  }
  Client connect(const std::string& client_id, Version version, At at = At::current()) {
    return Client::accepted(endpoint(), Connect{.client_id = client_id, .version = version}, at);
  }

  Outcome ctl(std::vector<std::string> arguments) const;
  // Its standard output; the command must succeed.
  std::string ctl_ok(const std::vector<std::string>& arguments, At at = At::current()) const;

  // Returns when the broker has noticed that this client is not connected any more.
  void await_gone(const std::string& client_id, At at = At::current()) const;

  void write_settings(const std::string& settings);  // with placeholders
  void signal(int number) { process_->signal(number); }
  int wait_for_exit() { return process_->wait(); }
  int stop();    // SIGTERM; the exit code
  void kill();   // SIGKILL
  void start();  // again, with the same directory and ports

  // The arguments that start it, for tests that run a second one.
  std::vector<std::string> command();

 private:
  std::string expand(const std::string& text);
  void await_start();

  TempDir dir_;
  BrokerOptions options_;
  std::map<std::string, std::uint16_t> ports_;
  std::unique_ptr<Process> process_;
};

// How much a broker may have grown by when `kib` are allowed. Sanitizers keep freed memory for a
// while.
constexpr std::uint64_t allowance(std::uint64_t kib) {
  return kSlowdown > 1 ? kib * 4 + 500'000 : kib;
}

std::string keel_binary();
std::string ctl_binary();

}  // namespace keel::test
