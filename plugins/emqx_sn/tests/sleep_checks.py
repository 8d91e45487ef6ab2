"""Keep-alive, and clients that sleep, poll and wake up."""
import time

from sn_checks import check, eventually, main
from sn_client import Udp
from sn_wire import flags


def lost_after(gw, reader, client, topic, began, least):
    """Waits for the will; it must not come before `least` seconds since `began`, which is before
    the client was heard last."""
    reader.gets(topic, 'gone')
    assert time.monotonic() - began >= least, time.monotonic() - began
    eventually(lambda: client.client_id not in gw.clients(), 'it is gone')


@check('who is silent for half as long again as its keep-alive is lost')
def keep_alive(gw):
    reader, client = gw.tcp('reader', 'will/#'), gw.peer('ka')
    before = gw.metric('lost_keep_alive')
    began = time.monotonic()
    client.connect(duration=1, will=('will/ka', 'gone'))
    lost_after(gw, reader, client, 'will/ka', began, 1.4)
    client.expect('DISCONNECT')
    eventually(lambda: gw.metric('lost_keep_alive') - before == 1, 'it is counted')


@check('any valid message keeps a client alive, junk does not; 0 is for ever')
def kept_alive(gw):
    reader = gw.tcp('reader', 'will/#')
    forever = gw.device('forever', duration=0, will=('will/forever', 'never'))

    def talks(name, say):
        client = gw.device(name, duration=2, will=(f'will/{name}', 'gone'))
        return client, lambda: say(client)
    busy = [talks('publish', lambda client: client.send_publish('te', 'x')),
            talks('ping', lambda client: client.send('PINGREQ')),
            talks('search', lambda client: client.raw('03 01 00')),
            talks('puback', lambda client: client.send('PUBACK', id=1, mid=1)),
            talks('any', lambda client: client.send_publish('te', 'x', qos=1))]
    junk, say_junk = talks('junk', lambda client: client.raw('02 16 00'))  # says nothing
    lost = None
    while lost is None:  # until one that says nothing is lost: so long the others have had to last
        for _, say in busy:
            say()
        say_junk()
        lost = reader.received(0.3)
    assert lost.topic == 'will/junk', lost.topic
    eventually(lambda: junk.client_id not in gw.clients(), 'it is gone')
    for _ in busy:  # who falls silent is lost, too
        assert reader.receive().payload == b'gone'
    eventually(lambda: {'forever'} == set(gw.sn_clients()), 'all others are lost')
    forever.quiet()


@check('a plain DISCONNECT, and one with duration 0, end the session without will')
def disconnect(gw):
    reader = gw.tcp('reader', 'will/#')
    for ending in ('02 18', '04 18 00 00'):
        client = gw.device('ends', will=('will/ends', 'gone'))
        client.raw(ending)
        client.expect_raw('02 18')
        eventually(lambda: 'ends' not in gw.clients(), 'it is gone')
        client.send('PINGREQ')
        client.expect_raw('02 18')
    reader.silent(0.2)


@check('PINGREQ is answered, with the own client id as well')
def ping(gw):
    client = gw.device('c1')
    client.raw('02 16')
    client.expect_raw('02 17')
    client.raw('04 16 63 31')
    client.expect_raw('02 17')


@check('a sleeping client finds everything at its poll, and PINGRESP behind the last of it')
def poll(gw):
    client, publisher = gw.device('p'), gw.tcp('publisher')
    topic = client.subscribe('p/known', qos=1)
    client.subscribe('p/new/#', qos=2)
    client.raw('04 18 00 3C')
    client.expect_raw('02 18')
    assert gw.state('p') == 'asleep' and 'p' in gw.clients()
    publisher.publish('p/known', '1')
    publisher.publish('p/new/x', '2', qos=2)
    publisher.publish('p/known', '3')
    client.silent()
    client.raw('03 16 70')
    first = client.expect('PUBLISH', id=topic, data='1')
    client.silent(0.2)  # nothing but after the acknowledgement
    client.send('PUBACK', id=topic, mid=first.mid)
    register = client.expect('REGISTER', topic='p/new/x')
    client.learn(register)
    client.gets('p/new/x', '2', qos=2)
    last = client.expect('PUBLISH', id=topic, data='3')
    client.silent(0.2)  # PINGRESP waits for it, too
    client.send('PUBACK', id=topic, mid=last.mid)
    client.expect_raw('02 17')
    assert client.poll() == []
    publisher.publish('p/known', 'later')
    client.silent()
    client.raw('02 16')  # by its address alone
    client.gets('p/known', 'later')
    client.expect('PINGRESP')


@check('what is not acknowledged at a poll is kept, and comes with DUP at the next',
       retry_interval='600ms', max_retry=1)
