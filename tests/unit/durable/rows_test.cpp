// The octets of the store's rows: what is written is read again, and nothing else is.
#include "kernel/durable/rows.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>

namespace keel::kernel {
namespace {

constexpr RowClock kClock{.now_ms = 5'000'000, .unix_ms = 1'700'000'000'000};

// A copy in a block of exactly its size, so that a sanitizer sees every octet read behind it.
struct Exact {
  explicit Exact(std::string_view text) : data(new char[text.size()]), size(text.size()) {
    text.copy(data.get(), size);
  }
  std::string_view view() const { return {data.get(), size}; }
  std::unique_ptr<char[]> data;
  std::size_t size;
};

std::string row_of(const MessageView& message, const RowClock& clock = kClock) {
  std::string row(message_row_size(message), '?');
  CHECK(write_message_row(row.data(), message, clock) == row.data() + row.size());
  return row;
}
std::string row_of(const DeliveryRow& delivery, const MessageView* message) {
  std::string row(delivery_row_size(delivery, message), '?');
  CHECK(write_delivery_row(row.data(), delivery, message, kClock) == row.data() + row.size());
  return row;
}

// What is read of a row is written again as the same octets, so each row has one form. Refused rows
// are fine here; that reading stays within the row is for the sanitizers to say. `time_at`: where a
// message's time stands, which is not kept when it lies ahead.
template <class Read, class Write>
void check_damage(const std::string& row, Read read, Write write,
                  std::size_t time_at = std::string::npos) {
  REQUIRE(read(row));
  for (std::size_t size = 0; size < row.size(); ++size) {
    const Exact part(std::string_view(row).substr(0, size));
    if (read(part.view())) FAIL_CHECK("cut to " << size << " octets it is read all the same");
  }
  CHECK_FALSE(read(row + '\0'));
  CHECK_FALSE(read('\0' + row));
  for (std::size_t bit = 0; bit < row.size() * 8; ++bit) {
    const std::size_t at = bit / 8;
    std::string flipped = row;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit % 8));
    const Exact damaged(flipped);
    const auto value = read(damaged.view());
    const bool time = at >= time_at && at - time_at < 8;
    if (value && !time && write(*value) != flipped) FAIL_CHECK("bit " << bit << ": a second form");
    if (value && at == 0) FAIL_CHECK("format " << int{flipped[0]} << " is read as 1");
  }
}

Will some_will() {
  Will will;
  will.topic = "gone/1";
  will.payload = std::string("lost\0", 5);
  will.properties = "\x01\x01";
  will.qos = 2;
  will.retain = true;
  will.delay_s = 30;
  will.expiry_s = 3600;
  return will;
}

SessionRow some_session() {
  SessionRow row;
  row.store_id = 0x0102030405060708;
  row.expiry_s = 7200;
  row.created_at_s = 1'700'000'000;
  row.away_since_ms = 1'700'000'000'123;
  row.sent_through = 0xfffffffffffffffe;
  row.clean_start = true;
  row.username = "ümit";
  row.mountpoint = "tenant/1/";
  return row;
}

bool same(const SessionRow& a, const SessionRow& b) {
  if (a.will.has_value() != b.will.has_value()) return false;
  if (a.will && (a.will->topic != b.will->topic || a.will->payload != b.will->payload ||
                 a.will->properties != b.will->properties || a.will->qos != b.will->qos ||
                 a.will->retain != b.will->retain || a.will->delay_s != b.will->delay_s ||
                 a.will->expiry_s != b.will->expiry_s))
    return false;
  return a.store_id == b.store_id && a.expiry_s == b.expiry_s && a.created_at_s == b.created_at_s &&
         a.away_since_ms == b.away_since_ms && a.sent_through == b.sent_through &&
         a.clean_start == b.clean_start && a.username == b.username && a.mountpoint == b.mountpoint;
}

MessageView some_message() {
  return {.topic = "a/b",
          .payload = std::string_view("21.5\0x", 6),
          .properties = "\x01\x01",
          .qos = 1,
          .retain = true,
          .expiry_s = 60,
          .received_ms = kClock.now_ms - 1'500,
          .publisher = 77};
}

