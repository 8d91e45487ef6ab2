// What ctl says about devices, objects and numbers, as text and as JSON.
#include "emqx_lwm2m/report.hpp"

#include <doctest/doctest.h>

namespace {

lwm2m::DeviceReport sensor() {
  lwm2m::DeviceReport out;
  out.registration.endpoint = "urn:imei:1";
  out.registration.lifetime_s = 300;
  out.registration.version = "1.1";
  out.registration.binding = "U";
  out.registration.queue_flag = true;
  out.registration.objects = {"/1/0", "/3/0", "/9999"};
  out.peer = "10.0.0.7:5000";
  out.listener = "lwm2m:udp";
  out.left_s = 250;
  out.reachable = false;
  out.observations = 2;
  out.waiting = 3;
  return out;
}

lwm2m::Definitions definitions() {
  lwm2m::Definitions out;
  lwm2m::ObjectDefinition device;
  device.id = 3;
  device.name = "Device";
  device.urn = "urn:oma:lwm2m:oma:3";
  device.file = "etc/3.xml";
  device.description = "What it is.";
  lwm2m::ResourceDefinition level;
  level.id = 9;
  level.name = "Battery Level";
  level.type = lwm2m::DataType::integer;
  level.readable = true;
  level.units = "%";
  level.description = "What is left.";
  lwm2m::ResourceDefinition reboot;
  reboot.id = 4;
  reboot.name = "Reboot";
  reboot.executable = true;
  reboot.multiple = true;
  device.resources = {reboot, level};
  out.add(device);
  device.version = "1.1";
  device.multiple = true;
  out.add(std::move(device));
  return out;
}

}  // namespace

TEST_CASE("a device on one line") {
  CHECK(sensor().line() ==
        "Lwm2mDevice(urn:imei:1, peername=10.0.0.7:5000, version=1.1, binding=UQ, lifetime=300, "
        "left=250, state=asleep, objects=3, observes=2, queue=3)\n");
  lwm2m::DeviceReport bare;
  bare.registration.endpoint = "a\nb\x1b[1m\xc2\x9b";
  bare.registration.version = "1\t";
  bare.left_s = -3;
  CHECK(bare.line() ==
        "Lwm2mDevice(a\\x0ab\\x1b[1m\\x9b, peername=unknown, version=1\\x09, binding=U, "
        "lifetime=86400, left=-3, state=awake, objects=0, observes=0, queue=0)\n");
}

TEST_CASE("a device on a page") {
  lwm2m::DeviceReport report = sensor();
  report.identity = "key\t1";
  report.registration.sms = "+49";
  report.registration.alternate_path = "/lwm2m";
  report.registration.formats = {11542, 110};
  report.registration.others = {{"im\n", "x\ry"}};
  CHECK(report.page() == report.line() +
                             "  listener      : lwm2m:udp\n"
                             "  identity      : key\\x091\n"
                             "  sms           : +49\n"
                             "  path          : /lwm2m\n"
                             "  formats       : 11542 110\n"
                             "  im\\x0a        : x\\x0dy\n"
                             "  objects       : /1/0 /3/0 /9999\n");
  lwm2m::DeviceReport bare;
  CHECK(bare.page() == bare.line() +
                           "  listener      : unknown\n"
                           "  path          : /\n"
                           "  objects       : none\n");
}

TEST_CASE("a device as JSON") {
  lwm2m::DeviceReport report = sensor();
  report.registration.others = {{"im", "x"}};
  CHECK(report.json() ==
        R"({"endpoint":"urn:imei:1","peername":"10.0.0.7:5000","listener":"lwm2m:udp",)"
        R"("version":"1.1","binding":"U","queue_mode":true,"lifetime":300,"left":250,)"
        R"("state":"asleep","path":"/","parameters":{"im":"x"},)"
        R"("objects":["/1/0","/3/0","/9999"],"observations":2,"waiting":3})");
  const std::string bare = lwm2m::DeviceReport().json();
  CHECK(bare.find(R"("peername":null,"listener":null,"version":"1.0","binding":null)") !=
        std::string::npos);
}

