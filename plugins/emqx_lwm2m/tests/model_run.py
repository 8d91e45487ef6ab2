"""The model-based run: devices that register, update, move, sleep, leave and notify, over a network
that does anything, and MQTT clients that command them. What must hold whatever happens: every
command has exactly one final reply, no notification comes twice or in the wrong order, nobody is
made to register again who did not go."""
import collections
import random
import threading
import time

from lossy_network import Faults, Proxy
from lwm2m_checks import check, eventually, leaves, main
from lwm2m_device import Device
from lwm2m_peer import Udp
from lwm2m_wire import CHANGED, CREATED, DELETE, DELETED, NOT_FOUND, POST

DEVICES = 6
QUICK = {'ack_timeout': '200ms', 'max_retransmit': 5, 'response_timeout': '5s',
         'qmode_time_window': '30s'}
ACCEPTED = ('2.05', '2.04', '2.01', '2.02', '4.04', '5.03', '5.04')


class Wanderer(Device):
    """A device that does anything. Its temperature only rises, so that order can be seen."""

    def __init__(self, index, proxy, seed, trouble):
        super().__init__(Udp(proxy.address, f'127.3.0.{index + 1}'), f'model{index}',
                         ack_timeout=0.15, separate=0.2)
        self.random = random.Random(f'{seed}/device/{index}')
        self.proxy, self.trouble = proxy, trouble
        self.state, self.actions = 'off', collections.Counter()
        self.temperature, self.forced = 0, 0
        self.set('/3303/0/5700', 0.0)

    def say_again(self, method, path, queries, payload):
        """More patient than the network is bad."""
        for _ in range(4):
            answer = super().say_again(method, path, queries, payload)
            if answer is not None:
                return answer
        return None

    def register(self):
        self.observed.clear()
        answer = self.say_again(POST, 'rd', self.queries(3600), self.links())
        assert answer is not None and answer.code == CREATED, f'{self.endpoint}: {answer}'
        self.location, self.state = answer.location, 'on'

    def update(self, *_, **__):
        answer = self.say_again(POST, self.location, (), self.links())
        assert answer is not None, f'{self.endpoint}: no answer to an update'
        assert answer.code == CHANGED, f'{self.endpoint} is made to register again: {answer}'

    def leave(self):
        answer = self.say_again(DELETE, self.location, (), b'')  # 4.04: the second copy of it
        assert answer is not None and answer.code in (DELETED, NOT_FOUND), \
            f'{self.endpoint}: {answer}'
        self.location, self.state = None, 'off'
        self.observed.clear()

    def step(self):
        choices = {'off': [('register', 4), ('listen', 1)],
                   'on': [('listen', 10), ('measure', 8), ('update', 3), ('move', 2),
                          ('reboot', 1), ('leave', 1), ('noise', 1)]}[self.state]
        action = self.random.choices([one for one, _ in choices], [w for _, w in choices])[0]
        self.actions[action] += 1
        if action in ('register', 'reboot'):
            self.register()
        elif action == 'update':
            self.update()
        elif action == 'leave':
            self.leave()
        elif action == 'move':  # and an update from there, as devices do that notice
            self.proxy.rebind(self.transport.address)
            self.serve(0.05)
            self.update()
        elif action == 'measure':
            self.temperature += 1
            self.set('/3303/0/5700', float(self.temperature))
        elif action == 'noise':
            self.transport.send(self.random.randbytes(self.random.randrange(1, 20)))
        self.serve(self.random.uniform(0, 0.1))

    def run(self):
        try:
            while self.running:
                self.step()
            if self.state == 'off':
                self.register()
            while not self.trouble.is_set() and self.state != 'ended':
                self.pump(0.05)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault
            self.trouble.set()

    def begin(self):
        self.running, self.thread = True, threading.Thread(target=self.run, daemon=True)
        self.thread.start()


class Commander(threading.Thread):
    """Commands the devices, until it is stopped."""

    def __init__(self, gw, seed, devices):
        super().__init__(daemon=True)
        self.random, self.devices = random.Random(f'{seed}/commander'), devices
        self.operator = gw.operator('model commander')
        self.sent, self.stopped, self.fault = {}, threading.Event(), None

    def one(self):
        device = self.random.choice(self.devices)
        kind, data = self.random.choice((
            ('read', {'path': '/3/0'}), ('read', {'path': '/3303/0/5700'}),
            ('write', {'path': '/3/0/14', 'value': 'x' * self.random.choice((5, 2000))}),
            ('execute', {'path': '/3/0/4'}), ('discover', {'path': '/3/0'}),
            ('observe', {'path': '/3303/0/5700'}), ('observe', {'path': '/3/0'}),
            ('cancel-observe', {'path': '/3/0'}), ('read', {'path': '/77/0'})))
        number = self.operator.command(device.endpoint, kind, **data)
        self.sent[number] = device.endpoint, kind, device.state

    def run(self):
        try:
            while not self.stopped.wait(self.random.uniform(0, 0.06)):
                self.one()
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault


def run(gw, faults, seconds, between=None, also=()):
    """`between` is called again and again meanwhile: reloads or upgrades. Replies with these codes
    are right, also."""
    seed = gw.arguments.seed
    print(f'# seed {seed}', flush=True)
    trouble = threading.Event()
    proxy = Proxy(gw.address, seed, faults)
    devices = [Wanderer(index, proxy, seed, trouble) for index in range(DEVICES)]
    gw.open.extend(devices)
    watcher, commander = gw.operator('model watcher'), Commander(gw, seed, devices)
    try:
        for device in devices:
            device.begin()
        commander.start()
        until = time.monotonic() + (gw.arguments.seconds or seconds)
        while time.monotonic() < until and not trouble.wait(0.3):
            if between:
                between()
        commander.stopped.set()
        commander.join(60)
        proxy.faults = Faults()
        for device in devices:
            device.running = False
        documents = judge(commander, watcher, devices, ACCEPTED + also)
        print(f'# network: {proxy.told}')
        actions = sum((device.actions for device in devices), collections.Counter())
        print(f'# devices: {dict(actions)}')
        print(f'# commands {len(commander.sent)}, replies {dict(documents)}', flush=True)
        for device in devices:
            device.state = 'ended'
            device.thread.join(30)
            device.leave()
        eventually(lambda: gw.devices() == {}, 'no device is left')
    finally:
        commander.stopped.set()
        for device in devices:
            device.running, device.state, device.location = False, 'ended', None
        trouble.set()
        for device in devices:
            device.stop()
        proxy.stop()


def judge(commander, watcher, devices, accepted):
    """Every command has one reply; notifications are in order. How often each reply came."""
    final, notified, seen = collections.Counter(), collections.defaultdict(list), []
    until = time.monotonic() + 90

    def take(timeout):
        one = watcher.arrived(timeout)
        if one is not None:
            seen.append(one)
            kind, number = one[1]['msgType'], one[1].get('reqID')
            if kind == 'notify':
                notified[one[0].split('/')[1], one[1]['data']['reqPath']].append(one[1])
            elif number is not None and kind != 'ack':
                final[number] += 1
        return one
    while set(commander.sent) - set(final):
        for device in devices:
            if device.fault:
                raise device.fault
        missing = [commander.sent[one] for one in set(commander.sent) - set(final)]
        assert time.monotonic() < until, f'{len(missing)} commands have no reply: {missing[:5]}'
        if take(1.0) is not None:  # for so long nothing may come
            until = time.monotonic() + 90
    while take(1.0) is not None:
        pass
    for fault in [commander.fault] + [device.fault for device in devices]:
        if fault:
            raise fault
    doubled = {one: count for one, count in final.items() if count != 1}
    assert not doubled, f'answered more than once: {doubled}'
    assert set(final) <= set(commander.sent), set(final) - set(commander.sent)
    kinds = collections.Counter()
    for topic, document in seen:
        if document.get('reqID') in final and document['msgType'] != 'notify' and \
                document['msgType'] != 'ack':
            word = document['data'].get('code')
            kinds[document['msgType'], word] += 1
            assert word in accepted, (topic, document)
    for (endpoint, path), documents in notified.items():
        if path != '/3303/0/5700':
            continue
        values = [leaves(one['data'])[path] for one in documents
                  if one['data']['code'] == '2.05' and not one.get('restored')]
        assert values == sorted(set(values)), f'{endpoint}: {values}'
    print(f'# notifications {sum(map(len, notified.values()))}')
    return kinds


@check('a good network', **QUICK)
def good(gw):
    run(gw, Faults(), 4)


@check('losses, copies and late datagrams', **QUICK)
def bad(gw):
    run(gw, Faults(loss=0.1, twice=0.1, late=0.2), 8)


@check('hardly anything gets through', **{**QUICK, 'max_retransmit': 8})
def terrible(gw):
    run(gw, Faults(loss=0.3, twice=0.2, late=0.3, delay=0.1), 5)


@check('losses, and new versions of the gateway in the middle of everything', **QUICK)
def upgrades(gw):
    # A late answer to a block that the old version asked for does not fit what the new one has.
    run(gw, Faults(loss=0.05, twice=0.05, late=0.1), 8, gw.upgrade, ('5.02',))


@check('losses, and reloads', **QUICK)
def reloads(gw):
    turns = []

    def reload():
        turns.append(1)
        gw.reload(**{**QUICK, 'queue_max': 100 + len(turns)})
    run(gw, Faults(loss=0.05, twice=0.05, late=0.1), 6, reload)


if __name__ == '__main__':
    main()
