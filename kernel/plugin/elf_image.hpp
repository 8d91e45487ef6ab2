// Reads what the kernel wants to know from a 64-bit ELF shared object of this machine, as bytes:
// nothing is mapped or run, and no offset or count in it is trusted. Stateless, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/function_ref.hpp"

namespace keel::kernel {

// Bytes by offset: a file or a block of memory. `read` answers false when the range is not there.
struct ByteSource {
  std::uint64_t size = 0;
  FunctionRef<bool(std::uint64_t offset, char* to, std::size_t count)> read;
};

struct ElfSymbol {
  std::string name;
  bool data = false;  // an object, not a function
  std::uint64_t size = 0;
};

struct ElfFacts {
  std::optional<ElfSymbol> entry;            // the export `keel_plugin_entry_v1`
  std::vector<std::string> further_exports;  // the first kMaxNames of them
  std::size_t further_export_count = 0;
  std::vector<std::string> unique_symbols;  // STB_GNU_UNIQUE: the loader never unmaps these
  std::vector<std::string> needed;          // libraries it is linked with
  std::string soname;
  bool nodelete = false;              // linked with -z nodelete
  bool thread_exit_handlers = false;  // registers destructors of thread_local objects
  bool key_destructors = false;       // uses pthread_key_create

  static constexpr std::size_t kMaxNames = 8;
};

// What is wrong with the file as ELF.
struct ElfError {
  enum class Kind : std::uint8_t { truncated, foreign } kind;
  std::string text;  // "it is for AArch64, this machine is x86-64"
};

class ElfImage {
 public:
  // Checks the headers.
  static std::optional<ElfError> open(const ByteSource& source, ElfImage& out);

  // The content of a section, if it is there. An error: it lies outside the file, or is larger than
  // `max`.
  std::optional<ElfError> section(std::string_view name, std::size_t max, bool& found,
                                  std::string& content) const;
  // Symbols and dynamic entries.
  std::optional<ElfError> facts(ElfFacts& out) const;

 private:
  struct Section {
    std::string name;
    std::uint32_t type, link;
    std::uint64_t offset, size;
  };
  std::optional<ElfError> load(const Section& section, std::size_t max, std::string& content) const;
  std::optional<ElfError> symbols(ElfFacts& out) const;
  std::optional<ElfError> dynamic(ElfFacts& out) const;
  const Section* find(std::uint32_t type) const;

  const ByteSource* source_ = nullptr;
  std::vector<Section> sections_;
};

}  // namespace keel::kernel
