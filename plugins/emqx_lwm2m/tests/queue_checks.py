"""Devices that sleep, are silent, or are not there: what becomes of commands for them."""
from lwm2m_checks import QUICK, check, eventually, leaves, main
from lwm2m_wire import GET, RST, TEXT, Message

WINDOW = {**QUICK, 'qmode_time_window': '1s'}


def sleeper(gw, endpoint='ep1', **more):
    return gw.registered(endpoint, **{'queries': ['b=UQ'], 'lt': 3600, **more})


def wakes(peer):
    """An update. What comes before its answer is kept."""
    peer.update()


def answers(peer, path='/3/0/0', payload='x'):
    request = peer.expect(GET, path)
    peer.answer(request, payload=payload, format=TEXT)
    return request


@check('91: commands wait for a device that sleeps, and come one at a time, in order', **WINDOW)
def waiting(gw):
    for endpoint, more in (('ep1', {}), ('ep2', {'version': '1.1', 'queries': ['Q']})):
        operator, peer = gw.operator(f'operator of {endpoint}'), sleeper(gw, endpoint, **more)
        peer.update()
        number = operator.command(endpoint, 'read', path='/3/0/0')
        answers(peer)  # it is awake
        operator.reply(number)
        gw.asleep(peer)
        numbers = [operator.command(endpoint, 'read', path=f'/3/0/{turn}') for turn in range(5)]
        peer.silent(0.5)
        assert len(gw.json('lwm2m', 'queue', endpoint)) == 5
        wakes(peer)
        for turn, number in enumerate(numbers):
            request = peer.expect(GET, f'/3/0/{turn}')
            peer.quiet()
            peer.answer(request, payload=f'{turn}', format=TEXT)
            assert leaves(operator.reply(number)['data'])
        assert gw.json('lwm2m', 'queue', endpoint) == []


@check('91: but not for ever', **WINDOW)
def time_to_live(gw):
    operator, peer = gw.operator(), sleeper(gw)
    gw.asleep(peer)
    operator.send('ep1', {'reqID': 'short', 'msgType': 'read', 'ttl': 1,
                          'data': {'path': '/3/0/0'}})
    long = operator.command('ep1', 'read', path='/3/0/0')
    assert operator.reply('short')['data'] == {
        'reqPath': '/3/0/0', 'code': '5.04', 'codeMsg': 'gateway_timeout', 'reason': 'expired'}
    operator.send('ep1', {'reqID': 'now', 'msgType': 'read', 'ttl': 0,
                          'data': {'path': '/3/0/0'}})
    assert operator.reply('now')['data']['code'] in ('5.03', '5.04')
    wakes(peer)
    answers(peer)
    operator.reply(long)
    peer.quiet()


@check('91: nor any number', queue_max=3, **WINDOW)
def full(gw):
    operator, peer = gw.operator(), sleeper(gw)
    gw.asleep(peer)
    numbers = [operator.command('ep1', 'read', path='/3/0/0') for _ in range(5)]
    for number in numbers[3:]:
        data = operator.reply(number)['data']
        assert (data['code'], data['reason']) == ('5.03', 'queue_full'), data
    operator.send('ep1', {'CmdID': 1, 'Command': 'Read', 'BaseName': '/3/0/0'})
    assert operator.find(lambda t, d: 'CmdID' in d, 'the response')[1]['Error'] == 'Queue Full'
    wakes(peer)
    for number in numbers[:3]:
        answers(peer)
        operator.reply(number)
    peer.quiet()


@check('92: the window begins with the last message, whatever it was',
       **{**QUICK, 'qmode_time_window': '2s'})
def window(gw):
    operator, silent = gw.operator(), sleeper(gw, 'silent')
    updates, replies = sleeper(gw, 'updates'), sleeper(gw, 'replies')

    def is_read(peer):
        number = operator.command(peer.endpoint, 'read', path='/3/0/0')
        answers(peer)
        operator.reply(number)

    def talk():
        updates.update()
        is_read(replies)
        return gw.devices()[silent.endpoint]['state'] == 'asleep'
    eventually(talk, 'who says nothing is asleep')  # so long the others have had to stay awake
    talk()
    is_read(updates)
    gw.asleep(updates, replies)
    for peer in (updates, replies):
        number = operator.command(peer.endpoint, 'read', path='/3/0/0')
        peer.silent(0.2)
        wakes(peer)
        answers(peer)
        operator.reply(number)


