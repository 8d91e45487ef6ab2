// What ctl says about clients, topics and numbers, as text and as JSON.
#include "emqx_sn/report.hpp"

#include <doctest/doctest.h>

namespace {

sn::ClientReport sensor() {
  sn::ClientReport out;
  out.id = "sensor 7";
  out.peer = "10.0.0.7:5000";
  out.listener = "sn:default";
  out.state = sn::Client::State::asleep;
  out.keep_alive_s = 60;
  out.sleep_s = 300;
  out.persistent = out.kept = true;
  out.topics = 3;
  out.held = 1;
  out.backlog = sn::Backlog{4, 2, 5, 6};
  return out;
}

}  // namespace

TEST_CASE("a client on one line") {
  CHECK(sensor().line() ==
        "SnClient(sensor 7, peername=10.0.0.7:5000, state=asleep, keepalive=60, sleep=300, "
        "topics=3, queue=5)\n");
  sn::ClientReport away;
  away.id = "a\nb\x1b[1m\xc2\x9b";
  away.state = sn::Client::State::away;
  CHECK(away.line() ==
        "SnClient(a\\x0ab\\x1b[1m\\x9b, peername=unknown, state=away, keepalive=0, sleep=0, "
        "topics=0, queue=unknown)\n");
}

TEST_CASE("a client on a page") {
  sn::ClientReport report = sensor();
  report.identity = "key\t1";
  CHECK(report.page() ==
        report.line() +
            "  listener      : sn:default\n"
            "  identity      : key\\x091\n"
            "  session       : persistent\n"
            "  kept          : yes, it is known again after a restart of the broker\n"
            "  will          : no\n"
            "  held          : 1 messages in the gateway, not acknowledged or "
            "not sent yet\n"
            "  waiting       : 4 messages in the broker\n"
            "  inflight      : 2\n"
            "  subscriptions : 5\n"
            "  dropped       : 6 messages since the session began\n");
  report.backlog.reset();
  report.identity.clear();
  report.will = true;
  report.persistent = report.kept = false;
  CHECK(report.page() == report.line() +
                             "  listener      : sn:default\n"
                             "  session       : clean\n"
                             "  kept          : no\n"
                             "  will          : yes\n"
                             "  held          : 1 messages in the gateway, not acknowledged or "
                             "not sent yet\n"
                             "  waiting       : unknown; it has no connection to the broker\n");
}

TEST_CASE("a client in JSON") {
  CHECK(
      sensor().json() ==
      R"({"clientid":"sensor 7","peername":"10.0.0.7:5000","listener":"sn:default",)"
      R"("state":"asleep","keepalive":60,"sleep":300,"persistent":true,"kept":true,"will":false,)"
      R"("topics":3,"held":1,"broker":{"waiting":4,"inflight":2,"subscriptions":5,"dropped":6}})");
  sn::ClientReport bare;
  bare.id = "\"\n";
  bare.identity = "k";
  CHECK(
      bare.json() ==
      R"({"clientid":"\"\n","peername":null,"listener":null,"identity":"k",)"
      R"("state":"connecting","keepalive":0,"sleep":0,"persistent":false,"kept":false,"will":false,)"
      R"("topics":0,"held":0,"broker":null})");
}

TEST_CASE("topic ids, and what is between client and gateway about them") {
  using sn::TopicTable;
  const auto line = [](std::uint8_t flags) { return sn::TopicReport{256, "a/b", flags}.line(); };
  CHECK(line(0) == "  256  a/b  (not told)\n");
  CHECK(line(TopicTable::kKnown) == "  256  a/b  (known)\n");
  CHECK(line(TopicTable::kSubscribed) == "  256  a/b  (subscribed, not told)\n");
  CHECK(line(TopicTable::kSubscribed | TopicTable::kKnown) == "  256  a/b  (subscribed)\n");
  CHECK(line(TopicTable::kRefused | TopicTable::kKnown) == "  256  a/b  (refused)\n");
  CHECK(sn::TopicReport{65534, "a\nb", 1}.line() == "65534  a\\x0ab  (known)\n");
  CHECK(sn::TopicReport{1, "a", 1}.json() == R"({"id":1,"topic":"a","state":"known"})");
}

TEST_CASE("pre-defined topics") {
  sn::Predefined names;
  CHECK(sn::predefined_text(names) == "there are none; see mqtt.sn.predefined.topic.*\n");
  CHECK(sn::predefined_json(names) == "[]\n");
  REQUIRE(names.add("", 1, "a/b"));
  REQUIRE(names.add("c1", 2, "c"));
  CHECK(sn::predefined_text(names) == "*  1  a/b\nc1  2  c\n");
  CHECK(sn::predefined_json(names) ==
        R"([{"clientid":null,"id":1,"topic":"a/b"},{"clientid":"c1","id":2,"topic":"c"}])"
        "\n");
}

TEST_CASE("figures in groups") {
  const sn::Figure figures[] = {{"clients", "active", 2},
                                {"clients", "away", 0},
                                {"events", "a_name_of_quite_some_length", 3}};
  CHECK(keel::gateway::figures_text(figures) ==
        "clients.active                  : 2\n"
        "clients.away                    : 0\n"
        "events.a_name_of_quite_some_length: 3\n");
  CHECK(keel::gateway::figures_json(figures) ==
        R"({"clients":{"active":2,"away":0},"events":{"a_name_of_quite_some_length":3}})"
        "\n");
}

TEST_CASE("names of states and types go both ways") {
  for (const sn::Client::State state : sn::kStates) {
    CHECK(sn::state_named(sn::state_name(state)) == state);
  }
  CHECK_FALSE(sn::state_named("sleepy"));
  CHECK_FALSE(sn::state_named(""));
  CHECK(sn::type_label(sn::Type::publish) == "publish");
  CHECK(sn::type_label(sn::Type::reg) == "register");
  CHECK(sn::type_label(sn::Type::advertise) == "advertise");
  for (const int reserved : {0x03, 0x11, 0x19, 0x1e, 0x1f}) {
    CHECK(sn::type_label(static_cast<sn::Type>(reserved)) == "");
  }
}

TEST_CASE("a list in JSON") {
  CHECK(keel::gateway::json_list({}) == "[]\n");
  const std::string items[] = {"1", "{}"};
  CHECK(keel::gateway::json_list(items) == "[1,{}]\n");
}

TEST_CASE("what a client writes cannot write on the operator's screen") {
  CHECK(sn::on_one_line("plain \xc3\xa9 \xe2\x82\xac") == "plain \xc3\xa9 \xe2\x82\xac");
  CHECK(sn::on_one_line("\x7f\x01") == "\\x7f\\x01");
  CHECK(sn::on_one_line("\xc2\x80\xc2\xa0") == "\\x80\xc2\xa0");
  CHECK(sn::on_one_line("\xc2") == "\xc2");
}
