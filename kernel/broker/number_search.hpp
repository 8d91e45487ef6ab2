// Finds the highest number that a store holds [recorder.hpp], for when damage may have taken the
// row that says how often the store was opened, or left an older one in its place: a number that is
// given twice would mix up sessions or their messages, and one below others in a queue would wait
// for ever. Asks one question after the other; kept alive by its own callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/durable/journal.hpp"

namespace keel::kernel {

class NumberSearch final : public std::enable_shared_from_this<NumberSearch> {
 public:
  struct Found {
    std::uint64_t highest = 0;
    bool all = true;  // false: damage still hides some
  };
  using Done = std::function<void(Result<Found>)>;

  // `known`: the highest one that has been read already. `store_ids`: of the sessions whose queues
  // are looked into; what belongs to no session is found by its space. `done` is called once, on a
  // thread of the store.
  NumberSearch(Journal& journal, std::uint64_t known, std::vector<std::uint64_t> store_ids,
               Done done);

  void start() { ask(); }

 private:
  void ask();
  void answered(const StoreRows& rows);
  void note(std::string_view key);

  Journal& journal_;
  Found found_;
  const std::vector<std::uint64_t> store_ids_;
  const Done done_;
  std::size_t step_ = 0;  // of the spaces, then of the sessions
};

}  // namespace keel::kernel
