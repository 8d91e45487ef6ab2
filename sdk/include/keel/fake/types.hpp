// The values that tests give to a FakeHost and get back from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "keel/address.hpp"
#include "keel/ext/hooks.h"
#include "keel/ext/message.h"
#include "keel/message.hpp"
#include "keel/text.hpp"

namespace keel {

// A message that owns its texts.
struct FakeMessage {
  std::string topic, payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::string client_id = {}, username = {};
  std::uint32_t expiry_s = KEEL_NO_EXPIRY;
  std::vector<std::pair<std::string, std::string>> user_properties = {};
  std::vector<keel_property> numbers = {};  // properties that are numbers

  static FakeMessage copy(const keel_message_view& view_of) {
    FakeMessage out{std::string(view(view_of.topic)),
                    std::string(view(view_of.payload)),
                    view_of.qos,
                    view_of.retain != 0,
                    std::string(view(view_of.client_id)),
                    std::string(view(view_of.username)),
                    view_of.expiry_s};
    for (std::uint32_t i = 0; i < view_of.props_n; ++i) {
      const keel_property& property = view_of.props[i];
      if (property.id == KEEL_PROP_PAYLOAD_FORMAT) {
        out.numbers.push_back(property);
      } else {
        out.texts.push_back(
            {property.id, std::string(view(property.name)), std::string(view(property.value))});
        if (property.id == KEEL_PROP_USER) {
          out.user_properties.emplace_back(view(property.name), view(property.value));
        }
      }
    }
    return out;
  }
  struct Text {
    std::uint32_t id;
    std::string name, value;
  };
  std::vector<Text> texts = {};  // all properties that are texts, filled by copy()
};

// A view of a FakeMessage, for handing it to a plugin.
struct FakeMessageView {
  explicit FakeMessageView(const FakeMessage& message, keel_message* of = nullptr) {
    props = message.numbers;
    if (message.texts.empty()) {
      for (const auto& [name, value] : message.user_properties) {
        props.push_back(user_property(name, value));
      }
    }
    for (const auto& text : message.texts) {
      props.push_back({text.id, 0, to_c(text.name), to_c(text.value)});
    }
    c.size = sizeof c;
    c.qos = message.qos;
    c.retain = message.retain ? 1 : 0;
    c.topic = to_c(message.topic);
    c.payload = to_c(message.payload);
    c.client_id = to_c(message.client_id);
    c.username = to_c(message.username);
    c.expiry_s = message.expiry_s;
    c.props = props.data();
    c.props_n = static_cast<std::uint32_t>(props.size());
    c.message = of;
  }
  FakeMessageView(const FakeMessageView&) = delete;
  FakeMessageView& operator=(const FakeMessageView&) = delete;
  std::vector<keel_property> props;
  keel_message_view c{};
};

struct FakeVerified {
  std::string cn = {}, san = {}, dn = {}, psk_identity = {}, tls_version = {}, cipher = {};
  static FakeVerified copy(const keel_verified& of) {
    const auto text = [](keel_str given) { return std::string(view(given)); };
    return {text(of.cn),           text(of.san),         text(of.dn),
            text(of.psk_identity), text(of.tls_version), text(of.cipher)};
  }
  keel_verified c() const {
    keel_verified out{};
    out.size = sizeof out;
    out.cn = to_c(cn);
    out.san = to_c(san);
    out.dn = to_c(dn);
    out.psk_identity = to_c(psk_identity);
    out.tls_version = to_c(tls_version);
    out.cipher = to_c(cipher);
    return out;
  }
};

// A client as hooks are asked about it.
struct FakeClient {
  std::string client_id = "client";
  std::string username = {}, password = {};
  bool has_username = false,
       has_password = false;  // set by themselves for texts that are not empty
  std::string listener = "mqtt:default", protocol = "mqtt";
  std::uint8_t version = 4;
  bool clean_start = true;
  std::string peer = "127.0.0.1:50000";
  std::uint32_t keep_alive_s = 60, session_expiry_s = 0;
  std::optional<FakeVerified> verified = {};
  mutable keel_verified shown = {};  // what c() points to

  // Valid as long as this.
  keel_client c() const {
    keel_client out{};
    out.size = sizeof out;
    out.version = version;
    out.clean_start = clean_start ? 1 : 0;
    out.has_username = has_username || !username.empty() ? 1 : 0;
    out.has_password = has_password || !password.empty() ? 1 : 0;
    out.client_id = to_c(client_id);
    out.username = to_c(username);
    out.listener = to_c(listener);
    out.protocol = to_c(protocol);
    if (const auto address = Address::parse(peer)) out.peer = address->c();
    out.keep_alive_s = keep_alive_s;
    out.session_expiry_s = session_expiry_s;
    if (verified) {
      shown = verified->c();
      out.verified = &shown;
    }
    return out;
  }
};

// What a chain of hooks came to. `verdict` is a KEEL_NEXT, KEEL_ALLOW, ...
struct FakeAnswer {
  std::int32_t verdict = KEEL_NEXT;
  std::uint8_t reason = 0;
  bool superuser = false;
  std::uint32_t expiry_s = 0;
  std::string mountpoint = {}, data = {};
  keel_handle ticket = 0;  // PENDING: what to wait for, see FakeHost::answer()
};

struct FakeConnectAnswer {
  std::int32_t verdict = KEEL_NEXT;
  keel_connect_answer edits{};  // its sinks are empty; the texts are here
  std::string client_id = {}, username = {};
};
struct FakeConnackAnswer {
  std::int32_t verdict = KEEL_NEXT;
  std::uint8_t reason = 0;
  std::string response_information = {}, reason_string = {};
  std::vector<std::pair<std::string, std::string>> user_properties = {};
};
struct FakeFilterAnswer {
  std::int32_t verdict = KEEL_NEXT;
  std::uint8_t reason = 0, qos = 0;
  std::string filter = {};
};
struct FakePublishAnswer {
  std::int32_t verdict = KEEL_NEXT;  // of the last hook asked
  std::uint8_t reason = 0;
  FakeMessage message = {};  // as it goes on
};

struct FakeDatagram {
  std::string peer, bytes;
  keel_handle socket = 0;
};
struct FakeLine {
  std::uint32_t level = 0;
  std::string text;
};
struct FakeOutput {
  int exit = 0;
  std::string output;
  keel_handle reply = 0;  // KEEL_EXIT_LATER: what to wait for, see FakeHost::ctl_answer()
};
// A recheck that the plugin asked for.
struct FakeRecheck {
  std::string client_id;  // empty: of all clients
  bool done = false;      // answered, or cancelled by an unload
};

}  // namespace keel
