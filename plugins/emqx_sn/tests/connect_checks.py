"""CONNECT, the will dialogue and its repetitions, take-over, credentials and limits."""
import time

from sn_checks import check, eventually, main
from sn_wire import CONGESTION, UNSUPPORTED, flags

MOST_ANSWERS = 10  # to one address that is nobody's, in a second


@check('CONNECT is answered; the client is one like any other of the broker')
def connect(gw):
    client = gw.peer('c1')
    client.raw('08 04 04 01 00 3C 63 31')
    client.expect_raw('03 05 00')
    client.connected = True
    assert 'c1' in gw.clients()
    shown = gw.sn_clients()['c1']
    assert (shown['state'], shown['keepalive'], shown['persistent']) == ('active', 60, False), shown
    peer = '%s:%d' % client.transport.address
    line = gw.ctl('clients', 'show', 'c1')
    assert peer in line and line.rstrip().endswith(', protocol=mqtt-sn)'), line
    shown = gw.json('clients', 'show', 'c1')
    assert (shown['protocol'], shown['proto_ver']) == ('mqtt-sn', None), shown
    assert f'client=c1 peer={peer}: connected: protocol=mqtt-sn clean_start=true' in gw.log()


@check('another protocol id is not supported')
def protocol(gw):
    for wrong in (0, 2, 255):
        peer = gw.peer('c')
        peer.send('CONNECT', flags=flags(clean=True), protocol=wrong, duration=9, client_id='c')
        peer.expect_raw('03 05 03')
    assert gw.sn_clients() == {}


@check('client ids: none, long ones, and what is no text')
def client_ids(gw):
    nameless = gw.peer('')
    nameless.connect(clean=True)
    assert len(gw.sn_clients()) == 1
    gw.peer('').connect(clean=False, code=UNSUPPORTED)
    for size in (1, 23, 24, 100):
        gw.device('i' * size)
        assert 'i' * size in gw.clients()
    for bad in (b'\xff\xfe', b'a\x00b', b'\xed\xa0\x80'):
        gw.peer(bad).connect(code=UNSUPPORTED)
    gw.peer('x' * 2000).connect(code=UNSUPPORTED)


@check('a will is asked for, kept, and sent when the client is lost')
def will(gw):
    reader = gw.tcp('reader', 'w/#')
    for qos, retain in ((0, False), (1, False), (2, False), (1, True)):
        client = gw.peer('willing')
        client.raw(b'\x0d\x04\x0c\x01\x00\x01willing')  # keep-alive: a second
        client.expect_raw('02 06')
        client.send('WILLTOPIC', flags=flags(qos=qos, retain=retain), topic='w/t')
        client.expect_raw('02 08')
        client.send('WILLMSG', data='gone')
        client.expect_raw('03 05 00')
        reader.gets('w/t', 'gone', qos=qos)
        late = gw.tcp('late', 'w/#')
        if retain:
            late.gets('w/t', 'gone', retain=True)
            late.publish('w/t', b'', retain=True)
            late.gets('w/t', b'')
        late.silent(0.1)
        late.close()


@check('a refused CONNECT, an empty will topic: no will')
def empty_will(gw):
    reader = gw.tcp('reader', '#')
    for topic in ('02 07', '03 07 00'):
        client = gw.peer('c')
        client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=1,
                    client_id='c')
        client.expect('WILLTOPICREQ')
        client.raw(topic)
        client.expect('CONNACK', code=0)
        client.expect('DISCONNECT', timeout=30)  # its keep-alive is over
        reader.silent(0.2)


@check('a repeated CONNECT or WILLTOPIC in the dialogue is answered again')
def repeated_dialogue(gw):
    client, reader = gw.peer('again'), gw.tcp('reader', 'again/#')

    def say():
        client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=1,
                    client_id='again')
        client.expect('WILLTOPICREQ')
    say()
    say()
    client.send('WILLTOPIC', topic='again/first')
    client.expect('WILLMSGREQ')
    client.send('WILLTOPIC', topic='again/second')
    client.expect('WILLMSGREQ')
    say()
    client.send('WILLTOPIC', topic='again/third')
    client.expect('WILLMSGREQ')
    client.send('WILLMSG', data='x')
    client.expect('CONNACK', code=0)
    reader.gets('again/third', 'x')


@check('an unanswered will request is repeated, then all is forgotten',
       retry_interval='400ms', max_retry=2, idle_timeout='4s')
def dialogue_retries(gw):
    reader = gw.tcp('reader', '#')
    client = gw.peer('mute')
    for until in ('WILLTOPICREQ', 'WILLMSGREQ'):
        began = time.monotonic()
        client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=60,
                    client_id='mute')
        asked = client.expect('WILLTOPICREQ')
        if until == 'WILLMSGREQ':
            client.send('WILLTOPIC', topic='mute/t')
            client.behind_copies(asked, 'WILLMSGREQ')
        client.expect(until)
        client.expect(until)
        assert time.monotonic() - began > 0.7
        eventually(lambda: gw.sn_clients() == {}, 'the half open client is forgotten')
        assert 'mute' not in gw.clients()
        client.send('PINGREQ')
        client.expect('DISCONNECT')  # nothing came before it: it was asked no third time
    reader.silent(0.1)
    client.connect()


