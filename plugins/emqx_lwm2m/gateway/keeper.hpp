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
  // "": all is well.
  const std::string& problem() const { return problem_; }

 private:
  void write();
  void written(std::unique_ptr<Journal::Batch> batch, const keel::Status& status);

  keel::Host& host_;
  std::unique_ptr<Journal> journal_;
  std::string problem_;
  std::vector<std::shared_ptr<void>> flushing_;
  keel::Timer again_;
};

}  // namespace lwm2m
