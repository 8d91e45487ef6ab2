#include "kernel/config/kernel_settings.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "kernel/base/utf8.hpp"

using namespace keel::kernel;

namespace {

using Texts = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kListener = "[listener.mqtt]\nbind = '127.0.0.1:1883'\n";

Result<LoadedSettings> load(std::string text, Texts overrides = {}, Environment environment = {}) {
  return load_settings({.file = "etc/keel.conf",
                        .text = std::move(text),
                        .overrides = std::move(overrides),
                        .environment = std::move(environment)});
}

std::string error_of(std::string text, Texts overrides = {}) {
  const auto loaded = load(std::move(text), std::move(overrides));
  return loaded ? "" : loaded.error();
}

Settings good(std::string text, Texts overrides = {}, Environment environment = {}) {
  const auto loaded = load(std::move(text), std::move(overrides), std::move(environment));
  REQUIRE_MESSAGE(loaded, loaded.error());
  return loaded->settings;
}

}  // namespace

TEST_CASE("an empty file is the defaults") {
  const auto loaded = load("");
  REQUIRE(loaded);
  CHECK(diff_settings(loaded->settings, Settings{}).empty());
  CHECK(loaded->settings.file == "etc/keel.conf");
  CHECK(loaded->notices ==
        Texts{"no listener is set, nobody can connect; add [listener.mqtt] with bind = 1883"});
}