def not_acknowledged(gw):
    client, publisher = gw.device('keeps'), gw.tcp('publisher')
    client.subscribe('keeps/x', qos=1)
    client.sleep(60)
    for number in ('1', '2'):
        publisher.publish('keeps/x', number)
    client.send('PINGREQ', client_id='keeps')
    first = client.expect('PUBLISH', data='1', dup=False)
    # Nothing from us: it falls asleep again, without PINGRESP.
    eventually(lambda: gw.state('keeps') == 'asleep', 'it sleeps')
    while (message := client.recv(0)) is not None:
        assert message.name == 'PUBLISH' and message.data == b'1', message
    gw.reload()
    client.send('PINGREQ', client_id='keeps')
    client.gets('keeps/x', '1', dup=True, mid=first.mid)
    client.gets('keeps/x', '2', dup=False)
    client.expect('PINGRESP')
    assert client.poll() == []


@check('QoS 2 half done at a poll goes on at the next', retry_interval='600ms', max_retry=1)
def half_done(gw):
    client, publisher = gw.device('half'), gw.tcp('publisher')
    client.subscribe('half/x', qos=2)
    client.sleep(60)
    for data in ('1', '2'):
        publisher.publish('half/x', data, qos=2)
    client.send('PINGREQ', client_id='half')
    message = client.expect('PUBLISH', data='1')
    client.send('PUBREC', mid=message.mid)
    client.expect('PUBREL', mid=message.mid)
    eventually(lambda: gw.state('half') == 'asleep', 'it sleeps')
    while (later := client.recv(0)) is not None:
        assert later.name == 'PUBREL', later
    gw.reload()
    client.send('PINGREQ', client_id='half')
    client.expect('PUBREL', mid=message.mid)
    client.send('PUBCOMP', mid=message.mid)
    client.gets('half/x', '2', qos=2)
    client.expect('PINGRESP')


@check('who falls asleep with a message unacknowledged gets it again at the poll')
def in_flight(gw):
    client, publisher = gw.device('flight'), gw.tcp('publisher')
    client.subscribe('flight/x', qos=1)
    publisher.publish('flight/x', '1')
    publisher.publish('flight/x', '2')
    message = client.expect('PUBLISH', data='1', dup=False)
    client.sleep(60)
    client.silent()
    client.send('PINGREQ', client_id='flight')
    client.gets('flight/x', '1', dup=True, mid=message.mid)
    client.gets('flight/x', '2', dup=False)
    client.expect('PINGRESP')
    client.sleep(60)
    publisher.publish('flight/x', '3')
    client.send('PINGREQ', client_id='flight')
    message = client.expect('PUBLISH', data='3')
    client.send('PUBACK', id=message.id, mid=message.mid)
    client.expect('PINGRESP')


@check('a poll repeated before the acknowledgement repeats the message')
def poll_again(gw):
    client, publisher = gw.device('again'), gw.tcp('publisher')
    client.subscribe('again/x', qos=1)
    client.sleep(60)
    publisher.publish('again/x', '1')
    client.send('PINGREQ', client_id='again')
    first = client.expect('PUBLISH', dup=False)
    client.send('PINGREQ', client_id='again')
    client.gets('again/x', '1', dup=True, mid=first.mid)
    client.expect('PINGRESP')


@check('what comes during a poll waits for the next')
def snapshot(gw):
    client, publisher = gw.device('snap'), gw.tcp('publisher')
    client.subscribe('snap/x', qos=1)
    client.sleep(60)
    publisher.publish('snap/x', 'before')
    client.send('PINGREQ', client_id='snap')
    message = client.expect('PUBLISH', data='before')
    for number in range(3):
        publisher.publish('snap/x', f'during {number}')
    client.send('PUBACK', id=message.id, mid=message.mid)
    client.expect('PINGRESP')
    client.silent()
    assert client.poll() == [('snap/x', f'during {i}'.encode()) for i in range(3)]


@check('who oversleeps is lost, but never too early')
def oversleeps(gw):
    reader = gw.tcp('reader', 'will/#')
    client = gw.device('over', will=('will/over', 'gone'))
    before = gw.metric('lost_sleep')
    began = time.monotonic()
    client.sleep(1)
    lost_after(gw, reader, client, 'will/over', began, 1.0)
    eventually(lambda: gw.metric('lost_sleep') - before == 1, 'it is counted')
    client.silent(0.2)  # it sleeps, nobody talks to it


@check('polls, uplink and new durations keep a sleeping client alive')
def sleeps_on(gw):
    wills, reader = gw.tcp('wills', 'will/#'), gw.tcp('reader', 'te')
    client = gw.device('long', will=('will/long', 'gone'))
    client.sleep(2)
    for step, words in enumerate((('poll', 'publish'), ('nothing more',))):
        # One that sleeps as long and says nothing is lost: so much time has passed.
        silent = gw.device(f'silent{step}', will=(f'will/silent{step}', 'gone'))
        silent.sleep(2)
        while (message := wills.received(0.3)) is None:
            if 'poll' in words:
                assert client.poll() == []
                client.publish('te', f'{step}', qos=1)
                reader.gets('te', f'{step}')
        assert message.topic == f'will/silent{step}', message.topic
        client.sleep(60)
        assert gw.state('long') == 'asleep'
    client.disconnect()
    eventually(lambda: 'long' not in gw.clients(), 'it is gone')
    wills.silent(0.2)


