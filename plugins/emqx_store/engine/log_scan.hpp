// Looks through a log as RocksDB writes them (write-ahead logs and MANIFEST files alike): records
// in blocks of 32 KiB, each piece with a checksum. RocksDB's own reader stops at damage without
// telling it from the end of an interrupted write, and steps over some of it; this one says where
// the good part ends and whether something that was written whole lies behind. Sans-IO; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace emqx_store {

struct LogScan {
  enum class End {
    whole,    // every octet belongs to a record
    torn,     // the last write was interrupted; nothing lies behind it
    damaged,  // a record does not have its checksum, or something whole lies behind what has not
  };
  End end = End::whole;
  std::uint64_t size = 0;     // of the file
  std::uint64_t good = 0;     // octets of whole records before the first that is not
  std::uint64_t records = 0;  // in these
  std::uint64_t behind = 0;   // pieces with a good checksum behind them
};

class LogScanner {
 public:
  static constexpr std::size_t kBlock = 32 * 1024;

  // `record` is called with each whole record, or its first 64 KiB. False: it does not fit behind
  // the one before, and counts as damage. `stray`, if given, with each piece that is intact behind
  // the damage and a record by itself.
  explicit LogScanner(std::function<bool(std::string_view record)> record,
                      std::function<void(std::string_view record)> stray = {})
      : record_(std::move(record)), stray_(std::move(stray)) {}

  // The file, kBlock octets at a time; only the last block may be shorter.
  void block(std::string_view octets);
  LogScan finish();

 private:
  enum class Piece : std::uint8_t { full = 1, first = 2, middle = 3, last = 4 };
  struct Header {
    std::uint32_t checksum;
    std::uint16_t length;
    std::uint8_t type;
  };
  static constexpr std::size_t kHeader = 7, kKept = 64 * 1024;

  static Header header_at(std::string_view octets);
  static bool intact(std::string_view octets, const Header& header);
  bool take(Piece piece, std::string_view payload, std::uint64_t begin, std::uint64_t end);
  void fail(bool interrupted);
  void look_behind(std::string_view octets);

  std::function<bool(std::string_view)> record_;
  std::function<void(std::string_view)> stray_;
  LogScan scan_;
  std::string kept_;          // of a record in several pieces
  bool in_record_ = false;    // such a one has begun
  bool failed_ = false;       // the good part has ended
  bool interrupted_ = false;  // ... where the file ends, in the middle of a piece
  bool zeros_ = true;         // nothing but zeros since
};

// The checksum of RocksDB's logs, as it is stored.
std::uint32_t log_checksum(std::string_view octets);

}  // namespace emqx_store
