"""Datagrams that are no messages, the largest that are, and discovery."""
import random
import select
import socket
import time

from sn_checks import check, eventually, main
from sn_wire import LAYOUT, Message, frame, pack


@check('SEARCHGW of a stranger is answered and leaves nothing behind')
def searchgw(gw):
    peer = gw.peer()
    before = gw.log()
    peer.raw('03 01 00')
    peer.expect_raw('03 02 07')
    assert gw.sn_clients() == {}
    # That its machine is slow is nothing the stranger left.
    new = [line for line in gw.log()[len(before):].splitlines() if 'stalls every client' not in line]
    assert not any(word in line for line in new for word in ('error', 'warning')), new


@check('a long header around a short message is accepted')
def long_header(gw):
    peer = gw.peer()
    peer.raw('01 00 05 01 00')
    peer.expect_raw('03 02 07')
    client = gw.device('long')
    client.raw('01 00 04 16')
    client.expect('PINGRESP')


JUNK = {
    'empty and cut': ['', '00', '01', '01 00', '02', '01 00 03', '01 00 04', '00 16', '01 16'],
    'of another length than they say': ['03 16', '02 16 00', '01 00 05 16', '01 00 04 16 00',
                                        '0A 0A 00 00 00 01 61 62', '08 0A 00 00 00 01 61 62 63',
                                        'FF 16', '01 FF FF 16'],
    'of reserved types': ['02 03', '02 11', '02 19', '02 1E', '02 FD', '02 FF', '05 1F 00 00 00'],
    'of a fixed size with an octet more': [
        '05 10 00 01 00', '05 0F 00 01 00', '05 0E 00 01 00', '08 0D 00 01 00 01 00 00',
        '08 0B 00 01 00 01 00 00', '03 17 00', '03 18 00', '05 18 00 01 00', '04 01 00 00'],
    'too short for their type': [
        '06 0C 20 00 01 00', '02 0C', '06 12 01 00 01 00', '05 12 00 00', '08 12 01 00 01 00 01 00',
        '06 14 01 00 01 00', '08 14 02 00 01 61 62 63', '05 0A 00 00 00', '03 0D 00', '03 10 00',
        '02 04', '05 04 04 01 00', '02 01'],
}


def junk_check(kind):
    @check(f'datagrams {kind} are dropped and counted, the session stays')
    def run(gw):
        client = gw.device('junk')
        before = gw.metric('malformed')
        for datagram in JUNK[kind]:
            client.raw(datagram)
            client.quiet()
        counted = eventually(lambda: gw.metric('malformed') - before, 'malformed is counted')
        eventually(lambda: gw.metric('malformed') - before >= len(JUNK[kind]),
                   f'all {len(JUNK[kind])} are counted, not {counted}')
        stranger = gw.peer()
        for datagram in JUNK[kind]:
            stranger.raw(datagram)
            stranger.silent(0.02)


for one in JUNK:
    junk_check(one)


@check('what only gateways send is ignored, of clients and of strangers')
def gateway_only(gw):
    only = [pack('ADVERTISE', gw=9, duration=900), pack('GWINFO', gw=9), pack('CONNACK'),
            pack('GWINFO', gw=9, address=b'\x04abcd'), pack('WILLTOPICREQ'), pack('WILLMSGREQ'),
            pack('SUBACK'), pack('UNSUBACK', mid=1), pack('WILLTOPICRESP'), pack('WILLMSGRESP')]
    client, stranger = gw.device('c'), gw.peer()
    for datagram in only:
        client.raw(datagram)
        stranger.raw(datagram)
    client.quiet()
    stranger.silent()
    assert set(gw.sn_clients()) == {'c'}


