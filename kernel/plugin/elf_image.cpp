#include "kernel/plugin/elf_image.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernel/base/utf8.hpp"

namespace keel::kernel {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr std::uint16_t kMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr std::uint16_t kMachine = EM_S390;
#endif
constexpr unsigned char kByteOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

// More than any linker writes; what is read is held in memory.
constexpr std::size_t kMaxSections = 10'000;
constexpr std::size_t kMaxNames = 1 << 20;
constexpr std::size_t kMaxDynamic = 1 << 16;
constexpr std::size_t kMaxSymbols = 64 << 20;
constexpr std::size_t kMaxStrings = 64 << 20;

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "32-bit x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "32-bit ARM";
    case EM_AARCH64:
      return "AArch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "S/390";
    default:
      return fmt::format("machine {}", machine);
  }
}

ElfError truncated(std::string_view what) {
  return {ElfError::Kind::truncated, fmt::format("{} outside the file or malformed", what)};
}

// Copies the `index`th T out of a table; alignment does not matter.
template <class T>
T record(std::string_view table, std::size_t index) {
  T out;
  std::memcpy(&out, table.data() + index * sizeof(T), sizeof(T));
  return out;
}

// The string at an offset; nothing when it has no end.
std::optional<std::string_view> string_at(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const auto end = table.find('\0', static_cast<std::size_t>(offset));
  if (end == std::string_view::npos) return std::nullopt;
  return table.substr(static_cast<std::size_t>(offset), end - static_cast<std::size_t>(offset));
}

std::string shown(std::string_view name) {
  std::string buffer;
  return std::string(printable(name, buffer, 200));
}

void note_import(const Elf64_Sym& symbol, std::string_view name, ElfFacts& out) {
  if (ELF64_ST_BIND(symbol.st_info) != STB_GLOBAL) return;  // a weak one is Rust's, for old systems
  out.thread_exit_handlers |= name == "__cxa_thread_atexit" || name == "__cxa_thread_atexit_impl";
  out.key_destructors |= name == "pthread_key_create";
}

void note_export(const Elf64_Sym& symbol, std::string_view name, ElfFacts& out) {
  const auto binding = ELF64_ST_BIND(symbol.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  if (binding == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL) return;
  if (name == "keel_plugin_entry_v1") {
    const bool data = ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT;
    out.entry = ElfSymbol{std::string(name), data, symbol.st_size};
    return;
  }
  ++out.further_export_count;
  if (out.further_exports.size() < ElfFacts::kMaxNames) out.further_exports.push_back(shown(name));
  if (binding == STB_GNU_UNIQUE && out.unique_symbols.size() < ElfFacts::kMaxNames) {
    out.unique_symbols.push_back(shown(name));
  }
}

std::optional<ElfError> check_header(const Elf64_Ehdr& header) {
  const auto foreign = [](std::string text) {
    return ElfError{ElfError::Kind::foreign, std::move(text)};
  };
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return foreign("it is not an ELF file");
  const bool big = header.e_ident[EI_DATA] == ELFDATA2MSB;
  if (header.e_ident[EI_DATA] != kByteOrder) {
    return foreign(big ? "it is for a big-endian machine" : "it is for a little-endian machine");
  }
  const bool same_class = header.e_ident[EI_CLASS] == ELFCLASS64;
  if (header.e_machine != kMachine || !same_class) {
    return foreign(fmt::format("it is for {}{}, this machine is {}", machine_name(header.e_machine),
                               same_class ? "" : " (32-bit file)", machine_name(kMachine)));
  }
  if (header.e_type != ET_DYN) return foreign("it is not a shared object");
  if (header.e_ehsize != sizeof(Elf64_Ehdr)) return truncated("its header lies");
  return std::nullopt;
}

}  // namespace

