"""Faults planted between a client and the broker, one each. The oracle has to find them all."""

import packet as mqtt
from client import Tap


class Fault(Tap):
    """Strikes once, after `skip` fitting packets. `struck` tells."""
    window = 0  # of the client that it is planted at; 0: as it is

    def __init__(self, skip=20):
        self.skip, self.struck = skip, False

    def due(self, fits):
        if self.struck or not fits:
            return False
        self.skip -= 1
        self.struck = self.skip < 0
        return self.struck


def answer(kind, packet_id, codes=()):
    packet = mqtt.Packet(kind)
    packet.id, packet.codes = packet_id, codes
    return packet


class ForgedAcknowledgement(Fault):
    """The broker acknowledges a message of QoS 1 that it does not keep."""
    window = 1  # what was sent before it is acknowledged before it

    def fits(self, client, message):
        return message.kind == "data"

    def outgoing(self, client, kind, packet_id, data, what):
        if kind != mqtt.PUBLISH or not self.due(self.fits(client, what)):
            return data
        client._take(answer(mqtt.PUBACK, packet_id))
        return b""


class ForgedDeletion(ForgedAcknowledgement):
    """The same, of the last deletion of a message that was retained."""

    def fits(self, client, message):
        before = client.observer.retained[message.topic][:-1] if message.kind == "delete" else None
        fits = bool(before) and before[-1].kind == "retained" and bool(before[-1].acked)
        client.going = client.going and not fits
        return fits


class ForgedSubscription(Fault):
    """The broker confirms a change of subscriptions that it does not make."""

    def __init__(self, kind):
        super().__init__(0)
        self.kind = kind

    def outgoing(self, client, kind, packet_id, data, what):
        filters = client.observer.subscriber(client.name).filters
        before = filters[what.topic_filter, client.name][:-1]
        subscribed = bool(before) and before[-1].options is not None
        if self.due(kind == self.kind and subscribed == (kind == mqtt.UNSUBSCRIBE)):
            codes = (what.qos,) if kind == mqtt.SUBSCRIBE else ()
            client._take(answer(mqtt.SUBACK if codes else mqtt.UNSUBACK, packet_id, codes or (0,)))
            return b""
        return data


class PublishedTwice(Fault):
    """A QoS 2 message is processed twice, as if its packet id had been forgotten."""
    ID = 30000

    def outgoing(self, client, kind, packet_id, data, what):
        if kind == mqtt.PUBLISH and self.due(what.kind == "data"):
            data += mqtt.publish(client.version, what.topic, what.payload, 2, self.ID)
        return data

    def incoming(self, client, packet):
        if packet.id != self.ID:
            return (packet,)
        if packet.type == mqtt.PUBREC:
            client._send(mqtt.ack(client.version, mqtt.PUBREL, packet.id))
        return ()


class LostDelivery(Fault):
    """A delivery is gone; the broker has its acknowledgement."""

    def __init__(self, qos):
        super().__init__()
        self.qos = qos

    def incoming(self, client, packet):
        if packet.type == mqtt.PUBLISH and packet.qos == self.qos and self.due(True):
            kind = mqtt.PUBACK if self.qos == 1 else mqtt.PUBREC
            client.acks.append(mqtt.ack(client.version, kind, packet.id))
            client.set_lag(0)
            return ()
        return (packet,)


class DeliveredTwice(Fault):
    """The broker delivers a QoS 2 message again, under another packet id."""

    def incoming(self, client, packet):
        if packet.type == mqtt.PUBLISH and self.due(packet.qos == 2):
            client.observer.delivered(client, packet)
        return (packet,)


class Reordered(Fault):
    """A delivery comes behind the next one of the same publisher."""
    held = None

    @staticmethod
    def alike(one, other):
        return one.qos == other.qos and one.payload.split()[0] == other.payload.split()[0]

    def incoming(self, client, packet):
        if packet.type != mqtt.PUBLISH or not packet.qos:
            return (packet,)
        if self.held is not None and self.alike(packet, self.held):
            held, self.held = self.held, None
            return (packet, held)
        if self.due(True):
            self.held = packet
            return ()
        return (packet,)


class Damaged(Fault):
    """A bit of a payload is not what it was."""

    def incoming(self, client, packet):
        if packet.type == mqtt.PUBLISH and self.due(len(packet.payload) > 20):
            middle = len(packet.payload) // 2
            packet.payload = (packet.payload[:middle] + bytes((packet.payload[middle] ^ 1,)) +
                              packet.payload[middle + 1:])
        return (packet,)


class Swapped(Fault):
    """A whole payload is that of another message, checksum and all."""
    before = None

    def incoming(self, client, packet):
        if packet.type == mqtt.PUBLISH:
            other, self.before = self.before, packet
            if other is not None and self.due(other.topic != packet.topic):
                packet.payload = other.payload
        return (packet,)


class Forgetful(Fault):
    """The broker has forgotten a session."""

    def incoming(self, client, packet):
        if packet.type == mqtt.CONNACK and self.due(packet.present):
            packet.present = False
        return (packet,)


# name, whose connection, the fault, the kind of violation it has to be found as
CASES = (
    ("an acknowledged message was not kept", "one3", ForgedAcknowledgement(), "lost"),
    ("a deletion of a retained message was not kept", "one2",
     ForgedDeletion(0), "retained"),
    ("a confirmed SUBSCRIBE was not kept", "sub2", ForgedSubscription(mqtt.SUBSCRIBE), "lost"),
    ("a confirmed UNSUBSCRIBE was not kept", "sub3",
     ForgedSubscription(mqtt.UNSUBSCRIBE), "subscription"),
    ("a QoS 2 message was processed twice", "two1", PublishedTwice(), "duplicate"),
    ("a QoS 1 delivery was lost", "sub2", LostDelivery(1), "lost"),
    ("a QoS 2 delivery was lost", "sub0", LostDelivery(2), "lost"),
    ("a QoS 2 delivery in a shared group was lost", "crew1", LostDelivery(2), "lost"),
    ("a QoS 2 message was delivered twice", "sub3", DeliveredTwice(), "duplicate"),
    ("two messages changed places", "sub1", Reordered(), "order"),
    ("a bit of a payload flipped", "sub0", Damaged(), "payload"),
    ("a message came with another's payload", "sub3", Swapped(), "payload"),
    ("a session was forgotten", "sub2", Forgetful(0), "session"),
)
