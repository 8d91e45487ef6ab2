// The decoder, with what an MQTT 3.1.1 client sends.
#include "decoder_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return keel::kernel::fuzz::run(data, size, keel::kernel::Version::v311);
}
