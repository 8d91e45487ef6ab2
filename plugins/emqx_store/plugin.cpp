// emqx_store: keeps what has to survive a restart in RocksDB. See README.md.
#include <keel/plugin.hpp>
#include <keel/store.hpp>
#include <memory>
#include <vector>

#include "emqx_store/commands.hpp"
#include "emqx_store/engine/store_env.hpp"
#include "emqx_store/metrics.hpp"
#include "emqx_store/report.hpp"
#include "emqx_store/run/service.hpp"
#include "emqx_store/settings.hpp"

namespace emqx_store {

class Store final : public keel::Plugin, public keel::StoreProvider, private Events {
 public:
  using Plugin::Plugin;

  static constexpr auto& settings = kSettings;

  keel::Status start() override {
    ServiceOptions options;
    KEEL_TRY(read_settings(host().config(), options));
    if (options.engine.directory.empty()) {
      keel::Result<std::string> own = host().state_dir();
      if (!own) return own.status();
      options.engine.directory = keel::concat(*own, "/db");
    }
    env_ = make_store_env();
    options.engine.env = env_.get();
    KEEL_TRY(metrics_.add(host(), [this] { return service_->status(); }));
    if (const Outcome opened = Service::open(options, *this, service_); !opened) {
      return keel::Status::error(opened.text(), KEEL_E_IO);
    }
    commands_ = std::make_unique<Commands>(host(), *service_);
    KEEL_TRY(commands_->add());
    host().log().info("the store in ", options.engine.directory, " is open, up to ticket ",
                      service_->last_ticket());
    return {};
  }

  void stop() override {
    commands_.reset();
    service_.reset();
    env_.reset();
  }

  keel::Status apply(std::span<const std::string_view>) override {
    ServiceOptions options;
    KEEL_TRY(read_settings(host().config(), options));
    service_->set_pace(options.commit_delay_us, options.commit_operations);
    service_->set_watermarks(options.watermarks);
    return {};
  }

  keel::Health health() override {
    if (!service_) return {};
    const Condition::State condition = service_->status().condition;
    if (condition.condition == KEEL_STORE_FINE) return {};
    return {condition.condition >= KEEL_STORE_FULL ? keel::Health::bad : keel::Health::degraded,
            keel::concat(condition_name(condition.condition), ": ", condition.text)};
  }

  keel::Result<keel::StoreInfo> info() override {
    return keel::StoreInfo{.last_ticket = service_->last_ticket()};
  }
  void submit(const keel::StoreBatch& batch) override {
    service_->submit({sizeof(keel_store_batch), static_cast<std::uint32_t>(batch.ops.size()),
                      batch.ops.data(), batch.ticket, batch.bytes});
  }
  keel::Status read(std::uint64_t request, keel::StoreQuery query) override {
    if (service_->ask(request, std::move(query))) return {};
    return {KEEL_E_LIMIT, "too many queries wait for the disk"};
  }

 private:
  void committed(std::uint64_t ticket) override { host().store().committed(ticket).ignore(); }
  void synced(std::uint64_t duration_ns, std::uint32_t batches, std::uint32_t operations) override {
    host().store().synced(duration_ns, operations).ignore();
    metrics_.synced(duration_ns, batches, operations);
  }
  bool condition(std::uint32_t condition, std::string_view text) override {
    return static_cast<bool>(
        host().store().condition(static_cast<keel::StoreCondition>(condition), text));
  }
  void rows(std::uint64_t request, const Answer& answer) override {
    std::vector<keel_store_row> rows;
    rows.reserve(answer.rows.size());
    for (const Answer::Row& row : answer.rows) {
      rows.push_back({keel::to_c(answer.key(row)), keel::to_c(answer.value(row))});
    }
    keel_store_rows out{};
    out.status = answer.outcome ? KEEL_OK : KEEL_E_IO;
    out.rows = rows.data();
    out.row_count = static_cast<std::uint32_t>(rows.size());
    out.more = answer.more ? 1 : 0;
    out.counted = answer.counted;
    out.octets = answer.counted_octets;
    metrics_.read(rows.size(), static_cast<bool>(answer.outcome));
    if (!answer.outcome)
      host().log().error("a query was answered in part: ", answer.outcome.text());
    host().store().rows(request, out).ignore();  // nobody may wait for it any more
  }

  Metrics metrics_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Commands> commands_;
};

}  // namespace emqx_store

KEEL_PLUGIN(emqx_store::Store, "emqx_store", "1.0.0",
            "Keeps sessions, queues and retained messages on disk");
