"""A broker that allows less: no wildcards, no retained messages, QoS 1 at most, five messages in a
queue. And one that knows its clients by name and password."""
from sn_checks import check, eventually, main
from sn_wire import UNSUPPORTED, flags


@check('what the broker does not allow is not supported')
def not_allowed(gw):
    client, reader = gw.device('a'), gw.tcp('reader', 'r/x')
    for filter_ in ('r/#', '+/x', '#'):
        client.send('SUBSCRIBE', flags=flags(qos=1), mid=3, topic=filter_)
        client.expect('SUBACK', id=0, mid=3, code=UNSUPPORTED)
    number = client.register('r/x')
    mid = client.send_publish(number, 'x', 1, retain=True)
    client.expect('PUBACK', id=number, mid=mid, code=UNSUPPORTED)
    client.send_publish(number, 'x', 0, retain=True)
    client.quiet()
    reader.silent(0.2)
    client.publish(number, 'x', qos=1)
    reader.gets('r/x', 'x')


@check('the granted QoS is what the broker grants')
def granted(gw):
    client = gw.device('a')
    for qos in (0, 1, 2):
        client.send('SUBSCRIBE', flags=flags(qos=qos), mid=5, topic='g/x')
        assert client.expect('SUBACK', mid=5, code=0).qos == min(qos, 1)
    gw.tcp('publisher').publish('g/x', 'x', qos=1)
    client.names = {}
    assert client.receive().message.qos == 1


@check('the queue of a sleeping client drops the oldest, and says so')
def overflow(gw):
    client, publisher = gw.device('sleeper'), gw.tcp('publisher')
    client.subscribe('q/x', qos=1)
    client.sleep(60)
    before = int(gw.ctl('metrics').split('messages/dropped/queue_full')[1].split()[1])
    for number in range(12):
        publisher.publish('q/x', f'{number}')
    eventually(lambda: int(gw.ctl('metrics').split('messages/dropped/queue_full')[1].split()[1])
               - before == 7, 'seven are counted')
    assert '7' in gw.ctl('sn', 'show', 'sleeper')
    assert client.poll() == [('q/x', f'{number}'.encode()) for number in range(7, 12)]


if __name__ == '__main__':
    main()
