// A key and a value of the store, read as every kind there is: what reads is bounded, and is
// written again as the same octets. The first octet of the input is the length of the key.
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "check.hpp"
#include "kernel/durable/rows.hpp"

namespace {

using namespace keel::kernel;

// Not before any time that is read, so that none of them lies ahead and is not kept.
constexpr RowClock kClock{.now_ms = 0, .unix_ms = std::numeric_limits<std::int64_t>::max() / 4};

// A block without slack, so that every octet read too far is seen.
struct Exact {
  explicit Exact(std::string_view text) : data(new char[text.size()]), size(text.size()) {
    text.copy(data.get(), size);
  }
  std::string_view view() const { return {data.get(), size}; }
  std::unique_ptr<char[]> data;
  std::size_t size;
};

void keys(std::string_view key) {
  std::uint64_t a = 0, b = 0;
  std::uint16_t id = 0;
  std::string_view text;
  if (read_number_key(key, a)) FUZZ_CHECK(number_key(a) == key);
  if (read_number_key(key, a, b)) FUZZ_CHECK(number_key(a, b) == key);
  if (read_id_key(key, a, id)) FUZZ_CHECK(id_key(a, id) == key);
  if (read_text_key(key, a, text)) FUZZ_CHECK(text_key(a, text) == key);
}

// Times so far ahead or back that they are moved read as others.
bool plain(const Message& message) {
  return message.received_ms() < 0 && message.received_ms() > -(std::int64_t{1} << 50);
}

void messages(std::string_view value) {
  const MessagePtr message = read_message_row(value, kClock);
  if (!message) return;
  FUZZ_CHECK(message->qos() <= 2 && message->publisher() == 0 && message->received_ms() <= 0);
  FUZZ_CHECK(message->topic().size() + message->properties().size() + message->payload().size() <
             value.size());
  FUZZ_CHECK(message->expired(0) == (message->remaining_expiry_s(0) == 0));
  const MessageView view = message->view();
  std::string again(message_row_size(view), '\0');
  FUZZ_CHECK(write_message_row(again.data(), view, kClock) == again.data() + again.size());
  FUZZ_CHECK(again.size() == value.size());
  FUZZ_CHECK(!plain(*message) || again == value);
}

void deliveries(std::string_view value) {
  const auto delivery = read_delivery_row(value, kClock);
  if (!delivery) return;
  FUZZ_CHECK(delivery->row.qos <= 2);
  FUZZ_CHECK((delivery->row.message_id == 0) == static_cast<bool>(delivery->message));
  FUZZ_CHECK(delivery->row.subscription_ids.size() * 4 < value.size());
  const MessageView view = delivery->message ? delivery->message->view() : MessageView();
  const MessageView* const in_row = delivery->message ? &view : nullptr;
  std::string again(delivery_row_size(delivery->row, in_row), '\0');
  FUZZ_CHECK(write_delivery_row(again.data(), delivery->row, in_row, kClock) ==
             again.data() + again.size());
  FUZZ_CHECK(again.size() == value.size());
  FUZZ_CHECK((in_row != nullptr && !plain(*delivery->message)) || again == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const Exact key(input.substr(0, data[0]));
  const Exact value(input.substr(key.size));
  keys(key.view());
  if (const auto session = read_session_row(value.view()))
    FUZZ_CHECK(write_row(*session) == value.view());
  if (const auto subscription = read_subscription_row(value.view()))
    FUZZ_CHECK(write_row(*subscription) == value.view());
  if (const auto number = read_number(value.view()))
    FUZZ_CHECK(write_number(*number) == value.view());
  messages(value.view());
  deliveries(value.view());
  return 0;
}
