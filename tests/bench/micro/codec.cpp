// PUBLISH from and to octets. Names end in the version and the size of the payload.
#include <string>

#include "kernel/codec/decoder.hpp"
#include "kernel/codec/encoder.hpp"
#include "support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

// Content type and two user properties, as a device would send them.
const std::string kProperties(
    "\x03\0\x10"
    "application/json\x26\0\4unit\0\1C\x26\0\4room\0\7kitchen",
    19 + 10 + 16);

PublishFields fields(const std::string& payload, bool properties) {
  PublishFields fields;
  fields.topic = "site/building7/room12/temperature";
  fields.payload = payload;
  if (properties) fields.properties = kProperties;
  fields.qos = 1;
  fields.packet_id = 4711;
  return fields;
}

void decode(benchmark::State& state, Version version, bool properties) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'p');
  OutBuffer packet;
  encode_publish(packet, version, fields(payload, properties), {});
  iovec whole{};
  packet.gather(&whole, 1);
  const Bytes bytes(static_cast<const char*>(whole.iov_base), whole.iov_len);
  std::string scratch;
  for (auto _ : state) {
    FixedHeader header;
    PublishView view;
    if (parse_header(bytes, header, version) != HeaderStatus::ok ||
        parse_publish(bytes.substr(header.size), header.flags, version, view, scratch))
      state.SkipWithError("the packet is refused");
    benchmark::DoNotOptimize(view);
  }
}

void encode(benchmark::State& state, Version version, bool properties) {
  constexpr int kPackets = 64;  // into one buffer, as for one connection and turn
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'p');
  const PublishFields packet = fields(payload, properties);
  while (state.KeepRunningBatch(kPackets)) {
    OutBuffer out;
    for (int i = 0; i < kPackets; ++i) encode_publish(out, version, packet, {});
    benchmark::DoNotOptimize(out);
  }
}

BENCHMARK_CAPTURE(decode, v3, Version::v311, false)->Arg(20)->Arg(256);
BENCHMARK_CAPTURE(decode, v5, Version::v5, false)->Arg(20)->Arg(256);
BENCHMARK_CAPTURE(decode, v5_properties, Version::v5, true)->Arg(20)->Arg(256);
BENCHMARK_CAPTURE(encode, v3, Version::v311, false)->Arg(20)->Arg(256);
BENCHMARK_CAPTURE(encode, v5, Version::v5, false)->Arg(20)->Arg(256);
BENCHMARK_CAPTURE(encode, v5_properties, Version::v5, true)->Arg(20)->Arg(256);

}  // namespace
