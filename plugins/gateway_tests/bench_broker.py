"""A broker with one gateway, for bench.py of the gateways, and the load that drives it."""
import os
import re
import resource
import subprocess
import sys
import time

from broker import Broker
from endpoints import free_port


class BenchBroker(Broker):
    """paths: of the broker, ctl, the plugin and the load program. settings: of the plugin, with
    PORT for where it listens."""

    def __init__(self, paths, settings, shards=1, kernel_settings=''):
        keel, ctl, plugin, self.load = paths
        name = os.path.basename(plugin)[:-3]
        super().__init__(keel, ctl, [plugin], kernel_settings, load=[name], shards=shards)
        self.ports = {'tcp': self.port, 'udp': free_port()}
        with open(self.path(f'etc/plugins/{name}.conf'), 'w', encoding='utf-8') as out:
            out.write(settings.replace('PORT', str(self.ports['udp'])))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.remove()

    def command(self, scenario, **options):
        options = {**self.ports, 'pid': self.process.pid, **options}
        return [self.load, scenario] + [f'{key}={value}' for key, value in options.items()]

    def run(self, scenario, **options):
        """The figures that the load prints."""
        out = subprocess.run(self.command(scenario, **options), capture_output=True, text=True,
                             check=False)
        if out.returncode:
            sys.exit(f'{scenario} {options}: {out.stderr}')
        return {key: float(value) for key, value in re.findall(r'(\w+)=([\d.]+)', out.stdout)}

    def hold(self, **options):
        """A load that holds its clients; a line to its input takes it to its next state."""
        process = subprocess.Popen(self.command('hold', **options), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != 'connected\n':
            sys.exit(f'{options}: the load gave up')
        return process

    def resident(self):
        time.sleep(2)  # what is freed late
        with open(f'/proc/{self.process.pid}/smaps_rollup', encoding='utf-8') as file:
            for line in file:
                if line.startswith('Rss:'):
                    return int(line.split()[1]) * 1024
        return 0


def main(scenarios, usage):
    if len(sys.argv) < 5:
        sys.exit(usage)
    paths = [os.path.abspath(path) for path in sys.argv[1:5]]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in sys.argv[5:] or scenarios:
        scenarios[name](paths)
