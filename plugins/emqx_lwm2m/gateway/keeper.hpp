// Keeps the journal: takes what the rooms hand in, and lets a worker write it, again and again.
// [control]
#pragma once

#include <functional>
#include <keel/host.hpp>
#include <memory>
#include <string>
#include <vector>

#include "emqx_lwm2m/gateway/common.hpp"
#include "emqx_lwm2m/gateway/saved_resident.hpp"
#include "emqx_lwm2m/store/journal.hpp"

namespace lwm2m {

class Keeper {
 public:
  explicit Keeper(keel::Host& host) : host_(host) {}

  keel::Status open();
  // What an earlier run has left, later; what cannot be read is left out, and logged.
  keel::Status read(std::function<void(std::vector<SavedResident>)> done);
  void take(const std::vector<Change>& changes);
  // Lets go of `done` when everything that was taken is on the disk, or cannot be brought there.
  void flush(std::shared_ptr<void> done);
  // Nothing runs any more.
  void close();
  // "": all is well.
  const std::string& problem() const { return problem_; }

 private:
  struct Job {
    std::shared_ptr<Journal> journal;
    std::unique_ptr<Journal::Batch> batch;
    keel::Status status;
  };

  void write();
  void written(Job& job);
  void retry();

  keel::Host& host_;
  std::shared_ptr<Journal> journal_;
  bool busy_ = false;  // a worker has the file
  std::string problem_;
  std::vector<std::shared_ptr<void>> flushing_;
  keel::Timer again_;
};

}  // namespace lwm2m
