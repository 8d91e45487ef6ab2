// What devices say when they register and update.
#include "emqx_lwm2m/device/registration.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

using Queries = std::vector<std::string_view>;

struct Request {
  Queries queries;
  std::optional<std::uint16_t> format = 40;
  std::string_view payload = "</1/0>,</3/0>";
  std::string_view identity = {};
};

ParsedRegistration parsed(const Request& request, const RegistrationLimits& limits = {}) {
  return parse_register(request.queries, request.format, request.payload, request.identity, limits);
}

Registration accepted(const Request& request, const RegistrationLimits& limits = {}) {
  const ParsedRegistration result = parsed(request, limits);
  const auto* const problem = std::get_if<RegistrationProblem>(&result);
  REQUIRE_MESSAGE(!problem, problem->reason);
  return std::get<Registration>(result);
}

// The code; 0: it was accepted.
std::string refused(const Request& request, const RegistrationLimits& limits = {}) {
  const ParsedRegistration result = parsed(request, limits);
  const auto* const problem = std::get_if<RegistrationProblem>(&result);
  if (!problem) return "accepted";
  CHECK_FALSE(problem->reason.empty());
  return dotted(problem->code);
}

std::variant<Updated, RegistrationProblem> update(const Registration& present,
                                                  const Queries& queries,
                                                  std::string_view payload = {},
                                                  const RegistrationLimits& limits = {}) {
  return parse_update(present, queries, std::nullopt, payload, limits);
}
Updated updated(const Registration& present, const Queries& queries,
                std::string_view payload = {}) {
  const auto result = update(present, queries, payload);
  REQUIRE(std::holds_alternative<Updated>(result));
  return std::get<Updated>(result);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Objects = std::vector<std::string>;

Objects objects(std::string_view payload) {
  return accepted({.queries = {"ep=a"}, .payload = payload}).objects;
}

}  // namespace

TEST_CASE("a registration") {
  const Registration device = accepted({.queries = {"lwm2m=1.0", "ep=ep1", "lt=60", "b=U"}});
  CHECK(device.endpoint == "ep1");
  CHECK(device.lifetime_s == 60);
  CHECK(device.version == "1.0");
  CHECK(device.binding == "U");
  CHECK_FALSE(device.sms);
  CHECK_FALSE(device.queue_flag);
  CHECK(device.others.empty());
  CHECK(device.alternate_path == "/");
  CHECK(device.formats.empty());
  CHECK(device.objects == Objects{"/1/0", "/3/0"});
  CHECK(device.versions.empty());
}

