// A store in memory, in the C++ layer: what it holds goes to a file at stop() and comes from there
// at start(). Its command makes it hold back, refuse and complain, as a disk would. Define
// STORE_NAME, and STORE_VERSION, before including this.
#pragma once

#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "keel/plugin.hpp"

#ifndef STORE_VERSION
#define STORE_VERSION "1.0.0"
#endif

namespace {

struct Row {
  std::uint32_t holders = 0;
  std::string value;
};
using Key = std::pair<unsigned, std::string>;  // space, key

// What the store holds. One thread at a time.
class Rows {
 public:
  std::uint64_t last_ticket = 0;

  void apply(const keel::StoreBatch& batch) {
    if (batch.ticket <= last_ticket) return;
    last_ticket = batch.ticket;
    for (const keel_store_op& op : batch.ops) apply(op);
  }

  keel::StoreAnswer answer(const keel::StoreQuery& query) const {
    keel::StoreAnswer out;
    if (query.kind == KEEL_STORE_MANY) {
      for (const std::string& key : query.keys) {
        const auto found = rows_.find({query.space, key});
        if (found != rows_.end()) out.add(key, found->second.value);
      }
      return out;
    }
    const auto begin = rows_.lower_bound({query.space, query.from});
    const auto end = query.to.empty() ? rows_.lower_bound({query.space + 1u, ""})
                                      : rows_.lower_bound({query.space, query.to});
    if (query.kind == KEEL_STORE_LAST) {
      if (begin != end) out.add(std::prev(end)->first.second, std::prev(end)->second.value);
      return out;
    }
    for (auto at = begin; at != end; ++at) {
      const bool counts = query.kind == KEEL_STORE_COUNT;
      if (counts ? query.max_rows != 0 && out.counted >= query.max_rows : out.full(query)) {
        out.more = true;
        break;
      }
      ++out.counted;
      out.counted_octets += at->first.second.size() + at->second.value.size();
      if (!counts) out.add(at->first.second, at->second.value);
    }
    return out;
  }

  void write(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << last_ticket << '\n';
    for (const auto& [key, row] : rows_) {
      file << key.first << ' ' << row.holders << ' ' << key.second.size() << ' ' << row.value.size()
           << '\n'
           << key.second << row.value;
    }
  }
  void read(const std::string& path) {
    rows_.clear();
    last_ticket = 0;
    std::ifstream file(path, std::ios::binary);
    file >> last_ticket;
    unsigned space = 0;
    std::size_t key = 0, value = 0;
    for (Row row; file >> space >> row.holders >> key >> value;) {
      file.get();
      std::string octets(key + value, '\0');
      file.read(octets.data(), static_cast<std::streamsize>(octets.size()));
      row.value = octets.substr(key);
      rows_[{space, octets.substr(0, key)}] = row;
    }
  }

 private:
  void apply(const keel_store_op& op) {
    const Key key{op.space, std::string(keel::view(op.key))};
    const std::string value(keel::view(op.value));
    const auto found = rows_.find(key);
    if (op.kind == KEEL_STORE_PUT || op.kind == KEEL_STORE_HOLD) {
      rows_[key] = {op.count, value};
    } else if (op.kind == KEEL_STORE_ERASE_RANGE) {
      rows_.erase(rows_.lower_bound(key), rows_.lower_bound({op.space, value}));
    } else if (found != rows_.end()) {
      if (op.kind == KEEL_STORE_ERASE || found->second.holders <= op.count)
        rows_.erase(found);
      else
        found->second.holders -= op.count;
    }
  }

  std::map<Key, Row> rows_;
};

class Store : public keel::Plugin, public keel::StoreProvider {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    KEEL_TRY(host().state_dir().into(dir_));
    rows_.read(dir_ + "/rows");
    stopping_ = false;
    writer_ = std::thread([this] { write(); });
    return host().ctl().add(
        "memory-store",
        {{"memory-store hold|go|throw", "Commits nothing, commits again, refuses the next batch"},
         {"memory-store condition <Number> <Text>", "Says how it is"}},
        [this](keel::CtlCall& call) { return command(call); });
  }
  // All of it is written, but reported only as far as it was.
  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (writer_.joinable()) writer_.join();
    batches_.clear();
    queries_.clear();
    rows_.write(dir_ + "/rows");
  }
  keel::Result<keel::StoreInfo> info() override {
    const std::lock_guard lock(mutex_);
    return keel::StoreInfo{.last_ticket = rows_.last_ticket};
  }
  void submit(const keel::StoreBatch& batch) override {
    {
      const std::lock_guard lock(mutex_);
      if (throws_) throw std::runtime_error("not that batch");
      batches_.push_back(batch);
    }
    changed_.notify_all();
  }
  keel::Status read(std::uint64_t request, keel::StoreQuery query) override {
    {
      const std::lock_guard lock(mutex_);
      queries_.emplace_back(request, std::move(query));
    }
    changed_.notify_all();
    return {};
  }

 protected:
  bool holds_ = false;  // under the lock, as what follows

 private:
  int command(keel::CtlCall& call) {
    if (call.size() == 3 && call[0] == "condition") {
      const auto condition = static_cast<keel::StoreCondition>(call[1][0] - '0');
      return host().store().condition(condition, call[2]) ? KEEL_EXIT_OK : KEEL_EXIT_ERROR;
    }
    if (call.size() != 1) return KEEL_EXIT_USAGE;
    {
      const std::lock_guard lock(mutex_);
      holds_ = call[0] == "hold";
      throws_ = call[0] == "throw";
    }
    changed_.notify_all();
    return KEEL_EXIT_OK;
  }
  void write() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] {
        return stopping_ || !queries_.empty() || (!batches_.empty() && !holds_);
      });
      if (stopping_) return;
      std::vector<keel::StoreBatch> batches;
      if (!holds_) batches.swap(batches_);
      const auto queries = std::exchange(queries_, {});
      for (const keel::StoreBatch& batch : batches) rows_.apply(batch);
      std::vector<keel::StoreAnswer> answers;
      for (const auto& [request, query] : queries) answers.push_back(rows_.answer(query));
      lock.unlock();
      if (!batches.empty()) {
        host().store().synced(1000, static_cast<std::uint32_t>(batches.size())).ignore();
        host().store().committed(batches.back().ticket).ignore();
      }
      for (std::size_t i = 0; i < queries.size(); ++i)
        host().store().rows(queries[i].first, answers[i]).ignore();
      lock.lock();
    }
  }

  std::string dir_;
  std::thread writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Rows rows_;
  bool stopping_ = false, throws_ = false;
  std::vector<keel::StoreBatch> batches_;
  std::vector<std::pair<std::uint64_t, keel::StoreQuery>> queries_;
};

}  // namespace
