// What a shard writes down while a store is loaded: changes of sessions, subscriptions, queues and
// packet ids, gathered during a turn and handed to the journal at its end. What must not be said
// before a change is safe waits for the number of its turn. One per broker; [shard].
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kernel/broker/publication.hpp"
#include "kernel/durable/journal.hpp"
#include "kernel/durable/rows.hpp"
#include "kernel/durable/turn_ledger.hpp"
#include "kernel/router/subscription_table.hpp"
#include "kernel/session/session.hpp"

namespace keel::kernel {

class Recorder {
 public:
  Recorder(Journal& journal, std::uint32_t shard) : journal_(journal), shard_(shard) {}

  // Whether changes are written down. `opened`: how often the store has been opened, this time
  // included; shared by the recorders, and changed under the journal's lock only.
  bool on() const { return on_; }
  void switch_on(std::shared_ptr<std::uint64_t> opened);
  void switch_off() { on_ = false; }
  // Of a number that was given in this store: how often it had been opened then.
  static std::uint64_t opening(std::uint64_t number);

  // ---- turns ------------------------------------------------------------------------------------
  // Grows with everything that is written down; two marks that differ say that something was.
  std::uint64_t mark() const { return mark_; }
  std::uint64_t turn() const { return ledger_.current(); }
  std::uint64_t safe() const { return ledger_.safe(); }
  // The turn to wait for, so that all that was written down so far is safe; 0: it is.
  std::uint64_t pending_turn() const {
    if (mark_ != turn_mark_) return ledger_.current();
    return ledger_.safe() + 1 == ledger_.current() ? 0 : ledger_.current() - 1;
  }
  // A retained message was changed, see Journal::common(); or something is about to be written
  // down.
  void note_elsewhere() { ++mark_; }
  // Hands over what was gathered. The turn waits for that many receipts of other shards, too.
  void end_turn(std::uint32_t receipts);
  bool committed(std::uint64_t ticket) { return ledger_.committed(ticket); }
  bool received(std::uint64_t turn) { return ledger_.received(turn); }
  // A shard has refused something that this turn sent to it: nothing of the turn is acknowledged.
  void note_refused(std::uint64_t turn) { refused_.push_back(turn); }
  bool refused(std::uint64_t turn) const;
  void forget_refused();  // of turns that are safe and have been answered

  // ---- sessions ---------------------------------------------------------------------------------
  // The session is kept from now on. Its subscriptions and messages are the caller's to write.
  void keep(Session& session);
  void session_changed(const Session& session, std::int64_t away_since_unix_ms);
  // The session is gone. Its subscriptions have been erased; what is in its queue is erased later
  // by whoever sees the mark that this leaves when `queue` is true.
  void forget(const Session& session, bool queue);
  // A session that was found in the store is not wanted: its queue is erased as by forget().
  void discard(std::uint64_t store_id, std::string_view client_id);
  void subscribed(const Session& session, std::string_view filter,
                  const SubscriptionOptions& options);
  void unsubscribed(const Session& session, std::string_view filter);

  // ---- messages to a client
  // ----------------------------------------------------------------------- Writes a row for a
  // delivery to a session that is kept; gives the delivery its sequence. `group` is the filter of a
  // shared subscription. finish() follows once the publication has gone to all.
  void queue(Session& session, Publication& publication, Delivery& delivery, std::string_view group,
             const RowClock& clock);
  void finish(Publication& publication, const RowClock& clock);
  // The delivery is in flight with QoS 2 under its packet id.
  void sent(const Session& session, const Delivery& delivery);
  // PUBREC came: the message is not needed any more.
  void released(const Session& session, const Delivery& delivery);
  // The delivery is over, or has moved elsewhere. What has no row is passed over.
  void settled(const Session& session, const Delivery& delivery);

  // ---- QoS 2 from a client
  // ------------------------------------------------------------------------
  void awaiting(const Session& session, std::uint16_t packet_id);
  void completed(const Session& session, std::uint16_t packet_id);

  // ---- messages to sessions of other shards
  // -------------------------------------------------------
  std::uint64_t new_transit() { return next_number(); }
  void transit(std::uint64_t number, const TransitRow& row, const MessageView& message,
               const RowClock& clock);
  void arrived(std::uint64_t number);

  Batch& batch();  // of this turn, for what stands in no function above; call note_elsewhere(), too

 private:
  // Numbers that are never used twice in this store, ascending: which opening, which shard, which
  // one. Should they run out, it counts as opened once more.
  std::uint64_t next_number();

  Journal& journal_;
  const std::uint32_t shard_;
  bool on_ = false;
  std::shared_ptr<std::uint64_t> opened_;
  std::uint64_t numbers_from_ = 0, numbers_ = 0;
  std::uint64_t mark_ = 0, turn_mark_ = 0;  // turn_mark_: when the turn began
  std::unique_ptr<Batch> batch_;
  TurnLedger ledger_;
  std::vector<std::uint64_t> refused_;
};

}  // namespace keel::kernel
