// A file of access rules in TOML, and questions to what it says; see acl_target.hpp.
#include "acl_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  return acl_target::check(text, emqx_acl::Dialect::toml);
}
