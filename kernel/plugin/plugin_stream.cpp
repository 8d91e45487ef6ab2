#include "kernel/plugin/plugin_stream.hpp"

#include "keel/ext/tcp.h"
#include "kernel/broker/broker.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/passing.hpp"

namespace keel::kernel {
namespace {

constexpr int kMostPieces = 64;

// Why the broker ended it.
std::uint32_t to_reason(Reason ending) {
  switch (ending) {
    case Reason::unspecified_error:
    case Reason::implementation_specific_error:
      return KEEL_CLOSE_ERROR;
    case Reason::server_shutting_down:
      return KEEL_CLOSE_SHUTDOWN;
    case Reason::malformed_packet:
    case Reason::protocol_error:
    case Reason::unsupported_protocol_version:
    case Reason::topic_filter_invalid:
    case Reason::topic_name_invalid:
    case Reason::packet_identifier_in_use:
    case Reason::packet_identifier_not_found:
    case Reason::receive_maximum_exceeded:
    case Reason::topic_alias_invalid:
    case Reason::packet_too_large:
    case Reason::payload_format_invalid:
    case Reason::retain_not_supported:
    case Reason::qos_not_supported:
    case Reason::shared_subscriptions_not_supported:
    case Reason::subscription_identifiers_not_supported:
    case Reason::wildcard_subscriptions_not_supported:
      return KEEL_CLOSE_PROTOCOL;
    default:
      return is_error(ending) ? KEEL_CLOSE_REFUSED : KEEL_CLOSE_LOCAL;
  }
}

std::uint32_t to_reason(CloseCause cause, Reason ending) {
  switch (cause) {
    case CloseCause::peer:
      return KEEL_CLOSE_PEER;
    case CloseCause::local:
      return to_reason(ending);
    case CloseCause::slow:
      return KEEL_CLOSE_SLOW;
    case CloseCause::handshake:
      return KEEL_CLOSE_TLS;
    case CloseCause::error:
      break;
  }
  return KEEL_CLOSE_ERROR;
}

}  // namespace

HostThread& PluginStream::home() const { return slot().runtime().thread(thread()); }

Result<void> PluginStream::open(HostThread& thread, PeerInfo peer) {
  auto end = thread.open_stream(std::move(peer), *this);
  if (!end) return Error{end.error()};
  end_ = std::move(*end);
  return {};
}

void PluginStream::begin() {
  parked_ = false;
  if (closed_) return report(closed_->reason, closed_->detail);
  if (std::exchange(writable_due_, false)) on_writable();
  if (end_) end_->resume();
}

void PluginStream::revoke() {
  settle();
  if (end_) end_->close(CloseCause::local, "plugin_unloaded");
  end_.reset();
  // A parked one's plugin was stopped and is not called again.
  if (!parked_) call_closed(KEEL_CLOSE_UNLOAD, "the plugin is being unloaded");
}

bool PluginStream::park() {
  parked_ = true;
  if (end_) end_->pause();
  return true;
}

// What is being shown by `data` stays there until that call is over, once for each.
StreamEnd::Fed PluginStream::feed(std::string_view bytes) {
  settle();
  ShownInput* const shown = home().shown_input;
  if (!shown || shown->stream || bytes.empty() || !shown->has(bytes) || !end_->near())
    return end_->feed(bytes, StreamEnd::When::this_turn);
  const StreamEnd::Fed before = end_->feed({}, StreamEnd::When::this_turn);
  if (before.waiting >= StreamEnd::kMaxWaiting) return {.taken = false, .waiting = before.waiting};
  shown->stream = this;
  shown->fed = bytes;
  return {.taken = true, .waiting = before.waiting};
}

// What was fed comes before whatever happens next.
void PluginStream::settle() {
  ShownInput* const shown = home().shown_input;
  if (!shown || shown->stream != this) return;
  shown->stream = nullptr;
  take_copied(shown->fed);
}

void PluginStream::take_copied(std::string_view fed) {
  if (end_) end_->feed(fed, StreamEnd::When::this_turn);
}

void PluginStream::take_in_place(std::string_view fed, std::size_t room) {
  if (end_) end_->feed_in_place(const_cast<char*>(fed.data()), fed.size(), room);
}

void PluginStream::give_up() {
  settle();
  end_->close(CloseCause::peer, "closed");
  end_.reset();
}

void PluginStream::on_batch(OutBuffer& batch) {
  ShownOutput shown(batch);
  const Showing showing(home().shown_output, shown);
  StreamUser::on_batch(batch);
}

void PluginStream::on_output(const iovec* pieces, int count) {
  ShownOutput& shown = *home().shown_output;
  keel_str views[kMostPieces];
  while (count > 0 && end_) {
    const int n = std::min(count, kMostPieces);
    std::size_t bytes = 0;
    for (int i = 0; i < n; ++i) {
      views[i] = {static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len};
      bytes += pieces[i].iov_len;
    }
    slot().bytes_out.fetch_add(bytes, std::memory_order_relaxed);
    shown.pieces = pieces;
    shown.count = n;
    shown.next = 0;
    call_plugin(slot(), CallSite::stream,
                [&] { callbacks_->output(ctx_, handle(), views, static_cast<std::uint32_t>(n)); });
    pieces += n;
    count -= n;
  }
}

void PluginStream::on_writable() {
  if (parked_) {
    writable_due_ = true;
    return;
  }
  if (callbacks_->writable)
    call_plugin(slot(), CallSite::stream, [&] { callbacks_->writable(ctx_, handle()); });
}

void PluginStream::on_closed(CloseCause cause, std::string_view detail) {
  const std::uint32_t reason = to_reason(cause, end_->ending());
  end_.reset();
  if (parked_)
    closed_ = std::make_unique<Closed>(Closed{reason, std::string(detail)});
  else
    report(reason, detail);
}

void PluginStream::report(std::uint32_t reason, std::string_view detail) {
  call_closed(reason, detail);
  slot().drop(*this);
}

void PluginStream::call_closed(std::uint32_t reason, std::string_view detail) {
  if (callbacks_->closed)
    call_plugin(slot(), CallSite::stream,
                [&] { callbacks_->closed(ctx_, handle(), reason, str(detail)); });
}

}  // namespace keel::kernel
