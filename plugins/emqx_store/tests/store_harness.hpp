// What the tests of the store share: a directory that goes again, batches with what they point to,
// queries in one line.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_store/engine/engine.hpp"

namespace emqx_store_test {

using emqx_store::Answer;
using emqx_store::Engine;
using emqx_store::EngineOptions;
using emqx_store::Fault;
using emqx_store::Outcome;

class Directory {
 public:
  Directory() {
    std::string path = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string db() const { return path_ + "/db"; }

 private:
  std::string path_;
};

// Operations, and what they point to, for as long as it lives.
class Batch {
 public:
  explicit Batch(std::uint64_t ticket) : ticket_(ticket) {}
  Batch(Batch&&) = default;  // texts stay where they are
  Batch& operator=(Batch&&) = delete;

  Batch& put(std::uint8_t space, std::string key, std::string value) {
    return add(KEEL_STORE_PUT, space, 0, 0, std::move(key), std::move(value));
  }
  Batch& erase(std::uint8_t space, std::string key) {
    return add(KEEL_STORE_ERASE, space, 0, 0, std::move(key), {});
  }
  Batch& erase_once(std::uint8_t space, std::string key) {
    return add(KEEL_STORE_ERASE, space, KEEL_STORE_ONCE, 0, std::move(key), {});
  }
  Batch& erase_range(std::uint8_t space, std::string from, std::string to) {
    return add(KEEL_STORE_ERASE_RANGE, space, 0, 0, std::move(from), std::move(to));
  }
  Batch& hold(std::uint8_t space, std::string key, std::string value, std::uint32_t holders) {
    return add(KEEL_STORE_HOLD, space, 0, holders, std::move(key), std::move(value));
  }
  Batch& release(std::uint8_t space, std::string key, std::uint32_t holders = 1) {
    return add(KEEL_STORE_RELEASE, space, 0, holders, std::move(key), {});
  }
  Batch& add(std::uint8_t kind, std::uint8_t space, std::uint8_t flags, std::uint32_t count,
             std::string key, std::string value) {
    keel_store_op op{};
    op.kind = kind;
    op.space = space;
    op.flags = flags;
    op.count = count;
    op.key = keep(std::move(key));
    op.value = keep(std::move(value));
    ops_.push_back(op);
    return *this;
  }

  keel_store_batch c() const {
    keel_store_batch out{};
    out.size = sizeof out;
    out.op_count = static_cast<std::uint32_t>(ops_.size());
    out.ops = ops_.data();
    out.ticket = ticket_;
    out.bytes = bytes_;
    return out;
  }

 private:
  keel_str keep(std::string text) {
    bytes_ += text.size();
    texts_.push_back(std::move(text));
    return {texts_.back().data(), texts_.back().size()};
  }

  std::uint64_t ticket_, bytes_ = 0;
  std::deque<std::string> texts_;
  std::vector<keel_store_op> ops_;
};

inline EngineOptions options_for(const Directory& directory) {
  EngineOptions out;
  out.directory = directory.db();
  return out;
}

inline std::unique_ptr<Engine> open(const EngineOptions& options) {
  std::unique_ptr<Engine> engine;
  const Outcome opened = Engine::open(options, engine);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  return engine;
}
inline std::unique_ptr<Engine> open(const Directory& directory) {
  return open(options_for(directory));
}

inline void apply(Engine& engine, const Batch& batch) {
  const keel_store_batch c = batch.c();
  const Outcome applied = engine.apply({&c, 1});
  REQUIRE_MESSAGE(static_cast<bool>(applied), applied.text());
}

using Rows = std::vector<std::pair<std::string, std::string>>;

inline Rows rows_of(const Answer& answer) {
  Rows out;
  for (const Answer::Row& row : answer.rows) {
    out.emplace_back(answer.key(row), answer.value(row));
  }
  return out;
}

// For messages of tests.
inline std::string text_of(const Rows& rows) {
  std::string out;
  for (const auto& [key, value] : rows) out += key + "=" + value.substr(0, 20) + " ";
  return out;
}

inline keel_store_query query(std::uint8_t kind, std::uint8_t space, std::string_view from = {},
                              std::string_view to = {}) {
  keel_store_query out{};
  out.size = sizeof out;
  out.kind = kind;
  out.space = space;
  out.from = {from.data(), from.size()};
  out.to = {to.data(), to.size()};
  return out;
}

// All rows of a space.
inline Rows all(const Engine& engine, std::uint8_t space) {
  const Answer answer = engine.read(query(KEEL_STORE_RANGE, space));
  CHECK_MESSAGE(static_cast<bool>(answer.outcome), answer.outcome.text());
  CHECK_FALSE(answer.more);
  return rows_of(answer);
}

}  // namespace emqx_store_test
