// What a plugin asks of its connection.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_connection.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kReportFrom = 64 * 1024;

}  // namespace

PluginConnection::InfoView::InfoView(const Link& link, bool made) {
  info.size = sizeof info;
  info.peer = to_addr(link.peer().endpoint);
  info.local = to_addr(link.local());
  if (!made) info.listener = str(link.peer().listener->settings.name);
  if (!link.peer().verified) return;
  verified = to_verified(*link.peer().verified);
  info.verified = &verified;
}

// Also between two versions of the plugin: what was under way has its output to write.
keel_status PluginConnection::require_open(const char* function) const {
  if (end_ && state_ == State::open) return KEEL_OK;
  const bool early = state_ == State::waiting || state_ == State::connecting;
  return fail(KEEL_E_STATE,
              fmt::format("{}: the connection is {}", function, early ? "not open yet" : "closed"));
}

keel_status PluginConnection::require_room(const char* function, std::size_t size) {
  const std::size_t waits = end_->link().out.size();
  if (waits <= kMaxPending && size <= OutBuffer::kMaxSize - waits) return KEEL_OK;
  end_->link().notify_when_drained();
  return fail(KEEL_E_LIMIT, fmt::format("{}: {} bytes wait to be sent; `drained` tells when they "
                                        "are gone",
                                        function, waits));
}

void PluginConnection::wrote(std::size_t size) {
  end_->link().touch();
  unreported_ += static_cast<std::uint32_t>(size);
  if (unreported_ >= kReportFrom) report_output();
}

// In portions, so that shards do not fight for the slot's count.
void PluginConnection::report_output() {
  if (unreported_ == 0) return;
  slot().bytes_out.fetch_add(std::exchange(unreported_, 0), std::memory_order_relaxed);
}

keel_status PluginConnection::write(const keel_str* pieces, std::uint32_t n) {
  if (const keel_status bad = require_open("tcp.write")) return bad;
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (pieces[i].size > OutBuffer::kMaxSize - size || (!pieces[i].data && pieces[i].size != 0))
      return fail(KEEL_E_INVAL, fmt::format("tcp.write: piece {} is null or too large", i));
    size += pieces[i].size;
  }
  if (size == 0) return KEEL_OK;
  if (const keel_status full = require_room("tcp.write", size)) return full;
  for (std::uint32_t i = 0; i < n; ++i) append(view(pieces[i]));
  wrote(size);
  return KEEL_OK;
}

// A stream's output that is passed on is kept rather than copied. TLS copies anyway, and wants the
// pieces together.
void PluginConnection::append(std::string_view piece) {
  Link& link = end_->link();
  if (piece.size() >= ShownOutput::kWorthKeeping && !link.peer().verified) {
    ShownOutput* const shown = home().shown_output;
    if (shown && shown->has(piece)) return link.out.append_kept(shown->keep(), piece);
  }
  link.out.append(piece);
}

keel_status PluginConnection::write_message(const MessagePtr& message, std::string_view bytes) {
  if (const keel_status bad = require_open("tcp.write_message")) return bad;
  const auto inside = [bytes](Bytes part) {
    return bytes.data() >= part.data() && bytes.data() + bytes.size() <= part.data() + part.size();
  };
  if (bytes.empty()) return KEEL_OK;
  if (!inside(message->payload()) && !inside(message->topic()))
    return fail(KEEL_E_INVAL,
                "tcp.write_message: the bytes are neither in the message's payload nor its topic");
  if (const keel_status full = require_room("tcp.write_message", bytes.size())) return full;
  end_->link().out.append_slice(message, bytes);
  wrote(bytes.size());
  return KEEL_OK;
}

keel_status PluginConnection::pending(std::uint64_t& out) const {
  if (!end_) return require_open("tcp.pending");
  out = end_->link().out.size();
  return KEEL_OK;
}

keel_status PluginConnection::notify_drained() {
  if (const keel_status bad = require_open("tcp.notify_drained")) return bad;
  end_->link().notify_when_drained();
  return KEEL_OK;
}

keel_status PluginConnection::pause() {
  if (const keel_status bad = require_open("tcp.pause")) return bad;
  paused_ = true;
  end_->link().pause_reading();
  return KEEL_OK;
}

keel_status PluginConnection::resume() {
  if (const keel_status bad = require_open("tcp.resume")) return bad;
  paused_ = false;
  if (live_) end_->link().resume_reading();
  return KEEL_OK;
}

keel_status PluginConnection::shutdown() {
  if (const keel_status bad = require_open("tcp.shutdown")) return bad;
  state_ = State::ending;
  end_->link().close();
  return KEEL_OK;
}

// Also one that is not open yet, or being shut down.
keel_status PluginConnection::close() {
  if (end_) {
    state_ = State::ending;
    end_->link().abort();
    return KEEL_OK;
  }
  if (state_ == State::ended) return KEEL_OK;  // `closed` is on its way
  Rare& end = rare();
  end.connector.reset();
  end.target.reset();
  state_ = State::ended;
  end.reason = KEEL_CLOSE_LOCAL;
  end.detail = "closed";
  if (live_) go_on_later();
  return KEEL_OK;
}

keel_status PluginConnection::info(void (*fn)(void* ctx, const keel_tcp_info* info),
                                   void* ctx) const {
  if (!end_) return require_open("tcp.info");
  const InfoView shown(end_->link(), made_);
  fn(ctx, &shown.info);
  return KEEL_OK;
}

}  // namespace keel::kernel
