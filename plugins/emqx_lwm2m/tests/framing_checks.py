"""CoAP messages: what is one, what is answered by whom, and what comes again."""
import random
import time

from lwm2m_checks import QUICK, check, eventually, leaves, main
from lwm2m_wire import (
    ACK, BAD_OPTION, CHANGED, CON, CONTENT, CREATED, EMPTY, GET, LINK, NON, NOT_ALLOWED, NOT_FOUND,
    POST, PUT, RST, TEXT, TLV, URI_QUERY, Message, octets, options)

REGISTER = '42 02 7D 34 A1 B2 B2 72 64 11 28 39 6C 77 6D 32 6D 3D 31 2E 30 06 65 70 3D 65 70 31' \
    '05 6C 74 3D 36 30 03 62 3D 55 FF 3C 2F 31 2F 30 3E 2C 3C 2F 33 2F 30 3E'


def harmless(gw, datagrams, answers):
    """What each datagram may be answered with: None, or the type of a message."""
    operator = gw.operator()
    for datagram in datagrams:
        peer = gw.peer()
        peer.raw(datagram)
        peer.ping()
        heard = [message.type for message in peer.kept]
        assert heard in answers, f'{datagram.hex(" ")}: {list(peer.kept)}'
        peer.kept.clear()
    operator.silent()
    assert gw.devices() == {}


@check('1: what is no CoAP is ignored')
def no_coap(gw):
    harmless(gw, [b'', b'\x40', b'\x40\x01', b'\x40\x01\x00', b'\x00\x01\x00\x01',
                  b'\x80\x01\x00\x01', b'\xc0\x01\x00\x01\xb2rd'], ([],))


@check('2: tokens that are too long')
def long_tokens(gw):
    harmless(gw, [bytes([0x40 | size, 2, 0, 7]) + bytes(size) + b'\xb2rd'
                  for size in range(9, 16)], ([], [RST]))


@check('3, 4: options that do not fit, and a marker without payload')
def bad_options(gw):
    tails = [b'\xb5rd', b'\xf1a', b'\x1fa', b'\xd1', b'\xe1\x00', b'\xbd', b'\xbe\x00',
             b'\xb2rd\xff', b'\xff', b'\xb2rd\xf0']
    harmless(gw, [b'\x40\x02\x00\x09' + tail for tail in tails], ([RST], []))
    harmless(gw, [b'\x50\x02\x00\x09' + tail for tail in tails], ([],))


@check('5: empty messages that are not empty, and codes of no class')
def bad_codes(gw):
    harmless(gw, [b'\x41\x00\x00\x09\x01', b'\x40\x00\x00\x09\xb2rd', b'\x40\x00\x00\x09\xffx',
                  *(bytes([0x40, code << 5 | 1, 0, 9]) for code in (1, 6, 7))], ([RST], []))


@check('6: a ping')
def ping(gw):
    peer = gw.peer()
    peer.raw('40 00 12 34')
    peer.expect_raw('70 00 12 34')


@check('7: options nobody knows')
def unknown_options(gw):
    peer = gw.peer('ep1')
    queries = ('ep=ep1', 'lt=60')
    peer.ask(POST, 'rd', queries, '</3/0>', code=BAD_OPTION, more=[(2049, b'x')])
    assert gw.devices() == {}
    peer.register(more=[(2048, b'x')])


@check('8: large deltas and lengths')
def large_options(gw):
    peer = gw.peer('ep1')
    operator = gw.operator()
    long = 'x' * 290
    peer.register(queries=[f'long={long}'], more=[(3000, b'y' * 700)])
    assert operator.event('ep1', 'register')['long'] == long


@check('9: a repeated request is answered by the same octets, and happens once')
def repeated(gw):
    operator, peer = gw.operator(), gw.peer()
    peer.raw(REGISTER)
    first = peer.arrived()
    peer.location = Message.unpack(first).location
    for _ in range(3):
        peer.raw(REGISTER)
        assert peer.arrived() == first
    operator.event('ep1', 'register')
    operator.silent()


