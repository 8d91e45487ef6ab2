"""Firmware: 1 MiB that is pushed in blocks, and 1 MiB that the device fetches itself."""
import http.server
import random
import threading

from lwm2m_checks import check, encoded, leaves, main

IMAGE = random.Random(3).randbytes(1 << 20)


def install(operator, device):
    """What follows once the image is there."""
    assert operator.ask('ep1', 'execute', path='/5/0/2')['code'] == '2.04'
    states = [leaves(operator.notified('ep1')['data'])['/5/0/3']]
    while states[-1] != 0:
        states.append(leaves(operator.notified('ep1')['data'])['/5/0/3'])
    assert leaves(operator.ask('ep1', 'read', path='/5/0/5')) == {'/5/0/5': 1}
    assert device.package == IMAGE
    return states


@check('pushed, with its progress', block_size=1024)
def pushed(gw):
    operator, device = gw.operator(), gw.device('ep1', block_size=1024)
    assert operator.ask('ep1', 'observe', path='/5/0/3')['code'] == '2.05'
    number = operator.command('ep1', 'write', path='/5/0/0', type='Opaque', value=encoded(IMAGE))
    seen = []
    while not seen or seen[-1]['sent'] < seen[-1]['total'] * 0.94:
        document = operator.reply(number, ('progress',))
        assert document['data']['reqPath'] == '/5/0/0', document
        seen.append(document['data'])
    assert 15 <= len(seen) <= 25 and all(one['total'] == len(IMAGE) for one in seen), seen
    assert [one['sent'] for one in seen] == sorted({one['sent'] for one in seen}), seen
    assert operator.reply(number)['data']['code'] == '2.04'
    assert device.package == IMAGE
    states = install(operator, device)
    assert states[0] == 2, states


@check('pushed to a device that answers later, in small blocks', block_size=128)
def slowly(gw):
    operator, device = gw.operator(), gw.device('ep1', block_size=64, separate=0.3)
    data = operator.ask('ep1', 'write', path='/5/0/0', type='Opaque', value=encoded(IMAGE[:50_000]))
    assert data['code'] == '2.04' and device.package == IMAGE[:50_000]
    assert operator.ask('ep1', 'write', path='/5/0/0', type='Opaque', value='')['code'] == '2.04'
    assert device.package == b'' and leaves(operator.ask('ep1', 'read', path='/5/0/3')) == {
        '/5/0/3': 0}


class Image(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.send_header('Content-Length', str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@check('fetched by its URI')
def fetched(gw):
    operator, device = gw.operator(), gw.device('ep1')
    assert operator.ask('ep1', 'observe', path='/5/0/3')['code'] == '2.05'
    with http.server.HTTPServer(('127.0.0.1', 0), Image) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        data = operator.ask('ep1', 'write', path='/5/0/1',
                            value=f'http://127.0.0.1:{server.server_port}/image')
        assert data['code'] == '2.04', data
        states = install(operator, device)
        server.shutdown()
    assert states[:2] == [1, 2], states


if __name__ == '__main__':
    main()
