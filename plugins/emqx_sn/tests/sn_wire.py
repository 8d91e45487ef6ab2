"""MQTT-SN 1.2 messages as tables of bytes [MQTT-SN 5]. Shares nothing with the gateway's own codec,
so that a misreading there cannot hide here."""

# name: (type, fields). A field is name:octets; "*" takes the rest, "?" may be missing altogether.
LAYOUT = {
    'ADVERTISE': (0x00, 'gw:1 duration:2'),
    'SEARCHGW': (0x01, 'radius:1'),
    'GWINFO': (0x02, 'gw:1 address:*'),
    'CONNECT': (0x04, 'flags:1 protocol:1 duration:2 client_id:*'),
    'CONNACK': (0x05, 'code:1'),
    'WILLTOPICREQ': (0x06, ''),
    'WILLTOPIC': (0x07, 'flags:1? topic:*'),
    'WILLMSGREQ': (0x08, ''),
    'WILLMSG': (0x09, 'data:*'),
    'REGISTER': (0x0A, 'id:2 mid:2 topic:*'),
    'REGACK': (0x0B, 'id:2 mid:2 code:1'),
    'PUBLISH': (0x0C, 'flags:1 id:2 mid:2 data:*'),
    'PUBACK': (0x0D, 'id:2 mid:2 code:1'),
    'PUBCOMP': (0x0E, 'mid:2'),
    'PUBREC': (0x0F, 'mid:2'),
    'PUBREL': (0x10, 'mid:2'),
    'SUBSCRIBE': (0x12, 'flags:1 mid:2 topic:*'),
    'SUBACK': (0x13, 'flags:1 id:2 mid:2 code:1'),
    'UNSUBSCRIBE': (0x14, 'flags:1 mid:2 topic:*'),
    'UNSUBACK': (0x15, 'mid:2'),
    'PINGREQ': (0x16, 'client_id:*'),
    'PINGRESP': (0x17, ''),
    'DISCONNECT': (0x18, 'duration:2?'),
    'WILLTOPICUPD': (0x1A, 'flags:1? topic:*'),
    'WILLTOPICRESP': (0x1B, 'code:1'),
    'WILLMSGUPD': (0x1C, 'data:*'),
    'WILLMSGRESP': (0x1D, 'code:1'),
}
NAMES = {number: name for name, (number, _) in LAYOUT.items()}

ACCEPTED, CONGESTION, INVALID_ID, UNSUPPORTED = 0, 1, 2, 3
NORMAL, PREDEFINED, SHORT = 0, 1, 2


def flags(qos=0, dup=False, retain=False, will=False, clean=False, kind=NORMAL):
    """The flags octet; qos -1 is written 3."""
    return dup << 7 | (qos & 3) << 5 | retain << 4 | will << 3 | clean << 2 | kind


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def frame(number, body, long=False):
    """Header and body; the long header where it must be, or where it is asked for."""
    if len(body) + 2 <= 255 and not long:
        return bytes([len(body) + 2, number]) + body
    return b'\x01' + (len(body) + 4).to_bytes(2, 'big') + bytes([number]) + body


def pack(name, **values):
    number, layout = LAYOUT[name]
    body = b''
    for field in layout.split():
        key, size = field.split(':')
        if size == '*':
            body += octets(values.pop(key, b''))
        elif not size.endswith('?') or values:  # with what is behind it, or alone
            body += values.pop(key, 0).to_bytes(int(size.rstrip('?')), 'big')
    assert not values, f'{name} has no {values}'
    return frame(number, body)


class Message:
    """What came: .name and its fields; flags are taken apart, too."""

    def __init__(self, datagram):
        self.raw = datagram
        head = 2
        if datagram[:1] == b'\x01':
            head = 4
            size = int.from_bytes(datagram[1:3], 'big')
            if size <= 255:
                raise ValueError(f'a long header for {size} octets: {datagram[:8].hex()}')
        else:
            size = datagram[0] if datagram else 0
        if size != len(datagram) or size < head:
            raise ValueError(f'says {size} octets, has {len(datagram)}: {datagram[:64].hex()}')
        self.head = head
        self.name = NAMES[datagram[head - 1]]
        body = datagram[head:]
        self.fields = {}
        for field in LAYOUT[self.name][1].split():
            key, size = field.split(':')
            if size == '*':
                self.fields[key], body = body, b''
            elif size.endswith('?') and not body:
                self.fields[key] = None
            else:
                octet_count = int(size.rstrip('?'))
                if len(body) < octet_count:
                    raise ValueError(f'{self.name} is too short: {datagram.hex()}')
                self.fields[key] = int.from_bytes(body[:octet_count], 'big')
                body = body[octet_count:]
        if body:
            raise ValueError(f'{self.name} has {len(body)} octets too many: {datagram.hex()}')
        octet = self.fields.get('flags')
        if octet is not None:
            qos = octet >> 5 & 3
            self.fields.update(qos=-1 if qos == 3 else qos, dup=bool(octet & 0x80),
                               retain=bool(octet & 0x10), kind=octet & 3)

    def __getattr__(self, key):
        try:
            return self.__dict__['fields'][key]
        except KeyError:
            raise AttributeError(key) from None

    def __repr__(self):
        shown = ' '.join(f'{key}={value!r}' for key, value in self.fields.items()
                         if key != 'data' or len(value) < 40)
        return f'{self.name} {shown}'.strip()