@check('10: the same message id of a rebooted modem is another request')
def rebooted(gw):
    operator, peer = gw.operator(), gw.peer()
    for endpoint in ('ep1', 'ep2'):
        message = Message(CON, POST, 7, b'token', options('rd', [f'ep={endpoint}'], LINK), '</3/0>')
        peer.send(message)
        assert peer.response(message).code == CREATED
        operator.event(endpoint, 'register')


@check('11: a register that is not confirmable')
def not_confirmable(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    sent = peer.request(POST, 'rd', ['ep=ep1'], '</3/0>', format=LINK, kind=NON, token=b'abc')
    answer = peer.response(sent)
    assert answer.type == NON and answer.code == CREATED and answer.token == b'abc', answer
    peer.send(sent)
    peer.quiet()
    operator.event('ep1', 'register')
    operator.silent()


@check('12: what is there, and what may be done to it')
def resources(gw):
    peer = gw.peer()
    for path in ('nothing', 'rd/x/y', '', 'rdx', 'bs'):
        peer.ask(POST, path, code=NOT_FOUND)
    for method in (GET, PUT):
        peer.ask(method, 'rd', code=NOT_ALLOWED)
    answer = peer.ask(GET, '.well-known/core', code=CONTENT)
    assert answer.format == LINK and b'</rd>' in answer.payload, answer


@check('13: answers to questions nobody asked')
def unasked(gw):
    peer = gw.peer()
    sent = peer.send(Message(CON, CONTENT, 9, b'1234', options(format=TEXT), 'x'))
    assert peer.refused(sent)
    for kind in (NON, ACK, RST):
        peer.send(Message(kind, CONTENT if kind != RST else EMPTY, 10,
                          b'1234' if kind != RST else b''))
    peer.send(Message(ACK, EMPTY, 11))
    peer.quiet()
    device = gw.registered('ep1')
    sent = device.send(Message(CON, CONTENT, 12, b'1234', options(format=TEXT), 'x'))
    assert device.refused(sent)
    device.quiet()


@check('14: what is not acknowledged is sent again, the same octets, and fails in the end',
       ack_timeout='200ms', max_retransmit=4)
def retransmission(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    copies, times, began = [], [], time.monotonic()
    number = operator.command('ep1', 'read', path='/3/0/0')
    for _ in range(5):
        copies.append(peer.arrived())
        times.append(time.monotonic())
    assert len(set(copies)) == 1, copies
    # Each wait is at least twice as long as the one before; a slow machine may make it longer.
    waits = [came - began for came in times]
    assert all(wait > 0.2 * (2 ** turn - 1) for turn, wait in enumerate(waits)), waits
    answer = operator.reply(number)
    assert answer['msgType'] == 'coap_timeout' and answer['data'] == {
        'reqPath': '/3/0/0', 'reqType': 'read', 'code': '5.04', 'codeMsg': 'gateway_timeout'}
    peer.quiet()


@check('15: an ACK after the third copy', ack_timeout='100ms')
def late_ack(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    copies = [peer.recv() for _ in range(3)]
    for copy in copies:
        peer.answer(copy, payload='x', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x'}
    operator.event('ep1', 'register')
    operator.silent(0.5)
    peer.quiet()


@check('16: a separate response, twice', ack_timeout='300ms')
def separate(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0', extra={'more': [1, None]})
    request = peer.expect(GET, '/3/0/0')
    peer.acknowledge(request)
    ack = operator.reply(number, ('ack',))
    assert ack == {'reqID': number, 'more': [1, None], 'msgType': 'ack', 'data': {'path': '/3/0/0'}}
    peer.silent(0.8)  # it is not sent again
    sent = peer.separately(request, payload='later', format=TEXT)
    peer.find(lambda m: m.type == ACK and m.mid == sent.mid, 'its ACK')
    peer.send(sent)
    peer.find(lambda m: m.type == ACK and m.mid == sent.mid, 'the ACK of the copy')
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'later'}
    operator.event('ep1', 'register')
    operator.silent()
    number = operator.command('ep1', 'read', path='/3/0/0')  # one that is not confirmable
    request = peer.expect(GET, '/3/0/0')
    peer.acknowledge(request)
    peer.separately(request, payload='non', format=TEXT, kind=NON)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'non'}


@check('17: a separate response that overtakes its ACK', ack_timeout='200ms')
def overtaking(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    request = peer.expect(GET, '/3/0/0')
    sent = peer.separately(request, payload='early', format=TEXT)
    peer.find(lambda m: m.type == ACK and m.mid == sent.mid, 'its ACK')
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'early'}
    peer.acknowledge(request)
    peer.silent(0.6)


@check('a separate response that never comes', **QUICK)
def never(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    peer.acknowledge(peer.expect(GET, '/3/0/0'))
    assert operator.reply(number)['msgType'] == 'coap_timeout'
    peer.quiet()


@check('18: tokens of every length come back')
def tokens(gw):
    peer = gw.registered('ep1')
    for size in range(9):
        token = bytes(range(size))
        assert peer.update(token=token).token == token


@check('19: large datagrams and very many random ones')
def junk(gw):
    before = gw.resident()
    peer, chance = gw.peer(), random.Random(gw.arguments.seed)
    peer.raw(bytes(65507))
    peer.raw(b'\x40\x02\x00\x01\xb2rd\xff' + b'<' * 65400)
    kinds = [b'\x40\x02', b'\x50\x01', b'\x60\x45', b'\x44\x02', b'\x40\x00', b'\x48\x05']
    for turn in range(100_000):
        datagram = chance.randbytes(chance.randrange(40))
        if turn % 2:
            datagram = chance.choice(kinds) + datagram
        peer.transport.send(datagram)
        if turn % 100 == 0:
            while peer.transport.recv(0) is not None:
                pass
    gw.peer().ping()
    assert gw.resident() - before < 64 << 20


@check('20: message ids and tokens do not repeat')
def distinct(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    mids, tokens = set(), set()
    for turn in range(500):
        number = operator.command('ep1', 'read', path='/3/0/0')
        request = peer.expect(GET, '/3/0/0')
        assert request.mid not in mids and request.token not in tokens, turn
        assert 4 <= len(request.token) <= 8
        mids.add(request.mid)
        tokens.add(request.token)
        peer.answer(request, payload='x', format=TEXT)
        operator.reply(number)


@check('strangers get no more than three times what they send')
def amplification(gw):
    for datagram in (b'\x40\x01\x00\x01\xbb.well-known\x04core', b'\x40\x02\x00\x02\xb2rd',
                     b'\x40\x05\x00\x03', b'\x40\x02\x00\x04\xb2dp',
                     b'\x40\x04\x00\x05\xb2rd\x01x'):
        peer = gw.peer()
        peer.raw(datagram)
        got = peer.arrived()
        assert got is None or len(got) <= 3 * len(datagram), (datagram, got)


@check('options in front of others may be there twice, the host and port as well')
def extra_options(gw):
    peer = gw.peer('ep1')
    peer.register(more=[(3, b'gateway'), (7, b'\x16\x33'), (258, b'\x01'), (292, b'tag'),
                        (URI_QUERY, octets('b=U'))])
    peer.update(code=CHANGED)
    eventually(lambda: 'ep1' in gw.devices(), 'it is listed')
    operator = gw.operator()
    number = operator.command('ep1', 'read', path='/3/0/9')
    request = peer.expect(GET, '/3/0/9', accept=TLV)
    peer.answer(request, payload=bytes.fromhex('C10964'), format=TLV)
    assert leaves(operator.reply(number)['data']) == {'/3/0/9': 100}


if __name__ == '__main__':
    main()
