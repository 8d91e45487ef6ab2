// Files with passwords: the first byte says what the rest is read as. An import (as of user names,
// or of client ids), a line of the store, or the two messages of a SCRAM client, divided by a zero
// byte. What an import yields must survive being written to the store and read back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "user_store/entry.hpp"
#include "user_store/import.hpp"
#include "user_store/password.hpp"
#include "user_store/scram.hpp"

namespace user_store {
namespace {

void import(std::string_view input, const char* key, const char* how) {
  ImportOptions options;
  options.name_key = key;
  options.how = *ForeignHash::parse(how);
  const auto result = parse_import(input, "f", options);
  if (!result) {
    FUZZ_CHECK(result.text().ends_with("nothing was imported"));
    return;
  }
  for (const Entry& entry : *result) {
    FUZZ_CHECK(name_problem(entry.name).empty());
    const std::string line = to_line(entry.name, entry.value);
    std::string problem;
    const auto again = parse_line(std::string_view(line).substr(0, line.size() - 1), problem);
    FUZZ_CHECK(line.find('\n') == line.size() - 1);
    FUZZ_CHECK(again && again->name == entry.name && again->value == entry.value);
  }
}

void store_line(std::string_view input) {
  std::string problem;
  const auto entry = parse_line(input, problem);
  FUZZ_CHECK(entry || !problem.empty());
  const std::string made = to_line("x", input);  // with a check sum that fits
  if (const auto hash = parse_line(std::string_view(made).substr(0, made.size() - 1), problem)) {
    FUZZ_CHECK(hash->value.empty() || recognise(UserValue(hash->value).hash()).ok);
  }
  static_cast<void>(parse_header(input, problem));
}

void scram(std::string_view input) {
  const std::size_t cut = input.find('\0');
  ScramExchange exchange;
  const auto first = exchange.begin(input.substr(0, cut));
  FUZZ_CHECK(first.problem.empty() != first.name.empty());
  if (!first.problem.empty() || cut == std::string_view::npos) return;
  exchange.challenge(ScramVerifier::fake("secret", first.name, 4096), "nonce");
  FUZZ_CHECK(!exchange.finish(input.substr(cut + 1)));  // nobody can prove that
}

}  // namespace
}  // namespace user_store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace user_store;
  static const bool ready = crypto_ready();
  FUZZ_CHECK(ready);
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      import(input, "username", "sha256");
      break;
    case 1:
      import(input, "clientid", "plain");
      break;
    case 2:
      import(input, "username", "pbkdf2,sha256,1000,20");
      break;
    case 3:
      store_line(input);
      break;
    default:
      scram(input);
  }
  return 0;
}
