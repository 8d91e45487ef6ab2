// A plugin's file, read without being loaded. What is read is bounded and fit to be shown; what is
// refused says why. No byte outside the file is asked for.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "check.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/plugin/manifest.hpp"

namespace keel::kernel {
namespace {

void check_text(std::string_view text) {
  FUZZ_CHECK(text.size() < 4'096);
  FUZZ_CHECK(valid_utf8(text));
  for (const char c : text) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

void check_manifest(const Manifest& manifest) {
  FUZZ_CHECK(is_plugin_name(manifest.name));
  for (const auto& name : manifest.depends) FUZZ_CHECK(is_plugin_name(name));
  for (const auto* text : {&manifest.version, &manifest.summary, &manifest.stamp})
    check_text(*text);
  for (const auto& warning : manifest.warnings) check_text(warning);
  FUZZ_CHECK(manifest.elf.entry);
  FUZZ_CHECK(manifest.elf.further_exports.size() <= ElfFacts::kMaxNames);
  FUZZ_CHECK(manifest.elf.unique_symbols.size() <= ElfFacts::kMaxNames);
  for (const auto& name : manifest.elf.needed) check_text(name);
}

}  // namespace
}  // namespace keel::kernel

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  const auto read = [&](std::uint64_t offset, char* to, std::size_t count) {
    FUZZ_CHECK(offset <= size && count <= size - offset);
    std::memcpy(to, data + offset, count);
    return true;
  };
  const auto manifest = read_manifest_image({size, read}, {}, "plugin.so");
  if (manifest) {
    check_manifest(*manifest);
  } else {
    check_text(manifest.error());
    FUZZ_CHECK(manifest.error().starts_with("plugin.so: "));
    FUZZ_CHECK(refusal_name(manifest.code()) != "refused");
  }
  // The section alone, as an entry's `info` has it.
  const auto info = parse_plugin_info({reinterpret_cast<const char*>(data), size}, "info");
  if (!info) check_text(info.error());
  return 0;
}