@check('a sleeper that falls asleep over a command gets it again', **WINDOW)
def asleep_again(gw):
    operator, peer = gw.operator(), sleeper(gw)
    gw.asleep(peer)
    numbers = [operator.command('ep1', 'read', path=f'/3/0/{turn}') for turn in range(3)]
    wakes(peer)
    before = gw.given_up()
    answers(peer, '/3/0/0')
    operator.reply(numbers[0])
    eventually(lambda: gw.given_up() > before, 'the second is given up')  # it does not hear it
    gw.asleep(peer)
    assert len(gw.json('lwm2m', 'queue', 'ep1')) == 2  # both wait again
    while peer.recv(0) is not None:
        pass
    wakes(peer)
    for turn in (1, 2):
        answers(peer, f'/3/0/{turn}')
        operator.reply(numbers[turn])
    peer.quiet()


@check('or hears no more of it', qmode_requeue_on_timeout=False, **WINDOW)
def given_up(gw):
    operator, peer = gw.operator(), sleeper(gw)
    numbers = [operator.command('ep1', 'read', path=f'/3/0/{turn}') for turn in range(2)]
    assert operator.reply(numbers[0])['msgType'] == 'coap_timeout'
    while peer.recv(0) is not None:
        pass
    wakes(peer)
    answers(peer, '/3/0/1')
    operator.reply(numbers[1])


@check('93: a device that is silent, one that says RST, and one that is not there', **QUICK)
def failures(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    assert operator.ask('ep1', 'read', path='/3/0/0') == {
        'reqPath': '/3/0/0', 'reqType': 'read', 'code': '5.04', 'codeMsg': 'gateway_timeout'}
    while peer.recv(0.3) is not None:
        pass
    number = operator.command('ep1', 'write', path='/1/0/1', value=5)
    peer.send(Message(RST, 0, peer.recv().mid))
    document = operator.reply(number)
    assert document['msgType'] == 'coap_reset' and document['data']['code'] == '5.02' and \
        document['data']['codeMsg'] == 'bad_gateway', document
    operator.send('ep1', {'CmdID': 1, 'Command': 'Read', 'BaseName': '/3/0/0'})
    peer.send(Message(RST, 0, peer.recv().mid))
    assert operator.find(lambda t, d: 'CmdID' in d, 'the response')[1]['Error'] == 'Reset'
    assert operator.ask('nobody', 'read', path='/3/0/0') == {
        'reqPath': '/3/0/0', 'code': '5.03', 'codeMsg': 'service_unavailable',
        'reason': 'not_registered'}
    peer.deregister()
    assert operator.ask('ep1', 'read', path='/3/0/0')['reason'] == 'not_registered'
    peer.location = None


@check('93: what nobody wants to hear', offline_reply=False)
def no_offline_reply(gw):
    operator = gw.operator()
    operator.command('nobody', 'read', path='/3/0/0')
    operator.send('nobody', {'CmdID': 1, 'Command': 'Read', 'BaseName': '/3/0/0'})
    operator.silent()


@check('94: a device leaves, or expires, with commands waiting', lifetime_grace='0s', **WINDOW)
def gone(gw):
    operator = gw.operator()
    for leaves_itself in (True, False):
        peer = sleeper(gw, lt=3600 if leaves_itself else 4)
        gw.asleep(peer)
        numbers = [operator.command('ep1', 'read', path='/3/0/0') for _ in range(4)]
        if leaves_itself:
            peer.deregister()
        for number in numbers:
            assert operator.reply(number)['data']['reason'] == 'not_registered'
        operator.event('ep1', 'deregister' if leaves_itself else 'expired')
        operator.waiting(0.1)
        peer.location = None


@check('94: a device registers again with commands waiting: they stay', **WINDOW)
def again(gw):
    operator, peer = gw.operator(), sleeper(gw)
    gw.asleep(peer)
    numbers = [operator.command('ep1', 'read', path=f'/3/0/{turn}') for turn in range(3)]
    operator.waiting(0.1)
    peer = sleeper(gw)
    for turn, number in enumerate(numbers):
        answers(peer, f'/3/0/{turn}')
        operator.reply(number)


@check('95: the plugin goes with commands waiting', **WINDOW)
def unloaded(gw):
    operator, peer = gw.operator(), sleeper(gw)
    gw.asleep(peer)
    numbers = [operator.command('ep1', 'read', path='/3/0/0') for _ in range(3)]
    eventually(lambda: len(gw.json('lwm2m', 'queue', 'ep1')) == 3, 'they wait')
    gw.unload()
    for number in numbers:
        data = operator.reply(number)['data']
        assert (data['code'], data['reason']) == ('5.03', 'shutdown'), data
    peer.location = None


@check('a device that moves in the middle of a command', ack_timeout='300ms')
def moves(gw):
    operator, old = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    first = old.expect(GET, '/3/0/0')
    new = gw.peer('ep1')
    new.location, old.location = old.location, None
    new.update()
    request = new.expect(GET, '/3/0/0')
    assert request.token == first.token
    new.answer(request, payload='x', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x'}


if __name__ == '__main__':
    main()
