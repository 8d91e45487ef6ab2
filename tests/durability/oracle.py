"""The ledger of everything the clients did and saw, and the judgement of it.

All moments are of one clock that counts events; since the audit is one thread, what came first is
never in doubt. A message was processed by the broker somewhere between its first sending and its
acknowledgement; a subscription was changed between request and answer. Where the two are apart, the
outcome is certain and judged; where they overlap, both outcomes are allowed.
"""

import time

import packet as mqtt
from message import read_payload
from subscriptions import Operation, matches, possible


class Violation(Exception):
    """The first of the violations of a life; the text has all that is known."""


class Subscriber:
    """What one client has seen, or one shared group together."""

    def __init__(self):
        self.filters = {}    # (topic filter, client) -> [Operation]
        self.got = {}        # message key -> moment of the first copy
        self.newest = {}     # (publisher, QoS) -> highest number
        self.lost_at = 0     # when its connection last ended
        self.session = False  # an answer said that the broker keeps its session
        self.nothing_owed = 0  # what was sent before need not come: it asked for a new session
        self.nothing_due = 0   # what was acknowledged before must not come: it got a new session

    def forget(self, moment, client=None, certain=False):
        """The client's subscriptions end, or perhaps; without a client everybody's."""
        for (topic_filter, name), operations in self.filters.items():
            if client in (None, name):
                end = Operation(name, topic_filter, None, 0, moment)
                end.acked = moment if certain else 0
                later = [operation for operation in operations if operation.sent > moment]
                operations.insert(len(operations) - len(later), end)


