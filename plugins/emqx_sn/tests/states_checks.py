"""Every message in every state: what is answered, and that the client can leave afterwards."""
import time

from sn_checks import check, eventually, main
from sn_wire import SHORT, flags, pack

SLEEP = 60


def stimuli(client_id):
    """Everything that is well formed."""
    short = int.from_bytes(b'te', 'big')
    return {
        'ADVERTISE': pack('ADVERTISE', gw=1, duration=900),
        'SEARCHGW': pack('SEARCHGW'),
        'GWINFO': pack('GWINFO', gw=1),
        'CONNECT': pack('CONNECT', flags=flags(clean=True), protocol=1, duration=60,
                        client_id=client_id),
        'CONNECT with will': pack('CONNECT', flags=flags(clean=True, will=True), protocol=1,
                                  duration=60, client_id=client_id),
        'CONNACK': pack('CONNACK'),
        'WILLTOPICREQ': pack('WILLTOPICREQ'),
        'WILLTOPIC': pack('WILLTOPIC', flags=0, topic='w/t'),
        'WILLTOPIC, empty': pack('WILLTOPIC'),
        'WILLMSGREQ': pack('WILLMSGREQ'),
        'WILLMSG': pack('WILLMSG', data='x'),
        'REGISTER': pack('REGISTER', mid=100, topic='st/x'),
        'REGACK': pack('REGACK', id=0x7000, mid=100),
        'PUBLISH -1': pack('PUBLISH', flags=flags(qos=-1, kind=SHORT), id=short),
        'PUBLISH 0': pack('PUBLISH', flags=flags(kind=SHORT), id=short),
        'PUBLISH 1': pack('PUBLISH', flags=flags(qos=1, kind=SHORT), id=short, mid=101),
        'PUBLISH 2': pack('PUBLISH', flags=flags(qos=2, kind=SHORT), id=short, mid=102),
        'PUBACK': pack('PUBACK', id=short, mid=999),
        'PUBREC': pack('PUBREC', mid=999),
        'PUBREL': pack('PUBREL', mid=999),
        'PUBCOMP': pack('PUBCOMP', mid=999),
        'SUBSCRIBE': pack('SUBSCRIBE', flags=flags(qos=1), mid=103, topic='st/y'),
        'SUBACK': pack('SUBACK'),
        'UNSUBSCRIBE': pack('UNSUBSCRIBE', mid=104, topic='st/y'),
        'UNSUBACK': pack('UNSUBACK', mid=1),
        'PINGREQ': pack('PINGREQ'),
        'PINGREQ with id': pack('PINGREQ', client_id=client_id),
        'PINGRESP': pack('PINGRESP'),
        'DISCONNECT': pack('DISCONNECT'),
        'DISCONNECT to sleep': pack('DISCONNECT', duration=SLEEP),
        'WILLTOPICUPD': pack('WILLTOPICUPD', flags=0, topic='w/u'),
        'WILLTOPICUPD, empty': pack('WILLTOPICUPD'),
        'WILLTOPICRESP': pack('WILLTOPICRESP'),
        'WILLMSGUPD': pack('WILLMSGUPD', data='y'),
        'WILLMSGRESP': pack('WILLMSGRESP'),
    }


# Ignored wherever they come: a gateway's own messages, and others that are not its business.
NEVER = {'ADVERTISE', 'GWINFO', 'CONNACK', 'WILLTOPICREQ', 'WILLMSGREQ', 'SUBACK', 'UNSUBACK',
         'WILLTOPICRESP', 'WILLMSGRESP'}
ALWAYS = {'SEARCHGW': ['GWINFO'], 'DISCONNECT': ['DISCONNECT'],
          'DISCONNECT to sleep': ['DISCONNECT']}
