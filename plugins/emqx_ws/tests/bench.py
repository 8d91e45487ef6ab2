#!/usr/bin/env python3
"""What WebSocket costs beside plain TCP: the broker's CPU time per message, and its memory per idle connection.

bench.py BROKER CTL PLUGIN [IDLE_CONNECTIONS]    e.g. build/release/bin/keel build/release/bin/ctl
                                                 build/release/plugins/emqx_ws.so 5000
"""
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

MESSAGES = 50_000


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def field(text):
    return struct.pack('>H', len(text)) + text.encode()


def packet(kind, body):
    head, size = bytes([kind]), len(body)
    while True:
        size, digit = divmod(size, 128)
        head += bytes([digit | (128 if size else 0)])
        if not size:
            return head + body


def connect_packet(client):
    return packet(0x10, field('MQTT') + b'\x04\x02\x00\x00' + field(client))


def frame(payload):
    """A client's frame, masked as they are."""
    mask, size = os.urandom(4), len(payload)
    head = b'\x82' + (bytes([0x80 | size]) if size < 126 else b'\xfe' + struct.pack('>H', size)) + mask
    key = int.from_bytes((mask * (size // 4 + 1))[:size], 'big')
    return head + (int.from_bytes(payload, 'big') ^ key).to_bytes(size, 'big')


class Broker:
    def __init__(self, broker, ctl, plugin):
        self.dir = tempfile.mkdtemp()
        self.ports = {'tcp': free_port(), 'ws': free_port()}
        os.makedirs(self.dir + '/etc/plugins')
        os.makedirs(self.dir + '/lib')
        shutil.copy(plugin, self.dir + '/lib/emqx_ws.so')
        with open(self.dir + '/etc/keel.conf', 'w') as f:
            f.write(f'kernel.data_dir = "{self.dir}"\nplugins.dir = "{self.dir}/lib"\nkernel.shards = 1\n'
                    f'plugins.load = ["emqx_ws"]\nlistener.mqtt.bind = "127.0.0.1:{self.ports["tcp"]}"\n')
        with open(self.dir + '/etc/plugins/emqx_ws.conf', 'w') as f:
            f.write(f'listener.ws.external = "127.0.0.1:{self.ports["ws"]}"\n')
        self.process = subprocess.Popen([broker, '-c', self.dir + '/etc/keel.conf'], cwd=self.dir,
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for transport in self.ports:
            self.connect(transport, 'probe-' + transport, patience=10).close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)

    def connect(self, transport, client, patience=0):
        until = time.monotonic() + patience
        while True:
            try:
                s = socket.create_connection(('127.0.0.1', self.ports[transport]))
                break
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
        hello = connect_packet(client)
        if transport == 'ws':
            s.sendall(b'GET /mqtt HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                      b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
                      b'Sec-WebSocket-Protocol: mqtt\r\n\r\n')
            answer = b''
            while not answer.endswith(b'\r\n\r\n'):
                answer += s.recv(1)
            hello = frame(hello)
        s.sendall(hello)
        s.recv(64)
        return s

    def cpu(self):
        """Seconds, of all threads."""
        tasks = f'/proc/{self.process.pid}/task'
        return sum(int(open(f'{tasks}/{t}/schedstat').read().split()[0]) for t in os.listdir(tasks)) / 1e9

    def resident(self):
        for line in open(f'/proc/{self.process.pid}/smaps_rollup'):
            if line.startswith('Rss:'):
                return int(line.split()[1]) * 1024


def per_message(broker, transport, size, at_a_time):
    """CPU microseconds for a QoS 0 message from one client to another."""
    wrap = frame if transport == 'ws' else bytes
    publisher = broker.connect(transport, 'pub')
    subscriber = broker.connect(transport, 'sub')
    subscriber.sendall(wrap(packet(0x82, b'\x00\x01' + field('bench/#') + b'\x00')))
    subscriber.recv(64)
    message = packet(0x30, field('bench/topic') + bytes(size))
    batch = b''.join(wrap(message) for _ in range(at_a_time))
    end = packet(0x30, field('bench/end'))

    def run(batches):
        for _ in range(batches):
            publisher.sendall(batch + wrap(end))
            tail, got = b'', 0
            while not tail.endswith(end):
                bytes_ = subscriber.recv(1 << 20)
                got += len(bytes_)
                tail = (tail + bytes_)[-len(end):]
            if got < at_a_time * len(message):
                raise RuntimeError(f'only {got} bytes came')

    batches = MESSAGES // at_a_time
    run(batches // 10)
    before = broker.cpu()
    run(batches)
    used = broker.cpu() - before
    publisher.close()
    subscriber.close()
    return used * 1e6 / batches / at_a_time


def per_connection(paths, transport, count):
    with Broker(*paths) as broker:
        warm = [broker.connect(transport, f'w{i}') for i in range(50)]
        before = broker.resident()
        idle = [broker.connect(transport, f'c{i}') for i in range(count)]
        time.sleep(2)  # what is freed late
        grown = broker.resident() - before
        for s in warm + idle:
            s.close()
        return grown / count


def main():
    paths = [os.path.abspath(p) for p in sys.argv[1:4]]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 5000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * count + 1000), hard))
    print('at a time  payload   tcp us    ws us  throughput of ws / tcp')
    with Broker(*paths) as broker:
        for at_a_time in (500, 50, 5):
            for size in (20, 256, 1024):
                rounds = [[per_message(broker, t, size, at_a_time) for t in ('tcp', 'ws')] for _ in range(7)]
                tcp, ws = (min(r[i] for r in rounds) for i in (0, 1))
                print(f'{at_a_time:9} {size:8} {tcp:8.3f} {ws:8.3f} {tcp / ws:10.2f}', flush=True)
    tcp, ws = (per_connection(paths, t, count) for t in ('tcp', 'ws'))
    print(f'idle connection: tcp {tcp:.0f} B, ws {ws:.0f} B, difference {ws - tcp:.0f} B')


if __name__ == '__main__':
    main()
