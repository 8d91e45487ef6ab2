"""DTLS, with `openssl s_client` and coap-client-openssl as the other end; and where to listen."""
import os
import shutil
import socket
import subprocess

from endpoints import Dtls, Udp, free_port, make_certificates
from lwm2m_checks import check, eventually, leaves, main
from lwm2m_wire import CREATED, FORBIDDEN, GET, NOT_FOUND, POST, TEXT

KEY = '00112233445566778899aabbccddeeff'
CCM8 = ['-cipher', 'PSK-AES128-CCM8']


def path(gw, name):
    return os.path.join(gw.arguments.dir, name)


def load(gw, **more):
    make_certificates(gw.arguments.dir)
    with open(path(gw, 'psk.txt'), 'w', encoding='utf-8') as out:
        out.write(f'sensor:{KEY}\nother:8899aabbccddeeff8899aabbccddeeff\n')
    gw.dtls_port = free_port()
    gw.load(dtls__port=f'127.0.0.1:{gw.dtls_port}', **more)


def load_psk(gw, **more):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), **more)


def associated(gw, *options):
    return Dtls(gw.dtls_port, path(gw, 'openssl.log'), *options)


def psk(gw, identity='sensor', key=KEY, cipher=CCM8):
    return associated(gw, '-psk_identity', identity, '-psk', key, *cipher)


@check('98: by a pre-shared key, with the cipher suite that devices must have')
def by_key(gw):
    load_psk(gw)
    operator = gw.operator()
    for cipher in ('PSK-AES128-CCM8', 'PSK-AES128-CBC-SHA256', 'PSK-AES128-GCM-SHA256'):
        peer = gw.registered('ep1', transport=psk(gw, cipher=['-cipher', cipher]))
        assert 'sensor' in gw.ctl('clients', 'show', 'ep1')
        number = operator.command('ep1', 'read', path='/3/0/0')
        peer.answer(peer.expect(GET, '/3/0/0'), payload='secret', format=TEXT)
        assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'secret'}
        peer.update()
        peer.deregister()
        peer.location = None
    gw.registered('plain').update()  # beside it


@check('98: a wrong key or an unknown identity comes to nothing')
def wrong_key(gw):
    load_psk(gw)
    for identity, key in (('sensor', 'f' * 32), ('nobody', KEY)):
        peer = gw.peer('ep1', transport=psk(gw, identity, key))
        peer.request(POST, 'rd', ['ep=ep1'], '</3/0>')
        assert peer.recv(1.5) is None
    assert gw.devices() == {}
    gw.registered('plain')


@check('98: the endpoint name must be what was proved', dtls__ep_match='psk_identity')
def bound(gw):
    load_psk(gw, dtls__ep_match='psk_identity')
    gw.peer('ep1', transport=psk(gw)).register(code=FORBIDDEN)
    peer = gw.registered('sensor', transport=psk(gw))
    peer.update()
    assert list(gw.devices()) == ['sensor']


@check('98: the endpoint name may come from what was proved')
def unnamed(gw):
    load_psk(gw)
    operator, peer = gw.operator(), gw.peer('', transport=psk(gw))
    answer = peer.ask(POST, 'rd', ['lwm2m=1.1', 'lt=60'], '</3/0>', format=40)
    assert answer.code == CREATED, answer
    peer.location = answer.location
    assert operator.event('sensor', 'register')['ep'] == 'sensor'


@check('nobody takes over what another identity has proved, in plain or under DTLS')
def taken(gw):
    load_psk(gw)
    operator, peer = gw.operator(), gw.registered('ep1', transport=psk(gw))
    operator.event('ep1', 'register')
    gw.peer('ep1', transport=psk(gw, 'other', '8899aabbccddeeff8899aabbccddeeff')).register(
        code=FORBIDDEN)
    plain = gw.peer('ep1')
    plain.register(code=FORBIDDEN)
    for thief in (plain, gw.peer('ep1', transport=psk(gw, 'other',
                                                      '8899aabbccddeeff8899aabbccddeeff'))):
        thief.location = peer.location
        thief.update(code=NOT_FOUND)
        thief.deregister(code=NOT_FOUND)
        thief.location = None
    operator.silent()
    peer.update()


