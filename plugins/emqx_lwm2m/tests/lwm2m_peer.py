"""A scripted CoAP endpoint: says what it is told to, and expects what it is told to expect. It
registers, updates and leaves; what the server asks is answered by the script."""
import collections
import os
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../gateway_tests'))
from endpoints import PATIENCE, Udp  # noqa: E402; beside this plugin
from lwm2m_wire import (  # noqa: E402
    ACK, BLOCK1, CHANGED, CON, CONTENT, CONTINUE, CREATED, DELETE, DELETED, EMPTY, LINK, METHODS,
    NON, POST, RST, SIZE1, Message, block, dotted, octets, options, uint)


class Peer:
    def __init__(self, transport, endpoint='', patience=PATIENCE):
        self.transport, self.endpoint, self.patience = transport, endpoint, patience
        self.talk = collections.deque(maxlen=60)  # what was said, for who looks for a fault
        self.kept = collections.deque()  # came while something else was waited for
        self.answers = {}  # (message id, token) of a request: what it was answered
        self.mid = int.from_bytes(os.urandom(2), 'big')
        self.location = None

    # Octets and messages.
    def raw(self, datagram):
        datagram = bytes.fromhex(datagram) if isinstance(datagram, str) else datagram
        self.talk.append(('>', datagram))
        self.transport.send(datagram)

    def send(self, message):
        self.raw(message.pack())
        return message

    def next_mid(self):
        self.mid = (self.mid + 1) & 0xFFFF
        return self.mid

    def arrived(self, timeout=None):
        """The next datagram, or None."""
        datagram = self.transport.recv(self.patience if timeout is None else timeout)
        if datagram is not None:
            self.talk.append(('<', datagram))
        return datagram

    def heard(self, timeout):
        """The next message from the network, or None. A copy of a request that has been answered,
        sent before the answer came there, is answered again and is no news [RFC 7252 4.2]."""
        until = time.monotonic() + timeout
        while (datagram := self.arrived(max(until - time.monotonic(), 0))) is not None:
            message = Message.unpack(datagram)
            answer = self.answers.get((message.mid, message.token))
            if answer is None or message.code not in METHODS:
                return message
            self.send(answer)
        return None

    def recv(self, timeout=None):
        """The next message, or None."""
        if self.kept:
            return self.kept.popleft()
        return self.heard(self.patience if timeout is None else timeout)

    def find(self, match, what, timeout=None):
        """The first message that is meant; the others are kept for later."""
        for message in list(self.kept):
            if match(message):
                self.kept.remove(message)
                return message
        until = time.monotonic() + (self.patience if timeout is None else timeout)
        while (left := until - time.monotonic()) > 0:
            message = self.heard(left)
            if message is None:
                break
            if match(message):
                return message
            self.kept.append(message)
        raise AssertionError(f'{self.endpoint}: waited in vain for {what}; kept: {list(self.kept)}')

    def expect_raw(self, hexadecimal):
        datagram = self.arrived()
        assert datagram == bytes.fromhex(hexadecimal), \
            f'expected {hexadecimal}, got {datagram and datagram.hex(" ")}'

    def silent(self, seconds=0.3):
        """Nothing comes for so long."""
        message = self.recv(seconds)
        assert message is None, f'{self.endpoint}: nothing should come, got {message}'

    def ping(self):
        """A ping, and its RST. What came before it is kept."""
        mid = self.next_mid()
        self.send(Message(CON, EMPTY, mid))
        self.find(lambda m: m.type == RST and m.mid == mid, 'the RST of a ping')

    def quiet(self):
        """Nothing else is on its way: the answer to a ping is what comes next."""
        self.ping()
        assert not self.kept, f'{self.endpoint}: nothing should have come, got {list(self.kept)}'

    # What we ask.
    def request(self, method, path='', queries=(), payload=b'', format=None, kind=CON, token=None,
                mid=None, more=()):
        """Sends it."""
        return self.send(Message(kind, method, self.next_mid() if mid is None else mid,
                                 os.urandom(4) if token is None else token,
                                 options(path, queries, format, more=more), payload))

    def response(self, request, timeout=None):
        """What answers it."""
        def match(message):
            if message.type == RST:
                return message.mid == request.mid
            return message.code not in METHODS and message.code != EMPTY and \
                message.token == request.token
        message = self.find(match, f'the response to {request}', timeout)
        if message.type == ACK or message.type == RST:
            assert message.mid == request.mid, f'{message} for {request}'
        elif message.type == CON:
            self.send(Message(ACK, EMPTY, message.mid))
        return message

    def ask(self, method, path='', queries=(), payload=b'', code=None, **more):
        answer = self.response(self.request(method, path, queries, payload, **more))
        assert code is None or answer.code == code, \
            f'{self.endpoint}: expected {dotted(code)}, got {answer}'
        return answer

    def ask_in_blocks(self, method, path, queries, payload, size, format=None):
        """A request with its payload in blocks. All responses."""
        out, total = [], len(payload)
        for number in range((total + size - 1) // size):
            at = number * size
            more = [(BLOCK1, block(number, at + size < total, size))]
            if number == 0:
                more.append((SIZE1, uint(total)))
            out.append(self.ask(method, path, queries, payload[at:at + size], format=format,
                                more=more))
            if out[-1].code != CONTINUE:
                break
        return out

    # The registration.
    def register(self, objects='</1/0>,</3/0>', code=CREATED, lt=3600, version='1.0', queries=(),
                 **more):
        parameters = [f'ep={self.endpoint}', *([f'lt={lt}'] if lt is not None else []),
                      *([f'lwm2m={version}'] if version else []), *queries]
        answer = self.ask(POST, 'rd', parameters, objects, code=code,
                          **{'format': LINK if objects else None, **more})
        if code == CREATED:
            assert answer.location[:1] == ['rd'] and len(answer.location) == 2, answer
            self.location = answer.location
        return self

    def update(self, queries=(), payload=b'', code=CHANGED, **more):
        return self.ask(POST, self.location, queries, payload, code=code,
                        **{'format': LINK if payload else None, **more})

    def deregister(self, code=DELETED):
        return self.ask(DELETE, self.location, code=code)

    # What the server asks.
    def expect(self, method, path, timeout=None, **values):
        """Its next request is this one; values: accept, format, queries, payload, observe."""
        message = self.find(lambda m: m.code in METHODS, f'{METHODS[method]} {path}', timeout)
        wrong = {key: (getattr(message, key), value) for key, value in values.items()
                 if getattr(message, key) != value}
        assert message.type == CON and message.code == method and message.path == path \
            and not wrong, \
            f'{self.endpoint}: expected {METHODS[method]} {path} {values}, got {message}: {wrong}'
        return message

    def answer(self, request, code=CONTENT, payload=b'', format=None, observe=None, location=(),
               more=()):
        """Piggy-backed."""
        return self.remembered(request, Message(ACK, code, request.mid, request.token,
                                 options(format=format, observe=observe, location=location,
                                         more=more), payload))

    def acknowledge(self, request):
        """An empty ACK: the response comes later."""
        self.remembered(request, Message(ACK, EMPTY, request.mid))

    def remembered(self, request, answer):
        """Sends it, now and for copies of the request."""
        self.answers[request.mid, request.token] = answer
        return self.send(answer)

    def separately(self, request, code=CONTENT, payload=b'', format=None, kind=CON, observe=None,
                   mid=None, more=()):
        """A response with a message id of its own; for notifications, too."""
        return self.send(Message(kind, code, self.next_mid() if mid is None else mid,
                                 request.token, options(format=format, observe=observe, more=more),
                                 payload))

    def notify(self, request, sequence, payload, format=0, acknowledged=True, kind=CON, **more):
        sent = self.separately(request, CONTENT, payload, format, kind, sequence, **more)
        if acknowledged and kind == CON:
            self.find(lambda m: m.type == ACK and m.code == EMPTY and m.mid == sent.mid,
                      f'the ACK of {sent}')
        return sent

    def refused(self, sent):
        """Whether RST is what comes back to a message."""
        return self.find(lambda m: m.type in (ACK, RST) and m.mid == sent.mid,
                         f'something for {sent}').type == RST

    def close(self):
        self.transport.close()

    def transcript(self):
        def shown(datagram):
            try:
                return repr(Message.unpack(datagram))
            except (ValueError, UnicodeDecodeError):
                return datagram[:48].hex(' ')
        lines = [f'  {way} {shown(datagram)}' for way, datagram in self.talk]
        return f'{self.endpoint or "(peer)"} said and heard:\n' + '\n'.join(lines)


__all__ = ['NON', 'PATIENCE', 'Peer', 'Udp', 'octets']
