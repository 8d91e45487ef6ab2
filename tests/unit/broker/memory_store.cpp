#include "memory_store.hpp"

namespace keel::kernel {

std::size_t Disk::count(Space space) const {
  std::size_t found = 0;
  for (const auto& row : rows) found += row.first.first == space;
  return found;
}

void Disk::apply(const Batch& batch) {
  for (const StoreOp& op : batch.ops()) {
    const std::pair key{op.space, std::string(op.key)};
    switch (op.kind) {
      case StoreOp::Kind::put:
        rows[key] = op.value;
        break;
      case StoreOp::Kind::erase:
        rows.erase(key);
        break;
      case StoreOp::Kind::erase_range:
        rows.erase(rows.lower_bound(key), rows.lower_bound({op.space, std::string(op.value)}));
        break;
      case StoreOp::Kind::hold:
        rows[key] = op.value;
        holders[key.second] = op.count;
        break;
      case StoreOp::Kind::release:
        REQUIRE(holders[key.second] >= op.count);
        if ((holders[key.second] -= op.count) == 0) {
          rows.erase(key);
          holders.erase(key.second);
        }
        break;
    }
  }
  last_ticket = batch.ticket;
}

void MemoryStore::read(const StoreQuery& query, std::function<void(StoreRows)> done) {
  const std::string from(query.from), to(query.to);
  std::vector<std::string> keys(query.keys.begin(), query.keys.end());
  answers_.push_back([this, query, from, to, keys, done = std::move(done)] {
    StoreRows answer;
    answer.complete = !damaged;
    if (failing) {
      answer.complete = false;
      answer.later = true;
      return done(std::move(answer));
    }
    if (query.kind == StoreQuery::Kind::many) {
      for (const std::string& key : keys)
        if (const auto row = disk_.rows.find({query.space, key}); row != disk_.rows.end())
          answer.rows.push_back({key, row->second});
      return done(std::move(answer));
    }
    for (auto row = disk_.rows.lower_bound({query.space, from});
         row != disk_.rows.end() && row->first.first == query.space &&
         (to.empty() || row->first.second < to);
         ++row) {
      if (query.kind == StoreQuery::Kind::count) {
        ++answer.counted;
        continue;
      }
      if (query.max_rows != 0 && answer.rows.size() == query.max_rows) {
        answer.more = true;
        break;
      }
      if (query.kind == StoreQuery::Kind::last) answer.rows.clear();
      answer.rows.push_back({row->first.second, row->second});
    }
    done(std::move(answer));
  });
}

bool MemoryStore::commit_one() {
  if (waiting_.empty()) return false;
  const Batch& batch = *waiting_.front();
  const std::uint64_t ticket = batch.ticket;
  waiting_.pop_front();
  disk_.apply(batch);
  ++commits;
  journal_.committed(ticket);
  return true;
}

bool MemoryStore::answer_one() {
  if (answers_.empty()) return false;
  const auto answer = std::move(answers_.front());
  answers_.pop_front();
  answer();
  return true;
}

bool MemoryStore::work() {
  if (held) return false;
  bool worked = false;
  while (commit_one()) worked = true;
  for (auto answers = std::exchange(answers_, {}); !answers.empty(); answers.pop_front()) {
    answers.front()();
    worked = true;
  }
  return worked;
}

DurableCluster::DurableCluster(Disk& disk, Settings settings, std::uint32_t shards, bool attached)
    : disk_(disk), cluster_(std::move(settings), shards) {
  state_ = std::make_unique<DurableState>(
      cluster_.realm(), [this](Task task) { control_.push_back(std::move(task)); },
      [this](std::int64_t, std::function<void()> fn) { control_.push_back(std::move(fn)); });
  if (attached) attach();
}

DurableCluster::~DurableCluster() {
  journal().detach();
  cluster_.realm().retained.observe({});
}

void DurableCluster::attach() {
  store_ = std::make_unique<MemoryStore>(disk_, journal());
  bool ready = false;
  state_->store_ready(*store_, [&](Result<void> outcome) {
    REQUIRE(outcome);
    ready = true;
  });
  settle();
  REQUIRE(ready);
}

void DurableCluster::settle() {
  for (int turns = 0;; ++turns) {
    REQUIRE(turns < 10'000);
    cluster_.settle();
    bool worked = store_ && store_->work();
    for (auto tasks = std::exchange(control_, {}); !tasks.empty(); tasks.pop_front()) {
      tasks.front()();
      worked = true;
    }
    if (!worked) return;
  }
}

void DurableCluster::advance(std::int64_t ms) {
  settle();
  cluster_.advance(ms);
  state_->tick();
  settle();
}

}  // namespace keel::kernel
