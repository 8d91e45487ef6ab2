// tests/server.js as a child process, and certificates for it, made by openssl. Throws when a
// program is missing.
#pragma once

#include <keel/test.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace web {

inline constexpr int kPatienceMs = 60'000;

inline void run(const std::vector<std::string>& command, const std::string& directory) {
  keel::test::Process process(command, directory, directory + "/run.log");
  if (process.wait(kPatienceMs) != 0) {
    keel::test::fail(command[0] + ": " + keel::test::read_file(directory + "/run.log"));
  }
}

class Server {
 public:
  explicit Server(std::vector<std::string> options = {}) : options_(std::move(options)) {
    start(0);
  }

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/mqtt/auth") const {
    return keel::concat("http://127.0.0.1:", port_, path);
  }
  // What it has printed: a line of JSON for each request.
  std::string log() const { return keel::test::read_file(log_path()); }
  std::size_t count(std::string_view part) const {
    const std::string text = log();
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++n;
    return n;
  }
  bool await(std::string_view part) const {
    const std::int64_t until = keel::test::now_ms() + kPatienceMs;
    while (log().find(part) == std::string::npos) {
      if (keel::test::now_ms() > until) return false;
      keel::test::pause_ms(5);
    }
    return true;
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait(kPatienceMs);
  }
  // Again on the same port, with further options.
  void restart(const std::vector<std::string>& more = {}) {
    kill();
    options_.insert(options_.end(), more.begin(), more.end());
    start(port_);
  }
  void freeze() { process_->signal(SIGSTOP); }
  void thaw() { process_->signal(SIGCONT); }

 private:
  std::string log_path() const { return dir_.path("log"); }
  void start(std::uint16_t port) {
    std::vector<std::string> command{"node", WEB_SERVER_JS, "--port", keel::concat(port)};
    command.insert(command.end(), options_.begin(), options_.end());
    keel::test::write_file(log_path(), "");
    process_ = std::make_unique<keel::test::Process>(command, dir_.path(), log_path());
    constexpr std::string_view kMark = "listening ";
    if (!await(kMark)) keel::test::fail("the web server does not start: " + log());
    const std::string text = log();
    port_ = static_cast<std::uint16_t>(std::atoi(text.c_str() + text.find(kMark) + kMark.size()));
  }

  std::vector<std::string> options_;
  keel::test::TempDir dir_;
  std::unique_ptr<keel::test::Process> process_;
  std::uint16_t port_ = 0;
};

// An authority, and what it signed for a name.
class Authority {
 public:
  Authority() {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out",
         "ca.pem"},
        dir_.path());
  }
  std::string ca() const { return dir_.path("ca.pem"); }
  std::string cert(const std::string& name) const { return dir_.path(name + ".pem"); }
  std::string key(const std::string& name) const { return dir_.path(name + ".key"); }
  // `san`: "IP:127.0.0.1", "DNS:auth.test".
  void sign(const std::string& name, const std::string& san) const {
    keel::test::write_file(dir_.path(name + ".ext"), "subjectAltName = " + san + "\n");
    run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr"},
        dir_.path());
    run({"openssl", "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem"},
        dir_.path());
  }

 private:
  keel::test::TempDir dir_;
};

}  // namespace web
