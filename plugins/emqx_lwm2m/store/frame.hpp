// How the journal lies in its file: a head with the format's version, then records. Each says how
// long it is and carries two checksums, of its sizes and of its text, so that a damaged one is
// stepped over and the next one is found. The checksums begin with a number drawn for this file:
// nobody who merely fills a device's record can put octets into it that pass for a record. Numbers
// are little-endian. Without I/O; values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lwm2m {

inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::size_t kJournalHead = 48;  // the same twice, in case one is damaged
inline constexpr std::size_t kFrameHead = 16;
inline constexpr std::size_t kMostEndpoint = 1024;
inline constexpr std::size_t kMostState = std::size_t{1} << 30;

// What is at the beginning of a file.
struct JournalHead {
  enum class Kind : std::uint8_t { empty, ours, foreign_version, not_a_journal };
  Kind kind = Kind::empty;
  std::uint32_t version = 0;
  std::uint64_t salt = 0;
};
// `begin`: the first kJournalHead octets, or all there are.
JournalHead read_journal_head(std::string_view begin);
void append_journal_head(std::string& out, std::uint64_t salt,
                         std::uint32_t version = kJournalVersion);

// An empty state says that the endpoint is gone.
void append_frame(std::string& out, std::uint64_t salt, std::string_view endpoint,
                  std::string_view state);
inline std::size_t frame_size(std::string_view endpoint, std::string_view state) {
  return kFrameHead + endpoint.size() + state.size();
}

// A record in a window of the file; views into that window.
struct Frame {
  std::string_view endpoint, state;
  std::string_view octets;   // all of it
  std::uint64_t offset = 0;  // in the file
};

// Goes through the records of a file from the head to the end. The windows are the caller's.
class FrameReader {
 public:
  FrameReader(std::uint64_t salt, std::uint64_t end);

  // `window`: the octets at position(); what has been dealt with is taken off. Null: it wants a
  // window of at least need() octets from position() on, or, when need() is 0, has come to the end.
  std::optional<Frame> next(std::string_view& window);
  std::uint64_t position() const { return position_; }
  std::size_t need() const { return need_; }

  std::uint64_t damaged() const { return damaged_; }    // octets skipped so far
  std::uint64_t good_end() const { return good_end_; }  // behind the last whole record

 private:
  void skip(std::string_view& window, std::uint64_t octets);

  std::uint32_t seed_;  // of the checksums
  std::uint64_t end_;
  std::uint64_t position_ = kJournalHead, good_end_ = kJournalHead, damaged_ = 0;
  std::size_t need_ = kFrameHead;
};

}  // namespace lwm2m
