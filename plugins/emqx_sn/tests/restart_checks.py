"""What survives the broker when it has a store: it is killed, or stopped, and started again; each
check has a broker of its own."""
import contextlib
import copy
import os

from broker import Broker
from own_broker import OwnBroker, running
from sn_checks import Gateway, check, eventually, main


def store_beside(arguments):
    """The store's plugin, built along with ours or installed with the broker."""
    for folder in (os.path.dirname(arguments.plugin),
                   os.path.dirname(arguments.broker) + '/../lib/keel/plugins'):
        if os.path.exists(folder + '/emqx_store.so'):
            return folder + '/emqx_store.so'
    raise AssertionError('emqx_store.so is not there')


class Restartable(OwnBroker, Gateway):
    plugin, mark = 'emqx_sn', 'client_id'

    def kept(self, *clients):
        """What they are is with the store; what is acknowledged from now on is written later."""
        for one in clients:
            eventually(lambda: self.json('sn', 'show', one.client_id)['kept'], 'it is kept')


@contextlib.contextmanager
def restartable(gw, **settings):
    broker = Broker(gw.arguments.broker, gw.arguments.ctl,
                    [gw.arguments.plugin, store_beside(gw.arguments)],
                    load=['emqx_store', 'emqx_sn'])
    with open(broker.path('etc/plugins/emqx_store.conf'), 'w', encoding='utf-8') as out:
        out.write('store.min_free = ["0", "0", "0"]\n')  # however full this machine's disk is
    one = Restartable(copy.copy(gw.arguments), broker)
    one.put(**settings)
    with running(one):
        yield one


def story(gw, end):
    """A sleeper finds its topic ids and its messages of before `end` and after it."""
    tcp = gw.tcp('tcp', 'will/#')
    sleeper = gw.device('sleeper', clean=False, will=('will/sleeper', 'gone'))
    known = sleeper.subscribe('s/known', qos=1)
    sleeper.subscribe('s/wild/+', qos=2)
    up = sleeper.register('up/x')
    sleeper.subscribe(1, qos=1, kind=1)
    gone = gw.device('gone')
    sleeper.sleep(300)
    gw.kept(sleeper)
    tcp.publish('s/known', '1')
    tcp.publish('s/wild/x', '2', qos=2)
    tcp.publish('predefined/one', '3')
    gw.again(end)
    tcp = gw.tcp('tcp', 'will/#', 'up/#')
    eventually(lambda: gw.state('sleeper') == 'asleep' and 'sleeper' in gw.clients(), 'it is back')
    assert gw.metric('returned') == 1
    tcp.publish('s/known', '4')
    sleeper.silent()
    sleeper.send('PINGREQ', client_id='sleeper')
    sleeper.gets('s/known', '1', id=known)
    sleeper.gets('s/wild/x', '2', qos=2)
    sleeper.gets(None, '3', id=1, kind=1)
    sleeper.gets('s/known', '4', id=known)
    sleeper.expect('PINGRESP')
    assert sleeper.poll() == []
    sleeper.publish(up, 'known', qos=1)
    tcp.gets('up/x', 'known')
    assert 'gone' not in gw.clients()  # a clean session is
    gone.connected = False
    sleeper.connect(clean=False, will=('will/sleeper', 'gone'))
    tcp.publish('s/known', 'awake')
    sleeper.receive()
    assert sleeper.register('up/new') not in (known, up)


@check('a sleeper, and a broker that is killed')
def killed(gw):
    with restartable(gw) as one:
        story(one, one.broker.kill)


@check('a sleeper, and a broker that is stopped')
def stopped(gw):
    with restartable(gw) as one:
        story(one, one.broker.stop)


@check('killed again and again: every message once, in order')
def again_and_again(gw):
    with restartable(gw) as one:
        sleeper = one.device('many', clean=False)
        sleeper.subscribe('many/x', qos=1)
        sleeper.sleep(300)
        one.kept(sleeper)
        for turn in range(3):
            tcp = one.tcp('tcp')
            for number in range(5):
                tcp.publish('many/x', f'{turn}.{number}')
            one.again(one.broker.kill)
            eventually(lambda: one.state('many') == 'asleep', 'it is back')
            got = sleeper.poll()
            assert got == [('many/x', f'{turn}.{number}'.encode()) for number in range(5)], got


@check('an active client goes on; who was away finds its topic ids')
def active(gw):
    with restartable(gw) as one:
        here, away = one.device('here', clean=False), one.device('away', clean=False)
        number = here.register('up/here')
        other = away.register('up/away')
        here.subscribe('down/x', qos=1)
        away.subscribe('away/x', qos=1)
        away.disconnect()
        one.kept(here, away)
        one.tcp('tcp').publish('away/x', 'waits')
        one.again(one.broker.kill)
        tcp = one.tcp('tcp', 'up/#')
        eventually(lambda: 'here' in one.clients(), 'it is back')
        here.publish(number, 'still', qos=1)
        tcp.gets('up/here', 'still')
        tcp.publish('down/x', 'again')
        here.gets('down/x', 'again')
        here.quiet()
        away.send('PINGREQ', client_id='away')
        away.expect('DISCONNECT')
        away.connect(clean=False)
        away.gets('away/x', 'waits')
        away.publish(other, 'back', qos=1)
        tcp.gets('up/away', 'back')


@check('a poll from another port finds the sleeper')
def moved(gw):
    with restartable(gw) as one:
        sleeper = one.device('nat', clean=False)
        sleeper.subscribe('nat/x', qos=1)
        sleeper.sleep(300)
        one.kept(sleeper)
        one.tcp('tcp').publish('nat/x', 'found')
        one.again(one.broker.kill)
        eventually(lambda: one.state('nat') == 'asleep', 'it is back')
        old, sleeper.transport = sleeper.transport, one.endpoint()
        assert sleeper.poll() == [('nat/x', b'found')]
        old.close()


@check('who has slept too long meanwhile is not known any more')
def overslept(gw):
    with restartable(gw) as one:
        short, long = one.device('short', clean=False), one.device('long', clean=False)
        short.sleep(1)
        long.sleep(300)
        one.kept(long)
        one.broker.kill()
        short.transport.recv(2.5)
        one.again(lambda: None)
        eventually(lambda: one.state('long') == 'asleep', 'it is back')
        assert one.state('short') != 'asleep'
        short.send('PINGREQ', client_id='short')
        short.expect('DISCONNECT')
        short.connected = False


@check('persist = false: the broker keeps the messages, but nobody knows the sleeper')
def not_kept(gw):
    with restartable(gw, persist=False) as one:
        sleeper = one.device('nobody', clean=False)
        sleeper.subscribe('nobody/x', qos=1)
        sleeper.sleep(300)
        one.tcp('tcp').publish('nobody/x', 'waits')
        assert not one.json('sn', 'show', 'nobody')['kept']
        one.again(one.broker.kill)
        sleeper.send('PINGREQ', client_id='nobody')
        sleeper.expect('DISCONNECT')
        sleeper.connect(clean=False)
        assert sleeper.receive().data == b'waits'


if __name__ == '__main__':
    main()
