// The plugin's settings: checked by the kernel against the schema, with defaults filled in.
// [control], from the constructor on.
//
// The plain getters answer what stands there, or `otherwise` when the key is not set and has no
// default. A key that the schema does not have is a mistake in the plugin and is logged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keel/detail/core.hpp"

namespace keel {

class Config {
 public:
  explicit Config(detail::Core& core) : core_(core) {}

  bool boolean(const char* key, bool otherwise = false) const {
    return get(&keel_ext_config::get_bool, key, std::int32_t{otherwise}) != 0;
  }
  // Of one without a default.
  std::optional<bool> boolean_if_set(const char* key) const {
    const bool value = boolean(key, true);
    return value == boolean(key, false) ? std::optional(value) : std::nullopt;
  }
  std::int64_t integer(const char* key, std::int64_t otherwise = 0) const {
    return get(&keel_ext_config::get_int, key, otherwise);
  }
  double number(const char* key, double otherwise = 0) const {
    return get(&keel_ext_config::get_float, key, otherwise);
  }
  std::int64_t duration_ms(const char* key, std::int64_t otherwise = 0) const {
    return get(&keel_ext_config::get_duration_ms, key, otherwise);
  }
  std::uint64_t size(const char* key, std::uint64_t otherwise = 0) const {
    return get(&keel_ext_config::get_size, key, otherwise);
  }
  // Of strings, choices and addresses.
  std::string text(const char* key, std::string_view otherwise = {}) const {
    std::string out;
    const keel_status status =
        core_.config.call(&keel_ext_config::get_str, core_.host, key, sink_into(out));
    return usable(status, key) ? out : std::string(otherwise);
  }
  std::vector<std::string> list(const char* key) const {
    std::vector<std::string> out;
    std::uint32_t n = 0;
    if (!usable(core_.config.call(&keel_ext_config::count, core_.host, key, &n), key)) return out;
    for (std::uint32_t i = 0; i < n; ++i) {
      core_.config.call(&keel_ext_config::get_str_at, core_.host, key, i,
                        sink_into(out.emplace_back()));
    }
    return out;
  }
  // The names below a table, or where a `*` stands in the schema, in the file's order.
  std::vector<std::string> keys(const char* table) const {
    std::vector<std::string> out;
    const keel_sink sink{&out, [](void* ctx, keel_str name) {
                           static_cast<std::vector<std::string>*>(ctx)->emplace_back(view(name));
                         }};
    usable(core_.config.call(&keel_ext_config::keys, core_.host, table, sink), table);
    return out;
  }
  // Whether the key is set or has a default. Of strings, choices and addresses.
  bool has(const char* key) const {
    std::string ignored;
    return core_.config.call(&keel_ext_config::get_str, core_.host, key, sink_into(ignored)) ==
           KEEL_OK;
  }

  // Reports a value that cannot work, with its place in the file. For `return config.fail(...)`.
  Status fail(const char* key, std::string_view text) const {
    core_.config.call(&keel_ext_config::fail, core_.host, key, to_c(text));
    return Status::error(concat(key, ": ", text));
  }
  // A path of the settings, made absolute.
  std::string path(std::string_view relative) const {
    std::string out;
    core_.config.call(&keel_ext_config::path, core_.host, to_c(relative), sink_into(out));
    return out;
  }

 private:
  template <class T>
  T get(keel_status (*keel_ext_config::*member)(const keel_host*, const char*, T*), const char* key,
        T otherwise) const {
    T out = otherwise;
    return usable(core_.config.call(member, core_.host, key, &out), key) ? out : otherwise;
  }
  bool usable(keel_status status, const char* key) const {
    if (status != KEEL_OK && status != KEEL_E_NOENT) {
      const std::string line = concat("setting ", key, ": ", core_.status(status));
      core_.log.call(&keel_ext_log::write, core_.host, std::uint32_t{KEEL_LOG_ERROR}, to_c(line));
    }
    return status == KEEL_OK;
  }

  detail::Core& core_;
};

}  // namespace keel
