#include "tools/plugin_check/elf_file.hpp"

#include <elf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace keel::check {
namespace {

constexpr std::uint64_t kMaxFile = 1u << 30;

std::string load(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw std::runtime_error(error ? error.message() : "is not a file");
  }
  if (std::filesystem::file_size(path, error) > kMaxFile) throw std::runtime_error("is too large");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(std::strerror(errno));
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

}  // namespace

ElfFile::ElfFile(const std::string& path) : bytes_(load(path)) {
  if (!std::string_view(bytes_).starts_with(ELFMAG)) {
    throw std::runtime_error("is not an ELF file; a plugin is a shared object (.so)");
  }
  const auto header = read<Elf64_Ehdr>(0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    throw std::runtime_error("is not built for a 64 bit little endian machine");
  }
  machine_ = header.e_machine;
  shared_object_ = header.e_type == ET_DYN;
  read_sections();
  read_interpreter();
  for (const Section& section : sections_) {
    if (section.type == SHT_DYNAMIC) read_dynamic(section);
    if (section.type == SHT_DYNSYM) read_symbols(section);
  }
}

const ElfSymbol* ElfFile::find(std::string_view symbol) const {
  const auto at = std::ranges::find(symbols_, symbol, &ElfSymbol::name);
  return at == symbols_.end() ? nullptr : &*at;
}

std::string ElfFile::section(std::string_view name) const {
  const auto at = std::ranges::find(sections_, name, &Section::name);
  return at == sections_.end() ? std::string{} : std::string(bytes_of(*at));
}

template <class T>
T ElfFile::read(std::uint64_t offset) const {
  T value;
  std::memcpy(&value, slice(offset, sizeof value, "a header").data(), sizeof value);
  return value;
}

std::string_view ElfFile::slice(std::uint64_t offset, std::uint64_t size, const char* what) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    throw std::runtime_error(std::string("is damaged: ") + what + " lies beyond its end");
  }
  return std::string_view(bytes_).substr(offset, size);
}

std::string_view ElfFile::bytes_of(const Section& section) const {
  if (section.type == SHT_NOBITS) return {};
  return slice(section.offset, section.size, "a section");
}

// Texts end with a zero byte; one that does not, ends with its table.
std::string_view ElfFile::text_at(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) throw std::runtime_error("is damaged: a name lies beyond its table");
  const std::string_view rest = table.substr(offset);
  return rest.substr(0, std::min(rest.find('\0'), rest.size()));
}

void ElfFile::read_sections() {
  const auto header = read<Elf64_Ehdr>(0);
  if (header.e_shnum == 0 || header.e_shentsize != sizeof(Elf64_Shdr)) {
    throw std::runtime_error("has no section headers; they hold what the broker reads first");
  }
  std::vector<std::uint32_t> names;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto entry = read<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
    sections_.push_back({.type = entry.sh_type,
                         .link = entry.sh_link,
                         .offset = entry.sh_offset,
                         .size = entry.sh_size});
    names.push_back(entry.sh_name);
  }
  if (header.e_shstrndx >= sections_.size()) return;
  const std::string_view table = bytes_of(sections_[header.e_shstrndx]);
  for (std::size_t i = 0; i < names.size(); ++i) sections_[i].name = text_at(table, names[i]);
}

void ElfFile::read_interpreter() {
  const auto header = read<Elf64_Ehdr>(0);
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto entry = read<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    if (entry.p_type != PT_INTERP) continue;
    interpreter_ = text_at(slice(entry.p_offset, entry.p_filesz, "the loader's name"), 0);
  }
}

void ElfFile::read_dynamic(const Section& section) {
  const std::string_view table = bytes_of(section);
  for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= table.size(); at += sizeof(Elf64_Dyn)) {
    const auto entry = read<Elf64_Dyn>(section.offset + at);
    if (entry.d_tag == DT_NULL) return;
    if (entry.d_tag == DT_FLAGS_1) no_delete_ = (entry.d_un.d_val & DF_1_NODELETE) != 0;
  }
}

void ElfFile::read_symbols(const Section& section) {
  if (section.link >= sections_.size())
    throw std::runtime_error("is damaged: symbols have no names");
  const std::string_view names = bytes_of(sections_[section.link]);
  const std::string_view table = bytes_of(section);
  // The first entry is always empty.
  for (std::size_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= table.size();
       at += sizeof(Elf64_Sym)) {
    const auto entry = read<Elf64_Sym>(section.offset + at);
    const unsigned bind = ELF64_ST_BIND(entry.st_info);
    const unsigned visibility = ELF64_ST_VISIBILITY(entry.st_other);
    if (bind == STB_LOCAL || entry.st_name == 0) continue;
    const bool defined = entry.st_shndx != SHN_UNDEF;
    symbols_.push_back(
        {.name = std::string(text_at(names, entry.st_name)),
         .defined = defined,
         .weak = bind == STB_WEAK,
         .exported = defined && (visibility == STV_DEFAULT || visibility == STV_PROTECTED)});
  }
}

}  // namespace keel::check
