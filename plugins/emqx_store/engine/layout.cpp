#include "emqx_store/engine/layout.hpp"

namespace emqx_store {
namespace {

std::string_view marked_key(std::string& out, unsigned char mark, std::string_view key) {
  out.clear();
  out.push_back(static_cast<char>(mark));
  out.append(key);
  return out;
}

template <class Number>
std::string big_endian(Number number) {
  std::string out(sizeof number, '\0');
  for (std::size_t i = sizeof number; i-- > 0; number >>= 8) out[i] = static_cast<char>(number);
  return out;
}

template <class Number>
bool read_big_endian(std::string_view value, Number& number) {
  if (value.size() != sizeof number) return false;
  number = 0;
  for (const char octet : value) number = number << 8 | static_cast<unsigned char>(octet);
  return true;
}

}  // namespace

std::string_view row_key(std::string& out, std::uint8_t space, std::string_view key) {
  return marked_key(out, space, key);
}

std::string_view count_key(std::string& out, std::uint8_t space, std::string_view key) {
  return marked_key(out, kCountMark | space, key);
}

std::string number_value(std::uint64_t number) { return big_endian(number); }
bool read_number_value(std::string_view value, std::uint64_t& number) {
  return read_big_endian(value, number);
}
std::string count_value(std::uint32_t count) { return big_endian(count); }
bool read_count_value(std::string_view value, std::uint32_t& count) {
  return read_big_endian(value, count);
}

}  // namespace emqx_store
