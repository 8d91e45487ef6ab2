#!/usr/bin/env python3
"""A little LwM2M device with a few objects, for the tests and for people:

    python3 lwm2m_device.py --endpoint ep1 --server 127.0.0.1:5683

registers, stays registered, and answers what the server asks of it. --help tells what else it can
be: a device that sleeps, one that loses datagrams, one that speaks this or that format only."""
import argparse
import os
import random
import threading
import time

from lwm2m_formats import (
    from_octets, from_text, numbers, pack, to_octets, to_text, unpack_json, unpack_senml_cbor,
    unpack_senml_json, unpack_tlv)
from lwm2m_objects import Resource, little_sensor
from lwm2m_peer import Peer, Udp
from lwm2m_wire import (
    ACK, BAD_REQUEST, BLOCK1, BLOCK2, CHANGED, CON, CONTENT, CONTINUE, CREATED, DELETE, DELETED,
    EMPTY, FETCH, GET, INCOMPLETE, IPATCH, JSON, LINK, METHODS, NON, NOT_ACCEPTABLE, NOT_ALLOWED,
    NOT_FOUND, OBSERVE, OPAQUE, POST, PUT, RST, SENML_CBOR, SENML_JSON, SIZE2, TEXT, TLV,
    UNAUTHORIZED, UNSUPPORTED_FORMAT, Message, block, options, uint)

FORMATS = {'tlv': TLV, 'senml-json': SENML_JSON, 'senml-cbor': SENML_CBOR, 'json': JSON}


