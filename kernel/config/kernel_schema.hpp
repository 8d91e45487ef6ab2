// The table of every setting of keel.conf: type, range, help, and where it lives in `Settings`. The
// defaults are those of a default-constructed Settings. Immutable, any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/settings.hpp"
#include "kernel/config/schema.hpp"

namespace keel::kernel {

// How a setting is read from and stored in Settings. `name` is the listener's or TLS section's;
// others ignore it.
struct SettingAccess {
  std::function<Value(const Settings&, std::string_view name)> get;
  std::function<void(Settings&, std::string_view name, const Value&)>
      set;  // makes the named section
};

class KernelSchema {
 public:
  KernelSchema(std::vector<SettingSpec> specs, std::vector<SettingAccess> access)
      : schema_(std::move(specs)), access_(std::move(access)) {}

  const Schema& schema() const { return schema_; }
  const std::vector<SettingSpec>& specs() const { return schema_.specs(); }
  const SettingAccess& access(const SettingSpec& spec) const {
    return access_[static_cast<std::size_t>(&spec - schema_.specs().data())];
  }

 private:
  Schema schema_;
  std::vector<SettingAccess> access_;
};

const KernelSchema& kernel_schema();

// The section of that name; made when absent.
TlsSettings& tls_section(Settings& settings, std::string_view name);
ListenerSettings& listener_section(Settings& settings, std::string_view name);
const ListenerSettings* find_listener(const Settings& settings, std::string_view name);

}  // namespace keel::kernel
