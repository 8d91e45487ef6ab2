"""The DTLS listener, with `openssl s_client` as the other end."""
import os

from endpoints import Dtls, free_port, make_certificates
from sn_checks import check, eventually, main
from sn_client import Udp
from sn_wire import UNSUPPORTED, flags


def path(gw, name):
    return os.path.join(gw.arguments.dir, name)


def dtls(gw, *options):
    return Dtls(gw.dtls_port, path(gw, 'openssl.log'), *options)


def load(gw, **more):
    make_certificates(gw.arguments.dir)
    with open(path(gw, 'psk.txt'), 'w', encoding='utf-8') as out:
        out.write('sensor:0011223344556677\nother:8899aabbccddeeff\n')
    gw.dtls_port = free_port()
    gw.load(dtls__port=f'127.0.0.1:{gw.dtls_port}', **more)


PSK = ['-psk_identity', 'sensor', '-psk', '0011223344556677', '-cipher', 'PSK-AES128-CBC-SHA256']


@check('by a pre-shared key: everything works as without; the identity is the user name')
def psk(gw):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), dtls__peer_identity_as_username='psk',
         dtls__ciphers='PSK')
    client = gw.peer('d', transport=dtls(gw, *PSK))
    client.connect()
    assert 'sensor' in gw.ctl('clients', 'show', 'd')
    tcp = gw.tcp('tcp', 'up/x')
    topic = client.subscribe('down/#', qos=2)
    assert topic == 0
    for qos in (0, 1, 2):
        client.publish(client.register('up/x'), f'{qos}', qos)
        tcp.gets('up/x', f'{qos}')
        tcp.publish('down/x', f'{qos}', qos)
        client.gets('down/x', f'{qos}')
    client.sleep(60)
    tcp.publish('down/x', 'waits')
    assert client.poll() == [('down/x', b'waits')]
    plain = gw.device('plain')  # beside it
    plain.quiet()
    client.disconnect()


@check('a wrong key, or an unknown identity, comes to nothing')
def wrong_psk(gw):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), dtls__ciphers='PSK')
    cipher = PSK[4:]
    for identity, key in (('sensor', 'ffffffffffffffff'), ('nobody', '0011223344556677')):
        one = dtls(gw, '-psk_identity', identity, '-psk', key, *cipher)
        client = gw.peer('d', transport=one)
        client.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60, client_id='d')
        assert client.recv(1.0) is None
    assert gw.sn_clients() == {}


@check('who speaks no DTLS gets no answer on that port')
def plain(gw):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), dtls__ciphers='PSK')
    peer = gw.peer('d', transport=Udp(('127.0.0.1', gw.dtls_port)))
    peer.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60, client_id='d')
    peer.raw('03 01 00')
    peer.silent(0.5)
    assert gw.sn_clients() == {}


@check('by certificates: the common name is the user name; who has none is refused')
def certificate(gw):
    make_certificates(gw.arguments.dir)
    load(gw, dtls__certfile=path(gw, 'server.pem'), dtls__keyfile=path(gw, 'server.key'),
         dtls__cacertfile=path(gw, 'ca.pem'), dtls__verify='verify_peer',
         dtls__fail_if_no_peer_cert=True, dtls__peer_identity_as_username='cn')
    trust = ['-CAfile', path(gw, 'ca.pem'), '-verify_return_error']
    client = gw.peer('d', transport=dtls(gw, *trust, '-cert', path(gw, 'door.pem'), '-key',
                                         path(gw, 'door.key')))
    client.connect()
    assert 'door' in gw.ctl('clients', 'show', 'd')
    client.quiet()
    for options in ([], ['-cert', path(gw, 'stranger.pem'), '-key', path(gw, 'stranger.key')]):
        other = gw.peer('x', transport=dtls(gw, *trust, *options))
        other.send('CONNECT', flags=flags(clean=True), protocol=1, duration=60, client_id='x')
        assert other.recv(1.0) is None
    assert set(gw.sn_clients()) == {'d'}


@check('a sleeping client polls in a new association only with the same identity')
def new_association(gw):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), dtls__ciphers='PSK')
    client = gw.device('moves', transport=dtls(gw, *PSK))
    client.subscribe('moves/x', qos=1)
    client.sleep(60)
    gw.tcp('publisher').publish('moves/x', 'found')
    cipher = PSK[4:]
    thief = gw.peer('moves', transport=dtls(gw, '-psk_identity', 'other', '-psk',
                                            '8899aabbccddeeff', *cipher))
    thief.send('PINGREQ', client_id='moves')
    thief.expect('DISCONNECT')
    naked = gw.peer('moves')
    naked.send('PINGREQ', client_id='moves')
    naked.expect('DISCONNECT')
    naked.connect(code=UNSUPPORTED)  # nor may anybody else take it over
    old, client.transport = client.transport, dtls(gw, *PSK)
    assert client.poll() == [('moves/x', b'found')]
    old.close()


@check('without key or certificate the DTLS listener is not started, and says so; plain serves')
def not_started(gw):
    load(gw, dtls__certfile=path(gw, 'missing.pem'), dtls__keyfile=path(gw, 'missing.key'))
    eventually(lambda: 'dtls' in gw.log() and 'missing.pem' in gw.log(), 'the log says why')
    gw.device('plain').quiet()


@check('associations survive a new version in its place')
def upgrade(gw):
    load(gw, dtls__psk_file=path(gw, 'psk.txt'), dtls__ciphers='PSK')
    client = gw.device('stays', transport=dtls(gw, *PSK))
    client.subscribe('stays/x', qos=1)
    gw.upgrade()
    gw.tcp('publisher').publish('stays/x', 'still here')
    client.gets('stays/x', 'still here')
    client.quiet()
    client.disconnect()


if __name__ == '__main__':
    main()
