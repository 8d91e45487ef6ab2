// The contract of authentication, as one table: who presents what, what the listener admits, what
// the plugins say, what the client is told.
#include "hooks_support.hpp"

namespace keel::kernel {
namespace {

enum class Presents { nothing, user, user_and_password, password, method };
enum class Says {
  no_plugin,
  next,
  allow,
  bad_credentials,
  not_authorized,
  bad_method,
  unavailable
};

wire::ConnectSpec spec_of(Presents presents) {
  wire::ConnectSpec spec{.id = "c"};
  switch (presents) {
    case Presents::nothing:
      break;
    case Presents::user:
      spec.user = "u";
      break;
    case Presents::user_and_password:
      spec.user = "u";
      spec.password = "p";
      break;
    case Presents::password:
      spec.password = "p";
      break;
    case Presents::method:
      spec.auth_method = "M";
      spec.auth_data = "d";
      break;
  }
  return spec;
}

AuthAnswer answer_of(Says says) {
  switch (says) {
    case Says::allow:
      return {.verdict = Verdict::allow};
    case Says::bad_credentials:
      return {.verdict = Verdict::deny, .reason = Reason::bad_user_name_or_password};
    case Says::not_authorized:
      return {.verdict = Verdict::deny, .reason = Reason::not_authorized};
    case Says::bad_method:
      return {.verdict = Verdict::deny, .reason = Reason::bad_authentication_method};
    case Says::unavailable:
      return {.verdict = Verdict::deny, .reason = Reason::server_unavailable};
    case Says::no_plugin:
    case Says::next:
      break;
  }
  return {};
}

// What the client is told, in MQTT 5's words. Independent of the kernel's own rules: this is the
// contract.
std::uint8_t expected(Presents presents, bool anonymous, Says says) {
  switch (says) {
    case Says::allow:
      return 0x00;
    case Says::bad_credentials:
      return 0x86;
    case Says::not_authorized:
      return 0x87;
    case Says::bad_method:
      return 0x8C;
    case Says::unavailable:
      return 0x88;
    case Says::no_plugin:
    case Says::next:
      break;
  }
  if (presents == Presents::method) return 0x8C;
  if (presents != Presents::nothing) return 0x86;
  return anonymous ? 0x00 : 0x87;
}

std::uint8_t in_v3(std::uint8_t v5) {
  switch (v5) {
    case 0x00:
      return 0x00;
    case 0x86:
      return 0x04;
    case 0x88:
      return 0x03;
    default:
      return 0x05;
  }
}

TEST_CASE("credentials: every combination") {
  using enum Presents;
  using enum Says;
  for (const Version version : {Version::v31, Version::v311, Version::v5})
    for (const Presents presents : {nothing, user, user_and_password, password, method})
      for (const int listener_kind : {0, 1, 2, 3})
        for (const Says says :
             {no_plugin, next, allow, bad_credentials, not_authorized, bad_method, unavailable}) {
          const bool v5 = version == Version::v5;
          if (!v5 && (presents == password || presents == method)) continue;  // v3 has neither
          CAPTURE(static_cast<int>(version));
          CAPTURE(static_cast<int>(presents));
          CAPTURE(listener_kind);
          CAPTURE(static_cast<int>(says));
          Cluster cluster;
          Hooks hooks;
          int asked = 0;
          if (says != no_plugin)
            hooks.authenticate = [&](const AuthRequest&) {
              ++asked;
              return answer_of(says);
            };
          cluster.set_hooks(hooks.install());
          // On loopback and beyond, with the setting and without.
          auto listener = std::make_shared<ListenerInfo>();
          listener->loopback_only = listener_kind < 2;
          if (listener_kind == 1) listener->settings.allow_anonymous = false;
          if (listener_kind == 3) listener->settings.allow_anonymous = true;
          const bool anonymous = listener_kind == 0 || listener_kind == 3;

          Client client(cluster, version, 0, listener);
          const std::uint8_t code = expected(presents, anonymous, says);
          const auto told = client.connect(spec_of(presents)).reason();
          CHECK(static_cast<int>(told) == (v5 ? code : in_v3(code)));
          CHECK(client.closed() == (code != 0));
          CHECK(asked == (says == no_plugin ? 0 : 1));
          CHECK(cluster.total(Metric::auth_failure) == (code != 0 ? 1 : 0));
          const bool as_anonymous = code == 0 && says != allow;
          CHECK(cluster.total(Metric::auth_anonymous) == (as_anonymous ? 1 : 0));
          CHECK(cluster.total(Metric::auth_success) == (code == 0 && !as_anonymous ? 1 : 0));
        }
}

TEST_CASE("credentials: an empty user name is one, in every version") {
  for (const Version version : {Version::v31, Version::v311, Version::v5}) {
    Cluster cluster;
    Client client(cluster, version);
    const auto told = client.connect({.id = "c", .user = ""}).reason();
    CHECK(told ==
          (version == Version::v5 ? Reason::bad_user_name_or_password : static_cast<Reason>(4)));
  }
}

TEST_CASE("credentials: a user name that a hook puts in needs somebody who accepts it") {
  Cluster cluster;
  Hooks hooks;
  hooks.connect = [](const ConnectRequest&) {
    ConnectAnswer answer;
    answer.username = "guest";
    return answer;
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  CHECK(client.connect({.id = "c"}).reason() == Reason::bad_user_name_or_password);
}

}  // namespace
}  // namespace keel::kernel
