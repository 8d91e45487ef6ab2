"""MQTT 3.1.1 and 5.0 packets to and from bytes, as far as the audit speaks them.

Shares nothing with the broker, so that a mistake in one does not hide in the other.
"""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)
NAMES = ("", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
         "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH")

V311, V5 = 4, 5

WILL_DELAY, SESSION_EXPIRY, SUBSCRIPTION_ID = 0x18, 0x11, 0x0B
RECEIVE_MAXIMUM, REASON_STRING = 0x21, 0x1F

_BYTE = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
_TWO = {0x13, 0x21, 0x22, 0x23}
_FOUR = {0x02, 0x11, 0x18, 0x27}
_TEXT = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}
_PAIR = {0x26}


class Malformed(Exception):
    """The broker sent something that is no packet."""


class Packet:
    __slots__ = ("type", "id", "reason", "topic", "payload", "qos", "retain", "dup", "codes",
                 "present", "properties")

    def __init__(self, kind):
        self.type = kind
        self.id = self.reason = self.qos = 0
        self.topic = ""
        self.payload = b""
        self.retain = self.dup = self.present = False
        self.codes = ()
        self.properties = {}


def _varint(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def _text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def _frame(first, *parts):
    body = b"".join(parts)
    return bytes((first,)) + _varint(len(body)) + body


def _properties(items):
    out = bytearray()
    for key, value in items:
        out.append(key)
        if key in _FOUR:
            out += struct.pack(">I", value)
        elif key in _TWO:
            out += struct.pack(">H", value)
        elif key == SUBSCRIPTION_ID:
            out += _varint(value)
        else:
            out += _text(value)
    return _varint(len(out)) + bytes(out)


def connect(version, client_id, clean, expiry=0, will=None, receive_maximum=0):
    """`will`: (topic, payload, qos, delay); `expiry` and the delay are of MQTT 5.0."""
    flags = 0x02 if clean else 0
    if will:
        flags |= 0x04 | will[2] << 3
    parts = [_text("MQTT"), bytes((version, flags)), struct.pack(">H", 0)]
    if version == V5:
        items = [(SESSION_EXPIRY, expiry)]
        if receive_maximum:
            items.append((RECEIVE_MAXIMUM, receive_maximum))
        parts.append(_properties(items))
    parts.append(_text(client_id))
    if will:
        topic, payload, _, delay = will
        if version == V5:
            parts.append(_properties([(WILL_DELAY, delay)]))
        parts += [_text(topic), _text(payload)]
    return _frame(CONNECT << 4, *parts)


def publish(version, topic, payload, qos, packet_id=0, retain=False, dup=False):
    parts = [_text(topic)]
    if qos:
        parts.append(struct.pack(">H", packet_id))
    if version == V5:
        parts.append(b"\0")
    parts.append(payload)
    return _frame(PUBLISH << 4 | dup << 3 | qos << 1 | retain, *parts)


def ack(version, kind, packet_id, reason=0):
    body = struct.pack(">H", packet_id)
    if version == V5 and reason:
        body += bytes((reason,))
    return _frame(kind << 4 | (2 if kind == PUBREL else 0), body)


def subscribe(version, packet_id, topic_filter, options, subscription_id=0):
    parts = [struct.pack(">H", packet_id)]
    if version == V5:
        parts.append(_properties([(SUBSCRIPTION_ID, subscription_id)] if subscription_id else []))
    parts += [_text(topic_filter), bytes((options,))]
    return _frame(SUBSCRIBE << 4 | 2, *parts)


def unsubscribe(version, packet_id, topic_filter):
    head = struct.pack(">H", packet_id) + (b"\0" if version == V5 else b"")
    return _frame(UNSUBSCRIBE << 4 | 2, head, _text(topic_filter))


def pingreq():
    return _frame(PINGREQ << 4)


def disconnect(version, reason=0):
    return _frame(DISCONNECT << 4, bytes((reason,)) if version == V5 and reason else b"")


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        end = self.at + size
        if end > len(self.data):
            raise Malformed("a packet that ends too early")
        out = self.data[self.at:end]
        self.at = end
        return out

    def byte(self):
        return self.take(1)[0]

    def two(self):
        return struct.unpack(">H", self.take(2))[0]

    def text(self):
        return self.take(self.two())

    def varint(self):
        value = shift = 0
        while True:
            low = self.byte()
            value |= (low & 0x7F) << shift
            if low < 0x80:
                return value
            shift += 7
            if shift > 21:
                raise Malformed("a length of more than four bytes")

    def left(self):
        return len(self.data) - self.at

    def properties(self):
        end = self.varint() + self.at
        out = {}
        while self.at < end:
            key = self.byte()
            if key in _BYTE:
                value = self.byte()
            elif key in _TWO:
                value = self.two()
            elif key in _FOUR:
                value = struct.unpack(">I", self.take(4))[0]
            elif key == SUBSCRIPTION_ID:
                value = out.get(key, ()) + (self.varint(),)
            elif key in _TEXT:
                value = self.text()
            elif key in _PAIR:
                value = (self.text(), self.text())
            else:
                raise Malformed(f"property 0x{key:02x}")
            out[key] = value
        if self.at != end:
            raise Malformed("properties that end too late")
        return out


def _decode(version, first, body):
    packet = Packet(first >> 4)
    read = _Reader(body)
    if packet.type == PUBLISH:
        packet.dup, packet.retain = bool(first & 8), bool(first & 1)
        packet.qos = first >> 1 & 3
        packet.topic = read.text().decode()
        if packet.qos:
            packet.id = read.two()
        if version == V5:
            packet.properties = read.properties()
        packet.payload = read.take(read.left())
    elif packet.type == CONNACK:
        packet.present = bool(read.byte() & 1)
        packet.reason = read.byte()
        if version == V5:
            packet.properties = read.properties()
    elif packet.type in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        packet.id = read.two()
        if read.left():
            packet.reason = read.byte()
        if read.left():
            packet.properties = read.properties()
    elif packet.type in (SUBACK, UNSUBACK):
        packet.id = read.two()
        if version == V5:
            packet.properties = read.properties()
        packet.codes = tuple(read.take(read.left()))
    elif packet.type == DISCONNECT:
        if read.left():
            packet.reason = read.byte()
    elif packet.type != PINGRESP:
        raise Malformed(f"a packet of type {packet.type}")
    return packet


class Decoder:
    """Takes bytes as they come and gives whole packets."""

    def __init__(self, version):
        self.version = version
        self.buffer = bytearray()

    def feed(self, data):
        buffer = self.buffer
        buffer += data
        at, size = 0, len(buffer)
        while size - at >= 2:
            length, shift, head = 0, 0, at + 1
            while head < size:
                low = buffer[head]
                head += 1
                length |= (low & 0x7F) << shift
                shift += 7
                if low < 0x80:
                    break
            else:
                break
            if head + length > size:
                break
            yield _decode(self.version, buffer[at], bytes(buffer[head:head + length]))
            at = head + length
        del buffer[:at]
