"""Deliveries to clients: repeated until acknowledged, one at a time, in order."""
import time

from sn_checks import PREDEFINED_TOPICS, check, eventually, main
from sn_client import Client, Udp
from sn_proxy import Proxy
from sn_wire import INVALID_ID, PREDEFINED, UNSUPPORTED, Message, flags, pack

QUICK = {'retry_interval': '400ms', 'max_retry': 3}
PATIENT = {**QUICK, 'max_retry': 20}  # nobody is lost because the machine is slow


def clock(gw, publisher):
    """A client that acknowledges nothing. Its second copy tells that two intervals have passed."""
    client = gw.device('clock')
    client.subscribe('clock/x', qos=1)

    def wait():
        publisher.publish('clock/x', 'tick')
        first = client.expect('PUBLISH')
        for _ in range(2):
            client.expect('PUBLISH', mid=first.mid, dup=True)
        client.send('PUBACK', id=first.id, mid=first.mid)
        client.taken = first.mid
    return wait


@check('an unacknowledged message is sent again with DUP; in the end the client is lost', **QUICK)
def retransmission(gw):
    reader = gw.tcp('reader', 'will/#')
    client = gw.device('slow', will=('will/slow', 'lost'))
    topic = client.subscribe('d/x', qos=1)
    before = gw.metric('retransmits')
    began = time.monotonic()
    reader.publish('d/x', 'x')
    first = client.expect('PUBLISH', id=topic, dup=False, qos=1)
    client.expect('PUBLISH', id=topic, dup=True, qos=1, mid=first.mid, data='x')
    assert time.monotonic() - began > 0.35  # never too early
    for _ in range(2):
        client.expect('PUBLISH', id=topic, dup=True, mid=first.mid)
    reader.gets('will/slow', 'lost')
    client.expect('DISCONNECT')
    eventually(lambda: gw.metric('retransmits') - before >= 3, 'three are counted')
    eventually(lambda: 'slow' not in gw.clients(), 'it is gone')
    eventually(lambda: gw.metric('lost_retry') >= 1, 'it is counted')


@check('a late acknowledgement stops the repetition', **PATIENT)
def late_ack(gw):
    client, publisher = gw.device('late'), gw.tcp('publisher')
    client.subscribe('d/x', qos=1)
    for number in '123':
        publisher.publish('d/x', number)
        first = client.expect('PUBLISH', dup=False, data=number)
        client.gets('d/x', number, dup=True, mid=first.mid)
        client.settle()
    clock(gw, publisher)()
    client.quiet()


@check('a client that is lost finds what it did not acknowledge when it is back', **QUICK)
def back_again(gw):
    client, publisher = gw.device('back', clean=False), gw.tcp('publisher')
    client.subscribe('back/x', qos=2)
    publisher.publish('back/x', 'one', qos=1)
    publisher.publish('back/x', 'two', qos=2)
    while client.recv().name != 'DISCONNECT':
        pass
    eventually(lambda: 'back' not in gw.clients(), 'it is lost')
    gw.reload(**PATIENT)
    client.connect(clean=False)
    client.gets('back/x', 'one', qos=1)
    client.gets('back/x', 'two', qos=2)
    client.quiet()
    client.connect(clean=True)


@check('one message with QoS 1 or 2 at a time, in order, a thousand of them')
def one_at_a_time(gw):
    client, publisher = gw.device('serial'), gw.tcp('publisher')
    topic = client.subscribe('serial/x', qos=2)
    sent = [publisher.client.publish('serial/x', f'{i}', 1 + i % 2) for i in range(900)]
    first = client.expect('PUBLISH', id=topic)
    client.silent(0.3)  # no second one
    for i in range(900):
        got = client.receive(first if i == 0 else None)
        assert got.data == f'{i}'.encode(), (got, i)
    for one in sent:
        one.wait_for_publish(30)
    for i in range(100):
        publisher.publish('serial/x', f'q0 {i}', 0)
    for i in range(100):
        client.gets('serial/x', f'q0 {i}', qos=0, mid=0)
    client.quiet()