std::optional<ElfError> ElfImage::open(const ByteSource& source, ElfImage& out) {
  out.source_ = &source;
  Elf64_Ehdr header{};
  char ident[EI_NIDENT];
  if (source.size < sizeof ident || !source.read(0, ident, sizeof ident)) {
    return ElfError{ElfError::Kind::foreign, "it is not an ELF file"};
  }
  std::memcpy(header.e_ident, ident, sizeof ident);
  if (std::memcmp(ident, ELFMAG, SELFMAG) == 0) {
    const auto size = std::min<std::uint64_t>(source.size, sizeof header);
    if (!source.read(0, reinterpret_cast<char*>(&header), static_cast<std::size_t>(size))) {
      return truncated("its header lies");
    }
  }
  if (auto error = check_header(header)) return error;
  if (source.size < sizeof header) return truncated("its header lies");
  if (header.e_shnum == 0 || header.e_shoff == 0) return std::nullopt;  // no sections at all
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > kMaxSections ||
      header.e_shstrndx >= header.e_shnum) {
    return truncated("its section table is");
  }
  std::string table;
  const Section headers{{}, 0, 0, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)};
  if (auto error = out.load(headers, kMaxSections * sizeof(Elf64_Shdr), table)) return error;
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto raw = record<Elf64_Shdr>(table, i);
    out.sections_.push_back({{}, raw.sh_type, raw.sh_link, raw.sh_offset, raw.sh_size});
  }
  std::string names;
  if (auto error = out.load(out.sections_[header.e_shstrndx], kMaxNames, names)) return error;
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto name = string_at(names, record<Elf64_Shdr>(table, i).sh_name);
    if (!name) return truncated("the name of a section lies");
    out.sections_[i].name = *name;
  }
  return std::nullopt;
}

std::optional<ElfError> ElfImage::load(const Section& section, std::size_t max,
                                       std::string& content) const {
  const auto what =
      section.name.empty() ? "its section table" : "its section " + shown(section.name);
  if (section.type == SHT_NOBITS || section.offset > source_->size ||
      section.size > source_->size - section.offset) {
    return truncated(what + " lies");
  }
  if (section.size > max) {
    return ElfError{ElfError::Kind::truncated, what + " is too large to be true"};
  }
  content.resize(static_cast<std::size_t>(section.size));
  if (!content.empty() && !source_->read(section.offset, content.data(), content.size())) {
    return truncated(what + " lies");
  }
  return std::nullopt;
}

const ElfImage::Section* ElfImage::find(std::uint32_t type) const {
  const auto at = std::find_if(sections_.begin(), sections_.end(),
                               [&](const Section& section) { return section.type == type; });
  return at != sections_.end() ? &*at : nullptr;
}

std::optional<ElfError> ElfImage::section(std::string_view name, std::size_t max, bool& found,
                                          std::string& content) const {
  const auto at = std::find_if(sections_.begin(), sections_.end(),
                               [&](const Section& section) { return section.name == name; });
  found = at != sections_.end();
  return found ? load(*at, max, content) : std::nullopt;
}

std::optional<ElfError> ElfImage::facts(ElfFacts& out) const {
  if (auto error = symbols(out)) return error;
  return dynamic(out);
}

std::optional<ElfError> ElfImage::symbols(ElfFacts& out) const {
  const Section* table = find(SHT_DYNSYM);
  if (table == nullptr) return std::nullopt;
  if (table->link >= sections_.size()) return truncated("its symbol table is");
  std::string symbols, names;
  if (auto error = load(*table, kMaxSymbols, symbols)) return error;
  if (auto error = load(sections_[table->link], kMaxStrings, names)) return error;
  std::size_t budget = 4 * names.size();  // names may share their ends, not all of them everything
  for (std::size_t i = 1; i < symbols.size() / sizeof(Elf64_Sym); ++i) {
    const auto symbol = record<Elf64_Sym>(symbols, i);
    const auto name = string_at(names, symbol.st_name);
    if (!name || name->size() > budget) return truncated("the name of a symbol lies");
    budget -= name->size();
    if (symbol.st_shndx == SHN_UNDEF) {
      note_import(symbol, *name, out);
    } else {
      note_export(symbol, *name, out);
    }
  }
  return std::nullopt;
}

std::optional<ElfError> ElfImage::dynamic(ElfFacts& out) const {
  const Section* table = find(SHT_DYNAMIC);
  if (table == nullptr) return std::nullopt;
  if (table->link >= sections_.size()) return truncated("its dynamic section is");
  std::string entries, names;
  if (auto error = load(*table, kMaxDynamic, entries)) return error;
  if (auto error = load(sections_[table->link], kMaxStrings, names)) return error;
  for (std::size_t i = 0; i < entries.size() / sizeof(Elf64_Dyn); ++i) {
    const auto entry = record<Elf64_Dyn>(entries, i);
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_FLAGS_1) out.nodelete = (entry.d_un.d_val & DF_1_NODELETE) != 0;
    if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME) continue;
    const auto name = string_at(names, entry.d_un.d_val);
    if (!name) return truncated("the name of a library lies");
    if (entry.d_tag == DT_SONAME) {
      out.soname = shown(*name);
    } else {
      out.needed.push_back(shown(*name));
    }
  }
  return std::nullopt;
}

}  // namespace keel::kernel
