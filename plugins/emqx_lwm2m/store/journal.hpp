// What survives the broker: one record a device, under its endpoint name. Changes are appended to a
// file in the plugin's state directory, which is written anew when it has become mostly history.
// The format is text-free and checked: whatever is cut off or damaged costs only itself.
//
// Files are touched by `write` and `read` alone, which the caller runs on a worker thread, one at a
// time; the rest belongs to the thread that owns the object. Whatever happens to the disk, what
// waits in memory is at most one record a device, twice while a batch is being written.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lwm2m {

class JournalFile;

class Journal {
 public:
  struct Record {
    std::string endpoint, state;
  };
  struct Loaded {
    std::vector<Record> records;  // what is there now, by endpoint
    std::uint64_t damaged = 0;    // octets that had to be skipped
  };

  // What has gathered, to be handed to write(). One at a time.
  class Batch {
   public:
    ~Batch();
    // After write(): what went wrong although all of it is on the disk, worth a line in the log;
    // else empty.
    std::string_view notice() const;

   private:
    friend class Journal;
    struct Parts;
    explicit Batch(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
  };

  explicit Journal(std::string directory);
  ~Journal();

  // [worker] A directory or file that is not there is an empty journal. One that another version
  // wrote, or that is none of ours, is an error the first time: it is kept beside, under the name
  // the error says, and what is written from then on goes into a new one. After any other error
  // the file stays as it is, and write() fails, too, until it can be read.
  keel::Result<Loaded> read() const;
  // The latest word on a device; what has not been written of it before is replaced. The endpoint
  // has 1 to 1024 octets, the state at least one.
  void put(std::string_view endpoint, std::string_view state);
  void remove(std::string_view endpoint);
  bool pending() const;
  // Null: nothing has gathered, or one is being written.
  std::unique_ptr<Batch> take();
  // [worker] On the disk when it returns (fdatasync). After an error the batch is to be handed to
  // written(), which keeps its records for the next one.
  static keel::Status write(Batch& batch);
  // A batch is back. After an error its records count as not written, unless newer ones are there.
  void written(std::unique_ptr<Batch> batch, bool ok);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lwm2m
