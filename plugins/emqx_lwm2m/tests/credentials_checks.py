"""41: who may come. The test has loaded user names ("lwm2m", "secret") and access rules that keep
"forbidden" from its commands and "mute" from publishing."""
from lwm2m_checks import check, leaves, main
from lwm2m_wire import FORBIDDEN, GET, NOT_FOUND, POST, TEXT

USER = ('lwm2m', 'secret')


@check('the right name and password', username='lwm2m', password='secret')
def right(gw):
    reader = gw.operator(user=USER)
    peer = gw.registered('ep1')
    reader.event('ep1', 'register')
    assert 'lwm2m' in gw.ctl('clients', 'show', 'ep1')
    assert 'secret' not in gw.log()
    peer.update()


@check('a wrong password', username='lwm2m', password='wrong', offline_reply=False)
def wrong(gw):
    operator, peer = gw.operator(user=USER), gw.peer('ep1')
    peer.register(code=FORBIDDEN)
    assert gw.devices() == {} and 'ep1' not in gw.clients()
    operator.silent()
    peer.ask(POST, 'rd/nothing', code=NOT_FOUND)


@check('rules: commands that a device may not hear, and what it may not say', username='lwm2m',
       password='secret')
def rules(gw):
    operator = gw.operator(user=USER)
    peer = gw.registered('forbidden')
    operator.event('forbidden', 'register')
    operator.command('forbidden', 'read', path='/3/0/0')
    peer.quiet()
    peer.silent(0.3)
    mute = gw.registered('mute')
    operator.silent()
    allowed = gw.registered('ep1')
    number = operator.command('ep1', 'read', path='/3/0/0')
    allowed.answer(allowed.expect(GET, '/3/0/0'), payload='x', format=TEXT)
    assert leaves(operator.reply(number)['data']) == {'/3/0/0': 'x'}
    mute.update()


if __name__ == '__main__':
    main()
