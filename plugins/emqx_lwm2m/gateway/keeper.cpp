#include "emqx_lwm2m/gateway/keeper.hpp"

#include <utility>

namespace lwm2m {
namespace {

constexpr std::uint32_t kAgainMs = 5'000;  // after the disk has refused

struct Read {
  std::vector<SavedResident> residents;
  std::size_t unreadable = 0;
  std::uint64_t damaged = 0;
  std::string problem;
};

// [worker]
Read read_all(const Journal& journal) {
  Read out;
  const auto loaded = journal.read();
  if (!loaded) {
    out.problem = loaded.text();
    return out;
  }
  out.damaged = loaded->damaged;
  for (const Journal::Record& record : loaded->records) {
    SavedResident resident;
    const bool whole = read_saved(record.state, resident) &&
                       resident.device.registration.endpoint == record.endpoint;
    if (whole) {
      out.residents.push_back(std::move(resident));
    } else {
      ++out.unreadable;
    }
  }
  return out;
}

}  // namespace

keel::Status Keeper::open() {
  auto directory = host_.state_dir();
  if (!directory) return directory.status();
  journal_ = std::make_shared<Journal>(std::move(*directory));
  problem_ = {};
  return {};
}

void Keeper::close() {
  again_.reset();
  journal_.reset();
  flushing_.clear();
}

keel::Status Keeper::read(std::function<void(std::vector<SavedResident>)> done) {
  busy_ = true;
  return host_.workers().run([journal = journal_] { return read_all(*journal); },
                             [this, done = std::move(done)](Read read) {
                               busy_ = false;
                               if (read.damaged != 0 || read.unreadable != 0) {
                                 host_.log().warning(
                                     "the journal of registrations: ", read.damaged,
                                     " octets are damaged and ", read.unreadable,
                                     " records cannot be read; their devices will register again");
                               }
                               if (!read.problem.empty()) {
                                 host_.log().error("the journal of registrations: ", read.problem);
                                 problem_ = std::move(read.problem);
                               }
                               done(std::move(read.residents));
                               write();
                             },
                             keel::kControl);
}

void Keeper::take(const std::vector<Change>& changes) {
  if (!journal_) return;
  for (const Change& change : changes) {
    if (change.state.empty()) {
      journal_->remove(change.endpoint);
    } else {
      journal_->put(change.endpoint, change.state);
    }
  }
  write();
}

void Keeper::flush(std::shared_ptr<void> done) {
  if (!journal_) return;
  flushing_.push_back(std::move(done));
  write();
}

// One batch at a time; what comes meanwhile is the next one.
void Keeper::write() {
  if (busy_ || !journal_) return;
  const auto job = std::make_shared<Job>();
  job->journal = journal_;
  job->batch = journal_->take();
  if (!job->batch) {
    flushing_.clear();
    return;
  }
  busy_ = true;
  const keel::Status begun = host_.workers().run(
      [job] {
        job->status = Journal::write(*job->batch);
        return true;
      },
      [this, job](const keel::Result<bool>& ran) {
        if (!ran) job->status = ran.status();
        written(*job);
      },
      keel::kControl);
  if (begun) return;
  job->status = begun;
  written(*job);
}

void Keeper::written(Job& job) {
  busy_ = false;
  const bool ok = static_cast<bool>(job.status);
  if (const std::string_view notice = job.batch->notice(); ok && !notice.empty()) {
    host_.log().warning("the journal of registrations: ", notice);
  }
  job.journal->written(std::move(job.batch), ok);
  if (ok) {
    problem_ = {};
    return write();
  }
  if (problem_.empty()) {
    host_.log().error(
        "the journal of registrations cannot be written, and is behind until it can: ", job.status);
  }
  problem_ = job.status.text();
  flushing_.clear();
  host_.timers().after(kAgainMs, [this] { retry(); }).into(again_).ignore();
}

// [shard]
void Keeper::retry() {
  host_.shards().post(keel::kControl, [this] { write(); }).ignore();
}

}  // namespace lwm2m