class Ledger:
    def __init__(self):
        self.clock = 0
        self.started = time.monotonic()
        self.messages = {}       # key -> Message
        self.retained = {}       # topic -> [Message], in the order they were sent
        self.by_topic = {}       # topic -> [Message]
        self.subscribers = {}    # client or group name -> Subscriber
        self.routes = {}         # (client, topic) -> what may bring it there
        self.last_answered = {}  # publisher -> number: acknowledgements come in order
        self.journal = []        # (moment, text)
        self.violations = []     # (kind, text)
        self.excuse = lambda: 0  # the moment before which the broker says that things were lost
        self.last_excuse = self.forgiven = 0
        self.refusals = set()    # reasons
        self.acknowledged_count = self.delivered_count = self.refused_count = 0

    def tick(self):
        self.clock += 1
        return self.clock

    def note(self, text):
        self.journal.append((self.tick(), f"{time.monotonic() - self.started:8.3f}s {text}"))

    def violation(self, kind, text, message=None):
        since = 0 if kind in ("payload", "protocol", "stuck") else self.excused()
        if since and (message is None or message.first_sent < since):
            self.forgiven += 1
            return
        if message is not None:
            text += f"\n  {message}\n" + self.trail(message)
        self.violations.append((kind, text))

    def excused(self):
        """The moment of the last damage that was reported; what was before it counts no more."""
        moment = self.excuse()
        if moment and moment != self.last_excuse:
            self.last_excuse = moment
            self.note("the broker reports that its store was damaged")
            for subscriber in self.subscribers.values():
                subscriber.session = False
                subscriber.newest.clear()
                subscriber.forget(moment)
        return moment

    def trail(self, message):
        """The message's own events among those of all clients, from just before it was sent."""
        events = list(message.trail)
        since = message.first_sent - 200
        events += [event for event in self.journal if event[0] >= since]
        lines = [f"    {moment:8} {text}" for moment, text in sorted(events)]
        if len(lines) > 120:
            lines[60:-60] = ["    ..."]
        return "\n".join(lines)

    def subscriber(self, name):
        return self.subscribers.setdefault(name, Subscriber())

    # ---- sessions -------------------------------------------------------------------------------

    def connecting(self, client, clean):
        self.note(f"{client.name}: CONNECT{' clean' if clean else ''}")
        if clean:
            known = self.subscriber(client.name)
            known.session, known.nothing_owed = False, self.clock
            self._forget(client, certain=False)

    def _forget(self, client, certain):
        for subscriber in self.subscribers.values():
            subscriber.forget(self.tick(), client.name, certain)

    def connected(self, client, present):
        self.note(f"{client.name}: CONNACK, session {'present' if present else 'not present'}")
        known = self.subscriber(client.name)
        if client.clean:
            known.nothing_due = self.clock
        if present and (client.clean or not client.known):
            self.violation("session", f"{client.name}: a session is present that never was")
        if not present and known.session:
            self.violation("session", f"{client.name}: its session is gone")
        if not present:
            known.session = False
            self._forget(client, certain=True)

    def refused(self, client, reason):
        self.note(f"{client.name}: CONNACK refuses with 0x{reason:02x}")

    def lost(self, client):
        self.note(f"{client.name}: connection ended")
        client.ends += 1
        self.subscriber(client.name).lost_at = self.clock
        for group in client.groups:
            self.subscriber(group).lost_at = self.clock

    # ---- subscriptions --------------------------------------------------------------------------

    def subscribing(self, client, topic_filter, options, subscription_id):
        group, _ = split_shared(topic_filter)
        operation = Operation(client.name, topic_filter, options, subscription_id, self.tick())
        filters = self.subscriber(group or client.name).filters
        if (topic_filter, client.name) not in filters:
            self.routes.clear()
        filters.setdefault((topic_filter, client.name), []).append(operation)
        self.journal.append((operation.sent, f"{client.name}: asks {operation}"))
        return operation

    def subscribed(self, client, operation, codes):
        operation.acked = self.tick()
        operation.refused = bool(codes) and codes[0] >= 0x80
        if operation.options is not None and not operation.refused:
            self.subscriber(client.name).session = True
            if codes[0] != operation.qos:
                self.violation("subscription", f"{client.name}: asked {operation}, got {codes}")
        self.journal.append((operation.acked, f"{client.name}: answered {operation}: {codes}"))

    # ---- what is published ----------------------------------------------------------------------

    def sending(self, client, message, packet_id, again):
        moment = self.tick()
        if not message.sends:
            message.first_sent = moment
            self.messages[message.key] = message
            self.by_topic.setdefault(message.topic, []).append(message)
            if message.retain:
                self.retained.setdefault(message.topic, []).append(message)
        message.sends += 1
        again = " DUP" if again else ""
        message.trail.append((moment, f"{client.name}: PUBLISH id {packet_id}{again}"))

    def will_given(self, client, message):
        """A will that may be published from now on, unless it is abandoned later."""
        message.first_sent, message.sends = self.tick(), 1
        self.messages[message.key] = message
        self.by_topic.setdefault(message.topic, []).append(message)
        message.trail.append((message.first_sent, f"{client.name}: gives its will"))

    def acknowledged(self, client, message, packet):
        message.acked = self.tick()
        message.trail.append((message.acked, f"{client.name}: {mqtt.NAMES[packet.type]} {packet.id}"
                              f" 0x{packet.reason:02x}"))
        if self.last_answered.get(client.name, 0) > message.number:
            self.violation("order", f"{client.name}: answered out of order", message)
        self.last_answered[client.name] = message.number
        if packet.reason >= 0x80:
            message.refused = True
            self.refused_count += 1
            self.refusals.add(packet.reason)
            client.turned_away += 1
            return
        self.acknowledged_count += 1
        client.taken += 1
        if message.qos == 2:
            self.subscriber(client.name).session = True

    def completed(self, client, message):
        message.trail.append((self.tick(), f"{client.name}: PUBCOMP"))

    def abandoned(self, client, message):
        message.abandoned = True
        message.trail.append((self.tick(), f"{client.name}: gave it up, its session is gone"))

    # ---- what is delivered ----------------------------------------------------------------------

    def identify(self, name, packet):
        """The message that this is; None: a violation, or a deletion, which carries no name."""
        if not packet.payload and packet.topic in self.retained:
            return None
        read = read_payload(packet.payload)
        message = self.messages.get(read[:2]) if read else None
        if message is None or message.payload != packet.payload or message.topic != packet.topic:
            self.violation("payload", f"{name}: a payload that nobody sent, to {packet.topic}: "
                           f"{packet.payload[:200]!r}", message)
            return None
        return message

    def delivered(self, client, packet):
        moment = self.tick()
        self.delivered_count += 1
        message = self.identify(client.name, packet)
        if message is None:
            return
        message.trail.append((moment, f"{client.name}: received, QoS {packet.qos}, id {packet.id}"
                              f"{', DUP' if packet.dup else ''}"))
        if message.kind == "will" and message.abandoned:
            self.violation("will", f"{client.name}: a will that is not due", message)
        operations, where, shared = self._subscription(client.name, message)
        if not operations and self.excused():  # damage that was reported a moment ago
            operations, where, shared = self._subscription(client.name, message)
        allowed = possible(operations, message, self.last_excuse)
        if message.acked and message.acked < self.subscriber(client.name).nothing_due:
            self.violation("session", f"{client.name}: delivered from a session that it ended",
                           message)
        if not allowed:
            self.violation("subscription", f"{client.name}: delivered without a subscription",
                           message)
            return
        fitting = [operation for operation in allowed
                   if operation.qos >= packet.qos == min(message.qos, operation.qos)]
        if not fitting:
            self.violation("subscription", f"{client.name}: delivered with QoS {packet.qos}",
                           message)
        elif client.version == mqtt.V5:
            self._judge_options(client, packet, message, fitting)
        if self._judge_copies(client, where, message, packet, moment) and not shared:
            # One that is sent again may come late where the first one met no subscription.
            certain = possible(operations, message, self.last_excuse, certain=True)
            self._judge_order(client, where, message, packet, certain)

    def _subscription(self, name, message):
        """What was asked for with the filter that may have brought it, whose, whether a group's."""
        for operations, subscriber, shared in self._routes(name, message.topic):
            if possible(operations, message, self.last_excuse):
                return operations, subscriber, shared
        return [], None, False

    def _routes(self, name, topic):
        key = name, topic
        if key not in self.routes:
            self.routes[key] = [
                (operations, subscriber, owner != name)
                for owner, subscriber in self.subscribers.items()
                for (topic_filter, client), operations in subscriber.filters.items()
                if client == name and matches(split_shared(topic_filter)[1], topic)]
        return self.routes[key]

    def _judge_options(self, client, packet, message, fitting):
        ids = packet.properties.get(mqtt.SUBSCRIPTION_ID, ())
        if not any(ids == ((operation.subscription_id,) if operation.subscription_id else ())
                   for operation in fitting):
            self.violation("subscription", f"{client.name}: delivered with subscription ids {ids}",
                           message)
        if not any(packet.retain == (message.retain and operation.retain_as_published)
                   for operation in fitting):
            self.violation("subscription", f"{client.name}: delivered with retain {packet.retain}",
                           message)

    def _judge_copies(self, client, where, message, packet, moment):
        """True: it is the first copy."""
        first = where.got.setdefault(message.key, moment)
        if first == moment:
            return True
        if packet.qos == 2 and message.qos == 2:
            self.violation("duplicate", f"{client.name}: QoS 2 delivered twice", message)
        elif message.sends == 1 and where.lost_at < first:
            self.violation("duplicate", f"{client.name}: delivered twice without a reason", message)
        return False

    def _judge_order(self, client, where, message, packet, certain):
        before = where.newest.get((message.publisher, packet.qos), 0)
        where.newest[message.publisher, packet.qos] = max(before, message.number)
        if certain and before > message.number:
            self.violation("order", f"{client.name}: came after {message.publisher}/{before}",
                           message)

    # ---- at the end -----------------------------------------------------------------------------

    def missing(self):
        """Everything acknowledged that did not reach one it had to: [(subscriber, message)]."""
        out = {}
        for name, subscriber in self.subscribers.items():
            for (topic_filter, _), operations in subscriber.filters.items():
                plain = split_shared(topic_filter)[1]
                for topic, messages in self.by_topic.items():
                    if not matches(plain, topic):
                        continue
                    for message in messages:
                        if (message.acked and not message.refused and message.kind != "delete" and
                                message.key not in subscriber.got and
                                message.first_sent > subscriber.nothing_owed and
                                possible(operations, message, self.last_excuse, certain=True)):
                            out[name, message.key] = message
        return [(name, message) for (name, _), message in out.items()]

    def judge_missing(self):
        self.excused()
        for name, message in self.missing()[:20]:
            self.violation("lost", f"{name}: never received what was acknowledged", message)

    def judge_retained(self, found):
        """`found`: topic -> Message, all that a new subscriber got."""
        for topic, versions in self.retained.items():
            allowed = self._allowed_retained(versions)
            here = found.get(topic)
            absent = any(message is None or message.kind == "delete" for message in allowed)
            if here in allowed or here is None and absent:
                continue
            self.violation("retained", f"retained in {topic}: {here or 'nothing'}, expected "
                           f"{' or '.join(str(m or 'nothing') for m in allowed)}",
                           allowed[0] or allowed[1])
        for topic in found.keys() - self.retained.keys():
            self.violation("retained", f"retained in {topic}, where nobody wrote")

    def _allowed_retained(self, versions):
        """The last acknowledged one, or one that was sent later; None: nothing was acknowledged."""
        last, since = -1, self.excused()
        for index, message in enumerate(versions):
            if message.acked and not message.refused and message.first_sent >= since:
                last = index
        later = [message for message in versions[last + 1:]
                 if not (message.refused and message.sends == 1)]
        return [versions[last] if last >= 0 else None] + later


def split_shared(topic_filter):
    """("$share/name", the filter) of a shared subscription, (None, the filter) of another."""
    if not topic_filter.startswith("$share/"):
        return None, topic_filter
    _, name, plain = topic_filter.split("/", 2)
    return f"$share/{name}", plain
