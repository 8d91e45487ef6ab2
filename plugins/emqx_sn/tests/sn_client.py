"""A scripted MQTT-SN client: says what it is told to, and expects what it is told to expect."""
import collections
import time

from endpoints import PATIENCE, Udp
from sn_wire import ACCEPTED, NORMAL, SHORT, Message, flags, octets, pack


class Forwarder:
    """Nodes behind one UDP address, each datagram in its wrapper [MQTT-SN 5.5]."""

    class Node:
        def __init__(self, forwarder, node_id):
            self.forwarder, self.id, self.waiting = forwarder, node_id, collections.deque()
            self.control = None  # of the last wrapper that came

        def send(self, datagram, control=0):
            head = bytes([3 + len(self.id), 0xFE, control]) + self.id
            self.forwarder.udp.send(head + datagram)

        def recv(self, timeout):
            until = time.monotonic() + timeout
            while not self.waiting and self.forwarder.pump(until - time.monotonic()):
                pass
            if not self.waiting:
                return None
            self.control, datagram = self.waiting.popleft()
            return datagram

        def close(self):
            pass

    def __init__(self, gateway):
        self.udp, self.nodes = Udp(gateway, '127.0.0.2'), {}

    def node(self, node_id):
        return self.nodes.setdefault(node_id, self.Node(self, node_id))

    def pump(self, timeout):
        got = self.udp.recv(timeout)
        if got is None:
            return False
        if got[0] < 3 or got[1] != 0xFE:
            raise ValueError(f'not wrapped: {got.hex()}')
        self.nodes[got[3:got[0]]].waiting.append((got[2], got[got[0]:]))
        return True


Received = collections.namedtuple('Received', 'topic data message')


