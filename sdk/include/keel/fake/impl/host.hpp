// What keel/fake.hpp declares: FakeHost, the life of a plugin in it. See keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>

#include "keel/fake.hpp"
#include "keel/fake/impl/fn.hpp"

namespace keel {

KEEL_FAKE_FN FakeHost::FakeHost(std::uint32_t shards) : StoreTables(shards) {}

KEEL_FAKE_FN FakeHost::~FakeHost() {
  if (instance_) static_cast<void>(unload());
}

KEEL_FAKE_FN Status FakeHost::load(const keel_plugin_entry& entry) {
  if (instance_) return Status::error("a plugin is loaded already");
  Status status = make(entry, instance_);
  if (!status) return status;
  status = start(*instance_);
  if (!status) destroy(instance_);
  return status;
}

KEEL_FAKE_FN Status FakeHost::unload(std::uint32_t why) {
  if (!instance_) return Status::error("no plugin is loaded");
  drain(*instance_, why);
  quiesce(*instance_, false);
  instance_->plugin.stop(instance_->plugin.self);
  cancel_waiting();
  destroy(instance_);
  if (messages_held() != 0)
    return Status::error(concat("references to ", messages_held(), " messages are left"));
  return {};
}

KEEL_FAKE_FN Status FakeHost::upgrade(const keel_plugin_entry& entry) {
  if (!instance_) return Status::error("no plugin is loaded");
  std::unique_ptr<fake::Instance> next;
  if (Status status = make(entry, next); !status) return status;
  drain(*instance_, KEEL_DRAIN_UPGRADE);
  quiesce(*instance_, true);
  instance_->plugin.stop(instance_->plugin.self);
  cancel_waiting();
  std::string blob;
  std::uint32_t schema = 0;
  Status status = save(*instance_, schema, blob);
  if (status) status = hand_over(*next, schema, blob);
  if (status) {
    next.swap(instance_);
    destroy(next);
  } else {
    park(*next);
    destroy(next);
    hand_over(*instance_, schema, blob).ignore();
  }
  revoke_parked();
  resubmit();
  pump();
  return status;
}

KEEL_FAKE_FN Status FakeHost::reload(std::vector<std::pair<std::string, std::string>> changes) {
  if (!instance_) return Status::error("no plugin is loaded");
  const auto before = values();
  std::vector<keel_str> keys;
  for (const auto& [key, value] : changes) {
    set(key, value);
    keys.push_back(to_c(key));
  }
  Status status = checked(*instance_->entry);
  const auto* const table = plugin_table<keel_ext_plugin_settings>(KEEL_EXT_PLUGIN_SETTINGS);
  if (status && !table) status = KEEL_E_UNSUPPORTED;
  if (status) {
    status =
        table->apply(instance_->plugin.self, keys.data(), static_cast<std::uint32_t>(keys.size()));
    run();
  }
  if (!status) restore(before);
  return status;
}

KEEL_FAKE_FN std::pair<std::int32_t, std::string> FakeHost::health() {
  std::string line;
  const auto* const table = plugin_table<keel_ext_plugin_health>(KEEL_EXT_PLUGIN_HEALTH);
  const std::int32_t state =
      table ? table->report(instance_->plugin.self, sink_into(line)) : KEEL_HEALTH_GOOD;
  return {state, line};
}

KEEL_FAKE_FN FakeHost::Side FakeHost::store_side() {
  const auto* const table = plugin_table<keel_ext_plugin_store>(KEEL_EXT_PLUGIN_STORE);
  return {table, table ? instance_->plugin.self : nullptr};
}

KEEL_FAKE_FN Status FakeHost::checked(const keel_plugin_entry& entry) {
  std::string wrong = check(entry);
  return wrong.empty() ? Status() : Status::error(std::move(wrong));
}

KEEL_FAKE_FN Status FakeHost::make(const keel_plugin_entry& entry,
                                   std::unique_ptr<fake::Instance>& out) {
  if (entry.magic != KEEL_ENTRY_MAGIC || !entry.create) return Status::error("no plugin's entry");
  if (Status status = checked(entry); !status) return status;
  auto made = std::make_unique<fake::Instance>();
  made->kernel = this;
  made->entry = &entry;
  made->host = {sizeof(keel_host),    KEEL_ABI_MINOR,        made.get(),
                &FakeHost::extension, &FakeHost::give_error, &FakeHost::take_exception};
  made->plugin.size = sizeof made->plugin;
  const keel_status status = entry.create(&made->host, &made->plugin);
  if (status != KEEL_OK) return {status, concat("create: ", status_name(status))};
  out = std::move(made);
  return {};
}

KEEL_FAKE_FN Status FakeHost::start(fake::Instance& instance) {
  instance.phase = fake::Phase::starting;
  const keel_status status = instance.plugin.start(instance.plugin.self);
  if (status != KEEL_OK) {
    quiesce(instance, false);
    cancel_waiting();
    const std::string text = log_.empty() ? "start failed" : log_.back().text;
    return {status, text};
  }
  instance.phase = fake::Phase::running;
  for (fake::Timer* timer : all<fake::Timer>()) {
    if (timer->owner == &instance) timer->due_ms = now_ms() + timer->first_ms;
  }
  run();
  return {};
}

KEEL_FAKE_FN void FakeHost::drain(fake::Instance& instance, std::uint32_t why) {
  drained = false;
  const auto* const table = plugin_table<keel_ext_plugin_drain>(KEEL_EXT_PLUGIN_DRAIN);
  if (!table) return;
  table->drain(
      instance.plugin.self, why, 5000, [](void* ctx) { *static_cast<bool*>(ctx) = true; },
      &drained);
  run();
  if (!drained) advance(5000);
}

KEEL_FAKE_FN void FakeHost::quiesce(fake::Instance& instance, bool keep) {
  instance.phase = fake::Phase::unloading;
  end_questions();
  end_ctl_calls(instance);
  finish_syncs();
  if (keep) park(instance);
  std::vector<keel_handle> gone;
  for (const auto& [handle, object] : objects()) {
    if (object->owner == &instance && !object->parked) gone.push_back(handle);
  }
  for (const keel_handle handle : gone) revoke(handle);
  cancel_waiting();
  instance.phase = fake::Phase::stopped;
}

KEEL_FAKE_FN void FakeHost::park(const fake::Instance& instance) {
  for (const auto& [handle, object] : objects()) {
    if (object->owner == &instance && object->keeps()) object->parked = true;
  }
}

KEEL_FAKE_FN void FakeHost::revoke(keel_handle handle) {
  const auto found = objects().find(handle);
  if (found == objects().end()) return;
  const std::unique_ptr<fake::Object> object = std::move(found->second);
  objects().erase(found);
  on(object->shard, [&] { object->revoke(); });
}

KEEL_FAKE_FN void FakeHost::revoke_parked() {
  std::vector<keel_handle> gone;
  for (const auto& [handle, object] : objects()) {
    if (object->parked) gone.push_back(handle);
  }
  for (const keel_handle handle : gone) drop(handle);  // its plugin is not called any more
}

KEEL_FAKE_FN Status FakeHost::save(fake::Instance& instance, std::uint32_t& schema,
                                   std::string& blob) {
  const auto* const table = plugin_table<keel_ext_plugin_state>(KEEL_EXT_PLUGIN_STATE);
  if (!table) return {};
  schema = table->schema;
  const keel_status status = table->save(instance.plugin.self, sink_into(blob));
  return status == KEEL_OK ? Status() : Status(status, "save failed");
}

KEEL_FAKE_FN Status FakeHost::hand_over(fake::Instance& instance, std::uint32_t schema,
                                        const std::string& blob) {
  const void* const found =
      instance.plugin.get_extension
          ? instance.plugin.get_extension(instance.plugin.self, KEEL_EXT_PLUGIN_STATE)
          : nullptr;
  if (const auto* const table = static_cast<const keel_ext_plugin_state*>(found);
      table && schema != 0) {
    const keel_status status = table->load(instance.plugin.self, schema, to_c(blob));
    if (status != KEEL_OK) return {status, "load refused the state"};
  }
  instance.phase = fake::Phase::starting;
  const keel_status status = instance.plugin.start(instance.plugin.self);
  if (status != KEEL_OK) {
    quiesce(instance, true);
    return {status, log_.empty() ? "start failed" : log_.back().text};
  }
  instance.phase = fake::Phase::running;
  return {};
}

KEEL_FAKE_FN void FakeHost::pump() {
  run();
  pump_datagrams();
  pump_connections();
  pump_sessions();
  run();
}

KEEL_FAKE_FN void FakeHost::destroy(std::unique_ptr<fake::Instance>& instance) {
  instance->phase = fake::Phase::stopped;
  instance->plugin.destroy(instance->plugin.self);
  instance.reset();
}

KEEL_FAKE_FN const void* FakeHost::extension(const keel_host* host, const char* id) {
  FakeHost& self = of(host);
  const void* const table = self.table(id);
  const auto size = self.sizes_.find(id);
  if (!table || size == self.sizes_.end()) return table;
  if (size->second == 0) return nullptr;
  // A copy that says it is shorter or longer; what is behind the end of the real one is zero.
  std::uint32_t real = 0;
  __builtin_memcpy(&real, table, sizeof real);
  std::vector<std::uint64_t>& copy = self.copies_[id];
  copy.assign((std::max<std::size_t>(real, size->second) + 7) / 8, 0);
  __builtin_memcpy(copy.data(), table, std::min<std::size_t>(real, size->second));
  const auto claimed = static_cast<std::uint32_t>(size->second);
  __builtin_memcpy(copy.data(), &claimed, sizeof claimed);
  return copy.data();
}

KEEL_FAKE_FN const void* FakeHost::table(std::string_view id) {
  for (const void* found : {basic_table(id), message_table_for(id), hook_table_for(id),
                            admin_table_for(id), udp_table_for(id), tcp_table_for(id),
                            stream_table_for(id), session_table_for(id), store_table_for(id)}) {
    if (found) return found;
  }
  return nullptr;
}

KEEL_FAKE_FN void FakeHost::take_exception(const keel_host* host, keel_str text) {
  of(host).add_line(KEEL_LOG_ERROR, concat("exception: ", text));
  const std::lock_guard lock(of(host).log_mutex_);
  of(host).exceptions.emplace_back(view(text));
}

}  // namespace keel
