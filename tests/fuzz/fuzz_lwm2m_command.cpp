// Commands of MQTT clients to LwM2M devices, in both dialects; and the same octets as what a device
// answers. What is accepted keeps to the rules, and whatever is said is JSON that echoes the
// request.
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/command/reply.hpp"

namespace {

namespace json = boost::json;
using namespace lwm2m;

constexpr std::size_t kLongest = 256;  // of what a device answers

Definitions known() {
  ObjectDefinition object;
  object.id = 3;
  for (std::uint16_t id = 0; id < 10; ++id) {
    ResourceDefinition resource;
    resource.id = id;
    resource.name = "resource";
    resource.type = static_cast<DataType>(id);
    object.resources.push_back(resource);
  }
  Definitions out;
  out.add(std::move(object));
  return out;
}

json::object checked(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  FUZZ_CHECK(!error && value.is_object());
  return value.as_object();
}

// All members but msgType and data are those of the request; or, in dialect A, CmdID is.
void echoes(const Command& command, const json::object& request, const json::object& reply) {
  std::size_t echoed = 0;
  for (const json::key_value_pair& member : request) {
    const bool a = command.dialect == Dialect::a;
    if (a ? member.key() != "CmdID" : member.key() == "msgType" || member.key() == "data") continue;
    ++echoed;
    const json::value* const same = reply.if_contains(member.key());
    FUZZ_CHECK(same && json::serialize(*same) == json::serialize(member.value()));
  }
  FUZZ_CHECK(reply.size() == echoed + 2);
}

void allowed(const Command& command) {
  FUZZ_CHECK(command.path.depth == 0 || command.path.object() != 0);
  for (const Path& path : command.paths) FUZZ_CHECK(path.depth > 0 && path.object() != 0);
  for (const Item& item : command.items) {
    FUZZ_CHECK(item.path.depth >= 3 && item.path.object() != 0 && !item.mismatch);
    FUZZ_CHECK(command.path.covers(item.path));
    FUZZ_CHECK(item.value.type != DataType::none && item.value.data.index() != 0);
    if (command.operation == Operation::create) {
      FUZZ_CHECK(command.items[0].path.up_to(2).covers(item.path));
    }
  }
  const bool writes = command.operation == Operation::write_attributes;
  for (const std::string& query : command.queries) FUZZ_CHECK(!query.empty());
  FUZZ_CHECK(!writes || !command.queries.empty());
}

void answers(const Command& command, const json::object& request, std::string_view octets,
             const Types& types) {
  Decoded content;
  const Path path = command.path.depth > 0 ? command.path : Path{3, {3, 0, 1}};
  for (const DataType type : {DataType::string, DataType::opaque, DataType::corelnk}) {
    content.items.push_back({.path = path, .value = {type, std::string(octets)}, .time = 1e300});
  }
  content.items.push_back({.path = path, .value = {DataType::none, {}}});
  const Answer all{
      .code = coap::kContent, .content = &content, .links = octets, .location = octets};
  const Answer broken{.code = coap::kContent, .format = 0, .raw = octets};
  for (const ReplySettings& settings : {ReplySettings{true, false}, ReplySettings{false, true}}) {
    echoes(command, request, checked(answer(command, all, types, settings)));
    echoes(command, request, checked(answer(command, broken, types, settings)));
    checked(notification(command, all, 1, types, settings));
    checked(sent(content, types, settings));
  }
  const std::uint8_t code = octets.empty() ? 0 : static_cast<std::uint8_t>(octets[0]);
  echoes(command, request, checked(answer(command, {.code = code}, types, {})));
  echoes(command, request, checked(refused(command, Refusal::timeout, octets)));
  if (command.dialect == Dialect::a) return;
  echoes(command, request, checked(acknowledged(command)));
  echoes(command, request, checked(progress(command, 1, octets.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Definitions definitions = known();
  const Types types{.definitions = &definitions};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto result = parse_command(text, types, CommandLimits{.max_items = 64});
  if (const auto* const refused = std::get_if<RefusedCommand>(&result)) {
    FUZZ_CHECK(!refused->reason.empty());
    checked(refused->reply);
    const auto silent = parse_command(text, types, {.answer_garbage = false, .max_items = 64});
    FUZZ_CHECK(std::get<RefusedCommand>(silent).reason == refused->reason);
    // Any octets as a device's answer.
    answers(Command(), {}, text.substr(0, kLongest), types);
    return 0;
  }
  const Command& command = std::get<Command>(result);
  allowed(command);
  answers(command, checked(text), text.substr(0, kLongest), types);
  return 0;
}
