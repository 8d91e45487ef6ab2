"""REGISTER and PUBLISH of clients: topic ids of all kinds, every QoS, errors, access."""
from sn_checks import PREDEFINED_TOPICS, check, eventually, main
from sn_wire import INVALID_ID, NORMAL, PREDEFINED, SHORT, UNSUPPORTED, flags, pack

FIRST = max(PREDEFINED_TOPICS) + 1


@check('a topic gets an id above the pre-defined ones, the same again when asked again')
def register(gw):
    client, other = gw.device('a'), gw.device('b')
    reader = gw.tcp('reader', 'r/#')
    number = client.register('r/mine')
    assert number >= FIRST, number
    assert client.register('r/mine') == number
    assert client.register('r/second') != number
    assert other.register('r/others') == number  # each client has its own
    client.publish(number, 'of a', qos=1)
    other.publish(number, 'of b', qos=1)
    reader.gets('r/mine', 'of a')
    reader.gets('r/others', 'of b')


@check('a topic that has a pre-defined id gets a normal one as well')
def register_predefined(gw):
    client = gw.device('a')
    assert client.register(PREDEFINED_TOPICS[1]) >= FIRST


@check('what is no topic is not registered')
def register_refused(gw):
    client = gw.device('a')
    for topic in (b'a/#', b'#', b'a/+/b', b'+', b'\xff', b'a\x00b', b'a/\xed\xa0\x80'):
        client.send('REGISTER', mid=77, topic=topic)
        client.expect_raw('07 0B 00 00 00 4D 03')
    client.send('REGISTER', mid=78, topic='')
    message = client.recv(0.3)  # no topic at all is malformed, or refused
    assert message is None or (message.name, message.id, message.code) == ('REGACK', 0, UNSUPPORTED)
    client.quiet()


@check('when all ids are taken REGISTER is refused, and the rest goes on')
def exhausted(gw):
    client = gw.device('greedy')
    seen, window, sent = set(), 200, 0
    refused = 0
    while refused == 0:
        for _ in range(window):
            sent += 1
            client.transport.send(pack('REGISTER', mid=sent % 65535 + 1, topic=f'g/{sent}'))
        for _ in range(window):
            answer = client.expect('REGACK')
            if answer.code == UNSUPPORTED:
                assert answer.id == 0
                refused += 1
            else:
                assert answer.code == 0 and 0 < answer.id < 0xFFFF and answer.id not in seen
                seen.add(answer.id)
        assert sent < 66000
    assert len(seen) > 60000, len(seen)
    assert client.register('g/1') == min(seen)
    client.quiet()


@check('a client may have no more topics than the settings say', max_topics=3)
def max_topics(gw):
    client = gw.device('few')
    for topic in ('1', '2', '3'):
        client.register(topic)
    client.send('REGISTER', mid=9, topic='4')
    client.expect('REGACK', id=0, mid=9, code=UNSUPPORTED)
    assert client.register('2')


@check('PUBLISH by normal, short and pre-defined ids, QoS 0 to 2, reaches TCP subscribers')
def publish(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'p/#', 'te', 'predefined/#')
    number = client.register('p/topic')
    for qos in (0, 1, 2):
        for topic, kind, name in ((number, NORMAL, 'p/topic'), ('te', SHORT, 'te'),
                                  (2, PREDEFINED, PREDEFINED_TOPICS[2])):
            for data in ('hello', b'\x00\xff\x01', ''):
                client.publish(topic, data, qos, kind)
                reader.gets(name, data, qos=qos, retain=False)
    client.send_publish('te', 'x', qos=0, mid=4711)  # some clients number these, too
    reader.gets('te', 'x')
    client.quiet()


@check('the acknowledgement repeats the topic id and the message id')
def acknowledgement(gw):
    client = gw.device('a')
    client.raw('09 0C 22 74 65 00 02 68 69')
    client.expect_raw('07 0D 74 65 00 02 00')
    client.raw('08 0C 21 00 01 FF FF 68')
    client.expect_raw('07 0D 00 01 FF FF 00')
    client.raw('09 0C 42 74 65 00 03 68 69')
    client.expect_raw('04 0F 00 03')
    client.raw('04 10 00 03')
    client.expect_raw('04 0E 00 03')


