"""Devices made of the npm packages coap and coap-node, which run beside this."""
import os
import queue
import subprocess
import threading

from lwm2m_checks import check, encoded, leaves, main

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'npm')


class Node:
    def __init__(self, gw, script):
        self.process = subprocess.Popen(
            ['node', os.path.join(FOLDER, script), '127.0.0.1', str(gw.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines, self.talk = queue.Queue(), []
        threading.Thread(target=self.read, daemon=True).start()
        gw.open.append(self)

    def read(self):
        for line in self.process.stdout:
            self.talk.append(line)
            self.lines.put(line.strip())

    def says(self, beginning):
        """Waits for a line, and takes those before it, too."""
        while True:
            try:
                line = self.lines.get(timeout=60)
            except queue.Empty:
                raise AssertionError(f'it does not say {beginning}: {self.talk}') from None
            if line.startswith(beginning):
                return line

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def ends(self, beginning):
        self.process.stdin.close()
        line = self.says(beginning)
        assert self.process.wait(60) == 0
        return line

    def transcript(self):
        return 'node said:\n' + ''.join(self.talk)

    def close(self):
        self.process.kill()
        self.process.wait()


@check('104: a device of the package coap')
def coap(gw):
    operator, node = gw.operator(), Node(gw, 'device.mjs')
    assert operator.event('js', 'register') == {
        'ep': 'js', 'lt': 600, 'lwm2m': '1.0', 'b': 'U', 'alternatePath': '/',
        'objectList': ['/1/0', '/3/0']}
    node.says('registered')
    assert leaves(operator.ask('js', 'read', path='/3/0/9')) == {'/3/0/9': 100}
    assert leaves(operator.ask('js', 'read', path='/3/0')) == {'/3/0/9': 100}
    assert leaves(operator.ask('js', 'read', path='/3/0/0')) == {'/3/0/0': 'x' * 2000}
    assert operator.ask('js', 'discover', path='/3/0')['content'] == [
        '</3/0>', '</3/0/0>', '</3/0/9>;pmin=1']
    assert operator.ask('js', 'write', path='/1/0/1', value=60)['code'] == '2.04'
    assert node.says('payload') == 'payload 3 c1013c'
    data = operator.ask('js', 'write', path='/5/0/0', type='Opaque', value=encoded(bytes(5000)))
    assert data['code'] == '2.04' and node.says('payload').startswith('payload 5000 00')
    assert operator.ask('js', 'execute', path='/3/0/4', args='0')['code'] == '2.04'
    assert node.says('arguments') == 'arguments 0'
    assert operator.ask('js', 'read', path='/7/0')['code'] == '4.04'
    assert leaves(operator.ask('js', 'observe', path='/3/0/9')) == {'/3/0/9': 100}
    for charge in (99, 98, 97):
        assert leaves(operator.notified('js')['data']) == {'/3/0/9': charge}
    operator.ask('js', 'cancel-observe', path='/3/0/9')
    node.says('GET /3/0/9')
    assert node.ends('updated') == 'updated 2.04, left 2.02'
    assert operator.event('js', 'update')['lt'] == 700
    operator.event('js', 'deregister')


@check('104: a device of the package coap-node')
def coap_node(gw):
    operator, node = gw.operator(), Node(gw, 'coap_node.cjs')
    event = operator.event('coap-node', 'register')
    assert event['lt'] == 600 and '/3303/0' in event['objectList'], event
    node.says('registered')
    assert leaves(operator.ask('coap-node', 'read', path='/3/0/0')) == {'/3/0/0': 'Keel'}
    got = leaves(operator.ask('coap-node', 'read', path='/3303/0'))
    assert got['/3303/0/5701'] == 'Cel' and got['/3303/0/5700'] == 21.5, got
    got = leaves(operator.ask('coap-node', 'read', path='/3303'))
    assert got['/3303/0/5700'] == 21.5, got
    assert operator.ask('coap-node', 'write', path='/3311/0/5851', value=50)['code'] == '2.04'
    assert leaves(operator.ask('coap-node', 'read', path='/3311/0/5851')) == {'/3311/0/5851': 50}
    assert operator.ask('coap-node', 'write', path='/3311/0/5850', value=True)['code'] == '2.04'
    assert leaves(operator.ask('coap-node', 'read', path='/3311/0/5850')) == {'/3311/0/5850': True}
    assert operator.ask('coap-node', 'execute', path='/3303/0/5605')['code'] == '2.04'
    node.says('executed')
    assert operator.ask('coap-node', 'read', path='/3303/0/9999')['code'] == '4.04'
    assert any(one.startswith('</3303/0/5700>')
               for one in operator.ask('coap-node', 'discover', path='/3303/0')['content'])
    data = operator.ask('coap-node', 'write-attr', path='/3303/0/5700', pmin=0, pmax=60)
    assert data['code'] == '2.04', data
    assert leaves(operator.ask('coap-node', 'observe', path='/3303/0/5700')) == {
        '/3303/0/5700': 21.5}
    node.tell('temperature 25')
    assert leaves(operator.notified('coap-node')['data']) == {'/3303/0/5700': 25}
    assert operator.ask('coap-node', 'cancel-observe', path='/3303/0/5700')['code'] == '2.05'
    node.tell('update 700')
    assert node.says('updated') == 'updated 2.04'
    assert operator.event('coap-node', 'update')['lt'] == 700
    assert node.ends('left') == 'left 2.02'
    operator.event('coap-node', 'deregister')


if __name__ == '__main__':
    main()
