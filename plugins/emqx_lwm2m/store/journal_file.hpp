// The journal's file: records are appended and are on the disk before anybody is told; when what no
// longer counts outweighs the rest, what lives is copied into a new file that takes its place. At
// whatever moment the process ends, what was acknowledged is there.
//
// A resource; one thread at a time. All of it blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <keel/result.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lwm2m {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class T>
using ByEndpoint = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

class JournalFile {
 public:
  using Records = ByEndpoint<std::string>;  // an empty state: gone
  using Take = std::function<void(std::string_view endpoint, std::string_view state)>;

  explicit JournalFile(std::string directory);
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile() { close(); }

  // All records as they were written, replaced and gone ones included. See Journal::read().
  keel::Status open(const Take& take);
  // Opens it if need be. Takes out of `records` what need not be written. `notice`: see
  // Journal::Batch.
  keel::Status write(Records& records, std::string& notice);

  std::uint64_t damaged() const { return damaged_; }  // octets that open() had to skip
  std::uint64_t size() const { return size_; }

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
  };

  keel::Status load(const Take& take, std::uint64_t size);
  keel::Status refuse(std::uint32_t version);
  keel::Status append(const Records& records);
  keel::Status replace(const Records& records);
  bool fill(int fd, const Records& records, ByEndpoint<Place>& places, std::uint64_t& size);
  keel::Status sync_directory();
  bool mostly_history() const;
  void keep(std::string_view endpoint, Place place);
  void drop(std::string_view endpoint);
  void close();
  keel::Status failed(std::string_view what) const;  // with errno

  const std::string directory_, path_;
  int fd_ = -1;  // -1 although open_: there is none yet
  bool open_ = false;
  std::uint64_t salt_ = 0, damaged_ = 0;
  ByEndpoint<Place> places_;    // of what lives
  std::uint64_t size_ = 0;      // what is behind it was never acknowledged
  std::uint64_t live_ = 0;      // octets of places_
  bool torn_ = false;           // there may be something behind size_
  bool renamed_ = false;        // the directory has not been synced since
  std::uint64_t patience_ = 0;  // no new file before this size: the last attempt failed
};

}  // namespace lwm2m
