"""Wills with a delay, over the broker's death: given before it, due after it, each once."""

from client import Client
from message import Message
import packet as mqtt


class WillClients:
    """Pairs of clients. Of each, one never comes back: its will is published after its delay. The
    other comes back in time and leaves in order: its will is not."""

    def __init__(self, life):
        self.life = life
        self.clients = []
        self.due, self.back = [], []
        self.count = 0

    def come(self):
        self.count += 1
        for name, delay, group in (("gone", 1, self.due), ("back", 60, self.back)):
            name = f"{name}{self.count}"
            client = Client(self.life.loop, self.life.ledger, name, mqtt.V5)
            message = Message(name, 1, f"will/{name}", 2, "will")
            client.will = message.topic, message.payload, message.qos, delay
            self.life.ledger.will_given(client, message)
            client.connect(self.life.broker.port)
            self.clients.append(client)
            group.append((client, message))
        new = self.clients[-2:]
        self.life.until(lambda: all(client.online for client in new), "wills are not taken")
        for client in new:  # the answer to this says that the session is safe, and with it its will
            client.subscribe(f"nobody/{client.name}", 1)
        self.life.until(lambda: not any(client.requests for client in new), "no SUBACK")

    def return_in_time(self):
        """After the broker came back: those who do, come back, and leave with DISCONNECT."""
        for client, message in self.back:
            if not message.abandoned:
                client.connect(self.life.broker.port)
        self.life.until(lambda: all(client.online or message.abandoned
                                    for client, message in self.back), "not connected")
        for client, message in self.back:
            if not message.abandoned:
                client.disconnect()
                message.abandoned = True

    def finish(self):
        """Waits for the wills that are due; all subscribers are there."""
        due = [message for _, message in self.due]
        takers = [self.life.ledger.subscriber(name) for name in ("sub0", "sub3")]
        self.life.until(
            lambda: all(message.key in taker.got for message in due for taker in takers),
            "a will that is due does not come")
        for message in due:
            message.acked = self.life.ledger.tick()
