#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

struct UserFile {
  UserFile() {
    const int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    const std::string_view text = "ann:secret\nbob:a:b\r\n";
    CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  UserFile(const UserFile&) = delete;
  UserFile& operator=(const UserFile&) = delete;
  ~UserFile() { ::unlink(name); }
  char name[32] = "/tmp/keel-users-XXXXXX";
};

}  // namespace

TEST_CASE("the answer comes by ticket when the worker is done") {
  const UserFile file;
  keel::FakeHost host;
  host.set("async_auth.file", file.name);
  REQUIRE(host.load(keel_plugin_entry_v1));
  const auto ask = [&](const char* user, const char* password) {
    const keel::FakeAnswer asked = host.authenticate({.username = user, .password = password});
    CHECK(asked.verdict == KEEL_PENDING);
    host.run_jobs();
    return host.answer(asked.ticket);
  };
  CHECK(ask("ann", "secret").verdict == KEEL_ALLOW);
  CHECK(ask("bob", "a:b").verdict == KEEL_ALLOW);
  CHECK(ask("ann", "wrong").reason == 0x86);
  CHECK(ask("eve", "secret").verdict == KEEL_NEXT);
  CHECK(host.authenticate({}).verdict == KEEL_NEXT);
}

TEST_CASE("no file, no room and an unload are all a no") {
  keel::FakeHost host;
  host.set("async_auth.file", "/nonexistent/users");
  REQUIRE(host.load(keel_plugin_entry_v1));
  const keel::FakeClient ann{.username = "ann", .password = "secret"};
  keel::FakeAnswer asked = host.authenticate(ann);
  host.run_jobs();
  CHECK(host.answer(asked.ticket).reason == 0x88);
  host.fail_next("worker.run", KEEL_E_LIMIT);
  CHECK(host.authenticate(ann).reason == 0x88);
  asked = host.authenticate(ann);
  CHECK(host.unload());
  CHECK(host.answer(asked.ticket).verdict == KEEL_DENY);
}
