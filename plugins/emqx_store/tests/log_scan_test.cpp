// Looking through logs: what is whole, where it ends, and how.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "emqx_store/engine/log_scan.hpp"
#include "emqx_store/engine/manifest.hpp"

using emqx_store::log_checksum;
using emqx_store::LogScan;
using emqx_store::LogScanner;
using End = LogScan::End;

namespace {

constexpr std::size_t kBlock = LogScanner::kBlock, kHeader = 7;

std::string piece(char type, const std::string& octets) {
  const std::uint32_t checksum = log_checksum(type + octets);
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>(checksum >> shift));
  out.push_back(static_cast<char>(octets.size()));
  out.push_back(static_cast<char>(octets.size() >> 8));
  return out + type + octets;
}

// Writes records as RocksDB does.
class Writer {
 public:
  void add(const std::string& record) {
    std::size_t at = 0;
    do {
      const std::size_t room = kBlock - octets.size() % kBlock;
      if (room < kHeader) {
        octets.append(room, '\0');
        continue;
      }
      const std::size_t size = std::min(record.size() - at, room - kHeader);
      const bool first = at == 0 && !begun_, last = at + size == record.size();
      octets += piece(first && last ? '\1'
                      : first       ? '\2'
                      : last        ? '\4'
                                    : '\3',
                      record.substr(at, size));
      at += size;
      begun_ = !last;
    } while (begun_);
    ends.push_back(octets.size());
  }
  std::string octets;
  std::vector<std::size_t> ends;

 private:
  bool begun_ = false;
};

LogScan scan(const std::string& octets, std::vector<std::string>* records = nullptr) {
  LogScanner scanner([records](std::string_view record) {
    if (records != nullptr) records->emplace_back(record);
    return true;
  });
  for (std::size_t at = 0; at < octets.size(); at += kBlock) {
    scanner.block(std::string_view(octets).substr(at, kBlock));
  }
  return scanner.finish();
}

Writer sample() {
  Writer out;
  std::mt19937 random(5);
  for (const std::size_t size : {10u, 0u, 300u, 32'740u, 5u, 1u, 70'000u, 12u, 32'000u, 700u}) {
    std::string record(size, 'r');
    for (char& c : record) c = static_cast<char>(random());
    out.add(record);
  }
  return out;
}

}  // namespace

TEST_CASE("the checksum is that of RocksDB's logs") {
  // CRC-32C of "123456789" is e3069283.
  const std::uint32_t crc = 0xe3069283u;
  CHECK(log_checksum("123456789") == ((crc >> 15 | crc << 17) + 0xa282ead8u));
}

TEST_CASE("a whole log") {
  const Writer log = sample();
  std::vector<std::string> records;
  const LogScan found = scan(log.octets, &records);
  CHECK(found.end == End::whole);
  CHECK(found.records == log.ends.size());
  CHECK(found.good == log.octets.size());
  REQUIRE(records.size() == 10);
  CHECK(records[0].size() == 10);
  CHECK(records[6].size() == 64 * 1024);  // as much as is kept of it
  CHECK(scan({}).end == End::whole);
}

TEST_CASE("a log cut anywhere ends behind its last whole record") {
  const Writer log = sample();
  for (std::size_t size = 0; size < log.octets.size(); size += size < 400 ? 3 : 997) {
    CAPTURE(size);
    const LogScan found = scan(log.octets.substr(0, size));
    std::size_t records = 0;
    while (log.ends[records] <= size) ++records;
    CHECK(found.records == records);
    CHECK(found.end != End::damaged);
    const std::size_t end = records != 0 ? log.ends[records - 1] : 0;
    CHECK(found.good >= end);  // the zeros that fill a block count as good
    CHECK(found.good < end + kHeader);
    CHECK((found.end == End::whole) == (found.good == size));
  }
}

TEST_CASE("zeros behind the last record are those of an interrupted write") {
  const Writer log = sample();
  for (const std::size_t zeros : {1u, 6u, 7u, 100u, 40'000u}) {
    CAPTURE(zeros);
    const LogScan found = scan(log.octets + std::string(zeros, '\0'));
    CHECK(found.end == End::torn);
    CHECK(found.good == log.octets.size());
  }
}

TEST_CASE("a flipped octet ends the good part where its record begins") {
  const Writer log = sample();
  for (std::size_t at = 0; at < log.octets.size(); at += at < 400 ? 3 : 997) {
    CAPTURE(at);
    std::string octets = log.octets;
    octets[at] = static_cast<char>(octets[at] ^ 4);
    const LogScan found = scan(octets);
    std::size_t record = 0;
    while (log.ends[record] <= at) ++record;
    CHECK(found.records == record);
    const bool last = record + 1 == log.ends.size();
    if (!last) {
      CHECK(found.end == End::damaged);
      CHECK(found.behind != 0);
    }
    CHECK(found.end != End::whole);
  }
}

TEST_CASE("pieces in an order that nobody writes are damage") {
  const std::string whole = piece('\1', "whole"), first = piece('\2', "first");
  const std::string middle = piece('\3', "middle"), last = piece('\4', "last");
  for (const std::string& octets :
       {middle, last, first + whole, first + first + last, whole + last, first + middle + whole}) {
    CHECK(scan(octets).end == End::damaged);
  }
  CHECK(scan(first + middle + last).end == End::whole);
  CHECK(scan(whole + first + middle).end == End::torn);
  CHECK(scan(piece('\5', "another kind")).end == End::damaged);
  CHECK(scan(piece('\0', "another kind")).end == End::damaged);
}

TEST_CASE("a record that does not fit behind the one before is damage") {
  Writer log;
  for (const char* record : {"one", "two", "three"}) log.add(record);
  LogScanner scanner([](std::string_view record) { return record != "two"; });
  scanner.block(log.octets);
  const LogScan found = scanner.finish();
  CHECK(found.end == End::damaged);
  CHECK(found.good == log.ends[0]);
  CHECK(found.behind == 2);
}

TEST_CASE("records behind damage are handed over apart") {
  Writer log;
  for (const char* record : {"one", "two", "three"}) log.add(record);
  log.octets[log.ends[0] + 2] ^= 1;
  std::vector<std::string> strays;
  LogScanner scanner([](std::string_view) { return true; },
                     [&strays](std::string_view record) { strays.emplace_back(record); });
  scanner.block(log.octets);
  CHECK(scanner.finish().records == 1);
  CHECK(strays == std::vector<std::string>{"three"});
}

TEST_CASE("what records of a manifest say of logs and tables") {
  const auto number = [](std::string out, int n) { return out + static_cast<char>(n); };
  const std::string log = number("\x02", 9), next = number("\x03", 12);
  const std::string gone = number(number("\x06", 0), 7);
  // Level, number, size, keys, numbers of changes, one more text, the end of these.
  const std::string added = std::string("\x67\x01\x07\x64\x01") + "a\x01z\x01\x02\x05\x02xx\x01";
  const std::string ignored = std::string("\x81\x40\x03") + "id!";

  emqx_store::Manifest out;
  emqx_store::read_edit(ignored + log + next + gone, out);
  CHECK(out.log_number == 9);
  CHECK(out.obsolete == std::set<std::uint64_t>{7});
  emqx_store::read_edit(number("\x02", 4), out);
  CHECK(out.log_number == 9);  // they only grow
  emqx_store::read_edit(added, out);
  CHECK(out.obsolete.empty());
  for (std::size_t size = 0; size < (ignored + gone + added).size(); ++size) {
    emqx_store::read_edit((ignored + gone + added).substr(0, size), out);
  }
  emqx_store::read_edit("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", out);
  CHECK(out.log_number == 9);
}
