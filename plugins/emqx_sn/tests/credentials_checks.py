"""A broker that knows its clients by user name and password."""
from sn_checks import check, main
from sn_wire import UNSUPPORTED


@check('the credentials of the settings are what is checked', username='sn', password='secret')
def right(gw):
    client = gw.device('a')
    client.quiet()
    assert 'sn' in gw.ctl('clients', 'show', 'a')
    assert 'secret' not in gw.log() + gw.ctl('plugins', 'show', 'emqx_sn') + gw.ctl('sn', 'show', 'a')


@check('wrong ones are not supported, and a will does not change that',
       username='sn', password='wrong')
def wrong(gw):
    gw.peer('a').connect(code=UNSUPPORTED)
    gw.peer('a').connect(will=('t', 'x'), code=UNSUPPORTED)
    assert gw.sn_clients() == {} and 'a' not in gw.clients()


@check('nor is anybody with QoS -1 then', username='sn', password='wrong', enable_qos3=True)
def wrong_minus(gw):
    reader = gw.tcp('reader', 'te')
    peer = gw.peer()
    peer.send_publish('te', 'x', -1)
    peer.silent()
    reader.silent(0.1)


@check('QoS -1 is checked with the same credentials', username='sn', password='secret',
       enable_qos3=True)
def right_minus(gw):
    reader = gw.tcp('reader', 'te')
    gw.peer().send_publish('te', 'x', -1)
    reader.gets('te', 'x')


@check('without credentials the rule of TCP clients on loopback holds')
def anonymous(gw):
    gw.device('a').quiet()


if __name__ == '__main__':
    main()
