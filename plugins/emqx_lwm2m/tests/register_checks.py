"""Registering, updating, leaving; and what MQTT clients and operators see of it."""
from lwm2m_checks import QUICK, check, eventually, leaves, main
from lwm2m_wire import (
    BAD_REQUEST, CHANGED, CREATED, DELETE, FORBIDDEN, GET, LINK, NOT_ALLOWED, NOT_FOUND, OPAQUE,
    POST, PRECONDITION, TEXT, TLV, UNSUPPORTED_FORMAT, code)

GARBAGE = (b'<', b'</3/0', b'</3/0>;x="', b'</3/0>,,', b'\xff\xfe\x00\x01', b'</99999/0>',
           b'</a/b>',
           b'x' * 3000, b'<' * 3000, b'</1/0>;;=', b'</3/0>;ver=')


def reads(operator, peer, endpoint, level=None):
    """Whether a command reaches it."""
    number = operator.command(level or endpoint, 'read', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload='here', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'here'}


@check('21: the register of the specification, and its event')
def vector(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    answer = peer.ask(POST, 'rd', ['lwm2m=1.0', 'ep=ep1', 'lt=60', 'b=U'], '</1/0>,</3/0>',
                      format=LINK, token=b'\xa1\xb2')
    assert answer.code == CREATED and answer.token == b'\xa1\xb2', answer
    assert answer.location[0] == 'rd' and 8 <= len(answer.location[1]) <= 16
    peer.location = answer.location
    assert operator.event('ep1', 'register') == {
        'ep': 'ep1', 'lt': 60, 'lwm2m': '1.0', 'b': 'U', 'alternatePath': '/',
        'objectList': ['/1/0', '/3/0']}


@check('22: without an endpoint name, or with one that is none')
def endpoint_names(gw):
    operator, peer = gw.operator(), gw.peer()
    for query in ([], ['ep='], ['ep'], ['ep=' + 'x' * 257], [b'ep=\xff\xfe'], [b'ep=a\x00b']):
        peer.ask(POST, 'rd', [*query, 'lt=60'], '</3/0>', code=BAD_REQUEST)
    operator.silent()
    long = gw.registered('x' * 256)
    long.deregister()


@check('23: names with characters that topics have a use for')
def odd_names(gw):
    operator = gw.operator()
    for endpoint, level in (('a/b', 'a%2Fb'), ('a+b', 'a%2Bb'), ('a#b', 'a%23b'), ('a b', 'a b'),
                            ('urn:dev:os:1', 'urn:dev:os:1'), ('äöü', 'äöü'), ('50%', None)):
        peer = gw.registered(endpoint)
        topic, document = operator.find(lambda t, d, e=endpoint: d['data'].get('ep') == e,
                                        f'register of {endpoint}')
        assert document['msgType'] == 'register'
        used = topic.split('/')[1]
        assert level in (None, used), topic
        reads(operator, peer, endpoint, used)


@check('24: lifetimes', lifetime_max='1h', lifetime_min='10s')
def lifetimes(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    for wrong in ('abc', '-1', '99999999999', '', '9', '3601', '1.5', '0x10', '+60'):
        peer.ask(POST, 'rd', ['ep=ep1', f'lt={wrong}'], '</3/0>', code=BAD_REQUEST)
    operator.silent()
    peer.register(lt=10)
    assert operator.event('ep1', 'register')['lt'] == 10
    for wrong in ('5', 'x'):
        peer.update([f'lt={wrong}'], code=BAD_REQUEST)
    peer.update(['lt=3600'])
    assert operator.event('ep1', 'update')['lt'] == 3600


@check('24: the lifetime of who says none')
def default_lifetime(gw):
    operator = gw.operator()
    gw.registered('ep1', lt=None)
    operator.event('ep1', 'register')
    assert gw.devices()['ep1']['lifetime'] == 86400


@check('24: lifetimes that are brought inside', lifetime_max='1h', lifetime_min='10s',
       lifetime_policy='clamp')
def clamped(gw):
    for lifetime, is_now in ((1, 10), (1000, 1000), (100000, 3600), (0, 3600)):
        gw.registered('ep1', lt=lifetime)
        assert gw.devices()['ep1']['lifetime'] == is_now, lifetime


@check('25: versions')
def versions(gw):
    operator = gw.operator()
    for version in ('2.0', '0.9', 'x', '1.', '1.x', '11'):
        gw.peer('ep1').register(version=version, code=PRECONDITION)
    operator.silent()
    for version in ('1', '1.0', '1.1', '1.2', '1.0.0', None):
        gw.registered('ep1', version=version)
        event = operator.event('ep1', 'register')
        assert event.get('lwm2m', '1.0') == (version or '1.0'), event


@check('26: parameters without value, unknown ones, and secrets')
def parameters(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    peer.register(version='1.1', queries=['Q', 'bare', 'imei=123', 'password=hunter2',
                                          'token=hunter3', 'apiKey=hunter4', 'pid=a=b'])
    event = operator.event('ep1', 'register')
    assert event['imei'] == '123' and event['pid'] == 'a=b' and event['Q'] is True, event
    assert 'hunter' not in repr(event)
    peer.update(['secret=hunter5', 'imei=124'])
    event = operator.event('ep1', 'update')
    assert event['imei'] == '124' and 'hunter' not in repr(event), event
    assert 'hunter' not in gw.log() and 'hunter' not in gw.ctl('lwm2m', 'show', 'ep1')
    gw.registered('ep2', queries=['b=UQ', 'sms=123456'])
    event = operator.event('ep2', 'register')
    assert event['b'] == 'UQ' and event['sms'] == '123456', event


@check('27, 28: lists of objects as devices write them')
def link_lists(gw):
    operator = gw.operator()
    for links, objects, root in (
            ('</1/0>, </3/0>', ['/1/0', '/3/0'], '/'),
            ('</1/0>;obs,</3/0>;title="a, b; <c>",</5>', ['/1/0', '/3/0', '/5'], '/'),
            ('</3>;ver=1.1,</3/0>', ['/3', '/3/0'], '/'),
            ('</>;rt="oma.lwm2m";ct=110,</1/0>,</3303/0>', ['/1/0', '/3303/0'], '/'),
            ('</>;rt=oma.lwm2m;ct="110 112",</3/0>', ['/3/0'], '/'),
            ('</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>,</lwm2m/1/0>', ['/3/0', '/1/0'], '/lwm2m')):
        gw.registered('ep1', objects=links)
        event = operator.event('ep1', 'register')
        assert event['objectList'] == objects and event['alternatePath'] == root, (links, event)


@check('28: an alternate root is in front of every path')
def alternate_root(gw):
    operator = gw.operator()
    peer = gw.registered('ep1', objects='</a/b>;rt="oma.lwm2m",</a/b/3/0>')
    assert operator.event('ep1', 'register')['alternatePath'] == '/a/b'
    number = operator.command('ep1', 'read', path='/3/0/9')
    peer.answer(peer.expect(GET, '/a/b/3/0/9'), payload=bytes.fromhex('C10964'), format=TLV)
    data = operator.reply(number)['data']
    assert leaves(data) == {'/3/0/9': 100} and data['reqPath'] == '/3/0/9'


@check('29: garbage instead of a list; nothing instead of one')
def garbage(gw):
    operator = gw.operator()
    for payload in GARBAGE:
        answer = gw.peer().ask(POST, 'rd', ['ep=ep1'], payload, format=LINK)
        assert answer.code in (CREATED, BAD_REQUEST), (payload, answer)
    gw.peer('ep2').register(objects='')
    assert operator.event('ep2', 'register')['objectList'] == []
    alive = gw.registered('ep3')
    for payload in GARBAGE:
        assert alive.update(payload=payload, code=None).code in (CHANGED, BAD_REQUEST), payload
    alive.quiet()


@check('29: nothing instead of a list, where it is asked for', strict_registration=True)
def strict(gw):
    gw.peer('ep1').register(objects='', code=BAD_REQUEST)


@check('30: formats of the list')
def list_formats(gw):
    for form in (LINK, None, TEXT):
        gw.peer('ep1').register(format=form)
    for form in (TLV, OPAQUE, 110):
        gw.peer('ep1').register(format=form, code=UNSUPPORTED_FORMAT)


@check('31: parameters in any order, and twice')
def order(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    peer.location = peer.ask(POST, 'rd', ['x=1', 'lt=60', 'b=U', 'ep=ep1', 'y=a=b=c', 'lwm2m=1.0',
                                          'lt=70'], '</3/0>', code=CREATED).location
    event = operator.event('ep1', 'register')
    assert event['lt'] == 70 and event['y'] == 'a=b=c', event


@check('32: registering again from the same address')
def again(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    old = peer.location
    peer.register()
    assert peer.location != old
    peer.ask(POST, old, code=NOT_FOUND)
    peer.ask(DELETE, old, code=NOT_FOUND)
    operator.event('ep1', 'register')
    operator.silent()
    assert gw.ctl('clients', 'list').count('ep1') >= 1 and list(gw.devices()) == ['ep1']
    reads(operator, peer, 'ep1')


@check('33: registering from another address takes the name over')
def elsewhere(gw):
    operator, old = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    new = gw.registered('ep1')
    operator.event('ep1', 'register')
    operator.silent()
    old.update(code=NOT_FOUND)
    reads(operator, new, 'ep1')
    old.quiet()
    new.update()


@check('34: updates are reported')
def updates(gw):
    operator, peer = gw.operator(), gw.registered('ep1', lt=60)
    operator.event('ep1', 'register')
    answer = peer.update()
    assert not answer.payload
    assert operator.event('ep1', 'update') == {
        'ep': 'ep1', 'lt': 60, 'lwm2m': '1.0', 'alternatePath': '/',
        'objectList': ['/1/0', '/3/0']}


@check('34: or those that bring a list only',
       update_msg_publish_condition='contains_object_list')
def some_updates(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    peer.update(['lt=100'])
    operator.silent()
    peer.update(payload='</3/0>')
    event = operator.event('ep1', 'update')
    assert event['lt'] == 100 and event['objectList'] == ['/3/0']


@check('35: an update is merged; what is observed of an object that went is over')
def merged(gw):
    operator, peer = gw.operator(), gw.registered('ep1', objects='</1/0>,</3/0>,</3303/0>')
    numbers = []
    for path in ('/3/0/9', '/3303/0/5700'):
        numbers.append(operator.command('ep1', 'observe', path=path))
        request = peer.expect(GET, path, observe=0)
        peer.answer(request, payload='1', format=TEXT, observe=1)
        operator.reply(numbers[-1])
    assert len(gw.json('lwm2m', 'observations', 'ep1')) == 2
    peer.update(['lt=120', 'b=UQ'], '</1/0>,</3/0>')
    event = operator.event('ep1', 'update')
    assert (event['lt'], event['b'], event['objectList']) == (120, 'UQ', ['/1/0', '/3/0'])
    eventually(lambda: len(gw.json('lwm2m', 'observations', 'ep1')) == 1, 'one is left')
    sent = peer.notify(request, 2, '2', acknowledged=False)
    assert peer.refused(sent)


@check('36: places where nothing is')
def unknown_places(gw):
    peer = gw.registered('ep1')
    for path in ('rd/nothing', 'rd/a/b', f'rd/{peer.location[1]}x', f'{"/".join(peer.location)}/x'):
        peer.ask(POST, path, code=NOT_FOUND)
    peer.ask(DELETE, 'rd', code=NOT_ALLOWED)
    stranger = gw.peer()
    stranger.ask(POST, 'rd/nothing', code=NOT_FOUND)
    stranger.ask(DELETE, 'rd/nothing', code=NOT_FOUND)
    peer.update()


@check('37: an update from another address moves the device there')
def moves(gw):
    operator, old = gw.operator(), gw.registered('ep1')
    reads(operator, old, 'ep1')
    for _ in range(3):
        new = gw.peer('ep1')
        new.location, old.location = old.location, None
        new.update()
        reads(operator, new, 'ep1')
        old.quiet()
        old = new


@check('38: leaving')
def leaves_for_good(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    assert 'ep1' in gw.clients()
    peer.deregister()
    assert operator.event('ep1', 'deregister')['ep'] == 'ep1'
    peer.deregister(code=NOT_FOUND)
    peer.update(code=NOT_FOUND)
    eventually(lambda: 'ep1' not in gw.clients(), 'its session is over')
    peer.location = None


@check('39: who does not update is forgotten', lifetime_grace='0s')
def expiry(gw):
    operator, peer = gw.operator(), gw.registered('ep1', lt=2)
    stays = gw.registered('ep2', lt=60)
    assert operator.event('ep1', 'expired')['ep'] == 'ep1'
    peer.update(code=NOT_FOUND)
    eventually(lambda: 'ep1' not in gw.clients(), 'its session is over')
    stays.update()


@check('39: an update, or nothing else, keeps it', lifetime_grace='0s')
def kept(gw):
    operator, peer, talker = gw.operator(), gw.registered('ep1', lt=2), gw.registered('ep2', lt=2)
    expired = []
    while not expired:
        peer.update()
        talker.ping()
        expired = [one for one in operator.waiting() if one[1]['msgType'] == 'expired']
    assert [topic for topic, _ in expired] == ['lwm2m/ep2/up/resp'], expired
    peer.update()  # so long it has stayed


@check('40: a list in blocks')
def blocks(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    links = ','.join(f'</3303/{number}>' for number in range(50)).encode()
    assert 512 < len(links) < 768
    answers = peer.ask_in_blocks(POST, 'rd', ['ep=ep1', 'lt=60'], links, 256, LINK)
    assert [answer.code for answer in answers] == [code('2.31'), code('2.31'), CREATED], answers
    assert [answer.block(27)[:2] for answer in answers] == [(0, True), (1, True), (2, False)]
    peer.location = answers[-1].location
    assert len(operator.event('ep1', 'register')['objectList']) == 50
    operator.silent()


@check('42: operators see it: clients, subscriptions, $SYS')
def seen(gw):
    watcher = gw.tcp('watcher', '$SYS/brokers/+/clients/ep1/#')
    peer = gw.registered('ep1')
    assert watcher.receive().topic.endswith('/connected')
    assert 'lwm2m' in gw.json('clients', 'show', 'ep1')['listener']
    subscribed = gw.ctl('subscriptions', 'list')
    assert 'lwm2m/ep1/command' in subscribed and 'lwm2m/ep1/dn/#' in subscribed, subscribed
    assert 'lwm2m/ep1/command' in gw.ctl('subscriptions', 'show', 'ep1')
    peer.deregister()
    assert watcher.receive().topic.endswith('/disconnected')
    peer.location = None


@check('ctl lwm2m shows and does', **QUICK)
def commands(gw):
    device = gw.device('ep1')
    listed = gw.ctl('lwm2m', 'list')
    assert 'ep1' in listed and '3600' in listed, listed
    assert '/3303/0' in gw.ctl('lwm2m', 'show', 'ep1')
    assert 'Keel' in gw.ctl('lwm2m', 'read', 'ep1', '/3/0/0')
    assert '5000' in gw.ctl('lwm2m', 'read', 'ep1', '/3/0')
    gw.ctl('lwm2m', 'write', 'ep1', '/3/0/14', '+03:00')
    assert device.objects[3][0][14].value == '+03:00'
    gw.ctl('lwm2m', 'exec', 'ep1', '/3/0/4', "0='x'")
    assert device.executed == [('/3/0/4', "0='x'")]
    gw.ctl('lwm2m', 'observe', 'ep1', '/3/0/9')
    assert '/3/0/9' in gw.ctl('lwm2m', 'observations', 'ep1')
    gw.ctl('lwm2m', 'cancel', 'ep1', '/3/0/9')
    assert '/3/0/9' not in gw.ctl('lwm2m', 'observations', 'ep1')
    assert 'Temperature' in gw.ctl('lwm2m', 'objects', 'ep1')
    gw.ctl('lwm2m', 'queue', 'ep1')
    assert gw.ctl('lwm2m', 'stats')
    for words in (('show', 'nobody'), ('queue', 'nobody'), ('observations', 'nobody'),
                  ('deregister', 'nobody'), ('read', 'nobody', '/3/0/0')):
        assert 'nobody' in gw.ctl('lwm2m', *words, fails=True)
    assert '4.04' in gw.ctl('lwm2m', 'read', 'ep1', '/77/0/0', fails=True)
    operator = gw.operator()
    gw.ctl('lwm2m', 'deregister', 'ep1')
    operator.event('ep1', 'deregister')
    assert gw.devices() == {}


@check('41: a device that is banned, or kicked')
def banned(gw):
    operator = gw.operator()
    peer = gw.registered('ep1')
    operator.event('ep1', 'register')
    gw.ctl('clients', 'kick', 'ep1')
    eventually(lambda: gw.devices() == {}, 'it is gone')
    peer.update(code=NOT_FOUND)
    gw.ctl('banned', 'add', 'client', 'ep1')
    try:
        gw.peer('ep1').register(code=FORBIDDEN)
    finally:
        gw.ctl('banned', 'del', 'client', 'ep1')
    assert gw.devices() == {}
    peer.register()


if __name__ == '__main__':
    main()
