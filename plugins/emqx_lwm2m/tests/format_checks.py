"""What devices send as content: every format, well and badly formed."""
import json
import struct

from lwm2m_checks import QUICK, check, encoded, leaves, main
from lwm2m_formats import cbor
from lwm2m_wire import (
    CHANGED, GET, JSON, NOT_ACCEPTABLE, OPAQUE, PUT, SENML_CBOR, SENML_JSON, TEXT, TLV,
    UNSUPPORTED_FORMAT)


def data_of(operator, peer, path, payload, form):
    """The reply to a read that the device answers so."""
    if isinstance(payload, str) and form not in (TEXT, JSON, SENML_JSON):
        payload = bytes.fromhex(payload)
    number = operator.command(peer.endpoint, 'read', path=path)
    request = peer.find(lambda m: m.code == GET, f'GET {path}')
    assert request.path == path, request
    peer.answer(request, payload=payload, format=form)
    return operator.reply(number)['data']


def content(operator, peer, path, payload, form, wanted):
    data = data_of(operator, peer, path, payload, form)
    assert data['code'] == '2.05', (payload, data)
    assert leaves(data) == wanted, (payload, data)


def bad(operator, peer, path, payload, form):
    data = data_of(operator, peer, path, payload, form)
    raw = bytes.fromhex(payload) if isinstance(payload, str) and form in (TLV, SENML_CBOR) \
        else payload.encode() if isinstance(payload, str) else payload
    assert (data['code'], data['codeMsg'], data['reason'], data['format']) == \
        ('5.02', 'bad_gateway', 'bad_payload', form) and data['raw'] == encoded(raw), \
        (payload[:40], data)


