"""What survives the broker: it is killed, or stopped, and started again; each check has a broker of
its own."""
import contextlib
import copy
import os

from broker import Broker
from lwm2m_checks import Gateway, check, eventually, leaves, main
from lwm2m_wire import CHANGED, GET, NOT_FOUND, TEXT
from own_broker import OwnBroker, running


class Restartable(OwnBroker, Gateway):
    plugin, mark = 'emqx_lwm2m', 'location'

    def started(self):
        self.complete()

    def journal(self):
        """What is on the disk of it."""
        out = b''
        for folder, _, files in os.walk(self.broker.path('data')):
            for name in files:
                if name == 'devices.journal':
                    with open(os.path.join(folder, name), 'rb') as file:
                        out += file.read()
        return out

    def on_disk(self, *texts):
        """Waits until these are there."""
        eventually(lambda: all(text.encode() in self.journal() for text in texts),
                   f'{texts} are on the disk')


@contextlib.contextmanager
def restartable(gw, **settings):
    broker = Broker(gw.arguments.broker, gw.arguments.ctl, [gw.arguments.plugin],
                    load=['emqx_lwm2m'])
    one = Restartable(copy.copy(gw.arguments), broker)
    one.put(persist=True, ack_timeout='200ms', max_retransmit=4, qmode_time_window='1s',
            **settings)
    with running(one):
        yield one
        one.loaded = None


def story(gw, end):
    """Registrations, observations and commands that wait are there after `end`."""
    operator, peer = gw.operator(), gw.registered('ep1')
    sleeper, goes = gw.registered('ep2', queries=['b=UQ', 'imei=1']), gw.registered('ep3')
    number = operator.command('ep1', 'observe', extra={'cacheID': 'c'}, path='/3/0/9')
    observation = peer.expect(GET, '/3/0/9')
    peer.answer(observation, payload='1', format=TEXT, observe=1)
    operator.reply(number)
    peer.update(['lt=1800'])
    gw.asleep(sleeper)
    waiting = [operator.command('ep2', 'read', path=f'/3/0/{turn}') for turn in range(3)]
    eventually(lambda: len(gw.json('lwm2m', 'queue', 'ep2')) == 3, 'they wait')
    gw.on_disk('ep1', 'ep2', '/3/0/2', 'ep3')
    before = gw.journal().count(b'ep3')
    goes.deregister()
    goes.location = None
    eventually(lambda: gw.journal().count(b'ep3') > before, 'that it has left is on the disk')
    peer.quiet()
    gw.again(end)
    operator = gw.operator()
    assert set(gw.devices()) == {'ep1', 'ep2'}
    eventually(lambda: {'ep1', 'ep2'} <= gw.clients(), 'they have sessions again')
    assert gw.devices()['ep1']['lifetime'] == 1800
    assert 'imei' in gw.ctl('lwm2m', 'show', 'ep2')
    # The old token is known: the notification is acknowledged and published.
    peer.notify(observation, 2, '2')
    document = operator.notified('ep1')
    assert document['reqID'] == number and document['cacheID'] == 'c', document
    assert leaves(document['data']) == {'/3/0/9': 2}
    assert peer.update().code == CHANGED
    sleeper.update()
    for turn, one in enumerate(waiting):
        sleeper.answer(sleeper.expect(GET, f'/3/0/{turn}'), payload='x', format=TEXT)
        operator.reply(one)
    number = operator.command('ep1', 'read', path='/3/0/0')
    peer.answer(peer.expect(GET, '/3/0/0'), payload='x', format=TEXT)
    operator.reply(number)
    operator.event('ep1', 'update')
    peer.register()  # and is observed anew
    request = peer.expect(GET, '/3/0/9', observe=0)
    peer.answer(request, payload='3', format=TEXT, observe=1)
    assert operator.notified('ep1')['restored'] is True


@check('85: the broker is killed')
def killed(gw):
    with restartable(gw) as one:
        story(one, one.broker.kill)


@check('85: the broker is stopped')
def stopped(gw):
    with restartable(gw) as one:
        story(one, one.broker.stop)


@check('a registration that ended while the broker was away')
def expired(gw):
    with restartable(gw, lifetime_grace='0s') as one:
        short, long = one.registered('short', lt=3), one.registered('long', lt=600)
        one.on_disk('short', 'long')
        one.broker.kill()
        short.transport.recv(3.0)
        one.again(lambda: None)
        eventually(lambda: set(one.devices()) == {'long'}, 'it has expired')
        short.update(code=NOT_FOUND)
        long.update()
        short.location = None


@check('a journal that is damaged costs what is damaged')
def damaged(gw):
    with restartable(gw) as one:
        peers = [one.registered(f'ep{index}') for index in range(20)]
        one.on_disk(*(peer.endpoint for peer in peers))
        one.broker.kill()
        hurt = 0
        for folder, _, files in os.walk(one.broker.path('data')):
            for name in files:
                file = os.path.join(folder, name)
                if 'emqx_lwm2m' not in file or os.path.getsize(file) < 300:
                    continue
                with open(file, 'r+b') as out:
                    out.seek(os.path.getsize(file) // 2)
                    out.write(b'\xff' * 20)
                    out.seek(0, 2)
                    out.write(b'half a record')
                hurt += 1
        assert hurt, 'there is no journal'
        one.again(lambda: None)
        assert len(one.devices()) >= 10, one.devices()
        for peer in peers:
            if peer.endpoint in one.devices():
                peer.update()
            else:
                peer.register()


@check('nothing is kept where nothing shall be')
def forgotten(gw):
    with restartable(gw) as one:
        one.put(persist=False)
        one.ctl('plugins', 'reload', 'emqx_lwm2m')
        peer = one.registered('ep1')
        peer.silent(1.0)
        one.again(one.broker.kill)
        assert one.devices() == {}
        peer.update(code=NOT_FOUND)


if __name__ == '__main__':
    main()
