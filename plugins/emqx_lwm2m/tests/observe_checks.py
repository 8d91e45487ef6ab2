"""Observations: begun, notified, cancelled, restored."""
import time

from lwm2m_checks import QUICK, check, eventually, leaves, main
from lwm2m_wire import (
    BLOCK2, CONTENT, GET, INTERNAL, NON, NOT_FOUND, RST, SENML_JSON, TEXT, TLV, Message, block,
    options)

NINE = '/3/0/9'


def observe(operator, peer, path=NINE, value='1', sequence=1, form=TEXT):
    """(reqID, request) of one that is established."""
    number = operator.command(peer.endpoint, 'observe', path=path)
    request = peer.expect(GET, path, observe=0)
    peer.answer(request, payload=value, format=form, observe=sequence)
    document = operator.reply(number)
    assert document['msgType'] == 'observe' and document['data']['code'] == '2.05', document
    return number, request


def observed(gw, endpoint):
    return [one['path'] for one in gw.json('lwm2m', 'observations', endpoint)]


def value(document, path=NINE):
    return leaves(document['data'])[path]


@check('77: observe and its notifications')
def notifications(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'observe', extra={'cacheID': [1]}, path=NINE)
    request = peer.expect(GET, NINE, observe=0, accept=TLV)
    assert request.token and request.opaque(6) == b''
    peer.answer(request, payload=b'\xc1\x09\x64', format=TLV, observe=10)
    assert operator.reply(number) == {
        'reqID': number, 'cacheID': [1], 'msgType': 'observe', 'data': {
            'reqPath': NINE, 'code': '2.05', 'codeMsg': 'content',
            'content': [{'path': NINE, 'value': 100}]}}
    assert observed(gw, 'ep1') == [NINE]
    peer.notify(request, 11, b'\xc1\x09\x63', format=TLV)
    topic, document = operator.find(lambda t, d: d['msgType'] == 'notify', 'a notification')
    assert topic == 'lwm2m/ep1/up/notify' and document == {
        'reqID': number, 'cacheID': [1], 'msgType': 'notify', 'seqNum': 11, 'data': {
            'reqPath': NINE, 'code': '2.05', 'codeMsg': 'content',
            'content': [{'path': NINE, 'value': 99}]}}, document
    peer.notify(request, 12, '98', kind=NON)
    assert value(operator.notified('ep1')) == 98
    peer.quiet()  # NON is not acknowledged
    sent = peer.notify(request, 13, '97')
    peer.send(sent)  # nor does a copy count
    peer.find(lambda m: m.mid == sent.mid, 'its ACK')
    assert value(operator.notified('ep1')) == 97
    operator.event('ep1', 'register')
    operator.silent()


@check('78: a device that does not observe')
def not_observed(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'observe', path=NINE)
    peer.answer(peer.expect(GET, NINE, observe=0), payload='5', format=TEXT)
    data = operator.reply(number)['data']
    assert data['observed'] is False and leaves(data) == {NINE: 5}, data
    assert observed(gw, 'ep1') == []
    number = operator.command('ep1', 'observe', path=NINE)
    peer.answer(peer.expect(GET, NINE, observe=0), NOT_FOUND)
    assert operator.reply(number)['data']['code'] == '4.04'
    assert observed(gw, 'ep1') == []


