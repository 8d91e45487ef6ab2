"""Who takes part: publishers, subscribers, and visitors who look at what is retained."""

import time

import packet as mqtt
from client import Client
from message import Message

QOS1_PUBLISHERS = [f"one{index}" for index in range(8)]
QOS2_PUBLISHERS = [f"two{index}" for index in range(4)]
SUBSCRIBERS = ["sub0", "sub1", "sub2", "sub3"]
MEMBERS = ["crew0", "crew1"]
GUEST = "guest"  # has a persistent session, and asks for a new one now and then
GROUP = "$share/crew"

AS_PUBLISHED, NOTHING_RETAINED = 0x08, 0x20  # subscription options of MQTT 5.0

# client -> (MQTT version, {topic filter: options}). No two filters of one client meet in a topic,
# so that every delivery has one subscription to be judged by.
SUBSCRIPTIONS = {
    "sub0": (mqtt.V311, {"data/#": 2, "will/+": 2}),
    "sub1": (mqtt.V311, {"data/+/0": 1, "data/+/1": 2, "data/one0/2": 1, "data/two0/2": 2,
                         "mark/two0": 1}),
    "sub2": (mqtt.V5, {"data/#": 1, "last/+/0": 1 | NOTHING_RETAINED}),
    "sub3": (mqtt.V5, {"data/+/1": 2, "data/+/2": 2, "data/two1/0": 2, "will/#": 2,
                       "last/+/1": 2 | NOTHING_RETAINED | AS_PUBLISHED}),
    "crew0": (mqtt.V5, {f"{GROUP}/data/#": 2}),
    "crew1": (mqtt.V5, {f"{GROUP}/data/#": 2}),
    GUEST: (mqtt.V5, {"data/+/3": 2, "data/+/0": 1}),
}
for _name, (_, _filters) in SUBSCRIPTIONS.items():
    if _name != "sub1":
        _filters["mark/+"] = 2
    else:
        _filters.update({f"mark/{_writer}": 2 for _writer in QOS1_PUBLISHERS + QOS2_PUBLISHERS[1:]})

# What comes and goes: (topic filter, a topic that it matches), of each subscriber.
CHANGING = {name: [(f"some/{name}/0", f"some/{name}/0"), (f"some/{name}/1/#", f"some/{name}/1/x"),
                   (f"some/{name}/2/+", f"some/{name}/2/y")] for name in SUBSCRIBERS}


class Publisher(Client):
    """Keeps its window full while `going`. One writer for its retained topics."""

    def __init__(self, loop, ledger, name, version, qos, random):
        super().__init__(loop, ledger, name, version, window=random.choice((1, 4, 10, 20)))
        self.qos, self.random, self.going, self.number = qos, random, False, 0
        self.refusals_seen, self.pause_until = 0, 0.0

    def on_online(self):
        self.fill()

    def on_answer(self):
        if self.turned_away != self.refusals_seen:
            self.refusals_seen, self.pause_until = self.turned_away, time.monotonic() + 0.03
        self.fill()

    def fill(self):
        if time.monotonic() < self.pause_until:
            return
        while self.going and self.may_publish():
            self.publish(self.next_message())

    def make(self, topic, kind="data", padding=0, retain=False):
        self.number += 1
        return Message(self.name, self.number, topic, self.qos, kind, padding, retain)

    def next_message(self):
        dice, random = self.random.random(), self.random
        padding = random.randrange(5000, 40000) if random.random() < 0.02 else random.randrange(300)
        if dice < 0.70:
            return self.make(f"data/{self.name}/{random.randrange(4)}", padding=padding)
        if dice < 0.82:
            topic = random.choice(CHANGING[random.choice(SUBSCRIBERS)])[1]
            return self.make(topic, "passing", padding)
        if dice < 0.95:
            topic = f"last/{self.name}/{random.randrange(2)}"
            if random.random() < 0.15:
                return self.make(topic, "delete", retain=True)
            return self.make(topic, "retained", padding, retain=True)
        return self.make(f"nobody/{self.name}", "unheard", padding)

    def ready_to_mark(self):
        return self.may_publish() and time.monotonic() >= self.pause_until

    def mark(self):
        """A message that every subscriber gets behind all that came before it."""
        message = self.make(f"mark/{self.name}", "marker")
        self.publish(message)
        return message


class Receiver(Client):
    """A persistent session with fixed subscriptions, and some that change."""

    def __init__(self, loop, ledger, name, random):
        version, self.fixed = SUBSCRIPTIONS[name]
        super().__init__(loop, ledger, name, version, receive_maximum=random.choice((10, 20, 100)))
        self.random = random
        self.groups = [GROUP] if name in MEMBERS else []
        self.owed = []  # fixed subscriptions without an answer
        self.draining = False

    def owe_all(self):
        """The broker may have forgotten: they are asked for again with the next connection."""
        self.owed = list(self.fixed)

    def ready(self):
        return not self.owed and not self.requests

    def wants_clean(self):
        if self.name == GUEST and not self.draining and self.random.random() < 0.3:
            self.cleaning = True
        return super().wants_clean()

    def on_online(self):
        # Smaller than any window, so that what is held back never stops the rest.
        self.lag = 0 if self.draining else self.random.choice((0, 0, 3, 8))
        if not self.present:
            self.owed = list(self.fixed)
        for topic_filter in self.owed:
            self._subscribe(topic_filter, self.fixed[topic_filter])

    def _subscribe(self, topic_filter, options):
        number = 0
        if self.version == mqtt.V5:
            number = 1 + list(self.fixed).index(topic_filter) if topic_filter in self.fixed else 99
        self.subscribe(topic_filter, options, number)

    def on_answer(self):
        if not self.requests:
            self.owed = []

    def change(self):
        """Subscribes to or unsubscribes from one of the filters that change."""
        changing = CHANGING.get(self.name)
        if not self.online or not changing or self.requests:
            return
        topic_filter, _ = self.random.choice(changing)
        if self.random.random() < 0.4:
            self.unsubscribe(topic_filter)
        else:
            self._subscribe(topic_filter, self.random.choice((1, 2)))


class Visitor(Client):
    """Comes without a session, takes what is retained, and goes. Its own observer."""

    def __init__(self, loop, ledger):
        super().__init__(loop, self, "visitor", mqtt.V5, expiry=0)
        self.ledger, self.found, self.asked, self.fresh = ledger, {}, False, False

    def on_online(self):
        self.subscribe("last/#", 0)
        self.ping()

    def done(self):
        """Nothing came between two answered pings."""
        if self.pings or not self.online:
            return False
        if self.fresh or not self.asked:
            self.fresh, self.asked = False, True
            self.ping()
            return False
        return True

    def delivered(self, _client, packet):
        self.fresh = True
        message = self.ledger.identify("visitor", packet)
        if message is not None:
            if packet.topic in self.found:
                self.ledger.violation("retained", f"two retained in {packet.topic}", message)
            self.found[packet.topic] = message

    def subscribing(self, *_):
        return "last/#"

    def nothing(self, *_):
        pass

    connecting = connected = refused = lost = subscribed = nothing

    def violation(self, *about):
        self.ledger.violation(*about)
