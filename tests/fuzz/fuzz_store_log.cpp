// The store's look through logs and manifests. The first octet says whether the rest is a log as it
// is, or the list of sizes of records that are written, damaged and looked through: all records
// before the damage must be found, and none that was never written.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "emqx_store/engine/log_scan.hpp"
#include "emqx_store/engine/manifest.hpp"

namespace {

using emqx_store::LogScan;
using emqx_store::LogScanner;

constexpr std::size_t kHeader = 7;

LogScan scan(std::string_view octets, std::vector<std::string>& records) {
  emqx_store::Manifest manifest;
  LogScanner scanner(
      [&](std::string_view record) {
        emqx_store::read_edit(record, manifest);
        records.emplace_back(record);
        return true;
      },
      [&](std::string_view record) { emqx_store::read_edit(record, manifest); });
  for (std::size_t at = 0; at < octets.size(); at += LogScanner::kBlock) {
    scanner.block(octets.substr(at, LogScanner::kBlock));
  }
  return scanner.finish();
}

void as_it_is(std::string_view octets) {
  std::vector<std::string> records;
  const LogScan found = scan(octets, records);
  FUZZ_CHECK(found.size == octets.size());
  FUZZ_CHECK(found.good <= found.size);
  FUZZ_CHECK(found.records == records.size());
  FUZZ_CHECK((found.end == LogScan::End::whole) == (found.good == found.size));
  emqx_store::Manifest manifest;
  emqx_store::read_edit(octets, manifest);
  std::vector<std::string> again;
  FUZZ_CHECK(scan(octets.substr(0, found.good), again).end == LogScan::End::whole);
  FUZZ_CHECK(again == records);
}

std::string piece(const std::string& octets) {
  const std::uint32_t checksum = emqx_store::log_checksum('\1' + octets);
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>(checksum >> shift));
  }
  out.push_back(static_cast<char>(octets.size()));
  out.push_back(static_cast<char>(octets.size() >> 8));
  return out + '\1' + octets;
}

// An octet a record: its size. Then where an octet is changed, and how.
void written_and_damaged(std::string_view plan) {
  std::string log;
  std::vector<std::string> written;
  while (plan.size() > 3 && written.size() < 100) {
    written.emplace_back(static_cast<unsigned char>(plan[0]), plan[1]);
    log += piece(written.back());
    plan.remove_prefix(1);
  }
  as_it_is(log);
  if (plan.size() < 3 || written.empty()) return;
  const std::size_t at =
      (static_cast<unsigned char>(plan[0]) * 256u + static_cast<unsigned char>(plan[1])) %
      log.size();
  log[at] = static_cast<char>(log[at] ^ (plan[2] == 0 ? 1 : plan[2]));
  std::size_t hit = 0;
  for (std::size_t end = kHeader + written[0].size(); end <= at;) {
    end += kHeader + written[++hit].size();
  }
  std::vector<std::string> records;
  const LogScan found = scan(log, records);
  FUZZ_CHECK(std::equal(records.begin(), records.end(), written.begin(),
                        written.begin() + static_cast<std::ptrdiff_t>(hit)));
  FUZZ_CHECK(found.end != LogScan::End::whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 128 * 1024) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'f') as_it_is(rest);
  if (data[0] == 'w') written_and_damaged(rest);
  return 0;
}
