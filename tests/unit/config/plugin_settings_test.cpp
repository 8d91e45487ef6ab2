#include "kernel/config/plugin_settings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "kernel/config/plugin_report.hpp"

namespace keel::kernel {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
using Int = std::int64_t;

SettingSpec row(std::string key, SettingType type, Value fallback = {}, std::string help = "Help") {
  return {.key = std::move(key),
          .type = type,
          .low = std::numeric_limits<double>::lowest(),
          .high = std::numeric_limits<double>::max(),
          .fallback = std::move(fallback),
          .help = std::move(help)};
}

// Like those of EMQ X's gateways and authentication plugins.
std::shared_ptr<const Schema> demo_schema() {
  std::vector<SettingSpec> specs;
  specs.push_back(row("mqtt.sn.port", SettingType::integer, Int{1884}, "UDP port"));
  specs.back().min = 1;
  specs.back().max = 65'535;
  specs.push_back(row("mqtt.sn.advertise_duration", SettingType::duration, Int{900'000}));
  specs.push_back(row("mqtt.sn.enable_qos3", SettingType::boolean, false));
  specs.push_back(row("mqtt.sn.username", SettingType::string));
  specs.push_back(row("mqtt.sn.password", SettingType::string));
  specs.back().secret = true;
  specs.push_back(row("mqtt.sn.predefined.topic", SettingType::table));
  specs.push_back(row("lwm2m.certfile", SettingType::string, std::string("etc/certs/cert.pem")));
  specs.push_back(row("lwm2m.ciphers", SettingType::strings, Strings{"A"}));
  specs.push_back(row("lwm2m.bind", SettingType::address, std::string("5683")));
  specs.push_back(row("lwm2m.buffer", SettingType::size, Int{65'536}));
  specs.push_back(row("lwm2m.mode", SettingType::choice, std::string("fast")));
  specs.back().choices = {"fast", "safe"};
  specs.back().reloadable = false;
  specs.push_back(row("lwm2m.ratio", SettingType::floating, 0.5));
  specs.push_back(row("auth.http.auth_req", SettingType::string));
  specs.push_back(row("auth.http.auth_req.method", SettingType::string, std::string("post")));
  specs.push_back(row("auth.client.*.clientid", SettingType::string));
  specs.back().required = true;
  specs.push_back(row("auth.client.*.password", SettingType::string));
  specs.back().secret = true;
  specs.push_back(row("auth.client.*.limit", SettingType::integer, Int{7}));
  return std::make_shared<const Schema>(std::move(specs));
}

Result<LoadedPluginSettings> load(std::string text) {
  return load_plugin_settings(demo_schema(),
                              {.file = "demo.conf", .text = std::move(text), .plugin = "demo"});
}

LoadedPluginSettings good(std::string text) {
  auto loaded = load(std::move(text));
  REQUIRE_MESSAGE(loaded, loaded.error());
  return std::move(*loaded);
}

std::string error(std::string text) {
  const auto loaded = load(std::move(text));
  return loaded ? "" : loaded.error();
}

template <class T>
T get(const LoadedPluginSettings& loaded, const char* key) {
  const T* const value = loaded.values.get<T>(key);
  REQUIRE_MESSAGE(value != nullptr, key);
  return *value;
}

TEST_CASE("without a file every key has its default") {
  const auto loaded = load_plugin_settings(demo_schema(), {.plugin = "demo"});
  REQUIRE(loaded);
  CHECK(get<Int>(*loaded, "mqtt.sn.port") == 1884);
  CHECK(get<Int>(*loaded, "mqtt.sn.advertise_duration") == 900'000);
  CHECK(get<std::string>(*loaded, "lwm2m.mode") == "fast");
  CHECK(loaded->values.find("mqtt.sn.username").spec != nullptr);
  CHECK(loaded->values.find("mqtt.sn.username").value == nullptr);
  CHECK(loaded->values.find("mqtt.sn.nothing").spec == nullptr);
  CHECK(loaded->values.get<bool>("mqtt.sn.port") == nullptr);  // another type
  CHECK(loaded->values.keys("auth.client").empty());
  CHECK(loaded->values.place("mqtt.sn.port").empty());
  CHECK(loaded->notices.empty());

  const PluginValues none;
  CHECK(none.find("mqtt.sn.port").spec == nullptr);
  CHECK(none.keys("mqtt").empty());
  CHECK(none.expand({"a", "*"}).empty());
}

TEST_CASE("TOML, with dotted keys or sections") {
  const char* const texts[] = {
      "mqtt.sn.port = 1885\nmqtt.sn.advertise_duration = 60\nlwm2m.ciphers = [\"X\", \"Y\"]\n"
      "mqtt.sn.enable_qos3 = true\nmqtt.sn.predefined.topic.1 = \"a/b\"\n"
      "mqtt.sn.predefined.topic.\"2.x\" = \"c/#\"\nlwm2m.buffer = \"1MB\"\n",
      "[mqtt.sn]\nport = 1885\nadvertise_duration = \"1m\"\nenable_qos3 = true\n"
      "predefined.topic = { 1 = \"a/b\", \"2.x\" = \"c/#\" }\n"
      "[lwm2m]\nciphers = [\n  \"X\", # one\n  \"Y\",\n]\nbuffer = 1048576\n",
  };
  for (const char* text : texts) {
    const auto loaded = good(text);
    CHECK(get<Int>(loaded, "mqtt.sn.port") == 1885);
    CHECK(get<Int>(loaded, "mqtt.sn.advertise_duration") == 60'000);
    CHECK(get<bool>(loaded, "mqtt.sn.enable_qos3"));
    CHECK(get<Strings>(loaded, "lwm2m.ciphers") == Strings{"X", "Y"});
    CHECK(get<Int>(loaded, "lwm2m.buffer") == 1'048'576);
    CHECK(loaded.values.keys("mqtt.sn.predefined.topic") == Strings{"1", "2.x"});
    CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.1") == "a/b");
    CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.2.x") == "c/#");
    CHECK(loaded.values.find("mqtt.sn.predefined.topic.3").spec != nullptr);
    CHECK(loaded.values.find("mqtt.sn.predefined.topic.3").value == nullptr);
    CHECK(loaded.notices.empty());
  }
}

constexpr const char* kForeign =
    "##--------------------\n"
    "## EMQ X MQTT-SN Gateway\n"
    "##\r\n"
    "mqtt.sn.port = 1884\n"
    "mqtt.sn.advertise_duration = 15m\n"
    "mqtt.sn.enable_qos3 = off   ## a comment\n"
    "mqtt.sn.username = mqtt_sn_user\n"
    "mqtt.sn.password = abc def\r\n"
    "mqtt.sn.predefined.topic.0 = reserved\n"
    "mqtt.sn.predefined.topic.1 = sensors/# \n"
    "mqtt.sn.predefined.topic.2 = 12\n"
    "lwm2m.certfile = etc/certs/cert.pem\n"
    "lwm2m.ciphers = ECDHE-A, ECDHE-B,AES\n"
    "lwm2m.bind = 0.0.0.0:5684\n"
    "lwm2m.buffer = 2MB\n"
    "lwm2m.mode = safe\n"
    "  auth.http.auth_req = http://127.0.0.1:8080/mqtt/auth?x=1#y\n"
    "auth.http.auth_req.method = get\n"
    "auth.client.2.clientid = id\n"
    "auth.client.2.password = 0x10\n"
    "auth.client.1.clientid = 007\n"
    "auth.client.1.limit = 9\n";

TEST_CASE("a file of EMQ X works as it is, with notices that tell how to write it") {
  const auto loaded = good(kForeign);
  CHECK(get<Int>(loaded, "mqtt.sn.port") == 1884);
  CHECK(get<Int>(loaded, "mqtt.sn.advertise_duration") == 900'000);
  CHECK_FALSE(get<bool>(loaded, "mqtt.sn.enable_qos3"));
  CHECK(get<std::string>(loaded, "mqtt.sn.username") == "mqtt_sn_user");
  CHECK(get<std::string>(loaded, "mqtt.sn.password") == "abc def");
  CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.1") == "sensors/#");
  CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.2") == "12");
  CHECK(loaded.values.keys("mqtt.sn.predefined.topic") == Strings{"0", "1", "2"});
  CHECK(get<std::string>(loaded, "lwm2m.certfile") == "etc/certs/cert.pem");
  CHECK(get<Strings>(loaded, "lwm2m.ciphers") == Strings{"ECDHE-A", "ECDHE-B", "AES"});
  CHECK(get<std::string>(loaded, "lwm2m.bind") == "0.0.0.0:5684");
  CHECK(get<Int>(loaded, "lwm2m.buffer") == 2'097'152);
  CHECK(get<std::string>(loaded, "lwm2m.mode") == "safe");
  CHECK(get<std::string>(loaded, "auth.http.auth_req") == "http://127.0.0.1:8080/mqtt/auth?x=1#y");
  CHECK(get<std::string>(loaded, "auth.http.auth_req.method") == "get");
  CHECK(loaded.values.keys("auth.client") == Strings{"2", "1"});  // the file's order
  CHECK(get<std::string>(loaded, "auth.client.2.password") == "0x10");
  CHECK(get<std::string>(loaded, "auth.client.1.clientid") == "007");
  CHECK(get<Int>(loaded, "auth.client.1.limit") == 9);
  CHECK(get<Int>(loaded, "auth.client.2.limit") == 7);
  CHECK(loaded.values.place("lwm2m.bind") == "demo.conf:14:14");
  CHECK(loaded.values.place("lwm2m.ratio") == "demo.conf");

  REQUIRE(loaded.notices.size() == 17);
  CHECK(loaded.notices[0] ==
        "demo.conf:5:30: 'mqtt.sn.advertise_duration' is taken as text; write \"15m\"");
  CHECK(loaded.notices[1] == "demo.conf:6:23: 'mqtt.sn.enable_qos3' is taken as text; write false");
  CHECK(loaded.notices[2] ==
        "demo.conf:7:20: 'mqtt.sn.username' is taken as text; write \"mqtt_sn_user\"");
  CHECK(loaded.notices[3] ==
        "demo.conf:8:20: 'mqtt.sn.password' is taken as text; put it in \"quotes\"");
  CHECK(loaded.notices[8] ==
        "demo.conf:13:17: 'lwm2m.ciphers' is taken as text; write [\"ECDHE-A\", \"ECDHE-B\", "
        "\"AES\"]");
  for (const auto& notice : loaded.notices) CHECK(notice.find("abc def") == std::string::npos);
}

TEST_CASE("what a file of EMQ X means is what its notices say") {
  // Written as the notices tell, it is TOML and means the same.
  const auto foreign = good(kForeign);
  std::string quoted;
  for (const auto& setting : foreign.values.set()) {
    if (setting.key == "auth.http.auth_req") continue;  // TOML has no key with keys below
    quoted += fmt::format("{} = {}\n", setting.key, print_value(*setting.spec, setting.value));
  }
  const auto native = good(quoted + "\n");
  CHECK(native.notices.empty());
  for (const auto& setting : native.values.set()) {
    CHECK(*foreign.values.find(setting.key).value == setting.value);
  }
  CHECK(native.values.set().size() + 1 == foreign.values.set().size());
}

TEST_CASE("TOML and bare words in one file, each line by what it is") {
  const auto loaded = good(
      "mqtt.sn.username = bare word\n"
      "[lwm2m]\n"
      "certfile = \"a # b\"\n"
      "ciphers = [\n"
      "  \"X = y\",\n"
      "  # not a word\n"
      "  'Z']\n"
      "mode = safe\n"
      "[auth.client.one]\n"
      "clientid = \"\"\"\n"
      "long = text\"\"\"\n"
      "password = it's\n"
      "[auth]\n"
      "client = { two = { clientid = \"2\" } }\n");
  CHECK(get<std::string>(loaded, "mqtt.sn.username") == "bare word");
  CHECK(get<std::string>(loaded, "lwm2m.certfile") == "a # b");
  CHECK(get<Strings>(loaded, "lwm2m.ciphers") == Strings{"X = y", "Z"});
  CHECK(get<std::string>(loaded, "lwm2m.mode") == "safe");
  CHECK(get<std::string>(loaded, "auth.client.one.clientid") == "long = text");
  CHECK(get<std::string>(loaded, "auth.client.one.password") == "it's");
  CHECK(loaded.values.keys("auth.client") == Strings{"one", "two"});
  CHECK(loaded.values.place("auth.client.one.password") == "demo.conf:12:12");
  REQUIRE(loaded.notices.size() == 3);
  CHECK(loaded.notices[1].starts_with("demo.conf:8:8: 'lwm2m.mode'"));
}

TEST_CASE("a number is never taken for the text it is not, nor a text for a number") {
  CHECK(error("mqtt.sn.port = \"1884\"") ==
        "demo.conf:1:16: 'mqtt.sn.port' is \"1884\"; give a whole number from 1 to 65535");
  CHECK(error("mqtt.sn.port = 08") ==
        "demo.conf:1:16: 'mqtt.sn.port' is \"08\"; give a whole number from 1 to 65535");
  CHECK(error("mqtt.sn.enable_qos3 = 1").find("give true or false") != std::string::npos);
  CHECK(error("lwm2m.ciphers = \"A,B\"").find("give a list of texts") != std::string::npos);
  const auto loaded = good(
      "mqtt.sn.username = 1_000\nmqtt.sn.password = 0x1F\n"
      "lwm2m.certfile = 2020-01-02 03:04:05\nlwm2m.ciphers = 5\n"
      "mqtt.sn.predefined.topic = { a = true, b = +1.50 }\n");
  CHECK(get<std::string>(loaded, "mqtt.sn.username") == "1_000");
  CHECK(get<std::string>(loaded, "mqtt.sn.password") == "0x1F");
  CHECK(get<std::string>(loaded, "lwm2m.certfile") == "2020-01-02 03:04:05");
  CHECK(get<Strings>(loaded, "lwm2m.ciphers") == Strings{"5"});
  CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.a") == "true");
  CHECK(get<std::string>(loaded, "mqtt.sn.predefined.topic.b") == "+1.50");
  CHECK(loaded.notices.size() == 6);  // and each is told
}

TEST_CASE("mistakes, with their place, cause and remedy") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"mqtt.sn.prot = 1",
       "demo.conf:1:9: unknown key 'mqtt.sn.prot'; did you mean 'mqtt.sn.port'?"},
      {"mqtt.sn.prot = x y",
       "demo.conf:1:9: unknown key 'mqtt.sn.prot'; did you mean 'mqtt.sn.port'?"},
      {"other = 1",
       "demo.conf:1:1: unknown key 'other'; remove it, or see ctl plugins describe demo for the "
       "keys there are"},
      {"[other]",
       "demo.conf:1:2: unknown section [other]; remove it, or see ctl plugins describe demo for "
       "the sections there are"},
      {"mqtt.sn.port = 0",
       "demo.conf:1:16: 'mqtt.sn.port' is 0; give a whole number from 1 to 65535"},
      {"mqtt.sn.port = many",
       "demo.conf:1:16: 'mqtt.sn.port' is \"many\"; give a whole number from 1 to 65535"},
      {"\nlwm2m.mode = quick",
       "demo.conf:2:14: 'lwm2m.mode' is \"quick\"; give \"fast\" or \"safe\""},
      {"mqtt.sn.port = 1\nmqtt.sn.port = 2",
       "demo.conf:2:9: 'mqtt.sn.port' is set twice, also at demo.conf:1:9; remove one of the two"},
      {"mqtt.sn.username = a\n[mqtt.sn]\nusername = \"b\"",
       "demo.conf:3:1: 'mqtt.sn.username' is set twice, also at demo.conf:1:9; remove one of the "
       "two"},
      {"mqtt.sn = 1",
       "demo.conf:1:6: 'mqtt.sn' is a section, not a key; write [mqtt.sn] and its keys below"},
      {"mqtt.sn.predefined.topic = \"x\"",
       "demo.conf:1:20: 'mqtt.sn.predefined.topic' is a section, not a key; write "
       "[mqtt.sn.predefined.topic] and its keys below"},
      {"mqtt.sn.predefined.topic.a = [1]",
       "demo.conf:1:30: 'mqtt.sn.predefined.topic.a' is a list of other things than strings; give "
       "a text in \"quotes\""},
      {"auth.client.1.password = \"x\"",
       "demo.conf: 'auth.client.1.clientid' is not set and has no default; give a text in "
       "\"quotes\""},
      {"[auth.client.1]",
       "demo.conf: 'auth.client.1.clientid' is not set and has no default; give a text in "
       "\"quotes\""},
      {"mqtt.sn.username = words\n[[auth.client]]\nclientid = 1",
       "demo.conf:2:8: lists of sections are not used; write [section]"},
      {"a = 1\nmqtt.sn.username =\n",
       "demo.conf:2:19: not valid TOML: Error while parsing key-value pair: encountered "
       "end-of-file; write key = value, strings in \"quotes\""},
  };
  for (const auto& test : cases) {
    CAPTURE(test.text);
    const auto got = error(test.text);
    CHECK_MESSAGE(got.find(test.error) != std::string::npos, got);
  }
}

TEST_CASE("a secret's value is in no message") {
  for (const char* text :
       {"mqtt.sn.password = [1]", "mqtt.sn.password = [\"hidden\"]",
        "auth.client.1.clientid = \"x\"\nauth.client.1.password = \"hid\\u0007den\""}) {
    const auto got = error(text);
    CHECK_FALSE(got.empty());
    CHECK(got.find("hid") == std::string::npos);
  }
}

TEST_CASE("every problem of a file is told at once, up to a limit") {
  const auto two = error("mqtt.sn.prot = words\nlwm2m.mode = quick\n???\n");
  CHECK(two.find("demo.conf:1:9") != std::string::npos);
  CHECK(two.find("demo.conf:2:14") != std::string::npos);
  CHECK(two.find("demo.conf:3:1") != std::string::npos);
  std::string many;
  for (int i = 0; i < 500; ++i) many += fmt::format("nothing{} = bare word\n", i);
  const auto text = error(many);
  CHECK(std::count(text.begin(), text.end(), '\n') == 20);
  CHECK(text.ends_with("and 480 more"));
}

TEST_CASE("many notices are summed up") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("mqtt.sn.predefined.topic.{} = a b\n", i);
  const auto loaded = good(text);
  CHECK(loaded.notices.size() == 21);
  CHECK(loaded.notices.back() == "demo.conf: and 80 more are taken as text");
}

TEST_CASE("hostile files end with an error, soon") {
  const std::string open_brackets = [] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "a = [\n";
    return text;
  }();
  CHECK_FALSE(error(open_brackets).empty());
  CHECK_FALSE(error(std::string(300'000, 'x')).empty());
  CHECK_FALSE(error(std::string(100'000, '.')).empty());
  CHECK_FALSE(error("a = \"\"\"" + std::string(100'000, '\n')).empty());
  CHECK_FALSE(error("mqtt.sn.username = a\xff\xfe").empty());
  CHECK_FALSE(error(std::string("mqtt.sn.username = a\0b", 22)).empty());
  CHECK_FALSE(error("mqtt.sn.username = a\x1b[31m").empty());
  CHECK_FALSE(error("mqtt.sn.username = a b\nx = " + std::string(200'000, '[')).empty());
  std::string names;
  for (int i = 0; i < 5'000; ++i) names += fmt::format("auth.client.n{}.clientid = a b\n", i);
  CHECK(good(names).values.keys("auth.client").size() == 5'000);
}

TEST_CASE("changes between two versions of a file") {
  const auto schema = demo_schema();
  const auto values = [&](const char* text) {
    auto loaded = load_plugin_settings(schema, {.text = text, .plugin = "demo"});
    REQUIRE_MESSAGE(loaded, loaded.error());
    return loaded->values;
  };
  const auto before = values(
      "mqtt.sn.port = 1884\nmqtt.sn.password = \"a\"\nmqtt.sn.predefined.topic.1 = \"x\"\n"
      "auth.client.1.clientid = \"one\"");
  CHECK(diff_plugin_settings(before, before).empty());
  const auto after = values(
      "mqtt.sn.password = \"b\"\nmqtt.sn.predefined.topic.2 = \"y\"\nlwm2m.mode = \"safe\"\n"
      "auth.client.1.clientid = \"one\"\nauth.client.2.clientid = \"two\"");
  const auto changes = diff_plugin_settings(before, after);
  Strings told;
  for (const auto& change : changes) {
    told.push_back(fmt::format("{}: {} -> {}{}", change.key, change.old_value, change.new_value,
                               change.reloadable ? "" : " !"));
  }
  CHECK(told ==
        Strings{"mqtt.sn.password: ****** -> ******", "mqtt.sn.predefined.topic.2: unset -> \"y\"",
                "mqtt.sn.predefined.topic.1: \"x\" -> unset", "lwm2m.mode: \"fast\" -> \"safe\" !",
                "auth.client.2.clientid: unset -> \"two\""});
  // Against another version's schema, keys count by their names.
  const auto other = load_plugin_settings(
      demo_schema(), {.text = "auth.client.1.clientid = \"one\"", .plugin = "demo"});
  REQUIRE(other);
  CHECK(diff_plugin_settings(before, other->values).size() == 2);
  CHECK(diff_plugin_settings(PluginValues(), PluginValues()).empty());
}

TEST_CASE("what is shown, with secrets masked") {
  const auto loaded = good(
      "mqtt.sn.password = \"hidden\"\nmqtt.sn.port = 1\n"
      "mqtt.sn.predefined.topic.t = \"x\"\nauth.client.a.clientid = \"id\"\n");
  Strings lines;
  for (const auto& line : show_plugin_settings(loaded.values)) {
    lines.push_back(
        fmt::format("{} = {}{}", line.key, line.value, line.is_default ? "" : " at " + line.at));
  }
  CHECK(lines == Strings{"mqtt.sn.port = 1 at demo.conf:2:16",
                         "mqtt.sn.advertise_duration = \"15m\"", "mqtt.sn.enable_qos3 = false",
                         "mqtt.sn.username = unset", "mqtt.sn.password = ****** at demo.conf:1:20",
                         "mqtt.sn.predefined.topic.t = \"x\" at demo.conf:3:30",
                         "lwm2m.certfile = \"etc/certs/cert.pem\"", "lwm2m.ciphers = [\"A\"]",
                         "lwm2m.bind = \"5683\"", "lwm2m.buffer = \"64KB\"",
                         "lwm2m.mode = \"fast\"", "lwm2m.ratio = 0.5", "auth.http.auth_req = unset",
                         "auth.http.auth_req.method = \"post\"",
                         "auth.client.a.clientid = \"id\" at demo.conf:4:26",
                         "auth.client.a.password = unset", "auth.client.a.limit = 7"});
}

TEST_CASE("the schema for people") {
  const auto lines = describe_schema_lines(*demo_schema());
  CHECK(lines.size() == 2 * demo_schema()->specs().size());
  CHECK(lines[0] == "mqtt.sn.port - UDP port");
  CHECK(lines[1] == "    takes a whole number from 1 to 65535 (default 1884)");
  CHECK(lines[9] == "    takes a text in \"quotes\" (no default; secret)");
  CHECK(lines[11] == "    takes any names, each with a text in \"quotes\" (no default)");
  CHECK(lines[21] ==
        "    takes \"fast\" or \"safe\" (default \"fast\"; a change restarts the plugin)");
}

TEST_CASE("the sample file loads, and with every line in force it still does") {
  const auto schema = demo_schema();
  const auto sample = print_sample(*schema, "demo", "Shows how");
  CHECK(sample.starts_with("# Settings of demo: Shows how.\n"));
  CHECK(sample.find("\n# mqtt.sn.port = 1884                             # UDP port\n") !=
        std::string::npos);
  CHECK(good(sample).values.set().empty());
  std::string active;
  std::size_t begin = 0;
  for (std::size_t end; (end = sample.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto line = sample.substr(begin, end - begin);
    if (line.find(" = ") != std::string::npos) active += line.substr(2) + '\n';
  }
  const auto loaded = good(active);
  CHECK(loaded.values.set().size() == schema->specs().size());
  CHECK(loaded.notices.empty());
  for (const auto& setting : loaded.values.set()) {
    if (setting.spec->fallback != Value()) CHECK(setting.value == setting.spec->fallback);
  }
}

TEST_CASE("which file is read") {
  std::string pattern = (fs::temp_directory_path() / "keel-settings-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const fs::path etc = pattern;
  const auto write = [&](const char* name, const char* text) {
    fs::create_directories((etc / name).parent_path());
    std::ofstream(etc / name) << text;
    ::chmod((etc / name).c_str(), 0644);
  };
  auto found = find_settings_file(etc, "demo");
  REQUIRE(found);
  CHECK(found->path.empty());

  write("demo.conf", "mqtt.sn.port = 2");
  found = find_settings_file(etc, "demo");
  REQUIRE(found);
  CHECK(found->path == (etc / "demo.conf").string());
  CHECK(found->notice.empty());

  write("plugins/demo.conf", "mqtt.sn.port = 1");
  found = find_settings_file(etc, "demo");
  REQUIRE(found);
  CHECK(found->path == (etc / "plugins/demo.conf").string());
  CHECK(found->notice.find("is used") != std::string::npos);
  const auto loaded = load_plugin_settings(demo_schema(), {.file = found->path, .plugin = "demo"});
  REQUIRE(loaded);
  CHECK(get<Int>(*loaded, "mqtt.sn.port") == 1);
  CHECK(loaded->values.place("mqtt.sn.port") == found->path + ":1:16");

  ::chmod((etc / "plugins/demo.conf").c_str(), 0666);
  const auto open = find_settings_file(etc, "demo");
  REQUIRE_FALSE(open);
  CHECK(open.error().find("chmod o-w") != std::string::npos);

  fs::create_directory(etc / "plugins/dir.conf");
  CHECK_FALSE(find_settings_file(etc, "dir"));
  CHECK_FALSE(load_plugin_settings(demo_schema(), {.file = etc / "plugins", .plugin = "demo"}));
  CHECK(load_plugin_settings(demo_schema(), {.file = etc / "gone.conf", .plugin = "demo"}));
  fs::remove_all(etc);
}

TEST_CASE("names are found by tables and stars at any depth") {
  std::vector<SettingSpec> specs;
  specs.push_back(row("a.*.b.*.c", SettingType::integer, Int{1}));
  specs.push_back(row("a.*.d", SettingType::string));
  specs.push_back(row("a.*.t", SettingType::table));
  const auto schema = std::make_shared<const Schema>(std::move(specs));
  const auto loaded = load_plugin_settings(
      schema, {.text = "[a.x]\n[a.y.b.2]\nc = 2\n[a.y.b.1]\n[a.y.t]\nk = \"v\"\n[a.z]\nd = \"e\"\n",
               .plugin = "p"});
  REQUIRE_MESSAGE(loaded, loaded.error());
  const auto& values = loaded->values;
  CHECK(values.keys("a") == Strings{"x", "y", "z"});
  CHECK(values.keys("a.y.b") == Strings{"2", "1"});
  CHECK(values.keys("a.y.t") == Strings{"k"});
  CHECK(values.keys("a.y").empty());  // no place of names
  CHECK(values.keys("a.x.b").empty());
  CHECK(values.expand({"a", "*", "b", "*", "c"}) == Strings{"a.y.b.2.c", "a.y.b.1.c"});
  CHECK(*values.get<Int>("a.y.b.1.c") == 1);
  CHECK(*values.get<Int>("a.y.b.2.c") == 2);
}

}  // namespace
}  // namespace keel::kernel
