#include "kernel/plugin/connection_end.hpp"

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_connection.hpp"
#include "kernel/plugin/plugin_tls.hpp"

namespace keel::kernel {

ConnectionEnd::ConnectionEnd(Link& link, std::shared_ptr<ListenerCore> core)
    : link_(link), core_(std::move(core)) {}

ConnectionEnd::ConnectionEnd(Link& link, PluginConnection& connection)
    : link_(link), connection_(&connection) {}

ConnectionEnd::~ConnectionEnd() {
  stop_waiting();
  if (connection_) connection_->on_link_destroyed();
}

void ConnectionEnd::on_open() {
  if (core_) meet();
}

// Makes the plugin's object, or waits until that can be done.
void ConnectionEnd::meet() {
  const std::uint32_t shard = link_.shard().index();
  ListenerCore::Cell& cell = core_->cells_[shard];
  if (cell.state == ListenerCore::State::ended) return link_.abort();
  if (cell.state == ListenerCore::State::held || !cell.slot->accepting()) return wait();
  auto owned = std::make_unique<PluginConnection>(*cell.slot, shard, *this, cell.callbacks);
  PluginConnection& connection = *owned;
  if (cell.slot->add(std::move(owned), nullptr) == KEEL_OK) {
    // Unless the plugin ended meanwhile and the object with it.
    if (connection_) connection.open_now();
  } else if (cell.slot->accepting()) {
    link_.abort();  // no handle is left
  } else {
    wait();
  }
}

void ConnectionEnd::wait() {
  link_.pause_reading();
  core_->cells_[link_.shard().index()].waiting.push(*this);
}

std::size_t ConnectionEnd::on_data(std::string_view data) {
  return connection_ ? connection_->on_data(data) : 0;
}

void ConnectionEnd::on_drained() {
  if (connection_) connection_->on_drained();
}

void ConnectionEnd::on_closed(CloseCause cause, std::string_view detail) {
  stop_waiting();
  if (connection_) std::exchange(connection_, nullptr)->on_link_closed(cause, detail);
}

void ConnectionEnd::stop_waiting() {
  if (!core_) return;
  WaitingEnds& waiting = core_->cells_[link_.shard().index()].waiting;
  if (waiting.has(*this)) waiting.remove(*this);
}

void WaitingEnds::push(ConnectionEnd& end) {
  end.prev_ = last_;
  end.next_ = nullptr;
  (last_ ? last_->next_ : first_) = &end;
  last_ = &end;
}

void WaitingEnds::remove(ConnectionEnd& end) {
  (end.prev_ ? end.prev_->next_ : first_) = end.next_;
  (end.next_ ? end.next_->prev_ : last_) = end.prev_;
  end.prev_ = end.next_ = nullptr;
}

void ListenerCore::assign(std::uint32_t shard, Slot& slot, const ListenerCallbacks& callbacks) {
  Cell& cell = cells_[shard];
  cell.slot = &slot;
  cell.callbacks = callbacks;
  cell.state = State::held;
}

void ListenerCore::hold(std::uint32_t shard) { cells_[shard].state = State::held; }

void ListenerCore::live(std::uint32_t shard) {
  Cell& cell = cells_[shard];
  cell.state = State::live;
  // Those that have to go on waiting, because the plugin ends again, stand behind the last one.
  WaitingEnds waited = std::exchange(cell.waiting, {});
  while (ConnectionEnd* end = waited.first()) {
    waited.remove(*end);
    end->meet();
  }
}

void ListenerCore::end(std::uint32_t shard) {
  Cell& cell = cells_[shard];
  cell.state = State::ended;
  while (ConnectionEnd* end = cell.waiting.first()) {
    cell.waiting.remove(*end);
    end->link_.abort();
  }
}

std::optional<std::string> ListenerCore::psk(const std::string& identity) {
  const HostThread* const thread = HostThread::current();
  if (!thread || thread->control()) return std::nullopt;
  const Cell& cell = cells_[thread->index()];
  if (cell.state != State::live) return std::nullopt;
  return ask_psk(*cell.slot, CallSite::tcp, cell.callbacks.psk_lookup, cell.callbacks.psk_ctx,
                 identity);
}

}  // namespace keel::kernel
