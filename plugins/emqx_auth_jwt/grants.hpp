// What the clients at home on one shard may do by their tokens. Belongs to that shard. [shard]
//
// A client id can have two connections for a moment: the one that is on, and one that has shown its
// token but is not let in yet, and may never be. So rules are staged when a token is accepted, and
// count for the client id when the kernel says that it is connected; the connections are told apart
// by their addresses.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "emqx_auth_jwt/acl.hpp"
#include "keel/address.hpp"

namespace jwt {

class Grants {
 public:
  using Rules = std::shared_ptr<const Acl>;

  // A token with rules was accepted. What is not connected after half a minute is forgotten.
  void stage(std::string_view client_id, const keel::Address& peer, Rules rules,
             std::int64_t now_ms);
  // It was not let in after all.
  void unstage(std::string_view client_id, const keel::Address& peer);
  // It was: what it staged counts; one that staged nothing has no rules. True: they are not what
  // the client id had before.
  bool connected(std::string_view client_id, const keel::Address& peer);
  // Its session is over.
  void ended(std::string_view client_id);

  // The rules for a question about a client; null: none. Without an address (family
  // KEEL_ADDR_NONE) it is about a session whose client is away.
  const Acl* find(std::string_view client_id, const keel::Address& peer) const;

  std::size_t size() const { return entries_.size(); }

  // fn(client id, peer, rules) for each connection, those staged last.
  template <class F>
  void each(F fn) const {
    for (const auto& [client_id, entry] : entries_) {
      if (entry.active.rules) fn(client_id, entry.active.peer, *entry.active.rules);
    }
    for (const auto& [client_id, entry] : entries_) {
      if (entry.staged.rules) fn(client_id, entry.staged.peer, *entry.staged.rules);
    }
  }
  // What each() gave to another object: they are connected, or about to be.
  void restore(std::string_view client_id, const keel::Address& peer, Rules rules,
               std::int64_t now_ms);

 private:
  struct Grant {
    keel::Address peer = {};
    Rules rules = nullptr;  // null: there is none
  };
  struct Entry {
    Grant active, staged;
    std::int64_t staged_ms = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  void tidy(Entries::iterator at);
  void expire(std::int64_t now_ms);

  Entries entries_;
  struct Staged {
    std::string client_id;
    std::int64_t at_ms;
  };
  std::deque<Staged> order_;  // what was staged, the oldest first
};

}  // namespace jwt