TEST_CASE("every section arrives in its field") {
  const auto s = good(R"(
    kernel.node_name = "keel@10.0.0.1"
    kernel.shards = 4
    [plugins]
    load = ["emqx_acl"]
    stop_timeout = "7s"
    [mqtt]
    keepalive_multiplier = 2.5
    session_expiry = "1h"
    max_qos = 1
    shared_strategy = "sticky"
    acl_nomatch = "deny"
    acl_deny_action = "disconnect"
    acl_cache = false
    acl_cache_size = 100
    acl_cache_ttl = "500ms"
    [auth]
    max_failures = 7
    failure_window = "5m"
    [flapping]
    enabled = true
    max_disconnects = 3
    window = 20
    ban_for = "2h"
    [limits]
    max_packet_size = "64KB"
    connect_timeout = "500ms"
    max_inflight = 0
    [retain]
    expiry = 60
    [durability]
    policy = "async"
    rules = ["alarm/# = fsync", "a=b/+=none", "debug=async"]
    queue_window = 7
    max_backlog = "1MB"
    [tls.a]
    certfile = "c.pem"
    keyfile = "k.pem"
    cafile = "ca.pem"
    verify = "require"
    min_version = "1.3"
    [tls.b]
    certfile = "c.pem"
    keyfile = "k.pem"
    cafile = "ca.pem"
    verify = "optional"
    [listener.z]
    bind = 8883
    tls = "a"
    versions = ["5.0"]
    username_from = "san"
    allow_anonymous = false
    unix_mode = 0o600
    durability = "none"
    [listener.a]
    bind = "unix:data/a.sock"
    proxy_protocol = true
    proxy_from = ["10.0.0.0/8", "::1"]
    [log]
    level = "debug"
    file_level = "error"
    rotation_size = "1MB"
    [sys]
    interval = 0
    heartbeat = "1500ms"
    [http]
    bind = 8081
  )");
  CHECK(s.kernel.node_name == "keel@10.0.0.1");
  CHECK(s.kernel.shards == 4);
  CHECK(s.plugins.load == Texts{"emqx_acl"});
  CHECK(s.plugins.stop_timeout_ms == 7'000);
  CHECK(s.mqtt.keepalive_multiplier == 2.5);
  CHECK(s.mqtt.session_expiry_s == 3'600);
  CHECK(s.mqtt.max_qos == 1);
  CHECK(s.mqtt.shared_strategy == SharedStrategy::sticky);
  CHECK_FALSE(s.mqtt.acl_nomatch_allow);
  CHECK(s.mqtt.acl_deny_disconnect);
  CHECK_FALSE(s.mqtt.acl_cache);
  CHECK(s.mqtt.acl_cache_size == 100);
  CHECK(s.mqtt.acl_cache_ttl_ms == 500);
  CHECK(s.auth.max_failures == 7);
  CHECK(s.auth.failure_window_s == 300);
  CHECK(s.flapping.enabled);
  CHECK(s.flapping.max_disconnects == 3);
  CHECK(s.flapping.window_s == 20);
  CHECK(s.flapping.ban_for_s == 7'200);
  CHECK(s.limits.max_packet_size == 65'536);
  CHECK(s.limits.connect_timeout_ms == 500);
  CHECK(s.limits.max_inflight == 0);
  CHECK(s.retain.expiry_s == 60);
  CHECK(s.durability.policy == Durability::async);
  CHECK(s.durability.rules == std::vector<DurabilityRule>{{"alarm/#", Durability::fsync},
                                                          {"a=b/+", Durability::none},
                                                          {"debug", Durability::async}});
  CHECK(s.durability.queue_window == 7);
  CHECK(s.durability.max_backlog == 1'048'576);
  CHECK(s.tls.at("a").verify_peer);
  CHECK(s.tls.at("a").require_peer);
  CHECK(s.tls.at("a").min_version == "1.3");
  CHECK(s.tls.at("b").verify_peer);
  CHECK_FALSE(s.tls.at("b").require_peer);
  REQUIRE(s.listeners.size() == 2);
  const auto& z = s.listeners[0];
  CHECK(z.name == "z");  // the file's order, not the alphabet's
  CHECK(z.bind == "8883");
  CHECK(z.tls == "a");
  CHECK_FALSE(z.v31);
  CHECK_FALSE(z.v311);
  CHECK(z.v5);
  CHECK(z.username_from == CertificateIdentity::san);
  CHECK(z.allow_anonymous == false);
  CHECK(z.unix_mode == 0600);
  CHECK(z.durability == Durability::none);
  CHECK(s.listeners[1].bind == "unix:data/a.sock");
  CHECK(s.listeners[1].durability == Durability::inherit);
  CHECK(s.listeners[1].proxy_from == Texts{"10.0.0.0/8", "::1"});
  CHECK_FALSE(s.listeners[1].allow_anonymous.has_value());
  CHECK(s.log.level == "debug");
  CHECK(s.log.file_level == "error");
  CHECK(s.log.rotation_size == 1'048'576);
  CHECK(s.sys.interval_ms == 0);
  CHECK(s.sys.heartbeat_ms == 1'500);
  CHECK(s.http.bind == "8081");
}

TEST_CASE("layers: defaults, file, environment, --set") {
  const char* const file = "[limits]\nmax_inflight = 1\nmax_queued = 1\nmax_retained = 1\n";
  const auto s = good(file, {"limits.max_retained=3"},
                      {{"KEEL__LIMITS__MAX_QUEUED", "2"},
                       {"KEEL__LIMITS__MAX_RETAINED", "2"},
                       {"KEEL_CTL_SOCKET", "x"},
                       {"PATH", "/bin"},
                       {"keel__limits__max_sessions", "9"}});
  CHECK(s.limits.max_inflight == 1);
  CHECK(s.limits.max_queued == 2);
  CHECK(s.limits.max_retained == 3);
  CHECK(s.limits.max_sessions == Limits{}.max_sessions);
  CHECK(good("", {"limits.max_queued=1", "limits.max_queued=2"}).limits.max_queued == 2);
}

TEST_CASE("--set makes and changes listeners") {
  CHECK(good(kListener, {"listener.mqtt.bind=\"127.0.0.1:2000\""}).listeners[0].bind ==
        "127.0.0.1:2000");
  CHECK(good(kListener, {"listener.mqtt.bind=127.0.0.1:2000"}).listeners[0].bind ==
        "127.0.0.1:2000");
  const auto s = good(kListener, {"listener.second.bind=1884"});
  REQUIRE(s.listeners.size() == 2);
  CHECK(s.listeners[1].name == "second");
  CHECK(s.listeners[1].bind == "1884");
  CHECK(good("", {"kernel.data_dir=\"/tmp/x y\""}).kernel.data_dir == "/tmp/x y");
  CHECK(good("", {"kernel.data_dir=/tmp/x"}).kernel.data_dir == "/tmp/x");
  CHECK(good("", {"plugins.load=[\"a\", \"b\"]"}).plugins.load == Texts{"a", "b"});
}

TEST_CASE("0 means none for the limits a benchmark turns off") {
  Texts none;
  for (const char* key :
       {"max_inflight", "max_queued", "max_queued_bytes", "max_output_bytes", "max_awaiting_rel",
        "max_connections", "connect_rate", "max_subscriptions", "max_retained"}) {
    none.push_back(std::string("limits.") + key + "=0");
  }
  const auto s = good("", none);
  CHECK(s.limits.max_inflight == 0);
  CHECK(s.limits.max_output_bytes == 0);
}

TEST_CASE("the environment finds sections whatever their case") {
  const auto s = good("[listener.MyPort]\nbind = 1\n", {}, {{"KEEL__LISTENER__MYPORT__BIND", "2"}});
  REQUIRE(s.listeners.size() == 1);
  CHECK(s.listeners[0].bind == "2");
  const auto made = good("", {}, {{"KEEL__Listener__New__Bind", "127.0.0.1:3"}});
  REQUIRE(made.listeners.size() == 1);
  CHECK(made.listeners[0].name == "new");
  CHECK(good("", {},
             {{"KEEL__TLS__D__CERTFILE", "c"},
              {"KEEL__TLS__D__KEYFILE", "k"},
              {"KEEL__TLS__D__KEY_PASSWORD", "1234"}})
            .tls.at("d")
            .key_password == "1234");
  const auto bad = load("", {}, {{"KEEL__LIMITS__MAX_QUEUD", "1"}, {"KEEL__", "1"}});
  REQUIRE_FALSE(bad);
  CHECK(bad.error() ==
        "environment KEEL__: names no setting; write KEEL__SECTION__KEY=value\n"
        "environment KEEL__LIMITS__MAX_QUEUD: unknown key 'limits.max_queud'; did you mean "
        "'limits.max_queued'?");
}

TEST_CASE("mistakes in the file") {
  CHECK(error_of("\n\n[limits]\nmax_inflght = 3\n") ==
        "etc/keel.conf:4:1: unknown key 'limits.max_inflght'; did you mean 'limits.max_inflight'?");
  CHECK(error_of("[limits]\nmax_inflight = 65536\n") ==
        "etc/keel.conf:2:16: 'limits.max_inflight' is 65536; give a whole number from 0 to 65535");
  CHECK(error_of("[limts]\n") ==
        "etc/keel.conf:1:2: unknown section [limts]; did you mean [limits]?");
  CHECK(
      error_of("[limits]\nmax_queued = -1\nmax_sessions = 'x'\nfoo_bar_baz = 2\n") ==
      "etc/keel.conf:2:14: 'limits.max_queued' is -1; give a whole number from 0 to 4294967295\n"
      "etc/keel.conf:3:16: 'limits.max_sessions' is \"x\"; give a whole number from 0 to "
      "4294967295\n"
      "etc/keel.conf:4:1: unknown key 'limits.foo_bar_baz'; remove it, or see keel.conf(5) for the "
      "keys there are");
  CHECK(error_of("", {"limits.x=1"}) ==
        "--set limits.x=...: unknown key 'limits.x'; remove it, or see keel.conf(5) for the keys "
        "there are");
}

TEST_CASE("words of EMQ X are answered with ours") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"allow_anonymous = true",
            "'allow_anonymous' is not part of this version; use "
            "'listener.<name>.allow_anonymous' instead"},
           {"mqtt.max_inflight = 5",
            "'mqtt.max_inflight' is not part of this version; use 'limits.max_inflight' instead"},
           {"zone.external.max_mqueue_len = 5",
            "'zone.external.max_mqueue_len' is not part of this "
            "version; use 'limits.max_queued' instead"},
           {"zone.external.whatever = 5",
            "'zone.external.whatever' is not part of this version; remove it"},
           {"enable_acl_cache = false",
            "'enable_acl_cache' is not part of this version; use 'mqtt.acl_cache' instead"},
           {"acl_cache_max_size = 32",
            "'acl_cache_max_size' is not part of this version; use 'mqtt.acl_cache_size' instead"},
           {"acl_cache_ttl = '1m'",
            "'acl_cache_ttl' is not part of this version; use 'mqtt.acl_cache_ttl' instead"},
           {"zone.external.enable_acl = true",
            "'zone.external.enable_acl' is not part of this version; use mqtt.acl_nomatch and the "
            "plugin emqx_acl instead"},
           {"zone.external.enable_ban = true",
            "'zone.external.enable_ban' is not part of this version; use `ctl banned`, whose list "
            "always holds, instead"},
           {"zone.external.enable_flapping_detect = true",
            "'zone.external.enable_flapping_detect' is not part of this version; use "
            "'flapping.enabled' instead"},
           {"zone.external.flapping_threshold = '10, 1m'",
            "'zone.external.flapping_threshold' is not part of this version; use "
            "flapping.max_disconnects and flapping.window instead"},
           {"flapping_banned_expiry_interval = '1h'",
            "'flapping_banned_expiry_interval' is not part of this version; use "
            "'flapping.ban_for' instead"},
           {"auth.user.1.username = 'a'",
            "'auth.user.1.username' is not part of this version; use the settings of the plugin, "
            "in "
            "plugins/ beside this file instead"},
           {"cluster.name = 'x'", "'cluster.name' is not part of this version; remove it"},
           {"[cluster]", "'cluster' is not part of this version; remove it"},
           {"node.name = 'x'",
            "'node.name' is not part of this version; use 'kernel.node_name' instead"},
           {"node.cookie = 'x'", "'node.cookie' is not part of this version; remove it"},
           {"rpc.tcp_server_port = 1",
            "'rpc.tcp_server_port' is not part of this version; remove it"},
           {"bridge.mqtt.aws.address = 'x'",
            "'bridge.mqtt.aws.address' is not part of this version; remove it"},
           {"module.rewrite.rule.1 = 'x'",
            "'module.rewrite.rule.1' is not part of this version; remove it"},
           {"delayed.enable = true", "'delayed.enable' is not part of this version; remove it"},
           {"listener.tcp.external = '0.0.0.0:1883'",
            "'listener.tcp.external' is not part of this version; use [listener.<name>] with its "
            "key "
            "bind instead"},
           {"[log]\nto = 'both'",
            "'log.to' is not part of this version; use log.console, log.file and "
            "log.journal instead"},
       }) {
    CAPTURE(c.text);
    const auto error = error_of(c.text);
    CHECK(error.substr(0, error.find('\n')).ends_with(std::string(": ") + c.problem));
  }
}

TEST_CASE("settings that do not fit together") {
  const std::string listener = kListener;
  const std::string tls = "[tls.default]\ncertfile = 'c'\nkeyfile = 'k'\n";
  struct Case {
    std::string text;
    const char* problem;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"[listener.x]\nenabled = true\n",
            "etc/keel.conf:1:11: [listener.x] has no address; set bind, such as bind = 1883"},
           {"[listener.x]\nbind = ':1'\n",
            "etc/keel.conf:2:8: 'listener.x.bind' is \":1\"; give a port, \"address:port\", "
            "\"[ipv6]:port\" or \"unix:PATH\", addresses as numbers"},
           {listener + "tls = 'defualt'\n" + tls,
            "etc/keel.conf:3:7: 'listener.mqtt.tls' is \"defualt\", and there is no such section; "
            "did "
            "you mean \"default\"?"},
           {listener + "tls = 'x'\n",
            "etc/keel.conf:3:7: 'listener.mqtt.tls' is \"x\"; add a section "
            "[tls.<name>] of that name"},
           {listener + "[listener.b]\nbind = 1883\n",
            "etc/keel.conf:4:8: 'listener.b.bind' (127.0.0.1:1883) and 'listener.mqtt.bind' "
            "(127.0.0.1:1883) are the same address; change one of them"},
           {listener + "[listener.b]\nbind = '0.0.0.0:1883'\n",
            "etc/keel.conf:4:8: 'listener.b.bind' (0.0.0.0:1883) and 'listener.mqtt.bind' "
            "(127.0.0.1:1883) are the same address; change one of them"},
           {listener + "[http]\nbind = 1883\n",
            "etc/keel.conf:4:8: 'http.bind' (127.0.0.1:1883) and 'listener.mqtt.bind' "
            "(127.0.0.1:1883) are the same address; change one of them"},
           {"[tls.a]\n",
            "etc/keel.conf:1:6: [tls.a] has no certificate; set certfile and keyfile, or "
            "pskfile"},
           {"[tls.a]\ncertfile = 'c'\n",
            "etc/keel.conf:1:6: [tls.a] has certfile without keyfile; set "
            "both (they may name the same file)"},
           {tls + "verify = 'require'\n",
            "etc/keel.conf:4:10: 'tls.default.verify' needs authorities "
            "to check against; set cafile"},
           {tls + "crlfile = 'x'\n",
            "etc/keel.conf:4:11: 'tls.default.crlfile' has no effect without "
            "client certificates; set tls.default.verify"},
           {tls + "min_version = '1.3'\nmax_version = '1.2'\n",
            "etc/keel.conf:4:15: 'tls.default.min_version' is above 'tls.default.max_version'; "
            "swap "
            "them"},
           {listener + "username_from = 'cn'\n",
            "etc/keel.conf:3:17: 'listener.mqtt.username_from' needs client certificates; set "
            "listener.mqtt.tls to a [tls.*] section with verify = \"optional\" or \"require\""},
           {listener + "mountpoint = 'a/#'\n",
            "etc/keel.conf:3:14: 'listener.mqtt.mountpoint' must not "
            "hold '+' or '#'; leave them out"},
           {listener + "proxy_protocol = true\nproxy_from = ['10.0.0.0/99']\n",
            "etc/keel.conf:4:14: 'listener.mqtt.proxy_from' holds \"10.0.0.0/99\"; give addresses "
            "or "
            "networks such as \"10.0.0.0/8\""},
           {listener + "proxy_from = []\n", ""},
           {listener + "proxy_from = ['::1']\n",
            "etc/keel.conf:3:14: 'listener.mqtt.proxy_from' has no effect without the PROXY "
            "header; set "
            "listener.mqtt.proxy_protocol = true"},
           {"[mqtt]\nsession_expiry = '8d'\n",
            "etc/keel.conf:2:18: 'mqtt.session_expiry' (8d) is above 'mqtt.max_session_expiry' "
            "(7d); "
            "lower the one or raise the other"},
           {"[mqtt]\nmax_session_expiry = '1h'\n",
            "etc/keel.conf:2:22: 'mqtt.session_expiry' (2h) is above 'mqtt.max_session_expiry' "
            "(1h); "
            "lower the one or raise the other"},
           {"[kernel]\ndefault_address = 'here'\n",
            "etc/keel.conf:2:19: 'kernel.default_address' is \"here\"; give an address in numbers "
            "such "
            "as \"127.0.0.1\" or \"0.0.0.0\""},
           {"[kernel]\nnode_name = 'a/b'\n",
            "etc/keel.conf:2:13: 'kernel.node_name' becomes a level of $SYS topics; leave out "
            "blanks, "
            "'/', '+' and '#', and stay below 128 bytes"},
           {"[durability]\nrules = ['a/# = fsync', 'b/#']\n",
            "etc/keel.conf:2:9: 'durability.rules' holds \"b/#\"; give a topic filter and "
            "\"fsync\", "
            "\"async\" or \"none\", as in \"telemetry/# = async\""},
           {"[durability]\nrules = ['b/# = sync']\n",
            "etc/keel.conf:2:9: 'durability.rules' holds \"b/# = sync\"; give a topic filter and "
            "\"fsync\", \"async\" or \"none\", as in \"telemetry/# = async\""},
           {"[durability]\nrules = ['a/#/b = async']\n",
            "etc/keel.conf:2:9: 'durability.rules' holds \"a/#/b = async\"; a wildcard must fill "
            "its "
            "whole level, and '#' must be the last one, as in a/+/b/#"},
           {"[durability]\nrules = ['= async']\n",
            "etc/keel.conf:2:9: 'durability.rules' holds \" = async\"; the topic filter is empty; "
            "give at least one character"},
           {"[durability]\nrules = ['$share/g/a = async']\n",
            "etc/keel.conf:2:9: 'durability.rules' holds \"$share/g/a = async\"; the rule is about "
            "topics; leave the group of the subscription out"},
           {"[durability]\nrules = 'a/# = async'\n",
            "etc/keel.conf:2:9: 'durability.rules' is \"a/# = async\"; give a list of texts such "
            "as "
            "[\"a\", \"b\"]"},
           {"[durability]\npolicy = 'sync'\n",
            "etc/keel.conf:2:10: 'durability.policy' is \"sync\"; give \"fsync\", \"async\" or "
            "\"none\""},
           {"[durability]\npolicies = 'fsync'\n",
            "etc/keel.conf:2:1: unknown key 'durability.policies'; did you mean "
            "'durability.policy'?"},
           {"[durability]\nmax_backlog = '1KB'\n",
            "etc/keel.conf:2:15: 'durability.max_backlog' is \"1KB\"; give a size such as \"64KB\" "
            "or "
            "\"1MB\" from 64KB"},
           {listener + "durability = 'disk'\n",
            "etc/keel.conf:3:14: 'listener.mqtt.durability' is \"disk\"; give \"\", \"none\", "
            "\"async\" or \"fsync\""},
           {"[plugins]\nload = ['../evil']\n",
            "etc/keel.conf:2:8: 'plugins.load' names \"../evil\"; give names such as \"emqx_acl\", "
            "without folder and .so"},
       }) {
    CAPTURE(c.text);
    CHECK(error_of(c.text) == c.problem);
  }
}