@check('79: the order of notifications')
def sequence(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    _, request = observe(operator, peer, sequence=0xFFFFFE)
    operator.event('ep1', 'register')
    for number, text, fresh in ((0xFFFFFF, '2', True), (0xFFFFFE, '3', False), (0, '4', True),
                                (1, '5', True), (0, '6', False), (0xFFFFFF, '7', False),
                                (1, '8', False), (0x7FFFFF, '9', True),
                                (0x7FFFFF + 100, '10', True),
                                (0x7FFFFF, '11', False)):
        peer.notify(request, number, text)  # and is acknowledged
        if fresh:
            document = operator.notified('ep1')
            assert document['seqNum'] == number and value(document) == int(text), document
        else:
            operator.silent(0.1)


@check('80: cancel')
def cancel(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    _, request = observe(operator, peer)
    number = operator.command('ep1', 'cancel-observe', path=NINE)
    ends = peer.expect(GET, NINE, observe=1, token=request.token)
    peer.answer(ends, payload='7', format=TEXT)
    data = operator.reply(number)['data']
    assert data['code'] == '2.05' and leaves(data) == {NINE: 7}, data
    assert observed(gw, 'ep1') == []
    assert peer.refused(peer.notify(request, 2, '8', acknowledged=False))
    operator.event('ep1', 'register')
    operator.silent()
    number = operator.command('ep1', 'cancel-observe', path=NINE)  # of what is not observed
    message = peer.recv(0.5)
    if message is not None:
        peer.answer(message, payload='7', format=TEXT)
    operator.reply(number)


@check('81: an error ends an observation')
def error(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for code, word in ((NOT_FOUND, '4.04'), (INTERNAL, '5.00')):
        number, request = observe(operator, peer)
        sent = peer.separately(request, code, observe=2)
        assert not peer.refused(sent)
        document = operator.notified('ep1')
        assert document['reqID'] == number and document['data']['code'] == word, document
        assert observed(gw, 'ep1') == []
        assert peer.refused(peer.notify(request, 3, '8', acknowledged=False))


@check('82: observed twice is observed once')
def twice(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    observe(operator, peer, value='1')
    second, request = observe(operator, peer, value='2')
    peer.silent(0.3)
    assert observed(gw, 'ep1') == [NINE]
    peer.notify(request, 5, '3')
    document = operator.notified('ep1')
    assert document['reqID'] == second and value(document) == 3, document
    other, elsewhere = observe(operator, peer, '/3/0', value='', form=TLV)
    assert sorted(observed(gw, 'ep1')) == ['/3/0', NINE] and elsewhere.token != request.token
    assert other != second


@check('83: a notification from an address nobody knows')
def strange_address(gw):
    operator, old = gw.operator(), gw.registered('ep1')
    _, request = observe(operator, old)
    operator.event('ep1', 'register')
    new = gw.peer('ep1')
    assert new.refused(new.notify(request, 2, '2', acknowledged=False))
    operator.silent()
    new.location, old.location = old.location, None
    new.update()
    operator.event('ep1', 'update')
    new.notify(request, 3, '3')
    assert value(operator.notified('ep1')) == 3


@check('84: notifications in blocks')
def in_blocks(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    _, request = observe(operator, peer, '/3/0/0', value='short')
    text = 'abcdefgh' * 20  # 160 octets: three blocks
    def part(number):
        return text[number * 64:number * 64 + 64]

    def first(sequence):
        peer.notify(request, sequence, part(0), more=[(BLOCK2, block(0, True, 64))])

    def rest(number, more):
        wanted = peer.expect(GET, '/3/0/0', observe=None)
        assert wanted.block(BLOCK2)[0] == number and wanted.block(BLOCK2)[2] == 64, wanted
        peer.answer(wanted, payload=part(number), format=TEXT,
                    more=[(BLOCK2, block(number, more, 64))])
    first(2)
    rest(1, True)
    rest(2, False)
    assert value(operator.notified('ep1'), '/3/0/0') == text
    first(3)
    half = peer.expect(GET, '/3/0/0')
    text = '12345678' * 20  # changes meanwhile
    first(4)
    peer.answer(half, payload=part(1), format=TEXT, more=[(BLOCK2, block(1, True, 64))])
    while (wanted := peer.recv(1.0)) is not None:
        number = wanted.block(BLOCK2)[0]
        peer.answer(wanted, payload=part(number), format=TEXT,
                    more=[(BLOCK2, block(number, number < 2, 64))])
    assert value(operator.notified('ep1'), '/3/0/0') == text


@check('85: who registers again is observed anew')
def restored(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number, _ = observe(operator, peer)
    cancelled, _ = observe(operator, peer, '/3/0/13')
    ending = operator.command('ep1', 'cancel-observe', path='/3/0/13')
    peer.answer(peer.expect(GET, '/3/0/13', observe=1), payload='1', format=TEXT)
    operator.reply(ending)
    peer.register()
    request = peer.expect(GET, NINE, observe=0)
    peer.answer(request, payload='7', format=TEXT, observe=1)
    document = operator.notified('ep1')
    assert document['reqID'] == number and document['restored'] is True, document
    assert value(document) == 7
    peer.notify(request, 2, '8')
    document = operator.notified('ep1')
    assert value(document) == 8 and 'restored' not in document, document
    peer.quiet()
    assert cancelled


@check('85: or not', observe_restore=False)
def not_restored(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    _, request = observe(operator, peer)
    peer.register()
    assert peer.recv(1.0) is None
    assert peer.refused(peer.notify(request, 2, '2', acknowledged=False))
    assert observed(gw, 'ep1') == []


LINKS = '</0/0>,</1/0>,</2/0>,</3/0>,</4/0>,</5/0>,</6/0>,</7/0>,</9/0>,</15/0>,</3303/0>,</3304/0>'


def automatic(gw, links=LINKS):
    """The paths that are observed unasked, one at a time."""
    peer, paths = gw.peer('ep1'), []
    peer.register(objects=links)
    began = time.monotonic()
    while (request := peer.recv(3.0)) is not None:
        assert request.observe == 0 and time.monotonic() - began > 1.0, request
        paths.append(request.path)
        peer.quiet()  # nothing else until it is answered
        peer.answer(request, payload=b'', format=TLV, observe=1)
    return paths


@check('86: nothing is observed unasked', auto_observe='off')
def automatic_off(gw):
    assert automatic(gw) == []


@check('86: everything is', auto_observe='on')
def automatic_on(gw):
    operator = gw.operator()
    assert automatic(gw) == ['/3/0', '/3303/0', '/3304/0']
    document = operator.find(lambda t, d: d['msgType'] in ('observe', 'notify'), 'a value')[1]
    assert 'reqID' not in document, document


@check('86: what is listed is', auto_observe='/3/0/9,/3303,/1/0/1,/3305')
def automatic_list(gw):
    assert sorted(automatic(gw)) == ['/1/0/1', '/3/0/9', '/3303']


@check('87: a device that floods; others are served')
def flood(gw):
    operator, peer, other = gw.operator(), gw.registered('ep1'), gw.registered('ep2')
    _, request = observe(operator, peer)
    before = gw.resident()
    for turn in range(20_000):
        peer.transport.send(Message(NON, CONTENT, turn & 0xFFFF, request.token,
                                    options(format=TEXT, observe=turn + 2), f'{turn}').pack())
        if turn % 1000 == 0:
            other.update()
    other.update()
    assert gw.resident() - before < 64 << 20
    seen = [document['seqNum'] for _, document in operator.waiting(1.0)
            if document['msgType'] == 'notify']
    assert seen == sorted(set(seen)) and len(seen) > 100, len(seen)


@check('a device that forgets an observation, and one that says RST', **QUICK)
def forgotten(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'observe', path=NINE)
    request = peer.expect(GET, NINE)
    peer.send(Message(RST, 0, request.mid))
    assert operator.reply(number)['msgType'] == 'coap_reset'
    assert observed(gw, 'ep1') == []


@check('a device of our own is observed: a resource, an instance, in several formats')
def device(gw):
    operator = gw.operator()
    one, other = gw.device('ep1'), gw.device('ep2', formats=(SENML_JSON,), notifies=NON)
    for endpoint, which in (('ep1', one), ('ep2', other)):
        operator.ask(endpoint, 'observe', path='/3303/0/5700')
        operator.ask(endpoint, 'observe', path='/3303/0')
        which.set('/3303/0/5700', 30.5)
        got = [operator.notified(endpoint)['data'] for _ in range(2)]
        assert {data['reqPath'] for data in got} == {'/3303/0/5700', '/3303/0'}, got
        assert all(leaves(data)['/3303/0/5700'] == 30.5 for data in got), got
        operator.ask(endpoint, 'cancel-observe', path='/3303/0')
        which.set('/3303/0/5700', 31.5)
        assert operator.notified(endpoint)['data']['reqPath'] == '/3303/0/5700'
        eventually(lambda e=endpoint: observed(gw, e) == ['/3303/0/5700'], 'one is left')


if __name__ == '__main__':
    main()
