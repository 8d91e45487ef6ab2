#include "emqx_sn/listener_set.hpp"

#include <algorithm>

namespace sn {

keel::Status ListenerSet::start(const std::vector<ListenerSettings>& wanted) {
  all_.clear();
  open_.clear();
  failed_.clear();
  for (const ListenerSettings& settings : wanted) KEEL_TRY(add(settings));
  return {};
}

// A DTLS listener whose certificate or keys cannot be read leaves the others alone.
keel::Status ListenerSet::add(const ListenerSettings& settings) {
  auto listener = std::make_unique<Listener>(settings, receive_, plugin_);
  keel::Status status = listener->open(host_);
  if (status) {
    open_.push_back(listener.get());
    all_.push_back(std::move(listener));
    return {};
  }
  const std::string text = keel::concat(settings.address, ": ", status);
  if (!settings.dtls) return host_.config().fail(settings.key.c_str(), text.c_str());
  host_.log().error(settings.name, " is not started: ", text);
  failed_.push_back(settings.name);
  return {};
}

// A socket that does not do any more is closed before another is opened, because the address may be
// the same.
keel::Status ListenerSet::change(const std::vector<ListenerSettings>& wanted,
                                 std::vector<Listener*>& closed) {
  const std::vector<Listener*> before = std::exchange(open_, {});
  const std::vector<std::string> failed_before = std::exchange(failed_, {});
  std::vector<const ListenerSettings*> fresh;
  for (const ListenerSettings& settings : wanted) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const Listener* old) {
      return old->settings() == settings;
    });
    if (same == before.end()) {
      fresh.push_back(&settings);
    } else {
      open_.push_back(*same);
    }
  }
  for (Listener* const old : before) {
    if (std::find(open_.begin(), open_.end(), old) != open_.end()) continue;
    closed.push_back(old);
    old->close();
  }
  const std::size_t kept = open_.size();
  for (const ListenerSettings* const settings : fresh) {
    if (keel::Status status = add(*settings); !status) {
      for (std::size_t i = kept; i < open_.size(); ++i) open_[i]->close();
      open_.resize(kept);
      failed_ = failed_before;
      reopen(std::exchange(closed, {}));
      return status;
    }
  }
  return {};
}

void ListenerSet::reopen(const std::vector<Listener*>& closed) {
  for (Listener* const listener : closed) {
    if (const keel::Status status = listener->open(host_); !status) {
      host_.log().error(listener->settings().name, " could not be opened again: ", status);
    } else {
      open_.push_back(listener);
    }
  }
}

void ListenerSet::reload_tls() {
  for (Listener* const listener : open_) {
    if (!listener->dtls()) continue;
    if (const keel::Status status = listener->socket().reload_tls(); !status) {
      host_.log().error(listener->settings().name, " goes on with its old certificate: ", status);
    }
  }
}

Listener* ListenerSet::find(std::string_view name) const {
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const Listener* listener) {
    return listener->settings().name == name;
  });
  return found == open_.end() ? nullptr : *found;
}

bool ListenerSet::loopback_only() const {
  return std::all_of(open_.begin(), open_.end(),
                     [](const Listener* listener) { return listener->loopback(); });
}

std::string ListenerSet::describe() const {
  std::string out;
  for (const Listener* listener : open_) {
    out += keel::concat(listener->settings().name, " at ", listener->local(), "; ");
  }
  for (const std::string& name : failed_) out += keel::concat(name, " is not started; ");
  return out;
}

}  // namespace sn
