#include "tests/system/support/broker.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>
#include <sstream>

#include "tests/system/support/certificates.hpp"

namespace keel::test {

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

bool sanitizer_report(const std::string& log) {
  for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                           "WARNING: ThreadSanitizer", "runtime error:"}) {
    if (log.find(mark) != std::string::npos) return true;
  }
  return false;
}

std::string tail(const std::string& text) {
  constexpr std::size_t kMost = 4000;
  return text.size() > kMost ? "..." + text.substr(text.size() - kMost) : text;
}

}  // namespace

std::string keel_binary() { return from_environment("KEEL_BINARY", KEEL_BINARY); }
std::string ctl_binary() { return from_environment("KEEL_CTL_BINARY", KEEL_CTL_BINARY); }

BrokerProcess::BrokerProcess(const std::string& settings, BrokerOptions options)
    : options_{std::move(options)} {
  if (options_.prepare) options_.prepare(dir());
  constexpr int kTries = 5;  // somebody may take a port between our look and the broker's bind
  for (int tries = 1;; ++tries) {
    write_settings(settings);
    try {
      start();
      return;
    } catch (const std::exception&) {
      if (tries == kTries || log().find("in use") == std::string::npos) throw;
      ports_.clear();
    }
  }
}

BrokerProcess::~BrokerProcess() {
  if (!running()) return;
  if (!options_.orderly_end) {
    kill();
    return;
  }
  const int code = stop();
  const std::string text = log();
  CHECK(code == 0);
  if (code != 0 || sanitizer_report(text))
    FAIL_CHECK("the broker's log ends with:\n" << tail(text));
}

std::string BrokerProcess::expand(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t mark = text.find("${", at);
    out += text.substr(at, mark - at);
    if (mark == std::string::npos) return out;
    const std::size_t end = text.find('}', mark);
    const std::string name = text.substr(mark + 2, end - mark - 2);
    if (name == "dir") {
      out += dir().string();
    } else if (name == "certs") {
      out += certificates().string();
    } else if (name.starts_with("port:")) {
      out += std::to_string(port(name.substr(5)));
    } else {
      throw std::runtime_error("unknown placeholder " + name);
    }
    at = end + 1;
  }
}

std::uint16_t BrokerProcess::port(const std::string& name) {
  std::uint16_t& port = ports_[name];
  if (port == 0) port = free_port();
  return port;
}

Endpoint BrokerProcess::tls_endpoint(const std::string& listener, TlsOptions tls) {
  Endpoint out = endpoint(listener);
  out.tls = std::move(tls);
  return out;
}

void BrokerProcess::write_settings(const std::string& settings) {
  write_file(conf(), expand(settings));
}

std::vector<std::string> BrokerProcess::command() {
  std::vector<std::string> out{keel_binary(),
                               "-c",
                               conf().string(),
                               "--set",
                               "kernel.data_dir=\"" + data_dir().string() + "\"",
                               "--set",
                               "kernel.shards=" + std::to_string(options_.shards)};
  if (options_.listener) {
    out.insert(out.end(),
               {"--set", "listener.mqtt.bind=\"127.0.0.1:" + std::to_string(port()) + "\""});
  }
  for (const std::string& argument : options_.arguments) out.push_back(expand(argument));
  return out;
}

void BrokerProcess::start() {
  Spawn spawn{command(), options_.environment, dir() / "log", dir() / "log", dir()};
  process_ = std::make_unique<Process>(spawn);
  await_start();
}

void BrokerProcess::await_start() {
  const Deadline deadline{Milliseconds{10'000 * kSlowdown}};
  for (;;) {
    if (!process_->running()) {
      throw std::runtime_error("the broker ended while starting:\n" + tail(log()));
    }
    try {
      if (options_.listener) const Socket probe{endpoint()};
      const Socket probe{Endpoint{.unix_path = socket().string()}};
      return;
    } catch (const ConnectFailure&) {
      if (deadline.passed()) throw std::runtime_error("the broker never listened:\n" + tail(log()));
    }
    ::poll(nullptr, 0, 3);
  }
}

int BrokerProcess::stop() {
  process_->signal(SIGTERM);
  const int code = process_->wait(Deadline{Milliseconds{15'000 * kSlowdown}});
  if (code == -1) kill();
  return code;
}

void BrokerProcess::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

std::uint64_t BrokerProcess::resident_kib() const {
  std::istringstream in{read_file("/proc/" + std::to_string(pid()) + "/status")};
  for (std::string word; in >> word;) {
    if (word == "VmRSS:") {
      std::uint64_t value = 0;
      in >> value;
      return value;
    }
  }
  return 0;
}

Outcome BrokerProcess::ctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {ctl_binary(), "--socket", socket().string()});
  return run(arguments);
}

std::string BrokerProcess::ctl_ok(const std::vector<std::string>& arguments, At at) const {
  const Outcome outcome = ctl(arguments);
  if (outcome.exit != 0) {
    std::string line;
    for (const std::string& argument : arguments) line += " " + argument;
    fail(at, "ctl" + line + " exits with " + std::to_string(outcome.exit) + ": " + outcome.out +
                 outcome.err);
  }
  return outcome.out;
}

void BrokerProcess::await_gone(const std::string& client_id, At at) const {
  eventually(
      [&] {
        return ctl({"clients", "show", client_id}).exit == 1;
      },
      client_id + " is gone", at);
}

}  // namespace keel::test
