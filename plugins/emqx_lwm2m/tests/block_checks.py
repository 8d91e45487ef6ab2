"""Payloads that take several messages, in both directions."""
import random

from lwm2m_checks import QUICK, check, encoded, leaves, main, served
from lwm2m_device import Radio
from lwm2m_wire import (
    BAD_REQUEST, BLOCK1, BLOCK2, CHANGED, CONTINUE, CREATED, ETAG, GET, INCOMPLETE, LINK, OPAQUE,
    POST, PUT, SIZE1, TEXT, TOO_LARGE, block)

BYTES = random.Random(7).randbytes(1 << 20)


def serve_blocks(peer, path, body, size, etag=None, limit=100_000):
    """Answers a read in blocks of `size`; how many went out."""
    request, count = peer.expect(GET, path), 0
    while True:
        number, _, wanted = request.block(BLOCK2) or (0, False, size)
        assert wanted <= size and request.path == path, request
        at = number * wanted
        more = [(BLOCK2, block(number, at + wanted < len(body), wanted))]
        if etag:
            more.append((ETAG, etag(count)))
        peer.answer(request, payload=body[at:at + wanted], format=TEXT, more=more)
        count += 1
        if at + wanted >= len(body) or count == limit:
            return count
        request = peer.expect(GET, path)


