#include "emqx_sn/mailbox.hpp"

#include <utility>

namespace sn {
namespace {

constexpr std::size_t kKeptBytes = 256 * 1024, kKeptLetters = 1024;

bool always(Letter::Kind kind) {
  return kind == Letter::Kind::gone || kind == Letter::Kind::elsewhere;
}

}  // namespace

Mailbox::Put Mailbox::put(Letter letter) {
  const std::lock_guard lock(mutex_);
  Batch& to = gathering_;
  if (!always(letter.kind) &&
      (to.entries_.size() >= kMostLetters || to.bytes_.size() >= kMostBytes)) {
    return Put::full;
  }
  const bool first = to.entries_.empty();
  to.entries_.push_back({letter.kind, letter.flag,
                         static_cast<std::uint16_t>(letter.peer.node.size()), letter.serial,
                         static_cast<std::uint32_t>(letter.bytes.size()), letter.peer.listener,
                         letter.peer.address, std::move(letter.proof)});
  to.bytes_.append(letter.peer.node);
  to.bytes_.append(letter.bytes);
  return first ? Put::first : Put::added;
}

Mailbox::Batch& Mailbox::take() {
  taken_.clear();
  const std::lock_guard lock(mutex_);
  std::swap(taken_, gathering_);
  return taken_;
}

void Mailbox::Batch::clear() {
  if (bytes_.capacity() > kKeptBytes) bytes_ = std::string();
  if (entries_.capacity() > kKeptLetters) entries_ = std::vector<Entry>();
  bytes_.clear();
  entries_.clear();
}

}  // namespace sn
