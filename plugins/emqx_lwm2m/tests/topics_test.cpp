// What templates of topics become, and which topic is whose.
#include "emqx_lwm2m/device/topics.hpp"

#include <doctest/doctest.h>

#include "emqx_lwm2m/settings.hpp"

using namespace lwm2m;

namespace {

TopicSettings usual() {
  TopicSettings out;
  out.command = "lwm2m/%e/command";
  out.response = "lwm2m/%e/response";
  out.notify = "lwm2m/%e/up/notify";
  out.registered = out.updated = out.deregistered = "lwm2m/%e/up/resp";
  out.v3_command = "lwm2m/%e/dn/#";
  out.v3_response = "lwm2m/%e/up/resp";
  return out;
}

// "documented ep1", "v3 ep1", "-"
std::string whose(const TopicSettings& topics, std::string_view topic) {
  const auto out = command_topic(topics, topic);
  if (!out) return "-";
  return (out->channel == Channel::v3 ? "v3 " : "documented ") + std::string(out->level);
}

}  // namespace

TEST_CASE("the mountpoint goes before what is not whole") {
  struct Case {
    std::string_view mountpoint, topic, whole;
  };
  constexpr Case kCases[] = {
      {"lwm2m/%e/", "command", "lwm2m/%e/command"},
      {"lwm2m/%e/", "lwm2m/%e/dn/#", "lwm2m/%e/dn/#"},
      {"lwm2m/${endpoint_name}/", "dn/#", "lwm2m/%e/dn/#"},
      {"lwm2m/%e/", "lwm2m/${endpoint_name}/up/resp", "lwm2m/%e/up/resp"},
      {"", "x/%e/command", "x/%e/command"},
      {"", "lwm2m/%e/command", "lwm2m/%e/command"},
      {"m/%a/", "${endpoint_name}/${endpoint_name}", "m/%a/%e/%e"},
      {"a/", "lwm2m", "a/lwm2m"},
      {"a/", "lwm2mx/b", "a/lwm2mx/b"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.mountpoint);
    CAPTURE(c.topic);
    CHECK(whole_template(c.mountpoint, c.topic) == c.whole);
  }
}

TEST_CASE("a template becomes a device's topic") {
  const TopicNames names{"ep%2F1", "10.0.0.%e"};
  struct Case {
    std::string_view whole, topic;
  };
  constexpr Case kCases[] = {
      {"lwm2m/%e/command", "lwm2m/ep%2F1/command"},
      {"%e", "ep%2F1"},
      {"%a/%e/%a", "10.0.0.%e/ep%2F1/10.0.0.%e"},
      {"a-%e-b/#", "a-ep%2F1-b/#"},
      {"100%", "100%"},
      {"%%e%x", "%ep%2F1%x"},
      {"", ""},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.whole);
    CHECK(expand(c.whole, names) == c.topic);
  }
}

TEST_CASE("the filter for all devices") {
  CHECK(any_device("lwm2m/%e/command") == "lwm2m/+/command");
  CHECK(any_device("lwm2m/%e/dn/#") == "lwm2m/+/dn/#");
  CHECK(any_device("%e") == "+");
  CHECK(any_device("/%e/") == "/+/");
}

TEST_CASE("each kind of message has its template") {
  TopicSettings topics;
  topics.response = "1", topics.v3_response = "2", topics.notify = "3";
  topics.registered = "4", topics.updated = "5", topics.deregistered = "6";
  std::string all;
  for (const Topic topic : {Topic::response, Topic::v3_response, Topic::notify, Topic::registered,
                            Topic::updated, Topic::deregistered})
    all += template_of(topics, topic);
  CHECK(all == "123456");
}

TEST_CASE("which device and channel a topic of commands is of") {
  const TopicSettings topics = usual();
  CHECK(whose(topics, "lwm2m/ep1/command") == "documented ep1");
  CHECK(whose(topics, "lwm2m/ep%2F1/command") == "documented ep%2F1");
  CHECK(whose(topics, "lwm2m/ep1/dn/read/7") == "v3 ep1");
  CHECK(whose(topics, "lwm2m/ep1/dn/") == "v3 ep1");
  CHECK(whose(topics, "lwm2m/ep1/dn") == "v3 ep1");  // # is the level above, too
  CHECK(whose(topics, "lwm2m//command") == "documented ");
  for (const std::string_view other :
       {"lwm2m/ep1/response", "lwm2m/ep1/command/x", "lwm2m/ep1", "lwm2m/ep1/", "lwm2m/a/b/command",
        "x/ep1/command", "", "/", "lwm2m/ep1/commands", "lwm2m/ep1/d"}) {
    CAPTURE(other);
    CHECK(whose(topics, other) == "-");
  }
}

TEST_CASE("settings of the third generation") {
  TopicSettings topics = usual();
  topics.command = "lwm2m/%e/dn/#";
  topics.v3_command.clear();
  CHECK(whose(topics, "lwm2m/ep1/dn/x") == "documented ep1");
  CHECK(whose(topics, "lwm2m/ep1/command") == "-");
  CHECK(whose(topics, "") == "-");
  topics.command = "all/+/%e/x";
  CHECK(whose(topics, "all/of/ep2/x") == "documented ep2");
}
