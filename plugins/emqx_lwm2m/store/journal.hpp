// What survives the broker: one record a device, under its endpoint name. Changes are appended to a
// file in the plugin's state directory, which is written anew when it has become mostly history.
// The format is text-free and checked: whatever is cut off or damaged costs only itself.
//
// Files are touched by `write` and `read` alone, which the caller runs on a worker thread, one at a
// time; the rest belongs to the thread that owns the object.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lwm2m {

class Journal {
 public:
  struct Record {
    std::string endpoint, state;  // state empty: it is gone
  };
  struct Loaded {
    std::vector<Record> records;  // what is there now, by endpoint
    std::uint64_t damaged = 0;    // octets that had to be skipped
  };

  // What has gathered, to be handed to write(). One at a time.
  class Batch;

  explicit Journal(std::string directory);
  ~Journal();

  // [worker] A directory or file that is not there is an empty journal.
  keel::Result<Loaded> read() const;
  // The latest word on a device; what has not been written of it before is replaced.
  void put(std::string_view endpoint, std::string_view state);
  void remove(std::string_view endpoint);
  bool pending() const;
  // Null: nothing has gathered, or one is being written.
  std::unique_ptr<Batch> take();
  // [worker] On the disk when it returns (fdatasync). An error leaves the batch as it was.
  static keel::Status write(Batch& batch);
  // A batch is back. After an error its records count as not written, unless newer ones are there.
  void written(std::unique_ptr<Batch> batch, bool ok);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lwm2m
