// How spaces lie in RocksDB: which column family a space belongs to, how keys are written, which
// rows are the engine's own, and with which options all of it is opened. Everything that opens a
// store's files (engine, salvage, backup) does it by this header. Any thread.
//
// A few families instead of one per space: spaces whose rows live equally long share one. All
// families are flushed together, so that none is ever ahead of the write-ahead log: whatever is
// lost of the log, all families end at the same batch.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_store/engine/options.hpp"

namespace emqx_store {

// What this version writes. Older ones are migrated when they are opened, newer ones refused.
inline constexpr std::uint32_t kLayoutVersion = 1;

enum class Family : std::uint8_t {
  state = 0,     // "default": sessions and the like, and the engine's own rows
  flow = 1,      // queues and packet ids: written, soon gone
  messages = 2,  // messages that several queues share, and how many holders they have
  retained = 3,
};
inline constexpr std::size_t kFamilies = 4;
inline constexpr std::array<const char*, kFamilies> kFamilyNames = {"default", "flow", "messages",
                                                                    "retained"};

// Spaces this version does not know by name live with `state`.
Family family_of(std::uint8_t space);

// ---- keys: one octet for the kind of row, then the kernel's own key -----------------------------
inline constexpr unsigned char kCountMark = 0x80;  // | space: holders of a row, in Family::messages
inline constexpr unsigned char kEngineMark = 0xff;  // the engine's own, in Family::state

// Puts the row's key into `out` and answers a view of it.
std::string_view row_key(std::string& out, std::uint8_t space, std::string_view key);
std::string_view count_key(std::string& out, std::uint8_t space, std::string_view key);

// The engine's own rows; both are numbers of 8 octets, big-endian.
inline constexpr std::string_view kTicketKey =
    "\xff"
    "ticket";  // the last batch applied
inline constexpr std::string_view kLayoutKey =
    "\xff"
    "layout";  // kLayoutVersion at that time
std::string number_value(std::uint64_t number);
bool read_number_value(std::string_view value, std::uint64_t& number);
// Of counts: numbers of 4 octets, big-endian.
std::string count_value(std::uint32_t count);
bool read_count_value(std::string_view value, std::uint32_t& count);

// ---- opening ------------------------------------------------------------------------------------
struct OpenOptions {
  rocksdb::DBOptions db;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  // in the order of Family
};
OpenOptions open_options(const EngineOptions& options);

}  // namespace emqx_store