@check('QoS 0 is sent while another message is acknowledged, and overtakes none that waits')
def mixed(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.subscribe('row/x', qos=1)
    publisher.publish('row/x', '1', 1)
    first = client.expect('PUBLISH', data='1')
    publisher.publish('row/x', '0', 0)
    client.gets('row/x', '0', qos=0)
    rows = [('2', 1), ('3', 0), ('4', 1), ('5', 0), ('6', 0), ('7', 1), ('8', 0)]
    for data, qos in rows:
        publisher.publish('row/x', data, qos)
    client.silent(0.3)
    client.receive(first)
    got = [client.receive() for _ in rows]
    assert [(one.data.decode(), one.message.qos) for one in got] == rows, got
    publisher.publish('row/x', '9', 0)
    client.gets('row/x', '9', qos=0)
    client.quiet()


@check('as many at a time as the settings say', max_inflight=3)
def window(gw):
    client, publisher = gw.device('wide'), gw.tcp('publisher')
    client.subscribe('wide/x', qos=1)
    for i in range(5):
        publisher.publish('wide/x', f'{i}')
    open_ = [client.expect('PUBLISH', data=f'{i}') for i in range(3)]
    client.silent(0.2)
    assert len({message.mid for message in open_}) == 3
    for message in open_:
        client.send('PUBACK', id=message.id, mid=message.mid)
    client.gets('wide/x', '3')
    client.gets('wide/x', '4')


@check('QoS 2 of a session goes on where it was when its client comes back')
def resumed(gw):
    client, tcp = gw.device('half', clean=False), gw.tcp('tcp', 'half/up')
    client.subscribe('half/down', qos=2)
    mid = client.send_publish(client.register('half/up'), 'up', 2)
    client.expect('PUBREC', mid=mid)
    tcp.publish('half/down', 'down', qos=2)
    message = client.expect('PUBLISH', data='down')
    client.send('PUBREC', mid=message.mid)
    client.expect('PUBREL', mid=message.mid)
    for again in (client.disconnect, lambda: None):  # it leaves, or reboots
        again()
        client.connect(clean=False)
        client.expect('PUBREL', mid=message.mid)
        client.send_publish(client.register('half/up'), 'up', 2, mid=mid, dup=True)
        client.expect('PUBREC', mid=mid)
    client.send('PUBCOMP', mid=message.mid)
    client.send('PUBREL', mid=mid)
    client.expect('PUBCOMP', mid=mid)
    tcp.gets('half/up', 'up')
    tcp.silent(0.1)
    client.quiet()
    client.connect(clean=True)


@check('QoS 2 to a client: any step lost is repeated, the message comes once', **PATIENT)
def exactly_once(gw):
    client, publisher = gw.device('two'), gw.tcp('publisher')
    tick = clock(gw, publisher)
    topic = client.subscribe('two/x', qos=2)
    publisher.publish('two/x', 'x', qos=2)
    message = client.expect('PUBLISH', id=topic, qos=2, dup=False)
    client.expect('PUBLISH', id=topic, qos=2, dup=True, mid=message.mid)  # as if it were lost
    client.send('PUBREC', mid=message.mid)
    client.behind_copies(message, 'PUBREL', mid=message.mid)
    client.send('PUBREC', mid=message.mid)  # again: it is told again
    client.expect('PUBREL', mid=message.mid)
    client.expect('PUBREL', mid=message.mid)  # PUBCOMP was lost
    client.send('PUBCOMP', mid=message.mid)
    client.send('PUBCOMP', mid=message.mid)
    client.taken = message.mid
    client.settle()
    tick()
    client.quiet()
    publisher.publish('two/x', 'next', qos=2)
    client.gets('two/x', 'next', qos=2)
    client.send('PUBREC', mid=4711)
    client.expect('PUBREL', mid=4711)
    client.send('PUBCOMP', mid=4711)
    client.send('PUBACK', id=1, mid=4712)
    client.quiet()


@check('a client that forgot the id is told it again, and gets the message again')
def forgotten_id(gw):
    client, publisher = gw.device('forgets'), gw.tcp('publisher')
    topic = client.subscribe('f/x', qos=2)
    for qos in (1, 2):
        publisher.publish('f/x', 'x', qos=qos)
        message = client.expect('PUBLISH', id=topic, dup=False)
        client.send('PUBACK', id=topic, mid=message.mid, code=INVALID_ID)
        register = client.expect('REGISTER', topic='f/x')
        client.learn(register)
        again = client.gets('f/x', 'x', dup=True, qos=qos)
        assert again.mid == message.mid and again.id == register.id
    client.names[PREDEFINED, 1] = PREDEFINED_TOPICS[1]
    client.subscribe(1, qos=1, kind=PREDEFINED)
    publisher.publish(PREDEFINED_TOPICS[1], 'x')
    message = client.expect('PUBLISH', kind=PREDEFINED)
    client.send('PUBACK', id=1, mid=message.mid, code=INVALID_ID)  # there is no help
    publisher.publish('f/x', 'goes on')
    client.gets('f/x', 'goes on')


@check('a client that says of every copy that it forgot the id still gets the message')
def forgotten_often(gw):
    client, publisher = gw.device('often'), gw.tcp('publisher')
    topic = client.subscribe('often/x', qos=2)
    for qos in (1, 2):
        publisher.publish('often/x', 'x', qos=qos)
        message = client.expect('PUBLISH', id=topic, dup=False)
        for _ in range(6):
            client.send('PUBACK', id=topic, mid=message.mid, code=INVALID_ID)
        again = client.gets('often/x', 'x', dup=True, qos=qos)
        assert again.mid == message.mid
    client.quiet()


@check('a client that never learns the id does not stop the others')
def hopeless_id(gw):
    client, publisher = gw.device('hopeless'), gw.tcp('publisher')
    client.subscribe('h/+', qos=1)
    publisher.publish('h/x', 'x')
    publisher.publish('h/y', 'y')
    cycles = 0
    while True:
        message = client.recv()
        if message.name == 'REGISTER':
            client.learn(message)
        elif message.data == b'x':
            cycles += 1
            assert cycles < 20
            client.send('PUBACK', id=message.id, mid=message.mid, code=INVALID_ID)
        else:
            break
    assert message.data == b'y' and cycles <= 4, cycles
    client.send('PUBACK', id=message.id, mid=message.mid)


@check('a client that reports congestion is left alone for a while', wait_interval='800ms')
def congestion(gw):
    client, publisher = gw.device('full'), gw.tcp('publisher')
    topic = client.subscribe('c/x', qos=1)
    publisher.publish('c/x', '1')
    publisher.publish('c/x', '2')
    message = client.expect('PUBLISH', data='1')
    began = time.monotonic()
    client.send('PUBACK', id=topic, mid=message.mid, code=1)
    client.gets('c/x', '1')
    assert time.monotonic() - began > 0.6
    client.gets('c/x', '2')
    publisher.publish('c/x', '3')
    message = client.expect('PUBLISH', data='3')
    client.send('PUBACK', id=topic, mid=message.mid, code=UNSUPPORTED)  # it does not want it
    publisher.publish('c/x', '4')
    client.gets('c/x', '4')
    client.quiet()


@check('message ids are never 0, and begin again behind 65535', max_inflight=50)
def message_ids(gw):
    client, publisher = gw.device('ids', duration=0), gw.device('publisher', duration=0)
    topic = client.subscribe('ids/x', qos=1)
    assert publisher.register('ids/x') == topic
    up, down = publisher.transport, client.transport
    publish = pack('PUBLISH', flags=flags(qos=1), id=topic, mid=1)
    total, sent, seen = 65600, 0, []
    while len(seen) < total:  # many at a time: each wait for the other side takes its time
        burst = min(50, total - sent)
        for _ in range(burst):
            up.send(publish)
        sent += burst
        for _ in range(burst):
            datagram = down.recv(client.patience)
            assert datagram and datagram[1] == 0x0C and datagram[2] == 0x20, datagram
            seen.append(datagram[5:7])
            down.send(b'\x07\x0d' + datagram[3:7] + b'\x00')
            assert up.recv(client.patience) is not None
    first = int.from_bytes(seen[0], 'big')
    assert seen == [((first - 1 + i) % 65535 + 1).to_bytes(2, 'big') for i in range(total)]


@check('datagrams lost, repeated and reordered on the way: everything arrives', **PATIENT)
def directed_loss(gw):
    """Every kind of message is lost once and doubled once, both ways."""
    proxy = Proxy(gw.address)
    seen = {}

    def fate(way, datagram):
        key = way, Message(datagram).name
        seen[key] = seen.get(key, 0) + 1
        return {1: [], 2: [0, 0.02]}.get(seen[key], [0])
    try:
        client = Client(Udp(proxy.address), 'lossy')
        gw.open.append(client)
        client.connect(clean=False)
        client.subscribe('lossy/#', qos=2)
        publisher = gw.tcp('publisher')
        proxy.rule = fate
        for i in range(8):
            publisher.publish('lossy/x', f'{i}', 1 + i % 2)
        got = []
        completed = set()
        while len(completed) < 8:
            message = client.recv()
            if message.name == 'REGISTER':
                client.learn(message)
            elif message.name == 'PUBLISH':
                if not got or got[-1] != message.data:
                    got.append(message.data)
                if message.qos == 1:
                    completed.add(message.data)
                    client.send('PUBACK', id=message.id, mid=message.mid)
                else:
                    client.send('PUBREC', mid=message.mid)
            elif message.name == 'PUBREL':
                completed.add(got[-1])
                client.send('PUBCOMP', mid=message.mid)
        assert got == [f'{i}'.encode() for i in range(8)], got
        proxy.rule = None
        client.send('PINGREQ')
        while client.recv().name != 'PINGRESP':
            pass
        client.transport.close()
        client.transport = Udp(gw.address)
    finally:
        proxy.stop()
    late = gw.device('lossy', clean=True)
    late.quiet()


if __name__ == '__main__':
    main()