TEST_CASE("long values are cut between two characters") {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "\u20ac";
  for (const std::string& text :
       {"[durability]\nrules = ['" + value + "']\n", "[plugins]\nload = ['" + value + "']\n",
        kListener + ("tls = '" + value + "'\n"),
        kListener + ("proxy_from = ['" + value + "']\n")}) {
    const std::string error = error_of(text);
    CAPTURE(error);
    CHECK(valid_utf8(error));
    CHECK(error.find("\u20ac...") != std::string::npos);
  }
}

TEST_CASE("what does fit together") {
  const std::string listener = kListener;
  CHECK(error_of(listener + "[listener.b]\nbind = 1884\n") == "");
  CHECK(error_of("[listener.a]\nbind = 0\n[listener.b]\nbind = 0\n") == "");
  CHECK(error_of(listener + "[listener.b]\nbind = 1883\nenabled = false\n") == "");
  CHECK(error_of(listener + "[listener.b]\nbind = '[::1]:1883'\n") == "");
  CHECK(error_of("[tls.p]\npskfile = 'keys'\n") == "");
}

TEST_CASE("a thousand sections are refused, not built") {
  std::string text;
  for (int i = 0; i < 1'000; ++i) {
    text += "[listener.l" + std::to_string(i) + "]\nbind = " + std::to_string(i + 1) + "\n";
  }
  CHECK(error_of(text) == "etc/keel.conf:513:11: more than 256 [listener.*] sections; remove some");
}

