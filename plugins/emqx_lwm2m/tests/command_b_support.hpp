// What the tests of commands in dialect B read and expect.
#pragma once

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "emqx_lwm2m/command/command.hpp"
#include "known_objects.hpp"

namespace lwm2m::test {

inline std::variant<Command, RefusedCommand> parsed(std::string_view payload,
                                                    const CommandLimits& limits = {}) {
  static const Definitions definitions = known_objects();
  return parse_command(payload, Types{.definitions = &definitions}, limits);
}

inline Command accepted(std::string_view payload) {
  const auto result = parsed(payload);
  const auto* const refused = std::get_if<RefusedCommand>(&result);
  INFO(payload);
  REQUIRE_MESSAGE(!refused, refused->reason);
  return std::get<Command>(result);
}

// {"reqID":1,"msgType":<type>,"data":<data>}
inline std::string request(std::string_view type, std::string_view data) {
  return std::string(R"({"reqID":1,"msgType":")")
      .append(type)
      .append(R"(","data":)")
      .append(data)
      .append("}");
}
inline Command accepted(std::string_view type, std::string_view data) {
  return accepted(request(type, data));
}

struct Refused {
  std::string reason, code, type;
  boost::json::object reply;
};
inline Refused refused(std::string_view payload, const CommandLimits& limits = {}) {
  const auto result = parsed(payload, limits);
  const auto* const what = std::get_if<RefusedCommand>(&result);
  INFO(payload);
  REQUIRE(what);
  Refused out{.reason = what->reason, .code = {}, .type = {}, .reply = {}};
  if (what->reply.empty()) return out;
  out.reply = boost::json::parse(what->reply).as_object();
  out.type = out.reply.at("msgType").as_string().c_str();
  const auto& data = out.reply.at("data").as_object();
  out.code = data.at("code").as_string().c_str();
  CHECK(data.at("reason").as_string() == what->reason);
  return out;
}
inline std::string reason(std::string_view type, std::string_view data) {
  const Refused what = refused(request(type, data));
  CHECK(what.code == (what.reason == "security_object" ? "4.01" : "4.00"));
  CHECK(what.type == type);
  CHECK(what.reply.at("reqID") == 1);
  return what.reason;
}

inline std::int64_t whole(const Item& item) { return std::get<std::int64_t>(item.value.data); }

}  // namespace lwm2m::test