TEST_CASE("observations") {
  lwm2m::ObservationReport report{"/3/0/9", 12, 5, true, false};
  CHECK(report.line() ==
        "/3/0/9              notified 5 s ago, sequence 12 (lwm2m.auto_observe)\n");
  CHECK(report.json() ==
        R"({"path":"/3/0/9","sequence":12,"notified":5,"automatic":true,"pending":false})");
  report = {"/3", std::nullopt, std::nullopt, false, false};
  CHECK(report.line() == "/3                  notified never\n");
  report.pending = true;
  CHECK(report.line() == "/3                  not made yet\n");
  CHECK(report.json() ==
        R"({"path":"/3","sequence":null,"notified":null,"automatic":false,"pending":true})");
}

TEST_CASE("commands that wait") {
  lwm2m::WaitingReport report{"{\"reqID\":\n1}", false, 90};
  CHECK(report.line() == "90 s      {\"reqID\":\\x0a1}\n");
  report.cut = true;
  CHECK(report.line() == "90 s      {\"reqID\":\\x0a1} ...\n");
  CHECK(report.json() == R"({"command":"{\"reqID\":\n1}","cut":true,"left":90})");
}

TEST_CASE("the objects of a device, with what is known of them") {
  lwm2m::Registration registration = sensor().registration;
  CHECK(lwm2m::objects_text(registration, definitions()) ==
        "/1/0            not defined\n"
        "/3/0            Device (1.1)\n"
        "/9999           not defined\n");
  registration.versions = {{3, "1.0"}};
  registration.objects = {"/3/0", "rubbish"};
  CHECK(lwm2m::objects_json(registration, definitions()) ==
        R"([{"path":"/3/0","name":"Device","version":"1.0"},)"
        R"({"path":"rubbish","name":null,"version":null}])"
        "\n");
  CHECK(lwm2m::objects_text({}, definitions()) == "it has told no objects\n");
}

TEST_CASE("definitions") {
  CHECK(lwm2m::definitions_text(definitions()) ==
        "3      1.0   Device                          2 resources, etc/3.xml\n"
        "3      1.1   Device                          2 resources, etc/3.xml\n");
  CHECK(lwm2m::definitions_text({}) == "there are none; see lwm2m.xml_dir\n");
  CHECK(lwm2m::definitions_json(definitions())
            .find(R"({"id":3,"version":"1.1","name":"Device","resources":2,"file":"etc/3.xml"})") !=
        std::string::npos);
  const lwm2m::Definitions all = definitions();
  CHECK(lwm2m::definition_text(*all.find(3)) ==
        "3 Device 1.1\n"
        "  description   : What it is.\n"
        "  urn           : urn:oma:lwm2m:oma:3\n"
        "  instances     : several\n"
        "  file          : etc/3.xml\n"
        "  /4     E                    several Reboot\n"
        "  /9     R   Integer                  Battery Level [%]: What is left.\n");
  CHECK(lwm2m::definition_json(*all.find(3, "1.0"))
            .find(R"({"id":4,"name":"Reboot","operations":"E","type":null,"multiple":true,)") !=
        std::string::npos);
}

TEST_CASE("numbers in groups") {
  const std::vector<lwm2m::Figure> figures = {
      {"devices", "updates", 7}, {"coap", "coap_sent", 8}, {"devices", "expired", 0}};
  CHECK(keel::gateway::figures_text(figures) ==
        "devices.updates                 : 7\n"
        "coap.coap_sent                  : 8\n"
        "devices.expired                 : 0\n");
  CHECK(keel::gateway::figures_json(figures) ==
        R"({"devices":{"updates":7,"expired":0},"coap":{"coap_sent":8}})"
        "\n");
}

TEST_CASE("texts are padded by characters and cut between them") {
  CHECK(keel::gateway::padded("\xc3\xbc", 3) == "\xc3\xbc  ");
  CHECK(keel::gateway::padded("long", 2) == "long");
  CHECK(lwm2m::beginning("a\xc3\xbc", 2) == "a");
  CHECK(lwm2m::beginning("a\xc3\xbc", 3) == "a\xc3\xbc");
  CHECK(lwm2m::beginning("", 3) == "");
}

TEST_CASE("a list as JSON") {
  CHECK(keel::gateway::json_list({}) == "[]\n");
  const std::vector<std::string> items = {"1", "{}"};
  CHECK(keel::gateway::json_list(items) == "[1,{}]\n");
}