bool same(const Message& a, const MessageView& b) {
  return a.topic() == b.topic && a.payload() == b.payload && a.properties() == b.properties &&
         a.qos() == b.qos && a.retain() == b.retain && a.expiry_s() == b.expiry_s &&
         a.received_ms() == b.received_ms && a.publisher() == 0;
}

TEST_CASE("rows: keys are in the order of their numbers") {
  CHECK(number_key(1) == std::string("\0\0\0\0\0\0\0\1", 8));
  CHECK(id_key(1, 0x0203) == std::string("\0\0\0\0\0\0\0\1\2\3", 10));
  CHECK(text_key(2, "a/#") == std::string("\0\0\0\0\0\0\0\2a/#", 11));
  const std::uint64_t numbers[]{0, 1, 255, 256, 65'535, 65'536, 1ull << 32, 1ull << 63, ~0ull};
  for (std::size_t i = 1; i < std::size(numbers); ++i) {
    CHECK(number_key(numbers[i - 1]) < number_key(numbers[i]));
    CHECK(number_key(7, numbers[i - 1]) < number_key(7, numbers[i]));
    CHECK(number_key(numbers[i - 1], ~0ull) < number_key(numbers[i], 0));
    CHECK(text_key(numbers[i - 1], "zzz") < text_key(numbers[i], "a"));
  }
}

