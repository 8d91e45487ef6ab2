// Text that is set once: in place when it has at most 15 bytes, else on the heap. Half the size of
// a std::string, for names that very many objects have.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace keel::kernel {

class CompactText {
 public:
  static constexpr std::size_t kInPlace = 15;

  // At most 4 GiB.
  explicit CompactText(std::string_view text) {
    char* to = bytes_.data();
    if (text.size() > kInPlace) {
      to = new char[text.size()];
      const auto size = static_cast<std::uint32_t>(text.size());
      std::memcpy(bytes_.data(), &to, sizeof to);
      std::memcpy(bytes_.data() + sizeof to, &size, sizeof size);
      bytes_.back() = kElsewhere;
    } else {
      bytes_.back() = static_cast<char>(text.size());
    }
    text.copy(to, text.size());
  }
  CompactText(const CompactText&) = delete;
  CompactText& operator=(const CompactText&) = delete;
  ~CompactText() {
    if (bytes_.back() == kElsewhere) delete[] view().data();
  }

  std::string_view view() const {
    if (bytes_.back() != kElsewhere)
      return {bytes_.data(), static_cast<std::size_t>(bytes_.back())};
    const char* text;
    std::uint32_t size;
    std::memcpy(&text, bytes_.data(), sizeof text);
    std::memcpy(&size, bytes_.data() + sizeof text, sizeof size);
    return {text, size};
  }
  operator std::string_view() const { return view(); }
  friend bool operator==(const CompactText& one, std::string_view other) {
    return one.view() == other;
  }

 private:
  static constexpr char kElsewhere = 127;  // in place of a size: address and size stand in front

  alignas(8) std::array<char, kInPlace + 1> bytes_{};
};
static_assert(sizeof(CompactText) == 16);

}  // namespace keel::kernel
