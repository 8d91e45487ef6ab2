// What the device is asked, and in which format: its own list first, the one that worked last
// before all; after 4.06 and 4.15 the next.
#include "emqx_lwm2m/device/parts.hpp"

namespace lwm2m {
namespace {

bool hierarchical(std::uint16_t format) {
  return format == kTlv || format == kSenmlJson || format == kSenmlCbor || format == kLwm2mJson;
}
bool senml(std::uint16_t format) { return format == kSenmlJson || format == kSenmlCbor; }

// The hierarchical formats a device of this registration speaks, the best first.
FormatList spoken(const Registration& registration) {
  FormatList out;
  for (const std::uint16_t format : registration.formats)
    if (hierarchical(modern(format))) out.add(modern(format));
  if (!out.view().empty()) return out;
  out.add(kTlv);
  if (!registration.at_least(1, 1)) {
    out.add(kLwm2mJson);
  } else {
    out.add(kSenmlJson);
    out.add(kSenmlCbor);
  }
  return out;
}

// The package of a firmware object: large, and mostly taken as it is.
bool is_firmware(const Path& path) {
  return path.depth == 3 && path.object() == 5 && path.resource() == 0;
}

Shape shape_of(const Command& command) {
  switch (command.operation) {
    case Operation::write_composite:
      return Shape::composite;
    case Operation::create:
      return command.chosen_by_device ? Shape::create_any : Shape::create;
    default:
      return Shape::write;
  }
}

FormatList for_reading(std::uint16_t last, const FormatList& list) {
  FormatList out;
  if (hierarchical(last)) out.add(last);
  for (const std::uint16_t format : list.view()) out.add(format);
  return out;
}

FormatList for_composites(const Command& command, std::uint16_t last, const FormatList& list) {
  FormatList out;
  const bool writes = command.operation == Operation::write_composite;
  const auto add = [&](std::uint16_t format) {
    if (senml(format) &&
        (!writes || encodable(format, Shape::composite, command.path, command.items)))
      out.add(format);
  };
  add(last);
  for (const std::uint16_t format : list.view()) add(format);
  add(kSenmlJson);
  add(kSenmlCbor);
  return out;
}

FormatList for_writing(const Command& command, std::uint16_t last_written, std::uint16_t last_read,
                       const FormatList& list) {
  FormatList out;
  const auto add = [&](std::uint16_t format) {
    if (format != kNoFormat && encodable(format, shape_of(command), command.path, command.items))
      out.add(format);
  };
  if (command.operation == Operation::write && is_firmware(command.path)) add(kOpaque);
  add(last_written);
  if (hierarchical(last_read)) add(last_read);
  for (const std::uint16_t format : list.view()) add(format);
  add(kTlv);  // there are things that nothing else can say
  if (command.operation != Operation::write) return out;
  const bool octets = command.items.size() == 1 && command.items[0].value.type == DataType::opaque;
  add(octets ? kOpaque : kText);
  add(octets ? kText : kOpaque);
  return out;
}

std::vector<std::string> uri(const std::string& prefix, const Path& path) {
  std::vector<std::string> out;
  out.reserve(path.depth + 1u);
  for (std::size_t at = 0; at < prefix.size();) {
    const std::size_t end = std::min(prefix.find('/', at), prefix.size());
    if (end != at) out.push_back(prefix.substr(at, end - at));
    at = end + 1;
  }
  for (std::size_t i = 0; i < path.depth; ++i) out.push_back(std::to_string(path.ids[i]));
  return out;
}

coap::Code method_of(const Command& command) {
  switch (command.operation) {
    case Operation::read:
    case Operation::discover:
    case Operation::observe:
    case Operation::cancel_observe:
      return coap::kGet;
    case Operation::write:
      return command.path.depth < 3 && !command.replace ? coap::kPost : coap::kPut;
    case Operation::write_attributes:
      return coap::kPut;
    case Operation::execute:
    case Operation::create:
      return coap::kPost;
    case Operation::remove:
      return coap::kDelete;
    case Operation::read_composite:
      return coap::kFetch;
    case Operation::write_composite:
      return coap::kIPatch;
  }
  return coap::kGet;
}

bool carries_items(Operation operation) {
  return operation == Operation::write || operation == Operation::create ||
         operation == Operation::write_composite;
}

void set_formats(coap::Request& request, const Command& command, std::uint16_t format) {
  switch (command.operation) {
    case Operation::read:
    case Operation::observe:
    case Operation::cancel_observe:
      if (format != kNoFormat) request.accept = format;
      break;
    case Operation::discover:
      request.accept = kLinkFormat;
      break;
    case Operation::execute:
      if (!command.arguments.empty()) request.content_format = kText;
      break;
    case Operation::read_composite:
      request.accept = request.content_format = format;
      break;
    case Operation::write:
    case Operation::create:
    case Operation::write_composite:
      request.content_format = format;
      break;
    case Operation::write_attributes:
    case Operation::remove:
      break;
  }
}

keel::Result<std::string> body_of(const Command& command, std::uint16_t format) {
  if (command.operation == Operation::execute) return command.arguments;
  if (command.operation == Operation::read_composite) return encode_paths(format, command.paths);
  if (carries_items(command.operation))
    return encode(format, shape_of(command), command.path, command.items);
  return std::string();
}

}  // namespace

FormatList Device::Parts::formats_for(const Command& command) const {
  switch (command.operation) {
    case Operation::read:
    case Operation::observe:
    case Operation::cancel_observe:
      return for_reading(read_format, spoken(registration.unpack()));
    case Operation::read_composite:
    case Operation::write_composite:
      return for_composites(command, read_format, spoken(registration.unpack()));
    case Operation::write:
    case Operation::create:
      return for_writing(command, write_format, read_format, spoken(registration.unpack()));
    default:
      return {};
  }
}

coap::Request Device::Parts::request_for(const Command& command, std::uint16_t format) const {
  coap::Request out;
  out.method = method_of(command);
  const bool of_object = command.operation == Operation::create;
  out.path =
      uri(registration.unpack().alternate_path, of_object ? command.path.up_to(1) : command.path);
  out.queries = command.queries;
  set_formats(out, command, format);
  return out;
}

std::optional<Device::Parts::Unaskable> Device::Parts::ask() {
  Command& command = current->command;
  const std::uint16_t format = current->format();
  if (carries_items(command.operation) && format == kNoFormat)
    return Unaskable{Refusal::bad_request, "no_format_carries_it"};
  coap::Request request = request_for(command, format);
  if (command.operation == Operation::observe) request.observe = true;
  if (command.operation == Operation::cancel_observe) {
    request.observe = false;
    if (const Observation* observation = find(command.path)) request.token = observation->token;
  }
  auto body = body_of(command, format);
  if (!body) return Unaskable{Refusal::bad_request, std::string(body.text())};
  if (body->size() > settings->coap->max_body_size) return Unaskable{Refusal::too_large, {}};
  if (!body->empty()) request.body = std::make_shared<const std::string>(std::move(*body));
  command.items = {};
  current->id = peer->request(std::move(request));
  return std::nullopt;
}

bool Device::Parts::ask_otherwise(coap::Code code) {
  const Operation operation = current->command.operation;
  const bool composite = operation == Operation::read_composite;
  const bool refused =
      carries_items(operation)
          ? code == coap::kUnsupportedFormat
          : code == coap::kNotAcceptable || (composite && code == coap::kUnsupportedFormat);
  if (!refused || current->tried + 1u >= current->formats.view().size()) return false;
  if (carries_items(operation)) {
    const ObjectVersions versions = registration.versions();
    auto parsed = parse_command(current->waiting.payload, types(versions), settings->command);
    if (!std::holds_alternative<Command>(parsed)) return false;
    current->command = std::move(std::get<Command>(parsed));
  }
  ++current->tried;
  return !ask();
}

void Device::Parts::remember_format() {
  const std::uint16_t format = current->format();
  switch (current->command.operation) {
    case Operation::read:
    case Operation::observe:
    case Operation::read_composite:
      read_format = format;
      break;
    case Operation::write:
      if (!is_firmware(current->command.path)) write_format = format;
      break;
    case Operation::create:
      write_format = format;
      break;
    default:
      break;
  }
}

}  // namespace lwm2m
