#include "emqx_store/engine/manifest.hpp"

#include <algorithm>
#include <vector>

#include "emqx_store/engine/store_files.hpp"

namespace emqx_store {
namespace {

// What the parts of a record begin with.
enum Tag : std::uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFile = 3,
  kLastSequence = 4,
  kCompactCursor = 5,
  kDeletedFile = 6,
  kPreviousLog = 9,
  kMinimumLog = 10,
  kNewFile = 103,
  kMaxFamily = 203,
};
constexpr std::uint64_t kIgnorable = 1 << 13;  // set in tags whose part is a text to be passed over

bool take_varint(std::string_view& in, std::uint64_t& out) {
  out = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto octet = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    out |= std::uint64_t{octet & 0x7fu} << shift;
    if ((octet & 0x80) == 0) return true;
  }
  return false;
}

bool skip_text(std::string_view& in) {
  std::uint64_t size = 0;
  if (!take_varint(in, size) || size > in.size()) return false;
  in.remove_prefix(size);
  return true;
}

// The number of the file, and behind it its size, first and last key, numbers of changes, and texts
// up to the one with tag 1.
bool read_new_file(std::string_view& in, Manifest& out) {
  std::uint64_t level = 0, number = 0, skipped = 0, tag = 0;
  if (!take_varint(in, level) || !take_varint(in, number) || !take_varint(in, skipped) ||
      !skip_text(in) || !skip_text(in) || !take_varint(in, skipped) || !take_varint(in, skipped)) {
    return false;
  }
  while (take_varint(in, tag) && tag != 1) {
    if (!skip_text(in)) return false;
  }
  out.obsolete.erase(number);  // moved to another level
  out.tables.insert(number);
  return tag == 1;
}

bool read_deleted_file(std::string_view& in, Manifest& out) {
  std::uint64_t level = 0, number = 0;
  if (!take_varint(in, level) || !take_varint(in, number)) return false;
  out.obsolete.insert(number);
  out.tables.erase(number);
  return true;
}

// False: the rest is not understood.
bool read_part(std::uint64_t tag, std::string_view& in, Manifest& out) {
  std::uint64_t number = 0;
  switch (tag) {
    case kLogNumber:
      if (!take_varint(in, number)) return false;
      out.log_number = std::max(out.log_number, number);
      return true;
    case kLastSequence:
      if (!take_varint(in, number)) return false;
      out.last_sequence = std::max(out.last_sequence, number);
      return true;
    case kNextFile:
    case kPreviousLog:
    case kMinimumLog:
    case kMaxFamily:
      return take_varint(in, number);
    case kCompactCursor:
      return take_varint(in, number) && skip_text(in);
    case kDeletedFile:
      return read_deleted_file(in, out);
    case kNewFile:
      return read_new_file(in, out);
    default:
      return (tag == kComparator || (tag & kIgnorable) != 0) && skip_text(in);
  }
}

std::vector<StoreFile> of_kind(const std::vector<StoreFile>& files, FileKind kind) {
  std::vector<StoreFile> out;
  std::copy_if(files.begin(), files.end(), std::back_inserter(out),
               [kind](const StoreFile& file) { return file.kind == kind; });
  return out;
}

Outcome read_records(rocksdb::Env& env, const std::string& path, Manifest& out, LogScan& scan) {
  const auto stray = [&out](std::string_view record) { read_edit(record, out); };
  const auto record = [&stray](std::string_view octets) {
    stray(octets);
    return true;
  };
  return scan_log(env, path, record, scan, stray);
}

void damaged(Manifest& out, std::string text) {
  out.state = Manifest::State::damaged;
  out.text = std::move(text);
}

// Whether a torn manifest had one more record: had it never been written, the changes that it made
// safe would still be in a log, right behind those the manifest knows of; and without any in a log
// there would be no table that it does not know.
Outcome lacks_end(rocksdb::Env& env, const std::string& directory,
                  const std::vector<StoreFile>& files, const Manifest& manifest, bool& out) {
  for (const StoreFile& file : files) {
    if (file.kind != FileKind::log || file.number < manifest.log_number) continue;
    std::string first;
    const auto record = [&first](std::string_view octets) {
      if (first.empty()) first = octets.substr(0, sizeof(std::uint64_t));
      return true;
    };
    LogScan scan;
    if (Outcome read = scan_log(env, directory + "/" + file.name, record, scan); !read) return read;
    if (first.size() < sizeof(std::uint64_t)) continue;
    std::uint64_t sequence = 0;
    for (std::size_t i = sizeof sequence; i-- > 0;) {
      sequence = sequence << 8 | static_cast<unsigned char>(first[i]);
    }
    out = sequence > manifest.last_sequence + 1;
    return {};
  }
  out = std::any_of(files.begin(), files.end(), [&manifest](const StoreFile& file) {
    return file.kind == FileKind::table && !manifest.tables.contains(file.number) &&
           !manifest.obsolete.contains(file.number);
  });
  return {};
}

// The manifest that CURRENT names, or none.
Outcome named(rocksdb::Env& env, const std::string& directory, std::string& name) {
  name.clear();
  if (!exists(env, directory + "/CURRENT")) return {};
  std::string text;
  if (Outcome read = read_file(env, directory + "/CURRENT", text); !read) return read;
  if (text.empty() || text.back() != '\n') return {};
  text.pop_back();
  if (store_file(text).kind == FileKind::manifest && exists(env, directory + "/" + text)) {
    name = text;
  }
  return {};
}

}  // namespace

void read_edit(std::string_view record, Manifest& out) {
  std::uint64_t tag = 0;
  while (take_varint(record, tag) && read_part(tag, record, out)) {
  }
}

Outcome read_manifest(rocksdb::Env& env, const std::string& directory, Manifest& out) {
  out = {};
  std::vector<StoreFile> files;
  if (Outcome listed = list_files(env, directory, files); !listed) return listed;
  const auto manifests = of_kind(files, FileKind::manifest), logs = of_kind(files, FileKind::log);
  const bool has_data = !logs.empty() || !of_kind(files, FileKind::table).empty();
  if (Outcome read = named(env, directory, out.name); !read) return read;
  const bool pointed = !out.name.empty();
  if (!pointed) {
    if (!has_data) return {};
    // Of several none can be told to be the right one.
    if (manifests.size() != 1) {
      damaged(out, "CURRENT does not name a manifest");
      return {};
    }
    out.name = manifests.front().name;
  }
  LogScan scan;
  if (Outcome read = read_records(env, directory + "/" + out.name, out, scan); !read) return read;
  out.state = pointed ? Manifest::State::good : Manifest::State::pointer;
  const auto number = std::to_string(scan.good), size = std::to_string(scan.size);
  if (scan.end == LogScan::End::damaged || scan.records == 0) {
    damaged(out, out.name + " is damaged from octet " + number + " of " + size + " on");
  } else if (scan.end == LogScan::End::torn) {
    bool lacking = false;
    if (Outcome looked = lacks_end(env, directory, files, out, lacking); !looked) return looked;
    if (lacking) {
      out.state = Manifest::State::doubtful;
      out.text = out.name + " lacks its end, from octet " + number + " on";
    }
  }
  return {};
}

}  // namespace emqx_store
