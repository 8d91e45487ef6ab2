"""SUBSCRIBE, UNSUBSCRIBE and how deliveries name their topic."""
import collections

from sn_checks import PREDEFINED_TOPICS, check, main
from sn_wire import INVALID_ID, NORMAL, PREDEFINED, SHORT, UNSUPPORTED, flags


@check('a topic subscribed to is delivered by the id of the SUBACK, without REGISTER')
def by_name(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    topic = client.subscribe('s/x', qos=2)
    for qos in (0, 1, 2):
        publisher.publish('s/x', f'{qos}', qos)
        got = client.gets('s/x', f'{qos}', id=topic, kind=NORMAL, qos=qos, dup=False)
        assert (got.mid == 0) == (qos == 0)


@check('a wildcard gets no id; a topic is registered before its first message, and only then')
def wildcard(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.raw('08 12 20 00 05 61 2F 23')
    client.expect_raw('08 13 20 00 00 00 05 00')
    publisher.publish('a/x', 'first')
    register = client.expect('REGISTER', topic='a/x')
    client.silent(0.2)  # the message waits for REGACK
    client.learn(register)
    message = client.expect('PUBLISH', id=register.id, kind=NORMAL, qos=1, data='first')
    client.send('PUBACK', id=message.id, mid=message.mid)
    publisher.publish('a/x', 'second')
    message = client.expect('PUBLISH', id=register.id, data='second')
    client.send('PUBACK', id=message.id, mid=message.mid)
    publisher.publish('a/y', 'other')
    assert client.expect('REGISTER', topic='a/y').id != register.id


@check('a topic that the client cannot be told is tried again, then the client is lost',
       retry_interval='400ms', max_retry=2)
def no_regack(gw):
    reader = gw.tcp('reader', 'will/#')
    client = gw.device('deaf', will=('will/deaf', 'lost'))
    client.subscribe('deaf/#')
    reader.publish('deaf/x', 'x')
    first = client.expect('REGISTER', topic='deaf/x')
    for _ in range(2):
        client.expect('REGISTER', topic='deaf/x', id=first.id, mid=first.mid)
    reader.gets('will/deaf', 'lost')
    client.expect('DISCONNECT')


@check('a topic that the client refuses is not sent again, others are')
def refused_topic(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.subscribe('n/#', qos=1)
    publisher.publish('n/bad', 'x')
    register = client.expect('REGISTER', topic='n/bad')
    client.send('REGACK', id=register.id, mid=register.mid, code=UNSUPPORTED)
    publisher.publish('n/bad', 'y')
    publisher.publish('n/good', 'z')
    client.gets('n/good', 'z')
    publisher.publish('n/bad', 'y')
    publisher.publish('n/good', 'end')
    client.gets('n/good', 'end')
    client.subscribe('n/#', qos=1)  # asks anew
    publisher.publish('n/bad', 'again')
    client.gets('n/bad', 'again')


@check('congestion at REGISTER: asked again after a while', wait_interval='300ms')
def busy_register(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.subscribe('busy/#', qos=1)
    publisher.publish('busy/x', 'waits')
    register = client.expect('REGISTER', topic='busy/x')
    client.send('REGACK', id=register.id, mid=register.mid, code=1)
    client.gets('busy/x', 'waits')


@check('pre-defined ids and short names are delivered as such')
def kinds(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.raw('07 12 01 00 06 00 01')
    client.expect_raw('08 13 00 00 01 00 06 00')
    client.names[PREDEFINED, 1] = PREDEFINED_TOPICS[1]
    publisher.publish(PREDEFINED_TOPICS[1], 'x')
    client.gets(PREDEFINED_TOPICS[1], 'x', kind=PREDEFINED, id=1)
    client.raw('07 12 21 00 07 12 34')
    client.expect('SUBACK', id=0x1234, mid=7, code=INVALID_ID)
    assert client.subscribe('te', qos=1, kind=SHORT) == 0
    publisher.publish('te', 'y')
    client.gets('te', 'y', kind=SHORT, id=0x7465)
    client.send('SUBSCRIBE', flags=flags(kind=3), mid=8, topic='te')
    client.expect('SUBACK', id=0, mid=8, code=INVALID_ID)


@check('two octets may be a wildcard, too')
def short_wildcard(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    assert client.subscribe('/#', kind=SHORT) == 0
    publisher.publish('/deep/down', 'x')
    client.gets('/deep/down', 'x', kind=NORMAL)


@check('who subscribed by name gets a normal id, though the topic has a pre-defined one')
def name_of_predefined(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    topic = client.subscribe(PREDEFINED_TOPICS[2])
    assert topic > max(PREDEFINED_TOPICS)
    publisher.publish(PREDEFINED_TOPICS[2], 'x')
    client.gets(PREDEFINED_TOPICS[2], 'x', kind=NORMAL, id=topic)


@check('shared subscriptions share with TCP members; the id is that of the topic delivered')
def shared(gw):
    for prefix in ('$share/g/', '$queue/'):
        client = gw.device('a')
        tcp, publisher = gw.tcp('member'), gw.tcp('publisher')
        topic = client.subscribe(prefix + 'job/x', qos=1)
        assert topic
        client.names[NORMAL, topic] = 'job/x'
        tcp.subscribe(prefix + 'job/x')
        for number in range(20):
            publisher.publish('job/x', f'{number}')
        got = collections.Counter()
        while sum(got.values()) + tcp.messages.qsize() < 20:
            message = client.recv(0.5)
            if message is not None:
                received = client.receive(message)
                assert received.topic == 'job/x' and received.message.id == topic
                got[received.data] += 1
        while not tcp.messages.empty():
            got[tcp.messages.get().payload] += 1
        assert len(got) == 20 and set(got.values()) == {1}, got
        gw.close()


@check('a retained message comes behind the SUBACK, at the lower of both QoS')
def retained(gw):
    publisher, client = gw.tcp('publisher'), gw.device('a')
    publisher.publish('kept/1', 'kept', qos=2, retain=True)
    for filter_ in ('kept/1', 'kept/+'):
        for qos in (0, 1, 2):
            client.subscribe(filter_, qos=qos)
            client.gets('kept/1', 'kept', qos=qos, retain=True)
    client.quiet()
    publisher.publish('kept/1', '', retain=True)


@check('a SUBSCRIBE repeated is answered again; one subscription, retained messages once')
def repeated(gw):
    publisher, client = gw.tcp('publisher'), gw.device('a')
    publisher.publish('rep/1', 'kept', retain=True)
    for first in (True, False, False):
        client.send('SUBSCRIBE', flags=flags(qos=1, dup=not first), mid=5, topic='rep/1')
        topic = client.expect('SUBACK', mid=5, code=0).id
        client.names[NORMAL, topic] = 'rep/1'
        if first:
            client.gets('rep/1', 'kept', retain=True)
    client.quiet()
    for _ in range(3):  # all at once: some may be taken for one
        client.send('SUBSCRIBE', flags=flags(qos=1, dup=True), mid=6, topic='rep/1')
    client.expect('SUBACK', mid=6, id=topic, code=0)
    publisher.publish('rep/1', '', retain=True)

    def behind_subacks():
        while (message := client.recv()).name == 'SUBACK':
            assert message.id == topic
        return message
    assert client.receive(behind_subacks()).data == b''
    client.send('PINGREQ')
    assert behind_subacks().name == 'PINGRESP'
    assert gw.ctl('subscriptions', 'show', 'a').count('rep/1') == 1


@check('UNSUBSCRIBE by every kind of id is answered, and deliveries stop')
def unsubscribe(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.names[PREDEFINED, 1] = PREDEFINED_TOPICS[1]
    for topic, kind, name in (('u/name', NORMAL, 'u/name'), ('u/+', NORMAL, 'u/wild'),
                              (1, PREDEFINED, PREDEFINED_TOPICS[1]), ('te', SHORT, 'te')):
        client.subscribe(topic, kind=kind)
        publisher.publish(name, 'x')
        client.gets(name, 'x')
        client.unsubscribe(topic, kind)
        publisher.publish(name, 'nobody')
        client.quiet()
    client.subscribe('te', kind=SHORT)
    client.unsubscribe('te', NORMAL)  # two letters are the same name in both forms
    publisher.publish('te', 'nobody')
    client.quiet()
    client.unsubscribe('never/subscribed')
    client.unsubscribe(0x4321, PREDEFINED)
    client.unsubscribe('no', SHORT)


@check('filters that are none are refused')
def refused(gw):
    client = gw.device('a')
    for bad in (b'a/#/b', b'a#', b'+a', b'\xff\xff\xff', b'a\x00b', b'$share/g', b'$share//x'):
        client.send('SUBSCRIBE', flags=flags(qos=1), mid=3, topic=bad)
        client.expect('SUBACK', id=0, mid=3, code=UNSUPPORTED)
    client.send('SUBSCRIBE', flags=flags(qos=3), mid=4, topic='a/b')
    client.expect('SUBACK', mid=4, code=UNSUPPORTED)
    client.send('SUBSCRIBE', mid=6)
    message = client.recv(0.3)  # no name at all is malformed, or refused
    assert message is None or (message.name, message.code) == ('SUBACK', UNSUPPORTED)
    client.quiet()


@check('names longer than a short header holds, both ways')
def long_names(gw):
    client, tcp = gw.device('a'), gw.tcp('tcp', 'l/#')
    client.subscribe('l/down/#', qos=1)
    up, down = 'l/up/' + 'u' * 600, 'l/down/' + 'd' * 600
    client.publish(client.register(up), 'x', qos=1)
    tcp.gets(up, 'x')
    tcp.publish(down, 'y')
    client.gets(down, 'y')
    assert client.subscribe('l/' + 's' * 600)
    client.unsubscribe('l/' + 's' * 600)


@check('hundreds of new topics at once: each is told before its message, none is lost')
def many_topics(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    topics = [f'many/{number}' for number in range(300)]
    for topic in topics:
        publisher.publish(topic, topic, retain=True)
    client.subscribe('many/+', qos=1)
    got = [client.receive() for _ in topics]
    assert sorted(one.topic for one in got) == sorted(topics)
    assert all(one.data == one.topic.encode() for one in got)
    client.quiet()
    gw.ctl('retainer', 'clean', 'many/#')


@check('two subscriptions that overlap: every message comes')
def overlapping(gw):
    client, publisher = gw.device('a'), gw.tcp('publisher')
    client.subscribe('o/x', qos=1)
    client.subscribe('o/#', qos=0)
    publisher.publish('o/x', '1')
    publisher.publish('o/y', '2')
    seen = [client.receive().data]
    while seen[-1] != b'2':
        seen.append(client.receive().data)
    assert set(seen) == {b'1', b'2'}


if __name__ == '__main__':
    main()
