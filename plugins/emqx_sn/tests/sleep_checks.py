"""Keep-alive, and clients that sleep, poll and wake up."""
import time

from sn_checks import check, eventually, main
from sn_client import Udp
from sn_wire import flags


def lost_after(gw, reader, client, topic, least):
    """Waits for the will; it must not come before `least` seconds."""
    began = time.monotonic()
    reader.gets(topic, 'gone')
    assert time.monotonic() - began >= least, time.monotonic() - began
    eventually(lambda: client.client_id not in gw.clients(), 'it is gone')


@check('who is silent for half as long again as its keep-alive is lost')
def keep_alive(gw):
    reader, client = gw.tcp('reader', 'will/#'), gw.peer('ka')
    before = gw.metric('lost_keep_alive')
    client.connect(duration=1, will=('will/ka', 'gone'))
    lost_after(gw, reader, client, 'will/ka', 1.3)
    client.expect('DISCONNECT')
    eventually(lambda: gw.metric('lost_keep_alive') - before == 1, 'it is counted')


@check('any valid message keeps a client alive, junk does not; 0 is for ever')
def kept_alive(gw):
    reader = gw.tcp('reader', 'will/#')
    forever = gw.device('forever', duration=0, will=('will/forever', 'gone'))
    client = gw.device('busy', duration=1, will=('will/busy', 'gone'))
    for send in (lambda: client.send_publish('te', 'x'), lambda: client.send('PINGREQ'),
                 lambda: client.raw('03 01 00'), lambda: client.send('PUBACK', id=1, mid=1),
                 lambda: client.send_publish('te', 'x')):
        reader.silent(0.8)
        send()
    while client.recv(0.01):
        pass
    began = time.monotonic()
    reader.silent(0.8)
    client.raw('02 16 00')  # says nothing
    lost_after(gw, reader, client, 'will/busy', 0.3)
    assert time.monotonic() - began < 30
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
    client.send('REGACK', id=register.id, mid=register.mid)
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
       retry_interval='300ms', max_retry=2)
def not_acknowledged(gw):
    client, publisher = gw.device('keeps'), gw.tcp('publisher')
    client.subscribe('keeps/x', qos=1)
    client.sleep(60)
    for number in ('1', '2'):
        publisher.publish('keeps/x', number)
    client.send('PINGREQ', client_id='keeps')
    first = client.expect('PUBLISH', data='1', dup=False)
    # Nothing from us: it falls asleep again, without PINGRESP.
    while (message := client.recv(2)) is not None:
        assert message.name == 'PUBLISH' and message.data == b'1', message
    eventually(lambda: gw.state('keeps') == 'asleep', 'it sleeps')
    client.send('PINGREQ', client_id='keeps')
    client.gets('keeps/x', '1', dup=True, mid=first.mid)
    client.gets('keeps/x', '2', dup=False)
    client.expect('PINGRESP')
    assert client.poll() == []


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
    client.sleep(1)
    began = time.monotonic()
    lost_after(gw, reader, client, 'will/over', 1.0)
    assert time.monotonic() - began < 15
    eventually(lambda: gw.metric('lost_sleep') - before == 1, 'it is counted')
    client.silent(0.2)  # it sleeps, nobody talks to it


@check('polls, uplink and new durations keep a sleeping client alive')
def sleeps_on(gw):
    reader = gw.tcp('reader', 'will/#', 'te')
    client = gw.device('long', will=('will/long', 'gone'))
    client.sleep(2)
    began = time.monotonic()
    for step in range(5):
        reader.silent(1.0)
        if step % 2:
            assert client.poll() == []
        else:
            client.publish('te', f'{step}', qos=1)
            reader.gets('te', f'{step}')
    assert time.monotonic() - began > 4
    client.sleep(60)
    assert gw.state('long') == 'asleep'
    reader.silent(3.5)
    client.disconnect()
    eventually(lambda: 'long' not in gw.clients(), 'it is gone')
    reader.silent(0.2)


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