@check('an unknown topic id is told at every QoS; after REGISTER it works')
def unknown_id(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'u/#')
    for kind in (NORMAL, PREDEFINED):
        for qos in (0, 1, 2):
            mid = client.send_publish(0x1234, 'lost', qos, kind)
            client.expect('PUBACK', id=0x1234, mid=mid, code=INVALID_ID)
    client.publish(client.register('u/x'), 'found', qos=2)
    reader.gets('u/x', 'found')


@check('names that are none to publish to, and the reserved kind of id, are not supported')
def bad_names(gw):
    client, reader = gw.device('a'), gw.tcp('reader', '#')
    for topic in (b'a#', b'+b', b'\xff\xff', b'a\x00'):
        for qos in (1, 2):
            mid = client.send_publish(topic, 'x', qos)
            client.expect('PUBACK', id=int.from_bytes(topic, 'big'), mid=mid, code=UNSUPPORTED)
        client.send_publish(topic, 'x', 0)
    for qos in (1, 2):
        mid = client.send_publish(5, 'x', qos, kind=3)
        client.expect('PUBACK', id=5, mid=mid, code=UNSUPPORTED)
    client.send_publish(5, 'x', 0, kind=3)
    client.quiet()
    reader.silent(0.2)


@check('QoS 1 and 2 without a message id are dropped')
def no_message_id(gw):
    client, reader = gw.device('a'), gw.tcp('reader', '#')
    for qos in (1, 2):
        client.send_publish('te', 'x', qos, mid=0)
    client.quiet()
    reader.silent(0.2)


@check('QoS 2 repeated in any step is routed once')
def exactly_once(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'te')
    mid = client.send_publish('te', 'once', 2)
    client.expect('PUBREC', mid=mid)
    for _ in range(3):
        client.send_publish('te', 'once', 2, mid=mid, dup=True)
        client.expect('PUBREC', mid=mid)
    for _ in range(3):
        client.send('PUBREL', mid=mid)
        client.expect('PUBCOMP', mid=mid)
    reader.gets('te', 'once')
    client.publish('te', 'next', qos=2, mid=mid)  # the id is free again
    reader.gets('te', 'next')
    client.send('PUBREL', mid=4711)
    client.expect('PUBCOMP', mid=4711)
    reader.silent(0.1)


@check('QoS 1 repeated is acknowledged again')
def at_least_once(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'te')
    client.publish('te', 'x', qos=1, mid=9)
    client.publish('te', 'x', qos=1, mid=9, dup=True)
    reader.gets('te', 'x')
    reader.gets('te', 'x')


@check('many exchanges open at once are served; a full window is congestion', max_awaiting_rel=5)
def windows(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'te')
    for mid in range(1, 6):
        client.send_publish('te', f'{mid}', 2, mid=mid)
        client.expect('PUBREC', mid=mid)
    client.send_publish('te', '6', 2, mid=6)
    client.expect('PUBACK', id=0x7465, mid=6, code=1)
    client.publish('te', 'q1', qos=1, mid=7)
    client.send('PUBREL', mid=3)
    client.expect('PUBCOMP', mid=3)
    client.send_publish('te', '6', 2, mid=6)
    client.expect('PUBREC', mid=6)
    assert sorted(reader.receive().payload for _ in range(7)) == \
        [b'1', b'2', b'3', b'4', b'5', b'6', b'q1']


@check('retained messages are kept, given to later subscribers, and cleared')
def retained(gw):
    client = gw.device('a')
    number = client.register('kept/x')
    client.publish(number, 'kept', qos=1, retain=True)
    gw.tcp('later', 'kept/#').gets('kept/x', 'kept', retain=True)
    other = gw.device('b')
    topic = other.subscribe('kept/x', qos=1)
    other.gets('kept/x', 'kept', retain=True, id=topic)
    client.publish(number, '', qos=1, retain=True)
    other.gets('kept/x', '', retain=False)
    gw.tcp('even later', 'kept/#').silent(0.2)


