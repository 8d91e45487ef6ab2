#include "emqx_lwm2m/store/journal.hpp"

#include "emqx_lwm2m/store/journal_file.hpp"

namespace lwm2m {

struct Journal::Parts {
  std::shared_ptr<JournalFile> file;
  JournalFile::Records waiting;
  bool writing = false;

  void note(std::string_view endpoint, std::string_view state) {
    const auto found = waiting.find(endpoint);
    if (found != waiting.end()) {
      found->second = state;
    } else {
      waiting.emplace(endpoint, state);
    }
  }
};

struct Journal::Batch::Parts {
  std::shared_ptr<JournalFile> file;
  JournalFile::Records records;
  std::string notice;
};

Journal::Batch::Batch(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Journal::Batch::~Batch() = default;
std::string_view Journal::Batch::notice() const { return parts_->notice; }

Journal::Journal(std::string directory) : parts_(std::make_unique<Parts>()) {
  parts_->file = std::make_shared<JournalFile>(std::move(directory));
}
Journal::~Journal() = default;

keel::Result<Journal::Loaded> Journal::read() const {
  Loaded loaded;
  ByEndpoint<std::size_t> places;
  const auto take = [&](std::string_view endpoint, std::string_view state) {
    const auto found = places.find(endpoint);
    if (found != places.end()) {
      loaded.records[found->second].state = state;
    } else if (!state.empty()) {
      places.emplace(endpoint, loaded.records.size());
      loaded.records.push_back({std::string(endpoint), std::string(state)});
    }
  };
  if (keel::Status status = parts_->file->open(take); !status) return status;
  std::erase_if(loaded.records, [](const Record& record) { return record.state.empty(); });
  loaded.damaged = parts_->file->damaged();
  return loaded;
}

void Journal::put(std::string_view endpoint, std::string_view state) {
  parts_->note(endpoint, state);
}

void Journal::remove(std::string_view endpoint) { parts_->note(endpoint, {}); }

bool Journal::pending() const { return !parts_->waiting.empty(); }

std::unique_ptr<Journal::Batch> Journal::take() {
  if (parts_->writing || parts_->waiting.empty()) return nullptr;
  auto parts = std::make_unique<Batch::Parts>();
  parts->file = parts_->file;
  parts->records.swap(parts_->waiting);
  parts_->writing = true;
  return std::unique_ptr<Batch>(new Batch(std::move(parts)));
}

keel::Status Journal::write(Batch& batch) {
  return batch.parts_->file->write(batch.parts_->records, batch.parts_->notice);
}

void Journal::written(std::unique_ptr<Batch> batch, bool ok) {
  parts_->writing = false;
  if (ok) return;
  auto& records = batch->parts_->records;
  records.swap(parts_->waiting);  // the newer ones go over the others
  for (auto& [endpoint, state] : records) parts_->waiting[endpoint] = std::move(state);
}

}  // namespace lwm2m
