// Answers of dialect B: the request with other msgType and data.
#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply_parts.hpp"
#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/json_text.hpp"

namespace lwm2m {

namespace {

// `,"data":{"reqPath":"/3/0"`
void begin_data(std::string& out, const Command& command) {
  out.append(R"(,"data":{"reqPath":)");
  if (command.request_path.empty()) {
    out.append("null");
  } else {
    append_quoted(out, command.request_path);
  }
}

void append_code(std::string& out, coap::Code code) {
  out.append(R"(,"code":")").append(dotted(code)).append(R"(","codeMsg":")");
  out.append(code_word(code)).push_back('"');
}

void append_reason(std::string& out, std::string_view reason) {
  if (reason.empty()) return;
  out.append(R"(,"reason":)");
  append_quoted(out, reason);
}

// What the device sent and nobody can read.
void append_unreadable(std::string& out, std::string_view raw,
                       std::optional<std::uint16_t> format) {
  append_code(out, coap::kBadGateway);
  append_reason(out, "bad_payload");
  out.append(R"(,"raw":")").append(to_base64(raw)).push_back('"');
  if (!format) return;
  out.append(R"(,"format":)");
  append_number(out, *format);
}

void append_discovered(std::string& out, std::string_view links) {
  const std::size_t before = out.size();
  append_code(out, coap::kContent);
  out.append(R"(,"content":)");
  if (append_links(out, links)) return;
  out.resize(before);
  append_unreadable(out, links, kLinkFormat);
}

void append_answer(std::string& out, const Command& command, const Answer& answer,
                   const Types& types, const ReplySettings& settings) {
  begin_data(out, command);
  if (answer.raw) {
    append_unreadable(out, *answer.raw, answer.format);
  } else if (command.operation == Operation::discover && answer.code == coap::kContent) {
    append_discovered(out, answer.links);
  } else {
    append_code(out, answer.code);
    if (answer.content) {
      out.push_back(',');
      append_content(out, *answer.content, types, settings);
    }
  }
  if (!answer.location.empty()) {
    out.append(R"(,"location":)");
    append_quoted(out, answer.location);
  }
  if (answer.observed && !*answer.observed) out.append(R"(,"observed":false)");
  out.append("}}");
}

struct Failure {
  coap::Code code;
  std::string_view reason;        // when there is no better one
  std::string_view message = {};  // empty: the request's own msgType
};

Failure failure(Refusal why) {
  switch (why) {
    case Refusal::bad_request:
      return {coap::kBadRequest, "bad_request"};
    case Refusal::unauthorized:
      return {coap::kUnauthorized, "security_object"};
    case Refusal::timeout:
      return {coap::kGatewayTimeout, {}, "coap_timeout"};
    case Refusal::reset:
      return {coap::kBadGateway, {}, "coap_reset"};
    case Refusal::not_registered:
      return {coap::kUnavailable, "not_registered"};
    case Refusal::queue_full:
      return {coap::kUnavailable, "queue_full"};
    case Refusal::expired:
      return {coap::kGatewayTimeout, "expired"};
    case Refusal::shutdown:
      return {coap::kUnavailable, "shutdown"};
    case Refusal::too_large:
      return {coap::kTooLarge, "too_large"};
    case Refusal::broken_body:
      break;
  }
  return {coap::kBadGateway, "bad_payload"};
}

}  // namespace

std::string answer_b(const Command& command, const Answer& answer, const Types& types,
                     const ReplySettings& settings) {
  std::string out;
  begin_reply(out, command, "msgType", command.name);
  append_answer(out, command, answer, types, settings);
  return out;
}

std::string refused_b(const Command& command, Refusal why, std::string_view reason) {
  const Failure what = failure(why);
  std::string out;
  begin_reply(out, command, "msgType", what.message.empty() ? command.name : what.message);
  begin_data(out, command);
  if (!what.message.empty()) {
    out.append(R"(,"reqType":)");
    append_quoted(out, command.name);
  }
  append_code(out, what.code);
  append_reason(out, reason.empty() ? what.reason : reason);
  out.append("}}");
  return out;
}

std::string notification(const Command& observe, const Answer& answer, std::uint32_t sequence,
                         const Types& types, const ReplySettings& settings) {
  if (observe.dialect == Dialect::a) return answer_a(observe, answer, settings);
  std::string out;
  begin_reply(out, observe, "msgType", "notify");
  out.append(R"(,"seqNum":)");
  append_number(out, sequence);
  if (answer.restored) out.append(R"(,"restored":true)");
  append_answer(out, observe, answer, types, settings);
  return out;
}

std::string acknowledged(const Command& command) {
  std::string out;
  if (command.dialect == Dialect::a) return out;
  begin_reply(out, command, "msgType", "ack");
  if (command.request_data.empty()) {
    begin_data(out, command);
    out.append("}}");
  } else {
    out.append(R"(,"data":)").append(command.request_data).push_back('}');
  }
  return out;
}

std::string progress(const Command& command, std::size_t sent, std::size_t total) {
  std::string out;
  if (command.dialect == Dialect::a) return out;
  begin_reply(out, command, "msgType", "progress");
  begin_data(out, command);
  out.append(R"(,"sent":)");
  append_number(out, sent);
  out.append(R"(,"total":)");
  append_number(out, total);
  out.append("}}");
  return out;
}

}  // namespace lwm2m
