#include "kernel/net/extra_listeners.hpp"

#include <fmt/format.h>

#include "kernel/net/error_list.hpp"

namespace keel::kernel {
ExtraListeners::ExtraListeners(ShardSet& shards, std::shared_ptr<Admission> admission,
                               std::function<void()> changed)
    : shards_(shards), admission_(std::move(admission)), changed_(std::move(changed)) {}

ExtraListeners::~ExtraListeners() = default;

ExtraListeners::Entry* ExtraListeners::find(ListenerId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.get();
}

const std::string* ExtraListeners::owner_of(std::string_view name) const {
  for (const auto& [id, entry] : entries_) {
    if (entry->spec.settings.name == name) return &entry->spec.owner;
  }
  return nullptr;
}

// What its TLS is made of; null: plain, or a section that does not exist.
const TlsSettings* ExtraListeners::tls_of(const ExtraListener& listener) const {
  if (listener.tls) return &*listener.tls;
  const auto section = sections_.find(listener.settings.tls);
  return section == sections_.end() ? nullptr : &section->second;
}

Result<std::shared_ptr<TlsContext>> ExtraListeners::load_tls(const ExtraListener& listener) const {
  const std::string& section = listener.settings.tls;
  if (!listener.tls && section.empty()) return std::shared_ptr<TlsContext>();
  const TlsSettings* settings = tls_of(listener);
  if (!settings) {
    return Error{
        fmt::format("listener.{}: there is no section [tls.{}]; add it to keel.conf or "
                    "correct the name in the settings of {}",
                    listener.settings.name, section, listener.owner)};
  }
  return TlsContext::load(listener.tls ? listener.settings.name : section, *settings,
                          listener.tls_options);
}

Result<Listener::Options> ExtraListeners::plan(const ExtraListener& listener,
                                               std::shared_ptr<ListenerState> state) const {
  Limits limits = limits_;
  if (listener.send_timeout_ms != 0) limits.send_timeout_ms = listener.send_timeout_ms;
  auto options = Listener::plan(listener.settings, default_address_, limits, std::move(state));
  if (!options) return options;
  options->offer.factory = std::make_shared<const HandlerFactory>(listener.factory);
  return options;
}

Result<ListenerId> ExtraListeners::add(ExtraListener listener) {
  if (const std::string* owner = owner_of(listener.settings.name)) {
    return Error{fmt::format("there is a listener '{}' already, of plugin {}; choose another name",
                             listener.settings.name, *owner)};
  }
  auto options = plan(listener, std::make_shared<ListenerState>(admission_));
  if (!options) return Error{options.error()};
  auto tls = load_tls(listener);
  if (!tls) return Error{tls.error()};
  options->offer.tls = std::move(*tls);
  auto entry = std::make_unique<Entry>();
  entry->listener = std::make_unique<Listener>(shards_, std::move(*options));
  entry->spec = std::move(listener);
  entry->listener->park();
  if (auto started = entry->listener->start(); !started) return Error{started.error()};
  entries_.emplace(++last_id_, std::move(entry));
  changed_();
  return last_id_;
}

void ExtraListeners::resume(ListenerId id) {
  if (Entry* entry = find(id)) entry->listener->resume();
}

void ExtraListeners::park(ListenerId id) {
  if (Entry* entry = find(id)) entry->listener->park();
}

std::optional<ListenerId> ExtraListeners::parked_at(std::string_view owner,
                                                    std::string_view bind) const {
  const auto wanted = parse_bind(bind, default_address_);
  if (!wanted) return std::nullopt;
  for (const auto& [id, entry] : entries_) {
    const Listener& listener = *entry->listener;
    if (entry->spec.owner != owner || !listener.parked() || !listener.running()) continue;
    if (listener.options().address == *wanted || listener.bound() == *wanted) return id;
  }
  return std::nullopt;
}

Result<void> ExtraListeners::adopt(ListenerId id, ExtraListener listener) {
  Entry* const entry = find(id);
  if (!entry) return Error{"the listener to be taken over is gone"};
  const Listener::Options& before = entry->listener->options();
  const std::string& name = listener.settings.name;
  const std::string* owner = name == before.settings.name ? nullptr : owner_of(name);
  if (owner) {
    return Error{fmt::format("there is a listener '{}' already, of plugin {}; choose another name",
                             name, *owner)};
  }
  listener.settings.reuse_port = before.settings.reuse_port;  // the sockets are what they are
  auto options = plan(listener, before.offer.info->state);
  if (!options) return Error{options.error()};
  auto tls = load_tls(listener);
  if (!tls) return Error{tls.error()};
  options->offer.tls = std::move(*tls);
  if (options->address != before.address && options->address != entry->listener->bound()) {
    return Error{fmt::format("listener.{}: is bound to {} and cannot be taken over for {}", name,
                             entry->listener->bound().text(), options->address.text())};
  }
  entry->listener->update(std::move(*options));
  entry->spec = std::move(listener);
  changed_();
  return {};
}

void ExtraListeners::remove(ListenerId id) {
  if (entries_.erase(id) != 0) changed_();
}

std::optional<BindAddress> ExtraListeners::bound(ListenerId id) const {
  const Entry* entry = find(id);
  if (!entry || !entry->listener->running()) return std::nullopt;
  return entry->listener->bound();
}

std::shared_ptr<const ListenerInfo> ExtraListeners::info(ListenerId id) const {
  const Entry* entry = find(id);
  return entry ? entry->listener->options().offer.info : nullptr;
}

// Makes everything again but the socket. Without usable TLS files the context there is stays.
Result<void> ExtraListeners::renew(Entry& entry) {
  const Listener::Options before = entry.listener->options();
  auto options = plan(entry.spec, before.offer.info->state);
  if (!options) return Error{options.error()};
  auto tls = load_tls(entry.spec);
  options->address = before.address;
  options->offer.tls = tls ? *tls : before.offer.tls;
  options->offer.factory = before.offer.factory;
  entry.listener->update(std::move(*options));
  if (!tls) return Error{tls.error()};
  return {};
}

Result<void> ExtraListeners::apply(const Settings& settings) {
  sections_ = settings.tls;
  limits_ = settings.limits;
  default_address_ = settings.kernel.default_address;
  return reload_tls();
}

Result<void> ExtraListeners::reload_tls() {
  std::string errors;
  for (auto& [id, entry] : entries_) {
    if (auto renewed = renew(*entry); !renewed) add_error(errors, renewed.error());
  }
  return as_result(errors);
}

void ExtraListeners::stop_all() {
  for (auto& [id, entry] : entries_) entry->listener->stop();
}

void ExtraListeners::add_files(std::vector<std::string>& files) const {
  for (const auto& [id, entry] : entries_) {
    const TlsSettings* settings = tls_of(entry->spec);
    if (!settings) continue;
    for (std::string& file : TlsContext::files(*settings)) files.push_back(std::move(file));
  }
}

void ExtraListeners::add_status(std::vector<ListenerStatus>& all) const {
  for (const auto& [id, entry] : entries_) {
    ListenerStatus& status = all.emplace_back(status_of(*entry->listener));
    status.proto = entry->spec.proto;
    status.owner = entry->spec.owner;
  }
}

}  // namespace keel::kernel
