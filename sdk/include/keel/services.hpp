// Tables from plugin to plugin. [control]
#pragma once

#include "keel/handle.hpp"

namespace keel {

namespace detail {
class ServiceContext final : public Context {
 public:
  using Context::Context;
  void shut() noexcept override {
    shut_on_control(*this, [](Context& service) {
      return service.core.services.call(&keel_ext_services::withdraw, service.core.host,
                                        service.handle.load());
    });
  }
};
}  // namespace detail

class Service : public Handle {
 public:
  Service() = default;
  explicit Service(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}
};

class Services {
 public:
  explicit Services(detail::Core& core) : core_(core) {}

  // Offers a table (a sized C struct of functions, see rule 1 of abi.h) under an id such as
  // "acme.geo/1". It must stay while offered; while somebody uses it this plugin stays loaded.
  Result<Service> provide(const char* id, const void* table) const {
    auto context = detail::make_context<detail::ServiceContext>(core_);
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.services.call(&keel_ext_services::provide, core_.host, id, table, &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Service(std::move(context));
  }
  // Valid until stop() returned or release().
  template <class T>
  Result<const T*> find(const char* id) const {
    const void* out = nullptr;
    const keel_status status = core_.services.call(&keel_ext_services::find, core_.host, id, &out);
    if (status != KEEL_OK) return core_.status(status);
    return static_cast<const T*>(out);
  }
  Status release(const char* id) const {
    return core_.status(core_.services.call(&keel_ext_services::release, core_.host, id));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
