#include "kernel/base/compact_text.hpp"

#include <doctest/doctest.h>

#include <string>

using keel::kernel::CompactText;

TEST_CASE("compact text: every size up to some hundred comes back as it was, at its own address") {
  for (std::size_t size = 0; size < 300; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7 + size);
    const CompactText kept{text};
    CHECK(kept.view() == text);
    CHECK(kept == text);
    CHECK(kept.view().data() != text.data());
    const auto* const object = reinterpret_cast<const char*>(&kept);
    const bool in_place = kept.view().data() >= object && kept.view().data() < object + sizeof kept;
    CHECK(in_place == (size <= CompactText::kInPlace));
  }
}

TEST_CASE("compact text: zero bytes are bytes like others") {
  const std::string text("a\0b\0", 4);
  CHECK(CompactText(text).view() == text);
  CHECK(CompactText("").view().empty());
}
