// Keys of the store's spaces, and plain numbers as values.
#include "kernel/durable/row_io.hpp"
#include "kernel/durable/rows.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kNumber = 8, kPacketId = 2;

}  // namespace

std::string number_key(std::uint64_t number) { return write_number(number); }

std::string number_key(std::uint64_t number, std::uint64_t second) {
  std::string key(2 * kNumber, '\0');
  store_be64(store_be64(key.data(), number), second);
  return key;
}

std::string id_key(std::uint64_t store_id, std::uint16_t packet_id) {
  std::string key(kNumber + kPacketId, '\0');
  store_be16(store_be64(key.data(), store_id), packet_id);
  return key;
}

std::string text_key(std::uint64_t store_id, std::string_view text) {
  std::string key(kNumber + text.size(), '\0');
  store_octets(store_be64(key.data(), store_id), text);
  return key;
}

bool read_number_key(std::string_view key, std::uint64_t& number) {
  if (key.size() != kNumber) return false;
  number = load_be64(key.data());
  return true;
}

bool read_number_key(std::string_view key, std::uint64_t& number, std::uint64_t& second) {
  if (key.size() != 2 * kNumber) return false;
  number = load_be64(key.data());
  second = load_be64(key.data() + kNumber);
  return true;
}

bool read_id_key(std::string_view key, std::uint64_t& store_id, std::uint16_t& packet_id) {
  if (key.size() != kNumber + kPacketId) return false;
  store_id = load_be64(key.data());
  packet_id = load_be16(key.data() + kNumber);
  return true;
}

bool read_text_key(std::string_view key, std::uint64_t& store_id, std::string_view& text) {
  if (key.size() <= kNumber) return false;  // no text is empty: filters are not
  store_id = load_be64(key.data());
  text = key.substr(kNumber);
  return true;
}

std::string write_number(std::uint64_t number) {
  std::string value(kNumber, '\0');
  store_be64(value.data(), number);
  return value;
}

std::optional<std::uint64_t> read_number(std::string_view value) {
  if (value.size() != kNumber) return std::nullopt;
  return load_be64(value.data());
}

}  // namespace keel::kernel
