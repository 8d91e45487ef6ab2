// The LwM2M gateway's journal. The first octet says whether the rest is read as it is, with a good
// head in front, or is the list of what is written, damaged and read again: what is not damaged
// must come back, and nothing that was never written. Windows are of any size.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check.hpp"
#include "emqx_lwm2m/store/frame.hpp"

namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

constexpr std::uint64_t kSalt = 0x0123456789ABCDEF;

// All records of a file that is read `step` octets at a time.
Records read(std::string_view file, std::size_t step) {
  Records records;
  const auto head = lwm2m::read_journal_head(file.substr(0, lwm2m::kJournalHead));
  if (head.kind != lwm2m::JournalHead::Kind::ours || file.size() < lwm2m::kJournalHead) return {};
  lwm2m::FrameReader reader(head.salt, file.size());
  std::uint64_t good = lwm2m::kJournalHead;
  std::string_view window;
  while (true) {
    while (const auto frame = reader.next(window)) {
      FUZZ_CHECK(frame->octets == file.substr(frame->offset, frame->octets.size()));
      FUZZ_CHECK(!frame->endpoint.empty() && frame->endpoint.size() <= lwm2m::kMostEndpoint);
      good += frame->octets.size();
      FUZZ_CHECK(reader.good_end() == reader.position());
      records.emplace_back(frame->endpoint, frame->state);
    }
    FUZZ_CHECK(reader.position() <= file.size());
    if (reader.need() == 0) break;
    FUZZ_CHECK(window.size() < reader.need());
    FUZZ_CHECK(reader.position() + reader.need() <= file.size());
    window = file.substr(reader.position(), std::max(step, reader.need()));
  }
  FUZZ_CHECK(reader.position() == file.size());
  FUZZ_CHECK(good + reader.damaged() == file.size());
  return records;
}

void as_it_is(std::string_view file) {
  const Records whole = read(file, file.size());
  FUZZ_CHECK(read(file, 1) == whole);
  FUZZ_CHECK(read(file, 37) == whole);
}

// Two octets a record: the sizes of endpoint and state; then where an octet is changed, and how.
void written_and_damaged(std::string_view plan) {
  std::string file;
  lwm2m::append_journal_head(file, kSalt);
  Records records;
  std::vector<std::size_t> begins;
  while (plan.size() > 3) {
    const auto first = static_cast<unsigned char>(plan[0]);
    const auto second = static_cast<unsigned char>(plan[1]);
    records.emplace_back(std::string(1u + first % 32, plan[2]), std::string(second, plan[3]));
    begins.push_back(file.size());
    lwm2m::append_frame(file, kSalt, records.back().first, records.back().second);
    plan.remove_prefix(2);
  }
  FUZZ_CHECK(read(file, 64) == records);
  if (plan.size() < 3 || records.empty()) return;
  const std::size_t at =
      (static_cast<unsigned char>(plan[0]) * 256u + static_cast<unsigned char>(plan[1])) %
      file.size();
  file[at] = static_cast<char>(file[at] ^ (plan[2] == 0 ? 1 : plan[2]));
  if (at >= lwm2m::kJournalHead) {
    const auto hit = std::upper_bound(begins.begin(), begins.end(), at) - begins.begin() - 1;
    records.erase(records.begin() + hit);
  }
  FUZZ_CHECK(read(file, 64) == records);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'f':
      as_it_is(rest);
      break;
    case 'h': {
      std::string file;
      lwm2m::append_journal_head(file, kSalt);
      as_it_is(file.append(rest));
      break;
    }
    case 'w':
      written_and_damaged(rest);
      break;
    default:
      break;
  }
  return 0;
}
