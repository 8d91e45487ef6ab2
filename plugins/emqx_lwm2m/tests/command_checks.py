"""Commands of MQTT clients: what goes to the device, octet by octet, and what comes back."""
import json

from lwm2m_checks import check, encoded, exchange, leaves, main
from lwm2m_formats import entries, pack_tlv
from lwm2m_wire import (
    CHANGED, CONTENT, CREATED, DELETE, DELETED, FETCH, GET, INTERNAL, IPATCH, LINK,
    NOT_ACCEPTABLE, NOT_ALLOWED, NOT_FOUND, OBSERVE, POST, PUT, SENML_JSON, TEXT, TLV,
    UNAUTHORIZED, code)


def write(operator, peer, **data):
    """The payload of a write to one resource."""
    request, reply = exchange(operator, peer, 'write', PUT, data['path'], **data)
    assert reply == {'reqPath': data['path'], 'code': '2.04', 'codeMsg': 'changed'}, reply
    assert request.format == TLV, request
    return request.payload


def refused(operator, peer, command, word='4.00', topic='command'):
    """A command that comes to nothing: its reply. The device hears nothing."""
    operator.send('ep1', command, topic)
    _, document = operator.find(lambda t, d: 'code' in d.get('data', {}), f'a refusal of {command}')
    assert document['data']['code'] == word, (command, document)
    peer.quiet()
    return document


@check('43: read a resource, an instance, an object, an instance of a resource')
def read(gw):
    operator = gw.operator()
    device = gw.device('ep1', version='1.0')
    data = operator.ask('ep1', 'read', path='/3/0/9')
    assert data == {'reqPath': '/3/0/9', 'code': '2.05', 'codeMsg': 'content',
                    'content': [{'path': '/3/0/9', 'value': 100}]}, data
    got = leaves(operator.ask('ep1', 'read', path='/3/0'))
    assert got == {'/3/0/0': 'Keel', '/3/0/1': 'little sensor', '/3/0/2': '0001', '/3/0/6/0': 1,
                   '/3/0/6/1': 5, '/3/0/7/0': 3800, '/3/0/7/1': 5000, '/3/0/9': 100,
                   '/3/0/11/0': 0, '/3/0/13': 1367491215, '/3/0/14': '+02:00'}, got
    got = leaves(operator.ask('ep1', 'read', path='/3303'))
    assert got == {'/3303/0/5700': 21.5, '/3303/0/5701': 'Cel'}, got
    assert leaves(operator.ask('ep1', 'read', path='/1'))['/1/0/6'] is False
    assert leaves(operator.ask('ep1', 'read', path='/3/0/7/1')) == {'/3/0/7/1': 5000}
    assert device.served[-1] == ('GET', '/3/0/7/1')