@check('a new association with the same identity takes the registration with it')
def new_association(gw):
    load_psk(gw)
    operator, old = gw.operator(), gw.registered('ep1', transport=psk(gw))
    new = gw.peer('ep1', transport=psk(gw))
    new.location, old.location = old.location, None
    new.update()
    number = operator.command('ep1', 'read', path='/3/0/0')
    new.answer(new.expect(GET, '/3/0/0'), payload='x', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x'}


@check('99: by certificates')
def certificates(gw):
    make_certificates(gw.arguments.dir)
    load(gw, dtls__certfile=path(gw, 'server.pem'), dtls__keyfile=path(gw, 'server.key'),
         dtls__cacertfile=path(gw, 'ca.pem'), dtls__verify='verify_peer',
         dtls__fail_if_no_peer_cert=True, dtls__ep_match='cn')
    trust = ['-CAfile', path(gw, 'ca.pem'), '-verify_return_error']
    door = ['-cert', path(gw, 'door.pem'), '-key', path(gw, 'door.key')]
    peer = gw.registered('door', transport=associated(gw, *trust, *door))
    assert 'door' in gw.ctl('clients', 'show', 'door')
    peer.update()
    ccm8 = ['-cipher', 'ECDHE-ECDSA-AES128-CCM8']
    gw.peer('window', transport=associated(gw, *trust, *door, *ccm8)).register(code=FORBIDDEN)
    for options in ([], ['-cert', path(gw, 'stranger.pem'), '-key', path(gw, 'stranger.key')]):
        other = gw.peer('door', transport=associated(gw, *trust, *options))
        other.request(POST, 'rd', ['ep=door'], '</3/0>')
        assert other.recv(1.5) is None
    assert list(gw.devices()) == ['door']


@check('99: files that are missing or broken: no DTLS, a line that says so, and plain goes on')
def broken(gw):
    make_certificates(gw.arguments.dir)
    with open(path(gw, 'bad.key'), 'w', encoding='utf-8') as out:
        out.write('no key')
    for key in ('missing.key', 'bad.key', 'door.key'):
        load(gw, certfile=path(gw, 'server.pem'), keyfile=path(gw, key))
        eventually(lambda k=key: k in gw.log(), f'the log names {key}')
        gw.registered('plain').update()
        gw.close()


@check('99: who speaks no DTLS gets no answer on that port; half-open handshakes')
def plain(gw):
    load_psk(gw)
    peer = gw.peer('ep1', transport=Udp(('127.0.0.1', gw.dtls_port)))
    peer.request(POST, 'rd', ['ep=ep1'], '</3/0>')
    peer.silent(0.5)
    before = gw.resident()
    hello = bytes.fromhex(
        '16feff0000000000000000004e' '01000042000000000000' '0042' 'fefd') + bytes(32) + \
        bytes.fromhex('0000' '0004' 'c0a800ff' '0100') + bytes(20)
    for turn in range(2000):
        one = Udp(('127.0.0.1', gw.dtls_port), f'127.2.{turn // 250}.{turn % 250 + 1}')
        one.send(hello)
        one.close()
    assert gw.resident() - before < 32 << 20
    gw.registered('ep1', transport=psk(gw)).update()


@check('an upgrade keeps associations')
def upgrade(gw):
    load_psk(gw)
    operator, peer = gw.operator(), gw.registered('ep1', transport=psk(gw))
    gw.upgrade()
    peer.update()
    number = operator.command('ep1', 'read', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload='x', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x'}


def coap_client(program, *words, data=None):
    ran = subprocess.run([program, '-B', '10', *words], input=data, capture_output=True,
                         timeout=60, check=False)
    return (ran.stdout + ran.stderr).decode()


@check('98, 104: coap-client registers, in plain and under DTLS')
def libcoap(gw):
    load_psk(gw)
    operator = gw.operator()
    for program, where, options in (
            ('coap-client-notls', f'coap://127.0.0.1:{gw.port}', []),
            ('coap-client-openssl', f'coaps://127.0.0.1:{gw.dtls_port}',
             ['-u', 'sensor', '-k', bytes.fromhex('30313233').decode()])):
        if not shutil.which(program):
            print(f'# left out: {program} is not installed')
            continue
        if options:  # it takes the key as text
            with open(path(gw, 'psk.txt'), 'a', encoding='utf-8') as out:
                out.write('libcoap:30313233343536373839\n')
            gw.ctl('plugins', 'reload', 'emqx_lwm2m')
            options = ['-u', 'libcoap', '-k', '0123456789']
        name = program.rsplit('-', 1)[1]
        said = coap_client(program, *options, '-m', 'post', '-t', '40', '-e', '</1/0>,</3/0>',
                           f'{where}/rd?ep={name}&lt=60&lwm2m=1.0&b=U')
        assert '4.' not in said and '5.' not in said, said
        assert operator.event(name, 'register') == {
            'ep': name, 'lt': 60, 'lwm2m': '1.0', 'b': 'U', 'alternatePath': '/',
            'objectList': ['/1/0', '/3/0']}
        assert '</rd>' in coap_client(program, *options, '-m', 'get', f'{where}/.well-known/core')
        assert '4.00' in coap_client(program, *options, '-m', 'post', '-e', 'x', f'{where}/rd?lt=1')
        assert '4.05' in coap_client(program, *options, '-m', 'get', f'{where}/rd')
        links = ','.join(f'</3303/{number}>' for number in range(500))
        coap_client(program, *options, '-m', 'post', '-t', '40', '-b', '256', '-f', '-',
                    f'{where}/rd?ep={name}blocks&lt=60', data=links.encode())
        assert len(operator.event(f'{name}blocks', 'register')['objectList']) == 500


@check('101: DTLS alone; a port that is taken; settings that are wrong')
def listeners(gw):
    load_psk(gw, port='0')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(gw.address)
    gw.registered('ep1', transport=psk(gw)).update()
    gw.close()
    gw.unload()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        gw.put(port=f'127.0.0.1:{port}')
        said = gw.ctl('plugins', 'load', 'emqx_lwm2m', fails=True)
        assert str(port) in said and 'in use' in said, said
    gw.put(block_size=100)
    assert 'block_size' in gw.ctl('plugins', 'load', 'emqx_lwm2m', fails=True)
    gw.put(lifetime_min='1h', lifetime_max='1m')
    assert 'lifetime' in gw.ctl('plugins', 'load', 'emqx_lwm2m', fails=True)
    gw.load()
    gw.registered('ep1').update()


if __name__ == '__main__':
    main()