class Client:
    def __init__(self, transport, client_id='', patience=PATIENCE):
        self.transport, self.client_id, self.patience = transport, client_id, patience
        self.talk = collections.deque(maxlen=40)  # what was said, for who looks for a fault
        self.mid = 0
        self.taken = None  # the message id of what receive() acknowledged last
        self.names = {}  # (kind, id): topic
        self.connected = False

    # What goes out.
    def raw(self, datagram):
        datagram = bytes.fromhex(datagram) if isinstance(datagram, str) else datagram
        self.talk.append(('>', datagram))
        self.transport.send(datagram)

    def send(self, name, **values):
        self.raw(pack(name, **values))

    def next_mid(self):
        self.mid = self.mid % 65535 + 1
        return self.mid

    # What comes in.
    def recv(self, timeout=None):
        """The next message, or None."""
        datagram = self.transport.recv(self.patience if timeout is None else timeout)
        if datagram is None:
            return None
        self.talk.append(('<', datagram))
        return Message(datagram)

    def expect(self, name, timeout=None, message=None, **values):
        """The next message, or the one that has been read already, must be this one."""
        message = message or self.recv(timeout)
        assert message is not None, f'{self.client_id}: waited in vain for {name} {values or ""}'
        wrong = {key: value for key, value in values.items()
                 if message.name != name or getattr(message, key) !=
                 (octets(value) if isinstance(value, str) else value)}
        assert message.name == name and not wrong, \
            f'{self.client_id}: expected {name} {values or ""}, got {message}'
        return message

    def expect_raw(self, hexadecimal):
        datagram = self.transport.recv(self.patience)
        assert datagram is not None, f'waited in vain for {hexadecimal}'
        self.talk.append(('<', datagram))
        assert datagram == bytes.fromhex(hexadecimal), \
            f'expected {hexadecimal}, got {datagram.hex(" ")}'

    def silent(self, seconds=0.3):
        """Nothing comes for so long."""
        message = self.recv(seconds)
        assert message is None, f'{self.client_id}: nothing should come, got {message}'

    def quiet(self):
        """Nothing is on its way: the answer to a ping is what comes next. For active clients."""
        self.send('PINGREQ')
        self.expect('PINGRESP')

    def settle(self):
        """The gateway has all that was said. Copies that it had sent before that are past."""
        self.send('PINGREQ')
        while (message := self.recv()) is not None and message.name != 'PINGRESP':
            assert self.is_copy(message), message
        assert message is not None, f'{self.client_id}: waited in vain for PINGRESP'

    # Whole exchanges.
    def connect(self, clean=True, duration=60, will=None, code=ACCEPTED):
        """will: (topic, payload) or (topic, payload, qos, retain)."""
        self.send('CONNECT', flags=flags(clean=clean, will=will is not None), protocol=1,
                  duration=duration, client_id=self.client_id)
        if will is not None:
            self.give_will(*will)
        self.expect('CONNACK', code=code)
        self.taken = None
        self.connected = code == ACCEPTED
        return self

    def give_will(self, topic, payload, qos=0, retain=False):
        self.expect('WILLTOPICREQ')
        self.send('WILLTOPIC', flags=flags(qos=qos, retain=retain), topic=topic)
        self.expect('WILLMSGREQ')
        self.send('WILLMSG', data=payload)

    def register(self, topic):
        mid = self.next_mid()
        self.send('REGISTER', mid=mid, topic=topic)
        number = self.expect('REGACK', mid=mid, code=ACCEPTED).id
        self.names[NORMAL, number] = octets(topic).decode()
        return number

    def subscribe(self, topic, qos=0, kind=NORMAL, code=ACCEPTED):
        """topic: a name, or the two octets of an id. The SUBACK's id."""
        mid = self.next_mid()
        if isinstance(topic, int):
            topic = topic.to_bytes(2, 'big')
        self.send('SUBSCRIBE', flags=flags(qos=qos, kind=kind), mid=mid, topic=topic)
        answer = self.expect('SUBACK', mid=mid, code=code)
        if kind == NORMAL and answer.id:
            self.names[NORMAL, answer.id] = octets(topic).decode()
        return answer.id

    def unsubscribe(self, topic, kind=NORMAL):
        mid = self.next_mid()
        if isinstance(topic, int):
            topic = topic.to_bytes(2, 'big')
        self.send('UNSUBSCRIBE', flags=flags(kind=kind), mid=mid, topic=topic)
        self.expect('UNSUBACK', mid=mid)

    def send_publish(self, topic, data, qos=0, kind=NORMAL, mid=None, **more):
        """topic: an id or a short name. The message id."""
        if mid is None:
            mid = self.next_mid() if qos > 0 else 0
        if not isinstance(topic, int):
            topic, kind = int.from_bytes(octets(topic), 'big'), SHORT
        self.send('PUBLISH', flags=flags(qos=qos, kind=kind, **more), id=topic, mid=mid, data=data)
        return mid

    def publish(self, topic, data, qos=0, kind=NORMAL, **more):
        """With all that its QoS takes."""
        mid = self.send_publish(topic, data, qos, kind, **more)
        if qos == 1:
            self.expect('PUBACK', mid=mid, code=ACCEPTED)
        elif qos == 2:
            self.expect('PUBREC', mid=mid)
            self.send('PUBREL', mid=mid)
            self.expect('PUBCOMP', mid=mid)

    def topic_of(self, message):
        if message.kind == SHORT:
            return message.id.to_bytes(2, 'big').decode()
        return self.names.get((message.kind, message.id))

    def learn(self, register):
        self.names[NORMAL, register.id] = register.topic.decode()
        self.send('REGACK', id=register.id, mid=register.mid)

    def acknowledge(self, message):
        if message.qos == 1:
            self.send('PUBACK', id=message.id, mid=message.mid)
        elif message.qos == 2:
            self.send('PUBREC', mid=message.mid)

    def is_copy(self, message):
        """Of what receive() has taken already, sent before the gateway had the acknowledgement: a
        slow machine makes them. PUBREL has no flag that says so."""
        return self.taken is not None and getattr(message, 'mid', None) == self.taken and \
            (message.name == 'PUBREL' or (message.name == 'PUBLISH' and message.dup))

    def behind_copies(self, copied, name, **values):
        """Expects this, perhaps behind more copies of a message that was repeated meanwhile."""
        while True:
            message = self.recv()
            assert message is not None, f'{self.client_id}: waited in vain for {name}'
            if message.name != copied.name or \
                    getattr(message, 'mid', None) != getattr(copied, 'mid', None):
                return self.expect(name, message=message, **values)

    def receive(self, message=None):
        """The next message for the application, with all acknowledgements on the way to it. What
        has been read already may be given."""
        message = message or self.recv()
        while message is not None:
            if message.name == 'REGISTER':
                self.learn(message)
            elif self.is_copy(message):  # the acknowledgement was late: it is said again
                if message.name == 'PUBREL':
                    self.send('PUBCOMP', mid=message.mid)
                else:
                    self.acknowledge(message)
            else:
                break
            message = self.recv()
        assert message is not None, f'{self.client_id}: waited in vain for a message'
        assert message.name == 'PUBLISH', f'{self.client_id}: expected PUBLISH, got {message}'
        self.acknowledge(message)
        if message.qos == 2:
            self.behind_copies(message, 'PUBREL', mid=message.mid)
            self.send('PUBCOMP', mid=message.mid)
        self.taken = message.mid if message.qos else None
        return Received(self.topic_of(message), message.data, message)

    def gets(self, topic, data, **values):
        got = self.receive()
        wrong = {key: value for key, value in values.items() if getattr(got.message, key) != value}
        assert (got.topic, got.data) == (topic, octets(data)) and not wrong, \
            f'{self.client_id}: expected {topic} = {data!r} {values or ""}, got {got}'
        return got.message

    def sleep(self, duration):
        self.send('DISCONNECT', duration=duration)
        self.expect('DISCONNECT', duration=None)

    def poll(self):
        """Wakes up, takes what is there, up to the PINGRESP: [(topic, data)]."""
        self.send('PINGREQ', client_id=self.client_id)
        out = []
        while True:
            message = self.recv()
            assert message is not None, f'{self.client_id}: no PINGRESP after {out}'
            if message.name == 'PINGRESP':
                return out
            got = self.receive(message)
            out.append((got.topic, got.data))

    def disconnect(self):
        self.send('DISCONNECT')
        self.expect('DISCONNECT', duration=None)
        self.connected = False

    def close(self):
        if self.connected:
            try:
                self.raw(pack('DISCONNECT'))
            except OSError:  # a transport that another one has closed
                pass
        self.transport.close()

    def transcript(self):
        lines = [f'  {way} {datagram[:48].hex(" ")}{" ..." if len(datagram) > 48 else ""}'
                 for way, datagram in self.talk]
        return f'{self.client_id or "(peer)"} said and heard:\n' + '\n'.join(lines)
