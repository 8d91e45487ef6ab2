#!/usr/bin/env python3
"""What MQTT-SN costs: 10 000 clients at once, CPU time beside plain TCP, memory of idle clients, and round trips
beside a flood of junk.

bench.py BROKER CTL PLUGIN LOAD [fleet|cpu|memory|junk]...    e.g. build/release/bin/keel build/release/bin/ctl
                                                              build/release/plugins/emqx_sn.so build/release/bin/sn_load
"""
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

CLIENTS = 10_000


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Broker:
    def __init__(self, paths, shards=1):
        self.broker, self.ctl, plugin, self.load = paths
        self.dir = tempfile.mkdtemp()
        self.ports = {'tcp': free_port(socket.SOCK_STREAM), 'sn': free_port(socket.SOCK_DGRAM)}
        os.makedirs(self.dir + '/etc/plugins')
        os.makedirs(self.dir + '/lib')
        shutil.copy(plugin, self.dir + '/lib/emqx_sn.so')
        with open(self.dir + '/etc/keel.conf', 'w') as f:
            f.write(f'kernel.data_dir = "{self.dir}"\nplugins.dir = "{self.dir}/lib"\nkernel.shards = {shards}\n'
                    f'plugins.load = ["emqx_sn"]\nlistener.mqtt.bind = "127.0.0.1:{self.ports["tcp"]}"\n')
        with open(self.dir + '/etc/plugins/emqx_sn.conf', 'w') as f:
            f.write(f'mqtt.sn.port = "127.0.0.1:{self.ports["sn"]}"\nmqtt.sn.broadcast = false\n')
        self.log = open(self.dir + '/log', 'w+')
        self.process = subprocess.Popen([self.broker, '-c', self.dir + '/etc/keel.conf'], cwd=self.dir,
                                        stderr=self.log, stdout=self.log)
        self.wait_for_gateway()

    def wait_for_gateway(self):
        until = time.monotonic() + 10
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.connect(('127.0.0.1', self.ports['sn']))
            while time.monotonic() < until and self.process.poll() is None:
                try:
                    s.send(b'\x03\x01\x00')
                    if s.recv(16)[:2] == b'\x03\x02':
                        return
                except OSError:
                    time.sleep(0.05)
        self.log.seek(0)
        sys.exit('the gateway does not answer:\n' + self.log.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir)

    def command(self, scenario, **options):
        options = {**self.ports, 'pid': self.process.pid, **options}
        return [self.load, scenario] + [f'{k}={v}' for k, v in options.items()]

    def run(self, scenario, **options):
        """The figures that the load prints."""
        out = subprocess.run(self.command(scenario, **options), capture_output=True, text=True)
        if out.returncode:
            sys.exit(f'{scenario} {options}: {out.stderr}')
        return {k: float(v) for k, v in re.findall(r'(\w+)=([\d.]+)', out.stdout)}

    def resident(self):
        time.sleep(2)  # what is freed late
        for line in open(f'/proc/{self.process.pid}/smaps_rollup'):
            if line.startswith('Rss:'):
                return int(line.split()[1]) * 1024


def fleet(paths):
    for window in (200, CLIENTS):
        with Broker(paths) as broker:
            f = broker.run('fleet', clients=CLIENTS, each=10, window=window)
            print(f'{CLIENTS} clients, {window} at a time: {f["acknowledged"]:.0f} QoS 1 messages acknowledged, '
                  f'{f["lost"]:.0f} lost, {f["duplicates"]:.0f} twice, {f["retransmitted"]:.0f} sent again, '
                  f'connected in {f["connect_s"]} s, published in {f["publish_s"]} s', flush=True)


def cpu(paths):
    print('subscriber  at a time  payload   tcp us    sn us    sn / tcp')
    with Broker(paths) as broker:
        for subscriber in (0, 1):
            for at_a_time in (100, 10, 1):
                for size in (20, 256):
                    count = 100_000 if at_a_time == 100 else 20_000
                    rounds = [[broker.run('flow', transport=t, batch=at_a_time, size=size, count=count,
                                          subscriber=subscriber)['cpu_us'] for t in ('tcp', 'sn')]
                              for _ in range(3)]
                    tcp, sn = (min(r[i] for r in rounds) for i in (0, 1))
                    print(f'{subscriber:10} {at_a_time:10} {size:8} {tcp:8.3f} {sn:8.3f} {sn / tcp:11.2f}', flush=True)


def memory(paths):
    for transport in ('tcp', 'sn'):
        with Broker(paths) as broker:
            def hold(**options):
                process = subprocess.Popen(broker.command('hold', transport=transport, **options),
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                if process.stdout.readline() != 'connected\n':
                    sys.exit(f'{transport}: the load gave up')
                return process

            warm = hold(clients=100, prefix='warm-')
            before = broker.resident()
            load = hold(clients=CLIENTS)
            print(f'idle client: {transport} {(broker.resident() - before) / CLIENTS:.0f} B', flush=True)
            if transport == 'sn':
                load.stdin.write('\n')
                load.stdin.flush()
                load.stdout.readline()
                print(f'asleep:      {transport} {(broker.resident() - before) / CLIENTS:.0f} B', flush=True)
            for process in (load, warm):
                process.kill()
                process.wait()


def junk(paths):
    for shards in (1, 2):
        with Broker(paths, shards) as broker:
            rounds = [(broker.run('junk', rate=0), broker.run('junk', rate=100_000)) for _ in range(3)]
            for name in ('p50_us', 'p99_us'):
                quiet, loud = (sorted(r[i][name] for r in rounds)[1] for i in (0, 1))
                print(f'{shards} shards, round trip {name[:3]}: {quiet:.0f} us alone, {loud:.0f} us with junk, '
                      f'{loud / quiet:.2f} x', flush=True)
            print(f'  {min(r[1]["junk_per_s"] for r in rounds):.0f} junk datagrams per second, '
                  f'{sum(r[i]["lost"] for r in rounds for i in (0, 1)):.0f} pings lost', flush=True)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    paths = [os.path.abspath(p) for p in sys.argv[1:5]]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    scenarios = {'fleet': fleet, 'cpu': cpu, 'memory': memory, 'junk': junk}
    for name in sys.argv[5:] or scenarios:
        scenarios[name](paths)


if __name__ == '__main__':
    main()
