// What a shared object says about itself, read without loading it: its dynamic symbols, what it
// needs, its flags, the bytes of a section. 64 bit little endian only, as the brokers are.
//
// The file may hold anything: every offset is checked, and what cannot be right is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keel::check {

struct ElfSymbol {
  std::string name;
  bool defined = false;
  bool weak = false;
  bool exported = false;  // defined, and others can bind to it
};

class ElfFile {
 public:
  // Throws std::runtime_error with what is wrong with it.
  explicit ElfFile(const std::string& path);

  std::uint16_t machine() const { return machine_; }
  bool shared_object() const { return shared_object_; }
  bool no_delete() const { return no_delete_; }  // -z nodelete: can never be unloaded
  const std::string& interpreter() const { return interpreter_; }  // of programs
  const std::vector<ElfSymbol>& symbols() const { return symbols_; }
  const ElfSymbol* find(std::string_view symbol) const;

  // The bytes of a section; empty when there is none of this name.
  std::string section(std::string_view name) const;

 private:
  struct Section {
    std::string_view name;
    std::uint32_t type = 0, link = 0;
    std::uint64_t offset = 0, size = 0;
  };

  template <class T>
  T read(std::uint64_t offset) const;
  std::string_view slice(std::uint64_t offset, std::uint64_t size, const char* what) const;
  std::string_view bytes_of(const Section& section) const;
  static std::string_view text_at(std::string_view table, std::uint64_t offset);
  void read_sections();
  void read_interpreter();
  void read_dynamic(const Section& section);
  void read_symbols(const Section& section);

  std::string bytes_;
  std::vector<Section> sections_;
  std::vector<ElfSymbol> symbols_;
  std::string interpreter_;
  std::uint16_t machine_ = 0;
  bool shared_object_ = false, no_delete_ = false;
};

}  // namespace keel::check
