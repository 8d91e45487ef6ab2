"""Reload, upgrade, unload and load again, with clients in every state and under traffic."""
import queue
import socket
import threading

from endpoints import free_port
from sn_checks import check, eventually, main
from sn_client import Client, Udp
from sn_wire import flags


@check('an upgrade in place: active clients, their ids, will and keep-alive go on')
def upgrade_active(gw):
    tcp, wills = gw.tcp('tcp', 'up/#'), gw.tcp('wills', 'will/#')
    gw.device('silent', duration=2, will=('will/silent', 'gone'))
    client = gw.device('a', will=('will/a', 'gone'))
    number = client.register('up/x')
    topic = client.subscribe('down/x', qos=2)
    client.subscribe('wild/#', qos=1)
    tcp.publish('wild/1', 'x')
    client.gets('wild/1', 'x')
    watcher = gw.tcp('watcher', '$SYS/brokers/+/clients/a/#')
    gw.upgrade()
    client.publish(number, 'after', qos=2)
    tcp.gets('up/x', 'after')
    tcp.publish('down/x', 'after', qos=2)
    client.gets('down/x', 'after', id=topic, qos=2)
    tcp.publish('wild/1', 'no register')
    message = client.expect('PUBLISH', data='no register')
    client.send('PUBACK', id=message.id, mid=message.mid)
    assert client.register('up/x') == number
    client.quiet()
    watcher.silent(0.1)
    wills.gets('will/silent', 'gone')  # the new version watches, too
    client.sleep(1)
    gw.upgrade()
    wills.gets('will/a', 'gone')


@check('an upgrade in the middle of QoS 2, both ways')
def upgrade_qos2(gw):
    tcp, client = gw.tcp('tcp', 'two/up'), gw.device('a')
    number = client.register('two/up')
    client.subscribe('two/down', qos=2)
    # Up: the message has been taken, its PUBREL comes afterwards.
    mid = client.send_publish(number, 'up', 2)
    client.expect('PUBREC', mid=mid)
    # Down: the client has said PUBREC, PUBREL is on its way.
    tcp.publish('two/down', 'released', qos=2)
    first = client.expect('PUBLISH', data='released')
    client.send('PUBREC', mid=first.mid)
    client.expect('PUBREL', mid=first.mid)
    gw.upgrade()
    client.send_publish(number, 'up', 2, mid=mid, dup=True)
    client.expect('PUBREC', mid=mid)
    client.send('PUBREL', mid=mid)
    client.expect('PUBCOMP', mid=mid)
    client.send('PUBREC', mid=first.mid)
    client.expect('PUBREL', mid=first.mid)
    client.send('PUBCOMP', mid=first.mid)
    tcp.publish('two/down', 'unacknowledged', qos=2)
    second = client.expect('PUBLISH', data='unacknowledged', dup=False)
    gw.upgrade()
    client.send('PUBREC', mid=second.mid)
    client.expect('PUBREL', mid=second.mid)
    client.send('PUBCOMP', mid=second.mid)
    tcp.gets('two/up', 'up')
    tcp.silent(0.1)
    client.quiet()


@check('a sleeping client finds its messages behind an upgrade, in the middle of a poll as well')
def upgrade_asleep(gw):
    tcp = gw.tcp('tcp')
    sleeper, poller, awaiting = gw.device('sleeper'), gw.device('poller'), gw.device('awaiting')
    for client in (sleeper, poller, awaiting):
        client.subscribe(client.client_id + '/#', qos=1)
        client.sleep(3600)
        for number in range(3):
            tcp.publish(client.client_id + '/x', f'{number}')
    poller.send('PINGREQ', client_id='poller')
    register = poller.expect('REGISTER', topic='poller/x')
    poller.learn(register)
    message = poller.expect('PUBLISH', data='0')
    awaiting.send('PINGREQ', client_id='awaiting')
    waiting = awaiting.expect('REGISTER')
    gw.upgrade()
    assert gw.state('sleeper') == 'asleep'
    for client in (sleeper, poller, awaiting):
        tcp.publish(client.client_id + '/x', '3')
    expected = [('sleeper/x', f'{number}'.encode()) for number in range(4)]
    assert sleeper.poll() == expected
    poller.send('PUBACK', id=message.id, mid=message.mid)
    poller.gets('poller/x', '1')
    poller.gets('poller/x', '2')
    later = poller.recv()  # the fourth comes with this poll, or with the next
    if later.name == 'PINGRESP':
        assert poller.poll() == [('poller/x', b'3')]
    else:
        assert poller.receive(later).data == b'3'
        poller.expect('PINGRESP')
    awaiting.learn(waiting)
    for number in range(3):
        awaiting.gets('awaiting/x', f'{number}')
    sleeper.silent(0.1)


