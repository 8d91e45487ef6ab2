// The object's half: what it tells the plugin, and its life in the slot. What the plugin asks of it
// is in plugin_connection_calls.cpp, how it connects in plugin_connect.cpp.
#include "kernel/plugin/plugin_connection.hpp"

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_stream.hpp"

namespace keel::kernel {
namespace {

std::uint32_t close_reason(CloseCause cause) {
  switch (cause) {
    case CloseCause::peer:
      return KEEL_CLOSE_PEER;
    case CloseCause::local:
      return KEEL_CLOSE_LOCAL;
    case CloseCause::error:
      return KEEL_CLOSE_ERROR;
    case CloseCause::slow:
      return KEEL_CLOSE_SLOW;
    case CloseCause::handshake:
      return KEEL_CLOSE_TLS;
  }
  return KEEL_CLOSE_ERROR;
}

}  // namespace

PluginConnection::PluginConnection(Slot& slot, std::uint32_t shard, ConnectionEnd& end,
                                   const TcpCallbacks& callbacks)
    : HostObject(slot, ObjectKind::connection, shard),
      fns_(callbacks.fns),
      ctx_(callbacks.ctx),
      end_(&end),
      made_(false),
      adding_(true) {
  end.connection_ = this;
}

PluginConnection::PluginConnection(Slot& slot, std::uint32_t shard, ConnectTarget target,
                                   const TcpCallbacks& callbacks)
    : HostObject(slot, ObjectKind::connection, shard),
      fns_(callbacks.fns),
      ctx_(callbacks.ctx),  // until `opened` gives another: `closed` must find its plugin
      made_(true) {
  rare().target = std::make_unique<ConnectTarget>(std::move(target));
}

PluginConnection::~PluginConnection() {
  if (end_) end_->connection_ = nullptr;
}

PluginConnection::Rare& PluginConnection::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

HostThread& PluginConnection::home() const { return slot().runtime().thread(thread()); }

void PluginConnection::begin() {
  live_ = true;
  parked_ = false;
  // The slot may be going through its objects now: what calls the plugin comes after that.
  if (!adding_) go_on_later();
}

void PluginConnection::open_now() {
  adding_ = false;
  if (live_) go_on();
}

void PluginConnection::go_on_later() {
  home().post([&runtime = slot().runtime(), handle = handle()] {
    if (HostObject* found = runtime.handles().find(handle, ObjectKind::connection))
      static_cast<PluginConnection*>(found)->go_on();
  });
}

// False between two versions, and from when the plugin is told nothing any more because the kernel
// would answer it nothing: what happens then is kept for the next version.
bool PluginConnection::callable() const { return live_ && slot().accepting(); }

// Does what is due now that the plugin runs.
void PluginConnection::go_on() {
  if (!callable()) return;
  switch (state_) {
    case State::waiting:
      return end_ ? tell_opened() : start_connecting();
    case State::open:
      if (drained_) on_drained();
      if (end_ && state_ == State::open && !paused_) end_->link().resume_reading();
      return;
    case State::ended:
      return finish();
    case State::connecting:
    case State::ending:
      return;
  }
}

void PluginConnection::tell_opened() {
  state_ = State::open;
  bool returned = false;
  const InfoView shown(end_->link(), made_);
  ctx_ = call_plugin(
      slot(), CallSite::tcp,
      [&] {
        void* const ctx = fns_->opened ? fns_->opened(ctx_, handle(), &shown.info) : nullptr;
        returned = true;
        return ctx;
      },
      static_cast<void*>(nullptr));
  if (!returned) return break_off("the plugin threw an exception in `opened`");
  if (end_ && state_ == State::open && !paused_) end_->link().resume_reading();
}

std::size_t PluginConnection::on_data(std::string_view data) {
  if (state_ != State::open || !callable()) {
    end_->link().pause_reading();
    return 0;
  }
  slot().bytes_in.fetch_add(data.size() - unread_, std::memory_order_relaxed);
  report_output();
  bool returned = false;
  ShownInput shown{.bytes = data};
  std::size_t taken = 0;
  {
    const Showing showing(home().shown_input, shown);
    taken = call_plugin(
        slot(), CallSite::tcp,
        [&] {
          const std::size_t n = fns_->data(ctx_, handle(), str(data));
          returned = true;
          return n;
        },
        std::size_t{0});
  }
  taken = std::min(taken, data.size());
  const std::size_t left = data.size() - taken;
  unread_ = static_cast<std::uint32_t>(left);
  if (!returned) {
    break_off("the plugin threw an exception in `data`");
  } else if (left > kMaxUnread) {
    break_off(fmt::format("the plugin left more than {} bytes unconsumed", kMaxUnread));
  }
  if (shown.stream) pass_on(shown, taken);
  return taken;
}

// To the stream. What was consumed may be overwritten, and so may the front of the shard's buffer.
void PluginConnection::pass_on(const ShownInput& shown, std::size_t taken) {
  const char* const from = shown.bytes.data();
  const char* const fed = shown.fed.data();
  if (fed + shown.fed.size() > from + taken) return shown.stream->take_copied(shown.fed);
  const std::span<char> scratch = home().shard().scratch();
  const bool inside = from >= scratch.data() && from < scratch.data() + scratch.size();
  const char* const front = inside ? scratch.data() : from;
  shown.stream->take_in_place(shown.fed, static_cast<std::size_t>(fed - front));
}

void PluginConnection::on_drained() {
  drained_ = !callable();
  if (drained_ || state_ != State::open) return;
  report_output();
  if (!fns_->drained) return;
  call_plugin(slot(), CallSite::tcp, [&] { fns_->drained(ctx_, handle()); });
}

// The connection cannot go on, through no fault of the peer's.
void PluginConnection::break_off(std::string why) {
  rare().fault = std::move(why);
  if (state_ == State::open) state_ = State::ending;
  if (end_) end_->link().abort();
}

void PluginConnection::on_link_closed(CloseCause cause, std::string_view detail) {
  end_ = nullptr;
  Rare& end = rare();
  end.reason = end.fault.empty() ? close_reason(cause) : std::uint32_t{KEEL_CLOSE_ERROR};
  end.detail = end.fault.empty() ? std::string(detail) : end.fault;
  const bool unknown = state_ == State::waiting && !made_;
  if (!unknown) state_ = State::ended;
  // A parked one waits for somebody who can be told.
  if (callable() || (unknown && !parked_)) finish();
}

// The shard stops: nobody is called here.
void PluginConnection::on_link_destroyed() {
  end_ = nullptr;
  if (state_ != State::waiting) state_ = State::ended;
  rare().reason = KEEL_CLOSE_UNLOAD;
  rare().detail = "the broker stops";
}

void PluginConnection::finish() {
  const bool known = made_ || state_ == State::ended;
  state_ = State::ended;
  live_ = false;
  report_output();
  slot().drop(*this);  // freed on a later turn
  if (known) tell_closed(rare().reason, rare().detail);
}

void PluginConnection::tell_closed(std::uint32_t reason, std::string_view detail) {
  if (!fns_->closed) return;
  call_plugin(slot(), CallSite::tcp, [&] { fns_->closed(ctx_, handle(), reason, str(detail)); });
}

void PluginConnection::revoke() {
  // A parked one's plugin was stopped and is not called again.
  const bool known = !parked_ && (made_ || state_ != State::waiting);
  const bool opened = state_ != State::waiting;
  live_ = false;
  state_ = State::ended;
  if (rare_) rare_->connector.reset();
  report_output();
  if (known) tell_closed(KEEL_CLOSE_UNLOAD, "the plugin is being unloaded");
  if (!end_) return;
  Link& ours = end_->link();
  std::exchange(end_, nullptr)->connection_ = nullptr;
  opened ? ours.close() : ours.abort();
}

bool PluginConnection::park() {
  if (state_ == State::waiting && !made_ && end_) {
    // No version knows it: it is as if it came in later.
    end_->connection_ = nullptr;
    std::exchange(end_, nullptr)->wait();
    return false;
  }
  if (state_ == State::waiting || state_ == State::connecting) return false;
  live_ = false;
  parked_ = true;
  if (end_ && state_ == State::open) end_->link().pause_reading();
  return true;
}

void PluginConnection::rebind(const TcpCallbacks& callbacks, void* conn_ctx) {
  fns_ = callbacks.fns;
  ctx_ = conn_ctx;
}

}  // namespace keel::kernel
