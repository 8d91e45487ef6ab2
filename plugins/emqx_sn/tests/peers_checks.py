"""Will updates, forwarders, and exchanges as the client libraries of others make them."""
from sn_checks import PREDEFINED_TOPICS, check, eventually, main
from sn_client import Client, Forwarder
from sn_wire import UNSUPPORTED, flags, frame, pack


def lose(gw, client):
    """The gateway loses it: it sleeps, and does not wake up."""
    client.sleep(1)
    eventually(lambda: client.client_id not in gw.clients(), 'it is lost')


@check('a will is changed and removed during the session')
def will_update(gw):
    reader = gw.tcp('reader', 'will/#')

    def topic(client, octet, name, code=0):
        client.send('WILLTOPICUPD', flags=octet, topic=name)
        client.expect('WILLTOPICRESP', code=code)

    def message(client, data):
        client.send('WILLMSGUPD', data=data)
        client.expect('WILLMSGRESP', code=0)

    def willing():
        return gw.device('w', will=('will/old', 'old'))
    client = willing()
    topic(client, flags(qos=1, retain=True), 'will/new')
    lose(gw, client)
    reader.gets('will/new', 'old', qos=1)
    gw.tcp('later', 'will/#').gets('will/new', 'old', retain=True)
    reader.publish('will/new', '', retain=True)
    reader.gets('will/new', '')
    client = willing()
    message(client, 'changed')
    for bad in ('will/#', 'will/+', b'\xff\xff'):
        topic(client, 0, bad, UNSUPPORTED)
    lose(gw, client)
    reader.gets('will/old', 'changed', qos=0)
    for removal in ('02 1A', '03 1A 00'):
        client = willing()
        client.raw(removal)
        client.expect_raw('03 1B 00')
        lose(gw, client)
    client = gw.device('w')
    client.raw('03 1C 79')  # a message without a topic is kept, and nothing is sent
    client.expect_raw('03 1D 00')
    lose(gw, client)
    reader.silent(0.2)
    client = gw.device('w')
    topic(client, 0, 'will/late')
    lose(gw, client)
    reader.gets('will/late', '')


@check('a will that its client may not publish is not sent')
def will_denied(gw):
    reader = gw.tcp('reader', 'secret/#', 'will/#')
    client = gw.peer('w')
    client.send('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=60,
                client_id='w')
    client.give_will('secret/will', 'x')
    if client.expect('CONNACK').code == 0:
        lose(gw, client)
    other = gw.device('o', will=('will/x', 'x'))
    lose(gw, other)
    reader.gets('will/x', 'x')
    reader.silent(0.1)


@check('two nodes behind one forwarder are two clients, each is answered in its wrapper')
def forwarder(gw):
    box = Forwarder(gw.address)
    reader = gw.tcp('reader', 'fe/#')
    before = gw.metric('encapsulated_in')
    first = gw.device('n1', transport=box.node(b'\xaa\xbb'))
    second = gw.device('n2', transport=box.node(b''))
    plain = Client(box.udp, 'plain')  # the forwarder's own address is somebody else
    plain.send('PINGREQ')
    plain.expect('DISCONNECT')
    topic = first.subscribe('down/1', qos=1)
    second.subscribe('down/#', qos=2)
    for client in (first, second):
        number = client.register('fe/' + client.client_id)
        for qos in (0, 1, 2):
            client.publish(number, f'{qos}', qos)
            reader.gets('fe/' + client.client_id, f'{qos}')
    reader.publish('down/1', 'both', 2)
    first.gets('down/1', 'both', id=topic, qos=1)
    second.gets('down/1', 'both', qos=2)
    first.disconnect()
    second.quiet()
    third = gw.peer(transport=box.node(b'n' * 252))
    third.transport.send(pack('SEARCHGW', radius=2), control=2)
    third.expect('GWINFO', gw=7)
    assert third.transport.control & 3 == 2
    eventually(lambda: gw.metric('encapsulated_in') > before, 'they are counted')


@check('a wrapper that is none, or nested, is dropped')
def bad_wrapper(gw):
    box = Forwarder(gw.address)
    client = gw.device('n', transport=box.node(b'\x01'))
    for bad in ('02 FE', '02 FE 02 16', '03 FE', '03 FE 00', '04 FE 00 01', '05 FE 00 01 02 16',
                '04 FE 00 01 04 FE 00 01 02 16', '04 FE 00 01 02 16 00', '01 00 06 FE 02 16'):
        box.udp.send(bytes.fromhex(bad))
    client.quiet()
    assert gw.state('n') == 'active'


@check('a forwarder may be forbidden', forwarder=False)
def no_forwarder(gw):
    box = Forwarder(gw.address)
    node = gw.peer('n', transport=box.node(b'\x01'))
    node.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60, client_id='n')
    node.silent()
    assert gw.sn_clients() == {}


def tools_client(gw, client_id, node=None, clean=True):
    """As the command line tools connect: keep-alive of ten seconds, no will."""
    transport = Forwarder(gw.address).node(node) if node is not None else None
    client = gw.peer(client_id, transport)
    client.raw(bytes([6 + len(client_id), 4, 4 if clean else 0, 1, 0, 10]) + client_id.encode())
    client.expect_raw('03 05 00')
    client.connected = True
    return client


