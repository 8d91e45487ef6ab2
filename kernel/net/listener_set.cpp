#include "kernel/net/listener_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/net/error_list.hpp"

namespace keel::kernel {
ListenerSet::ListenerSet(ShardSet& shards, HandlerFactory factory)
    : shards_(shards),
      factory_(std::make_shared<const HandlerFactory>(std::move(factory))),
      admission_(std::make_shared<Admission>()),
      extra_(shards, admission_, [this] { watch_files(); }),
      watch_([this] {
        if (auto loaded = reload_tls(); !loaded) {
          KEEL_LOG(error, "TLS files changed and cannot be used, the old ones stay: {}",
                   loaded.error());
        } else {
          KEEL_LOG(notice, "TLS files changed; new connections use them");
        }
      }) {}

ListenerSet::~ListenerSet() { stop_all(); }

Listener* ListenerSet::find(std::string_view name) const {
  for (const auto& listener : listeners_) {
    if (listener->settings().name == name) return listener.get();
  }
  return nullptr;
}

Result<Listener*> ListenerSet::require(std::string_view name) const {
  if (Listener* listener = find(name)) return listener;
  if (const std::string* owner = extra_.owner_of(name)) {
    return Error{fmt::format("listener '{}' belongs to plugin {}; load, unload or set up that one",
                             name, *owner)};
  }
  std::string names;
  for (const auto& listener : listeners_) names += " " + listener->settings().name;
  return Error{fmt::format("no listener '{}'; there are:{}", name, names)};
}

Result<Listener::Options> ListenerSet::plan_one(const ListenerSettings& listener,
                                                const Settings& settings, TlsMap& loaded) const {
  const Listener* before = find(listener.name);
  auto options = Listener::plan(
      listener, settings.kernel.default_address, settings.limits,
      before ? before->options().offer.info->state : std::make_shared<ListenerState>(admission_));
  if (!options) return options;

  if (!listener.tls.empty() && !loaded[listener.tls]) {
    const auto section = settings.tls.find(listener.tls);
    if (section == settings.tls.end()) {
      return Error{
          fmt::format("listener.{}.tls: there is no section [tls.{}]; add it or correct the name",
                      listener.name, listener.tls)};
    }
    auto context = TlsContext::load(listener.tls, section->second);
    if (!context) return Error{context.error()};
    loaded[listener.tls] = std::move(*context);
  }

  options->offer.tls = listener.tls.empty() ? nullptr : loaded[listener.tls];
  options->offer.factory = factory_;
  return options;
}

Result<ListenerSet::Plan> ListenerSet::plan(const Settings& settings) const {
  Plan plan;
  TlsMap loaded;
  std::string errors;
  for (const ListenerSettings& listener : settings.listeners) {
    if (auto options = plan_one(listener, settings, loaded)) {
      plan.push_back(std::move(*options));
    } else {
      add_error(errors, options.error());
    }
  }
  if (!errors.empty()) return Error{errors};
  return plan;
}

Result<void> ListenerSet::apply(const Settings& settings) {
  auto planned = plan(settings);
  if (!planned) return Error{planned.error()};
  admission_->max_connections = settings.limits.max_connections;
  admission_->connect_rate = settings.limits.connect_rate;
  tls_settings_ = settings.tls;

  const auto is_planned = [&](const std::unique_ptr<Listener>& listener) {
    return std::any_of(planned->begin(), planned->end(), [&](const Listener::Options& options) {
      return options.settings.name == listener->settings().name;
    });
  };
  std::erase_if(listeners_, [&](const auto& listener) { return !is_planned(listener); });

  std::string errors;
  std::map<std::string, std::size_t> order;
  for (Listener::Options& options : *planned) {
    order.emplace(options.settings.name, order.size());
    if (auto done = carry_out(std::move(options)); !done) add_error(errors, done.error());
  }
  std::sort(listeners_.begin(), listeners_.end(), [&](const auto& a, const auto& b) {
    return order[a->settings().name] < order[b->settings().name];
  });
  if (auto done = extra_.apply(settings); !done) add_error(errors, done.error());
  watch_files();
  return as_result(errors);
}

Result<void> ListenerSet::carry_out(Listener::Options options) {
  const bool enabled = options.settings.enabled;
  Listener* before = find(options.settings.name);
  if (before && before->same_socket(options)) {
    // One that ctl stopped stays stopped until something about it changes.
    const bool start = enabled && (before->running() || before->settings() != options.settings);
    before->update(std::move(options));
    if (start) return before->start();
    before->stop();
    return {};
  }
  if (before && before->options().address == options.address) before->stop();
  auto listener = std::make_unique<Listener>(shards_, std::move(options));
  Result<void> started;
  if (enabled) started = listener->start();
  if (!before) {
    listeners_.push_back(std::move(listener));
  } else if (started) {
    *std::find_if(listeners_.begin(), listeners_.end(),
                  [&](const auto& l) { return l.get() == before; }) = std::move(listener);
  }
  return started;
}

Result<void> ListenerSet::start(std::string_view name) {
  auto listener = require(name);
  if (!listener) return Error{listener.error()};
  return (*listener)->start();
}

Result<void> ListenerSet::stop(std::string_view name) {
  auto listener = require(name);
  if (!listener) return Error{listener.error()};
  (*listener)->stop();
  return {};
}

Result<void> ListenerSet::restart(std::string_view name) {
  if (auto stopped = stop(name); !stopped) return stopped;
  return start(name);
}

void ListenerSet::stop_all() {
  for (auto& listener : listeners_) listener->stop();
  extra_.stop_all();
}

Result<void> ListenerSet::reload_tls() {
  TlsMap loaded;
  std::string errors;
  for (auto& listener : listeners_) {
    const std::string& section = listener->settings().tls;
    if (section.empty()) continue;
    if (auto [place, fresh] = loaded.try_emplace(section); fresh) {
      auto context = TlsContext::load(section, tls_settings_[section]);
      if (context) {
        place->second = std::move(*context);
      } else {
        add_error(errors, context.error());
      }
    }
    if (!loaded[section]) continue;
    Listener::Options options = listener->options();
    options.offer.tls = loaded[section];
    listener->update(std::move(options));
  }
  if (auto done = extra_.reload_tls(); !done) add_error(errors, done.error());
  watch_files();
  return as_result(errors);
}

void ListenerSet::watch_files() {
  std::vector<std::string> files;
  for (const auto& listener : listeners_) {
    const auto section = tls_settings_.find(listener->settings().tls);
    if (section == tls_settings_.end()) continue;
    for (std::string& file : TlsContext::files(section->second)) files.push_back(std::move(file));
  }
  extra_.add_files(files);
  watch_.watch(files);
}

std::vector<ListenerStatus> ListenerSet::list() const {
  std::vector<ListenerStatus> all;
  for (const auto& listener : listeners_) {
    ListenerStatus& status = all.emplace_back(status_of(*listener));
    const bool local = !listener->bound().unix_path.empty();
    status.proto = listener->options().offer.tls ? "mqtt:ssl" : local ? "mqtt:unix" : "mqtt:tcp";
  }
  extra_.add_status(all);
  return all;
}

std::optional<BindAddress> ListenerSet::bound(std::string_view name) const {
  const Listener* listener = find(name);
  if (!listener || !listener->running()) return std::nullopt;
  return listener->bound();
}

}  // namespace keel::kernel