@check('a sleeping client may register, subscribe and publish')
def uplink(gw):
    client, tcp = gw.device('up'), gw.tcp('tcp', 'up/#')
    client.sleep(60)
    number = client.register('up/x')
    for qos in (0, 1, 2):
        client.publish(number, f'{qos}', qos)
        tcp.gets('up/x', f'{qos}')
    topic = client.subscribe('down/x', qos=1)
    tcp.publish('down/x', 'waits')
    client.silent()
    assert gw.state('up') == 'asleep'
    assert client.poll() == [('down/x', b'waits')]
    client.unsubscribe('down/x')
    assert topic and client.poll() == []


@check('a poll from another port moves the client there')
def rebind(gw):
    client, publisher = gw.device('nat'), gw.tcp('publisher')
    client.subscribe('nat/x', qos=1)
    client.sleep(60)
    publisher.publish('nat/x', 'found')
    old, client.transport = client.transport, Udp(gw.address)
    assert client.poll() == [('nat/x', b'found')]
    publisher.publish('nat/x', 'again')
    assert client.poll() == [('nat/x', b'again')]
    assert old.recv(0.2) is None
    old.send(b'\x02\x16')  # that address is nobody now
    assert old.recv(30) == b'\x02\x18'
    old.close()


@check('unless that is forbidden', rebind=False)
def no_rebind(gw):
    client = gw.device('nat')
    client.sleep(60)
    old, client.transport = client.transport, Udp(gw.address)
    client.send('PINGREQ', client_id='nat')
    client.expect('DISCONNECT')
    client.transport = old
    assert client.poll() == []


@check('CONNECT wakes up and keeps everything, even with a clean session')
def wake_up(gw):
    client, publisher = gw.device('wake'), gw.tcp('publisher', 'will/#')
    number = client.subscribe('wake/x', qos=1)
    client.sleep(60)
    publisher.publish('wake/x', 'buffered')
    client.connect(clean=True)
    client.gets('wake/x', 'buffered')
    publisher.publish('wake/x', 'at once')
    client.gets('wake/x', 'at once', id=number)
    client.quiet()
    assert gw.state('wake') == 'active'
    client.sleep(60)
    publisher.publish('wake/x', 'with a will')
    client.connect(clean=True, duration=1, will=('will/wake', 'gone'))
    client.gets('wake/x', 'with a will')
    publisher.gets('will/wake', 'gone')


@check('CONNECT in the middle of a poll goes on as an active client')
def wake_in_poll(gw):
    client, publisher = gw.device('mid'), gw.tcp('publisher')
    client.subscribe('mid/x', qos=1)
    client.sleep(60)
    for number in range(3):
        publisher.publish('mid/x', f'{number}')
    client.send('PINGREQ', client_id='mid')
    message = client.expect('PUBLISH', data='0')
    client.send('PUBACK', id=message.id, mid=message.mid)
    client.expect('PUBLISH', data='1')
    client.connect(clean=True)
    client.gets('mid/x', '1', dup=True)
    client.gets('mid/x', '2')
    client.quiet()


@check('or begins anew, when the settings say so', wakeup='strict')
def strict_wake_up(gw):
    client, publisher = gw.device('strict'), gw.tcp('publisher')
    client.subscribe('strict/x', qos=1)
    client.sleep(60)
    publisher.publish('strict/x', 'buffered')
    client.connect(clean=True)
    publisher.publish('strict/x', 'nobody')
    client.silent()
    client.quiet()


@check('another address connects as the sleeping client: it has everything')
def wake_elsewhere(gw):
    client, publisher = gw.device('moves'), gw.tcp('publisher')
    client.subscribe('moves/x', qos=1)
    client.sleep(60)
    publisher.publish('moves/x', 'buffered')
    client.transport = Udp(gw.address)
    client.connect(clean=False)
    client.gets('moves/x', 'buffered')
    client.quiet()


@check('a foreign client id in PINGREQ polls nobody')
def foreign(gw):
    client, other, publisher = gw.device('mine'), gw.device('other'), gw.tcp('publisher')
    other.subscribe('other/x', qos=1)
    other.sleep(60)
    publisher.publish('other/x', 'x')
    client.send('PINGREQ', client_id='other')
    message = client.recv(0.3)
    assert message is None or message.name == 'DISCONNECT', message
    assert other.poll() == [('other/x', b'x')]


@check('subscriptions of a session come back, with the topics told anew', subs_resume=True)
def subs_resume(gw):
    client, publisher = gw.device('resume', clean=False), gw.tcp('publisher')
    client.subscribe('resume/x', qos=1)
    client.disconnect()
    publisher.publish('resume/x', 'waited')
    client.send('CONNECT', flags=flags(), protocol=1, duration=60, client_id='resume')
    client.expect('CONNACK')
    client.expect('REGISTER', topic='resume/x', timeout=30)
    client.connect(clean=True)


if __name__ == '__main__':
    main()