@check('43: every type of value')
def types(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</3>,</4>,</5>,</2/0>,</3303/0>')
    for path, kind, value, shown in (
            ('/3/0/9', 'Integer', -5, -5), ('/3/0/13', 'Time', 1 << 40, 1 << 40),
            ('/3303/0/5700', 'Float', -0.125, -0.125), ('/3/0/0', 'String', 'Zoë', 'Zoë'),
            ('/3/0/0', 'String', '', ''), ('/1/0/6', 'Boolean', True, True),
            ('/5/0/0', 'Opaque', bytes(range(200, 256)), encoded(bytes(range(200, 256))))):
        _, data = exchange(operator, peer, 'read', GET, path, CONTENT,
                           pack_tlv([(path, kind, value)], 3), TLV, path=path)
        assert data['content'] == [{'path': path, 'value': shown}], data


@check('44: several instances of a resource')
def instances(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    _, data = exchange(operator, peer, 'read', GET, '/3/0/6', CONTENT,
                       bytes.fromhex('8606410001410105'), TLV, path='/3/0/6')
    assert data['content'] == [{'path': '/3/0/6/0', 'value': 1}, {'path': '/3/0/6/1', 'value': 5}]


@check('45: what else is in a command comes back')
def echoed(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    more = {'requestID': 'a"b\\', 'cacheID': 1.5, 'imei': None, 'deep': {'a': [1, {'b': True}]},
            'big': 12345678901234567890, 'list': [], 'ü': 'ö'}
    operator.send('ep1', {'reqID': 'text', 'msgType': 'read', 'data': {'path': '/3/0/9'}, **more})
    peer.answer(peer.expect(GET, '/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
    _, document = operator.find(lambda t, d: d.get('reqID') == 'text', 'the reply')
    assert {key: document[key] for key in more} == more, document


@check('46: what devices refuse')
def errors(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for answer, word, text in (
            (UNAUTHORIZED, '4.01', 'unauthorized'), (NOT_FOUND, '4.04', 'not_found'),
            (NOT_ALLOWED, '4.05', 'method_not_allowed'),
            (INTERNAL, '5.00', 'internal_server_error'), (code('4.30'), '4.30', 'unknown'),
            (code('4.03'), '4.03', 'forbidden'), (code('5.03'), '5.03', 'service_unavailable')):
        _, data = exchange(operator, peer, 'read', GET, '/3/0/9', answer, path='/3/0/9')
        assert data['codeMsg'] == text and word == data['code'], data
        assert 'content' not in data and data['reqPath'] == '/3/0/9', data
    number = operator.command('ep1', 'read', path='/3/0/9')
    peer.answer(peer.expect(GET, '/3/0/9'), NOT_ACCEPTABLE)
    while True:  # it may try other formats first
        message = peer.recv(0.3)
        if message is None:
            break
        peer.answer(message, NOT_ACCEPTABLE)
    assert operator.reply(number)['data']['codeMsg'] == 'not_acceptable'


@check('47: discover')
def discover(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    links = ['</3/0>;dim=8;pmin=10', '</3/0/0>', '</3/0/9>;title="a, b;\\"c\\"";gt=5']
    number = operator.command('ep1', 'discover', path='/3/0')
    request = peer.expect(GET, '/3/0', accept=LINK)
    peer.answer(request, payload=','.join(links), format=LINK)
    assert operator.reply(number)['data'] == {
        'reqPath': '/3/0', 'code': '2.05', 'codeMsg': 'content', 'content': links}


@check('48: writes, octet by octet')
def writes(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, kind, value, wanted in (
            ('/1/0/1', 'Integer', 0, 'C10100'), ('/1/0/1', 'Integer', 127, 'C1017F'),
            ('/1/0/1', 'Integer', 128, 'C2010080'), ('/1/0/1', 'Integer', 129, 'C2010081'),
            ('/1/0/1', 'Integer', -1, 'C101FF'), ('/1/0/1', 'Integer', -129, 'C201FF7F'),
            ('/1/0/1', 'Integer', 65535, 'C4010000FFFF'),
            ('/1/0/1', 'Integer', 1 << 31, 'C801080000000080000000'),
            ('/1/0/1', 'Integer', -(1 << 63), 'C801088000000000000000'),
            ('/1/0/1', 'Integer', '60', 'C1013C'),
            ('/3303/0/5700', 'Float', 23.5, 'E81644084037800000000000'),
            ('/3303/0/5700', 'Float', '23.5', 'E81644084037800000000000'),
            ('/3303/0/5700', 'Float', 2, 'E81644084000000000000000'),
            ('/1/0/6', 'Boolean', True, 'C10601'), ('/1/0/6', 'Boolean', 'true', 'C10601'),
            ('/1/0/6', 'Boolean', 1, 'C10601'), ('/1/0/6', 'Boolean', 'false', 'C10600'),
            ('/1/0/6', 'Boolean', '0', 'C10600'),
            ('/3/0/14', 'String', '+02:00', 'C60E2B30323A3030'),
            ('/3/0/14', 'String', 'ü', 'C20EC3BC'), ('/3/0/14', 'String', '', 'C00E'),
            ('/3/0/14', 'String', 12, 'C20E3132'),
            ('/3/0/13', 'Time', 1367491215, 'C40D5182428F'),
            ('/5/0/0', 'Opaque', encoded(b'\x00\xff'), 'C20000FF'),
            ('/9/0/1', 'Objlnk', '66:1', 'C40100420001'),
            ('/9/0/1', 'Objlnk', '65535:65535', 'C401FFFFFFFF'),
            ('/3/0/300', 'Integer', 5, 'E1012C05'),
            ('/3/0/14', 'String', 'x' * 300, 'D00E012C' + '78' * 300)):
        if kind == 'Opaque':  # alone, it goes as it is
            request, _ = exchange(operator, peer, 'write', PUT, path, path=path, type=kind,
                                  value=value)
            assert request.payload == bytes.fromhex(wanted if request.format == TLV else '00FF')
            continue
        got = write(operator, peer, path=path, type=kind, value=value)
        assert got.hex().upper() == wanted, (path, kind, value, got.hex())


@check('48: unsigned integers')
def unsigned(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    got = write(operator, peer, path='/3303/0/6000', type='Unsigned Integer', value=255)
    assert entries(got)[0][2] == b'\xff', got.hex()
    got = write(operator, peer, path='/3303/0/6000', type='Unsigned Integer',
                value=18446744073709551615)
    assert entries(got)[0][2] == b'\xff' * 8, got.hex()


@check('49: writes of several resources')
def batches(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    content = [{'path': '13', 'type': 'Integer', 'value': 1},
               {'path': '/14', 'type': 'String', 'value': '+02:00'}]
    for mode, method in (({}, POST), ({'mode': 'replace'}, PUT)):
        request, reply = exchange(operator, peer, 'write', method, '/3/0', basePath='/3/0',
                                  content=content, **mode)
        assert request.format == TLV and request.payload.hex() == 'c10d01c60e2b30323a3030', request
        assert reply['code'] == '2.04' and reply['reqPath'] == '/3/0'
    request, _ = exchange(operator, peer, 'write', PUT, '/3/0/6', basePath='3/0/6', content=[
        {'path': '0', 'type': 'Integer', 'value': 1}, {'path': '1', 'type': 'Integer', 'value': 5}])
    assert request.payload.hex() == '8606410001410105', request


@check('50: types come from the definitions, or else from the value')
def guessed(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, value, wanted in (
            ('/3/0/14', '12', 'C20E3132'), ('/3303/0/5700', 2, 'E81644084000000000000000'),
            ('/1/0/6', 'true', 'C10601'), ('/1/0/1', '60', 'C1013C'),
            ('/33000/0/1', 'text', 'C40174657874'), ('/33000/0/1', True, 'C10101'),
            ('/33000/0/1', 5, 'C10105'), ('/33000/0/1', 23.5, 'C801084037800000000000')):
        got = write(operator, peer, path=path, value=value)
        assert got.hex().upper() == wanted, (path, value, got.hex())


@check('51: attributes')
def attributes(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for data, wanted in (
            ({'pmin': '1', 'pmax': '60'}, ['pmin=1', 'pmax=60']),
            ({'pmin': 1, 'pmax': None, 'gt': 2.5}, ['pmin=1', 'gt=2.5']),
            ({'pmin': '', 'lt': 'cancel', 'st': 1}, ['pmin', 'lt', 'st=1'])):
        request, reply = exchange(operator, peer, 'write-attr', PUT, '/3/0/9', path='/3/0/9',
                                  **data)
        assert sorted(request.queries) == sorted(wanted), request
        assert request.format is None and not request.payload, request
        assert reply == {'reqPath': '/3/0/9', 'code': '2.04', 'codeMsg': 'changed'}


@check('52: execute')
def execute(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for data in ({}, {'args': None}, {'args': 'undefined'}, {'args': ''}):
        request, reply = exchange(operator, peer, 'execute', POST, '/3/0/4', path='/3/0/4', **data)
        assert request.format is None and not request.payload, request
        assert reply['code'] == '2.04'
    request, _ = exchange(operator, peer, 'execute', POST, '/3/0/4', path='/3/0/4',
                          args="0='x',3")
    assert request.format == TEXT and request.payload == b"0='x',3", request


@check('53: create')
def create(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</3303>')
    number = operator.command('ep1', 'create', basePath='/3303',
                              content=[{'path': '0/5700', 'type': 'Float', 'value': 1.0}])
    request = peer.expect(POST, '/3303', format=TLV)
    assert entries(request.payload) == [(0, 0, [(3, 5700, b'\x3f\xf0' + bytes(6))])]
    peer.answer(request, CREATED)
    assert operator.reply(number)['data'] == {'reqPath': '/3303', 'code': '2.01',
                                              'codeMsg': 'created'}
    number = operator.command('ep1', 'create', basePath='/3303',
                              content=[{'path': '5700', 'type': 'Float', 'value': 1.0}])
    request = peer.expect(POST, '/3303', format=TLV)
    assert entries(request.payload) == [(3, 5700, b'\x3f\xf0' + bytes(6))]
    peer.answer(request, CREATED, location=('3303', '7'))
    assert operator.reply(number)['data']['location'] == '/3303/7'
    number = operator.command('ep1', 'create', basePath='/3303')
    request = peer.expect(POST, '/3303')
    assert not request.payload, request
    peer.answer(request, CREATED, location=('3303', '8'))
    assert operator.reply(number)['data']['location'] == '/3303/8'


@check('54: delete')
def delete(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    request, reply = exchange(operator, peer, 'delete', DELETE, '/3303/0', DELETED, path='/3303/0')
    assert not request.payload and reply == {'reqPath': '/3303/0', 'code': '2.02',
                                             'codeMsg': 'deleted'}


@check('55: paths')
def paths(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path in ('3/0', '/3/0/', '3/0/', '/3/0'):
        _, data = exchange(operator, peer, 'read', GET, '/3/0', CONTENT, b'', TLV, path=path)
        assert data['reqPath'] == path and data['content'] == [], data
    number = operator.command('ep1', 'read', path='/3/0/0?x=1')
    request = peer.expect(GET, '/3/0/0')
    assert request.queries == ['x=1'], request
    peer.answer(request, payload='y', format=TEXT)
    assert operator.reply(number)['data']['reqPath'] == '/3/0/0'
    for path in ('/a', '/3//0', '/70000', '/65535/0', '/1/2/3/4/5', '', 5, None, ['/3'], '/3/-1',
                 '/3/0 ', '/3/0x'):
        document = refused(operator, peer, {'msgType': 'read', 'data': {'path': path}})
        assert document['data']['codeMsg'] == 'bad_request' and document['msgType'] == 'read'
    for kind in ('write', 'observe'):
        refused(operator, peer, {'msgType': kind, 'data': {'path': '/3/0/9?pmin=1', 'value': 1}})


@check('56: object 0 is nobody\'s business')
def security(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</0/0>,</3/0>')
    for kind, data in (('read', {'path': '/0'}), ('read', {'path': '/0/0/5'}),
                       ('write', {'path': '/0/0/0', 'value': 'x'}), ('delete', {'path': '/0/0'}),
                       ('observe', {'path': '/0/0/0'}), ('discover', {'path': '/0'}),
                       ('create', {'basePath': '/0'}),
                       ('read-composite', {'paths': ['/3/0/0', '/0/0/5']})):
        refused(operator, peer, {'msgType': kind, 'data': data}, '4.01')


@check('57: commands that are none')
def no_commands(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    for kind, data in (
            ('dance', {'path': '/3/0'}), ('read', None), ('read', {}), ('read', []), (5, {}),
            ('write', {'path': '/3/0/14'}), ('write', {'path': '/3/0', 'value': 1}),
            ('write', {'path': '/1/0/1', 'type': 'Integer', 'value': 'x'}),
            ('write', {'path': '/1/0/1', 'type': 'Integer', 'value': 1.5}),
            ('write', {'path': '/1/0/1', 'type': 'Thing', 'value': 1}),
            ('write', {'path': '/1/0/6', 'type': 'Boolean', 'value': 'maybe'}),
            ('write', {'path': '/5/0/0', 'type': 'Opaque', 'value': '!!!'}),
            ('write', {'path': '/5/0/0', 'type': 'Objlnk', 'value': '66'}),
            ('write', {'basePath': '/3/0', 'content': 'x'}),
            ('write', {'basePath': '/3/0', 'content': [{'path': '13'}]}),
            ('write-attr', {'path': '/3/0/9'}), ('write-attr', {'path': '/3/0/9', 'pmin': 'x'}),
            ('execute', {'path': '/3/0'}), ('execute', {'path': '/3/0/4', 'args': 5}),
            ('delete', {'path': '/3'}), ('create', {'basePath': '/3/0'}),
            ('read-composite', {'paths': []}), ('read-composite', {'paths': 'x'})):
        document = refused(operator, peer, {'reqID': 7, 'msgType': kind, 'data': data})
        assert document['reqID'] == 7, document
        assert document['data'].get('reason'), (kind, data, document)
    document = refused(operator, peer, {'msgType': 'read'})
    assert document['data']['reqPath'] is None, document


GARBAGE = ['', 'x', '[]', '[{"msgType":"read"}]', '5', '"read"', 'null', '[' * 1_000_000,
           '{"a":' * 100_000, '{"msgType":"read","data":{"path":"/3/0"}', b'\x00\x01',
           b'{"\xff":1}',
           '{"msgType":"read","data":{"path":"/3/0"}} x', '{"a":' * 40 + '1' + '}' * 40]


@check('58: what is no JSON object')
def no_json(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for payload in GARBAGE:
        document = refused(operator, peer, payload)
        assert document['msgType'] == 'error' and \
            document['data']['reason'] == 'invalid_json', document


@check('58: which may be passed over in silence', offline_reply=False)
def silence(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    for payload in GARBAGE:
        operator.send('ep1', payload)
    operator.command('nobody', 'read', path='/3/0')
    number = operator.command('ep1', 'read', path='/3/0/9')
    peer.answer(peer.expect(GET, '/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
    operator.reply(number)
    operator.silent()


@check('59: values in hexadecimal, or as they are')
def hexadecimal(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for encoding, value, wanted in (('hex', '00ff10', 'C31400FF10'), ('hex', '', 'C014'),
                                    ('raw', 'abc', 'C314616263')):
        number = operator.command('ep1', 'write', extra={'encoding': encoding}, path='/33000/0/20',
                                  type='Opaque', value=value)
        request = peer.expect(PUT, '/33000/0/20')
        plain = bytes.fromhex(wanted)
        assert request.payload == (plain if request.format == TLV else plain[2:]), request
        peer.answer(request, CHANGED)
        assert operator.reply(number)['encoding'] == encoding
    for value in ('abc', 'zz', 5):
        refused(operator, peer, {'msgType': 'write', 'encoding': 'hex',
                                 'data': {'path': '/33000/0/20', 'type': 'Opaque', 'value': value}})


@check('60: fifty commands at once go one by one, in order')
def one_by_one(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    wanted = [operator.command('ep1', 'read', path=f'/3/0/{turn}') for turn in range(50)]
    for turn in range(50):
        request = peer.expect(GET, f'/3/0/{turn}')
        if turn % 10 == 0:
            peer.quiet()
        peer.answer(request, payload=f'{turn}', format=TEXT)
    got = [document['reqID'] for _, document in
           (operator.find(lambda t, d: 'reqID' in d, 'a reply') for _ in range(50))]
    assert got == wanted, got
    operator.event('ep1', 'register')
    operator.silent()


@check('63: answers go where the question says; retained commands are none')
def topics(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    operator.tcp.publish('lwm2m/ep1/command', json.dumps(
        {'reqID': 'old', 'msgType': 'read', 'data': {'path': '/3/0/9'}}), retain=True)
    operator.waiting()
    peer.register()
    peer.quiet()
    operator.event('ep1', 'register')
    operator.tcp.publish('lwm2m/ep1/command', b'', retain=True)
    operator.waiting()
    for topic, answered in (('command', 'response'), ('dn', 'up/resp'), ('dn/x', 'up/resp'),
                            ('dn/x/y', 'up/resp')):
        number = operator.command('ep1', 'read', topic, path='/3/0/9')
        peer.answer(peer.expect(GET, '/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
        where, _ = operator.find(lambda t, d, n=number: d.get('reqID') == n, 'the reply')
        assert where == f'lwm2m/ep1/{answered}', (topic, where)
    number = operator.command('nobody', 'read', 'dn/x', path='/3/0/9')
    where, document = operator.find(lambda t, d: d.get('reqID') == number, 'the reply')
    assert where == 'lwm2m/nobody/up/resp' and document['data'] == {
        'reqPath': '/3/0/9', 'code': '5.03', 'codeMsg': 'service_unavailable',
        'reason': 'not_registered'}, document


@check('64: topics as EMQ X 3 has them', topics__command='dn/#', topics__response='up/resp')
def third(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', 'dn/1', path='/3/0/9')
    peer.answer(peer.expect(GET, '/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
    where, _ = operator.find(lambda t, d: d.get('reqID') == number, 'the reply')
    assert where == 'lwm2m/ep1/up/resp'
    operator.event('ep1', 'register')
    operator.silent()
    assert 'lwm2m/ep1/command' not in gw.ctl('subscriptions', 'list')


@check('64: or absolute ones', topics__command='lwm2m/%e/dn/#', topics__response='lwm2m/%e/up/resp',
       topics__notify='lwm2m/%e/up/notify', topics__register='lwm2m/%e/up/resp',
       topics__update='lwm2m/%e/up/resp')
def absolute(gw):
    third(gw)
    assert 'lwm2m/ep1/lwm2m' not in gw.ctl('subscriptions', 'list')


@check('64: or somewhere else altogether', mountpoint='site/7/%e/', topics__notify='values')
def mounted(gw):
    operator, peer = gw.operator(mountpoint='site/7/%e/'), gw.registered('ep1')
    operator.event('ep1', 'register')
    values = gw.tcp('values', 'site/7/ep1/values')
    number = operator.command('ep1', 'observe', path='/3/0/9')
    request = peer.expect(GET, '/3/0/9')
    peer.answer(request, payload=bytes.fromhex('C10964'), format=TLV, observe=1)
    operator.reply(number)
    peer.notify(request, 2, bytes.fromhex('C10963'), format=TLV)
    assert json.loads(values.receive().payload)['msgType'] == 'notify'
    peer.quiet()


@check('65: composite reads and writes')
def composite(gw):
    operator, peer = gw.operator(), gw.registered('ep1', version='1.1',
                                                  objects='</>;rt="oma.lwm2m";ct=110,</3/0>,</1/0>')
    number = operator.command('ep1', 'read-composite', paths=['/3/0/0', '/1/0/1'])
    request = peer.expect(FETCH, '/', format=SENML_JSON, accept=SENML_JSON)
    assert sorted(one.get('bn', '') + one['n'] for one in json.loads(request.payload)) == \
        ['/1/0/1', '/3/0/0'], request
    peer.answer(request, payload=b'[{"n":"/3/0/0","vs":"x"},{"n":"/1/0/1","v":5}]',
                format=SENML_JSON)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x', '/1/0/1': 5}
    number = operator.command('ep1', 'write-composite', content=[
        {'path': '/3/0/14', 'type': 'String', 'value': 'y'}, {'path': '/1/0/1', 'value': 60}])
    request = peer.expect(IPATCH, '/', format=SENML_JSON)
    base, got = '', {}
    for one in json.loads(request.payload):
        base = one.get('bn', base)
        got[base + one.get('n', '')] = one.get('v', one.get('vs'))
    assert got == {'/3/0/14': 'y', '/1/0/1': 60}, request
    peer.answer(request, CHANGED)
    assert operator.reply(number)['data']['code'] == '2.04'
    number = operator.command('ep1', 'read-composite', paths=['/3/0/0'])
    peer.answer(peer.expect(FETCH, '/'), NOT_ALLOWED)
    assert operator.reply(number)['data']['code'] == '4.05'


@check('65: composite, with a device that has all of it')
def composite_device(gw):
    operator = gw.operator()
    gw.device('ep1', formats=(112, 110))
    data = operator.ask('ep1', 'read-composite', paths=['/3/0/0', '/3303/0'])
    assert leaves(data) == {'/3/0/0': 'Keel', '/3303/0/5700': 21.5, '/3303/0/5701': 'Cel'}, data
    data = operator.ask('ep1', 'write-composite',
                        content=[{'path': '/1/0/1', 'value': 77},
                                 {'path': '/3/0/14', 'value': 'z'}])
    assert data['code'] == '2.04', data
    assert leaves(operator.ask('ep1', 'read', path='/1/0/1')) == {'/1/0/1': 77}


@check('values may come with their names', content_meta=True)
def meta(gw):
    operator = gw.operator()
    gw.device('ep1')
    content = operator.ask('ep1', 'read', path='/3/0/9')['content'][0]
    assert content['value'] == 100 and content['type'] == 'Integer' and content['name'], content


@check('what is published has the QoS that is set', qos=1)
def qos(gw):
    peer, reader = gw.registered('ep1'), gw.tcp('reader', 'lwm2m/ep1/response')
    gw.operator().command('ep1', 'read', path='/3/0/9')
    peer.answer(peer.expect(GET, '/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
    assert reader.receive().qos == 1


@check('a read that is answered as observed leaves no observation')
def stray_observe(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/9')
    request = peer.expect(GET, '/3/0/9')
    assert request.opaque(OBSERVE) is None
    peer.answer(request, payload=bytes.fromhex('C10964'), format=TLV, observe=5)
    operator.reply(number)
    sent = peer.notify(request, 6, b'x', acknowledged=False)
    assert peer.refused(sent)


if __name__ == '__main__':
    main()
