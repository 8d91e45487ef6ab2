#include "kernel/plugin/manifest.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>

#include "keel/abi.h"
#include "kernel/base/utf8.hpp"
#include "kernel/plugin/read_only_file.hpp"

namespace keel::kernel {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSection = 64 * 1024;
constexpr std::string_view kSuffix = ".so";
constexpr std::string_view kBuildWithSdk =
    "build it with keel_add_plugin(), or with the flags in sdk/README.md";

Refused refuse(Refusal code, std::string_view shown, std::string_view text) {
  std::string buffer;
  return {code, fmt::format("{}: {}", printable(shown, buffer, 300), text)};
}

// The sizes of version 1.0, the least that any plugin has.
constexpr std::size_t kInfoSize =
    offsetof(keel_plugin_info, stamp) + sizeof(keel_plugin_info::stamp);
constexpr std::size_t kSmallestEntry =
    offsetof(keel_plugin_entry, create) + sizeof(keel_plugin_entry::create);

// Whoever can write what we run could be us.
std::optional<Refused> check_owner(const struct stat& status, const std::string& path,
                                   std::string_view shown) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return refuse(Refusal::writable_by_others, shown,
                  fmt::format("{} belongs to another user ({}); let root or the broker's user own "
                              "it: chown root '{}'",
                              path, status.st_uid, path));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse(Refusal::writable_by_others, shown,
                  fmt::format("others may write {}, and so decide what the broker runs; take that "
                              "away: chmod go-w '{}'",
                              path, path));
  }
  return std::nullopt;
}

std::optional<Refused> check_folder(const fs::path& folder, std::string_view shown) {
  struct stat status {};
  const std::string path = folder.empty() ? "." : folder.string();
  if (::stat(path.c_str(), &status) != 0) {
    return refuse(
        Refusal::unreadable, shown,
        fmt::format("the folder {} cannot be looked at ({})", path, std::strerror(errno)));
  }
  return check_owner(status, path, shown);
}

std::optional<Refused> check_open(const ReadOnlyFile& file, const std::string& path) {
  if (file.fd() >= 0) return std::nullopt;
  const int cause = errno;
  if (cause == ENOENT || cause == ENOTDIR) {
    return refuse(Refusal::not_found, path, "there is no such file; see ctl plugins list");
  }
  if (cause == ENXIO || cause == ELOOP) {
    return refuse(Refusal::not_a_file, path, "it is not a file; give the plugin's .so");
  }
  return refuse(Refusal::unreadable, path,
                fmt::format("it cannot be read ({}); make it readable for the broker's user",
                            std::strerror(cause)));
}

std::optional<Refused> check_places(const struct stat& status, const std::string& path) {
  if (!S_ISREG(status.st_mode)) {
    return refuse(Refusal::not_a_file, path, "it is not a file; give the plugin's .so");
  }
  std::error_code failed;
  const fs::path target = fs::canonical(path, failed);
  if (auto bad = check_owner(status, failed ? path : target.string(), path)) return bad;
  if (!failed) {
    if (auto bad = check_folder(target.parent_path(), path)) return bad;
  }
  return check_folder(fs::path(path).parent_path(), path);
}