class Failed(Exception):
    """The answer to a request is an error."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Device(Peer):
    """Answers by itself, once it is started: from its own thread, or within serve()."""

    def __init__(self, transport, endpoint, objects=None, version='1.1', formats=(TLV,),
                 block_size=512, separate=0.0, binding=None, queue=False, root='', told=None,
                 notifies=CON, ack_timeout=2.0):
        super().__init__(transport, endpoint)
        self.version, self.formats, self.block_size = version, formats, block_size
        self.separate, self.binding, self.queue, self.root = separate, binding, queue, root
        self.told, self.notifies, self.ack_timeout = told, notifies, ack_timeout
        self.package, self.executed, self.attributes = b'', [], {}
        self.wants_update = threading.Event()
        self.objects = little_sensor(self) if objects is None else objects
        self.observed = {}    # path: [token, sequence, accept]
        self.replies = {}     # message id: (request as it came, reply)
        self.assembled = {}   # path and method: octets of a request in blocks
        self.large = {}       # path: a response that goes out in blocks
        self.served = []      # (method, path) of what was served, each once
        self.unacked = {}     # message id: [message, when it is said again, how often it was said]
        self.lock = threading.RLock()
        self.running, self.thread, self.fault = False, None, None

    def say(self, text):
        if self.told:
            self.told(f'{self.endpoint}: {text}')

    # ---- the objects
    def kind_of(self, path):
        """The type of a resource, by its numbers; of one that is not there: opaque."""
        try:
            return self.objects[path[0]][path[1]][path[2]].kind
        except KeyError:
            for instance in self.objects.get(path[0], {}).values():
                if path[2] in instance:
                    return instance[path[2]].kind
            return 'Opaque'

    def leaves(self, path):
        """What is readable at and below a path."""
        out, wanted = [], numbers(path)
        for o, instances in self.objects.items():
            for i, resources in instances.items():
                for r, resource in resources.items():
                    if [o, i, r][:len(wanted)] != wanted[:3] or 'R' not in resource.operations:
                        continue
                    values = resource.value if resource.multiple else {None: resource.value}
                    for ri, value in values.items():
                        if len(wanted) < 4 or ri == wanted[3]:
                            end = '' if ri is None else f'/{ri}'
                            out.append((f'/{o}/{i}/{r}{end}', resource.kind, value))
        return out

    def find(self, match, what=None, timeout=None):  # of Peer; the thread must not read as well
        assert threading.current_thread() is self.thread or not self.running, what
        return super().find(match, what, timeout)

    def at(self, path):
        """The resource of a path, or a dictionary of what is there."""
        here = self.objects
        for number in numbers(path)[:3]:
            if number not in here:
                raise Failed(NOT_FOUND)
            here = here[number]
        return here

    def links(self):
        head = ''
        if self.root or self.version != '1.0':
            head = f'<{self.root or "/"}>;rt="oma.lwm2m";ct="{" ".join(map(str, self.formats))}",'
        return head + ','.join(f'<{self.root}/{o}/{i}>' for o, instances in self.objects.items()
                               for i in instances)

    def set(self, path, value):
        """A new value, as the hardware brings it about."""
        o, i, r, *ri = numbers(path)
        resource = self.objects[o][i][r]
        if ri:
            resource.value[ri[0]] = value
        else:
            resource.value = value
        self.changed(path)

    # ---- what the server asks
    def read(self, request, path):
        if path == '/':
            raise Failed(NOT_ALLOWED)
        if request.accept == LINK:
            return CONTENT, LINK, self.discover(path)
        here = self.at(path)
        if numbers(path)[0] == 0:
            raise Failed(UNAUTHORIZED)
        found = self.leaves(path)
        if isinstance(here, Resource):
            if 'R' not in here.operations:
                raise Failed(NOT_ALLOWED)
            if not found:
                raise Failed(NOT_FOUND)
            if request.accept in (None, TEXT) and not (here.multiple and len(numbers(path)) == 3):
                return CONTENT, TEXT, to_text(*found[0][1:])
            if request.accept == OPAQUE and here.kind == 'Opaque':
                return CONTENT, OPAQUE, found[0][2]
        wanted = self.formats[0] if request.accept is None else request.accept
        if wanted not in self.formats:
            raise Failed(NOT_ACCEPTABLE)
        return CONTENT, wanted, pack(wanted, found, path)

    def discover(self, path):
        self.at(path)
        wanted = numbers(path)
        dimension = self.attributes.get(path, [])
        out = [f'<{path}>' + ''.join(f';{one}' for one in dimension)]
        for o, instances in self.objects.items():
            for i, resources in instances.items():
                if [o, i][:len(wanted)] == wanted[:2] and len(wanted) == 1:
                    out.append(f'</{o}/{i}>')
                for r, resource in resources.items():
                    if [o, i] == wanted[:2] and len(wanted) == 2:
                        one = f'/{o}/{i}/{r}'
                        many = [f'dim={len(resource.value)}'] if resource.multiple else []
                        out.append(f'<{one}>' + ''.join(
                            f';{a}' for a in many + self.attributes.get(one, [])))
        return ','.join(out).encode()

    def received(self, request, path, payload):
        """The leaves of a payload: [(path, value)], in our own types."""
        form = request.format
        if form in (TEXT, OPAQUE) or (form is None and len(numbers(path)) > 2):
            kind = self.kind_of(numbers(path))
            return [(path, payload if form == OPAQUE else from_text(kind, payload))]
        if form not in self.formats:
            raise Failed(UNSUPPORTED_FORMAT)
        if form == TLV:
            return [(where, value) for where, _, value in unpack_tlv(payload, path, self.kind_of)]
        decode = {SENML_JSON: unpack_senml_json, SENML_CBOR: unpack_senml_cbor,
                  JSON: unpack_json}[form]
        return [(where, float(value) if self.kind_of(numbers(where)) == 'Float' else value)
                for where, _, value in decode(payload)]

    def put(self, where, value, check=True):
        o, i, r, *ri = numbers(where)
        resource = self.objects.get(o, {}).get(i, {}).get(r)
        if resource is None:
            raise Failed(NOT_FOUND)
        if check and 'W' not in resource.operations:
            raise Failed(NOT_ALLOWED)
        if ri:
            if not resource.multiple:
                resource.value = {}
            resource.value[ri[0]] = value
        else:
            resource.value = value
        if resource.written:
            resource.written(value)
        self.changed(f'/{o}/{i}/{r}')

    def write(self, request, path, payload):
        if request.queries:
            self.attributes[path] = [one for one in request.queries if '=' in one]
            return CHANGED, None, b''
        if len(numbers(path)) < 2:
            raise Failed(NOT_ALLOWED)
        here = self.at(path)
        if numbers(path)[0] == 0:
            raise Failed(UNAUTHORIZED)
        try:
            found = self.received(request, path, payload)
        except (ValueError, KeyError, IndexError) as wrong:
            raise Failed(BAD_REQUEST) from wrong
        if request.code == PUT and isinstance(here, Resource) and here.multiple and \
                len(numbers(path)) == 3:
            here.value = {}
        for where, value in found:
            self.put(where, value)
        return CHANGED, None, b''

    def execute(self, path, payload):
        here = self.at(path)
        if not isinstance(here, Resource) or 'E' not in here.operations:
            raise Failed(NOT_ALLOWED)
        self.executed.append((path, payload.decode()))
        here.run(payload.decode())
        return CHANGED, None, b''

    def create(self, request, path, payload):
        instances = self.at(path)
        # Which number the new instance has: the server says, or we do.
        new = next(n for n in range(65535) if n not in instances)
        leaves = self.received(request, path, payload) if payload else []
        if any(len(numbers(where)) < 3 for where, _ in leaves):  # bare resources
            leaves = self.received(request, f'{path}/{new}', payload)
        chosen = {numbers(where)[1] for where, _ in leaves} or {new}
        if chosen & set(instances):
            raise Failed(BAD_REQUEST)
        for number in chosen:
            model = next(iter(instances.values()), {})
            instances[number] = {r: Resource(one.kind, one.value, one.operations, one.run)
                                 for r, one in model.items()}
        for where, value in leaves:
            self.put(where, value, check=False)
        self.wants_update.set()
        return CREATED, None, b'', [str(numbers(path)[0]), str(min(chosen))]

    def delete(self, path):
        if len(numbers(path)) != 2:
            raise Failed(NOT_ALLOWED)
        self.at(path)
        del self.objects[numbers(path)[0]][numbers(path)[1]]
        self.wants_update.set()
        return DELETED, None, b''

    def composite(self, request, payload):
        decode = {SENML_JSON: unpack_senml_json, SENML_CBOR: unpack_senml_cbor}.get(request.format)
        if decode is None or request.format not in self.formats:
            raise Failed(UNSUPPORTED_FORMAT)
        if request.code == IPATCH:
            for where, value in self.received(request, '/', payload):
                self.put(where, value)
            return CHANGED, None, b''
        found = [leaf for where, _, _ in decode(payload) for leaf in self.leaves(where)]
        return CONTENT, request.format, pack(request.format, found, '/')

    def serve_one(self, request, payload):
        """(code, format, payload[, location])."""
        path = request.path
        if self.root:
            path = path.removeprefix(self.root)
        self.served.append((METHODS[request.code], path))
        self.say(f'{METHODS[request.code]} {path}')
        try:
            if request.code in (FETCH, IPATCH):
                return self.composite(request, payload)
            if request.code == GET:
                return self.read(request, path)
            if request.code == PUT:
                return self.write(request, path, payload)
            if request.code == DELETE:
                return self.delete(path)
            depth = len(numbers(path))
            if depth == 1:
                return self.create(request, path, payload)
            if depth == 3 and request.format in (None, TEXT):
                return self.execute(path, payload)
            return self.write(request, path, payload)
        except Failed as failed:
            return failed.code, None, b''
        except OSError as wrong:  # firmware that cannot be fetched
            self.say(str(wrong))
            return BAD_REQUEST, None, b''

    # ---- blocks, observations, duplicates
    def whole(self, request):
        """The payload, when all of it is there; else (None, response)."""
        number, more, size = request.block(BLOCK1) or (0, False, 0)
        key = request.code, request.path
        if number:
            so_far = self.assembled.get(key, b'')
            if len(so_far) != number * size:
                return None, (INCOMPLETE, [(BLOCK1, block(number, more, size))], b'')
        else:
            so_far = b''
        so_far += request.payload
        if not more:
            self.assembled.pop(key, None)
            return so_far, None
        smaller = min(size, self.block_size)
        self.assembled[key] = so_far
        return None, (CONTINUE, [(BLOCK1, block(number, True, smaller))], b'')

    def respond(self, request):
        """(code, options, payload) of a request."""
        wanted = request.block(BLOCK2)
        if request.code == GET and wanted and wanted[0] and request.path in self.large:
            form, data = self.large[request.path]
            return self.in_blocks(request.path, form, data, wanted[0], wanted[2])
        payload, early = self.whole(request)
        if payload is None:
            return early
        code, form, body, *location = self.serve_one(request, payload)
        more = [(BLOCK1, block(*request.block(BLOCK1)))] if request.block(BLOCK1) else []
        if location:
            more += options(location=location[0])
        if request.code == GET and code == CONTENT and request.observe is not None:
            if request.observe == 0:
                self.observed[request.path] = [request.token, 1, request.accept]
                more.append((OBSERVE, uint(1)))
            else:
                self.observed.pop(request.path, None)
        size = min(self.block_size, wanted[2] if wanted else 1024)
        if len(body) > size:
            code, blocks, body = self.in_blocks(request.path, form, body, 0, size)
            return code, more + blocks, body
        return code, more + options(format=form), body

    def in_blocks(self, path, form, data, number, size):
        self.large[path] = form, data
        at = number * size
        more = options(format=form) + [(BLOCK2, block(number, at + size < len(data), size))]
        return CONTENT, more + ([] if number else [(SIZE2, uint(len(data)))]), data[at:at + size]

    def changed(self, path):
        """Whoever observes this, or what it is part of, is told."""
        with self.lock:
            for observed, entry in self.observed.items():
                bare = observed.removeprefix(self.root)
                if path == bare or path.startswith(bare + '/') or bare.startswith(path + '/'):
                    self.tell(observed, entry)

    def tell(self, path, entry):
        entry[1] = (entry[1] + 1) & 0xFFFFFF
        request = Message(CON, GET, 0, entry[0], options(path, accept=entry[2]))
        try:
            code, form, body = self.read(request, path.removeprefix(self.root))
        except Failed as failed:
            code, form, body = failed.code, None, b''
        more = options(format=form, observe=entry[1])
        if len(body) > self.block_size:
            code, blocks, body = self.in_blocks(path, form, body, 0, self.block_size)
            more = options(observe=entry[1]) + blocks
        self.say(f'notifies {path}')
        self.confirmed(Message(self.notifies, code, self.next_mid(), entry[0], more, body))

    def confirmed(self, message):
        """Sent until it is acknowledged, if it must be."""
        if message.type == CON:
            self.unacked[message.mid] = [message, time.monotonic() + self.ack_timeout, 1]
        self.send(message)

    def repeat(self):
        for mid, entry in list(self.unacked.items()):
            if time.monotonic() < entry[1]:
                continue
            if entry[2] > 4:
                del self.unacked[mid]
                continue
            entry[1] = time.monotonic() + self.ack_timeout * 2 ** entry[2]
            entry[2] += 1
            self.send(entry[0])

    def handle(self, message):
        if message.type in (ACK, RST):
            ours = self.unacked.pop(message.mid, None)
            if message.type == RST:  # nobody wants that notification any more
                for path, entry in list(self.observed.items()):
                    if ours and entry[0] == ours[0].token:
                        self.observed.pop(path)
                return
        if message.type == ACK or message.code not in METHODS:
            self.kept.append(message)
            return
        seen, reply = self.replies.get(message.mid, (None, None))
        if seen == message.pack():
            self.send(reply)
            return
        code, more, body = self.respond(message)
        later = message.type == CON and random.random() < self.separate
        if later:
            reply = Message(ACK, EMPTY, message.mid)
        elif message.type == CON:
            reply = Message(ACK, code, message.mid, message.token, more, body)
        else:
            reply = Message(NON, code, self.next_mid(), message.token, more, body)
        self.replies[message.mid] = message.pack(), reply
        if len(self.replies) > 1000:
            self.replies.pop(next(iter(self.replies)))
        self.send(reply)
        if later:
            self.confirmed(Message(CON, code, self.next_mid(), message.token, more, body))

    # ---- its life
    def pump(self, timeout):
        datagram = self.arrived(timeout)
        with self.lock:
            if datagram is not None:
                self.handle(Message.unpack(datagram))
            self.repeat()

    def serve(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.pump(min(left, 0.2))

    def run(self):
        try:
            while self.running:
                self.pump(0.05)
                if self.wants_update.is_set():
                    self.wants_update.clear()
                    self.say_again(POST, self.location, (), self.links())
        except Exception as fault:  # pylint: disable=broad-except; told by close()
            self.fault = fault

    def say_again(self, method, path, queries, payload):
        """A request to the server until it is answered, while its own are served. The response."""
        request = Message(CON, method, self.next_mid(), os.urandom(4),
                          options(path, queries, LINK if payload else None), payload)
        for attempt in range(5):
            self.send(request)
            until = time.monotonic() + 2.0 * 2 ** attempt
            while (left := until - time.monotonic()) > 0:
                self.pump(left)
                for message in list(self.kept):
                    self.kept.remove(message)
                    if message.token == request.token:
                        if message.type == CON:
                            self.send(Message(ACK, EMPTY, message.mid))
                        return message
        return None

    def queries(self, lifetime):
        out = [f'ep={self.endpoint}', f'lt={lifetime}', f'lwm2m={self.version}']
        if self.binding:
            out.append(f'b={self.binding}')
        return out + (['Q'] if self.queue else [])

    def start(self, lifetime=3600):
        """Registers, and serves from a thread of its own."""
        answer = self.say_again(POST, 'rd', self.queries(lifetime), self.links())
        assert answer is not None and answer.code == CREATED, f'{self.endpoint}: {answer}'
        self.location = answer.location
        self.running, self.thread = True, threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.running = False
        if self.thread:
            self.thread.join(30)
            self.thread = None

    def close(self):
        self.stop()
        super().close()


class Radio:
    """A transport that loses, repeats and delays datagrams, and that can be off."""

    def __init__(self, transport, loss=0.0, twice=0.0, delay=0.0):
        self.transport, self.loss, self.twice, self.delay = transport, loss, twice, delay
        self.on, self.address = True, transport.address

    def copies(self):
        return (random.random() >= self.loss) * (1 + (random.random() < self.twice))

    def send(self, datagram):
        for _ in range(self.copies()):
            if self.delay:
                time.sleep(random.uniform(0, self.delay))
            self.transport.send(datagram)

    def recv(self, timeout):
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            datagram = self.transport.recv(left)
            if datagram is not None and self.on and random.random() >= self.loss:
                return datagram
        return None

    def close(self):
        self.transport.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--endpoint', default='ep1', help='its name')
    parser.add_argument('--server', default='127.0.0.1:5683', help='host:port')
    parser.add_argument('--lifetime', type=int, default=300, help='seconds; it updates at half')
    parser.add_argument('--version', default='1.1', help='of LwM2M')
    parser.add_argument('--formats', default='tlv,senml-json,senml-cbor',
                        help=f'it speaks these, of {", ".join(FORMATS)}')
    parser.add_argument('--block-size', type=int, default=512, help='16 to 1024')
    parser.add_argument('--root', default='', help='where its objects are, like /lwm2m')
    parser.add_argument('--queue', action='store_true', help='queue mode: it sleeps, see --awake')
    parser.add_argument('--awake', type=float, default=5, help='seconds that it listens')
    parser.add_argument('--asleep', type=float, default=20, help='seconds that it does not')
    parser.add_argument('--separate', type=float, default=0, help='how many answers come later')
    parser.add_argument('--loss', type=float, default=0, help='how many datagrams are lost, 0 to 1')
    parser.add_argument('--twice', type=float, default=0, help='how many are sent twice')
    parser.add_argument('--delay', type=float, default=0, help='up to so many seconds on the way')
    parser.add_argument('--every', type=float, default=10, help='seconds between temperatures')
    parser.add_argument('--seconds', type=float, default=0, help='then it leaves; 0: when told')
    return parser.parse_args()


def live(device, radio, told):
    """Temperatures, updates and sleep, until it is time to go."""
    began = updated = measured = awake = time.monotonic()
    while not told.seconds or time.monotonic() - began < told.seconds:
        device.serve(0.2)
        now = time.monotonic()
        if told.queue and radio.on and now - awake > told.awake:
            device.say('sleeps')
            radio.on = False
        if told.queue and not radio.on and now - awake > told.awake + told.asleep:
            radio.on, awake = True, now
            device.wants_update.set()
        if now - updated > told.lifetime / 2:
            device.wants_update.set()
        if radio.on and device.wants_update.is_set():
            device.wants_update.clear()
            answer = device.say_again(POST, device.location, (), b'')
            updated = awake = time.monotonic()
            if answer is None or answer.code != CHANGED:
                device.say('has been forgotten, and registers again')
                register(device, told)
        if radio.on and now - measured > told.every:
            measured = now
            device.set('/3303/0/5700', round(21.5 + random.uniform(-2, 2), 1))


def register(device, told):
    while True:
        answer = device.say_again(POST, 'rd', device.queries(told.lifetime), device.links())
        if answer is not None and answer.code == CREATED:
            device.location = answer.location
            device.say(f'is registered as /{"/".join(answer.location)}')
            return
        device.say(f'is not registered: {answer}')
        time.sleep(3)


def main():
    told = arguments()
    host, port = told.server.rsplit(':', 1)
    address = host.strip('[]')
    radio = Radio(Udp((address, int(port)), '::' if ':' in address else '0.0.0.0'),
                  told.loss, told.twice, told.delay)
    device = Device(radio, told.endpoint, version=told.version,
                    formats=[FORMATS[one] for one in told.formats.split(',')],
                    block_size=told.block_size, separate=told.separate, queue=told.queue,
                    root=told.root, told=lambda text: print(text, flush=True))
    register(device, told)
    try:
        live(device, radio, told)
    except KeyboardInterrupt:
        pass
    device.say_again(DELETE, device.location, (), b'')
    device.say('has left')


if __name__ == '__main__':
    main()
