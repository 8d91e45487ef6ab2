#include "kernel/plugin/library.hpp"

#define BOOST_DLL_USE_STD_FS  // else a library of Boost would have to be linked

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "kernel/base/utf8.hpp"
#include "kernel/plugin/elf_image.hpp"
#include "kernel/plugin/read_only_file.hpp"

namespace keel::kernel {

namespace {

namespace fs = std::filesystem;

constexpr const char* kEntrySymbol = "keel_plugin_entry_v1";

struct Range {
  std::uintptr_t begin, end;
};

// Calls `visit(name, segment, executable)` for every mapped segment until it answers true.
template <class Visit>
bool any_segment(Visit visit) {
  return ::dl_iterate_phdr(
             [](dl_phdr_info* info, std::size_t, void* context) {
               for (int i = 0; i < info->dlpi_phnum; ++i) {
                 const auto& header = info->dlpi_phdr[i];
                 if (header.p_type != PT_LOAD) continue;
                 const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
                 if ((*static_cast<Visit*>(context))(info->dlpi_name,
                                                     Range{begin, begin + header.p_memsz},
                                                     (header.p_flags & PF_X) != 0)) {
                   return 1;
                 }
               }
               return 0;
             },
             &visit) != 0;
}

bool within(const Range& range, const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  return number >= range.begin && number < range.end;
}

std::vector<Range> ranges_of(const std::string& path) {
  std::vector<Range> ranges;
  any_segment([&](const char* name, const Range& range, bool) {
    if (path == name) ranges.push_back(range);
    return false;
  });
  return ranges;
}

// By its path, which is ours alone; and by its place, unless another file was mapped there since.
bool still_mapped(const std::string& path, const std::vector<Range>& ranges) {
  return any_segment([&](const char* name, const Range& range, bool) {
    if (path == name) return true;
    const bool nameless = name == nullptr || *name == '\0';
    return nameless && std::any_of(ranges.begin(), ranges.end(), [&](const Range& ours) {
             return ours.begin == range.begin && ours.end == range.end;
           });
  });
}

std::vector<std::string> loaded_paths() {
  std::vector<std::string> paths;
  any_segment([&](const char* name, const Range&, bool) {
    if (name != nullptr && *name == '/' && (paths.empty() || paths.back() != name)) {
      paths.emplace_back(name);
    }
    return false;
  });
  return paths;
}

ElfFacts facts_of(const std::string& path) {
  const ReadOnlyFile file(path);
  struct stat status {};
  ElfFacts facts;
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) return facts;
  const auto read = [&](std::uint64_t offset, char* to, std::size_t count) {
    return file.read(offset, to, count);
  };
  const ByteSource source{static_cast<std::uint64_t>(status.st_size), read};
  ElfImage image;
  if (!ElfImage::open(source, image)) (void)image.facts(facts);
  return facts;
}

std::string demangled(const std::string& symbol) {
  int status = -1;
  char* const plain = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 && plain != nullptr ? plain : symbol;
  std::free(plain);
  return name;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// The objects that are linked with the one of that soname.
std::vector<std::string> dependents(const std::string& soname) {
  std::vector<std::string> users;
  if (soname.empty()) return users;
  for (const auto& path : loaded_paths()) {
    const auto needed = facts_of(path).needed;
    if (std::find(needed.begin(), needed.end(), soname) != needed.end()) users.push_back(path);
  }
  return users;
}

// Why dlclose left the code where it is, as far as can be told.
std::string residence(const ElfFacts& facts) {
  if (facts.nodelete) return "it is linked with -z nodelete; link it without";
  if (!facts.unique_symbols.empty()) {
    std::vector<std::string> names;
    for (const auto& symbol : facts.unique_symbols) names.push_back(demangled(symbol));
    return fmt::format(
        "it has unique symbols ({}); build it with keel_add_plugin(), or with "
        "-fno-gnu-unique and the SDK's version script",
        joined(names));
  }
  if (const auto users = dependents(facts.soname); !users.empty()) {
    return fmt::format("{} is linked with it", joined(users));
  }
  if (facts.thread_exit_handlers) {
    return "a thread_local object with a destructor was used on a thread that still runs; keep "
           "such "
           "data elsewhere";
  }
  if (!facts.further_exports.empty()) {
    return fmt::format(
        "a library it uses ({}) has probably bound to one of its exports ({}); build "
        "it with the SDK's version script",
        joined(facts.needed), joined(facts.further_exports));
  }
  return fmt::format(
      "something still holds it: perhaps a library it uses ({}) keeps thread_local "
      "data, or it opened itself",
      joined(facts.needed));
}

Error failed(std::string_view what, const std::string& path, std::string_view remedy) {
  return Error{fmt::format("{} {} ({}); {}", what, path, std::strerror(errno), remedy)};
}

Result<void> check_run_dir(const std::string& run_dir) {
  struct stat status {};
  if (::mkdir(run_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed("cannot make the folder", run_dir, "make kernel.data_dir writable");
  }
  if (::lstat(run_dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{fmt::format("{} is not a folder; remove it", run_dir)};
  }
  if (status.st_uid != ::geteuid()) {
    return Error{fmt::format("the folder {} belongs to another user; remove it", run_dir)};
  }
  if ((status.st_mode & 0777) != 0700 && ::chmod(run_dir.c_str(), 0700) != 0) {
    return failed("cannot close the folder to others:", run_dir, "remove it");
  }
  struct statvfs system {};
  if (::statvfs(run_dir.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    return Error{
        fmt::format("nothing can be run from {}, it is mounted with noexec; give "
                    "kernel.data_dir a place where plugins can run",
                    run_dir)};
  }
  return {};
}

bool write_all(int fd, const char* data, std::size_t size) {
  while (size != 0) {
    const ssize_t done = ::write(fd, data, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    data += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

bool copy_content(const ReadOnlyFile& from, int to) {
  std::vector<char> buffer(256 * 1024);
  for (std::uint64_t offset = 0;;) {
    const ssize_t got = from.read_some(offset, buffer.data(), buffer.size());
    if (got <= 0) return got == 0;
    if (!write_all(to, buffer.data(), static_cast<std::size_t>(got))) return false;
    offset += static_cast<std::uint64_t>(got);
  }
}

Result<void> copy_file(const std::string& original, const std::string& copy) {
  const ReadOnlyFile from(original);
  struct stat status {};
  if (from.fd() < 0) return failed("cannot read", original, "see ctl plugins list");
  if (::fstat(from.fd(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{fmt::format("{} is not a file; give the plugin's .so", original)};
  }
  const int to = ::open(copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0500);
  if (to < 0) return failed("cannot write", copy, "make kernel.data_dir writable");
  const bool copied = copy_content(from, to) && ::fchmod(to, 0500) == 0;
  const int cause = errno;
  ::close(to);
  if (copied) return {};
  ::unlink(copy.c_str());
  errno = cause;
  return failed("cannot copy the plugin to", copy, "make room there");
}

// The loader's own words, out of Boost's.
std::string_view loader_words(std::string_view what) {
  constexpr std::string_view kBefore = "dlerror system message: ";
  constexpr std::string_view kAfter = "): Bad file descriptor";
  if (const auto at = what.find(kBefore); at != std::string_view::npos) {
    what.remove_prefix(at + kBefore.size());
  }
  if (what.ends_with(kAfter)) what.remove_suffix(kAfter.size());
  return what;
}

}  // namespace

struct Library::State {
  boost::dll::shared_library library;
  std::string file;
  const keel_plugin_entry* entry = nullptr;
  std::vector<Range> ranges;
};

Library::Library() = default;
Library::Library(Library&& other) noexcept = default;
Library& Library::operator=(Library&& other) noexcept {
  if (this != &other) {
    unload();
    state_ = std::move(other.state_);
  }
  return *this;
}
Library::~Library() { unload(); }

Result<Library> Library::load(const std::string& original, const std::string& run_dir,
                              const std::string& name, std::uint32_t generation) {
  std::error_code unknown;
  const std::string folder = fs::absolute(run_dir, unknown).string();
  if (auto ready = check_run_dir(folder); !ready) return Error{ready.error()};
  auto state = std::make_unique<State>();
  state->file = fmt::format("{}/{}-{}.so", folder, name, generation);
  if (auto copied = copy_file(original, state->file); !copied) return Error{copied.error()};
  std::string cause;
  try {
    // Lazily bound symbols would fail on the data path; global ones would be seen by others.
    state->library.load(state->file,
                        boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    state->entry = &state->library.get<const keel_plugin_entry>(kEntrySymbol);
  } catch (const std::exception& error) {
    cause = error.what();
  }
  if (!cause.empty()) {
    if (state->library.is_loaded()) state->library.unload();
    ::unlink(state->file.c_str());
    std::string buffer;
    return Error{fmt::format("the system cannot load {}: {}; see ctl plugins check", original,
                             printable(loader_words(cause), buffer, 400))};
  }
  state->ranges = ranges_of(state->file);
  Library library;
  library.state_ = std::move(state);
  return library;
}

const keel_plugin_entry* Library::entry() const { return state_ ? state_->entry : nullptr; }

const std::string& Library::file() const {
  static const std::string kNone;
  return state_ ? state_->file : kNone;
}

bool Library::contains(const void* address) const {
  return state_ && std::any_of(state_->ranges.begin(), state_->ranges.end(),
                               [&](const Range& range) { return within(range, address); });
}

Unmapped Library::unload() {
  if (!state_) return {};
  const auto state = std::move(state_);
  const char* const keep = std::getenv("KEEL_KEEP_MAPPED");
  if (keep != nullptr && std::string_view(keep) == "1") {
    // One reference more, which nobody gives back.
    (void)::dlopen(state->file.c_str(), RTLD_NOW | RTLD_NOLOAD);
    state->library.unload();
    return {false, "KEEL_KEEP_MAPPED=1 keeps plugins mapped"};
  }
  state->library.unload();
  Unmapped result;
  if (still_mapped(state->file, state->ranges)) {
    result = {false, residence(facts_of(state->file))};
  }
  ::unlink(state->file.c_str());
  return result;
}

bool is_mapped(const void* address) {
  return any_segment([&](const char*, const Range& range, bool) { return within(range, address); });
}

bool is_mapped_code(const void* address) {
  return any_segment([&](const char*, const Range& range, bool executable) {
    return executable && within(range, address);
  });
}

Result<void> empty_run_dir(const std::string& run_dir) {
  if (auto ready = check_run_dir(run_dir); !ready) return ready;
  std::error_code failure;
  for (auto it = fs::directory_iterator(run_dir, failure);
       !failure && it != fs::directory_iterator(); it.increment(failure)) {
    if (it->is_directory() && !it->is_symlink()) continue;  // not ours
    fs::remove(it->path(), failure);
  }
  if (failure) {
    return Error{
        fmt::format("cannot empty the folder {} ({}); remove it", run_dir, failure.message())};
  }
  return {};
}

}  // namespace keel::kernel
