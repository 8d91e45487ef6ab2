// How fast the engine is on this disk: synced rows per second in groups of several sizes, CPU per
// row, and single commits against the disk's own fdatasync.
//
//   bench_engine DIRECTORY [SECONDS PER MEASUREMENT]
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "emqx_store/engine/engine.hpp"
#include "emqx_store/engine/layout.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print_latency(const char* what, std::vector<double>& us) {
  std::sort(us.begin(), us.end());
  const auto at = [&](double share) {
    return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
  };
  std::printf("%-28s p50 %7.0f us  p99 %7.0f us  max %7.0f us\n", what, at(0.5), at(0.99), at(1));
}

// Appends of the size of a small commit, each followed by fdatasync.
void bench_disk(const std::string& directory, double seconds) {
  const std::string path = directory + "/raw";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) std::exit(1);
  const std::string block(400, 'x');
  std::vector<double> us;
  for (const auto began = Clock::now(); seconds_since(began) < seconds;) {
    const auto start = Clock::now();
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) std::exit(1);
    us.push_back(seconds_since(start) * 1e6);
  }
  ::close(fd);
  std::filesystem::remove(path);
  print_latency("write + fdatasync", us);
}

// Rows as a queue has them: 1 000 sessions, ascending sequences, values of 300 octets.
class Queues {
 public:
  Queues() : random_(1), noise_(1 << 20, ' ') {
    for (char& octet : noise_) octet = static_cast<char>(random_());
  }

  // The batch of one turn: `rows` rows; `lag`: and the acknowledgements of those that many before.
  keel_store_batch next(std::uint32_t rows, std::uint64_t lag = 0) {
    keys_.clear();
    ops_.clear();
    keys_.reserve(2 * rows);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const std::uint64_t number = row_++;
      keel_store_op& op = add(KEEL_STORE_PUT, number);
      op.value = {noise_.data() + random_() % (noise_.size() - 300), 300};
      if (lag != 0 && number >= lag) add(KEEL_STORE_ERASE, number - lag).flags = KEEL_STORE_ONCE;
    }
    keel_store_batch batch{};
    batch.size = sizeof batch;
    batch.op_count = static_cast<std::uint32_t>(ops_.size());
    batch.ops = ops_.data();
    batch.ticket = ++ticket_;
    batch.bytes = rows * 316ull;
    return batch;
  }

 private:
  keel_store_op& add(std::uint8_t kind, std::uint64_t number) {
    keys_.push_back(emqx_store::number_value(number % 1000) +
                    emqx_store::number_value(number / 1000));
    keel_store_op op{};
    op.kind = kind;
    op.space = 3;
    op.key = {keys_.back().data(), keys_.back().size()};
    ops_.push_back(op);
    return ops_.back();
  }

  std::mt19937_64 random_;
  std::string noise_;
  std::vector<std::string> keys_;
  std::vector<keel_store_op> ops_;
  std::uint64_t row_ = 0, ticket_ = 0;
};

void check(const emqx_store::Outcome& outcome) {
  if (outcome) return;
  std::fprintf(stderr, "%s\n", outcome.text().c_str());
  std::exit(1);
}

void bench_groups(const std::string& directory, std::uint32_t rows, std::uint64_t lag,
                  double seconds) {
  std::filesystem::remove_all(directory);
  emqx_store::EngineOptions options;
  options.directory = directory;
  std::unique_ptr<emqx_store::Engine> engine;
  check(emqx_store::Engine::open(options, engine));
  Queues queues;
  std::vector<double> us;
  const double cpu = cpu_seconds();
  const auto began = Clock::now();
  while (seconds_since(began) < seconds) {
    const keel_store_batch batch = queues.next(rows, lag);
    const auto start = Clock::now();
    check(engine->apply({&batch, 1}));
    us.push_back(seconds_since(start) * 1e6);
  }
  const double took = seconds_since(began), count = static_cast<double>(us.size()) * rows;
  const auto stats = engine->stats();
  std::printf(
      "groups of %4u%s: %9.0f rows/s  %5.2f us CPU per row  tables %4.0f MB  to compact %4.0f MB\n",
      rows, lag != 0 ? ", erased again" : "", count / took, (cpu_seconds() - cpu) / count * 1e6,
      static_cast<double>(stats.table_bytes) / 1e6,
      static_cast<double>(stats.pending_compaction_bytes) / 1e6);
  print_latency("  commit", us);
  check(engine->close());
  engine.reset();
  std::filesystem::remove_all(directory);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_engine DIRECTORY [SECONDS]\n");
    return 1;
  }
  const std::string directory = argv[1];
  const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
  std::filesystem::create_directories(directory);
  bench_disk(directory, seconds);
  for (const std::uint32_t rows : {1u, 16u, 128u, 1024u}) {
    bench_groups(directory + "/db", rows, 0, seconds);
  }
  bench_groups(directory + "/db", 1024, 20'000, seconds);
  return 0;
}