@check('command line tools: publish with -q 0 and 1, by name, short name and id, plain and wrapped')
def tools_publish(gw):
    reader = gw.tcp('reader', 'tools/#', 'te', 'predefined/#')
    for node in (None, b'', b'\x00\x13\xa2\x00\x40\x52'):
        for qos in (0, 1):
            client = tools_client(gw, 'mqtt-sn-tools-4711', node)
            client.raw(frame(0x0A, bytes.fromhex('00 00 00 01') + b'tools/x'))
            answer = client.expect('REGACK', mid=1, code=0)
            octet = flags(qos=qos)
            head = bytes([octet]) + answer.id.to_bytes(2, 'big') + bytes([0, 2 if qos else 0])
            client.raw(frame(0x0C, head + b'hello'))
            if qos:
                client.expect('PUBACK', id=answer.id, mid=2, code=0)
            reader.gets('tools/x', 'hello', qos=qos)
            client.raw(frame(0x0C, bytes([octet | 2]) + b'te' + bytes([0, 3 if qos else 0]) + b'hi'))
            if qos:
                client.expect('PUBACK', id=0x7465, mid=3, code=0)
            reader.gets('te', 'hi', qos=qos)
            client.raw(frame(0x0C, bytes([octet | 1, 0, 1, 0, 4 if qos else 0]) + b'id'))
            if qos:
                client.expect('PUBACK', id=1, mid=4, code=0)
            reader.gets(PREDEFINED_TOPICS[1], 'id', qos=qos)
            client.raw('02 18')
            client.expect_raw('02 18')
            client.connected = False


@check('command line tools: publish with -q -1, plain and wrapped', enable_qos3=True)
def tools_publish_minus(gw):
    reader = gw.tcp('reader', 'te', 'predefined/#')
    for transport in (None, Forwarder(gw.address).node(b'\x07')):
        peer = gw.peer(transport=transport)
        peer.raw('0A 0C 61 00 01 00 00 61 62 63')
        reader.gets(PREDEFINED_TOPICS[1], 'abc')
        peer.raw('0A 0C 72 74 65 00 00 61 62 63')  # retained
        reader.gets('te', 'abc')
        peer.raw('07 0C 72 74 65 00 00')
        reader.gets('te', '')
        peer.silent(0.1)


@check('command line tools: subscribe, with -c over a sleep, plain and wrapped')
def tools_subscribe(gw):
    publisher = gw.tcp('publisher')
    for node in (None, b'\x01\x02'):
        client = tools_client(gw, 'mqtt-sn-sub-1', node, clean=False)
        client.raw(frame(0x12, b'\x20\x00\x01tools/#'))
        client.expect_raw('08 13 20 00 00 00 01 00')
        publisher.publish('tools/down', 'one')
        register = client.expect('REGISTER', topic='tools/down')
        client.names[0, register.id] = 'tools/down'
        client.raw(frame(0x0B, register.raw[2:6] + b'\x00'))
        message = client.expect('PUBLISH', id=register.id, data='one', qos=1)
        client.raw(frame(0x0D, message.raw[3:7] + b'\x00'))
        client.raw('02 16')
        client.expect_raw('02 17')
        client.raw('04 18 00 3C')  # -e 60
        client.expect_raw('02 18')
        publisher.publish('tools/down', 'two')
        client.raw(bytes([6 + 13, 4, 0, 1, 0, 10]) + b'mqtt-sn-sub-1')
        client.expect_raw('03 05 00')
        client.gets('tools/down', 'two')
        client.raw('02 18')
        client.expect_raw('02 18')
        client.connect(clean=True)


@check('embedded library: will, QoS 2, sleep with the original options at every wake-up')
def embedded(gw):
    tcp = gw.tcp('tcp', 'rsp/#', 'will/#')
    connect = pack('CONNECT', flags=flags(clean=True, will=True), protocol=1, duration=10,
                   client_id='embedded')
    client = gw.peer('embedded')
    topic = None
    for cycle in range(3):
        client.raw(connect)
        client.expect_raw('02 06')
        client.raw(frame(0x07, b'\x00will/embedded'))
        client.expect_raw('02 08')
        client.raw(frame(0x09, b'dead'))
        client.expect_raw('03 05 00')
        if topic is None:
            topic = client.subscribe('cmd/embedded', qos=2)
        else:
            client.gets('cmd/embedded', f'{cycle - 1}', id=topic, qos=2)
        client.publish(client.register('rsp/embedded'), f'{cycle}', qos=2)
        tcp.gets('rsp/embedded', f'{cycle}', qos=2)
        client.raw('04 18 00 0A')
        client.expect_raw('02 18')
        tcp.publish('cmd/embedded', f'{cycle}', 2)
    client.raw(frame(0x16, b'embedded'))
    client.gets('cmd/embedded', '2')
    client.expect_raw('02 17')
    client.disconnect()
    tcp.silent(0.1)


@check('embedded library: a body of 254 octets with the wrong length is dropped, nothing else')
def embedded_length(gw):
    client = gw.device('e')
    body = b'\x02te\x00\x00' + b'x' * 249
    client.raw(b'\x01\x00\xff\x0c' + body)  # says 255, has 258
    client.quiet()


@check('one receive slot: a client that only knows REGACK and PUBACK gets short topics')
def one_slot(gw):
    client, publisher = gw.device('emcute'), gw.tcp('publisher')
    client.subscribe('te', qos=1)
    publisher.publish('te', '1')
    publisher.publish('te', '2')
    first = client.expect('PUBLISH', data='1')
    client.silent(0.1)
    client.send('PUBACK', id=first.id, mid=first.mid)
    second = client.expect('PUBLISH', data='2')
    client.send('PUBACK', id=second.id, mid=second.mid)


if __name__ == '__main__':
    main()
