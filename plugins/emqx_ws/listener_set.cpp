#include "emqx_ws/listener_set.hpp"

#include <algorithm>

namespace ws {

keel::Status ListenerSet::start(const std::vector<SettingsPtr>& wanted, Listener::Accept accept,
                                void* plugin) {
  accept_ = accept;
  plugin_ = plugin;
  open_.clear();
  waiting_.clear();
  for (const SettingsPtr& settings : wanted) KEEL_TRY(add(settings));
  return {};
}

keel::Status ListenerSet::add(const SettingsPtr& settings) {
  if (!has_what_it_needs(*settings)) return {};
  auto listener = std::make_unique<Listener>(settings, accept_, plugin_);
  KEEL_TRY(listener->open(host_));
  mind_proxy(*listener);
  open_.push_back(std::move(listener));
  return {};
}

// What a proxy on this machine lets through comes from loopback, from wherever it really comes.
void ListenerSet::mind_proxy(const Listener& listener) {
  const SettingsPtr settings = listener.settings();
  const bool has_proxy = settings->proxy_protocol || !settings->trusted.empty();
  if (settings->allow_anonymous || !has_proxy || !listener.local().is_loopback()) return;
  host_.log().notice(settings->name, " at ", listener.local(),
                     " admits anonymous clients, those behind its proxy too; say ",
                     settings->prefix, ".allow_anonymous = true or false to settle that");
}

bool ListenerSet::has_what_it_needs(const ListenerSettings& settings) {
  if (!settings.secure || settings.has_certificate()) return true;
  waiting_.push_back(settings.name);
  host_.log().notice(settings.name, " is not started, it has no certificate: set ", settings.prefix,
                     ".tls, or .certfile and .keyfile");
  return false;
}

// A socket that does not do any more is closed before another is opened, because the address may be
// the same.
keel::Status ListenerSet::change(const std::vector<SettingsPtr>& wanted) {
  std::vector<std::unique_ptr<Listener>> before = std::move(open_);
  std::vector<std::string> waited = std::move(waiting_);
  std::vector<SettingsPtr> fresh, kept;
  open_.clear();
  waiting_.clear();
  for (const SettingsPtr& settings : wanted) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& old) {
      return old && old->settings()->same_socket(*settings);
    });
    if (same == before.end()) {
      fresh.push_back(settings);
    } else {
      kept.push_back(settings);
      open_.push_back(std::move(*same));
    }
  }
  std::erase(before, nullptr);
  for (const auto& old : before) old->close();
  for (const SettingsPtr& settings : fresh) {
    if (keel::Status status = add(settings); !status) {
      open_.resize(kept.size());
      waiting_ = std::move(waited);
      reopen(std::move(before));
      return status;
    }
  }
  for (std::size_t i = 0; i < kept.size(); ++i) open_[i]->change(kept[i]);
  return {};
}

void ListenerSet::reopen(std::vector<std::unique_ptr<Listener>> closed) {
  for (auto& listener : closed) {
    if (const keel::Status status = listener->open(host_); !status) {
      host_.log().error(listener->settings()->name, " could not be opened again: ", status);
    } else {
      open_.push_back(std::move(listener));
    }
  }
}

void ListenerSet::close() {
  for (const auto& listener : open_) listener->close();
}

std::string ListenerSet::describe() const {
  std::string out;
  for (const auto& listener : open_) {
    out += keel::concat(listener->settings()->name, " at ", listener->local(), "; ");
  }
  for (const std::string& name : waiting_) out += keel::concat(name, " has no certificate; ");
  return out;
}

}  // namespace ws
