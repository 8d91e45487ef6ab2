"""A device of the model-based run: random in what it does, faithful to the protocol in how. It
keeps a session, repeats what is not answered, and remembers what it sent and got."""
import random
import threading
import time

from sn_client import Client, Udp
from sn_wire import INVALID_ID, NORMAL, PREDEFINED, SHORT, flags

RETRY, TRIES = 0.15, 8
KEEP_ALIVE, SLEEP = 4, 4
DOWN_ID, UP_ID = 100, 200  # of pre-defined topics, with the number of the device behind


class Lost(Exception):
    """The gateway does not answer, or says that it does not know us."""


class Device(threading.Thread):
    def __init__(self, index, proxy, seed, trouble):
        super().__init__(daemon=True)
        self.index, self.proxy, self.trouble = index, proxy, trouble
        self.random = random.Random(f'{seed}/device/{index}')
        self.client = Client(Udp(proxy.address, f'127.2.0.{index + 1}'), f'model{index}')
        self.state = 'off'
        self.names, self.ids = {}, {}      # of the gateway's topic ids; of ours
        self.unreleased = {}               # QoS 2 messages whose PUBREL is missing
        self.pending = None                # our publish under way: [step, qos, topic, mid, number]
        self.sent, self.done = 0, []       # numbers; (qos, number) that the gateway took over
        self.got = []                      # (topic, data) in the order they came
        self.subscribed = threading.Event()
        self.running, self.fault = True, None
        self.actions = {}
        self.names[PREDEFINED, DOWN_ID + index] = f'm/{index}/down/pre'

    # What comes in.
    def handle(self, message):
        client = self.client
        if message.name == 'REGISTER':
            self.names[NORMAL, message.id] = message.topic.decode()
            client.send('REGACK', id=message.id, mid=message.mid)
        elif message.name == 'PUBLISH':
            self.take(message)
        elif message.name == 'PUBREL':
            self.unreleased.pop(message.mid, None)
            client.send('PUBCOMP', mid=message.mid)
        elif message.name == 'DISCONNECT':
            raise Lost('told DISCONNECT')

    def take(self, message):
        assert (message.mid == 0) == (message.qos == 0), message
        if message.kind == SHORT:
            topic = message.id.to_bytes(2, 'big').decode()
        else:
            topic = self.names.get((message.kind, message.id))
        if topic is None:
            self.client.send('PUBACK', id=message.id, mid=message.mid, code=INVALID_ID)
            return
        if message.qos == 2:
            if message.mid not in self.unreleased:
                self.got.append((topic, message.data.decode()))
            self.unreleased[message.mid] = message.data
            self.client.send('PUBREC', mid=message.mid)
        else:
            self.got.append((topic, message.data.decode()))
            if message.qos == 1:
                self.client.send('PUBACK', id=message.id, mid=message.mid)

    def listen(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            message = self.client.recv(left)
            if message is not None:
                self.handle(message)

    def deaf(self, seconds):
        """The radio is off: what comes is lost."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.client.recv(left)

    def request(self, answers, again, name, **values):
        """Says it until one of the answers comes; `again` are flags of a repetition."""
        for attempt in range(TRIES):
            if attempt and again:
                values['flags'] |= again
            self.client.send(name, **values)
            until = time.monotonic() + RETRY
            while (left := until - time.monotonic()) > 0:
                message = self.client.recv(left)
                if message is None:
                    break
                if message.name in answers and \
                        all(getattr(message, key) == values[key] for key in ('mid',)
                            if key in values):
                    return message
                self.handle(message)
        raise Lost(f'no answer to {name}')

    # What it does.
    def connect(self, clean=False):
        self.names = {key: topic for key, topic in self.names.items() if key[0] != NORMAL}
        answer = self.request(('CONNACK',), 0, 'CONNECT', flags=flags(clean=clean), protocol=1,
                              duration=KEEP_ALIVE, client_id=self.client.client_id)
        assert answer.code == 0, answer
        self.state = 'active'
        if not self.subscribed.is_set():
            for topic, kind in ((f'm/{self.index}/new/#', NORMAL),
                                (f'm/{self.index}/exact', NORMAL), (f'd{self.index}', SHORT),
                                ((DOWN_ID + self.index).to_bytes(2, 'big'), PREDEFINED)):
                answer = self.request(('SUBACK',), flags(dup=True), 'SUBSCRIBE', topic=topic,
                                      flags=flags(qos=2, kind=kind), mid=self.client.next_mid())
                assert answer.code == 0, answer
                if kind == NORMAL and answer.id:
                    self.names[NORMAL, answer.id] = topic
            self.subscribed.set()

    def topic_id(self, topic):
        if topic not in self.ids:
            answer = self.request(('REGACK',), 0, 'REGISTER', id=0, topic=topic,
                                  mid=self.client.next_mid())
            assert answer.code == 0, answer
            self.ids[topic] = answer.id
        return self.ids[topic]

    def named(self, topic):
        if len(topic) == 2:
            return SHORT, int.from_bytes(topic.encode(), 'big')
        if topic.endswith('/pre'):
            return PREDEFINED, UP_ID + self.index
        return NORMAL, self.topic_id(topic)

    def publish(self):
        if self.pending is None:
            qos = self.random.choice((0, 1, 1, 2, 2))
            topic = self.random.choice((f'm/{self.index}/up/a', f'm/{self.index}/up/b',
                                        f'm/{self.index}/up/pre', f'u{self.index}'))
            self.sent += 1
            self.pending = ['new', qos, topic, self.client.next_mid() if qos else 0, self.sent]
        step, qos, topic, mid, number = self.pending
        if step != 'release':
            kind, where = self.named(topic)
            values = {'id': where, 'mid': mid, 'data': f'{qos} {number}',
                      'flags': flags(qos=qos, dup=step == 'again', kind=kind)}
            if qos == 0:
                self.client.send('PUBLISH', **values)
                self.pending = None
                return
            self.pending[0] = 'again'
            answer = self.request(('PUBREC', 'PUBACK'), flags(dup=True), 'PUBLISH', **values)
            if answer.name == 'PUBACK' and answer.code == INVALID_ID:
                self.ids.pop(topic, None)
                return
            assert answer.name == 'PUBREC' or answer.code == 0, answer
            if qos == 2:
                self.pending[0] = 'release'
        if qos == 2:
            self.request(('PUBCOMP',), 0, 'PUBREL', mid=mid)
        self.done.append((qos, topic, number))
        self.pending = None

    def sleep(self):
        self.client.send('DISCONNECT', duration=SLEEP)
        until = time.monotonic() + RETRY * TRIES
        while (left := until - time.monotonic()) > 0:
            message = self.client.recv(min(left, RETRY))
            if message is None:
                self.client.send('DISCONNECT', duration=SLEEP)
            elif message.name == 'DISCONNECT':
                self.state = 'asleep'
                return
            else:
                self.handle(message)
        raise Lost('no answer to DISCONNECT')

    def poll(self):
        self.request(('PINGRESP',), 0, 'PINGREQ', client_id=self.client.client_id)

    def noise(self):
        """Something else that is answered, or that is nothing at all."""
        again, mid, odd = flags(dup=True), self.client.next_mid(), 60000 + self.random.randrange(99)
        topic = f'noise/{self.index}/{self.random.randrange(30)}'
        what = self.random.randrange(9)
        if what == 0:
            self.request(('SUBACK',), again, 'SUBSCRIBE', flags=flags(qos=1), mid=mid, topic=topic)
        elif what == 1:
            self.request(('UNSUBACK',), 0, 'UNSUBSCRIBE', mid=mid, topic=topic)
        elif what == 2:
            self.request(('REGACK',), 0, 'REGISTER', mid=mid, topic=topic)
        elif what == 3:
            self.request(('WILLTOPICRESP',), 0, 'WILLTOPICUPD', flags=0, topic=topic)
        elif what == 4:
            self.request(('WILLMSGRESP',), 0, 'WILLMSGUPD', data=topic)
        elif what == 5:
            self.request(('GWINFO',), 0, 'SEARCHGW')
        elif what == 6:
            self.request(('PUBCOMP',), 0, 'PUBREL', mid=odd)
        elif what == 7:
            name = self.random.choice(('PUBREC', 'PUBCOMP', 'PUBACK', 'REGACK'))
            self.client.send(name, mid=odd)
        else:
            self.client.transport.send(self.random.randbytes(self.random.randrange(1, 20)))

    def step(self):
        choices = {
            'off': [('connect', 4), ('silence', 1)],
            'active': [('publish', 8), ('ping', 2), ('listen', 6), ('sleep', 2), ('reboot', 1),
                       ('silence', 1), ('leave', 1), ('new address', 1), ('noise', 5)],
            'asleep': [('poll', 6), ('publish', 2), ('connect', 2), ('doze', 4), ('sleep', 1),
                       ('leave', 1), ('new address', 1), ('noise', 2)],
        }[self.state]
        action = self.random.choices([one for one, _ in choices], [w for _, w in choices])[0]
        self.actions[self.state, action] = self.actions.get((self.state, action), 0) + 1
        if action in ('connect', 'reboot'):
            self.connect()
        elif action == 'publish':
            self.publish()
        elif action == 'ping':
            self.request(('PINGRESP',), 0, 'PINGREQ')
        elif action == 'listen':
            self.listen(self.random.uniform(0, 0.2))
        elif action == 'doze':
            self.deaf(self.random.uniform(0, 0.3))
        elif action == 'silence':  # until the gateway may have given up
            self.deaf(self.random.uniform(0, 1.5))
        elif action == 'sleep':
            self.sleep()
        elif action == 'poll':
            self.poll()
        elif action == 'leave':
            self.client.send('DISCONNECT')
            self.state = 'off'
        elif action == 'noise':
            self.noise()
        elif action == 'new address':
            self.proxy.rebind(self.client.transport.address)

    def run(self):
        try:
            while self.running:
                self.attempt(self.step)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault
            self.trouble.set()

    def attempt(self, what):
        try:
            what()
            return True
        except Lost:
            self.state = 'off'
            return False

    def finish(self, complete, seconds=60):
        """On a good network: everything that is open, until complete()."""
        until = time.monotonic() + seconds
        while self.state != 'active' or self.pending or self.unreleased or not complete():
            assert time.monotonic() < until, \
                f'{self.client.client_id} does not come to an end: {self.state} {self.pending} ' \
                f'{self.unreleased}'
            if self.state != 'active':
                self.attempt(self.connect)
            elif self.pending:
                self.attempt(self.publish)
            else:
                self.attempt(lambda: self.listen(0.05))
                self.attempt(lambda: self.request(('PINGRESP',), 0, 'PINGREQ'))

    def leave(self):
        while not self.attempt(lambda: self.connect(clean=True)):
            pass
        self.client.connected = True
        self.client.send('DISCONNECT')
