"""Exchanges as other people's clients make them, with their peculiarities; byte for byte where it
matters: Wakaama (of today, and lightclient of LwM2M 1.0), Anjay, Leshan, Zephyr, modems."""
from lwm2m_checks import QUICK, check, encoded, leaves, main
from lwm2m_formats import cbor, pack_senml_cbor, pack_senml_json, pack_tlv, uncbor
from lwm2m_wire import (
    CHANGED, CON, CREATED, DELETE, DELETED, GET, LINK, NOT_ACCEPTABLE, NOT_ALLOWED,
    POST, PRECONDITION, PUT, SENML_CBOR, SENML_JSON, TEXT, TLV, UNAUTHORIZED, UNSUPPORTED_FORMAT,
    Message, options)

DEVICE = [('/3/0/0', 'String', 'Open Mobile Alliance'), ('/3/0/6/0', 'Integer', 1),
          ('/3/0/6/1', 'Integer', 5), ('/3/0/9', 'Integer', 100),
          ('/3/0/13', 'Time', 1367491215), ('/3/0/14', 'String', '+02:00')]
VALUES = {path: value for path, _, value in DEVICE}


def tour(operator, peer, pack, form, *, links, first=1):
    """What a test of interoperability does: read /3/0, write /1/0/1, execute /3/0/4, observe
    /3/0/13, cancel, discover, create, delete, leave. pack(leaves, path) makes the contents."""
    endpoint = peer.endpoint
    number = operator.command(endpoint, 'read', path='/3/0')
    answer(peer, GET, '/3/0', form, pack(DEVICE, '/3/0'))
    assert leaves(operator.reply(number)['data']) == VALUES

    number = operator.command(endpoint, 'write', path='/1/0/1', value=60)
    while True:
        request = peer.expect(PUT, '/1/0/1')
        if request.format in (form, TEXT):
            break
        peer.answer(request, UNSUPPORTED_FORMAT)
    if request.format == TLV:
        assert request.payload.hex() == 'c1013c', request
    peer.answer(request, CHANGED)
    assert operator.reply(number)['data']['code'] == '2.04'

    number = operator.command(endpoint, 'execute', path='/3/0/4')
    request = peer.expect(POST, '/3/0/4', format=None)
    peer.answer(request, CHANGED)
    assert operator.reply(number)['data']['code'] == '2.04'

    number = operator.command(endpoint, 'observe', path='/3/0/13')
    watched = answer(peer, GET, '/3/0/13', form, pack(DEVICE[4:5], '/3/0/13'), observe=first)
    assert operator.reply(number)['msgType'] == 'observe'
    for turn in (1, 2):
        later = [('/3/0/13', 'Time', 1367491215 + turn)]
        peer.notify(watched, first + turn, pack(later, '/3/0/13'), format=form)
        document = operator.notified(endpoint)
        assert document['seqNum'] == first + turn, document
        assert leaves(document['data']) == {'/3/0/13': 1367491215 + turn}, document
    number = operator.command(endpoint, 'cancel-observe', path='/3/0/13')
    request = peer.expect(GET, '/3/0/13', observe=1, token=watched.token)
    peer.answer(request, payload=pack(DEVICE[4:5], '/3/0/13'), format=form)
    operator.reply(number)

    number = operator.command(endpoint, 'discover', path='/3/0')
    peer.answer(peer.expect(GET, '/3/0', accept=LINK), payload=','.join(links), format=LINK)
    assert operator.reply(number)['data']['content'] == links

    number = operator.command(endpoint, 'create', basePath='/1024', content=[
        {'path': '10/1', 'type': 'Integer', 'value': 7}])
    request = peer.expect(POST, '/1024')
    while request.format != form:
        peer.answer(request, UNSUPPORTED_FORMAT)
        request = peer.expect(POST, '/1024')
    peer.answer(request, CREATED, location=('1024', '10'))
    assert operator.reply(number)['data']['code'] == '2.01'
    number = operator.command(endpoint, 'delete', path='/1024/10')
    peer.answer(peer.expect(DELETE, '/1024/10'), DELETED)
    assert operator.reply(number)['data']['code'] == '2.02'
    peer.update()
    peer.deregister()
    operator.event(endpoint, 'deregister')
    peer.location = None


