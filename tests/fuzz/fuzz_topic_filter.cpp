// Topic filters: the input is a filter and a topic with a zero byte between them, behind two bytes
// that are the limits. The walk is compared with matching level by level.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {
namespace {

std::vector<std::string_view> levels(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t slash = text.find('/');
    out.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    text.remove_prefix(slash + 1);
  }
}

bool naive_match(std::string_view filter, std::string_view topic) {
  const auto f = levels(filter), t = levels(topic);
  if (topic.starts_with('$') && (f[0] == "+" || f[0] == "#")) return false;
  for (std::size_t i = 0; i < f.size(); ++i) {
    if (f[i] == "#") return true;
    if (i == t.size() || (f[i] != "+" && f[i] != t[i])) return false;
  }
  return f.size() == t.size();
}

void check_parsed(std::string_view text, const ParsedFilter& parsed) {
  FUZZ_CHECK(!parsed.filter.empty());
  FUZZ_CHECK(valid_utf8(text));
  FUZZ_CHECK(text.ends_with(parsed.filter));
  FUZZ_CHECK(parsed.wildcard == (parsed.filter.find_first_of("+#") != std::string_view::npos));
  if (!parsed.shared()) FUZZ_CHECK(parsed.filter == text);
  const auto parts = levels(parsed.filter);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    FUZZ_CHECK(parts[i].size() <= 1 || parts[i].find_first_of("+#") == std::string_view::npos);
    FUZZ_CHECK(parts[i] != "#" || i + 1 == parts.size());
  }
}

}  // namespace
}  // namespace keel::kernel

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  if (size < 2) return 0;
  const std::uint32_t max_length = data[0], max_levels = data[1];
  const std::string input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t middle = input.find('\0');
  const std::string filter = input.substr(0, middle);
  const std::string topic = middle == std::string::npos ? "" : input.substr(middle + 1);

  ParsedFilter parsed;
  const FilterError error = parse_filter(filter, max_length, max_levels, parsed);
  FUZZ_CHECK(error == FilterError::none || !filter_error_text(error).empty());
  if (error == FilterError::none) {
    check_parsed(filter, parsed);
    FUZZ_CHECK(max_length == 0 || filter.size() <= max_length);
    ParsedFilter unlimited;
    FUZZ_CHECK(parse_filter(filter, 0, 0, unlimited) == FilterError::none);
  }
  if (error != FilterError::none || !valid_topic_name(topic)) return 0;
  FUZZ_CHECK(topic_levels(topic) == levels(topic).size());
  FUZZ_CHECK(topic_matches(parsed.filter, topic) == naive_match(parsed.filter, topic));
  FUZZ_CHECK(topic_matches(topic, topic));
  return 0;
}
