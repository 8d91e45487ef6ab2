"""What publishers send: every message knows who it is, and carries a checksum of itself."""

import zlib


class Message:
    """`kind`: data, passing, unheard, retained, delete, marker, will.

    Moments are of the ledger's clock; 0: never.
    """
    __slots__ = ("publisher", "number", "topic", "qos", "retain", "kind", "payload", "first_sent",
                 "sends", "acked", "refused", "abandoned", "trail")

    def __init__(self, publisher, number, topic, qos, kind="data", padding=0, retain=False):
        self.publisher, self.number, self.topic, self.qos = publisher, number, topic, qos
        self.retain, self.kind = retain, kind
        self.payload = b"" if kind == "delete" else write_payload(publisher, number, topic, padding)
        self.first_sent = self.sends = self.acked = 0
        self.refused = self.abandoned = False
        self.trail = []

    @property
    def key(self):
        return self.publisher, self.number

    def __str__(self):
        return (f"{self.publisher}/{self.number} ({self.kind}, QoS {self.qos}, topic {self.topic}, "
                f"{len(self.payload)} octets)")


def write_payload(publisher, number, topic, padding):
    head = f"{publisher} {number} {topic} ".encode()
    filler = (head * (padding // len(head) + 1))[:padding]
    body = head + filler
    return body + b" %08x" % zlib.crc32(body)


def read_payload(payload):
    """(publisher, number, topic), or None: damaged."""
    body, space, checksum = payload.rpartition(b" ")
    try:
        if not space or int(checksum, 16) != zlib.crc32(body):
            return None
        publisher, number, topic = body.split(b" ")[:3]
        return publisher.decode(), int(number), topic.decode()
    except ValueError:
        return None