def answer(peer, method, path, form, payload, **more):
    """To the first request whose Accept is one that it knows; what else comes hears 4.06."""
    while True:
        request = peer.expect(method, path)
        if request.accept in (form, None, TEXT):
            peer.answer(request, payload=payload, format=form, **more)
            return request
        peer.answer(request, NOT_ACCEPTABLE)


@check('104: lightclient of Wakaama, LwM2M 1.0: TLV, links without attributes')
def lightclient(gw):
    operator = gw.operator()
    peer = gw.registered('testlightclient', lt=300, version='1.0', queries=['b=U'],
                         objects='</>;rt="oma.lwm2m",</1/0>,</3/0>,</1024/10>')
    tour(operator, peer, lambda found, path: pack_tlv(found, path.count('/')), TLV,
         links=['</3/0/0>', '</3/0/9>', '</3/0/13>'])


@check('104: lwm2mclient of Wakaama, LwM2M 1.1: SenML JSON alone, text for a single resource')
def wakaama(gw):
    operator = gw.operator()
    peer = gw.registered(
        'testlwm2mclient', lt=300, version='1.1', queries=['b=U'],
        objects='</>;rt="oma.lwm2m";ct=110,</1/0>,</2/0>,</3/0>,</4/0>,</5/0>,</6/0>,</7/0>,'
                '</31024/10>,</31024/11>,</31024/12>')
    number = operator.command('testlwm2mclient', 'read', path='/3/0/9')
    peer.answer(peer.expect(GET, '/3/0/9', accept=SENML_JSON), payload='100', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/9': 100}
    number = operator.command('testlwm2mclient', 'read', path='/4/0')
    peer.answer(peer.expect(GET, '/4/0'), UNAUTHORIZED)
    assert operator.reply(number)['data']['codeMsg'] == 'unauthorized'
    tour(operator, peer, lambda found, path: pack_senml_json(found), SENML_JSON,
         links=['</3/0>', '</3/0/0>', '</3/0/6>;dim=2', '</3/0/9>;pmin=10;pmax=60'])


@check('104: Anjay falls back from version to version; SenML CBOR; a bare Q')
def anjay(gw):
    operator, peer = gw.operator(), gw.peer('urn:dev:os:0023C7-000001')
    links = '</>;rt="oma.lwm2m";ct="112 110 11542",</1>;ver=1.1,</1/0>,</3/0>,</1024/10>'
    peer.register(lt=86400, version='2.0', objects=links, code=PRECONDITION)
    peer.register(lt=86400, version='1.1', queries=['Q'], objects=links)
    event = operator.event(peer.endpoint, 'register')
    assert event['Q'] is True and 'b' not in event, event
    tour(operator, peer, lambda found, path: pack_senml_cbor(found), SENML_CBOR,
         links=['</3/0/0>', '</3/0/9>'], first=0)


@check('104: an Anjay that answers in records with base names')
def anjay_names(gw):
    operator = gw.operator()
    peer = gw.registered('anjay', version='1.1', objects='</>;rt="oma.lwm2m";ct="112",</3/0>')
    number = operator.command('anjay', 'read', path='/3/0')
    peer.answer(peer.expect(GET, '/3/0', accept=SENML_CBOR), payload=cbor(
        [{-2: '/3/0', 0: '/0', 3: 'Anjay'}, {0: '/9', 2: 5}, {0: '/6/0', 2: 1}]), format=SENML_CBOR)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'Anjay', '/3/0/9': 5, '/3/0/6/0': 1}
    number = operator.command('anjay', 'write', path='/3/0/14', value='x')
    request = peer.expect(PUT, '/3/0/14', format=SENML_CBOR)
    record = uncbor(request.payload)[0]
    assert record.get(-2, '') + record.get(0, '') == '/3/0/14' and record[3] == 'x', record
    peer.answer(request, CHANGED)
    operator.reply(number)


@check('104: the demo of Leshan begins its sequences anywhere, and speaks TLV and SenML')
def leshan(gw):
    operator = gw.operator()
    peer = gw.registered(
        'leshan-demo', lt=300, version='1.1', queries=['b=U'],
        objects='</>;rt="oma.lwm2m";ct="60 110 112 1542 1543 11542 11543",</1>;ver=1.1,</1/0>,'
                '</3>;ver=1.1,</3/0>,</6/0>,</3303>;ver=1.1,</3303/0>,</3442/0>')
    tour(operator, peer, lambda found, path: pack_tlv(found, path.count('/')), TLV,
         links=['</3/0>', '</3/0/0>', '</3/0/6>;dim=2'], first=0xFFFFFE - 3)