// The text in a fixed field; false when it has no end or is not fit to be shown.
template <std::size_t N>
bool field(const char (&data)[N], std::string& out) {
  const void* end = std::memchr(data, '\0', N);
  if (end == nullptr) return false;
  out.assign(data, static_cast<std::size_t>(static_cast<const char*>(end) - data));
  return valid_utf8(out) && std::none_of(out.begin(), out.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<Refused> check_abi(const keel_plugin_info& info, std::string_view shown) {
  if (info.abi_major != KEEL_ABI_MAJOR) {
    const bool older = info.abi_major < KEEL_ABI_MAJOR;
    return refuse(older ? Refusal::abi_too_old : Refusal::needs_newer_kernel, shown,
                  fmt::format("it is made for version {} of the plugin interface, this broker has "
                              "version {}; {}",
                              info.abi_major, KEEL_ABI_MAJOR,
                              older ? "build it against this broker's SDK" : "use a newer broker"));
  }
  if (info.abi_minor > KEEL_ABI_MINOR) {
    return refuse(Refusal::needs_newer_kernel, shown,
                  fmt::format("it needs version {}.{} of the plugin interface, this broker has "
                              "{}.{}; use a newer broker, or build it against an older SDK",
                              info.abi_major, info.abi_minor, KEEL_ABI_MAJOR, KEEL_ABI_MINOR));
  }
  if (info.size < kInfoSize || info.size > kMaxSection) {
    return refuse(
        Refusal::truncated, shown,
        fmt::format("its section .keel.plugin says it has {} bytes; build it again", info.size));
  }
  return std::nullopt;
}

// 1.2 or 1.2.3, with anything plain behind a '-' or '+'.
bool is_version(std::string_view text) {
  std::size_t numbers = 0;
  for (;;) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 9) return false;
    text.remove_prefix(digits);
    if (++numbers == 3 || !text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (numbers < 2) return false;
  if (text.empty()) return true;
  if (text.front() != '-' && text.front() != '+') return false;
  return text.size() > 1 && std::all_of(text.begin() + 1, text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-' || c == '+';
         });
}

bool split_depends(std::string_view text, std::vector<std::string>& out) {
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end != 0) {
      const auto name = text.substr(0, end);
      if (!is_plugin_name(name)) return false;
      if (std::find(out.begin(), out.end(), name) == out.end()) out.emplace_back(name);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::string listed(const std::vector<std::string>& names, std::size_t count) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  if (count > names.size()) all += fmt::format(" and {} more", count - names.size());
  return all;
}

void add_warnings(Manifest& manifest) {
  const auto& elf = manifest.elf;
  if (!elf.unique_symbols.empty()) {
    manifest.warnings.push_back(
        fmt::format("it has unique symbols ({}), so it will never be unmapped; {}",
                    listed(elf.unique_symbols, elf.unique_symbols.size()), kBuildWithSdk));
  } else if (elf.further_export_count != 0) {
    manifest.warnings.push_back(
        fmt::format("it exports more than its entry ({}), and libraries may bind to that; {}",
                    listed(elf.further_exports, elf.further_export_count), kBuildWithSdk));
  }
  if (elf.nodelete) {
    manifest.warnings.push_back(
        "it is linked with -z nodelete, so it will never be unmapped; link "
        "it without");
  }
  if (elf.thread_exit_handlers) {
    manifest.warnings.push_back(
        "it has thread_local objects with destructors, which keep it mapped "
        "until the threads that used them end; keep such data elsewhere");
  }
  if (elf.key_destructors) {
    manifest.warnings.push_back(
        "it uses pthread_key_create; a destructor given there crashes the "
        "broker when a thread ends after the unload");
  }
}

std::string_view sanitizer_of(std::string_view stamp) {
  if (stamp.ends_with("; address")) return "AddressSanitizer";
  if (stamp.ends_with("; thread")) return "ThreadSanitizer";
  return {};
}

std::optional<Refused> check_name(const Manifest& manifest, std::string_view name,
                                  std::string_view shown) {
  if (name.empty() || manifest.name == name) return std::nullopt;
  return refuse(Refusal::name_mismatch, shown,
                fmt::format("it holds the plugin '{}', not '{}'; name the file {}.so",
                            manifest.name, name, manifest.name));
}

}  // namespace

std::string_view refusal_name(Refusal refusal) {
  switch (refusal) {
    case Refusal::not_found:
      return "not_found";
    case Refusal::not_a_file:
      return "not_a_file";
    case Refusal::unreadable:
      return "unreadable";
    case Refusal::writable_by_others:
      return "writable_by_others";
    case Refusal::truncated:
      return "truncated";
    case Refusal::wrong_architecture:
      return "wrong_architecture";
    case Refusal::missing_section:
      return "missing_section";
    case Refusal::bad_magic:
      return "bad_magic";
    case Refusal::abi_too_old:
      return "abi_too_old";
    case Refusal::needs_newer_kernel:
      return "needs_newer_kernel";
    case Refusal::no_entry:
      return "no_entry";
    case Refusal::bad_name:
      return "bad_name";
    case Refusal::name_mismatch:
      return "name_mismatch";
    case Refusal::bad_text:
      return "bad_text";
    case Refusal::bad_version:
      return "bad_version";
    case Refusal::bad_depends:
      return "bad_depends";
    case Refusal::sanitizer_mismatch:
      return "sanitizer_mismatch";
  }
  return "refused";
}

