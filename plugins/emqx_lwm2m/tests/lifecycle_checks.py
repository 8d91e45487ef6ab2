"""Reload, upgrade, unload and load again, with devices in every state and under traffic."""
import socket
import threading

from endpoints import Udp, free_port
from lwm2m_checks import QUICK, check, encoded, eventually, leaves, main, served
from lwm2m_wire import (
    BLOCK1, BLOCK2, CHANGED, CONTINUE, GET, LINK, NOT_FOUND, POST, PUT, TEXT, block)


def reads(operator, peer, endpoint='ep1', text='x'):
    number = operator.command(endpoint, 'read', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload=text, format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': text}


@check('an upgrade: registrations, observations and what waits are there as before',
       qmode_time_window='1s', **QUICK)
def upgrade(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    sleeper = gw.registered('ep2', queries=['b=UQ'])
    number = operator.command('ep1', 'observe', path='/3/0/9')
    observation = peer.expect(GET, '/3/0/9')
    peer.answer(observation, payload='1', format=TEXT, observe=1)
    operator.reply(number)
    gw.asleep(sleeper)
    waiting = [operator.command('ep2', 'read', path=f'/3/0/{turn}') for turn in range(3)]
    before = gw.devices()['ep1']
    operator.waiting(0.2)
    for turn in range(3):
        gw.upgrade()
        reads(operator, peer)
        peer.notify(observation, 2 + turn, f'{turn}')
        document = operator.notified('ep1')
        assert document['reqID'] == number and leaves(document['data']) == {'/3/0/9': turn}
        peer.update()
        operator.event('ep1', 'update')
    peer.notify(observation, 3, '9')  # older than what came before the upgrade
    operator.silent(0.1)
    after = gw.devices()['ep1']
    assert {**before, 'left': 0, 'expires': 0} == {**after, 'left': 0, 'expires': 0}, after
    sleeper.update()
    for turn, one in enumerate(waiting):
        sleeper.answer(sleeper.expect(GET, f'/3/0/{turn}'), payload='x', format=TEXT)
        operator.reply(one)
    assert 'ep1' in gw.clients()


@check('an upgrade in the middle of a command', ack_timeout='300ms', max_retransmit=4)
def upgrade_command(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    first = peer.expect(GET, '/3/0/0')
    second = operator.command('ep1', 'read', path='/3/0/1')
    gw.upgrade()
    peer.answer(first, payload='x', format=TEXT)  # perhaps too early for the new one
    for one in (number, second):
        data = served(operator, one, peer, lambda request: peer.answer(request, payload='x',
                                                                       format=TEXT))
        assert data['code'] == '2.05', data


@check('an upgrade in the middle of blocks, both ways', ack_timeout='300ms')
def upgrade_blocks(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    number = operator.command('ep1', 'write', path='/5/0/0', type='Opaque',
                              value=encoded(bytes(5000)))
    request = peer.expect(PUT, '/5/0/0')
    peer.answer(request, CONTINUE, more=[(BLOCK1, block(0, True, 512))])
    peer.expect(PUT, '/5/0/0')
    gw.upgrade()
    body = bytearray()

    def take(request):
        index, more, size = request.block(BLOCK1)
        if index == 0:  # begins again
            body.clear()
        if index * size == len(body):
            body.extend(request.payload)
        peer.answer(request, CONTINUE if more else CHANGED,
                    more=[(BLOCK1, block(index, more, size))])
    data = served(operator, number, peer, take)
    assert data['code'] == '2.04' and body == bytes(5000), (data, len(body))
    newcomer = gw.peer('ep2')
    newcomer.ask(POST, 'rd', ['ep=ep2'], '</3/0>,</3/1>,x'[:16].ljust(16), format=LINK,
                 more=[(BLOCK1, block(0, True, 16))], code=CONTINUE)
    gw.upgrade()
    newcomer.register(objects='</3/0>')
    number = operator.command('ep1', 'read', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload='a' * 64, format=TEXT,
                more=[(BLOCK2, block(0, True, 64))])
    peer.expect(GET, '/3/0/0')
    gw.upgrade()

    def give(request):
        index = (request.block(BLOCK2) or (0,))[0]
        peer.answer(request, payload='a' * 64, format=TEXT,
                    more=[(BLOCK2, block(index, index < 1, 64))])
    assert leaves(served(operator, number, peer, give)) == {'/3/0/0': 'a' * 128}


@check('an upgrade does not make a repeated register, or update, happen twice')
def upgrade_duplicates(gw):
    operator, peer = gw.operator(), gw.peer('ep1')
    sent = peer.request(POST, 'rd', ['ep=ep1', 'lt=3600'], '</3/0>', format=LINK)
    for kind in ('register', 'update'):
        first = peer.response(sent)
        operator.event('ep1', kind)
        gw.upgrade()
        peer.send(sent)
        assert peer.response(sent).pack() == first.pack()
        reads(operator, peer)
        assert not operator.waiting(0), 'no event of the copy'
        if kind == 'register':
            peer.location = first.location
            sent = peer.request(POST, peer.location)


@check('upgrades under traffic: every command is answered once, nobody has to register again',
       **{**QUICK, 'ack_timeout': '300ms', 'max_retransmit': 5})
def upgrade_traffic(gw):
    operator = gw.operator()
    devices = [gw.device(f't{index}', ack_timeout=0.3) for index in range(4)]
    stop, sent = threading.Event(), []

    def command():
        tcp = gw.operator('commander')
        while not stop.is_set():
            for device in devices:
                sent.append(tcp.command(device.endpoint, 'read', path='/3/0/9'))
            stop.wait(0.02)
    thread = threading.Thread(target=command)
    thread.start()
    try:
        for _ in range(15):
            gw.upgrade()
    finally:
        stop.set()
        thread.join()
    codes = [operator.reply(number)['data']['code'] for number in sent]
    assert set(codes) == {'2.05'} and len(sent) >= 8, (len(sent), codes)
    assert not [d for _, d in operator.waiting(0.5) if d.get('reqID') in sent]
    for device in devices:
        device.stop()
        assert device.fault is None and device.update(code=None).code == CHANGED, device.fault


@check('a reload keeps registrations; what it changed holds')
def reload(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    gw.reload(mountpoint='other/%e/', lifetime_max='1h')
    peer.update(['lt=7200'], code=None)
    other = gw.operator('other operator', 'other/%e/')
    peer.update()
    other.event('ep1', 'update')
    operator.silent(0.1)
    reads(other, peer)
    gw.put(block_size=5)
    assert 'block_size' in gw.ctl('plugins', 'reload', 'emqx_lwm2m', fails=True)
    reads(other, peer)


@check('several addresses, IPv6 among them: answers come from where the question went')
def listeners(gw):
    second, sixth = free_port('127.0.0.1'), free_port('::1')
    more = {'bind__udp__six': f'[::1]:{sixth}'} if sixth else {}
    gw.load(bind__udp__first='127.0.0.1:PORT', bind__udp__second=f'127.0.0.1:{second}', **more)
    operator = gw.operator()
    peers = [gw.registered('first'),
             gw.registered('second', Udp(('127.0.0.1', second), '127.1.0.1'))]
    if sixth:
        peers.append(gw.registered('sixth', Udp(('::1', sixth), '::1')))
    for _ in range(2):
        for peer in peers:
            reads(operator, peer, peer.endpoint)
        gw.upgrade()


@check('settings in the form of EMQ X, with bare words')
def foreign_form(gw):
    gw.unload()
    with open(gw.arguments.conf, 'w', encoding='utf-8') as out:
        out.write(f'''##--------------------------------------------------------------------
## LwM2M Gateway
##--------------------------------------------------------------------
lwm2m.port = {gw.port}
lwm2m.lifetime_min = 1s
lwm2m.lifetime_max = 86400s
lwm2m.qmode_time_window = 22
lwm2m.lb = coaproxy
lwm2m.auto_observe = off
lwm2m.mountpoint = lwm2m/%e/
lwm2m.topics.command = dn/#
lwm2m.topics.response = up/resp
lwm2m.topics.notify = up/notify
lwm2m.topics.register = up/resp
lwm2m.topics.update = up/resp
lwm2m.xml_dir =  etc/lwm2m_xml
lwm2m.certfile = etc/certs/cert.pem
lwm2m.keyfile = etc/certs/key.pem
lwm2m.opts.buffer = 1024KB
lwm2m.opts.recbuf = 1024KB
lwm2m.opts.sndbuf = 1024KB
lwm2m.opts.read_packets = 20
''')
    gw.ctl('plugins', 'load', 'emqx_lwm2m')
    gw.loaded = {'again': True}
    operator, peer = gw.operator(), gw.registered('ep1')
    operator.event('ep1', 'register')
    number = operator.command('ep1', 'read', 'dn/1', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload='x', format=TEXT)
    operator.reply(number)


@check('unload ends registrations; devices register again, and all is well')
def unload(gw):
    operator, peer = gw.operator(), gw.registered('ep1')
    gw.unload()
    assert 'ep1' not in gw.clients()
    gw.load()
    peer.update(code=NOT_FOUND)
    peer.register()
    reads(operator, peer)


@check('95: loaded, reloaded and unloaded again and again under traffic; the port is free')
def cycles(gw):
    stop = threading.Event()
    gw.unload()

    def noise(seed):
        peer = gw.peer(f'noise{seed}')
        while not stop.is_set():
            peer.request(POST, 'rd', [f'ep=noise{seed}', 'lt=60'], '</3/0>', format=LINK)
            peer.request(POST, 'rd/nothing')
            peer.request(GET, '.well-known/core')
            while (message := peer.recv(0.002)) is not None:
                if message.type == 0:
                    peer.answer(message, payload='x', format=TEXT)

    def commands():
        tcp = gw.tcp('noisy commands')
        while not stop.wait(0.005):
            for seed in range(3):
                tcp.publish(f'lwm2m/noise{seed}/command',
                            '{"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}}')
    threads = [threading.Thread(target=noise, args=(seed,)) for seed in range(3)]
    threads.append(threading.Thread(target=commands))
    for thread in threads:
        thread.start()
    try:
        for cycle in range(30):
            gw.load()
            if cycle % 10 == 0:
                gw.registered(f'cycle{cycle}').update()
            gw.ctl('plugins', 'reload', 'emqx_lwm2m')
            gw.unload()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(gw.address)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for one in gw.open:
        one.location = None
    eventually(lambda: not {c for c in gw.clients() if c.startswith(('noise0', 'cycle'))},
               'nobody is left')
    with open(f'/proc/{gw.arguments.pid}/maps', encoding='utf-8') as maps:
        assert 'emqx_lwm2m' not in maps.read()


if __name__ == '__main__':
    main()