@check('104: Zephyr answers separately, and encodes 129 as 81')
def zephyr(gw):
    operator = gw.operator()
    peer = gw.registered('zephyr', lt=60, objects='</1/0>,</3/0>,</3303/0>')
    number = operator.command('zephyr', 'read', path='/3/0/9')
    request = peer.expect(GET, '/3/0/9')
    peer.acknowledge(request)
    sent = peer.separately(request, payload=bytes.fromhex('C10981'), format=TLV)
    peer.find(lambda m: m.mid == sent.mid, 'the ACK')
    assert leaves(operator.reply(number)['data']) == {'/3/0/9': -127}  # as it is written
    number = operator.command('zephyr', 'observe', path='/3303/0/5700')
    request = peer.expect(GET, '/3303/0/5700')
    peer.answer(request, payload=bytes.fromhex('E41644') + bytes.fromhex('41BC0000'), format=TLV,
                observe=3)
    operator.reply(number)
    peer.notify(request, 4, bytes.fromhex('E4164441BC0000'), format=TLV)
    assert leaves(operator.notified('zephyr')['data']) == {'/3303/0/5700': 23.5}
    number = operator.command('zephyr', 'create', basePath='/3303')
    peer.answer(peer.expect(POST, '/3303'), NOT_ALLOWED)
    assert operator.reply(number)['data']['code'] == '4.05'


@check('104: a modem that is awake for moments, and reboots with the same message ids',
       qmode_time_window='1s', **QUICK)
def modem(gw):
    operator, peer = gw.operator(), gw.peer('861111111111111')
    queries = ['lwm2m=1.0', 'ep=861111111111111', 'lt=3600', 'b=UQ', 'apn=ctnb']
    for boot in range(3):
        message = Message(CON, POST, 1, b'\x01', options('rd', queries, LINK),
                          f'</1/0>,</3/0>,</19/{boot}>')
        peer.send(message)
        reply = peer.response(message)
        assert reply.code == CREATED, reply
        peer.location = reply.location
        event = operator.event(peer.endpoint, 'register')
        assert event['apn'] == 'ctnb' and f'/19/{boot}' in event['objectList'], event
    gw.asleep(peer)
    number = operator.command(peer.endpoint, 'write', path='/19/0/0', type='Opaque',
                              value=encoded(b'\x01\x02'))
    peer.silent(0.3)
    peer.update()
    request = peer.expect(PUT, '/19/0/0')
    peer.answer(request, CHANGED)
    assert operator.reply(number)['data']['code'] == '2.04'


@check('100: Send')
def send(gw):
    operator, peer = gw.operator(), gw.registered('ep1', version='1.1')
    for form, payload in ((SENML_JSON, pack_senml_json(DEVICE)),
                          (SENML_CBOR, pack_senml_cbor(DEVICE))):
        peer.ask(POST, 'dp', payload=payload, format=form, code=CHANGED)
        topic, document = operator.find(lambda t, d: d['msgType'] == 'send', 'the event')
        assert topic == 'lwm2m/ep1/up/notify', topic
        assert leaves(document['data']) == VALUES, document
    peer.ask(POST, 'dp', payload=b'[{"n":"/3/0/9","v":5,"t":1600000000}]', format=SENML_JSON,
             code=CHANGED)
    one = operator.event('ep1', 'send')['content'][0]
    assert one['time'] == 1600000000 and one['value'] == 5, one
    peer.ask(POST, 'dp', payload=b'{', format=SENML_JSON, code=0x80)
    peer.ask(POST, 'dp', payload=b'\xc1\x09\x64', format=TLV, code=UNSUPPORTED_FORMAT)
    gw.peer().ask(POST, 'dp', payload=b'[]', format=SENML_JSON, code=0x84)
    big = pack_senml_json([(f'/3303/{n}/5700', 'Float', n + 0.5) for n in range(200)])
    answers = peer.ask_in_blocks(POST, 'dp', [], big, 512, SENML_JSON)
    assert answers[-1].code == CHANGED, answers
    assert len(operator.event('ep1', 'send')['content']) == 200


if __name__ == '__main__':
    main()
