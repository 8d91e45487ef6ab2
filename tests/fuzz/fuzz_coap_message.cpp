// CoAP datagrams: what is read lies within the datagram and accounts for every octet of it, and
// reads the same when it is written again.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/coap/options.hpp"

namespace {

using namespace coap;

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void numbers(const Option& option) {
  if (const auto number = uint_value(option.value, 4)) {
    std::string out;
    Writer(out, Type::con, kGet, 0, {}).number(option.number, *number);
    Message message;
    FUZZ_CHECK(parse(out, message) == Parsed::ok);
    Option again;
    FUZZ_CHECK(OptionReader(message.options).next(again));
    FUZZ_CHECK(again.value.size() <= option.value.size());
    FUZZ_CHECK(uint_value(again.value, 4) == number);
  }
  if (const auto block = block_value(option.value)) {
    FUZZ_CHECK(block->szx <= 6 && block->number < 1u << 20);
    FUZZ_CHECK(value_of(*block) == uint_value(option.value, 3));
  }
}

void whole(std::string_view datagram, const Message& message) {
  FUZZ_CHECK(within(message.token, datagram) && message.token.size() <= 8);
  FUZZ_CHECK(within(message.options, datagram) && within(message.payload, datagram));
  FUZZ_CHECK(4 + message.token.size() + message.options.size() + message.payload.size() +
                 (message.payload.empty() ? 0 : 1) ==
             datagram.size());
  FUZZ_CHECK(!message.is_request() || !message.is_response());

  std::string written;
  Writer writer(written, message.type, message.code, message.id, message.token);
  OptionReader reader(message.options);
  Option option;
  std::uint16_t last = 0;
  while (reader.next(option)) {
    FUZZ_CHECK(within(option.value, message.options) && option.number >= last);
    last = option.number;
    writer.option(option.number, option.value);
    numbers(option);
  }
  writer.payload(message.payload);
  // An extension that could have been a nibble does not exist: there is one way to write it.
  FUZZ_CHECK(written == datagram);

  if (message.is_request()) {
    const RequestOptions options = read_request(message);
    FUZZ_CHECK(options.refusal == kEmpty || class_of(options.refusal) >= 4);
  } else if (message.is_response()) {
    ResponseOptions options;
    read_response(message, options);
    FUZZ_CHECK(within(options.etag, datagram) && options.etag.size() <= 8);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block without slack, so that every octet read too far is seen.
  const std::unique_ptr<char[]> block(new char[size]);
  if (size != 0) std::memcpy(block.get(), data, size);
  const std::string_view datagram(block.get(), size);
  Message message;
  switch (parse(datagram, message)) {
    case Parsed::ok:
      whole(datagram, message);
      break;
    case Parsed::reset:
      FUZZ_CHECK(size >= 4 && message.type == Type::con && message.token.empty());
      FUZZ_CHECK(message.options.empty() && message.payload.empty());
      break;
    case Parsed::ignore:
      break;
  }
  return 0;
}