bool is_plugin_name(std::string_view name) {
  constexpr std::size_t kLongest = sizeof(keel_plugin_info::name) - 1;
  if (name.empty() || name.size() > kLongest || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

ManifestResult parse_plugin_info(std::string_view section, std::string_view shown) {
  keel_plugin_info info{};
  const auto magic = std::string_view(KEEL_INFO_MAGIC, sizeof info.magic);
  if (section.substr(0, magic.size()) != magic) {
    return refuse(Refusal::bad_magic, shown,
                  fmt::format("its section .keel.plugin is not the kernel's; {}", kBuildWithSdk));
  }
  if (section.size() < kInfoSize) {
    return refuse(Refusal::truncated, shown, "its section .keel.plugin is cut off; build it again");
  }
  std::memcpy(&info, section.data(), std::min(section.size(), sizeof info));
  if (auto bad = check_abi(info, shown)) return std::move(*bad);
  Manifest manifest;
  std::string depends;
  if (!field(info.name, manifest.name) || !field(info.version, manifest.version) ||
      !field(info.summary, manifest.summary) || !field(info.depends, depends) ||
      !field(info.stamp, manifest.stamp)) {
    return refuse(Refusal::bad_text, shown,
                  "a text in its section .keel.plugin has no end, is not UTF-8 or holds control "
                  "characters; write it in plain UTF-8, shorter than its field");
  }
  if (!is_plugin_name(manifest.name)) {
    return refuse(Refusal::bad_name, shown,
                  fmt::format("its name is '{}'; names are small letters, digits and '_', begin "
                              "with a letter and have up to 31 characters",
                              manifest.name));
  }
  if (!is_version(manifest.version)) {
    return refuse(Refusal::bad_version, shown,
                  fmt::format("its version is '{}'; write it as 1.2.3", manifest.version));
  }
  if (!split_depends(depends, manifest.depends)) {
    return refuse(Refusal::bad_depends, shown,
                  fmt::format("it depends on '{}'; write names of plugins with spaces between them",
                              depends));
  }
  manifest.abi_major = info.abi_major;
  manifest.abi_minor = info.abi_minor;
  manifest.flags = info.flags;
  return manifest;
}

ManifestResult read_manifest_image(const ByteSource& source, std::string_view name,
                                   std::string_view shown) {
  const auto broken = [&](const ElfError& error) {
    if (error.kind == ElfError::Kind::foreign) {
      return refuse(Refusal::wrong_architecture, shown,
                    error.text + "; give a plugin built for this machine");
    }
    return refuse(Refusal::truncated, shown, error.text + "; copy or build it again");
  };
  ElfImage image;
  if (const auto error = ElfImage::open(source, image)) return broken(*error);
  bool found = false;
  std::string section;
  if (const auto error = image.section(".keel.plugin", kMaxSection, found, section)) {
    return broken(*error);
  }
  if (!found) {
    return refuse(Refusal::missing_section, shown,
                  "it has no section .keel.plugin, so it is no plugin; write KEEL_PLUGIN(...) or "
                  "KEEL_PLUGIN_INFO(...) in it");
  }
  auto manifest = parse_plugin_info(section, shown);
  if (!manifest) return manifest;
  if (auto bad = check_name(*manifest, name, shown)) return std::move(*bad);
  if (const auto error = image.facts(manifest->elf)) return broken(*error);
  const auto& entry = manifest->elf.entry;
  if (!entry || !entry->data || entry->size < kSmallestEntry) {
    return refuse(Refusal::no_entry, shown,
                  fmt::format("it {} keel_plugin_entry_v1; {}",
                              entry ? "has something else called" : "does not export",
                              entry ? "export a keel_plugin_entry under that name"
                                    : "put KEEL_EXPORT before its definition, extern \"C\""));
  }
  const auto sanitizer = sanitizer_of(manifest->stamp);
  if (!sanitizer.empty() && sanitizer != sanitizer_of(KEEL_STAMP)) {
    return refuse(Refusal::sanitizer_mismatch, shown,
                  fmt::format("it is built with {} and this broker is not, which would end the "
                              "process; build it without",
                              sanitizer));
  }
  add_warnings(*manifest);
  return manifest;
}

ManifestResult read_manifest(const std::string& path, std::string_view name) {
  const ReadOnlyFile file(path);
  if (auto bad = check_open(file, path)) return std::move(*bad);
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) {
    return refuse(Refusal::unreadable, path, std::strerror(errno));
  }
  if (auto bad = check_places(status, path)) return std::move(*bad);
  const auto read = [&](std::uint64_t offset, char* to, std::size_t count) {
    return file.read(offset, to, count);
  };
  return read_manifest_image({static_cast<std::uint64_t>(status.st_size), read}, name, path);
}

ManifestResult read_manifest(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  if (!name.ends_with(kSuffix) || name.size() == kSuffix.size()) {
    return refuse(Refusal::bad_name, path, "its name does not end in .so; give the plugin's .so");
  }
  name.resize(name.size() - kSuffix.size());
  return read_manifest(path, name);
}

}  // namespace keel::kernel