@check('66: TLV')
def tlv(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</2>,</3/0>,</3303/0>,</66/0>')
    for path, payload, wanted in (
            ('/3/0/0', 'C800144F70656E204D6F62696C6520416C6C69616E6365',
             {'/3/0/0': 'Open Mobile Alliance'}),
            ('/3/0/9', 'C10964', {'/3/0/9': 100}),
            ('/3/0/6', '8606410001410105', {'/3/0/6/0': 1, '/3/0/6/1': 5}),
            ('/3/0/7', '88070842000ED842011388', {'/3/0/7/0': 3800, '/3/0/7/1': 5000}),
            ('/3/0/13', 'C40D5182428F', {'/3/0/13': 1367491215}),
            ('/3/0/14', 'C60E2B30323A3030', {'/3/0/14': '+02:00'}),
            ('/3303/0/5700', 'E4164441BC0000', {'/3303/0/5700': 23.5}),
            ('/3303/0/5700', 'E81644084037800000000000', {'/3303/0/5700': 23.5}),
            ('/3/0/9', 'C2090081', {'/3/0/9': 129}), ('/3/0/9', 'C10981', {'/3/0/9': -127}),
            ('/3/0/9', 'C309000001', {'/3/0/9': 1}),
            ('/3/0/0', 'C000', {'/3/0/0': ''}), ('/3/0', '', {}),
            ('/3/0', 'C10964C60E2B30323A3030', {'/3/0/9': 100, '/3/0/14': '+02:00'}),
            ('/3/0', '080003C10964', {'/3/0/9': 100}),
            ('/3/0/6/1', '8306410105', {'/3/0/6/1': 5}), ('/3/0/6/1', '410105', {'/3/0/6/1': 5}),
            ('/3/0/6/1', 'C10105', {'/3/0/6/1': 5}),
            ('/3/0/6', '410001410105', {'/3/0/6/0': 1, '/3/0/6/1': 5}),
            ('/3/0/0', 'D000012C' + '78' * 300, {'/3/0/0': 'x' * 300}),
            ('/3/0/0', 'D800000003616263', {'/3/0/0': 'abc'})):
        content(operator, peer, path, payload, TLV, wanted)


@check('66, 69: TLV of a whole object')
def tlv_object(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</2>,</3/0>')
    content(operator, peer, '/3', '080006C10964C10A05', TLV, {'/3/0/9': 100, '/3/0/10': 5})
    content(operator, peer, '/3', 'C10964', TLV, {'/3/0/9': 100})
    content(operator, peer, '/2', '08000EC10001C101008302417F07C1037F'
            '080212C10003C101008702417F0761013601C1037F', TLV,
            {'/2/0/0': 1, '/2/0/1': 0, '/2/0/2/127': 7, '/2/0/3': 127, '/2/2/0': 3, '/2/2/1': 0,
             '/2/2/2/127': 7, '/2/2/2/310': 1, '/2/2/3': 127})


@check('67: TLV that is none')
def bad_tlv(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    depth = ''
    for _ in range(60):
        depth = f'88{0:02X}{len(depth) // 2:02X}{depth}'
    for path, payload in (
            ('/3/0/9', 'C1'), ('/3/0/9', 'C109'), ('/3/0/9', 'E1'), ('/3/0/9', 'C80A'),
            ('/3/0/9', 'C80905FF'), ('/3/0/9', 'D809FFFFFF00'), ('/3', '410001'),
            ('/3/0', '8506' + '8303410105'), ('/3/0', depth), ('/3/0', '080103C10964'),
            ('/3/0/9', 'C10864')):
        bad(operator, peer, path, payload, TLV)
    content(operator, peer, '/3/0/9', 'C10964', TLV, {'/3/0/9': 100})


@check('68: values that do not fit their type')
def mismatched(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, payload in (('/3303/0/5700', 'E31644010203'), ('/1/0/6', 'C2060001'),
                          ('/3/0/9', 'C80909010203040506070809')):
        data = data_of(operator, peer, path, payload, TLV)
        one = data['content'][0]
        assert data['code'] == '2.05' and one['error'] == 'type_mismatch' and \
            one['type'] == 'Opaque', data


@check('70: text')
def text(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, payload, wanted in (
            ('/3/0/9', '100', 100), ('/3/0/9', '-5', -5), ('/3303/0/5700', '23.5', 23.5),
            ('/3303/0/5700', '-1.5e3', -1500.0), ('/3303/0/5700', '7', 7),
            ('/1/0/6', '0', False), ('/1/0/6', '1', True), ('/1/0/6', 'true', True),
            ('/1/0/6', 'false', False), ('/3/0/0', 'Zoë', 'Zoë'), ('/3/0/13', '1367491215',
                                                                  1367491215),
            ('/33000/0/1', 'text', 'text')):
        content(operator, peer, path, payload, TEXT, {path: wanted})
    content(operator, peer, '/5/0/0', encoded(b'\x00\xff'), TEXT, {'/5/0/0': encoded(b'\x00\xff')})
    for path, payload in (('/3/0/9', 'many'), ('/3/0/9', '1.5'), ('/3303/0/5700', 'x'),
                          ('/1/0/6', 'maybe')):
        data = data_of(operator, peer, path, payload, TEXT)
        assert data['code'] == '5.02' or data['content'][0].get('error') == 'type_mismatch', data


@check('70: octets')
def octets(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    content(operator, peer, '/5/0/0', b'\x00\xff\x80', OPAQUE, {'/5/0/0': encoded(b'\x00\xff\x80')})


@check('71: LwM2M JSON')
def lwm2m_json(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, payload, wanted in (
            ('/3/0', {'bn': '/3/0/', 'e': [{'n': '0', 'sv': 'x'}, {'n': '6/0', 'v': 1}]},
             {'/3/0/0': 'x', '/3/0/6/0': 1}),
            ('/3/0', {'bn': '/3/0', 'e': [{'n': '9', 'v': 1}]}, {'/3/0/9': 1}),
            ('/3/0', {'bn': '/3', 'e': [{'n': '0/9', 'v': 1}]}, {'/3/0/9': 1}),
            ('/3/0/9', {'bn': '/3/0/9', 'e': [{'v': 5}]}, {'/3/0/9': 5}),
            ('/3/0/9', {'bn': '/3/0/9', 'e': [{'n': '', 'v': 5}]}, {'/3/0/9': 5}),
            ('/3/0/9', {'e': [{'v': 5}]}, {'/3/0/9': 5}),
            ('/3/0', {'e': [{'n': '9', 'v': 5}]}, {'/3/0/9': 5}),
            ('/1/0', {'bn': '/1/0/', 'e': [{'n': '6', 'bv': True}]}, {'/1/0/6': True}),
            ('/66/0', {'bn': '/66/0/', 'e': [{'n': '3', 'ov': '66:1'}]}, {'/66/0/3': '66:1'}),
            ('/3/0', {'bn': '/3/0/', 'bt': 1367491215, 'e': [{'n': '9', 'v': 5, 't': -10}]},
             {'/3/0/9': 5})):
        content(operator, peer, path, json.dumps(payload), JSON, wanted)
    for payload in ('x', '[]', '{"e":5}', '{"e":[{"n":"9"}]}', '{"e":[{"n":"9","v":"x"}]}',
                    '{"bn":"/x/","e":[{"n":"9","v":5}]}', '{"e":[{"v":5,"sv":"x"}]}'):
        bad(operator, peer, '/3/0', payload, JSON)


@check('72: SenML JSON')
def senml_json(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for path, payload, wanted in (
            ('/3/0', [{'bn': '/3/0/', 'n': '0', 'vs': 'x'}, {'n': '9', 'v': 95},
                      {'bn': '/3/0/6/', 'n': '0', 'v': 1}, {'n': '1', 'v': 5}],
             {'/3/0/0': 'x', '/3/0/9': 95, '/3/0/6/0': 1, '/3/0/6/1': 5}),
            ('/3/0/9', [{'n': '/3/0/9', 'v': 95}], {'/3/0/9': 95}),
            ('/3/0/9', [{'bn': '/3/0/9', 'v': 95}], {'/3/0/9': 95}),
            ('/1/0/6', [{'n': '/1/0/6', 'vb': True}], {'/1/0/6': True}),
            ('/5/0/0', [{'n': '/5/0/0', 'vd': '-_8'}], {'/5/0/0': encoded(b'\xfb\xff')}),
            ('/66/0/3', [{'n': '/66/0/3', 'vlo': '66:1'}], {'/66/0/3': '66:1'}),
            ('/3/0/9', [{'n': '/3/0/9', 'v': 95, 'u': '%', 'x': 1, 'bver': 10}], {'/3/0/9': 95}),
            ('/3/0', [], {})):
        content(operator, peer, path, json.dumps(payload), SENML_JSON, wanted)
    for payload in ('x', '{}', '5', '[5]', '[{"n":"/3/0/9","v":"x"}]', '[{"n":"9","v":1}]',
                    '[{"n":"/3/0/9","v":1,"x_":1}]', '[{"n":"/3/x","v":1}]', '[{"v":1}',
                    '[{"bn":5,"v":1}]'):
        bad(operator, peer, '/3/0', payload, SENML_JSON)


@check('73: SenML CBOR')
def senml_cbor(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    vector = '84A321652F332F302F006130036345' '4D51A200613902185FA20063362F300201A20063362F310205'
    nine = '00662F332F302F39'  # n: /3/0/9
    temperature = bytes.fromhex('006C') + b'/3303/0/5700'
    for path, payload, wanted in (
            ('/3/0', vector, {'/3/0/0': 'EMQ', '/3/0/9': 95, '/3/0/6/0': 1, '/3/0/6/1': 5}),
            ('/3/0/9', '81A2' + nine + '02185F', {'/3/0/9': 95}),
            ('/3/0/9', '9FBF' + nine + '02185FFFFF', {'/3/0/9': 95}),
            ('/3/0/9', '81A2007F622F33642F302F39FF02185F', {'/3/0/9': 95}),
            ('/3/0/9', '81A2' + nine + '0220', {'/3/0/9': -1}),
            ('/3/0/9', '81A2' + nine + '02C1185F', {'/3/0/9': 95}),
            ('/3/0/9', '81A3' + nine + '02185F187B01', {'/3/0/9': 95}),
            ('/5/0/0', '81A200662F352F302F30084200FF', {'/5/0/0': encoded(b'\x00\xff')}),
            ('/1/0/6', '81A200662F312F302F3604F5', {'/1/0/6': True})):
        content(operator, peer, path, payload, SENML_CBOR, wanted)
    for value, wanted in ((b'\xf9' + struct.pack('>e', 1.5), 1.5),
                          (b'\xfa' + struct.pack('>f', 23.5), 23.5),
                          (b'\xfb' + struct.pack('>d', -0.1), -0.1), (cbor(7), 7.0),
                          (b'\xc4\x82\x20\x18\xeb', 23.5)):
        content(operator, peer, '/3303/0/5700', b'\x81\xa2' + temperature + b'\x02' + value,
                SENML_CBOR, {'/3303/0/5700': wanted})
    link = cbor([{0: '/66/0/3', 'vlo': '66:1'}])
    content(operator, peer, '/66/0/3', link, SENML_CBOR, {'/66/0/3': '66:1'})
    nested = '81' * 300 + '00'
    for payload in ('00', 'A0', '8100', '82A2' + nine + '02185F', '81A2' + nine + '02',
                    '9A FF FF FF FF'.replace(' ', ''), '81A2' + nine + '035AFFFFFFFF41',
                    '81A2007BFFFFFFFFFFFFFFFF41', '9F', '81BF', nested, '81A2' + nine + '0261FF',
                    '81A2' + nine + '02185FFF'):
        bad(operator, peer, '/3/0', payload, SENML_CBOR)


@check('74: formats are tried in turn, and remembered')
def negotiation(gw):
    operator = gw.operator()
    peer = gw.registered('ep1', version='1.1')
    number = operator.command('ep1', 'read', path='/3/0')
    tried = []
    while True:
        request = peer.expect(GET, '/3/0')
        tried.append(request.accept)
        if request.accept == SENML_CBOR:
            peer.answer(request, payload=cbor([{0: '/3/0/9', 2: 95}]), format=SENML_CBOR)
            break
        peer.answer(request, NOT_ACCEPTABLE)
    assert tried == [TLV, SENML_JSON, SENML_CBOR], tried
    assert leaves(operator.reply(number)['data']) == {'/3/0/9': 95}
    number = operator.command('ep1', 'read', path='/3/0')
    peer.answer(peer.expect(GET, '/3/0', accept=SENML_CBOR), payload=cbor([]), format=SENML_CBOR)
    operator.reply(number)
    old = gw.registered('ep2', version='1.0')
    operator.command('ep2', 'read', path='/3/0')
    old.answer(old.expect(GET, '/3/0', accept=TLV), payload=b'', format=TLV)
    telling = gw.registered('ep3', version='1.1', objects='</>;rt="oma.lwm2m";ct=112,</3/0>')
    operator.command('ep3', 'read', path='/3/0')
    telling.answer(telling.expect(GET, '/3/0', accept=SENML_CBOR), payload=cbor([]),
                   format=SENML_CBOR)


@check('75: for writes, too')
def write_negotiation(gw):
    operator, peer = gw.operator(), gw.registered('ep1', version='1.1')
    for turn in range(2):
        number = operator.command('ep1', 'write', path='/1/0/1', value=60)
        tried = []
        while True:
            request = peer.expect(PUT, '/1/0/1')
            tried.append(request.format)
            if request.format == SENML_JSON:
                assert json.loads(request.payload) in (
                    [{'n': '/1/0/1', 'v': 60}], [{'bn': '/1/0/1', 'v': 60}],
                    [{'bn': '/1/0/', 'n': '1', 'v': 60}]), request
                peer.answer(request, CHANGED)
                break
            peer.answer(request, UNSUPPORTED_FORMAT)
        assert tried == ([TLV, SENML_JSON] if turn == 0 else [SENML_JSON]), tried
        assert operator.reply(number)['data']['code'] == '2.04'


@check('75: down to text')
def text_write(gw):
    operator, peer = gw.operator(), gw.registered('ep1', version='1.0')
    number = operator.command('ep1', 'write', path='/1/0/1', value=60)
    while True:
        request = peer.expect(PUT, '/1/0/1')
        if request.format == TEXT:
            assert request.payload == b'60', request
            peer.answer(request, CHANGED)
            break
        peer.answer(request, UNSUPPORTED_FORMAT)
    assert operator.reply(number)['data']['code'] == '2.04'


@check('76: no format, or one of old times')
def legacy(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    for form, payload in ((None, b'100'), (1541, b'100'), (1542, b'\xc1\x09\x64'),
                          (1543, b'{"bn":"/3/0/9","e":[{"v":100}]}')):
        content(operator, peer, '/3/0/9', payload, form, {'/3/0/9': 100})
    content(operator, peer, '/5/0/0', b'\x00\xff', 1544, {'/5/0/0': encoded(b'\x00\xff')})
    content(operator, peer, '/3/0', b'\xc1\x09\x64', None, {'/3/0/9': 100})
    for form in (60, 11544, 9999):
        assert data_of(operator, peer, '/3/0', b'\xa0', form)['reason'] == 'bad_payload'


@check('devices of every format are read, written and created alike', **QUICK)
def every_format(gw):
    operator = gw.operator()
    for name, formats in (('tlv', (TLV,)), ('senml-json', (SENML_JSON,)),
                          ('senml-cbor', (SENML_CBOR,)), ('all', (TLV, SENML_JSON, SENML_CBOR)),
                          ('lwm2m-json', (JSON,))):
        device = gw.device(name, formats=formats)
        got = leaves(operator.ask(name, 'read', path='/3/0'))
        assert got['/3/0/7/1'] == 5000 and got['/3/0/14'] == '+02:00', got
        data = operator.ask(name, 'write', basePath='/3/0', content=[
            {'path': '13', 'value': 5}, {'path': '14', 'value': 'Z'}])
        if name == 'lwm2m-json':  # we read it, but do not write it
            assert data['code'] in ('2.04', '4.15'), data
            continue
        assert data['code'] == '2.04', data
        assert (device.objects[3][0][13].value, device.objects[3][0][14].value) == (5, 'Z')
        data = operator.ask(name, 'create', basePath='/3303', content=[
            {'path': '4/5700', 'type': 'Float', 'value': 1.5}])
        assert data['code'] == '2.01' and data['location'] == '/3303/4', data
        assert leaves(operator.ask(name, 'read', path='/3303/4/5700')) == {'/3303/4/5700': 1.5}
        assert operator.ask(name, 'delete', path='/3303/4')['code'] == '2.02'
        assert operator.ask(name, 'read', path='/3303/4')['code'] == '4.04'


if __name__ == '__main__':
    main()
