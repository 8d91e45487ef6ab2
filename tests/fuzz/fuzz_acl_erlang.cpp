// A file of access rules in Erlang terms, and questions to what it says; see acl_target.hpp.
#include "acl_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A comment makes it Erlang's, whatever follows.
  const std::string text = "%\n" + std::string(reinterpret_cast<const char*>(data), size);
  return acl_target::check(text, emqx_acl::Dialect::erlang);
}