TEST_CASE("notices: listeners that refuse strangers") {
  const auto notices = [](const char* text) { return load(text)->notices; };
  CHECK(notices("[listener.x]\nbind = '0.0.0.0:1883'\n") ==
        Texts{"listener 'x' on 0.0.0.0:1883 refuses clients that nothing authenticated; set "
              "allow_anonymous = true to admit them"});
  CHECK(notices("kernel.default_address = '::'\n[listener.x]\nbind = 1883\n").size() == 1);
  CHECK(notices("[listener.x]\nbind = '0.0.0.0:1883'\nallow_anonymous = true\n").empty());
  CHECK(notices("[listener.x]\nbind = '0.0.0.0:1883'\nallow_anonymous = false\n").empty());
  CHECK(notices("[listener.x]\nbind = '127.0.0.1:1883'\n").empty());
  CHECK(notices("[listener.x]\nbind = 'unix:x'\n").empty());
}

TEST_CASE("files are read from disk") {
  const auto missing = load_settings({.file = "/nonexistent/keel.conf"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error() ==
        "/nonexistent/keel.conf: cannot be read (No such file or directory); name "
        "a readable file with -c");
  const auto folder = load_settings({.file = "/tmp"});
  REQUIRE_FALSE(folder);
  CHECK(folder.error() == "/tmp: cannot be read (Is a directory); name a readable file with -c");
  const auto endless = load_settings({.file = "/dev/zero"});
  REQUIRE_FALSE(endless);
  CHECK(endless.error() == "/dev/zero: is larger than 1 MiB; name the right file with -c");
  const auto none = load_settings({});
  REQUIRE(none);
  CHECK(none->settings.listeners.empty());

  char name[] = "/tmp/keel-conf-XXXXXX";
  const int fd = ::mkstemp(name);
  REQUIRE(fd >= 0);
  std::ofstream(name) << kListener;
  const auto read = load_settings({.file = name});
  std::filesystem::remove(name);
  ::close(fd);
  REQUIRE(read);
  CHECK(read->settings.listeners.size() == 1);
  CHECK(read->settings.file == name);
}

TEST_CASE("diff tells what changes and what waits for a restart") {
  const auto before = good("[listener.a]\nbind = 1\n[listener.gone]\nbind = 2\n");
  const auto after = good(
      "[kernel]\nshards = 2\n[limits]\nmax_packet_size = '2MB'\n[durability]\nrules = ['a = "
      "none']\n[listener.a]\nbind = 1\nmax_qos = "
      "1\n"
      "[listener.new]\nbind = 3\n[tls.t]\npskfile = 'p'\n");
  const auto changes = diff_settings(before, after);
  Texts lines;
  for (const auto& c : changes) {
    lines.push_back(c.key + ": " + c.old_value + " -> " + c.new_value +
                    (c.needs_restart ? " (restart)" : ""));
  }
  CHECK(lines == Texts{"kernel.shards: 0 -> 2 (restart)", "listener.a.max_qos: 2 -> 1",
                       "limits.max_packet_size: \"1MB\" -> \"2MB\"",
                       "durability.rules: [] -> [\"a = none\"]", "listener.gone: \"2\" -> (none)",
                       "listener.new: (none) -> \"3\"", "tls.t: (none) -> present"});
  CHECK(diff_settings(after, after).empty());
}

TEST_CASE("describe shows every setting, and no secret") {
  const auto s = good(std::string(kListener) +
                      "[tls.t]\ncertfile = 'c'\nkeyfile = 'k'\nkey_password = 'hunter2'\n[limits]\n"
                      "connect_timeout = 20\n");
  const auto list = describe_settings(s);
  const auto find = [&](std::string_view key) {
    for (const auto& d : list) {
      if (d.key == key) return d;
    }
    FAIL("no such key: ", key);
    return list.front();
  };
  CHECK(find("limits.connect_timeout").value == "\"20s\"");
  CHECK_FALSE(find("limits.connect_timeout").is_default);
  CHECK(find("limits.max_queued").is_default);
  CHECK(find("listener.mqtt.bind").value == "\"127.0.0.1:1883\"");
  CHECK(find("listener.mqtt.allow_anonymous").value == "unset");
  CHECK(find("listener.mqtt.allow_anonymous").is_default);
  CHECK(find("tls.t.key_password").value == "\"***\"");
  CHECK(find("tls.t.key_password").secret);
  CHECK_FALSE(find("kernel.shards").reloadable);
  CHECK(find("mqtt.max_qos").reloadable);
  for (const auto& d : list) {
    CHECK(d.value.find("hunter2") == std::string::npos);
    CHECK_FALSE(d.help.empty());
    CHECK(d.key.find('*') == std::string::npos);
  }
  auto other = s;
  other.tls["t"].key_password = "hunter3";
  const auto changes = diff_settings(s, other);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].new_value == "\"***\"");
}

TEST_CASE("what describe prints can be read back") {
  const auto s = good(std::string(kListener) +
                      "mountpoint = \"a\\\"b/%c\"\nversions = ['3.1']\nallow_anonymous = true\n"
                      "durability = 'async'\n[limits]\nsend_timeout = '1500ms'\n"
                      "max_queued_bytes = 12345\n[durability]\npolicy = 'none'\n"
                      "rules = ['a/\"b\" = async', 'b=fsync']\n[mqtt]\nkeepalive_multiplier = 2\n");
  Texts assignments;
  for (const auto& d : describe_settings(s)) {
    if (d.value != "unset") assignments.push_back(d.key + "=" + d.value);
  }
  CHECK(diff_settings(s, good("", assignments)).empty());
}