@check('in the dialogue other messages are ignored, DISCONNECT is answered')
def dialogue_only(gw):
    reader = gw.tcp('reader', '#')
    client = gw.peer('c')
    for where in ('topic', 'message'):
        client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=60,
                    client_id='c')
        client.expect('WILLTOPICREQ')
        if where == 'message':
            client.send('WILLTOPIC', topic='t')
            client.expect('WILLMSGREQ')
        client.send('REGISTER', mid=1, topic='a/b')
        client.send_publish('te', 'x', qos=1)
        client.send_publish('te', 'x', qos=0)
        client.send('SUBSCRIBE', mid=3, topic='a/b')
        client.silent()
        client.disconnect()
        client.send('PINGREQ')
        client.expect('DISCONNECT')
    reader.silent(0.1)
    assert gw.sn_clients() == {}


@check('too many clients are told to come back later', max_connections=2)
def limit(gw):
    first = gw.device('1')
    gw.device('2')
    third = gw.peer('3')
    third.connect(code=CONGESTION)
    first.disconnect()
    eventually(lambda: set(gw.sn_clients()) == {'2'}, 'the first is gone')
    third.connect()
    third.disconnect()
    eventually(lambda: set(gw.sn_clients()) == {'2'}, 'the third is gone')
    fourth = gw.device('4', clean=False)
    fourth.disconnect()
    eventually(lambda: gw.state('4') == 'away', 'the fourth is away')
    third.connect()  # who is away takes no place
    third.disconnect()
    eventually(lambda: set(gw.sn_clients()) == {'2', '4'}, 'the third is gone again')
    fourth.connect(clean=True)


@check('too many new clients in a second are told to come back later', max_conn_rate=3)
def rate(gw):
    codes, peers = [], [gw.peer(f'r{number}') for number in range(12)]
    for peer in peers:
        peer.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60,
                  client_id=peer.client_id)
    for peer in peers:
        codes.append(peer.expect('CONNACK').code)
        peer.connected = codes[-1] == 0
    assert CONGESTION in codes and set(codes) == {0, CONGESTION}, codes
    late = gw.peer('late')

    def admitted():
        late.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60, client_id='late')
        return late.expect('CONNACK').code == 0
    eventually(admitted, 'a second later there is room')


@check('a CONNECT repeated in time is answered again and resets nothing')
def repeated_connect(gw):
    client = gw.device('c', clean=True)
    gw.ctl('subscriptions', 'add', 'c', 'again/x', '1')
    client.connect(clean=True)
    gw.tcp('publisher').publish('again/x', 'one')
    client.gets('again/x', 'one', qos=1)


@check('a repeated CONNECT right behind the first leaves subscriptions of a session alone')
def repeated_persistent(gw):
    first = gw.device('stay', clean=False)
    first.subscribe('stay/x', qos=1)
    first.connect(clean=False)
    first.connect(clean=False)
    gw.tcp('publisher').publish('stay/x', 'one')
    first.gets('stay/x', 'one', qos=1)
    first.connect(clean=True)


@check('a new CONNECT with a clean session forgets subscriptions and ids, and fires no will')
def clean_again(gw):
    reader = gw.tcp('reader', 'will/#', 'x/#')
    client = gw.device('c', will=('will/c', 'gone'))
    number = client.subscribe('x/sub')
    client.connect(clean=True)
    reader.publish('x/sub', 'nobody')
    reader.gets('x/sub', 'nobody')
    client.send_publish(number, 'x', qos=1, mid=5)
    client.expect('PUBACK', code=2, id=number, mid=5)
    client.quiet()
    reader.silent(0.2)


@check('another client id on the same socket: the first client is gone, without its will')
def other_id(gw):
    reader = gw.tcp('reader', 'will/#')
    first = gw.device('first', will=('will/first', 'gone'))
    first.subscribe('x')
    second = gw.device('second', transport=first.transport)
    eventually(lambda: gw.clients() >= {'second'} and 'first' not in gw.clients(), 'only second')
    second.quiet()
    assert set(gw.sn_clients()) == {'second'}
    reader.silent(0.2)
    gw.open.remove(first)


@check('the same client id from another socket takes over')
def take_over(gw):
    old = gw.device('same', clean=False)
    old.subscribe('same/x', qos=1)
    new = gw.device('same', clean=False)
    old.expect('DISCONNECT')
    gw.tcp('publisher').publish('same/x', 'one')
    assert new.receive().data == b'one'
    old.send('PINGREQ')
    old.expect('DISCONNECT')
    new.quiet()
    new.connect(clean=True)


@check('a TCP client takes over, and is taken over')
def take_over_tcp(gw):
    sn = gw.device('both', clean=False)
    sn.subscribe('both/x', qos=1)
    tcp = gw.tcp('both', clean=False)
    sn.expect('DISCONNECT')
    gw.tcp('publisher').publish('both/x', 'to tcp')
    tcp.gets('both/x', 'to tcp', qos=1)
    again = gw.device('both', clean=False)
    tcp.closed()
    gw.open.remove(tcp)
    gw.tcp('publisher').publish('both/x', 'to sn')
    message = again.receive()
    if message.data == b'to tcp':  # delivered, but its acknowledgement was still on its way
        message = again.receive()
    assert message.data == b'to sn'
    again.connect(clean=True)


