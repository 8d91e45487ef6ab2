#include "kernel/broker/ban_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "kernel/base/log.hpp"
#include "kernel/broker/ban_file.hpp"
#include "kernel/net/worker_pool.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMaxSuggested = 10'000;  // between two ticks

// Whether `ban` ends no later than `other`.
bool no_longer(const Ban& ban, const Ban& other) {
  return other.until_s == 0 || (ban.until_s != 0 && ban.until_s <= other.until_s);
}

}  // namespace

BanList::BanList(std::function<void(BanChangePtr)> publish) : publish_(std::move(publish)) {}

BanList::~BanList() { close(); }

Result<void> BanList::open(const std::string& path, std::int64_t now_s) {
  const std::lock_guard file_lock(file_mutex_);
  const std::lock_guard lock(mutex_);
  BanFile file(path);
  bool stale = false;
  auto read = file.read([&](Ban ban) -> Result<void> {
    if (ban.until_s != 0 && ban.until_s <= now_s) {
      stale = true;
      return {};
    }
    if (table_.size() >= kMax)
      return Error{fmt::format("it is beyond the {} bans that there may be", kMax)};
    put(std::make_shared<const Ban>(std::move(ban)));
    return {};
  });
  if (!read) return read;
  if (table_.size() != 0) KEEL_LOG(notice, "{}: {} bans are in force", path, table_.size());
  publish();
  if (stale) ++version_;  // newer than the file
  file_ = std::make_unique<BanFile>(std::move(file));
  saved_ = stale ? 0 : version_;
  queued_ = saved_;
  writer_ = std::make_unique<WorkerPool>(WorkerPool::Options{.threads = 1, .max_queued = 1});
  return {};
}

void BanList::close() {
  if (!writer_) return;
  writer_->stop();
  writer_.reset();
  std::uint64_t latest = 0;
  {
    const std::lock_guard lock(mutex_);
    latest = version_;
  }
  if (auto saved = save(latest); !saved) KEEL_LOG(error, "{}", saved.error());
}

Result<void> BanList::add(Ban ban) {
  std::uint64_t mine = 0;
  {
    const std::lock_guard lock(mutex_);
    if (table_.size() >= kMax && !table_.find(ban.kind, ban.id()))
      return Error{
          fmt::format("there are {} bans, and no more than that; remove some, or ban a "
                      "block of addresses instead of each",
                      kMax)};
    put(std::make_shared<const Ban>(std::move(ban)));
    mine = version_;
    publish();
  }
  return save(mine);
}

Result<bool> BanList::remove(BanKind kind, std::string_view id) {
  std::uint64_t mine = 0;
  {
    const std::lock_guard lock(mutex_);
    const BanPtr there = table_.find(kind, id);
    if (!there) return false;
    erase(there);
    mine = version_;
    publish();
  }
  if (auto saved = save(mine); !saved) return Error{saved.error()};
  return true;
}

void BanList::suggest(Ban ban) {
  const std::lock_guard lock(suggested_mutex_);
  if (suggested_.size() < kMaxSuggested) suggested_.push_back(std::move(ban));
}

std::vector<BanPtr> BanList::list() const {
  std::vector<BanPtr> all;
  {
    const std::lock_guard lock(mutex_);
    all = table_.all();
  }
  std::sort(all.begin(), all.end(), [](const BanPtr& a, const BanPtr& b) {
    return std::tie(a->kind, a->value) < std::tie(b->kind, b->value);
  });
  return all;
}

std::size_t BanList::size() const {
  const std::lock_guard lock(mutex_);
  return table_.size();
}

void BanList::tick(std::int64_t now_s) {
  std::vector<Ban> suggested;
  {
    const std::lock_guard lock(suggested_mutex_);
    suggested.swap(suggested_);
  }
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < kExpirePerTick && !ends_.empty(); ++i) {
      const auto [until_s, ban] = *ends_.begin();
      if (until_s > now_s) break;
      erase(ban);
    }
    for (Ban& ban : suggested) take_suggestion(std::move(ban));
    publish();
  }
  save_later();
}

// ---- under mutex_

void BanList::put(BanPtr ban) {
  if (const BanPtr before = table_.find(ban->kind, ban->id())) erase(before);
  if (ban->until_s != 0) ends_.emplace(ban->until_s, ban);
  if (ban->kind == BanKind::client)
    news_.clients.push_back(ban->value);
  else
    news_.others = true;
  table_.put(std::move(ban));
  changed_ = true;
  ++version_;
}

void BanList::erase(const BanPtr& ban) {
  ends_.erase({ban->until_s, ban});
  table_.erase(ban->kind, ban->id());
  changed_ = true;
  ++version_;
}

void BanList::take_suggestion(Ban ban) {
  const BanPtr there = table_.find(ban.kind, ban.id());
  if (there && no_longer(ban, *there)) return;
  if (!there && table_.size() >= kMaxAutomatic) {
    KEEL_LOG(error, "there are {} bans already: no more are made automatically", table_.size());
    return;
  }
  put(std::make_shared<const Ban>(std::move(ban)));
}

// The order of publications is that of the changes: the lock is held.
void BanList::publish() {
  if (!std::exchange(changed_, false)) return;
  BanChange change = std::exchange(news_, {});
  change.table = table_.snapshot();
  publish_(std::make_shared<const BanChange>(std::move(change)));
}

// ---- the file

// Those who wait while somebody writes are served by one more write together.
Result<void> BanList::save(std::uint64_t version) {
  const std::lock_guard file_lock(file_mutex_);
  if (!file_ || saved_ >= version) return {};
  std::shared_ptr<const BanTable> table;
  std::uint64_t latest = 0;
  {
    const std::lock_guard lock(mutex_);
    table = table_.snapshot();
    latest = version_;
  }
  auto written = file_->write(*table);
  if (written) saved_ = latest;
  return written;
}

void BanList::save_later() {
  if (!writer_) return;
  std::uint64_t latest = 0;
  {
    const std::lock_guard lock(mutex_);
    latest = version_;
  }
  if (latest == queued_) return;
  const bool queued = writer_->submit([this, latest] {
    if (auto saved = save(latest); !saved) KEEL_LOG(error, "{}", saved.error());
  });
  if (queued) queued_ = latest;
}

}  // namespace keel::kernel