@check('what clients may not publish is told at QoS 1 and 2, and silence at QoS 0')
def denied(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'secret/#', 'open/#')
    number = client.register('secret/x')
    for qos in (1, 2):
        mid = client.send_publish(number, 'x', qos)
        client.expect('PUBACK', id=number, mid=mid, code=UNSUPPORTED)
    client.send_publish(number, 'x', 0)
    client.quiet()
    client.publish(client.register('open/x'), 'x', qos=2)
    reader.gets('open/x', 'x')
    reader.silent(0.1)
    client.send('SUBSCRIBE', flags=flags(qos=1), mid=8, topic='secret/y')
    client.expect('SUBACK', id=0, mid=8, code=UNSUPPORTED)
    client.subscribe('open/y')


@check('QoS -1 does nothing unless it is allowed')
def qos_minus_off(gw):
    reader, peer = gw.tcp('reader', '#'), gw.peer()
    before = gw.metric('qos_neg1_dropped')
    for topic, kind in (('te', SHORT), (1, PREDEFINED)):
        peer.send_publish(topic, 'x', -1, kind)
    peer.silent()
    reader.silent(0.1)
    eventually(lambda: gw.metric('qos_neg1_dropped') - before == 2, 'both are counted')
    assert gw.sn_clients() == {}


@check('QoS -1 needs no CONNECT and gets no answer', enable_qos3=True)
def qos_minus_on(gw):
    reader, peer = gw.tcp('reader', 'te', 'predefined/#', 'long/#'), gw.peer()
    peer.send_publish('te', 'short', -1)
    reader.gets('te', 'short', qos=0)
    peer.raw('08 0C 61 00 01 00 00 78')
    reader.gets(PREDEFINED_TOPICS[1], 'x', qos=0)
    peer.send_publish(len('long/name'), 'long/namedata', -1, NORMAL)  # as Paho writes full names
    reader.gets('long/name', 'data')
    for topic, kind in ((0, NORMAL), (99, NORMAL), (5, NORMAL), (77, PREDEFINED), (b'+a', SHORT),
                        (1, 3)):
        peer.send_publish(topic, 'a/+/b', -1, kind)
    peer.silent()
    reader.silent(0.1)
    assert gw.sn_clients() == {} and 'NegQoS-Client' not in gw.sn_clients()
    client = gw.device('a')
    client.send_publish('te', 'of a client', -1)
    reader.gets('te', 'of a client', qos=0)
    client.quiet()


@check('QoS -1 obeys access rules and may be retained', enable_qos3=True)
def qos_minus_access(gw):
    reader, peer = gw.tcp('reader', 'secret/#', 'te'), gw.peer()
    peer.send_publish(len('secret/x'), 'secret/xdata', -1, NORMAL)
    peer.send_publish('te', 'kept', -1, retain=True)
    reader.gets('te', 'kept')
    gw.tcp('later', 'te').gets('te', 'kept', retain=True)
    peer.send_publish('te', '', -1, retain=True)
    reader.gets('te', '')
    reader.silent(0.1)


@check('normal ids that are unknown are looked up among the pre-defined, when wanted',
       lenient_topic_id=True)
def lenient(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'predefined/#')
    client.publish(1, 'confused', qos=1, kind=NORMAL)
    reader.gets(PREDEFINED_TOPICS[1], 'confused')


@check('pre-defined ids of one client, beside those of all',
       predefined__client__special__1='special/one')
def predefined_client(gw):
    reader = gw.tcp('reader', 'special/#', 'predefined/#')
    for client_id, topic in (('special', 'special/one'), ('common', PREDEFINED_TOPICS[1])):
        gw.device(client_id).publish(1, client_id, qos=1, kind=PREDEFINED)
        reader.gets(topic, client_id)


@check('a mount point is in front of every topic', mountpoint='sn/')
def mountpoint(gw):
    client, tcp = gw.device('a'), gw.tcp('tcp', 'sn/#')
    topic = client.subscribe('down/x')
    client.publish(client.register('up/x'), 'up', qos=1)
    tcp.gets('sn/up/x', 'up')
    tcp.publish('sn/down/x', 'down')
    tcp.gets('sn/down/x', 'down')
    client.gets('down/x', 'down', id=topic)


if __name__ == '__main__':
    main()
