"""The dialect of JSON in the documentation: Command, CmdID, BaseName, Value."""
from lwm2m_checks import QUICK, check, encoded, exchange, leaves, main
from lwm2m_formats import pack_tlv
from lwm2m_wire import (
    CHANGED, CONTENT, CREATED, DELETE, DELETED, GET, INTERNAL, LINK, NOT_ALLOWED, NOT_FOUND, POST,
    PUT, SENML_JSON, TLV, UNAUTHORIZED, code)


def documented(operator, peer, command, method, path, answer=CONTENT, payload=b'', form=None):
    operator.send('ep1', command)
    request = peer.expect(method, path)
    peer.answer(request, answer, payload, form)
    topic, document = operator.find(lambda t, d: 'Command' in d, 'the response')
    assert topic == 'lwm2m/ep1/response'
    return request, document


@check('61: Command, BaseName and CmdID')
def dialect(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    hundred = bytes.fromhex('C10964')
    for number in (5, 'five', None, [5]):
        _, got = documented(operator, peer, {'CmdID': number, 'Command': 'Read',
                                             'BaseName': '/3/0/9'}, GET, '/3/0/9', CONTENT,
                            hundred, TLV)
        assert got == {'CmdID': number, 'Command': 'Read',
                       'Result': {'bn': '/3/0/9', 'e': [{'v': 100}]}}, got
    _, got = documented(operator, peer, {'Command': 'Read', 'BaseName': '/3/0/9'}, GET, '/3/0/9',
                        CONTENT, hundred, TLV)
    assert got == {'Command': 'Read', 'Result': {'bn': '/3/0/9', 'e': [{'v': 100}]}}, got
    _, got = documented(operator, peer, {'CmdID': 6, 'Command': 'Read', 'BaseName': '3/0'}, GET,
                        '/3/0', CONTENT, pack_tlv([('/3/0/0', 'String', 'EMQ'),
                                                   ('/3/0/6/0', 'Integer', 1),
                                                   ('/3/0/6/1', 'Integer', 5)], 2), TLV)
    assert got['Result'] == {'bn': '/3/0', 'e': [{'n': '0', 'sv': 'EMQ'}, {'n': '6/0', 'v': 1},
                                                 {'n': '6/1', 'v': 5}]}, got
    request, got = documented(operator, peer, {
        'CmdID': 7, 'Command': 'Write',
        'Value': {'bn': '/3/0', 'e': [{'n': '13', 'v': 12345}, {'n': '14', 'sv': 'x'}]}},
        POST, '/3/0', CHANGED)
    assert request.payload.hex() == 'c20d3039c10e78' and got == {
        'CmdID': 7, 'Command': 'Write', 'Result': 'Changed'}, (request, got)
    request, got = documented(operator, peer, {
        'CmdID': 8, 'Command': 'Write', 'Value': {'bn': '/1/0/6', 'e': [{'bv': 'true'}]}},
        PUT, '/1/0/6', CHANGED)
    assert request.payload.hex() == 'c10601', request
    request, got = documented(operator, peer, {'CmdID': 9, 'Command': 'Execute',
                                               'BaseName': '/3/0/4', 'Arguments': '0'}, POST,
                              '/3/0/4', CHANGED)
    assert request.payload == b'0' and got['Result'] == 'Changed'
    links = '</3/0>,</3/0/0>,</3/0/1>'
    request, got = documented(operator, peer, {'CmdID': 10, 'Command': 'Discover',
                                               'BaseName': '/3/0'}, GET, '/3/0', CONTENT, links,
                              LINK)
    assert request.accept == LINK and got['Result'] == links, got
    request, got = documented(operator, peer, {'CmdID': 11, 'Command': 'Write-Attributes',
                                               'BaseName': '/3/0/9', 'Value': 'pmin=1&pmax=60'},
                              PUT, '/3/0/9', CHANGED)
    assert request.queries == ['pmin=1', 'pmax=60'] and got['Result'] == 'Changed'
    request, got = documented(operator, peer, {'CmdID': 12, 'Command': 'Create',
                                               'BaseName': '/3303'}, POST, '/3303', CREATED)
    assert got['Result'] == 'Created', got
    _, got = documented(operator, peer, {'CmdID': 13, 'Command': 'Delete',
                                         'BaseName': '/3303/0'}, DELETE, '/3303/0', DELETED)
    assert got['Result'] == 'Deleted', got


@check('61: Observe, and what follows it')
def dialect_observe(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.send('ep1', {'CmdID': 'c', 'Command': 'Observe', 'BaseName': '/3/0/9'})
    request = peer.expect(GET, '/3/0/9', observe=0)
    peer.answer(request, payload=bytes.fromhex('C10964'), format=TLV, observe=1)
    for value in (100, 99):
        if value == 99:
            peer.notify(request, 2, bytes.fromhex('C10963'), format=TLV)
        topic, got = operator.find(lambda t, d: 'Command' in d, 'a value')
        assert topic == 'lwm2m/ep1/response' and got == {
            'CmdID': 'c', 'Command': 'Observe', 'Result': {'bn': '/3/0/9', 'e': [{'v': value}]}}
    operator.send('ep1', {'CmdID': 'd', 'Command': 'Cancel-Observe', 'BaseName': '/3/0/9'})
    cancel = peer.expect(GET, '/3/0/9', observe=1, token=request.token)
    peer.answer(cancel, payload=bytes.fromhex('C10963'), format=TLV)
    _, got = operator.find(lambda t, d: d.get('CmdID') == 'd', 'the response')
    assert 'Error' not in got, got


@check('62: errors in that dialect', **QUICK)
def dialect_errors(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    read_it = {'CmdID': 1, 'Command': 'Read', 'BaseName': '/3/0/9'}
    for answer, word in ((UNAUTHORIZED, 'Unauthorized'), (NOT_FOUND, 'Not Found'),
                         (code('4.00'), 'Bad Request'), (code('4.03'), 'Forbidden'),
                         (NOT_ALLOWED, 'Method Not Allowed'), (INTERNAL, 'Internal Server Error'),
                         (code('4.15'), 'Unsupported Content Format')):
        _, got = documented(operator, peer, read_it, GET, '/3/0/9', answer)
        assert got == {'CmdID': 1, 'Command': 'Read', 'Error': word}, got
    for command, word in (({'CmdID': 2, 'Command': 'Read', 'BaseName': '/x'}, 'Bad Request'),
                          ({'CmdID': 2, 'Command': 'Read'}, 'Bad Request'),
                          ({'CmdID': 2, 'Command': 'Dance', 'BaseName': '/3'}, 'Bad Request'),
                          ({'CmdID': 2, 'Command': 'Read', 'BaseName': '/0/0'}, 'Unauthorized')):
        operator.send('ep1', command)
        _, got = operator.find(lambda t, d: d.get('CmdID') == 2, 'the response')
        assert got.get('Error') == word, (command, got)
    peer.quiet()
    operator.send('nobody', read_it)
    topic, got = operator.find(lambda t, d: 'Error' in d, 'the response')
    assert topic == 'lwm2m/nobody/response' and got['Error'] == 'Device Offline', got
    operator.send('ep1', read_it)
    _, got = operator.find(lambda t, d: 'Error' in d, 'the response')
    assert got['Error'] == 'Timeout', got


@check('62: what has no definition')
def no_definition(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</33000/0>')
    text = pack_tlv([('/33000/0/1', 'String', 'printable')], 3)
    _, got = documented(operator, peer, {'CmdID': 1, 'Command': 'Read',
                                         'BaseName': '/33000/0/1'}, GET, '/33000/0/1', CONTENT,
                        text, TLV)
    assert got.get('Error') == 'No XML Definition', got
    _, data = exchange(operator, peer, 'read', GET, '/33000/0/1', CONTENT, text, TLV,
                       path='/33000/0/1')
    assert data['content'] == [{'path': '/33000/0/1', 'value': 'printable'}] and \
        data['warning'] == 'no_xml_definition', data
    _, data = exchange(operator, peer, 'read', GET, '/33000/0/1', CONTENT, b'\xc2\x01\x00\xff', TLV,
                       path='/33000/0/1')
    assert leaves(data) == {'/33000/0/1': encoded(b'\x00\xff')}, data
    _, got = documented(operator, peer, {'CmdID': 1, 'Command': 'Read',
                                         'BaseName': '/33000/0/1'}, GET, '/33000/0/1', CONTENT,
                        b'[{"n":"/33000/0/1","v":7}]', SENML_JSON)
    assert got['Result'] == {'bn': '/33000/0/1', 'e': [{'v': 7}]}, got


@check('62: or needs none', strict_xml_schema_a=False)
def lenient(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</33000/0>')
    _, got = documented(operator, peer, {'CmdID': 1, 'Command': 'Read',
                                         'BaseName': '/33000/0/1'}, GET, '/33000/0/1', CONTENT,
                        pack_tlv([('/33000/0/1', 'String', 'printable')], 3), TLV)
    assert got['Result'] == {'bn': '/33000/0/1', 'e': [{'sv': 'printable'}]}, got


if __name__ == '__main__':
    main()
