#include "kernel/broker/trace.hpp"

#include <doctest/doctest.h>

#include <regex>
#include <thread>

#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using keel::test::lines_of_file;
using keel::test::TempDir;

TEST_CASE("traces write what concerns their client or topic, with a time stamp") {
  const TempDir dir;
  const std::string client_file = dir.path() / "client", topic_file = dir.path() / "topic";
  const auto one = TraceSet::with(nullptr, Trace::Kind::client, "alice", client_file);
  REQUIRE(one);
  const auto two = TraceSet::with(one->get(), Trace::Kind::topic, "a/+/c", topic_file);
  REQUIRE(two);
  CHECK((*one)->traces().size() == 1);  // the older set is as it was
  CHECK((*two)->traces().size() == 2);

  (*two)->write("alice", "", "CONNECT");
  (*two)->write("alice", "a/b/c", "PUBLISH both");
  (*two)->write("bob", "a/b/c", "PUBLISH topic");
  (*two)->write("bob", "a/b", "nobody");
  (*two)->write("bob", "", "nobody");
  (*two)->write("alice", "$SYS/x", "evil\nline\x1b[0m");

  const auto client = lines_of_file(client_file), topic = lines_of_file(topic_file);
  REQUIRE(client.size() == 3);
  REQUIRE(topic.size() == 2);
  const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z CONNECT)");
  CHECK(std::regex_match(client[0], form));
  CHECK(client[1].ends_with(" PUBLISH both"));
  CHECK(client[2].ends_with(R"( evil\x0aline\x1b[0m)"));
  CHECK(topic[0].ends_with(" PUBLISH both"));
  CHECK(topic[1].ends_with(" PUBLISH topic"));
  for (const Trace& trace : (*two)->traces()) CHECK(trace_errors(trace) == 0);
}

TEST_CASE("traces append to a file that is there") {
  const TempDir dir;
  const std::string file = dir.path() / "t";
  for (int i = 0; i < 2; ++i) {
    const auto set = TraceSet::with(nullptr, Trace::Kind::client, "c", file);
    REQUIRE(set);
    (*set)->write("c", "", "line");
  }
  CHECK(lines_of_file(file).size() == 2);
}

TEST_CASE("a trace that cannot be is refused with the reason") {
  const TempDir dir;
  const std::string file = dir.path() / "t";
  const auto base = TraceSet::with(nullptr, Trace::Kind::client, "c", file);
  REQUIRE(base);
  const auto refused = [&](Trace::Kind kind, std::string subject, const std::string& path) {
    const auto set = TraceSet::with(base->get(), kind, std::move(subject), path);
    return set ? std::string("accepted") : set.error();
  };
  CHECK(refused(Trace::Kind::client, "c", dir.path() / "u").find("already traced") !=
        std::string::npos);
  CHECK(refused(Trace::Kind::topic, "c", dir.path() / "u") == "accepted");  // another kind
  CHECK(refused(Trace::Kind::client, "", file).find("empty") != std::string::npos);
  CHECK(refused(Trace::Kind::topic, "a/#/b", file).find("topic filter") != std::string::npos);
  CHECK(refused(Trace::Kind::topic, "$share/g/t", file).find("share") != std::string::npos);
  const std::string missing = dir.path() / "no" / "such";
  CHECK(refused(Trace::Kind::client, "d", missing).find("No such file") != std::string::npos);
  CHECK(refused(Trace::Kind::client, "d", dir.path()).find("directory") != std::string::npos);
}

TEST_CASE("the last trace taken out leaves no set") {
  const TempDir dir;
  const auto one = TraceSet::with(nullptr, Trace::Kind::client, "c", dir.path() / "a");
  const auto two = TraceSet::with(one->get(), Trace::Kind::topic, "#", dir.path() / "b");
  REQUIRE(two);
  CHECK_FALSE(TraceSet::without(two->get(), Trace::Kind::client, "x"));
  CHECK_FALSE(TraceSet::without(nullptr, Trace::Kind::client, "c"));
  const auto left = TraceSet::without(two->get(), Trace::Kind::client, "c");
  REQUIRE(left);
  REQUIRE((*left)->traces().size() == 1);
  CHECK((*left)->traces()[0].subject == "#");
  const auto none = TraceSet::without(left->get(), Trace::Kind::topic, "#");
  REQUIRE(none);
  CHECK(*none == nullptr);
}

TEST_CASE("lines that cannot be written are counted") {
  const auto set = TraceSet::with(nullptr, Trace::Kind::client, "c", "/dev/full");
  REQUIRE(set);
  for (int i = 0; i < 3; ++i) (*set)->write("c", "", "line");
  CHECK(trace_errors((*set)->traces()[0]) == 3);
}

TEST_CASE("several threads write whole lines") {
  const TempDir dir;
  const std::string file = dir.path() / "t";
  const auto set = TraceSet::with(nullptr, Trace::Kind::client, "c", file);
  REQUIRE(set);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) (*set)->write("c", "", "one whole line");
    });
  }
  for (auto& thread : threads) thread.join();
  const auto lines = lines_of_file(file);
  CHECK(lines.size() == 1'000);
  for (const auto& line : lines) CHECK(line.size() == lines[0].size());
}
