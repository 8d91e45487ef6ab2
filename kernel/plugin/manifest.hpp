// What a plugin's file says of itself, read without running any of its code: the section
// `.keel.plugin`, and from the ELF tables what it exports and what would keep it mapped.
//
// Files can be anything, so every refusal is a value with a code, a cause and a remedy. Stateless;
// [control], or any thread that may wait for the disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernel/plugin/elf_image.hpp"

namespace keel::kernel {

enum class Refusal : std::uint8_t {
  not_found,           // no such file
  not_a_file,          // a folder, a pipe, a device
  unreadable,          // the system does not let us read it
  writable_by_others,  // it, or the folder it is in
  truncated,           // shorter than its own tables say, or tables that make no sense
  wrong_architecture,  // no ELF shared object for this machine
  missing_section,     // no `.keel.plugin`
  bad_magic,           // the section is not ours
  abi_too_old,         // made for another major version of the boundary
  needs_newer_kernel,  // wants a later minor version than this kernel's
  no_entry,            // does not export `keel_plugin_entry_v1`
  bad_name,            // not [a-z][a-z0-9_]*
  name_mismatch,       // not the name of the file
  bad_text,            // texts without end, or not UTF-8
  bad_version,         // not 1.2.3
  bad_depends,         // names that cannot be plugins
  sanitizer_mismatch,  // its sanitizer's runtime would end the process
};
// "missing_section"
std::string_view refusal_name(Refusal refusal);

struct Manifest {
  std::string name, version, summary;
  std::vector<std::string> depends;  // names of plugins that must be running
  std::uint16_t abi_major = 0, abi_minor = 0;
  std::uint32_t flags = 0;
  std::string stamp;  // compiler and such, for people
  ElfFacts elf;
  std::vector<std::string> warnings;  // loads all the same; one sentence each, with the remedy
};

struct Refused {
  Refusal code;
  std::string text;  // `PATH: cause; remedy`, one line
};

// A manifest, or why there is none. Used like Result.
class [[nodiscard]] ManifestResult {
 public:
  ManifestResult(Manifest manifest) : state_(std::move(manifest)) {}
  ManifestResult(Refused refused) : state_(std::move(refused)) {}

  explicit operator bool() const { return state_.index() == 0; }
  Manifest& operator*() { return std::get<0>(state_); }
  const Manifest& operator*() const { return std::get<0>(state_); }
  Manifest* operator->() { return &std::get<0>(state_); }
  const Manifest* operator->() const { return &std::get<0>(state_); }
  Refusal code() const { return std::get<1>(state_).code; }
  const std::string& error() const { return std::get<1>(state_).text; }

 private:
  std::variant<Manifest, Refused> state_;
};

// Reads a file that has to be called NAME.so; symbolic links are followed. It, and the folders it
// and the link lie in, must belong to root or to us and be writable to nobody else.
ManifestResult read_manifest(const std::string& path);
// The same for a file of any name that has to hold the plugin `name` (`ctl plugins upgrade`).
ManifestResult read_manifest(const std::string& path, std::string_view name);

// The parts that need no file. `shown` names the source in messages; an empty `name` is not
// compared.
ManifestResult read_manifest_image(const ByteSource& source, std::string_view name,
                                   std::string_view shown);
// The section's content, or what an entry's `info` points at. Without ELF facts.
ManifestResult parse_plugin_info(std::string_view section, std::string_view shown);

// [a-z][a-z0-9_]*, at most 31 long: names are files, folders, metrics' labels and commands.
bool is_plugin_name(std::string_view name);

}  // namespace keel::kernel