@check('what is acknowledged while away waits; ids and will of a session are kept')
def persistent(gw):
    reader = gw.tcp('reader', 'will/#')
    client = gw.device('keeps', clean=False, duration=60, will=('will/keeps', 'gone', 1))
    number = client.register('up/keeps')
    client.subscribe('keeps/+', qos=2)
    client.disconnect()
    publisher = gw.tcp('publisher', 'up/keeps')
    for qos in (1, 2):
        publisher.publish('keeps/down', f'waited {qos}', qos)
    reader.silent(0.1)
    # Back with neither flag, and a short keep-alive: the stored will is armed again.
    client.connect(clean=False, duration=1)
    client.gets('keeps/down', 'waited 1', qos=1)
    client.gets('keeps/down', 'waited 2', qos=2)
    client.publish(number, 'still known', qos=0)
    publisher.gets('up/keeps', 'still known')
    for _ in range(2):  # and again, when it comes back from a loss
        reader.gets('will/keeps', 'gone', qos=1)
        eventually(lambda: 'keeps' not in gw.clients(), 'it is lost')
        client.expect('DISCONNECT')
        client.connect(clean=False, duration=1)
    client.connect(clean=True, duration=1)
    client.expect('DISCONNECT')
    reader.silent(0.2)


@check('a session of somebody who stays away is over in the end', session_expiry='1s')
def expiry(gw):
    client, publisher = gw.device('away', clean=False), gw.tcp('publisher')
    number = client.register('away/up')
    client.subscribe('away/x', qos=1)
    client.disconnect()
    publisher.publish('away/x', 'one')
    eventually(lambda: 'away' not in gw.ctl('sessions', 'list'), 'the session has expired')
    eventually(lambda: gw.sn_clients() == {}, 'the gateway has forgotten it, too')
    client.connect(clean=False)
    publisher.publish('away/x', 'two')
    client.send_publish(number, 'x', qos=1, mid=5)
    client.expect('PUBACK', id=number, mid=5, code=2)
    client.quiet()
    client.connect(clean=True)


@check('from an unknown address: who needs a session is told DISCONNECT, PINGREQ as well')
def strangers(gw):
    before = gw.metric('unknown_peer')
    told = [('REGISTER', {'mid': 1, 'topic': 'x'}), ('SUBSCRIBE', {'mid': 1, 'topic': 'x'}),
            ('PUBLISH', {'id': 1, 'mid': 0}), ('PUBLISH', {'flags': 0x20, 'id': 1, 'mid': 1}),
            ('PINGREQ', {}), ('PINGREQ', {'client_id': 'nobody'}), ('DISCONNECT', {}),
            ('DISCONNECT', {'duration': 9})]
    for name, values in told:
        peer = gw.peer()
        peer.send(name, **values)
        peer.expect_raw('02 18')
    eventually(lambda: gw.metric('unknown_peer') > before, 'they are counted')
    assert gw.sn_clients() == {}


@check('a flood of strangers: few answers, no state')
def flood(gw):
    peer, client = gw.peer(), gw.device('c')
    began = time.monotonic()
    for _ in range(2000):
        peer.send('PINGREQ')
    answers = 0
    while peer.recv(0.5):
        answers += 1
    allowed = MOST_ANSWERS * (time.monotonic() - began + 2)
    assert 1 <= answers <= allowed, (answers, allowed)
    client.quiet()
    assert set(gw.sn_clients()) == {'c'}


@check('kicked and banned clients are told')
def kicked(gw):
    client = gw.device('k')
    gw.ctl('clients', 'kick', 'k')
    client.expect('DISCONNECT', duration=None)
    client.connect()
    gw.ctl('sn', 'kick', 'k')
    client.expect('DISCONNECT')
    client.connect()
    gw.ctl('banned', 'add', 'client', 'k')
    client.expect('DISCONNECT')
    client.connect(code=UNSUPPORTED)
    gw.ctl('banned', 'del', 'client', 'k')
    client.connect()
    client.sleep(60)
    gw.ctl('clients', 'kick', 'k')
    eventually(lambda: 'k' not in gw.clients(), 'it is gone')
    client.send('PINGREQ', client_id='k')
    client.expect('DISCONNECT')  # of the kick, or of the answer
    client.connect()


@check('the broker tells who comes and goes, and nothing of sleep')
def presence(gw):
    watcher = gw.tcp('watcher', '$SYS/brokers/+/clients/seen/#')
    client = gw.device('seen')
    assert watcher.receive().topic.endswith('/seen/connected')
    client.sleep(60)
    client.poll()
    client.sleep(60)
    client.connect()
    watcher.silent()
    client.disconnect()
    assert watcher.receive().topic.endswith('/seen/disconnected')


if __name__ == '__main__':
    main()
