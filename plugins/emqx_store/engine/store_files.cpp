#include "emqx_store/engine/store_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <memory>

namespace emqx_store {
namespace {

constexpr std::size_t kChunk = LogScanner::kBlock;

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Outcome failed(const rocksdb::Status& status, const char* what, const std::string& path) {
  return outcome_of(status, std::string("cannot ") + what + " " + path);
}

// Calls `chunk` with kChunk octets at a time, the last ones fewer.
template <class Fn>
Outcome for_each_chunk(rocksdb::Env& env, const std::string& path, Fn chunk) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  const rocksdb::EnvOptions options;
  if (const auto status = env.NewSequentialFile(path, &file, options); !status.ok()) {
    return failed(status, "read", path);
  }
  std::string scratch(kChunk, '\0');
  for (;;) {
    std::size_t filled = 0;
    while (filled < kChunk) {
      rocksdb::Slice got;
      const auto status = file->Read(kChunk - filled, &got, scratch.data() + filled);
      if (!status.ok()) return failed(status, "read", path);
      if (got.empty()) break;
      if (got.data() != scratch.data() + filled) {
        std::copy_n(got.data(), got.size(), scratch.data() + filled);
      }
      filled += got.size();
    }
    if (filled != 0) {
      if (Outcome taken = chunk(std::string_view(scratch.data(), filled)); !taken) return taken;
    }
    if (filled < kChunk) return {};
  }
}

class Writing {
 public:
  Writing(rocksdb::Env& env, const std::string& path) : path_(path) {
    status_ = env.NewWritableFile(path, &file_, rocksdb::EnvOptions());
  }
  Outcome write(std::string_view octets) {
    if (status_.ok()) status_ = file_->Append(rocksdb::Slice(octets.data(), octets.size()));
    return failed(status_, "write", path_);
  }
  Outcome finish() {
    if (status_.ok()) status_ = file_->Sync();
    if (status_.ok()) status_ = file_->Close();
    return failed(status_, "write", path_);
  }

 private:
  const std::string& path_;
  std::unique_ptr<rocksdb::WritableFile> file_;
  rocksdb::Status status_;
};

}  // namespace

StoreFile store_file(std::string name) {
  StoreFile out{.name = std::move(name)};
  const std::string_view text = out.name;
  const std::size_t dot = text.rfind('.');
  if (text == "CURRENT") {
    out.kind = FileKind::current;
  } else if (text == "IDENTITY") {
    out.kind = FileKind::identity;
  } else if (text.starts_with("OPTIONS-")) {
    out.kind = FileKind::options;
  } else if (text.starts_with("MANIFEST-") && read_number(text.substr(9), out.number)) {
    out.kind = FileKind::manifest;
  } else if (dot != std::string_view::npos && read_number(text.substr(0, dot), out.number)) {
    if (text.substr(dot) == ".log") out.kind = FileKind::log;
    if (text.substr(dot) == ".sst") out.kind = FileKind::table;
  }
  return out;
}

Outcome list_files(rocksdb::Env& env, const std::string& directory, std::vector<StoreFile>& out) {
  out.clear();
  std::vector<std::string> names;
  const auto status = env.GetChildren(directory, &names);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return failed(status, "read", directory);
  for (std::string& name : names) {
    if (name != "." && name != "..") out.push_back(store_file(std::move(name)));
  }
  std::sort(out.begin(), out.end(), [](const StoreFile& a, const StoreFile& b) {
    return a.number != b.number ? a.number < b.number : a.name < b.name;
  });
  return {};
}

bool exists(rocksdb::Env& env, const std::string& path) { return env.FileExists(path).ok(); }

Outcome read_file(rocksdb::Env& env, const std::string& path, std::string& out) {
  out.clear();
  return for_each_chunk(env, path, [&out](std::string_view octets) {
    out += octets;
    return Outcome();
  });
}

Outcome write_file(rocksdb::Env& env, const std::string& path, std::string_view octets) {
  const std::string part = path + ".part";
  Writing file(env, part);
  if (Outcome written = file.write(octets); !written) return written;
  if (Outcome finished = file.finish(); !finished) return finished;
  if (const auto status = env.RenameFile(part, path); !status.ok()) {
    return failed(status, "write", path);
  }
  return sync_directory(env, path.substr(0, path.rfind('/')));
}

Outcome copy_file(rocksdb::Env& env, const std::string& from, const std::string& to,
                  std::optional<std::uint64_t> size) {
  Writing file(env, to);
  std::uint64_t left = size.value_or(~std::uint64_t{0});
  Outcome copied = for_each_chunk(env, from, [&](std::string_view octets) {
    octets = octets.substr(0, std::min<std::uint64_t>(left, octets.size()));
    left -= octets.size();
    return octets.empty() ? Outcome() : file.write(octets);
  });
  return copied ? file.finish() : copied;
}

Outcome link_file(rocksdb::Env& env, const std::string& from, const std::string& to) {
  if (env.LinkFile(from, to).ok()) return {};
  return copy_file(env, from, to);
}

Outcome sync_directory(rocksdb::Env& env, const std::string& directory) {
  std::unique_ptr<rocksdb::Directory> opened;
  auto status = env.NewDirectory(directory, &opened);
  if (status.ok()) status = opened->Fsync();
  return failed(status, "sync", directory);
}

Outcome remove_directory(rocksdb::Env& env, const std::string& directory) {
  if (!exists(env, directory)) return {};
  std::vector<std::string> names;
  auto status = env.GetChildren(directory, &names);
  if (!status.ok()) return failed(status, "read", directory);
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const std::string path = directory + "/" + name;
    bool is_directory = false;
    if (env.IsDirectory(path, &is_directory).ok() && is_directory) {
      if (Outcome removed = remove_directory(env, path); !removed) return removed;
    } else if (status = env.DeleteFile(path); !status.ok()) {
      return failed(status, "remove", path);
    }
  }
  return failed(env.DeleteDir(directory), "remove", directory);
}

std::string time_name(rocksdb::Env& env) {
  std::int64_t now = 0;
  env.GetCurrentTime(&now).PermitUncheckedError();
  const std::time_t time = static_cast<std::time_t>(now);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d-%H%M%S", &parts)};
}

Outcome scan_log(rocksdb::Env& env, const std::string& path,
                 const std::function<bool(std::string_view)>& record, LogScan& out,
                 const std::function<void(std::string_view)>& stray) {
  LogScanner scanner(record, stray);
  Outcome read = for_each_chunk(env, path, [&scanner](std::string_view octets) {
    scanner.block(octets);
    return Outcome();
  });
  out = scanner.finish();
  return read;
}

}  // namespace emqx_store
