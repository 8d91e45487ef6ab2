"""Very many clients at once, each with an address of its own."""
import resource
import select
import time

from sn_checks import check, eventually, main
from sn_client import Udp
from sn_wire import Message, flags, pack


def everyone(links, message, answer, seconds=60):
    """Each says message(index) until it has heard `answer`; some datagrams may be lost on the way,
    so what is not answered is said again. For so long nobody may have heard it."""
    waiting = dict(enumerate(links))
    poll = select.poll()
    by_fd = {link.socket.fileno(): index for index, link in waiting.items()}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    until, left = time.monotonic() + seconds, len(waiting)
    while waiting:
        if len(waiting) < left:
            until, left = time.monotonic() + seconds, len(waiting)
        assert time.monotonic() < until, f'{len(waiting)} have not heard {answer}'
        for index, link in list(waiting.items()):
            link.send(message(index))
            if index % 200 == 199:
                collect(poll, by_fd, waiting, answer, 0)
        quiet_at = time.monotonic() + 1.0
        while waiting and time.monotonic() < quiet_at:
            collect(poll, by_fd, waiting, answer, 50)


def collect(poll, by_fd, waiting, answer, milliseconds):
    for fd, _ in poll.poll(milliseconds):
        index = by_fd[fd]
        if index in waiting:
            message = Message(waiting[index].recv(0))
            if message.name == answer:
                assert getattr(message, 'code', 0) == 0, message
                del waiting[index]
                poll.unregister(fd)


@check('very many clients connect and publish with QoS 1: nothing is lost')
def many(gw):
    reader = gw.tcp('reader', 'te')
    before, count = gw.resident(), gw.arguments.clients
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 200, most), most))
    links = [Udp(gw.address) for _ in range(count)]
    everyone(links, lambda i: pack('CONNECT', flags=flags(clean=True), protocol=1, duration=600,
                                   client_id=f'm{i}'), 'CONNACK')
    assert len(gw.sn_clients()) == count
    each = (gw.resident() - before) / count
    print(f'# {each:.0f} octets of memory per client', flush=True)
    assert each < 65536, each  # bounded, also where a sanitizer keeps what was freed
    for number in range(2):
        everyone(links, lambda i, n=number: pack('PUBLISH', flags=flags(qos=1, kind=2), id=0x7465,
                                                 mid=n + 1, data=f'{i}/{n}'), 'PUBACK')
    expected = {f'{i}/{n}'.encode() for i in range(count) for n in range(2)}
    while expected:
        expected.discard(reader.receive().payload)
    everyone(links, lambda i: pack('DISCONNECT'), 'DISCONNECT')
    eventually(lambda: gw.sn_clients() == {}, 'nobody is left')
    for link in links:
        link.close()


@check('a flood of strangers leaves no state behind, and clients are served meanwhile')
def flood(gw):
    client = gw.device('served')
    before = gw.resident()
    strangers = [Udp(gw.address) for _ in range(500)]
    datagrams = [pack('SEARCHGW'), pack('PINGREQ'), pack('REGISTER', mid=1, topic='x'),
                 pack('PUBLISH', flags=0x62, id=0x7465), b'\xff\xff\xff']
    for turn in range(40):
        for stranger in strangers:
            stranger.send(datagrams[turn % len(datagrams)])
        client.send('PINGREQ')
        while client.recv().name != 'PINGRESP':
            pass
    assert set(gw.sn_clients()) == {'served'}
    assert gw.resident() - before < 32 << 20
    for stranger in strangers:
        stranger.close()


if __name__ == '__main__':
    main()
