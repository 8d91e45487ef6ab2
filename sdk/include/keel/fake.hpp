// FakeHost: a kernel for unit tests, in memory, in one thread, with a clock that only the test
// moves. It offers every table, keeps the ABI's rules (threads, phases, stale handles) and
// remembers what the plugin did.
//
//   keel::FakeHost host;
//   host.set("hello.address", "127.0.0.1:7777");
//   REQUIRE(host.load<Hello>());
//   host.datagram("a/b 42");
//   CHECK(host.published.at(0).payload == "42");
//   CHECK(host.unload());
//
// What tests may call and look at stands under "for tests" in keel/fake/*.hpp, by table; what it
// does is in keel/fake/impl/*.hpp. keel_plugin_test() compiles that once for all tests of a
// project; keel/fake/impl/fn.hpp says how another build does.
#pragma once

#include "keel/fake/stores.hpp"
#include "keel/plugin.hpp"

namespace keel {

class FakeHost : public fake::StoreTables {
 public:
  explicit FakeHost(std::uint32_t shards = 2);
  ~FakeHost() override;

  // create() and start(), by the plugin's class or its entry. Settings come from set(), set_all().
  template <class T>
  Status load() {
    return load(entry_of<T>());
  }
  Status load(const keel_plugin_entry& entry);

  // All the steps of an unload. Fails when the plugin left something behind.
  Status unload(std::uint32_t why = KEEL_DRAIN_UNLOAD);

  // A new version takes over what the old one had bound and opened. When it refuses, the old one
  // goes on and the answer says why.
  template <class T>
  Status upgrade() {
    return upgrade(entry_of<T>());
  }
  Status upgrade(const keel_plugin_entry& entry);

  // New settings, as after set(): by plugin.settings/1. KEEL_E_UNSUPPORTED: the plugin has no
  // apply(), the kernel would restart it. A refusal keeps the old settings.
  Status reload(std::vector<std::pair<std::string, std::string>> changes);
  // KEEL_HEALTH_* and the line; GOOD without a health table.
  std::pair<std::int32_t, std::string> health();
  // The plugin's own table, as the kernel would ask for it.
  template <class T>
  const T* plugin_table(const char* id) {
    if (!instance_ || !instance_->plugin.get_extension) return nullptr;
    return static_cast<const T*>(instance_->plugin.get_extension(instance_->plugin.self, id));
  }
  bool loaded() const { return instance_ != nullptr; }
  bool drained = false;  // whether the plugin said so, in the last unload or upgrade

  // Before load(): an older kernel without a table, or with the beginning of one only; or a newer
  // one, whose table is longer.
  void hide_table(const std::string& id) { sizes_[id] = 0; }
  void resize_table(const std::string& id, std::size_t size) { sizes_[id] = size; }

 private:
  Side store_side() override;
  template <class T>
  static const keel_plugin_entry& entry_of() {
    static const keel_plugin_info info{KEEL_INFO_MAGIC,
                                       sizeof(keel_plugin_info),
                                       KEEL_ABI_MAJOR,
                                       0,
                                       0,
                                       0,
                                       "plugin",
                                       "1.0.0",
                                       "a test's",
                                       "",
                                       KEEL_STAMP};
    using Indices = std::make_index_sequence<detail::settings_count<T>()>;
    static constexpr auto settings = detail::copy_settings<T>(Indices());
    static constexpr auto table = detail::setting_table(settings, Indices());
    static const keel_plugin_entry entry{sizeof entry,
                                         KEEL_ENTRY_MAGIC,
                                         &info,
                                         table.items,
                                         static_cast<std::uint32_t>(detail::settings_count<T>()),
                                         0,
                                         &detail::Instance<T>::create};
    return entry;
  }
  Status checked(const keel_plugin_entry& entry);
  Status make(const keel_plugin_entry& entry, std::unique_ptr<fake::Instance>& out);
  Status start(fake::Instance& instance);
  void drain(fake::Instance& instance, std::uint32_t why);
  // Nothing calls the plugin after this; an upgrade keeps what can be kept.
  void quiesce(fake::Instance& instance, bool keep);
  void park(const fake::Instance& instance);
  void revoke(keel_handle handle);
  void revoke_parked();
  Status save(fake::Instance& instance, std::uint32_t& schema, std::string& blob);
  Status hand_over(fake::Instance& instance, std::uint32_t schema, const std::string& blob);
  void pump();
  static void destroy(std::unique_ptr<fake::Instance>& instance);

  static FakeHost& of(const keel_host* host) {
    return static_cast<FakeHost&>(*instance(host).kernel);
  }
  static const void* extension(const keel_host* host, const char* id);
  const void* table(std::string_view id);
  static void give_error(const keel_host* host, keel_sink out) { put(out, of(host).last_error()); }
  static void take_exception(const keel_host* host, keel_str text);

  std::unique_ptr<fake::Instance> instance_;
  std::map<std::string, std::size_t> sizes_;
  std::map<std::string, std::vector<std::uint64_t>> copies_;
};

}  // namespace keel

#if !defined KEEL_FAKE_SEPARATE || defined KEEL_FAKE_SOURCE
#include "keel/fake/impl/all.hpp"
#endif
