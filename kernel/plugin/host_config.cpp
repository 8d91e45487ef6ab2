// config/1: the plugin's own settings.
#include <cstring>

#include "kernel/base/log.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLongestKey = 512;

std::string bounded(const char* key) {
  return key ? std::string(key, ::strnlen(key, kLongestKey)) : std::string();
}

keel_status check_thread(Slot& slot, const char* function) {
  const HostThread* const thread = HostThread::current();
  if (thread && thread->control()) return KEEL_OK;
  return refuse_thread(slot, function, "the control thread");
}

// The value of a key, if it is one of `types`.
template <class T>
keel_status get(const keel_host* host, const char* key, std::initializer_list<SettingType> types,
                const T*& out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_thread(slot, "config.get")) return bad;
  const std::string name = bounded(key);
  const PluginValues::Found found = slot.settings.find(name);
  if (!found.spec)
    return fail(KEEL_E_INVAL, fmt::format("config: the schema has no key '{}'", name));
  bool fits = false;
  for (const SettingType type : types) fits |= found.spec->type == type;
  if (!fits)
    return fail(KEEL_E_INVAL, fmt::format("config: '{}' is of another type in the schema", name));
  out = found.value ? std::get_if<T>(found.value) : nullptr;
  if (!out) return fail(KEEL_E_NOENT, fmt::format("config: '{}' is not set", name));
  return KEEL_OK;
}

template <class T, class Out>
keel_status get_plain(const keel_host* host, const char* key,
                      std::initializer_list<SettingType> types, Out* out) {
  const T* value = nullptr;
  if (!out) return fail(KEEL_E_INVAL, "config: no place for the result");
  if (const keel_status bad = get<T>(host, key, types, value)) return bad;
  *out = static_cast<Out>(*value);
  return KEEL_OK;
}

keel_status get_bool(const keel_host* host, const char* key, std::int32_t* out) {
  return get_plain<bool>(host, key, {SettingType::boolean}, out);
}
keel_status get_int(const keel_host* host, const char* key, std::int64_t* out) {
  return get_plain<std::int64_t>(host, key, {SettingType::integer, SettingType::octal}, out);
}
keel_status get_float(const keel_host* host, const char* key, double* out) {
  return get_plain<double>(host, key, {SettingType::floating}, out);
}
keel_status get_duration_ms(const keel_host* host, const char* key, std::int64_t* out) {
  return get_plain<std::int64_t>(host, key, {SettingType::duration}, out);
}
keel_status get_size(const keel_host* host, const char* key, std::uint64_t* out) {
  return get_plain<std::int64_t>(host, key, {SettingType::size}, out);
}

keel_status get_str(const keel_host* host, const char* key, keel_sink out) {
  const std::string* value = nullptr;
  if (const keel_status bad = get<std::string>(
          host, key, {SettingType::string, SettingType::choice, SettingType::address}, value))
    return bad;
  put(out, *value);
  return KEEL_OK;
}

keel_status count(const keel_host* host, const char* key, std::uint32_t* out) {
  const std::vector<std::string>* list = nullptr;
  if (!out) return fail(KEEL_E_INVAL, "config: no place for the result");
  const keel_status status = get<std::vector<std::string>>(host, key, {SettingType::strings}, list);
  if (status != KEEL_OK && status != KEEL_E_NOENT) return status;
  *out = list ? static_cast<std::uint32_t>(list->size()) : 0;
  return KEEL_OK;
}

keel_status get_str_at(const keel_host* host, const char* key, std::uint32_t index, keel_sink out) {
  const std::vector<std::string>* list = nullptr;
  if (const keel_status bad =
          get<std::vector<std::string>>(host, key, {SettingType::strings}, list))
    return bad;
  if (index >= list->size())
    return fail(KEEL_E_NOENT, fmt::format("config: the list has {} entries", list->size()));
  put(out, (*list)[index]);
  return KEEL_OK;
}

keel_status keys(const keel_host* host, const char* table, keel_sink out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_thread(slot, "config.keys")) return bad;
  for (const std::string& name : slot.settings.keys(bounded(table))) put(out, name);
  return KEEL_OK;
}

void config_fail(const keel_host* host, const char* key, keel_str text) {
  Slot& slot = Slot::of(host);
  const std::string name = bounded(key);
  std::string place = slot.settings.place(name);
  std::string line =
      fmt::format("{}{}'{}': {}", place, place.empty() ? "" : ": ", name, view(text));
  KEEL_LOG(error, "plugin={}: {}", slot.name(), line);
  slot.note_error(std::move(line));
}

keel_status path(const keel_host* host, keel_str text, keel_sink out) {
  const std::string_view given = view(text);
  if (given.empty()) return fail(KEEL_E_INVAL, "config.path: the path is empty");
  if (given.front() == '/')
    put(out, given);
  else
    put(out, Slot::of(host).runtime().options().base_dir + "/" + std::string(given));
  return KEEL_OK;
}

}  // namespace

const keel_ext_config tables::config = {.size = sizeof(keel_ext_config),
                                        .reserved = 0,
                                        .get_bool = get_bool,
                                        .get_int = get_int,
                                        .get_float = get_float,
                                        .get_str = get_str,
                                        .get_duration_ms = get_duration_ms,
                                        .get_size = get_size,
                                        .count = count,
                                        .get_str_at = get_str_at,
                                        .keys = keys,
                                        .fail = config_fail,
                                        .path = path};

}  // namespace keel::kernel
