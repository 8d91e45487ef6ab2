#include "kernel/session/session.hpp"

#include <doctest/doctest.h>

#include <string>

#include "deliveries.hpp"

namespace keel::kernel {
namespace {

struct SessionHarness {
  Session session{"a client", 5, Subscriber::make(0, 3)};
  // What stands for a client that is there; a session never looks into it.
  void come() { session.connection = reinterpret_cast<Connection*>(this); }
};

TEST_CASE("session: of what few sessions have a new one has nothing") {
  SessionHarness h;
  Session& s = h.session;
  CHECK(s.client_id == "a client");
  CHECK(s.username().empty());
  CHECK(s.mount().empty());
  CHECK(s.shared_subscriptions().empty());
  CHECK(s.awaiting_rel().empty());
  CHECK_FALSE(s.awaits_rel(1));
  CHECK_FALSE(s.got_rel(1));
  CHECK_FALSE(s.erase_shared(1));
  CHECK(s.retained() == nullptr);
  CHECK_FALSE(s.retained_posted());
  CHECK(s.away() == nullptr);
  CHECK(s.away_since_ms() == 0);
  s.forget_retained(1);
  s.came_back();
  s.trim();
  CHECK(s.retained() == nullptr);
}

TEST_CASE("session: a user name is that of the last connection") {
  SessionHarness h;
  for (const std::string& name : {std::string("ann"), std::string(300, 'x'), std::string()}) {
    h.session.set_username(name);
    CHECK(h.session.username() == name);
  }
}

TEST_CASE("session: what it has survives a trim, what is over does not count") {
  SessionHarness h;
  Session& s = h.session;
  h.come();
  s.set_mount("tenant/");
  s.add_shared(4);
  CHECK(s.await_rel(9));
  CHECK_FALSE(s.await_rel(9));
  s.owe_retained(4, {"f", {}, 1, false, 0});
  s.owe_retained(4, {"g", {}, 2, false, 0});  // subscribed again: it begins anew
  s.set_retained_posted(true);
  s.queue.push(delivery(1, "waits"));
  s.inflight.insert(delivery(1, "sent"));
  s.trim();
  CHECK(s.mount() == "tenant/");
  CHECK(s.shared_subscriptions().size() == 1);
  CHECK(s.awaits_rel(9));
  REQUIRE(s.retained());
  CHECK(s.retained()->size() == 1);
  CHECK(s.retained()->at(4).filter == "g");
  CHECK(s.retained_posted());
  CHECK(payload_of(s.queue.pop()) == "waits");
  CHECK(payload_of(s.inflight.take(1)) == "sent");

  CHECK(s.erase_shared(4));
  CHECK(s.got_rel(9));
  s.forget_retained(4);
  CHECK(s.retained() == nullptr);
  s.set_retained_posted(false);
  s.trim();
  CHECK(s.mount() == "tenant/");
  CHECK(s.queue.empty());
  CHECK(s.inflight.empty());
  // And all of it can come again; packet ids go on.
  CHECK(s.inflight.insert(delivery(1, "next"))->packet_id == 2);
  s.queue.push(delivery(0, "more"));
  CHECK(payload_of(s.queue.pop()) == "more");
}

TEST_CASE("session: since when its client is away is kept while it is away") {
  SessionHarness h;
  h.session.set_away_since(77);
  h.session.trim();
  CHECK(h.session.away_since_ms() == 77);
  h.come();
  h.session.came_back();
  h.session.trim();
  CHECK(h.session.away_since_ms() == 0);
}

}  // namespace
}  // namespace keel::kernel
