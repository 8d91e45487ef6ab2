"""Object definitions: files that are broken, files that come later, versions."""
import os
import shutil

from lwm2m_checks import OBJECTS, check, eventually, leaves, main
from lwm2m_wire import GET, TLV


def definition(number, kind='Integer', version=None, name='Thing', resource=1):
    return f'''<Object ObjectType="MODefinition"><Name>{name}</Name><Description1>x</Description1>
<ObjectID>{number}</ObjectID><ObjectURN>urn:oma:lwm2m:x:{number}</ObjectURN>
{f"<ObjectVersion>{version}</ObjectVersion>" if version else ""}
<MultipleInstances>Multiple</MultipleInstances><Mandatory>Optional</Mandatory>
<Resources><Item ID="{resource}"><Name>Value</Name><Operations>RW</Operations>
<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Type>{kind}</Type>
<RangeEnumeration></RangeEnumeration><Units></Units>
<Description><![CDATA[a < b & c]]></Description></Item></Resources><Description2/></Object>'''


def whole(*objects):
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!-- x -->\n<LWM2M>{"".join(objects)}</LWM2M>'


def folder(gw, **files):
    path = os.path.join(gw.arguments.dir, 'xml')
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for name, text in files.items():
        write(path, name, text)
    return path


def write(path, name, text):
    with open(os.path.join(path, name + '.xml'), 'wb') as out:
        out.write(text.encode() if isinstance(text, str) else text)


def value(operator, peer, path, payload):
    number = operator.command(peer.endpoint, 'read', path=path)
    peer.answer(peer.expect(GET, path), payload=bytes.fromhex(payload), format=TLV)
    return leaves(operator.reply(number)['data'])[path]


@check('96: files that are broken are left out, and named')
def broken(gw):
    path = folder(
        gw, good=whole(definition(31000)), truncated=whole(definition(31001))[:200], empty='',
        doctype='<!DOCTYPE x [<!ENTITY a "b">]>' + whole(definition(31002)), text='no XML',
        two=whole(definition(31003), definition(31004)), bytes=b'\xff\x00\xfe',
        bom=b'\xef\xbb\xbf' + whole(definition(31005)).encode(),
        lower=whole(definition(31006, ' integer ')), number=whole(definition('many')))
    gw.load(xml_dir=path)
    operator = gw.operator()
    peer = gw.registered('ep1', objects=','.join(f'</{31000 + n}/0>' for n in range(7)))
    for number in (31000, 31003, 31004, 31005, 31006):
        assert value(operator, peer, f'/{number}/0/1', 'C10141') == 65, number
    for number in (31001, 31002):
        assert value(operator, peer, f'/{number}/0/1', 'C10141') == 'A', number
    log = gw.log()
    for name in ('truncated.xml', 'empty.xml', 'doctype.xml', 'text.xml', 'bytes.xml'):
        assert name in log, name


@check('96: no folder, an empty one')
def nothing(gw):
    for path in (os.path.join(gw.arguments.dir, 'missing'), folder(gw)):
        gw.load(xml_dir=path)
        assert path in gw.log()
        gw.registered('ep1').update()
        gw.close()


@check('96: a file that comes later')
def later(gw):
    path = folder(gw)
    gw.load(xml_dir=path)
    operator, peer = gw.operator(), gw.registered('ep1', objects='</31010/0>,</31011/0>')
    assert value(operator, peer, '/31010/0/1', 'C10141') == 'A'
    write(path, 'new', whole(definition(31010)))
    gw.ctl('lwm2m', 'xml', 'reload')
    assert value(operator, peer, '/31010/0/1', 'C10141') == 65
    assert '31010' in gw.ctl('lwm2m', 'xml', 'list')
    write(path, 'newer', whole(definition(31011)))
    gw.ctl('plugins', 'reload', 'emqx_lwm2m')
    assert value(operator, peer, '/31011/0/1', 'C10141') == 65
    peer.update()  # it is registered still


@check('97: the version that the device has')
def versions(gw):
    gw.load(xml_dir=folder(gw, one=whole(definition(31020, 'Integer', '1.0')),
                           two=whole(definition(31020, 'String', '1.1'))))
    operator = gw.operator()
    for endpoint, links, wanted in (('ep1', '</31020>;ver=1.0,</31020/0>', 65),
                                    ('ep2', '</31020>;ver="1.1",</31020/0>', 'A'),
                                    ('ep3', '</31020/0>', 'A'),
                                    ('ep4', '</31020>;ver=3.0,</31020/0>', 'A')):
        peer = gw.registered(endpoint, objects=links)
        assert value(operator, peer, '/31020/0/1', 'C10141') == wanted, endpoint


@check('the objects that come with us')
def shipped(gw):
    assert os.path.isdir(OBJECTS)
    listed = {one['id']: one for one in gw.json('lwm2m', 'xml', 'list')}
    for number in (*range(8), 3200, 3202, *range(3300, 3307), *range(3311, 3317),
                   *range(3320, 3326), *range(3335, 3339), 3341, 3342, 3347):
        assert number in listed, number
    assert listed[3303]['name'] == 'Temperature', listed[3303]
    eventually(lambda: 'warn' not in ''.join(
        line for line in gw.log().splitlines() if 'etc/lwm2m_xml' in line), 'no warnings')


if __name__ == '__main__':
    main()
