// `ctl lwm2m ...` on a fake host, with devices on both shards.
#include <fstream>

#include "gateway_fixture.hpp"

namespace {

using namespace gateway_test;

// Whatever a test does beside, the definitions are those that are shipped.
Settings with(Settings more = {}) {
  more.emplace_back("lwm2m.xml_dir", LWM2M_XML_DIR);
  return more;
}

struct Shell : Gateway {
  explicit Shell(const Settings& settings = {}) : Gateway(with(settings)) {}

  std::string ok(std::string_view line) {
    const keel::FakeOutput out = host.ctl(line);
    CHECK_MESSAGE(out.exit == KEEL_EXIT_OK, out.output);
    return out.output;
  }
  std::string refused(std::string_view line) {
    const keel::FakeOutput out = host.ctl(line);
    CHECK(out.exit == KEEL_EXIT_ERROR);
    return out.output;
  }
  // Asks, and the device answers the request that it hears with `answer`: "2.04", "2.05 ct=0 'x".
  keel::FakeOutput ask(std::string_view line, const std::string& answer,
                       std::string_view from = kA) {
    heard();
    const keel::FakeOutput out = host.ctl(line);
    CHECK(out.exit == KEEL_EXIT_LATER);
    request = heard();
    const std::size_t id = request.find('#'), token = request.find(" t", id);
    REQUIRE(token != std::string::npos);
    const std::size_t end = std::min(request.find(' ', token + 1), request.size());
    const std::string code = answer.substr(0, answer.find(' '));
    say(keel::concat("ACK ", code, ' ', request.substr(id, token - id),
                     request.substr(token, end - token), answer.substr(code.size())),
        from);
    host.run_jobs();
    return host.ctl_answer(out.reply);
  }
  std::string request;  // the last one
};

std::size_t lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("nobody is listed where nobody is") {
  Shell shell;
  CHECK(shell.ok("lwm2m list") == "");
  CHECK(shell.ok("lwm2m list --json") == "[]\n");
}

TEST_CASE("devices of both shards are listed") {
  Shell shell;
  shell.join("c1", kA);
  shell.join("c2", kB, "?b=UQ");
  const std::string all = shell.ok("lwm2m list");
  CHECK(lines(all) == 2);
  CHECK(contains(all,
                 "Lwm2mDevice(c1, peername=127.0.0.1:40001, version=1.0, binding=U, lifetime=60, "
                 "left=60, state=awake, objects=2, observes=0, queue=0)\n"));
  CHECK(contains(all,
                 "Lwm2mDevice(c2, peername=127.0.0.1:40002, version=1.0, binding=UQ, lifetime=60, "
                 "left=60, state=awake, objects=2, observes=0, queue=0)\n"));
  shell.host.advance(30'000);
  CHECK(contains(shell.ok("lwm2m list"), "left=30, state=asleep"));
  const std::string json = shell.ok("lwm2m list --json");
  CHECK(json.starts_with(R"([{"endpoint":"c)"));
  CHECK(json.ends_with("}]\n"));
}

TEST_CASE("a thousand devices are listed once each") {
  Shell shell;
  for (int i = 0; i < 1000; ++i) {
    shell.join(keel::concat("device-", i), keel::concat("127.0.0.1:", 10'000 + i));
  }
  const std::string all = shell.ok("lwm2m list");
  CHECK(lines(all) == 1000);
  for (int i = 0; i < 1000; ++i) {
    CHECK(contains(all, keel::concat("Lwm2mDevice(device-", i, ", ")));
  }
}

TEST_CASE("a device is shown, with its objects") {
  Shell shell;
  shell.join("c2", kA, "?imei=123 ?password=hidden");
  const std::string page = shell.ok("lwm2m show c2");
  CHECK(page.starts_with("Lwm2mDevice(c2, "));
  CHECK(contains(page, "  listener      : lwm2m:udp\n"));
  CHECK(contains(page, "  imei          : 123\n"));
  CHECK(contains(page, "  objects       : /1/0 /3/0\n"));
  CHECK_FALSE(contains(page, "hidden"));
  CHECK(contains(shell.ok("lwm2m show c2 --json"), R"("objects":["/1/0","/3/0"])"));
  CHECK(shell.ok("lwm2m objects c2") ==
        "/1/0            LwM2M Server (1.1)\n/3/0            Device (1.0)\n");
  CHECK(contains(shell.ok("lwm2m objects c2 --json"),
                 R"({"path":"/3/0","name":"Device","version":"1.0"})"));
}

TEST_CASE("of a device that is not there nothing is known") {
  Shell shell;
  for (const char* line :
       {"lwm2m show x", "lwm2m objects x", "lwm2m queue x", "lwm2m observations x",
        "lwm2m deregister x", "lwm2m read x /3", "lwm2m write x /3/0/13 1", "lwm2m exec x /3/0/4",
        "lwm2m observe x /3", "lwm2m cancel x /3", "lwm2m discover x /3"}) {
    CAPTURE(line);
    CHECK(shell.refused(line) == "there is no device 'x' here; see ctl lwm2m list\n");
  }
}

TEST_CASE("words that make no sense") {
  Shell shell;
  for (const char* line :
       {"lwm2m", "lwm2m list all", "lwm2m show", "lwm2m show a b", "lwm2m read", "lwm2m read c1",
        "lwm2m read c1 /3 x", "lwm2m write c1 /3", "lwm2m write c1 /3 1 Integer x", "lwm2m exec c1",
        "lwm2m exec c1 /3/0/4 a b", "lwm2m xml", "lwm2m xml list x", "lwm2m xml show",
        "lwm2m xml show 3 1.0 x", "lwm2m xml eat", "lwm2m stats now", "lwm2m dance c1 /3"}) {
    CAPTURE(line);
    CHECK(shell.host.ctl(line).exit == KEEL_EXIT_USAGE);
  }
}

TEST_CASE("a resource is read from the shell") {
  for (const char* endpoint : {"c1", "c2"}) {
    Shell shell;
    shell.join(endpoint);
    const auto out = shell.ask(keel::concat("lwm2m read ", endpoint, " /3/0/0"), "2.05 ct=0 'EMQ");
    CHECK(contains(shell.request, "CON GET #"));
    CHECK(contains(shell.request, " /3 /0 /0"));
    CHECK(out.exit == KEEL_EXIT_OK);
    CHECK(out.output == "/3/0/0  Manufacturer  EMQ\n");
    const auto json =
        shell.ask(keel::concat("lwm2m read ", endpoint, " 3/0/9 --json"), "2.05 ct=0 '95");
    CHECK(json.exit == KEEL_EXIT_OK);
    CHECK(json.output ==
          R"({"msgType":"read","data":{"reqPath":"3/0/9","code":"2.05","codeMsg":"content",)"
          R"("content":[{"path":"/3/0/9","value":95}]}})"
          "\n");
    // Nobody has heard of it but who has asked.
    CHECK_FALSE(contains(shell.published(endpoint), "\"msgType\":\"read\""));
  }
}

TEST_CASE("what a device refuses is told") {
  Shell shell;
  shell.join("c1");
  const auto out = shell.ask("lwm2m read c1 /9/0", "4.04");
  CHECK(out.exit == KEEL_EXIT_ERROR);
  CHECK(out.output == "4.04 not_found\n");
  const auto json = shell.ask("lwm2m read c1 /9/0 --json", "4.04");
  CHECK(json.exit == KEEL_EXIT_ERROR);
  CHECK(contains(json.output, R"("code":"4.04")"));
  CHECK(shell.refused("lwm2m read c1 /a") == "'/a' is no path such as /3/0/9\n");
}

TEST_CASE("what makes no sense is not sent") {
  Shell shell;
  shell.join("c1");
  shell.heard();
  for (const char* line : {"lwm2m read c1 /0/0", "lwm2m write c1 /1/0/1 soon",
                           "lwm2m write c1 /1/0/1 1 Number", "lwm2m exec c1 /3"}) {
    CAPTURE(line);
    const keel::FakeOutput asked = shell.host.ctl(line);
    shell.host.run_jobs();
    const keel::FakeOutput out = shell.host.ctl_answer(asked.reply);
    CHECK(out.exit == KEEL_EXIT_ERROR);
    CHECK(out.output.starts_with("4.0"));
    CHECK(shell.heard().empty());
  }
}

TEST_CASE("values are written as their definitions, or the operator, say") {
  Shell shell;
  shell.join("c1");
  CHECK(shell.ask("lwm2m write c1 /1/0/1 60", "2.04").output == "2.04 changed\n");
  CHECK(contains(shell.request, "CON PUT #"));
  CHECK(contains(shell.request, " /1 /0 /1 ct=11542 '\xc1\x01<"));
  CHECK(shell.ask("lwm2m write c1 /1/0/7 60", "2.04").output == "2.04 changed\n");
  CHECK(contains(shell.request,
                 "'\xc2\x07"
                 "60"));
  CHECK(shell.ask("lwm2m write c1 /9999/0/1 60 Integer", "2.04").output == "2.04 changed\n");
  CHECK(contains(shell.request, "'\xc1\x01<"));
}

TEST_CASE("resources are executed, with arguments and without, and discovered") {
  Shell shell;
  shell.join("c1");
  CHECK(shell.ask("lwm2m exec c1 /3/0/4", "2.04").output == "2.04 changed\n");
  CHECK(contains(shell.request, "CON POST #"));
  CHECK(shell.request.ends_with(" /3 /0 /4"));
  CHECK(shell.ask("lwm2m exec c1 /3/0/4 0='1'", "2.04").output == "2.04 changed\n");
  CHECK(shell.request.ends_with(" /3 /0 /4 ct=0 '0='1'"));
  CHECK(shell.ask("lwm2m discover c1 /3/0", "2.05 ct=40 '</3/0>;dim=8,</3/0/0>").output ==
        "</3/0>;dim=8\n</3/0/0>\n");
}

TEST_CASE("observations are made, shown and ended") {
  Shell shell;
  shell.join("c1");
  CHECK(shell.ok("lwm2m observations c1") == "nothing of it is observed\n");
  CHECK(shell.ask("lwm2m observe c1 /3/0/9", "2.05 obs=1 ct=0 '95").output ==
        "/3/0/9  Battery Level  95 %\n");
  CHECK(contains(shell.request, " obs=0 /3 /0 /9"));
  CHECK(shell.ok("lwm2m observations c1").starts_with("/3/0/9              notified "));
  CHECK(contains(shell.ok("lwm2m observations c1 --json"), R"("path":"/3/0/9")"));
  CHECK(contains(shell.ok("lwm2m list"), "observes=1"));
  CHECK(shell.ask("lwm2m cancel c1 /3/0/9", "2.05 ct=0 '95").exit == KEEL_EXIT_OK);
  CHECK(contains(shell.request, " obs=1 /3 /0 /9"));
  CHECK(shell.ok("lwm2m observations c1") == "nothing of it is observed\n");
  // One that does not observe says so.
  CHECK(shell.ask("lwm2m observe c1 /3/0/9", "2.05 ct=0 '95").output ==
        "/3/0/9  Battery Level  95 %\nthe device does not observe it\n");
}

TEST_CASE("a device that sleeps is not asked, and what it shall do waits for it") {
  Shell shell;
  shell.join("c2", kA, "?b=UQ");
  shell.host.advance(30'000);
  shell.heard();
  CHECK(shell.refused("lwm2m read c2 /3/0/0") ==
        "'c2' sleeps, and nobody would be here any more when it answers; ask by MQTT\n");
  CHECK(shell.ok("lwm2m queue c2") == "nothing waits for it\n");
  CHECK(shell.ok("lwm2m exec c2 /3/0/4") ==
        "'c2' sleeps; this waits for it, see ctl lwm2m queue c2\n");
  CHECK(shell.heard().empty());
  CHECK(shell.ok("lwm2m queue c2") ==
        "7200 s    {\"msgType\":\"execute\",\"data\":{\"path\":\"/3/0/4\"}}\n");
  CHECK(contains(shell.ok("lwm2m queue c2 --json"), R"("cut":false,"left":7200)"));
  CHECK(contains(shell.ok("lwm2m list"), "queue=1"));
}

TEST_CASE("a long command that waits is shown in part") {
  Shell shell;
  shell.join("c2", kA, "?b=UQ");
  shell.host.advance(30'000);
  shell.command("c2", R"({"msgType":"write","data":{"path":"/5/0/1","value":")" +
                          std::string(1000, 'x') + "\"}}");
  const std::string text = shell.ok("lwm2m queue c2");
  CHECK(text.size() < 300);
  CHECK(text.ends_with("xxx ...\n"));
}

TEST_CASE("a registration is ended, and the device has to register again") {
  Shell shell;
  const std::string location = shell.join("c2");
  CHECK(shell.ok("lwm2m deregister c2") == "ok\n");
  CHECK(shell.ok("lwm2m list") == "");
  CHECK(shell.update(location) == "4.04");
}

TEST_CASE("definitions are listed and shown") {
  Shell shell;
  const std::string all = shell.ok("lwm2m xml list");
  CHECK(lines(all) == 39);
  CHECK(contains(all, "3303   1.0   Temperature "));
  CHECK(contains(shell.ok("lwm2m xml list --json"), R"("id":3303,)"));
  CHECK(shell.ok("lwm2m xml show 3").starts_with("3 Device 1.0\n"));
  CHECK(shell.ok("lwm2m xml show 1 1.0").starts_with("1 LwM2M Server 1.0\n"));
  CHECK(contains(shell.ok("lwm2m xml show 3 --json"), R"("name":"Battery Level")"));
  CHECK(shell.refused("lwm2m xml show 9") == "no file defines object 9; see ctl lwm2m xml list\n");
  CHECK(shell.refused("lwm2m xml show 3 9.9") ==
        "no file defines object 3 9.9; see ctl lwm2m xml list\n");
  CHECK(shell.refused("lwm2m xml show /3/0") ==
        "no file defines object /3/0; see ctl lwm2m xml list\n");
}

TEST_CASE("object files are read again, and what is wrong with them is told") {
  const Directory directory;
  const auto put = [&](const char* name, const std::string& text) {
    std::ofstream(directory.text() + "/" + name) << text;
  };
  put("a.xml", "<LWM2M><Object><Name>A</Name><ObjectID>4000</ObjectID></Object></LWM2M>");
  Gateway gateway({{"lwm2m.xml_dir", directory.text()}});
  gateway.join("c1");
  put("b.xml", "<LWM2M>");
  put("c.xml", "<LWM2M><Object><Name>C</Name><ObjectID>4001</ObjectID></Object></LWM2M>");
  const keel::FakeOutput asked = gateway.host.ctl("lwm2m xml reload");
  gateway.host.run_jobs();
  const keel::FakeOutput out = gateway.host.ctl_answer(asked.reply);
  CHECK(out.exit == KEEL_EXIT_OK);
  CHECK(contains(out.output, "b.xml: is no XML: "));
  CHECK(out.output.ends_with("\n2 objects\n"));
  CHECK(contains(gateway.host.ctl("lwm2m xml list").output, "4001 "));
  CHECK(contains(gateway.host.ctl("lwm2m list").output, "Lwm2mDevice(c1, "));  // still there
}

TEST_CASE("a device that does not answer in a minute is not waited for") {
  Shell shell;
  shell.join("c1");
  const keel::FakeOutput asked = shell.host.ctl("lwm2m read c1 /3/0/0");
  shell.host.advance(60'000);
  const keel::FakeOutput out = shell.host.ctl_answer(asked.reply);
  CHECK(out.exit == KEEL_EXIT_ERROR);
  CHECK(contains(out.output, "did not answer within 60 s"));
}
