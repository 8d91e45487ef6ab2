// What one version of a plugin hands to the next (Plugin::save and load), field by field: numbers
// and other plain values as they lie in memory, texts behind their size in 32 bits. Both versions
// run in one process, so there is no question of byte order; what is read is checked against the
// end of the blob, not for sense. Any thread.
//
//   template <class Io, class T>
//   bool fields(Io& io, T& t) { return io.field(t.number) && io.field(t.name); }
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace keel {

// Appends to `out`, which must outlive it. Always true, so that one function can serve both ways.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(const T& value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return true;
  }
  bool field(const std::string& text) {
    field(static_cast<std::uint32_t>(text.size()));
    out_ += text;
    return true;
  }

 private:
  std::string& out_;
};

// Takes from the beginning of `in`, which must outlive it. False: there is less left than the field
// takes, and the value is as it was.
class FieldReader {
 public:
  explicit FieldReader(std::string_view in) : in_(in) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(T& value) {
    if (in_.size() < sizeof value) return false;
    std::memcpy(static_cast<void*>(&value), in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return true;
  }
  bool field(std::string& text) {
    std::uint32_t size = 0;
    if (!field(size) || in_.size() < size) return false;
    text.assign(in_.substr(0, size));
    in_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return in_.empty(); }

 private:
  std::string_view in_;
};

}  // namespace keel