@check('an upgrade in the middle of the will dialogue')
def upgrade_connecting(gw):
    client = gw.peer('c')
    client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=1,
                client_id='c')
    client.expect('WILLTOPICREQ')
    gw.upgrade()
    client.send('WILLTOPIC', topic='will/c')
    message = client.recv()
    if message is not None and message.name == 'DISCONNECT':  # half open ones may be forgotten
        client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=1,
                    client_id='c')
        client.expect('WILLTOPICREQ')
        client.send('WILLTOPIC', topic='will/c')
        message = client.recv()
    assert message.name == 'WILLMSGREQ'
    tcp = gw.tcp('tcp', 'will/#')
    gw.upgrade()
    client.send('WILLMSG', data='gone')
    client.expect('CONNACK', code=0)
    tcp.gets('will/c', 'gone')


@check('upgrades under traffic lose nothing that was acknowledged, nor QoS 0 of paced clients')
def upgrade_traffic(gw):
    stop, faults = threading.Event(), []
    tcp = gw.tcp('tcp', 'traffic/#')
    clients = [gw.device(f't{i}') for i in range(4)]
    sent = [0] * len(clients)

    def publish(index):
        client = clients[index]
        try:
            number = client.register(f'traffic/{index}')
            while not stop.is_set():
                client.publish(number, f'{sent[index]}', qos=index % 3)
                if index % 3 == 0:
                    client.quiet()
                sent[index] += 1
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(f'{client.client_id}: {fault}')
    threads = [threading.Thread(target=publish, args=(i,)) for i in range(len(clients))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            gw.upgrade()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not faults, faults
    got = {f'traffic/{i}': [] for i in range(len(clients))}
    try:
        for _ in range(sum(sent)):
            message = tcp.receive()
            got[message.topic].append(int(message.payload))
    except queue.Empty:
        pass  # what is missing is named below
    assert min(sent) > 0
    for index, count in enumerate(sent):
        came = got[f'traffic/{index}']
        missing = sorted(set(range(count)) - set(came))
        assert not missing, f'of {count} messages of QoS {index % 3} these are lost: {missing}'
        assert came == list(range(count)), f'of QoS {index % 3} came {came}'


@check('a reload keeps clients; what it changed holds')
def reload(gw):
    client = gw.device('a')
    gw.put(gateway_id=9, predefined__topic__5='fresh/topic')
    gw.ctl('plugins', 'reload', 'emqx_sn')
    gw.loaded = {'again': True}
    client.raw('03 01 00')
    client.expect('GWINFO', gw=9)
    tcp = gw.tcp('tcp', 'fresh/#')
    client.publish(5, 'x', qos=1, kind=1)
    tcp.gets('fresh/topic', 'x')
    gw.put(gateway_id=1000)
    assert 'gateway_id' in gw.ctl('plugins', 'reload', 'emqx_sn', fails=True)
    client.quiet()


@check('several addresses, IPv6 among them: answers come from where the question went')
def listeners(gw):
    second, sixth = free_port('127.0.0.1'), free_port('::1')
    more = {'listener__six': f'[::1]:{sixth}'} if sixth else {}
    gw.load(listener__more=f'127.0.0.1:{second}', **more)
    clients = [gw.device('first'),
               gw.device('second', transport=Udp(('127.0.0.1', second), '127.1.0.1'))]
    if sixth:
        clients.append(gw.device('sixth', transport=Udp(('::1', sixth), '::1')))
    publisher = gw.tcp('publisher')
    for client in clients:
        client.subscribe('several/x', qos=1)
    publisher.publish('several/x', 'to all')
    for client in clients:
        client.gets('several/x', 'to all')
    gw.upgrade()
    publisher.publish('several/x', 'again')
    for client in clients:
        client.gets('several/x', 'again')


@check('settings in the form of EMQ X, with bare words')
def foreign_form(gw):
    gw.unload()
    with open(gw.arguments.conf, 'w', encoding='utf-8') as out:
        out.write(f'''## The address
mqtt.sn.port = {gw.port}
mqtt.sn.advertise_duration = 15m
mqtt.sn.gateway_id = 3
mqtt.sn.enable_stats = off
mqtt.sn.enable_qos3 = on
mqtt.sn.idle_timeout = 30s
mqtt.sn.predefined.topic.0 = reserved
mqtt.sn.predefined.topic.1 = /predefined/topic/name/hello
mqtt.sn.username = mqtt_sn_user
mqtt.sn.password = abc
''')
    gw.ctl('plugins', 'load', 'emqx_sn')
    gw.loaded = {'again': True}
    peer = gw.peer('c')
    peer.raw('03 01 00')
    peer.expect_raw('03 02 03')
    peer.connect(code=3)  # nobody here knows that user
    assert '/predefined/topic/name/hello' in gw.ctl('sn', 'predefined')
    assert 'reserved' not in gw.ctl('sn', 'predefined')


@check('a port that is taken, or settings that are wrong: the load fails and says why')
def refused(gw):
    gw.unload()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        gw.put(port=f'127.0.0.1:{port}')
        said = gw.ctl('plugins', 'load', 'emqx_sn', fails=True)
        assert str(port) in said, said
    gw.put(max_retry='many')
    assert 'max_retry' in gw.ctl('plugins', 'load', 'emqx_sn', fails=True)
    gw.load()
    gw.device('a').quiet()


@check('unload tells every client; sessions wait in the broker and are found again')
def unload(gw):
    tcp = gw.tcp('tcp', 'will/#')
    stays = gw.device('stays', clean=False, will=('will/stays', 'gone'))
    sleeps = gw.device('sleeps', clean=False)
    gone = gw.device('gone', clean=True, will=('will/gone', 'gone'))
    for client in (stays, sleeps):
        client.subscribe(f'{client.client_id}/x', qos=1)
    sleeps.sleep(60)
    tcp.publish('sleeps/x', 'before')
    gw.unload()
    for client in (stays, gone):
        client.expect('DISCONNECT')
    assert not {'stays', 'sleeps', 'gone'} & gw.clients()
    tcp.publish('stays/x', 'meanwhile')
    tcp.publish('sleeps/x', 'meanwhile')
    tcp.silent(0.2)  # no will
    gw.load()
    stays.send('PINGREQ')
    stays.expect('DISCONNECT')
    stays.connect(clean=False)
    assert stays.receive().data == b'meanwhile'
    sleeps.transport.close()
    sleeps.transport = Udp(gw.address)
    sleeps.connect(clean=False)
    assert [sleeps.receive().data for _ in range(2)] == [b'before', b'meanwhile']
    for client in (stays, sleeps):
        client.connect(clean=True)


@check('loaded, reloaded and unloaded again and again under traffic; the port is free each time')
def cycles(gw):
    stop = threading.Event()
    gw.unload()

    def noise(seed):
        client = Client(Udp(gw.address), f'noise{seed}')
        while not stop.is_set():
            client.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60,
                        client_id=client.client_id)
            client.send('SUBSCRIBE', flags=flags(qos=1), mid=1, topic='noise/#')
            client.send_publish('te', 'x', seed % 3, mid=1 if seed % 3 else 0)
            client.send('PINGREQ')
            while client.transport.recv(0.002):
                pass
        client.transport.close()
    threads = [threading.Thread(target=noise, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for cycle in range(20):
            gw.load()
            gw.device(f'cycle{cycle}').quiet()
            gw.ctl('plugins', 'reload', 'emqx_sn')
            gw.unload()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(gw.address)
            gw.close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    eventually(lambda: not gw.clients(), 'nobody is left')
    with open(f'/proc/{gw.arguments.pid}/maps', encoding='utf-8') as maps:
        assert 'emqx_sn' not in maps.read()


@check('ctl sn shows clients, topics, pre-defined ids and counts')
def commands(gw):
    client = gw.device('shown')
    number = client.register('shown/topic')
    client.subscribe('shown/sub')
    listed = gw.ctl('sn', 'list')
    assert 'shown' in listed and 'active' in listed, listed
    assert f'{client.transport.address[1]}' in gw.ctl('sn', 'show', 'shown')
    topics = gw.ctl('sn', 'topics', 'shown')
    assert 'shown/topic' in topics and 'shown/sub' in topics and str(number) in topics, topics
    assert 'predefined/one' in gw.ctl('sn', 'predefined')
    assert gw.ctl('sn', 'stats')
    for words in (('show', 'nobody'), ('topics', 'nobody'), ('kick', 'nobody')):
        assert 'nobody' in gw.ctl('sn', *words, fails=True)
    assert gw.json('sn', 'stats')


if __name__ == '__main__':
    main()
