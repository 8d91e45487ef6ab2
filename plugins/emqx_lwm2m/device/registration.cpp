#include "emqx_lwm2m/device/registration.hpp"

#include <algorithm>
#include <keel/text.hpp>
#include <keel/utf8.hpp>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/device/object_list.hpp"
#include "emqx_lwm2m/format/content.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

using keel::concat;
using Problem = std::optional<RegistrationProblem>;

constexpr std::size_t kMaxEndpoint = 256, kMaxQueries = 64;

RegistrationProblem bad(std::string reason) { return {coap::kBadRequest, std::move(reason)}; }

struct Parameter {
  std::string_view name, value;
};
Parameter split(std::string_view query) {
  const std::size_t equals = query.find('=');
  if (equals == std::string_view::npos) return {query, {}};
  return {query.substr(0, equals), query.substr(equals + 1)};
}

// What the last of the queries says; none: no query has the name.
std::optional<std::string_view> last(std::span<const std::string_view> queries,
                                     std::string_view name) {
  std::optional<std::string_view> out;
  for (const std::string_view query : queries) {
    const Parameter parameter = split(query);
    if (parameter.name == name) out = parameter.value;
  }
  return out;
}

bool looks_secret(std::string_view name) {
  std::string small(name);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view kSecrets[] = {"password", "secret", "token", "key"};
  return std::ranges::any_of(
      kSecrets, [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

// Those that the event has of its own.
bool reserved(std::string_view name) { return name == "alternatePath" || name == "objectList"; }

Problem read_lifetime(std::string_view text, const RegistrationLimits& limits, std::uint32_t& out) {
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const std::optional<std::uint32_t> seconds =
      digits ? parse_integer<std::uint32_t>(text) : std::nullopt;
  if (!seconds) return bad("lt is no number of seconds");
  // 0: it never expires, as far as we let it.
  const std::uint32_t wanted = *seconds == 0 ? limits.lifetime_max_s : *seconds;
  const bool outside = wanted < limits.lifetime_min_s || wanted > limits.lifetime_max_s;
  if (outside && !limits.clamp) {
    return bad(concat("lt is ", wanted, ", not between ", limits.lifetime_min_s, " and ",
                      limits.lifetime_max_s));
  }
  out = std::clamp(wanted, limits.lifetime_min_s, limits.lifetime_max_s);
  return std::nullopt;
}

// The numbers of "1", "1.1", "1.0.3".
std::optional<std::vector<unsigned>> version_numbers(std::string_view text) {
  constexpr std::size_t kMostNumbers = 3, kMostDigits = 5;
  std::vector<unsigned> out;
  for (;;) {
    const std::string_view part = text.substr(0, text.find('.'));
    const bool digits = std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    const std::optional<unsigned> number =
        digits && part.size() <= kMostDigits ? parse_integer<unsigned>(part) : std::nullopt;
    if (!number || out.size() == kMostNumbers) return std::nullopt;
    out.push_back(*number);
    if (part.size() == text.size()) return out;
    text.remove_prefix(part.size() + 1);
  }
}

Problem read_version(std::string_view text, std::string& out) {
  const std::optional<std::vector<unsigned>> numbers = version_numbers(text);
  if (!numbers || numbers->front() != 1)
    return RegistrationProblem{coap::kPreconditionFailed, "only LwM2M 1.x is spoken here"};
  out = text;
  return std::nullopt;
}

void set_other(Registration& out, const Parameter& parameter) {
  const auto found = std::ranges::find(
      out.others, parameter.name, [](const auto& other) { return std::string_view(other.first); });
  if (found == out.others.end()) {
    out.others.emplace_back(parameter.name, parameter.value);
  } else {
    found->second = parameter.value;
  }
}

// Those that a Register and an Update have in common.
Problem read_parameter(const Parameter& parameter, const RegistrationLimits& limits,
                       Registration& out) {
  const auto& [name, value] = parameter;
  if (!keel::is_utf8(name) || !keel::is_utf8(value)) return bad("a parameter is no UTF-8");
  if (name == "lt") return read_lifetime(value, limits, out.lifetime_s);
  if (name == "b") {
    out.binding = value;
  } else if (name == "sms") {
    out.sms = value;
  } else if (name == "Q") {
    out.queue_flag = true;
  } else if (!name.empty() && !reserved(name) && !looks_secret(name)) {
    set_other(out, parameter);
  }
  return std::nullopt;
}

Problem read_parameters(std::span<const std::string_view> queries, const RegistrationLimits& limits,
                        Registration& out) {
  // Of several with the same name the last one counts, and the others need not be right.
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const Parameter parameter = split(queries[i]);
    if (parameter.name == "ep" || parameter.name == "lwm2m") continue;
    if (last(queries.subspan(i + 1), parameter.name)) continue;
    if (Problem problem = read_parameter(parameter, limits, out)) return problem;
  }
  std::size_t octets = out.binding.value_or("").size() + out.sms.value_or("").size();
  for (const auto& [name, value] : out.others) octets += name.size() + value.size();
  if (octets > limits.max_parameters) return bad("too many parameters");
  return std::nullopt;
}

Problem check_format(std::optional<std::uint16_t> format) {
  if (!format || modern(*format) == kText || *format == kLinkFormat) return std::nullopt;
  return RegistrationProblem{coap::kUnsupportedFormat,
                             concat("an object list in content format ", *format)};
}

Problem read_objects(std::string_view payload, const RegistrationLimits& limits,
                     Registration& out) {
  if (payload.size() > limits.max_list)
    return RegistrationProblem{coap::kTooLarge, "the object list is too long"};
  std::string wrong = read_object_list(payload, limits.max_links, out);
  if (!wrong.empty()) return bad(std::move(wrong));
  if (limits.strict && out.objects.empty()) return bad("the object list is empty");
  return std::nullopt;
}

Problem read_endpoint(std::span<const std::string_view> queries, std::string_view identity,
                      std::string& out) {
  std::string_view endpoint = identity;
  if (const std::optional<std::string_view> given = last(queries, "ep")) endpoint = *given;
  if (endpoint.empty()) return bad("no endpoint name");
  if (endpoint.size() > kMaxEndpoint) return bad("the endpoint name is too long");
  if (endpoint.find('\0') != std::string_view::npos || !keel::is_utf8(endpoint))
    return bad("the endpoint name is no UTF-8, or has a NUL in it");
  out = endpoint;
  return std::nullopt;
}

}  // namespace

bool Registration::queue_mode() const {
  return queue_flag || (binding && binding->find('Q') != std::string::npos);
}

bool Registration::at_least(unsigned major, unsigned minor) const {
  const std::optional<std::vector<unsigned>> numbers = version_numbers(version);
  if (!numbers) return false;
  const unsigned own = numbers->size() > 1 ? (*numbers)[1] : 0;
  return numbers->front() != major ? numbers->front() > major : own >= minor;
}

bool Registration::has(const Path& path) const {
  return std::ranges::any_of(objects, [&](const std::string& object) {
    const std::optional<Path> own = parse_path(object);
    return own && own->covers(path);
  });
}

ParsedRegistration parse_register(std::span<const std::string_view> queries,
                                  std::optional<std::uint16_t> content_format,
                                  std::string_view payload, std::string_view identity,
                                  const RegistrationLimits& limits) {
  if (queries.size() > kMaxQueries) return bad("too many parameters");
  Registration out;
  out.lifetime_s = std::clamp(out.lifetime_s, limits.lifetime_min_s, limits.lifetime_max_s);
  if (Problem problem = read_endpoint(queries, identity, out.endpoint)) return *problem;
  if (const std::optional<std::string_view> version = last(queries, "lwm2m")) {
    if (Problem problem = read_version(*version, out.version)) return *problem;
  }
  if (Problem problem = read_parameters(queries, limits, out)) return *problem;
  if (Problem problem = check_format(content_format)) return *problem;
  if (Problem problem = read_objects(payload, limits, out)) return *problem;
  return out;
}

std::variant<Updated, RegistrationProblem> parse_update(const Registration& present,
                                                        std::span<const std::string_view> queries,
                                                        std::optional<std::uint16_t> content_format,
                                                        std::string_view payload,
                                                        const RegistrationLimits& limits) {
  if (queries.size() > kMaxQueries) return bad("too many parameters");
  Updated out{.registration = present, .with_objects = !payload.empty()};
  if (Problem problem = read_parameters(queries, limits, out.registration)) return *problem;
  if (Problem problem = check_format(content_format)) return *problem;
  if (payload.empty()) return out;
  if (Problem problem = read_objects(payload, limits, out.registration)) return *problem;
  return out;
}

std::string_view endpoint_of(std::span<const std::string_view> queries) {
  return last(queries, "ep").value_or(std::string_view());
}

std::string topic_level(std::string_view endpoint) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(endpoint.size());
  for (const char c : endpoint) {
    if (c == '%' || c == '+' || c == '#' || c == '/') {
      out.push_back('%');
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::optional<std::string> endpoint_of_level(std::string_view level) {
  struct Escape {
    std::string_view text;
    char character;
  };
  constexpr Escape kEscapes[] = {{"%25", '%'}, {"%2B", '+'}, {"%23", '#'}, {"%2F", '/'}};
  std::string out;
  for (std::size_t at = 0; at < level.size();) {
    const auto* const escape = std::ranges::find_if(
        kEscapes, [&](const Escape& known) { return level.substr(at).starts_with(known.text); });
    if (escape != std::end(kEscapes)) {
      out.push_back(escape->character);
      at += escape->text.size();
      continue;
    }
    if (level[at] == '%' || level[at] == '+' || level[at] == '#' || level[at] == '/')
      return std::nullopt;
    out.push_back(level[at++]);
  }
  if (out.empty() || out.size() > kMaxEndpoint) return std::nullopt;
  return out;
}

}  // namespace lwm2m
