// Registrations of LwM2M devices: lines of queries, an empty one, then the list of objects. What is
// accepted is within its bounds and gives an event without secrets; saying the same again in an
// Update changes nothing.
#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "emqx_lwm2m/command/reply.hpp"
#include "emqx_lwm2m/device/registration.hpp"

namespace {

using namespace lwm2m;

std::vector<std::string_view> take_queries(std::string_view& text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    out.push_back(line);
  }
  return out;
}

bool secret(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name.find("password") != name.npos || name.find("secret") != name.npos ||
         name.find("token") != name.npos || name.find("key") != name.npos;
}

void check(const Registration& device, const RegistrationLimits& limits) {
  FUZZ_CHECK(!device.endpoint.empty() && device.endpoint.size() <= 256);
  FUZZ_CHECK(endpoint_of_level(topic_level(device.endpoint)) == device.endpoint);
  FUZZ_CHECK(device.lifetime_s >= limits.lifetime_min_s &&
             device.lifetime_s <= limits.lifetime_max_s);
  FUZZ_CHECK(device.at_least(1, 0) && !device.at_least(2, 0));
  FUZZ_CHECK(device.alternate_path.starts_with('/'));
  FUZZ_CHECK(device.objects.size() <= limits.max_links);
  std::size_t octets = 0;
  for (const auto& [name, value] : device.others) {
    FUZZ_CHECK(!name.empty() && !secret(name));
    octets += name.size() + value.size();
  }
  FUZZ_CHECK(octets <= limits.max_parameters);
  for (const std::string& object : device.objects) {
    const std::optional<Path> path = parse_path(object);
    FUZZ_CHECK(path && path->depth >= 1 && path->depth <= 2 && device.has(*path));
  }
  for (std::size_t i = 1; i < device.versions.size(); ++i) {
    FUZZ_CHECK(device.versions[i - 1].first < device.versions[i].first);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view payload(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> queries = take_queries(payload);
  for (const bool clamp : {false, true}) {
    const RegistrationLimits limits{
        .lifetime_min_s = 10, .lifetime_max_s = 3600, .clamp = clamp, .max_links = 32};
    const ParsedRegistration result = parse_register(queries, 40, payload, "identity", limits);
    if (const auto* const problem = std::get_if<RegistrationProblem>(&result)) {
      FUZZ_CHECK(problem->code >= 128 && !problem->reason.empty());
      continue;
    }
    const Registration& device = std::get<Registration>(result);
    check(device, limits);
    const std::string text = event(Event::registered, device);
    boost::json::error_code error;
    boost::json::parse(text, error);
    FUZZ_CHECK(!error);

    const auto again = parse_update(device, queries, std::nullopt, payload, limits);
    FUZZ_CHECK(std::holds_alternative<Updated>(again));
    const Updated& updated = std::get<Updated>(again);
    FUZZ_CHECK(updated.with_objects == !payload.empty());
    FUZZ_CHECK(event(Event::registered, updated.registration) == text);
    FUZZ_CHECK(updated.registration.versions == device.versions);
    FUZZ_CHECK(updated.registration.formats == device.formats);
  }
  return 0;
}
