#include "emqx_lwm2m/command/reply.hpp"

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply_parts.hpp"

namespace lwm2m {

std::string answer(const Command& command, const Answer& answer, const Types& types,
                   const ReplySettings& settings) {
  return command.dialect == Dialect::a ? answer_a(command, answer, settings)
                                       : answer_b(command, answer, types, settings);
}

std::string refused(const Command& command, Refusal why, std::string_view reason) {
  return command.dialect == Dialect::a ? refused_a(command, why) : refused_b(command, why, reason);
}

std::string dotted(std::uint8_t code) {
  const unsigned detail = coap::detail_of(code);
  return {static_cast<char>('0' + coap::class_of(code)), '.', static_cast<char>('0' + detail / 10),
          static_cast<char>('0' + detail % 10)};
}

std::string_view code_word(std::uint8_t code) {
  struct Word {
    coap::Code code;
    std::string_view text;
  };
  constexpr Word kWords[] = {
      {coap::kCreated, "created"},
      {coap::kDeleted, "deleted"},
      {coap::kValid, "valid"},
      {coap::kChanged, "changed"},
      {coap::kContent, "content"},
      {coap::kContinue, "continue"},
      {coap::kBadRequest, "bad_request"},
      {coap::kUnauthorized, "unauthorized"},
      {coap::kBadOption, "bad_option"},
      {coap::kForbidden, "forbidden"},
      {coap::kNotFound, "not_found"},
      {coap::kMethodNotAllowed, "method_not_allowed"},
      {coap::kNotAcceptable, "not_acceptable"},
      {coap::kIncomplete, "request_entity_incomplete"},
      {coap::kPreconditionFailed, "precondition_failed"},
      {coap::kTooLarge, "request_entity_too_large"},
      {coap::kUnsupportedFormat, "unsupported_content_format"},
      {coap::kInternalError, "internal_server_error"},
      {coap::code(5, 1), "not_implemented"},
      {coap::kBadGateway, "bad_gateway"},
      {coap::kUnavailable, "service_unavailable"},
      {coap::kGatewayTimeout, "gateway_timeout"},
      {coap::kNoProxy, "proxying_not_supported"},
  };
  for (const Word& word : kWords) {
    if (word.code == code) return word.text;
  }
  return "unknown";
}

}  // namespace lwm2m
