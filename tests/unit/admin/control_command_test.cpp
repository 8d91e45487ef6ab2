// Commands that are answered on the control thread, when they like.
#include <doctest/doctest.h>

#include <future>

#include "kernel/admin/ctl_protocol.hpp"
#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

namespace {

// A node with the command `work`; each call of it is handed to the test.
struct Fixture {
  Fixture() {
    std::promise<bool> added;
    node.post(Task([&] {
      added.set_value(node.admin.add_control_command(
          "work", {{"work", "Works"}}, [this](Args args, bool json, Admin::ControlAnswer answer) {
            words.assign(args.begin(), args.end());
            as_json = json;
            calls.push_back(std::move(answer));
            called.set_value();
          }));
    }));
    REQUIRE(added.get_future().get());
  }
  // Sends the command and waits until it has been called.
  std::future<Output> begin(std::vector<std::string> arguments = {"work"}) {
    called = {};
    auto output = std::async(std::launch::async, [this, arguments = std::move(arguments)] {
      return ask_socket(node.socket(), arguments);
    });
    called.get_future().wait();
    return output;
  }

  std::promise<void> called;
  std::vector<std::string> words;
  bool as_json = false;
  std::vector<Admin::ControlAnswer> calls;
  TestNode node;
};

}  // namespace

TEST_CASE("control commands are answered by any thread, with any exit") {
  Fixture f;
  for (const Exit exit : {Exit::ok, Exit::error, Exit::prompt}) {
    auto output = f.begin({"work", "a", "--json", "--", "--json"});
    CHECK(f.words == std::vector<std::string>{"a", "--json"});
    CHECK(f.as_json);
    CHECK(f.calls.back()(static_cast<int>(exit), "said\n"));
    CHECK(output.get() == Output{exit, "said\n"});
    CHECK_FALSE(f.calls.back()(0, "twice"));
  }
  auto usage = f.begin();
  CHECK(f.calls.back()(2, ""));
  CHECK(usage.get().code == Exit::usage);
}

TEST_CASE("a control command waits without keeping others waiting") {
  Fixture f;
  auto first = f.begin(), second = f.begin();
  CHECK(ask_socket(f.node.socket(), {"status"}).code == Exit::ok);
  CHECK(f.calls[1](0, "second"));
  CHECK(second.get().text == "second\n");
  CHECK(f.calls[0](0, "first"));
  CHECK(first.get().text == "first\n");
}

TEST_CASE("an answer that is dropped ends the command as failed") {
  Fixture f;
  auto output = f.begin();
  f.calls.clear();
  CHECK(output.get().code == Exit::error);
}

TEST_CASE("nobody waits for the answer any more") {
  Fixture f;
  f.called = {};
  {
    const Socket gone = Socket::unix_path(f.node.socket());
    gone.send(ctl_piece_header(1) + ctl_piece_header(4) + "work");
    f.called.get_future().wait();
  }
  CHECK_FALSE(f.calls.back()(0, "nobody"));
  CHECK(ask_socket(f.node.socket(), {"status"}).code == Exit::ok);
}

TEST_CASE("one that has said all it wants to say still listens") {
  Fixture f;
  f.called = {};
  const Socket socket = Socket::unix_path(f.node.socket());
  socket.send(ctl_piece_header(1) + ctl_piece_header(4) + "work");
  ::shutdown(socket.fd(), SHUT_WR);
  f.called.get_future().wait();
  CHECK(f.calls.back()(0, "here"));
  CHECK(contains(socket.read_all(), "here"));
}

TEST_CASE("a node that stops ends the commands that wait") {
  Fixture f;
  auto output = f.begin();
  f.node.admin.stop();
  CHECK(output.get().text != "late\n");
  CHECK_FALSE(f.calls.back()(0, "late"));
}
