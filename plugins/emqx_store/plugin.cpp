// emqx_store: keeps what has to survive a restart in RocksDB. See README.md.
#include <atomic>
#include <keel/plugin.hpp>
#include <keel/store.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "emqx_store/commands.hpp"
#include "emqx_store/engine/salvage.hpp"
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
    options.open = [this](const EngineOptions& engine, bool first,
                          std::unique_ptr<Engine>& opened) { return open(engine, first, opened); };
    KEEL_TRY(metrics_.add(host(), [this] { return service_->status(); }));
    if (const Outcome opened = Service::open(options, *this, service_); !opened) {
      return keel::Status::error(opened.text(), KEEL_E_IO);
    }
    damaged_ = false;
    taken_over_ = false;
    opened_at_ = service_->last_ticket();
    commands_ = std::make_unique<Commands>(host(), *service_);
    KEEL_TRY(commands_->add());
    host().log().info("the store in ", options.engine.directory, " is open, up to ticket ",
                      service_->last_ticket());
    return {};
  }

  // What is handed over is that the store is: the next version opens the same files, and the broker
  // goes on with what it has read from them.
  keel::Status save(std::string& out) override {
    out = "open";
    return {};
  }
  keel::Status load(std::uint32_t, std::string_view) override {
    taken_over_ = true;
    return {};
  }

  void stop() override {
    commands_.reset();
    const EngineOptions closed = service_ ? service_->engine_options() : EngineOptions();
    // A broker that has written since has read all there is, and seen what is missing.
    const bool used = service_ && service_->last_ticket() > opened_at_;
    service_.reset();
    if (std::exchange(incomplete_, false) && used) forget_salvage(closed);
    env_.reset();
    end_background_threads();
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
    if (condition.condition == KEEL_STORE_FINE && damaged_) {
      return {keel::Health::degraded, "damaged: restart the broker, which sets that aside"};
    }
    if (condition.condition == KEEL_STORE_FINE) return {};
    return {condition.condition >= KEEL_STORE_FULL ? keel::Health::bad : keel::Health::degraded,
            keel::concat(condition_name(condition.condition), ": ", condition.text)};
  }

  keel::Result<keel::StoreInfo> info() override {
    return keel::StoreInfo{.last_ticket = service_->last_ticket(), .incomplete = incomplete_};
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
  // Damage is set aside, and a backup put in place, only as long as the broker has read nothing.
  Outcome open(const EngineOptions& options, bool first, std::unique_ptr<Engine>& engine) {
    SalvageReport report;
    const bool unread = first && !taken_over_;
    Outcome opened = open_store(options, {.repair = unread, .restore = unread}, engine, report);
    if (first) incomplete_ = report.incomplete;
    for (const std::string& line : report.lines) {
      if (report.damaged) {
        host().log().warning(line);
      } else {
        host().log().info(line);
      }
    }
    return opened;
  }

  void committed(std::uint64_t ticket) override { host().store().committed(ticket).ignore(); }
  void synced(std::uint64_t duration_ns, std::uint32_t batches, std::uint32_t operations) override {
    host().store().synced(duration_ns, operations).ignore();
    metrics_.synced(duration_ns, batches, operations);
  }
  bool condition(std::uint32_t condition, std::string_view text) override {
    return static_cast<bool>(
        host().store().condition(static_cast<keel::StoreCondition>(condition), text));
  }
  void damaged(std::string_view text) override {
    if (damaged_.exchange(true)) return;
    host().log().error("the store is damaged: ", text,
                       "; restart the broker, which sets aside what is damaged");
    if (const Outcome asked = request_examination(service_->engine_options()); !asked) {
      host().log().error("the next start will not look for the damage: ", asked.text());
    }
  }
  void rows(std::uint64_t request, const Answer& answer) override {
    std::vector<keel_store_row> rows;
    rows.reserve(answer.rows.size());
    for (const Answer::Row& row : answer.rows) {
      rows.push_back({keel::to_c(answer.key(row)), keel::to_c(answer.value(row))});
    }
    keel_store_rows out{};
    out.status = answer.outcome                             ? KEEL_OK
                 : answer.outcome.fault() == Fault::damaged ? KEEL_E_NOENT
                                                            : KEEL_E_IO;
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
  bool taken_over_ = false;      // from another version, by an upgrade
  std::uint64_t opened_at_ = 0;  // the last ticket then
  bool incomplete_ = false;      // damage was set aside when it was opened, or before
  std::atomic<bool> damaged_{false};
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Commands> commands_;
};

}  // namespace emqx_store

KEEL_PLUGIN(emqx_store::Store, "emqx_store", "1.0.0",
            "Keeps sessions, queues and retained messages on disk");
