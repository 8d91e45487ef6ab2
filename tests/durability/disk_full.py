"""The disk is full for a while: what needs it is refused, the rest goes on, nothing is lost."""

import os

import packet as mqtt
from client import Client
from rounds import Kill

REFUSALS = (0x97, 0x83)  # quota exceeded, implementation specific error


class Courier(Client):
    """Without a session, with messages of QoS 0 to itself. Its own observer."""

    def __init__(self, life):
        super().__init__(life.loop, self, "courier", mqtt.V5, expiry=0)
        self.life, self.asked, self.arrived = life, False, 0

    def on_online(self):
        self.subscribe("letters", 0)

    def on_answer(self):
        self.send()

    def send(self):
        self._send(mqtt.publish(self.version, "letters", b"by the way", 0))

    def delivered(self, _client, _packet):
        self.arrived += 1
        self.send()

    def subscribing(self, *_):
        return "letters"

    def nothing(self, *_):
        pass

    connecting = connected = refused = lost = subscribed = nothing

    def violation(self, *about):
        self.life.ledger.violation(*about)


class DiskFull(Kill):
    rounds_per_life = (2, 4)
    faulty = True

    def faults(self, life_random, directory):
        what = life_random.choice(("full_while", "failing_while"))
        return f"lost_page_cache,{what}={directory}/full"

    def strike(self, life):
        self.while_publishing(life)
        full = os.path.join(life.broker.directory, "full")
        with open(full, "w"):
            life.ledger.note("the disk is full")
        self.while_full(life)
        killed = life.random.random() < 0.4
        if killed:
            life.die()
        os.unlink(full)
        life.ledger.note("the disk has space again")
        if killed:
            life.start()
        before = {client: client.taken for client in life.publishers}
        life.publish(True)
        life.until(lambda: all(client.taken > before[client] for client in life.publishers),
                   lambda: "the disk has space, and these are not served: " + ", ".join(
                       client.name for client in life.publishers if client.taken == before[client]))

    def while_full(self, life):
        ledger = life.ledger
        before = {client: (client.turned_away, client.ends) for client in life.publishers}

        def refused(version, index):
            return any((client.turned_away, client.ends)[index] > before[client][index]
                       for client in life.publishers if client.version == version)

        life.publish(True)
        life.until(lambda: refused(mqtt.V5, 0) and refused(mqtt.V311, 1),
                   "the disk is full, and publishers of both versions are not told")
        courier = Courier(life)
        courier.connect(life.broker.port, clean=True)
        life.until(lambda: courier.arrived >= 20, "the disk is full, and QoS 0 does not flow")
        courier.disconnect()
        life.loop.spin(life.random.uniform(0, 0.3))
        wrong = ledger.refusals - set(REFUSALS)
        if wrong:
            ledger.violation("refusal", f"refused with {', '.join(hex(code) for code in wrong)}")
        life.check()
