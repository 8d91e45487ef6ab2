#include "user_store/user_store.hpp"

#include <new>
#include <utility>

namespace user_store {
namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr std::size_t kTidyAt = 1000;  // lines that no longer count
constexpr std::size_t kMostWaiting = 100'000;
constexpr std::size_t kMostRemembered = 10'000;  // changed names

}  // namespace

keel::Status UserStore::open(const std::string& path) {
  table_.clear();
  note({});
  return file_.open(path, [this](const Entry& entry) {
    if (entry.value.empty()) {
      table_.erase(entry.name);
    } else {
      table_.put(entry.name, entry.value);
    }
  });
}

void UserStore::close() {
  file_.close();
  table_.clear();
  const std::lock_guard lock(mutex_);
  changes_.clear();
  imports_.clear();
  running_ = false;  // a job that was cancelled has not said so
}

void UserStore::submit(Change change) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = changes_.size() >= kMostWaiting;
    if (!full) changes_.push_back(std::move(change));
  }
  if (!full) return start_lane();
  if (change.done) change.done(Outcome::failed, "too many changes are waiting for the disk");
}

void UserStore::submit(Import import) {
  {
    const std::lock_guard lock(mutex_);
    imports_.push_back(std::move(import));
  }
  start_lane();
}

std::string UserStore::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void UserStore::note(const keel::Status& status) {
  const std::lock_guard lock(mutex_);
  trouble_ = status ? std::string() : std::string(status.text());
}

bool UserStore::changed_since(std::uint64_t generation, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (generation < changed_forgotten_) return true;
  const auto found = changed_.find(name);
  return found != changed_.end() && found->second > generation;
}

// After the table has the new values: who sees the new generation sees them, too.
void UserStore::remember_changed(const std::vector<std::string>& names) {
  if (names.empty()) return;
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = generation_.load(std::memory_order_relaxed) + 1;
  if (changed_.size() + names.size() > kMostRemembered) {
    changed_.clear();
    changed_forgotten_ = now;
  } else {
    for (const std::string& name : names) changed_[name] = now;
  }
  generation_.store(now, std::memory_order_release);
}

void UserStore::start_lane() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(running_, true)) return;
  }
  if (run_([this] { run_lane(); })) return;
  std::vector<Change> refused;
  std::deque<Import> imports;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    refused.swap(changes_);
    imports.swap(imports_);
  }
  constexpr const char* kBusy = "the broker has too much to do; try again";
  for (const Change& change : refused) {
    if (change.done) change.done(Outcome::failed, kBusy);
  }
  for (const Import& import : imports) import.done(keel::Status::error(kBusy, KEEL_E_LIMIT));
}

void UserStore::run_lane() {
  for (;;) {
    std::vector<Change> batch;
    std::optional<Import> import;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(changes_);
      if (batch.empty() && !imports_.empty()) {
        import = std::move(imports_.front());
        imports_.pop_front();
      }
      if (batch.empty() && !import) {
        running_ = false;
        return;
      }
    }
    try {
      if (import) run_import(*import);
      if (!batch.empty()) write_batch(batch);
      tidy();
    } catch (const std::bad_alloc&) {  // who waits is told by the kernel, in time
      note(keel::Status::error("there is not enough memory to change the store", KEEL_E_NOMEM));
    }
  }
}

void UserStore::write_batch(std::vector<Change>& batch) {
  Future future;
  std::vector<Outcome> outcomes;
  std::vector<std::string> changed;
  for (const Change& change : batch) {
    outcomes.push_back(decide(change, future));
    if (outcomes.back() == Outcome::done && change.kind != Change::Kind::upgrade &&
        change.kind != Change::Kind::wait) {
      changed.push_back(change.name);
    }
  }
  const keel::Status written = write(future);
  if (!future.empty()) note(written);
  if (written) {
    for (const auto& [name, value] : future) {
      value ? table_.put(name, *value) : void(table_.erase(name));
    }
    remember_changed(changed);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i].done) continue;
    const bool lost = !written && outcomes[i] == Outcome::done;
    batch[i].done(lost ? Outcome::failed : outcomes[i], lost ? written.text() : "");
  }
}

// Against what the changes before it in the batch will have made.
UserStore::Outcome UserStore::decide(const Change& change, Future& future) const {
  using Kind = Change::Kind;
  if (change.kind == Kind::wait) return Outcome::done;
  const auto pending = future.find(change.name);
  const std::optional<std::string> now =
      pending != future.end() ? pending->second : table_.find(change.name);
  if (change.kind == Kind::add && now) return Outcome::exists;
  if ((change.kind == Kind::update || change.kind == Kind::remove) && !now) return Outcome::unknown;
  if (change.kind == Kind::upgrade && now != change.expected) return Outcome::changed;
  future[change.name] =
      change.kind == Kind::remove ? std::nullopt : std::optional<std::string>(change.value);
  return Outcome::done;
}

keel::Status UserStore::write(const Future& future) {
  std::string lines;
  for (const auto& [name, value] : future) lines += to_line(name, value.value_or(std::string()));
  return lines.empty() ? keel::Status() : append(lines);
}

void UserStore::run_import(const Import& import) {
  keel::Result<Imported> out = keel::Status::error("there is not enough memory for it");
  try {
    keel::Result<std::vector<Entry>> entries = import.read();
    out = entries ? add_all(std::move(*entries), import.replace)
                  : keel::Result<Imported>(entries.status());
  } catch (const std::bad_alloc&) {  // `out` says it
  }
  import.done(std::move(out));
}

keel::Result<UserStore::Imported> UserStore::add_all(std::vector<Entry> entries, bool replace) {
  Imported out;
  std::vector<Entry> wanted;
  wanted.reserve(entries.size());
  for (Entry& entry : entries) {
    const std::optional<std::string> now = table_.find(entry.name);
    if (now && !replace) {
      ++out.kept;
      continue;
    }
    now ? ++out.replaced : ++out.added;
    if (now && *now != entry.value) out.changed.push_back(entry.name);
    wanted.push_back(std::move(entry));
  }
  const keel::Status written = append_all(wanted);
  note(written);
  if (!written) {
    rewrite().ignore();  // pieces of it may be in the file
    return written;
  }
  for (const Entry& entry : wanted) table_.put(entry.name, entry.value);
  remember_changed(out.changed);
  return out;
}

// Piece by piece: a file of a million lines does not go through memory twice.
keel::Status UserStore::append_all(const std::vector<Entry>& entries) {
  std::string lines;
  for (const Entry& entry : entries) {
    lines += to_line(entry.name, entry.value);
    if (lines.size() < kChunk) continue;
    KEEL_TRY(append(lines));
    lines.clear();
  }
  return lines.empty() ? keel::Status() : append(lines);
}

// After a failure that could not be taken back the file is written anew first.
keel::Status UserStore::append(std::string_view lines) {
  if (file_.broken()) KEEL_TRY(rewrite());
  return file_.append(lines);
}

keel::Status UserStore::rewrite() {
  return file_.rewrite([this](const StoreFile::Emit& emit) { table_.each(emit); });
}

// Writes the file anew when most of it no longer counts.
void UserStore::tidy() {
  const std::size_t users = table_.size(), lines = file_.lines();
  if (lines < users + kTidyAt || lines < users * 2) return;
  note(rewrite());
}

}  // namespace user_store