TEST_CASE("rows: keys are read as what they are, and as nothing else") {
  std::uint64_t a = 0, b = 0;
  std::uint16_t id = 0;
  std::string_view text;
  REQUIRE(read_number_key(number_key(0x1122334455667788), a));
  CHECK(a == 0x1122334455667788);
  REQUIRE(read_number_key(number_key(~0ull, 3), a, b));
  CHECK(a == ~0ull);
  CHECK(b == 3);
  REQUIRE(read_id_key(id_key(9, 65'535), a, id));
  CHECK(a == 9);
  CHECK(id == 65'535);
  const std::string key = text_key(5, "$share/g/+/x");
  REQUIRE(read_text_key(key, a, text));
  CHECK(a == 5);
  CHECK(text == "$share/g/+/x");

  const std::string octets(40, 'k');
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    const Exact exact(std::string_view(octets).substr(0, size));
    CAPTURE(size);
    CHECK(read_number_key(exact.view(), a) == (size == 8));
    CHECK(read_number_key(exact.view(), a, b) == (size == 16));
    CHECK(read_id_key(exact.view(), a, id) == (size == 10));
    CHECK(read_text_key(exact.view(), a, text) == (size > 8));
    CHECK(read_number(exact.view()).has_value() == (size == 8));
  }
}

TEST_CASE("rows: numbers") {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
    CHECK(read_number(write_number(number)) == number);
}

TEST_CASE("rows: a session with and without a will") {
  const auto write = [](const SessionRow& row) { return write_row(row); };
  SessionRow row = some_session();
  SUBCASE("without") {}
  SUBCASE("with") { row.will = some_will(); }
  SUBCASE("with an empty will") { row.will.emplace(); }
  SUBCASE("empty") { row = {}; }
  const auto read = read_session_row(write_row(row));
  REQUIRE(read);
  CHECK(same(*read, row));
  check_damage(write_row(row), read_session_row, write);
}

TEST_CASE("rows: a subscription") {
  for (unsigned i = 0; i < 12; ++i) {
    const SubscriptionRow row{.qos = static_cast<std::uint8_t>(i % 3),
                              .no_local = i % 2 == 1,
                              .retain_as_published = i >= 6,
                              .subscription_id = i * 22'369'621};
    const auto read = read_subscription_row(write_row(row));
    REQUIRE(read);
    CHECK(read->qos == row.qos);
    CHECK(read->no_local == row.no_local);
    CHECK(read->retain_as_published == row.retain_as_published);
    CHECK(read->subscription_id == row.subscription_id);
    check_damage(write_row(row), read_subscription_row,
                 [](const SubscriptionRow& value) { return write_row(value); });
  }
}

TEST_CASE("rows: a message") {
  MessageView message = some_message();
  SUBCASE("that expires") {}
  SUBCASE("that does not") { message.expiry_s = kNoExpiry; }
  SUBCASE("with nothing in it") {
    message = {};
    message.received_ms = kClock.now_ms;
  }
  const auto read = [](std::string_view value) -> std::optional<MessagePtr> {
    MessagePtr found = read_message_row(value, kClock);
    if (!found) return std::nullopt;
    return found;
  };
  const auto back = read(row_of(message));
  REQUIRE(back);
  CHECK(same(**back, message));
  check_damage(
      row_of(message), read, [](const MessagePtr& value) { return row_of(value->view()); }, 2);
}

TEST_CASE("rows: a topic may be as long as a packet can carry, and no longer") {
  MessageView message = some_message();
  std::string topic(65'535, 't');
  message.topic = topic;
  const MessagePtr read = read_message_row(row_of(message), kClock);
  REQUIRE(read);
  CHECK(same(*read, message));
  topic += 't';
  message.topic = topic;
  CHECK_FALSE(read_message_row(row_of(message), kClock));
}

TEST_CASE("rows: what is left of a message's life is the same by another clock") {
  // The row is written by a machine that is up for long, and read after it was started again.
  MessageView message = some_message();
  message.expiry_s = 100;
  message.received_ms = kClock.now_ms - 30'250;
  const std::string row = row_of(message);
  struct Case {
    std::int64_t later_ms;
    std::uint32_t remaining_s;
  };
  for (const std::int64_t restarted_ms : {std::int64_t{0}, std::int64_t{40}, kClock.now_ms * 9}) {
    for (const Case& c : {Case{0, 70}, Case{750, 69}, Case{751, 69}, Case{1'750, 68},
                          Case{69'000, 1}, Case{69'749, 1}, Case{69'750, 0}, Case{1'000'000, 0}}) {
      CAPTURE(restarted_ms);
      CAPTURE(c.later_ms);
      const MessagePtr read =
          read_message_row(row, {.now_ms = restarted_ms, .unix_ms = kClock.unix_ms + c.later_ms});
      REQUIRE(read);
      CHECK(read->expired(restarted_ms) == (c.remaining_s == 0));
      CHECK(read->remaining_expiry_s(restarted_ms) == c.remaining_s);
      CHECK(restarted_ms - read->received_ms() == 30'250 + c.later_ms);
      // It goes on ageing by the new clock.
      CHECK(read->remaining_expiry_s(restarted_ms + 10'000) ==
            (c.remaining_s > 10 ? c.remaining_s - 10 : 0));
    }
  }
}

TEST_CASE("rows: a clock that was set back does not make a message live longer than published") {
  MessageView message = some_message();
  message.expiry_s = 100;
  const std::string row = row_of(message);
  const MessagePtr read =
      read_message_row(row, {.now_ms = 50, .unix_ms = kClock.unix_ms - 86'400'000});
  REQUIRE(read);
  CHECK(read->received_ms() == 50);
  CHECK(read->remaining_expiry_s(50) == 100);
  CHECK(read->expired(100'050));
}

TEST_CASE("rows: a message without an expiry never gets one") {
  MessageView message = some_message();
  message.expiry_s = kNoExpiry;
  const MessagePtr read =
      read_message_row(row_of(message), {.now_ms = 1, .unix_ms = kClock.unix_ms * 2});
  REQUIRE(read);
  CHECK_FALSE(read->expired(1));
  CHECK(read->remaining_expiry_s(1) == kNoExpiry);
}

TEST_CASE("rows: times out of any range are read without overflow") {
  std::string row = row_of(some_message());
  for (const char* octets : {"\x80\0\0\0\0\0\0\0", "\x7f\xff\xff\xff\xff\xff\xff\xff"}) {
    row.replace(2, 8, octets, 8);
    const MessagePtr read = read_message_row(row, kClock);
    REQUIRE(read);
    CHECK(read->expired(kClock.now_ms) == (octets[0] != 0x7f));
  }
}

TEST_CASE("rows: a delivery, with its message or the id of a shared one") {
  DeliveryRow row{.qos = 2, .retain = true, .shared_subscription = true};
  MessageView message = some_message();
  const MessageView* in_row = nullptr;
  SUBCASE("shared") { row.message_id = 0x0102030405060708; }
  SUBCASE("shared, with everything") {
    row.message_id = 1;
    row.subscription_ids = {1, 268'435'455};
    row.group = "$share/g/a/+";
  }
  SUBCASE("inline") { in_row = &message; }
  SUBCASE("inline, with everything") {
    in_row = &message;
    row.subscription_ids = {5};
    row.group = "$queue/a/+";
  }
  SUBCASE("inline, plain") {
    row = {};
    in_row = &message;
  }
  const auto read = [](std::string_view value) { return read_delivery_row(value, kClock); };
  const auto back = read(row_of(row, in_row));
  REQUIRE(back);
  CHECK(back->row.qos == row.qos);
  CHECK(back->row.retain == row.retain);
  CHECK(back->row.shared_subscription == row.shared_subscription);
  CHECK(back->row.subscription_ids == row.subscription_ids);
  CHECK(back->row.group == row.group);
  CHECK(back->row.message_id == row.message_id);
  REQUIRE(bool{back->message} == (in_row != nullptr));
  if (in_row != nullptr) CHECK(same(*back->message, *in_row));
  check_damage(
      row_of(row, in_row), read,
      [](const ReadDelivery& value) {
        if (!value.message) return row_of(value.row, nullptr);
        const MessageView view = value.message->view();
        return row_of(value.row, &view);
      },
      in_row == nullptr ? std::string::npos : delivery_row_size(row, nullptr) - 8 + 2);
}

TEST_CASE("rows: a delivery that says it has more identifiers than octets costs no memory") {
  DeliveryRow row;
  row.message_id = 1;
  row.subscription_ids = {1};
  std::string value = row_of(row, nullptr);
  value.replace(2, 4, "\xff\xff\xff\xff", 4);
  CHECK_FALSE(read_delivery_row(value, kClock));
}

TEST_CASE("rows: what is plain takes little room") {
  const MessageView message{.topic = "t", .payload = "p", .received_ms = kClock.now_ms};
  CHECK(message_row_size(message) == 24);
  DeliveryRow row;
  CHECK(delivery_row_size(row, &message) == 26);
  row.message_id = 1;
  CHECK(delivery_row_size(row, nullptr) == 10);
}

TEST_CASE("rows: whatever is written is read again") {
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const auto text = [&](std::size_t most) {
    std::string out(below(most + 1), '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  };
  for (int i = 0; i < 2000; ++i) {
    const std::string topic = text(50), properties = text(20), payload = text(300);
    const MessageView message{
        .topic = topic,
        .payload = payload,
        .properties = properties,
        .qos = static_cast<std::uint8_t>(below(3)),
        .retain = below(2) == 1,
        .expiry_s = below(2) == 1 ? kNoExpiry : static_cast<std::uint32_t>(below(kNoExpiry)),
        .received_ms = kClock.now_ms - static_cast<int>(below(1'000'000'000))};
    DeliveryRow row{.qos = static_cast<std::uint8_t>(below(3)),
                    .retain = below(2) == 1,
                    .shared_subscription = below(2) == 1};
    row.subscription_ids.resize(below(4));
    for (std::uint32_t& id : row.subscription_ids) id = static_cast<std::uint32_t>(random());
    row.group = text(20);
    const bool in_row = below(2) == 1;
    if (!in_row) row.message_id = random() | 1;
    const auto delivery = read_delivery_row(row_of(row, in_row ? &message : nullptr), kClock);
    REQUIRE(delivery);
    CHECK(delivery->row.subscription_ids == row.subscription_ids);
    CHECK(delivery->row.group == row.group);
    CHECK(delivery->row.message_id == row.message_id);
    if (in_row) CHECK(same(*delivery->message, message));

    SessionRow session = some_session();
    session.store_id = random();
    session.away_since_ms = static_cast<std::int64_t>(random());
    session.username = text(30);
    if (below(2) == 1) {
      session.will = some_will();
      session.will->payload = text(100);
    }
    const auto read = read_session_row(write_row(session));
    REQUIRE(read);
    CHECK(same(*read, session));
  }
}

}  // namespace
}  // namespace keel::kernel
