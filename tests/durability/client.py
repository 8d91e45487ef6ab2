"""An MQTT client with the whole session state of both directions, which survives reconnects.

It keeps what the specification tells a client to keep: which PUBLISH and PUBREL packets were not
answered, in order, and which QoS 2 packet ids it has seen and not yet been told to forget. What it
does and sees, it tells its observer (the ledger of oracle.py) before anything else happens.
"""

import errno
import socket
from collections import OrderedDict, deque

import packet as mqtt


class Tap:
    """Stands between a client and its socket. This one changes nothing; those of faults.py do."""
    struck = False

    def outgoing(self, client, kind, packet_id, data, what):
        """Of a PUBLISH (`what`: its message), SUBSCRIBE or UNSUBSCRIBE (its operation): the bytes
        to send."""
        return data

    def incoming(self, client, packet):
        """The packets to take for this one."""
        return (packet,)


class Outgoing:
    """A message of ours under way. `released`: PUBREC came, PUBREL is what is sent again."""
    __slots__ = ("message", "released", "again")

    def __init__(self, message):
        self.message, self.released, self.again = message, False, False


class Client:
    PACKET_IDS = 200  # few, so that ids are soon used again: a stale one in the broker shows
    FIRST_REQUEST_ID = 1000

    def __init__(self, loop, observer, name, version, expiry=3600, window=20, receive_maximum=0):
        self.loop, self.observer, self.name, self.version = loop, observer, name, version
        self.expiry, self.window, self.receive_maximum = expiry, window, receive_maximum
        self.will = None
        self.groups = []           # of shared subscriptions
        self.tap = Tap()
        self.lag = 0               # acknowledgements held back
        self.taken = self.turned_away = self.ends = 0  # publishes, publishes, connections
        # The session.
        self.outbox = OrderedDict()  # packet id -> Outgoing
        self.received = {}           # packet id -> payload: QoS 2, PUBREL not seen
        self.known = self.present = False  # a CONNACK came; what the last one said of the session
        self.last_id = self.last_request = 0
        # The connection.
        self.sock = None
        self.online = False
        self.refused = 0             # reason of the last CONNACK that refused us
        self.closing_reason = 0      # of a DISCONNECT that the broker sent
        self.pings = 0               # not answered
        self._reset()

    def _reset(self):
        self.out = bytearray()
        self.acks = deque()
        self.requests = {}  # packet id -> operation: SUBSCRIBE and UNSUBSCRIBE
        self.decoder = mqtt.Decoder(self.version)
        self.busy = self.clean = self.writing = False
        self.limit = self.window
        self.pings = 0

    # ---- connecting -----------------------------------------------------------------------------

    def connect(self, port, clean=False):
        assert self.sock is None, self.name
        self._reset()
        self.refused = self.closing_reason = 0
        self.clean = clean
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.sock.connect_ex(("127.0.0.1", port))
        if code not in (0, errno.EINPROGRESS):
            self.sock.close()
            self.sock = None
            return
        self.out += mqtt.connect(self.version, self.name, clean, self.expiry, self.will,
                                 self.receive_maximum)
        self.observer.connecting(self, clean)
        self.writing = True
        self.loop.watch(self.sock, self._handle, self.writing)

    def disconnect(self):
        """With DISCONNECT: the session stays, the will does not."""
        self._send(mqtt.disconnect(self.version))
        self.drop()

    def drop(self):
        """Without a word."""
        if self.sock is None:
            return
        self.loop.forget(self.sock)
        self.sock.close()
        self.sock, self.online = None, False
        self.observer.lost(self)
        self.on_lost()

    # ---- what a user of it does -----------------------------------------------------------------

    def may_publish(self):
        return self.online and len(self.outbox) < self.limit

    def publish(self, message):
        while True:
            self.last_id = self.last_id % self.PACKET_IDS + 1
            if self.last_id not in self.outbox:
                break
        self.outbox[self.last_id] = Outgoing(message)
        self._publish(self.last_id, message, dup=False)

    def subscribe(self, topic_filter, options, subscription_id=0):
        packet_id = self._request()
        self.requests[packet_id] = self.observer.subscribing(self, topic_filter, options,
                                                             subscription_id)
        self._ask(mqtt.SUBSCRIBE, packet_id, mqtt.subscribe(self.version, packet_id, topic_filter,
                                                            options, subscription_id))

    def unsubscribe(self, topic_filter):
        packet_id = self._request()
        self.requests[packet_id] = self.observer.subscribing(self, topic_filter, None, 0)
        self._ask(mqtt.UNSUBSCRIBE, packet_id,
                  mqtt.unsubscribe(self.version, packet_id, topic_filter))

    def ping(self):
        self.pings += 1
        self._send(mqtt.pingreq())

    def set_lag(self, lag):
        self.lag = lag
        if self.online:
            self._acknowledge()

    # ---- for whoever derives from it ------------------------------------------------------------

    def ready(self):
        """Whether it has done what it does first with a connection."""
        return True

    def wants_clean(self):
        """Whether the next connection begins with a new session."""
        return False

    def on_online(self):
        pass

    def on_lost(self):
        pass

    def on_answer(self):
        """An acknowledgement of something we published, or a SUBACK, has come."""

    # ---- bytes ----------------------------------------------------------------------------------

    def _send(self, data):
        if self.sock is None:
            return
        self.out += data
        if not self.busy:
            self._flush()

    def _flush(self):
        if self.sock is None:
            return
        try:
            while self.out:
                del self.out[:self.sock.send(self.out)]
        except BlockingIOError:
            pass
        except OSError:
            self.out.clear()  # what the broker said before it went is still to be read
        if self.writing != bool(self.out):
            self.writing = not self.writing
            self.loop.watch(self.sock, self._handle, self.writing)

    def _handle(self, _events):
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            self._flush()
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        self.busy = True
        try:
            for packet in self.decoder.feed(data):
                for changed in self.tap.incoming(self, packet):
                    self._take(changed)
                if self.sock is None:
                    return
        except mqtt.Malformed as wrong:
            self.observer.violation("protocol", f"{self.name}: the broker sent {wrong}")
            self.drop()
            return
        finally:
            self.busy = False
        self._acknowledge()
        self._flush()

    # ---- packets --------------------------------------------------------------------------------

    def _request(self):
        self.last_request += 1
        return self.FIRST_REQUEST_ID + self.last_request % 60000

    def _ask(self, kind, packet_id, data):
        data = self.tap.outgoing(self, kind, packet_id, data, self.requests[packet_id])
        if data:
            self._send(data)

    def _publish(self, packet_id, message, dup):
        self.observer.sending(self, message, packet_id, dup)
        data = mqtt.publish(self.version, message.topic, message.payload, message.qos, packet_id,
                            message.retain, dup)
        data = self.tap.outgoing(self, mqtt.PUBLISH, packet_id, data, message)
        if data:
            self._send(data)

    def _release(self, packet_id):
        self._send(mqtt.ack(self.version, mqtt.PUBREL, packet_id))

    def _acknowledge(self):
        while len(self.acks) > self.lag:
            self._send(self.acks.popleft())

    def _take(self, packet):
        kind = packet.type
        if kind == mqtt.PUBLISH:
            self._take_publish(packet)
        elif kind in (mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBCOMP):
            self._take_answer(packet)
        elif kind == mqtt.PUBREL:
            known = self.received.pop(packet.id, None) is not None
            reason = 0 if known or self.version != mqtt.V5 else 0x92
            self.acks.append(mqtt.ack(self.version, mqtt.PUBCOMP, packet.id, reason))
        elif kind in (mqtt.SUBACK, mqtt.UNSUBACK):
            operation = self.requests.pop(packet.id, None)
            if operation is None:
                self.observer.violation(
                    "protocol", f"{self.name}: {mqtt.NAMES[kind]} {packet.id} answers nothing")
            else:
                self.observer.subscribed(self, operation, packet.codes)
                self.on_answer()
        elif kind == mqtt.CONNACK:
            self._take_connack(packet)
        elif kind == mqtt.PINGRESP:
            self.pings -= 1
        elif kind == mqtt.DISCONNECT:
            self.closing_reason = packet.reason

    def _take_connack(self, packet):
        if packet.reason:
            self.refused = packet.reason
            self.observer.refused(self, packet.reason)
            return
        self.present = packet.present
        self.observer.connected(self, packet.present)
        if not packet.present:
            for entry in self.outbox.values():
                self.observer.abandoned(self, entry.message)
            self.outbox.clear()
            self.received.clear()
        self.known = self.online = True
        self.limit = min(self.window, packet.properties.get(mqtt.RECEIVE_MAXIMUM, 65535))
        for packet_id, entry in list(self.outbox.items()):
            entry.again = True
            if entry.released:
                self._release(packet_id)
            else:
                self._publish(packet_id, entry.message, dup=True)
        self.on_online()

    def _take_publish(self, packet):
        if packet.qos == 2:
            if packet.id in self.received:
                if self.received[packet.id] != packet.payload:
                    self.observer.violation(
                        "state", f"{self.name}: packet id {packet.id} came with another message "
                        f"before PUBREL: {packet.payload[:60]!r}")
            else:
                self.received[packet.id] = packet.payload
                self.observer.delivered(self, packet)
            self.acks.append(mqtt.ack(self.version, mqtt.PUBREC, packet.id))
            return
        self.observer.delivered(self, packet)
        if packet.qos == 1:
            self.acks.append(mqtt.ack(self.version, mqtt.PUBACK, packet.id))

    def _take_answer(self, packet):
        entry = self.outbox.get(packet.id)
        expected = 0
        if entry:
            expected = (mqtt.PUBACK if entry.message.qos == 1 else
                        mqtt.PUBCOMP if entry.released else mqtt.PUBREC)
        if packet.type != expected:
            self.observer.violation(
                "protocol", f"{self.name}: {mqtt.NAMES[packet.type]} {packet.id} answers nothing")
            return
        if packet.type == mqtt.PUBREC and packet.reason < 0x80:
            self.observer.acknowledged(self, entry.message, packet)
            entry.released = True
            self._release(packet.id)
        else:
            if packet.type != mqtt.PUBCOMP:
                self.observer.acknowledged(self, entry.message, packet)
            elif packet.reason and not entry.again:
                self.observer.violation(
                    "state", f"{self.name}: PUBCOMP {packet.id} with 0x{packet.reason:02x}",
                    entry.message)
            else:
                self.observer.completed(self, entry.message)
            del self.outbox[packet.id]
        self.on_answer()
