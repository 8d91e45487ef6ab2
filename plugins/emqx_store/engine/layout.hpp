// How spaces lie in RocksDB: how keys are written, which rows are the engine's own, and with which
// options all of it is opened. Everything that opens a store's files (engine, salvage, backup) does
// it by this header. Any thread.
//
// All of it is in one column family. With one per space some would be ahead of the write-ahead log:
// where that is damaged, no common state of all could be had. (RocksDB 7.8 can flush families
// together, but may then hang in Close() after a failed flush.)
#pragma once

#include <rocksdb/options.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "emqx_store/engine/options.hpp"

namespace emqx_store {

// What this version writes. Older ones are migrated when they are opened, newer ones refused.
inline constexpr std::uint32_t kLayoutVersion = 1;

// A key is one octet for the kind of row (its space's number) and the kernel's own key.
inline constexpr unsigned char kCountMark = 0x80;   // | space: holders of a row, under the same key
inline constexpr unsigned char kEngineMark = 0xff;  // the engine's own

// Puts the row's key into `out` and answers a view of it.
std::string_view row_key(std::string& out, std::uint8_t space, std::string_view key);
std::string_view count_key(std::string& out, std::uint8_t space, std::string_view key);

// The engine's own rows; both are numbers of 8 octets, big-endian.
inline constexpr std::string_view kTicketKey = "\xff/ticket";  // the last batch applied
inline constexpr std::string_view kLayoutKey = "\xff/layout";  // kLayoutVersion at that time
std::string number_value(std::uint64_t number);
bool read_number_value(std::string_view value, std::uint64_t& number);
// Of counts: numbers of 4 octets, big-endian.
std::string count_value(std::uint32_t count);
bool read_count_value(std::string_view value, std::uint32_t& count);

rocksdb::Options open_options(const EngineOptions& options);

}  // namespace emqx_store