CONNECTED = ALWAYS | {
    'CONNECT': ['CONNACK'], 'CONNECT with will': ['WILLTOPICREQ'], 'REGISTER': ['REGACK'],
    'PUBLISH 1': ['PUBACK'], 'PUBLISH 2': ['PUBREC'], 'PUBREL': ['PUBCOMP'],
    'PUBREC': ['PUBREL'], 'SUBSCRIBE': ['SUBACK'], 'UNSUBSCRIBE': ['UNSUBACK'],
    'PINGREQ': ['PINGRESP'], 'PINGREQ with id': ['PINGRESP'],
    'WILLTOPICUPD': ['WILLTOPICRESP'], 'WILLTOPICUPD, empty': ['WILLTOPICRESP'],
    'WILLMSGUPD': ['WILLMSGRESP']}
STRANGER = {name: ['DISCONNECT'] for name in stimuli('x') if name not in NEVER} | {
    'SEARCHGW': ['GWINFO'], 'CONNECT': ['CONNACK'], 'CONNECT with will': ['WILLTOPICREQ'],
    'PUBLISH -1': []}
EXPECTED = {
    'unknown': STRANGER,
    'left': STRANGER,
    'will topic asked for': ALWAYS | {
        'CONNECT': ['CONNACK'], 'CONNECT with will': ['WILLTOPICREQ'],
        'WILLTOPIC': ['WILLMSGREQ'], 'WILLTOPIC, empty': ['CONNACK']},
    'will message asked for': ALWAYS | {
        'CONNECT': ['CONNACK'], 'CONNECT with will': ['WILLTOPICREQ'],
        'WILLTOPIC': ['WILLMSGREQ'], 'WILLTOPIC, empty': ['CONNACK'], 'WILLMSG': ['CONNACK']},
    'active': CONNECTED,
    'asleep': CONNECTED,
    'awake': CONNECTED | {'PINGREQ': ['PUBLISH'], 'PINGREQ with id': ['PUBLISH'],
                          'CONNECT': ['CONNACK', 'PUBLISH']},
}


def bring(gw, client, state, publisher):
    """A client into a state."""
    if state == 'unknown':
        return
    if state.startswith('will'):
        client.raw(stimuli(client.client_id)['CONNECT with will'])
        client.expect('WILLTOPICREQ')
        if 'message' in state:
            client.send('WILLTOPIC', topic='w/t')
            client.expect('WILLMSGREQ')
        return
    client.connect()
    if state == 'left':
        client.disconnect()
        eventually(lambda: gw.state(client.client_id) is None, 'it is gone')
    elif state in ('asleep', 'awake'):
        topic = f'st/{client.client_id}'
        client.subscribe(topic, qos=1)
        client.sleep(SLEEP)
        if state == 'awake':
            publisher.publish(topic, 'waits')
            client.send('PINGREQ', client_id=client.client_id)
            client.expect('PUBLISH', data='waits')


def answers(client, wanted):
    """What comes, in the order it comes; a little longer than it takes to hear what is wanted."""
    out = []
    until = time.monotonic() + client.patience
    while len(out) < len(wanted) and time.monotonic() < until:
        message = client.recv()
        if message is not None:
            out.append(message.name)
    while (message := client.recv(0.03)) is not None:
        out.append(message.name)
    return out


def state_check(state):
    @check(f'every message to a client that is {state}')
    def run(gw):
        publisher = gw.tcp('publisher')
        wrong = []
        for index, name in enumerate(stimuli('x')):
            client = gw.peer(f's{index}')
            bring(gw, client, state, publisher)
            client.raw(stimuli(client.client_id)[name])
            wanted = EXPECTED[state].get(name, [])
            got = answers(client, wanted)
            if sorted(got) != sorted(wanted):
                wrong.append(f'{name}: expected {wanted}, got {got}')
            client.send('DISCONNECT')
            while (message := client.recv()).name != 'DISCONNECT':
                assert message.name == 'PUBLISH', message
            client.connected = False
        assert not wrong, '\n'.join(wrong)
        assert gw.sn_clients() == {}


for one in EXPECTED:
    state_check(one)


if __name__ == '__main__':
    main()
