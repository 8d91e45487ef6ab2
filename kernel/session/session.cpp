#include "kernel/session/session.hpp"

namespace keel::kernel {

Session::Rare& Session::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

bool Session::Rare::empty() const {
  return awaiting_rel.size() == 0 && shared_subscriptions.empty() && !retained && !away &&
         !mountpoint && !retained_posted;
}

void Session::set_text(Text& text, std::string_view value) {
  if (text_of(text) == value) return;
  text = value.empty() ? nullptr : std::make_unique<const CompactText>(value);
}

void Session::owe_retained(FilterId filter, RetainedCursor cursor) {
  auto& retained = rare().retained;
  if (!retained) retained = std::make_unique<RetainedCursors>();
  (*retained)[filter] = std::move(cursor);
}

void Session::forget_retained(FilterId filter) {
  RetainedCursors* const cursors = retained();
  if (!cursors) return;
  cursors->erase(filter);
  if (cursors->empty()) rare_->retained.reset();
}

void Session::trim() {
  inflight.trim();
  queue.trim();
  // How long a client has been away is a part as well.
  if (rare_ && connection && rare_->empty()) rare_.reset();
}

}  // namespace keel::kernel
