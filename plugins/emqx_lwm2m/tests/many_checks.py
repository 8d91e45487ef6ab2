"""Very many devices at once, each with an address of its own; floods."""
import json
import os
import resource
import select
import time

from endpoints import Udp
from lwm2m_checks import check, eventually, main
from lwm2m_wire import (
    ACK, CHANGED, CON, CREATED, DELETE, DELETED, GET, LINK, MAX_AGE, POST, TEXT, UNAVAILABLE,
    Message, options)


def everyone(links, message, code, seconds=120):
    """Each says message(index) until it is answered; some datagrams may be lost on the way, so what
    is not answered is said again. The answers."""
    answers, poll = {}, select.poll()
    by_fd = {link.socket.fileno(): index for index, link in enumerate(links)}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    said = [message(index).pack() for index in range(len(links))]
    until, most = time.monotonic() + seconds, 0

    def collect(milliseconds):
        for fd, _ in poll.poll(milliseconds):
            index = by_fd[fd]
            got = Message.unpack(links[index].recv(0))
            if got.type == ACK and got.mid == int.from_bytes(said[index][2:4], 'big'):
                assert code in (None, got.code), got
                answers[index] = got
    while len(answers) < len(links):
        if len(answers) > most:  # for so long nobody may be answered
            until, most = time.monotonic() + seconds, len(answers)
        assert time.monotonic() < until, f'{len(links) - len(answers)} have not been answered'
        for count, index in enumerate(set(range(len(links))) - set(answers)):
            links[index].send(said[index])
            if count % 100 == 99:
                collect(0)
        quiet_at = time.monotonic() + 1.0
        while len(answers) < len(links) and time.monotonic() < quiet_at:
            collect(50)
    return answers


def register(index, mid=1):
    return Message(CON, POST, mid, index.to_bytes(4, 'big'),
                   options('rd', [f'ep=m{index}', 'lt=3600', 'lwm2m=1.0'], LINK), '</1/0>,</3/0>')


def asked(link):
    """The next request; what everyone() said twice may be answered again before it."""
    while True:
        datagram = link.recv(30.0)
        assert datagram, 'no request'
        got = Message.unpack(datagram)
        if got.type != ACK:
            return got


def addresses(gw, count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 200, most), most))
    return [Udp(gw.address) for _ in range(count)]


@check('102: very many devices register, are commanded, update and leave')
def many(gw):
    # Before the many addresses: paho cannot select() above 1023.
    events, replies = gw.tcp('events', 'lwm2m/+/up/resp'), gw.tcp('replies', 'lwm2m/+/response')
    commander, took = gw.tcp('commander'), []
    before, count = gw.resident(), gw.arguments.clients
    links = addresses(gw, count)
    places = {index: one.location for index, one in
              everyone(links, register, CREATED).items()}
    assert len(set(map(tuple, places.values()))) == count
    each = (gw.resident() - before) / count
    print(f'# {each:.0f} octets of memory per device', flush=True)
    assert each < 65536, each  # bounded, also where a sanitizer keeps what was freed
    registered = set()
    while len(registered) < count:
        data = json.loads(events.receive().payload)
        assert data['msgType'] == 'register' and data['data']['ep'] not in registered, data
        registered.add(data['data']['ep'])
    for index in range(0, count, max(count // 500, 1)):
        began = time.monotonic()
        commander.publish(f'lwm2m/m{index}/command',
                          json.dumps({'reqID': index, 'msgType': 'read',
                                      'data': {'path': '/3/0/0'}}), qos=0)
        request = asked(links[index])
        assert request.code == GET, request
        links[index].send(Message(ACK, 69, request.mid, request.token, options(format=TEXT),
                                  'x').pack())
        assert json.loads(replies.receive().payload)['reqID'] == index
        took.append(time.monotonic() - began)
    took.sort()
    print(f'# commands: median {took[len(took) // 2] * 1e3:.1f} ms, '
          f'99 % {took[len(took) * 99 // 100] * 1e3:.1f} ms', flush=True)
    everyone(links, lambda i: Message(CON, POST, 2, b'', options(places[i])), CHANGED)
    everyone(links, lambda i: Message(CON, DELETE, 3, b'', options(places[i])), DELETED)
    eventually(lambda: gw.devices() == {}, 'nobody is left')
    for link in links:
        link.close()


@check('103: more than may register', max_devices=50)
def too_many(gw):
    links = addresses(gw, 80)
    answers = everyone(links, register, None)
    codes = [answer.code for answer in answers.values()]
    # Shards let devices in at the same time: each may be one ahead of the count.
    assert 50 <= codes.count(CREATED) <= 52, codes
    assert codes.count(CREATED) + codes.count(UNAVAILABLE) == 80, codes
    assert all(answer.number(MAX_AGE) for answer in answers.values()
               if answer.code == UNAVAILABLE)
    served = [index for index, answer in answers.items() if answer.code == CREATED]
    again = everyone([links[served[0]]], lambda _: register(served[0], 10), CREATED)
    places = {**{index: answers[index].location for index in served}, served[0]: again[0].location}
    everyone([links[served[0]]], lambda _: Message(CON, POST, 9, b'', options(places[served[0]])),
             CHANGED)
    go = served[:len(served) - 49]
    everyone([links[index] for index in go],
             lambda i: Message(CON, DELETE, 11, b'', options(places[go[i]])), DELETED)
    refused = next(index for index, answer in answers.items() if answer.code == UNAVAILABLE)
    everyone([links[refused]], lambda _: register(refused, 12), CREATED)
    for link in links:
        link.close()


@check('103: more at one time than may', max_register_rate=20)
def too_fast(gw):
    links = addresses(gw, 200)
    codes = [answer.code for answer in everyone(links, register, None).values()]
    assert codes.count(UNAVAILABLE) > 20 and codes.count(CREATED) >= 20, codes
    for link in links:
        link.close()


@check('a flood of strangers leaves no state behind, and devices are served meanwhile')
def flood(gw):
    peer, before = gw.registered('served'), gw.resident()
    strangers = addresses(gw, 500)
    datagrams = [
        Message(CON, GET, 1, b'x', options('.well-known/core')).pack(),
        Message(CON, POST, 2, b'y', options('rd/nothing')).pack(),
        Message(CON, 0, 3).pack(), os.urandom(30),
        Message(CON, POST, 4, b'z', options('dp', format=110), '[]').pack()]
    for turn in range(40):
        for stranger in strangers:
            stranger.send(datagrams[turn % len(datagrams)])
        peer.update()
    assert set(gw.devices()) == {'served'}
    assert gw.resident() - before < 32 << 20
    for stranger in strangers:
        stranger.close()


if __name__ == '__main__':
    main()