@check('a hundred thousand random datagrams from the address of a client: its session answers')
def fuzz(gw):
    client = gw.device('fuzz', duration=0)
    random_bytes = random.Random(gw.arguments.seed)
    keep_out = {LAYOUT['CONNECT'][0], LAYOUT['DISCONNECT'][0], 0xFE}  # what may end a session
    for _ in range(400):
        for _ in range(250):
            datagram = random_bytes.randbytes(random_bytes.randrange(40))
            kind = random_bytes.randrange(3)
            if kind:  # a head that is right
                number = random_bytes.randrange(0x20 if kind == 1 else 256)
                datagram = frame(number, datagram, long=random_bytes.random() < 0.1)
            if len(datagram) > 1 and datagram[3 if datagram[0] == 1 else 1:][:1] in \
                    [bytes([number]) for number in keep_out]:
                continue
            client.transport.send(datagram)
        client.send('PINGREQ')
        until = time.monotonic() + client.patience
        while True:
            answer = client.transport.recv(until - time.monotonic())
            assert answer, 'no PINGRESP'
            if answer == b'\x02\x17':
                break
            Message(answer)  # well formed, whatever it is
    assert gw.state('fuzz') == 'active'


@check('the largest message goes round; the long header begins where it must')
def largest(gw):
    client, publisher = gw.device('large'), gw.device('publisher')
    topic = client.subscribe('large/topic')
    assert publisher.register('large/topic') == topic
    for size, total, head in ((248, 255, 2), (249, 258, 4), (250, 259, 4), (65498, 65507, 4)):
        data = bytes(random.Random(size).randbytes(size))
        publisher.publish(topic, data, qos=1)
        got = client.receive()
        assert got.data == data and got.message.head == head and len(got.message.raw) == total, \
            (size, got.message.head, len(got.message.raw))


@check('a message larger than the gateway sends is dropped for its client, others get it',
       max_packet_size=128)
def too_large(gw):
    small, other = gw.device('small'), gw.tcp('other', 'size/#')
    topic = small.subscribe('size/x')
    before = gw.metric('too_large')
    publisher = gw.tcp('publisher')
    for qos in (0, 1, 2):
        publisher.publish('size/x', b'l' * 122, qos)  # 129 octets
        publisher.publish('size/x', b's' * 121, qos)
        assert other.receive().payload[:1] == b'l'
        assert other.receive().payload[:1] == b's'
        small.gets('size/x', b's' * 121, id=topic)
    eventually(lambda: gw.metric('too_large') - before == 3, 'three are counted')


def listener(gw):
    """Hears what is sent to the broadcast address of loopback at the gateway's port."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    out.bind(('127.255.255.255', gw.port))
    return out


def heard(out, seconds):
    ready, _, _ = select.select([out], [], [], seconds)
    return out.recvfrom(2048) if ready else (None, None)


@check('ADVERTISE is heard at once and every period, from the port that serves')
def advertise(gw):
    gw.unload()
    with listener(gw) as out:
        began = time.monotonic()
        gw.load(advertise_duration=1, broadcast_address=['127.255.255.255'])
        for _ in range(3):
            datagram, sender = heard(out, 30)
            assert datagram == bytes.fromhex('05 00 07 00 01'), datagram
            assert sender == gw.address, sender
        assert time.monotonic() - began > 1.7
        gw.peer().raw(datagram)  # as it comes back from the network
        assert gw.sn_clients() == {}
        gw.load(advertise_duration='15m', broadcast_address=['127.255.255.255'])
        while True:
            datagram, _ = heard(out, 30)
            if datagram == bytes.fromhex('05 00 07 03 84'):
                break
            assert datagram == bytes.fromhex('05 00 07 00 01'), datagram


@check('nothing is advertised when the period is 0, or broadcasts are off')
def no_advertise(gw):
    gw.unload()
    with listener(gw) as out:
        for settings in ({'advertise_duration': 0}, {'broadcast': False, 'advertise_duration': 1}):
            gw.load(broadcast_address=['127.255.255.255'], **settings)
            gw.device('c').quiet()
            assert heard(out, 1.3) == (None, None)
            gw.close()


if __name__ == '__main__':
    main()