TEST_CASE("what is not said") {
  const Registration device = accepted({.queries = {"ep=ep1"}});
  CHECK(device.lifetime_s == 86'400);
  CHECK(device.version == "1.0");
  CHECK_FALSE(device.binding);
  CHECK_FALSE(device.queue_mode());
  CHECK(accepted({.queries = {"ep=ep1"}}, {.lifetime_max_s = 3600}).lifetime_s == 3600);
  CHECK(accepted({.queries = {"ep=ep1"}}, {.lifetime_min_s = 90'000, .lifetime_max_s = 100'000})
            .lifetime_s == 90'000);
}

TEST_CASE("endpoint names") {
  const std::string longest(256, 'x'), too_long(257, 'x');
  for (const std::string& name : {"a"s, "urn:imei:35"s, "a/b+c#d e%"s, "Grüße"s, "a=b"s, longest}) {
    CAPTURE(name);
    const std::string query = "ep=" + name;
    CHECK(accepted({.queries = {query}}).endpoint == name);
    CHECK(endpoint_of(Queries{"lt=5", query, "b=U"}) == name);
  }
  for (const std::string& query :
       {"ep="s, "ep"s, "ep=\xff"s, "ep=a\xc3"s, "ep=a\0b"s, "ep=" + too_long, "EP=a"s, "epp=a"s}) {
    CAPTURE(query);
    CHECK(refused({.queries = {query, "lt=60"}}) == "4.00");
  }
  CHECK(refused({.queries = {}}) == "4.00");
  CHECK(endpoint_of(Queries{}).empty());
  CHECK(endpoint_of(Queries{"ep"}).empty());
  CHECK(endpoint_of(Queries{"ep=a", "ep=b"}) == "b");
  CHECK(accepted({.queries = {"ep=a", "ep=b"}}).endpoint == "b");
  CHECK(refused({.queries = {"ep=a", "ep="}}) == "4.00");
}

TEST_CASE("the identity is the name of who gives none") {
  CHECK(accepted({.queries = {"lt=60"}, .identity = "who"}).endpoint == "who");
  CHECK(accepted({.queries = {"ep=a"}, .identity = "who"}).endpoint == "a");
  CHECK(refused({.queries = {"ep="}, .identity = "who"}) == "4.00");
  CHECK(refused({.queries = {}, .identity = "\xff"}) == "4.00");
}

TEST_CASE("lifetimes") {
  const RegistrationLimits limits{.lifetime_min_s = 10, .lifetime_max_s = 3600};
  const RegistrationLimits clamp{.lifetime_min_s = 10, .lifetime_max_s = 3600, .clamp = true};
  const auto lifetime = [](std::string_view query, const RegistrationLimits& by) {
    return accepted({.queries = {"ep=a", query}}, by).lifetime_s;
  };
  CHECK(lifetime("lt=10", limits) == 10);
  CHECK(lifetime("lt=3600", limits) == 3600);
  CHECK(lifetime("lt=0060", limits) == 60);
  CHECK(lifetime("lt=0", limits) == 3600);
  CHECK(lifetime("lt=4294967295", {.lifetime_max_s = 0xffffffff}) == 0xffffffff);
  CHECK(lifetime("lt=9", clamp) == 10);
  CHECK(lifetime("lt=3601", clamp) == 3600);
  CHECK(lifetime("lt=4294967295", clamp) == 3600);
  for (const std::string_view query : {"lt=9", "lt=3601", "lt=4294967295"}) {
    CAPTURE(query);
    CHECK(refused({.queries = {"ep=a", query}}, limits) == "4.00");
  }
  for (const std::string_view query :
       {"lt=", "lt", "lt=abc", "lt=-1", "lt=+60", "lt=60s", "lt= 60", "lt=6.5", "lt=0x10",
        "lt=4294967296", "lt=99999999999", "lt=99999999999999999999999"}) {
    CAPTURE(query);
    CHECK(refused({.queries = {"ep=a", query}}, clamp) == "4.00");
  }
}

TEST_CASE("versions of LwM2M") {
  for (const std::string_view version : {"1", "1.0", "1.1", "1.2", "1.0.3", "1.10"}) {
    CAPTURE(version);
    const std::string query = "lwm2m=" + std::string(version);
    CHECK(accepted({.queries = {"ep=a", query}}).version == version);
  }
  for (const std::string_view query :
       {"lwm2m=2.0", "lwm2m=0.9", "lwm2m=x", "lwm2m=", "lwm2m", "lwm2m=1.", "lwm2m=.1", "lwm2m=11",
        "lwm2m=1.x", "lwm2m=1.1.1.1", "lwm2m=-1", "lwm2m=1.+1", "lwm2m=1.1 ", "lwm2m=1.999999"}) {
    CAPTURE(query);
    CHECK(refused({.queries = {"ep=a", query}}) == "4.12");
  }
  CHECK(accepted({.queries = {"lwm2m=9", "ep=a", "lwm2m=1.1"}}).version == "1.1");

  Registration device;
  const auto at_least = [&](std::string_view version, unsigned major, unsigned minor) {
    device.version = version;
    return device.at_least(major, minor);
  };
  CHECK(at_least("1", 1, 0));
  CHECK_FALSE(at_least("1", 1, 1));
  CHECK_FALSE(at_least("1.0.9", 1, 1));
  CHECK(at_least("1.1", 1, 1));
  CHECK(at_least("1.10", 1, 2));
  CHECK(at_least("1.1", 0, 5));
  CHECK_FALSE(at_least("1.9", 2, 0));
}

TEST_CASE("queue mode") {
  const auto queue_mode = [](Queries queries) {
    queries.push_back("ep=a");
    return accepted({.queries = std::move(queries)}).queue_mode();
  };
  CHECK(queue_mode({"Q"}));
  CHECK(queue_mode({"b=UQ"}));
  CHECK(queue_mode({"b=UQS"}));
  CHECK(queue_mode({"b=U", "Q"}));
  CHECK_FALSE(queue_mode({"b=U"}));
  CHECK_FALSE(queue_mode({"b="}));
  CHECK_FALSE(queue_mode({"b=uq"}));
  CHECK_FALSE(queue_mode({"q"}));
  CHECK(accepted({.queries = {"ep=a", "b=UXZ"}}).binding == "UXZ");
}

TEST_CASE("other parameters are kept, but for secrets") {
  const Registration device = accepted({.queries = {"imei=1", "ep=a", "pid=x=y=z", "bare", "imei=2",
                                                    "", "=5", "device_id=", "sms=+49"}});
  CHECK(device.others == Pairs{{"pid", "x=y=z"}, {"bare", ""}, {"imei", "2"}, {"device_id", ""}});
  CHECK(device.sms == "+49");
  for (const std::string_view secret :
       {"password=hunter", "PASSWORD=hunter", "my_password=hunter", "secret=hunter",
        "clientSecret=hunter", "token=hunter", "access_token=hunter", "Token2=hunter", "key=hunter",
        "apiKey=hunter", "keys=hunter"}) {
    CAPTURE(secret);
    const Registration with = accepted({.queries = {"ep=a", secret, "x=1"}});
    CHECK(with.others == Pairs{{"x", "1"}});
    CHECK(event(Event::registered, with).find("hunter") == std::string::npos);
  }
}

TEST_CASE("parameters do not forge what the event has of its own") {
  const Registration device =
      accepted({.queries = {"ep=a", "objectList=x", "alternatePath=y", "msgType=z"}});
  const std::string text = event(Event::registered, device);
  const auto data = boost::json::parse(text).at("data").as_object();
  CHECK(data.at("objectList").is_array());
  CHECK(data.at("alternatePath") == "/");
  CHECK(data.at("msgType") == "z");
  CHECK(text.find("\"x\"") == std::string::npos);
}

TEST_CASE("parameters are bounded, and text") {
  const std::string some = "x=" + std::string(300, 'x'), many = "x=" + std::string(9000, 'x');
  CHECK(accepted({.queries = {"ep=a", some}}).others.at(0).second.size() == 300);
  CHECK(refused({.queries = {"ep=a", many}}) == "4.00");
  CHECK(refused({.queries = {"ep=a", "b=" + many}}) == "4.00");
  CHECK(refused({.queries = {"ep=a", "sms=" + many}}) == "4.00");
  CHECK(refused({.queries = {"ep=a", "x=\xff"}}) == "4.00");
  CHECK(refused({.queries = {"ep=a", "\xff=1"}}) == "4.00");
  Queries queries(65, "x=1");
  queries[0] = "ep=a";
  CHECK(refused({.queries = queries}) == "4.00");
  queries.pop_back();
  CHECK(refused({.queries = queries}) == "accepted");
}

TEST_CASE("content formats of the list") {
  const auto with = [](std::optional<std::uint16_t> format) {
    return refused({.queries = {"ep=a"}, .format = format});
  };
  for (const std::optional<std::uint16_t> format :
       std::initializer_list<std::optional<std::uint16_t>>{std::nullopt, 0, 40, 1541}) {
    CHECK(with(format) == "accepted");
  }
  for (const std::uint16_t format : {11542, 11543, 110, 112, 42, 1}) {
    CAPTURE(format);
    CHECK(with(format) == "4.15");
  }
}

TEST_CASE("lists of objects as devices write them") {
  CHECK(objects("") == Objects{});
  CHECK(objects("</1>") == Objects{"/1"});
  CHECK(objects("</1>, </2> ,</3/0>") == Objects{"/1", "/2", "/3/0"});
  CHECK(objects("</3/0>;obs,</5>") == Objects{"/3/0", "/5"});
  CHECK(objects("</1>;title=\"a,</9>;\",</2>") == Objects{"/1", "/2"});
  CHECK(objects("</5>,</1>,</5>") == Objects{"/5", "/1", "/5"});
  CHECK(objects("</>,</foo>,</3/0/1>,</70000>,</1//0>,</3/0>") == Objects{"/3/0"});
  for (const std::string& garbage :
       {"</1"s, "1,2"s, "<<<>>>"s, "\x01\x02\xff"s, "</1>;x=\""s, "hello"s, "</1>\0</2>"s}) {
    CAPTURE(garbage);
    const std::string code = refused({.queries = {"ep=a"}, .payload = garbage});
    if (code == "accepted") {
      CHECK(objects(garbage).empty());
    } else {
      CHECK(code == "4.00");
    }
  }
}

TEST_CASE("versions of objects") {
  const Registration device = accepted(
      {.queries = {"ep=a"},
       .payload = "</5>;ver=1.1,</3/0>;ver=\"1.2\",</1>;ver=x,</4>;ver,</5>;ver=1.0,</2>;ver=1"});
  CHECK(device.versions == ObjectVersions{{3, "1.2"}, {5, "1.1"}});
  CHECK(device.objects == Objects{"/5", "/3/0", "/1", "/4", "/5", "/2"});
}

TEST_CASE("the root and its formats") {
  Registration device =
      accepted({.queries = {"ep=a"}, .payload = "</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3/0>"});
  CHECK(device.alternate_path == "/");
  CHECK(device.formats == std::vector<std::uint16_t>{110});
  CHECK(device.objects == Objects{"/1/0", "/3/0"});

  device =
      accepted({.queries = {"ep=a"},
                .payload = "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>,</lwm2m/1>,</5>,</lwm2mx/6>"});
  CHECK(device.alternate_path == "/lwm2m");
  CHECK(device.objects == Objects{"/3/0", "/1", "/5"});

  device = accepted({.queries = {"ep=a"},
                     .payload = "</a/b/3/0>,</a/b/>;ct=\"112 110,11543 1542 x 99999 112\""
                                ";rt=\"core.rd oma.lwm2m\""});
  CHECK(device.alternate_path == "/a/b");
  CHECK(device.objects == Objects{"/3/0"});
  CHECK(device.formats == std::vector<std::uint16_t>{112, 110, 11543, 11542});

  CHECK(accepted({.queries = {"ep=a"}, .payload = "</x>;rt=oma.lwm2m"}).alternate_path == "/x");
  CHECK(accepted({.queries = {"ep=a"}, .payload = "<x>;rt=oma.lwm2m"}).alternate_path == "/x");
  CHECK(accepted({.queries = {"ep=a"}, .payload = "</x>;rt=other"}).alternate_path == "/");
  const std::string long_root = "</" + std::string(300, 'x') + ">;rt=oma.lwm2m";
  CHECK(refused({.queries = {"ep=a"}, .payload = long_root}) == "4.00");
}

TEST_CASE("lists are bounded") {
  std::string links;
  for (int i = 0; i < 10; ++i) links += "</" + std::to_string(i) + ">,";
  links.pop_back();
  const Request request{.queries = {"ep=a"}, .payload = links};
  CHECK(refused(request, {.max_links = 10}) == "accepted");
  CHECK(refused(request, {.max_links = 9}) == "4.00");
  CHECK(refused(request, {.max_list = links.size()}) == "accepted");
  CHECK(refused(request, {.max_list = links.size() - 1}) == "4.13");
}

TEST_CASE("an empty list is refused where that is wanted") {
  const RegistrationLimits strict{.strict = true};
  CHECK(refused({.queries = {"ep=a"}, .payload = ""}) == "accepted");
  CHECK(refused({.queries = {"ep=a"}, .payload = ""}, strict) == "4.00");
  CHECK(refused({.queries = {"ep=a"}, .payload = "</>;rt=oma.lwm2m"}, strict) == "4.00");
  CHECK(refused({.queries = {"ep=a"}, .payload = "</3/0>"}, strict) == "accepted");
}

TEST_CASE("what an object list covers") {
  Registration device;
  device.objects = {"/3/0", "/5"};
  const auto has = [&](std::string_view path) { return device.has(*parse_path(path)); };
  CHECK(has("/3/0"));
  CHECK(has("/3/0/1"));
  CHECK(has("/3/0/6/1"));
  CHECK(has("/5/7/1"));
  CHECK_FALSE(has("/3"));
  CHECK_FALSE(has("/3/1"));
  CHECK_FALSE(has("/50"));
}

TEST_CASE("an update without anything changes nothing") {
  const Registration device =
      accepted({.queries = {"ep=a", "lt=60", "lwm2m=1.1", "b=UQ", "sms=1", "x=1"},
                .payload = "</r>;rt=oma.lwm2m;ct=110,</r/3/0>;ver=1.1"});
  const Updated same = updated(device, {});
  CHECK_FALSE(same.with_objects);
  CHECK(event(Event::updated, same.registration) == event(Event::updated, device));
  CHECK(same.registration.formats == device.formats);
  CHECK(same.registration.versions == device.versions);
}

TEST_CASE("an update merges what it brings") {
  const Registration device =
      accepted({.queries = {"ep=a", "lt=60", "lwm2m=1.1", "b=U", "x=1", "y=1"}});
  const Updated some = updated(
      device, {"ep=other", "lwm2m=2.0", "lt=120", "b=UQ", "sms=5", "Q", "x=2", "z=3", "token=5"});
  CHECK_FALSE(some.with_objects);
  CHECK(some.registration.endpoint == "a");
  CHECK(some.registration.version == "1.1");
  CHECK(some.registration.lifetime_s == 120);
  CHECK(some.registration.binding == "UQ");
  CHECK(some.registration.sms == "5");
  CHECK(some.registration.queue_flag);
  CHECK(some.registration.others == Pairs{{"x", "2"}, {"y", "1"}, {"z", "3"}});
  CHECK(some.registration.objects == device.objects);
  CHECK(device.lifetime_s == 60);
}

TEST_CASE("an update with a list replaces the list") {
  const Registration device = accepted(
      {.queries = {"ep=a"}, .payload = "</r>;rt=oma.lwm2m;ct=110,</r/3/0>;ver=1.1,</r/1/0>"});
  Updated other = updated(device, {}, "</r/5>;ver=1.0");
  CHECK(other.with_objects);
  CHECK(other.registration.objects == Objects{"/5"});
  CHECK(other.registration.versions == ObjectVersions{{5, "1.0"}});
  // The root stays where it was, unless it is named again.
  CHECK(other.registration.alternate_path == "/r");
  CHECK(other.registration.formats == std::vector<std::uint16_t>{110});
  other = updated(device, {}, "</>;rt=oma.lwm2m;ct=112,</5>");
  CHECK(other.registration.alternate_path == "/");
  CHECK(other.registration.formats == std::vector<std::uint16_t>{112});
}

TEST_CASE("updates that are refused") {
  const Registration device = accepted({.queries = {"ep=a", "lt=60"}});
  const auto code = [&](const Queries& queries, std::string_view payload = {},
                        const RegistrationLimits& limits = {}) -> std::string {
    const auto result = update(device, queries, payload, limits);
    const auto* const problem = std::get_if<RegistrationProblem>(&result);
    return problem ? dotted(problem->code) : "accepted";
  };
  CHECK(code({"lt=x"}) == "4.00");
  CHECK(code({"lt=90000"}) == "4.00");
  CHECK(code({"lt=90000"}, {}, {.clamp = true}) == "accepted");
  CHECK(code({"x=\xff"}) == "4.00");
  CHECK(code(Queries(65, "x=1")) == "4.00");
  CHECK(code({}, "</1") == "4.00");
  CHECK(code({}, "</1>,</2>", {.max_list = 5}) == "4.13");
  const auto foreign = parse_update(device, {}, 11542, "</1>", {});
  REQUIRE(std::holds_alternative<RegistrationProblem>(foreign));
  CHECK(std::get<RegistrationProblem>(foreign).code == coap::kUnsupportedFormat);
  // Not bit by bit, either.
  Registration grown = device;
  const std::string value(3000, 'x');
  const std::string names[] = {"a=" + value, "b2=" + value, "c=" + value};
  grown = updated(grown, {names[0]}).registration;
  grown = updated(grown, {names[1]}).registration;
  CHECK(std::holds_alternative<RegistrationProblem>(update(grown, {names[2]})));
}

TEST_CASE("endpoint names as topic levels") {
  struct {
    std::string_view name, level;
  } const cases[] = {
      {"ep1", "ep1"}, {"a/b+c#d", "a%2Fb%2Bc%23d"}, {"50%", "50%25"}, {"%2F", "%252F"},
      {"a b", "a b"}, {"Grüße", "Grüße"},           {"$SYS", "$SYS"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.name);
    CHECK(topic_level(one.name) == one.level);
    CHECK(endpoint_of_level(one.level) == std::string(one.name));
  }
  for (const std::string_view level : {"", "%", "50%", "%2f", "%41", "%2", "a/b", "+", "#"}) {
    CAPTURE(level);
    CHECK_FALSE(endpoint_of_level(level));
  }
  CHECK_FALSE(endpoint_of_level(std::string(257, 'x')));
  std::string encoded;
  for (int i = 0; i < 256; ++i) encoded += "%2F";
  CHECK(endpoint_of_level(encoded) == std::string(256, '/'));
}
