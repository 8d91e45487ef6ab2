// message/1: what create takes, what view shows, who holds what.
#include <doctest/doctest.h>

#include "broker_host.hpp"
#include "keel/ext/message.h"

namespace keel::test {
namespace {

const keel_ext_message& message() { return tables::message; }

struct HostMessageFixture {
  HostMessageFixture() : slot(host.plugin("maker")) { host.run(slot); }
  keel_status create(const keel_message_view& view, keel_message** out) {
    return message().create(slot.host(), &view, out);
  }
  BrokerHost host{1};
  Slot& slot;
};

keel_message_view message_of(std::string_view topic, std::string_view payload = "x") {
  keel_message_view view{};
  view.size = sizeof view;
  view.topic = str(topic);
  view.payload = str(payload);
  return view;
}

keel_property property(std::uint32_t id, std::string_view value, std::string_view name = {},
                       std::uint32_t number = 0) {
  return {id, number, str(name), str(value)};
}

TEST_CASE("what is made is what is shown") {
  HostMessageFixture f;
  const keel_property props[] = {
      property(KEEL_PROP_PAYLOAD_FORMAT, {}, {}, 1),
      property(KEEL_PROP_CONTENT_TYPE, "text/plain"),
      property(KEEL_PROP_RESPONSE_TOPIC, "answer/here"),
      property(KEEL_PROP_CORRELATION_DATA, std::string_view("\0\xff", 2)),
      property(KEEL_PROP_USER, "1", "name"),
      property(KEEL_PROP_USER, "2", "name")};
  keel_message_view view = message_of("a/b", "payload");
  view.qos = 2;
  view.retain = 1;
  view.expiry_s = 60;
  view.props = props;
  view.props_n = 6;
  keel_message* made = nullptr;
  REQUIRE(f.create(view, &made) == KEEL_OK);
  message().ref(f.slot.host(), made);
  message().unref(f.slot.host(), made);
  struct Seen {
    const keel_property* props;
    keel_message* message;
    int times = 0;
  } seen{props, made};
  CHECK(message().view(
            f.slot.host(), made,
            [](void* ctx, const keel_message_view* shown) {
              auto& mine = *static_cast<Seen*>(ctx);
              ++mine.times;
              CHECK(std::string(kernel::view(shown->topic)) == "a/b");
              CHECK(std::string(kernel::view(shown->payload)) == "payload");
              CHECK(shown->qos == 2);
              CHECK(shown->retain == 1);
              CHECK(shown->expiry_s == 60);
              CHECK(shown->received_ms != 0);
              CHECK(shown->message == mine.message);
              REQUIRE(shown->props_n == 6);
              for (std::uint32_t i = 0; i < 6; ++i) {
                const keel_property &a = shown->props[i], &b = mine.props[i];
                CHECK(a.id == b.id);
                CHECK(a.number == b.number);
                CHECK(std::string(kernel::view(a.name)) == std::string(kernel::view(b.name)));
                CHECK(std::string(kernel::view(a.value)) == std::string(kernel::view(b.value)));
              }
            },
            &seen) == KEEL_OK);
  CHECK(seen.times == 1);
  message().unref(f.slot.host(), made);
  message().unref(f.slot.host(), nullptr);
  CHECK(message().view(
            f.slot.host(), nullptr, [](void*, const keel_message_view*) {}, nullptr) ==
        KEEL_E_INVAL);
}

TEST_CASE("what create refuses") {
  HostMessageFixture f;
  keel_message* made = nullptr;
  const std::string longest(65'535, 'x'), too_long(65'536, 'x');
  for (const std::string& topic : {std::string(), std::string("a/+"), std::string("#"),
                                   std::string("\xff"), std::string("a\0b", 3), too_long}) {
    CAPTURE(topic.substr(0, 10));
    CHECK(f.create(message_of(topic), &made) == KEEL_E_INVAL);
    CHECK(!error_text().empty());
  }
  keel_message_view bad = message_of("t");
  bad.qos = 3;
  CHECK(f.create(bad, &made) == KEEL_E_INVAL);
  bad = message_of("t");
  bad.size = 8;
  CHECK(f.create(bad, &made) == KEEL_E_INVAL);
  CHECK(message().create(f.slot.host(), nullptr, &made) == KEEL_E_INVAL);
  CHECK(f.create(message_of("t"), nullptr) == KEEL_E_INVAL);
  CHECK(f.create(message_of("t", std::string(f.host.settings->limits.max_packet_size + 1, 'x')),
                 &made) == KEEL_E_LIMIT);

  const keel_property wrong[] = {property(KEEL_PROP_PAYLOAD_FORMAT, {}, {}, 2),
                                 property(KEEL_PROP_CONTENT_TYPE, "\xff"),
                                 property(KEEL_PROP_RESPONSE_TOPIC, "a/#"),
                                 property(KEEL_PROP_RESPONSE_TOPIC, ""),
                                 property(KEEL_PROP_CORRELATION_DATA, too_long),
                                 property(KEEL_PROP_USER, "\xff", "name"),
                                 property(KEEL_PROP_USER, "value", too_long),
                                 property(2, "60"),
                                 property(0, ""),
                                 property(~0u, "")};
  for (const keel_property& each : wrong) {
    CAPTURE(each.id);
    keel_message_view view = message_of("t");
    view.props = &each;
    view.props_n = 1;
    CHECK(f.create(view, &made) == KEEL_E_INVAL);
  }
  const keel_property twice[] = {property(KEEL_PROP_CONTENT_TYPE, "a"),
                                 property(KEEL_PROP_CONTENT_TYPE, "b")};
  keel_message_view view = message_of("t");
  view.props = twice;
  view.props_n = 2;
  CHECK(f.create(view, &made) == KEEL_E_INVAL);
  view.props = nullptr;
  CHECK(f.create(view, &made) == KEEL_E_INVAL);
  CHECK(made == nullptr);
  f.slot.set_accepting(false);
  CHECK(f.create(message_of(longest), &made) == KEEL_E_STATE);
}

TEST_CASE("expiry 0 is none") {
  HostMessageFixture f;
  keel_message* made = nullptr;
  REQUIRE(f.create(message_of("t"), &made) == KEEL_OK);
  CHECK(message().view(
            f.slot.host(), made,
            [](void*, const keel_message_view* shown) {
              CHECK(shown->expiry_s == KEEL_NO_EXPIRY);
              CHECK(shown->props_n == 0);
            },
            nullptr) == KEEL_OK);
  message().unref(f.slot.host(), made);
}

}  // namespace
}  // namespace keel::test
