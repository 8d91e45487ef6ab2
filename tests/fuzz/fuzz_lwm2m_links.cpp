// Link format: what is taken apart lies in the text, one after the other, and each link is the same
// when read by itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check.hpp"
#include "emqx_lwm2m/format/link_format.hpp"

namespace {

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check(const lwm2m::Link& link) {
  FUZZ_CHECK(link.text.starts_with('<') && lies_in(link.target, link.text));
  FUZZ_CHECK(link.target.find_first_of("<>") == std::string_view::npos);
  for (const auto& attribute : link.attributes) {
    FUZZ_CHECK(!attribute.name.empty() && lies_in(attribute.name, link.text));
    FUZZ_CHECK(!attribute.value || lies_in(*attribute.value, link.text));
    FUZZ_CHECK(link.find(attribute.name)->name == attribute.name);
  }
  const auto again = lwm2m::parse_links(link.text, 1);
  FUZZ_CHECK(again && again->size() == 1 && again->front().text == link.text);
  FUZZ_CHECK(again->front().attributes.size() == link.attributes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 50;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto links = lwm2m::parse_links(text, kMost);
  if (!links) return 0;
  FUZZ_CHECK(links->size() <= kMost);
  const char* behind = text.data();
  for (const lwm2m::Link& link : *links) {
    FUZZ_CHECK(lies_in(link.text, text) && link.text.data() >= behind);
    behind = link.text.data() + link.text.size();
    check(link);
  }
  return 0;
}