@check('88: read in blocks of every size')
def read(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    text = ''.join(chr(97 + turn % 26) for turn in range(10_000))
    for size in (1024, 64, 16):
        number = operator.command('ep1', 'read', path='/3/0/0')
        assert serve_blocks(peer, '/3/0/0', text.encode(), size) == -(-10_000 // size)
        assert leaves(operator.reply(number)['data']) == {'/3/0/0': text}


@check('88: the content changes meanwhile: read again, once')
def changing(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    serve_blocks(peer, '/3/0/0', b'a' * 300, 64, lambda count: b'1' if count < 2 else b'2')
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'a' * 300}
    number = operator.command('ep1', 'read', path='/3/0/0')
    serve_blocks(peer, '/3/0/0', b'a' * 300, 64, lambda count: bytes([count]), limit=4)
    data = served(operator, number, peer, lambda request: peer.answer(
        request, payload=b'a' * 64, format=TEXT,
        more=[(BLOCK2, block((request.block(BLOCK2) or (0,))[0], True, 64)),
              (ETAG, random.randbytes(4))]))
    assert data['code'] == '5.02', data


@check('88: a response without end', max_body_size='16KB')
def endless(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    asked = []

    def more(request):
        asked.append(request)
        assert len(asked) < 100
        peer.answer(request, payload=b'a' * 1024, format=TEXT,
                    more=[(BLOCK2, block((request.block(BLOCK2) or (0,))[0], True, 1024))])
    assert served(operator, number, peer, more)['code'] == '4.13'


def take_blocks(peer, request, size, answer=CHANGED):
    """The body of a write of which the first block is there; the device wants blocks of `size`."""
    body = b''
    while True:
        number, more, is_now = request.block(BLOCK1) or (0, False, 1024)
        assert number * is_now == len(body), f'{request} after {len(body)} octets'
        assert not more or len(request.payload) == is_now, request
        body += request.payload
        option = [(BLOCK1, block(number, more, min(size, is_now)))]
        peer.answer(request, CONTINUE if more else answer, more=option)
        if not more:
            return body
        request = peer.expect(PUT, request.path)
        assert request.block(BLOCK1)[2] <= size, request


def write(operator, peer, data, path='/5/0/0'):
    number = operator.command(peer.endpoint, 'write', path=path, type='Opaque',
                              value=encoded(data))
    request = peer.expect(PUT, path)
    assert request.number(SIZE1) == len(data) and request.format == OPAQUE, request
    return number, request


@check('89: a write of 1 MiB')
def large_write(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number, request = write(operator, peer, BYTES)
    assert request.block(BLOCK1) == (0, True, 512), request
    assert take_blocks(peer, request, 1024) == BYTES
    assert operator.reply(number)['data']['code'] == '2.04'


@check('89: with the largest blocks', block_size=1024)
def largest(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number, request = write(operator, peer, BYTES[:5000])
    assert request.block(BLOCK1) == (0, True, 1024), request
    assert take_blocks(peer, request, 1024) == BYTES[:5000]
    operator.reply(number)


@check('89: a device that wants smaller blocks')
def smaller(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for size in (128, 16):
        number, request = write(operator, peer, BYTES[:3000])
        assert take_blocks(peer, request, size) == BYTES[:3000]
        assert operator.reply(number)['data']['code'] == '2.04'


@check('89: a device that lost a block: once from the beginning, and no more')
def incomplete(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for again in (True, False):
        number, request = write(operator, peer, BYTES[:3000])
        peer.answer(request, CONTINUE, more=[(BLOCK1, block(0, True, 512))])
        peer.answer(peer.expect(PUT, '/5/0/0'), INCOMPLETE)
        request = peer.expect(PUT, '/5/0/0')
        if again:
            assert take_blocks(peer, request, 512) == BYTES[:3000]
            assert operator.reply(number)['data']['code'] == '2.04'
        else:
            peer.answer(request, INCOMPLETE)
            assert operator.reply(number)['data']['code'] == '4.08'
    peer.quiet()


@check('89: a device that says what it can take')
def too_large(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number, request = write(operator, peer, BYTES[:3000])
    peer.answer(request, TOO_LARGE, more=[(BLOCK1, block(0, True, 64))])
    request = peer.expect(PUT, '/5/0/0')
    assert request.block(BLOCK1) == (0, True, 64), request
    assert take_blocks(peer, request, 64) == BYTES[:3000]
    assert operator.reply(number)['data']['code'] == '2.04'
    number, request = write(operator, peer, BYTES[:3000])
    peer.answer(request, TOO_LARGE)
    assert operator.reply(number)['data']['code'] == '4.13'


@check('89: over a network that loses a good part', ack_timeout='100ms', max_retransmit=10)
def lossy(gw):
    operator = gw.operator()
    device = gw.device('ep1', transport=Radio(gw.endpoint(), loss=0.0), ack_timeout=0.1)
    device.transport.loss = 0.15
    data = operator.ask('ep1', 'write', path='/5/0/0', type='Opaque', value=encoded(BYTES[:20_000]))
    assert data['code'] == '2.04' and device.package == BYTES[:20_000], data
    device.transport.loss = 0.0


@check('a write that is larger than what may be', max_body_size='64KB')
def over_limit(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'write', path='/5/0/0', type='Opaque',
                              value=encoded(BYTES[:100_000]))
    assert operator.reply(number)['data']['code'] == '4.13'
    peer.quiet()


@check('90: blocks to us that do not fit')
def bad_blocks(gw):
    peer = gw.peer('ep1')
    queries = ('ep=ep1', 'lt=60')

    def first(option, payload):
        return peer.ask(POST, 'rd', queries, payload, format=LINK, more=[(BLOCK1, option)]).code
    assert first(block(0, True, 64), '</3/0>') == BAD_REQUEST  # too short
    assert first(b'\x07', '</3/0>') == BAD_REQUEST  # no such size
    assert first(block(1, True, 64), 'x' * 64) == INCOMPLETE  # nothing came before
    assert first(block(0, True, 16), '</3303/0>,</3303') == CONTINUE
    assert first(block(2, False, 16), '</3/0>') == INCOMPLETE  # one is missing
    assert gw.devices() == {}
    assert first(block(0, False, 64), '</3/0>') == CREATED


@check('90: tokens may differ from block to block, and the first block may come again')
def tokens(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    links = ','.join(f'</3303/{number}>' for number in range(20)).encode()
    for turn in range(2):
        answer = peer.ask(POST, 'rd', ['ep=ep1'], links[:64], format=LINK,
                          more=[(BLOCK1, block(0, True, 64))])
        assert answer.code == CONTINUE, (turn, answer)
    answers = peer.ask_in_blocks(POST, 'rd', ['ep=ep1'], links, 64, LINK)
    assert answers[-1].code == CREATED, answers
    peer.location = answers[-1].location
    assert len(operator.event('ep1', 'register')['objectList']) == 20
    answers = peer.ask_in_blocks(POST, peer.location, [], links[:79], 16, LINK)
    assert answers[-1].code == CHANGED and len(answers) == 5, answers
    assert len(operator.event('ep1', 'update')['objectList']) == 8


@check('90: a list that is too long')
def long_list(gw):
    peer = gw.peer('ep1')
    links = ','.join(f'</3303/{number}>' for number in range(7000)).encode()
    answers = peer.ask_in_blocks(POST, 'rd', ['ep=ep1'], links, 1024, LINK)
    assert answers[-1].code in (TOO_LARGE, BAD_REQUEST), answers[-1]
    assert gw.devices() == {}


@check('90: what is half there is not kept for ever', block_timeout='1s')
def half(gw):
    peer = gw.peer('ep1')
    peer.ask(POST, 'rd', ['ep=ep1'], 'x' * 64, format=LINK, more=[(BLOCK1, block(0, True, 64))],
             code=CONTINUE)
    peer.silent(1.5)
    peer.ask(POST, 'rd', ['ep=ep1'], '</3/0>', format=LINK, more=[(BLOCK1, block(1, False, 64))],
             code=INCOMPLETE)


@check('a device with small blocks is read and written whole', **QUICK)
def device(gw):
    operator = gw.operator()
    one = gw.device('ep1', block_size=16)
    assert len(leaves(operator.ask('ep1', 'read', path='/3/0'))) == 11
    text = 'z' * 2000
    assert operator.ask('ep1', 'write', path='/3/0/14', value=text)['code'] == '2.04'
    assert one.objects[3][0][14].value == text
    assert leaves(operator.ask('ep1', 'read', path='/3/0/14')) == {'/3/0/14': text}
    assert len(operator.ask('ep1', 'discover', path='/3/0')['content']) == 11


if __name__ == '__main__':
    main()
