"""CoAP messages as tables of bytes [RFC 7252 3, RFC 7641, RFC 7959]. Shares nothing with the
gateway's own codec, so that a misreading there cannot hide here."""

CON, NON, ACK, RST = range(4)
TYPES = ('CON', 'NON', 'ACK', 'RST')


def code(dotted):
    """'2.05' as the octet."""
    high, low = dotted.split('.')
    return int(high) << 5 | int(low)


def dotted(octet):
    return f'{octet >> 5}.{octet & 31:02}'


EMPTY, GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH = range(8)
METHODS = {GET: 'GET', POST: 'POST', PUT: 'PUT', DELETE: 'DELETE', FETCH: 'FETCH', PATCH: 'PATCH',
           IPATCH: 'iPATCH'}
CREATED, DELETED, VALID, CHANGED, CONTENT, CONTINUE = map(
    code, ('2.01', '2.02', '2.03', '2.04', '2.05', '2.31'))
BAD_REQUEST, UNAUTHORIZED, BAD_OPTION, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, NOT_ACCEPTABLE = map(
    code, ('4.00', '4.01', '4.02', '4.03', '4.04', '4.05', '4.06'))
INCOMPLETE, PRECONDITION, TOO_LARGE, UNSUPPORTED_FORMAT = map(
    code, ('4.08', '4.12', '4.13', '4.15'))
INTERNAL, UNAVAILABLE = code('5.00'), code('5.03')

IF_MATCH, URI_HOST, ETAG, OBSERVE, URI_PORT, LOCATION_PATH, URI_PATH, CONTENT_FORMAT = \
    1, 3, 4, 6, 7, 8, 11, 12
MAX_AGE, URI_QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2, PROXY_URI, SIZE1 = 14, 15, 17, 23, 27, 28, 35, 60

TEXT, LINK, OPAQUE, SENML_JSON, SENML_CBOR, TLV, JSON = 0, 40, 42, 110, 112, 11542, 11543


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def uint(value):
    """The shortest big-endian form; 0 is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, 'big')


def block(number, more, size):
    """The value of a Block option; size in octets."""
    return uint(number << 4 | more << 3 | size.bit_length() - 5)


def unblock(value):
    """(number, more, size in octets)."""
    number = int.from_bytes(value, 'big')
    return number >> 4, bool(number & 8), 16 << (number & 7)


def extended(number):
    """The nibble of a delta or length, and what follows it."""
    if number < 13:
        return number, b''
    if number < 269:
        return 13, bytes([number - 13])
    return 14, (number - 269).to_bytes(2, 'big')


def pack_options(options):
    out, last = b'', 0
    for number, value in sorted(options, key=lambda one: one[0]):
        delta, more_delta = extended(number - last)
        length, more_length = extended(len(value))
        out += bytes([delta << 4 | length]) + more_delta + more_length + value
        last = number
    return out


class Malformed(ValueError):
    pass


def unpack_options(data):
    """([(number, value)], payload)."""
    out, at, number = [], 0, 0

    def take(nibble):
        nonlocal at
        size = {13: 1, 14: 2}.get(nibble, 0)
        if nibble == 15 or at + size > len(data):
            raise Malformed('an option')
        value = int.from_bytes(data[at:at + size], 'big')
        at += size
        return value + {13: 13, 14: 269}[nibble] if size else nibble
    while at < len(data):
        first = data[at]
        at += 1
        if first == 0xFF:
            if at == len(data):
                raise Malformed('a marker without payload')
            return out, data[at:]
        number += take(first >> 4)
        size = take(first & 15)
        if at + size > len(data):
            raise Malformed('an option is longer than the message')
        out.append((number, data[at:at + size]))
        at += size
    return out, b''


class Message:
    """type, code, mid, token, options [(number, value)], payload."""

    def __init__(self, type=CON, code=EMPTY, mid=0, token=b'', options=(), payload=b''):
        self.type, self.code, self.mid, self.token = type, code, mid, bytes(token)
        self.options, self.payload = list(options), octets(payload)

    def pack(self):
        head = bytes([1 << 6 | self.type << 4 | len(self.token), self.code])
        out = head + self.mid.to_bytes(2, 'big') + self.token + pack_options(self.options)
        return out + b'\xff' + self.payload if self.payload else out

    @staticmethod
    def unpack(data):
        if len(data) < 4 or data[0] >> 6 != 1:
            raise Malformed(f'no CoAP: {data[:16].hex()}')
        size = data[0] & 15
        if size > 8 or len(data) < 4 + size or (data[1] == 0 and len(data) != 4):
            raise Malformed(f'a token: {data[:16].hex()}')
        options, payload = unpack_options(data[4 + size:])
        return Message(data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], 'big'),
                       data[4:4 + size], options, payload)

    def all(self, number):
        return [value for key, value in self.options if key == number]

    def opaque(self, number):
        """The first value of an option; None: there is none."""
        return next(iter(self.all(number)), None)

    def number(self, number):
        value = self.opaque(number)
        return None if value is None else int.from_bytes(value, 'big')

    def block(self, number):
        value = self.opaque(number)
        return None if value is None else unblock(value)

    @property
    def path(self):
        return '/' + '/'.join(value.decode() for value in self.all(URI_PATH))

    @property
    def queries(self):
        return [value.decode() for value in self.all(URI_QUERY)]

    @property
    def location(self):
        return [value.decode() for value in self.all(LOCATION_PATH)]

    @property
    def format(self):
        return self.number(CONTENT_FORMAT)

    @property
    def accept(self):
        return self.number(ACCEPT)

    @property
    def observe(self):
        return self.number(OBSERVE)

    def __repr__(self):
        name = METHODS.get(self.code) or dotted(self.code)
        where = self.path if self.code in METHODS else ''
        rest = ' '.join(f'{key}={value.hex()}' for key, value in self.options if key != URI_PATH)
        body = f' {self.payload[:48]!r}' if self.payload else ''
        return f'{TYPES[self.type]} {name} {where} mid={self.mid:04x} token={self.token.hex()} ' \
               f'{rest}{body}'


def options(path='', queries=(), format=None, accept=None, observe=None, location=(), more=()):
    """The usual ones. path: 'a/b' or ['a', 'b']."""
    segments = [one for one in path.split('/') if one] if isinstance(path, str) else path
    out = [(URI_PATH, octets(one)) for one in segments]
    out += [(URI_QUERY, octets(one)) for one in queries]
    out += [(LOCATION_PATH, octets(one)) for one in location]
    for number, value in ((CONTENT_FORMAT, format), (ACCEPT, accept), (OBSERVE, observe)):
        if value is not None:
            out.append((number, uint(value)))
    return out + list(more)
