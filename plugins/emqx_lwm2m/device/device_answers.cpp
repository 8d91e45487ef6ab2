// What the device answers, told in the words of the command.
#include "emqx_lwm2m/device/parts.hpp"

namespace lwm2m {
namespace {

// Whether a response is a value, or several, of the path asked for.
bool has_content(Operation operation, const coap::Response& response) {
  if (response.code != coap::kContent) return false;
  switch (operation) {
    case Operation::read:
    case Operation::observe:
    case Operation::read_composite:
      return true;
    case Operation::cancel_observe:
      return !response.payload.empty() || response.content_format;
    default:
      return false;
  }
}

}  // namespace

void Device::Parts::Content::read(const coap::Response& response, const Path& path,
                                  const Types& types, double now, Answer& out) {
  decoded = decode(response.content_format, response.payload, path, types, now);
  if (decoded) {
    out.content = &*decoded;
    return;
  }
  out.raw = response.payload;
  out.format = response.content_format;
}

void Device::Parts::current_answered(const coap::Response& response) {
  if (ask_otherwise(response.code)) return;
  if (coap::class_of(response.code) == 2) remember_format();
  const auto answered = std::move(current);
  if (answered->automatic) return automatic_answered(answered->command.path, response);
  answer_command(*answered, response);
}

void Device::Parts::answer_command(const Current& answered, const coap::Response& response) {
  const Command& command = answered.command;
  const ObjectVersions versions = registration.versions();
  Answer out;
  out.code = response.code;
  Content content;
  if (has_content(command.operation, response))
    content.read(response, command.path, types(versions), outside.unix_s(), out);
  if (command.operation == Operation::discover) out.links = response.payload;
  if (command.operation == Operation::create) out.location = response.location;
  if (command.operation == Operation::observe && coap::class_of(response.code) == 2) {
    out.observed = response.observe.has_value();
    if (*out.observed) observed(command, answered.waiting.source.channel, response);
  }
  if (command.operation == Operation::cancel_observe) remove(command.path);
  const bool good = coap::class_of(response.code) == 2 && !out.raw;
  ++(good ? counters.answered : counters.errors);
  conclude(answered.waiting, answer(command, out, types(versions), settings->reply));
}

}  // namespace lwm2m
