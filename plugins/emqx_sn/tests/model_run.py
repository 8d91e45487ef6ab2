"""The model-based run: devices that do anything, over a network that does anything, and TCP clients
on the other side. What must hold whatever happens: nothing acknowledged is lost, QoS 2 comes once,
order is kept for each topic, no session is left over."""
import collections
import threading
import time

from model_device import DOWN_ID, UP_ID, Device
from sn_checks import check, eventually, main
from sn_proxy import Faults, Proxy

DEVICES = 6
QUICK = {'retry_interval': '200ms', 'max_retry': 4, 'await_rel_timeout': '1h'}
for one in range(DEVICES):
    QUICK[f'predefined__topic__{DOWN_ID + one}'] = f'm/{one}/down/pre'
    QUICK[f'predefined__topic__{UP_ID + one}'] = f'm/{one}/up/pre'
DOWN = ('m/{}/new/a', 'm/{}/new/b', 'm/{}/exact', 'm/{}/down/pre', 'd{}')


class Publisher(threading.Thread):
    """Publishes to the devices, QoS 1 and 2, until it is stopped."""

    def __init__(self, gw, devices):
        super().__init__(daemon=True)
        self.tcp, self.devices, self.random = gw.tcp('model publisher'), devices, gw.random
        self.sent = collections.defaultdict(list)  # device: [(topic, "qos number")]
        self.stopped, self.fault = threading.Event(), None

    def run(self):
        number = 0
        try:
            while not self.stopped.wait(self.random.uniform(0, 0.03)):
                number += 1
                device = self.random.choice(self.devices)
                topic = self.random.choice(DOWN).format(device.index)
                qos = self.random.choice((1, 2))
                self.sent[device.index].append((topic, f'{qos} {number}'))
                self.tcp.publish(topic, f'{qos} {number}', qos)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault


def qos_of(data):
    return int(data.split()[0])


def number_of(data):
    return int(data.split()[1])


def in_order(who, got, apart=False):
    """(topic, data) as they came: first copies rise within a topic, QoS 2 has no second one. Some
    clients hand over QoS 2 only when it is released: then each QoS is looked at `apart`."""
    seen, last = set(), {}
    for topic, data in got:
        if (topic, data) in seen:
            assert qos_of(data) < 2, f'{who}: {topic} = {data} came twice'
            continue
        seen.add((topic, data))
        if qos_of(data) == 0:  # the network may deliver it late
            continue
        key = topic, apart and qos_of(data)
        assert last.get(key, 0) < number_of(data), \
            f'{who}: {topic}: {data} came behind {last[key]}'
        last[key] = number_of(data)
    return seen


def run(gw, faults, seconds, between=None):
    """`between` is called again and again meanwhile."""
    seed = gw.arguments.seed
    print(f'# seed {seed}', flush=True)
    trouble = threading.Event()
    for index in range(DEVICES):  # an earlier run may have come to a bad end
        gw.device(f'model{index}')
    gw.close()
    proxy = Proxy(gw.address, seed, faults)
    devices = [Device(index, proxy, seed, trouble) for index in range(DEVICES)]
    gw.open.extend(device.client for device in devices)
    shorts = [f'u{device.index}' for device in devices]
    reader = gw.tcp('model reader', 'm/+/up/#', *shorts)
    publisher = Publisher(gw, devices)
    try:
        for device in devices:
            device.start()
        for device in devices:
            eventually(lambda d=device: d.subscribed.is_set() or trouble.is_set(),
                       'all devices subscribe')
        publisher.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not trouble.wait(0.5):
            if between:
                between()
        publisher.stopped.set()
        publisher.join(60)
        for device in devices:
            device.running = False
        for device in devices:
            device.join(60)
            if device.fault:
                raise device.fault
        if publisher.fault:
            raise publisher.fault
        proxy.faults = Faults()
        judge(gw, devices, publisher, reader)
        print(f'# network: {proxy.told}')
        total = collections.Counter()
        for device in devices:
            total.update(device.actions)
        print(f'# actions: {dict(total)}')
        print(f'# up {sum(len(d.done) for d in devices)}, '
              f'down {sum(map(len, publisher.sent.values()))}', flush=True)
    finally:
        publisher.stopped.set()
        for device in devices:
            device.running = False
        proxy.stop()


def judge(gw, devices, publisher, reader):
    for device in devices:
        expected = set(publisher.sent[device.index])
        try:
            device.finish(lambda d=device, e=expected: e <= set(d.got))
        except AssertionError as fault:
            missing = sorted(expected - set(device.got), key=lambda one: number_of(one[1]))
            raise AssertionError(f'{fault}; {len(missing)} of {len(expected)} are missing: '
                                 f'{missing[:5]}') from None
        seen = in_order(device.client.client_id, device.got)
        assert seen <= expected, f'{device.client.client_id} got {seen - expected}'
    wanted = {(topic, f'{qos} {number}') for device in devices
              for qos, topic, number in device.done if qos}
    arrived = []
    while wanted - set(arrived):
        message = reader.receive()
        arrived.append((message.topic, message.payload.decode()))
    while not reader.messages.empty():
        message = reader.receive()
        arrived.append((message.topic, message.payload.decode()))
    in_order('reader', arrived, apart=True)
    for device in devices:
        device.leave()

    def gone():
        """CONNACK does not say which CONNECT it is for: a slow machine makes a device repeat one,
        take the second answer for that of the next, and leave before that has begun anew. It has
        only gone away then, and leaves again."""
        left = gw.sn_clients()
        for device in devices:
            if left.get(device.client.client_id, {}).get('state') == 'away':
                device.leave()
        return not left
    eventually(gone, 'no device is left in the gateway')
    eventually(lambda: not any('model' in line and 'model ' not in line
                               for line in gw.ctl('sessions', 'list').splitlines()),
               'no session is left in the broker')


def seconds(gw, default):
    return gw.arguments.seconds or default


@check('a good network', **QUICK)
def good(gw):
    run(gw, Faults(), seconds(gw, 3))


@check('losses, copies and late datagrams', **QUICK)
def bad(gw):
    run(gw, Faults(loss=0.1, twice=0.1, late=0.2), seconds(gw, 8))


@check('hardly anything gets through', **QUICK)
def terrible(gw):
    run(gw, Faults(loss=0.35, twice=0.2, late=0.3, delay=0.1), seconds(gw, 5))


@check('losses, and new versions of the gateway in the middle of everything', **QUICK)
def upgrades(gw):
    run(gw, Faults(loss=0.05, twice=0.05, late=0.1), seconds(gw, 6), gw.upgrade)


@check('losses, and devices that an operator kicks', **QUICK)
def kicks(gw):
    def kick():
        client_id = f'model{gw.random.randrange(DEVICES)}'
        if client_id in gw.clients():
            try:
                gw.ctl('clients', 'kick', client_id)
            except AssertionError:  # it left meanwhile
                pass
    run(gw, Faults(loss=0.05, twice=0.05, late=0.1), seconds(gw, 5), kick)


if __name__ == '__main__':
    main()
