"""Runs the checks of a script against a broker that a test has started: loads the gateway with the
settings a check names, says "ok <name>" or "FAIL <name>" with what was said and heard."""
import argparse
import json
import random
import re
import subprocess
import sys
import time
import traceback

from endpoints import PATIENCE, Udp
from mqtt_tcp import Tcp

CHECKS = []


def check(name, **settings):
    """Registers a check; settings: of the plugin, with __ for a dot."""
    def register(function):
        CHECKS.append((name, settings, function))
        return function
    return register


def eventually(condition, what, seconds=PATIENCE):
    """Looks until it is true."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f'did not become true: {what}')
        time.sleep(0.02)


class Gateway:
    """The broker with the plugin in it. Each gateway makes its own of this: `plugin`, `prefix` (of
    its settings) and defaults()."""
    plugin = prefix = ''

    def __init__(self, arguments):
        self.arguments = arguments
        self.tcp_port, self.port = arguments.port, arguments.udp_port
        self.address = ('127.0.0.1', self.port)
        self.loaded = None
        self.open, self.peers = [], 0
        self.random = random.Random(arguments.seed)

    def defaults(self):
        """Settings as they stand in the file, unless a check says otherwise."""
        return {'port': f'"127.0.0.1:{self.port}"'}

    def written(self, value):
        if isinstance(value, bool):
            return 'true' if value else 'false'
        if isinstance(value, str):
            return f'"{value.replace("PORT", str(self.port))}"'
        return str(value)

    # The broker.
    def ctl(self, *words, fails=False):
        ran = subprocess.run([self.arguments.ctl, '--socket', self.arguments.socket, *words],
                             capture_output=True, text=True, timeout=120, check=False)
        said = ran.stdout + ran.stderr
        assert (ran.returncode != 0) == fails, \
            f'ctl {" ".join(words)}: {ran.returncode}: {said[-500:]}'
        return said

    def json(self, *words):
        return json.loads(self.ctl('--json', *words))

    def settings(self, **values):
        out = self.defaults()
        out.update({key.replace('__', '.'): self.written(value) for key, value in values.items()})
        return ''.join(f'{self.prefix}.{key} = {value}\n' for key, value in out.items())

    def put(self, **values):
        with open(self.arguments.conf, 'w', encoding='utf-8') as out:
            out.write(self.settings(**values))

    def load(self, **values):
        if self.loaded == values:
            return
        self.unload()
        self.put(**values)
        self.ctl('plugins', 'load', self.plugin)
        self.loaded = values

    def unload(self):
        if self.loaded is not None:
            self.ctl('plugins', 'unload', self.plugin)
            self.loaded = None

    def reload(self, **values):
        self.put(**values)
        self.ctl('plugins', 'reload', self.plugin)
        self.loaded = {'again': True}

    def upgrade(self):
        return self.ctl('plugins', 'upgrade', self.plugin, self.arguments.plugin)

    def log(self):
        with open(self.arguments.log, encoding='utf-8', errors='replace') as file:
            return file.read()

    def alive(self):
        assert 'running' in self.ctl('status'), 'the broker is gone'

    def resident(self):
        with open(f'/proc/{self.arguments.pid}/status', encoding='utf-8') as status:
            return int(status.read().split('VmRSS:')[1].split()[0]) * 1024

    # Who talks to it.
    def endpoint(self):
        """An address of its own: answers to strangers are limited for each."""
        self.peers += 1
        return Udp(self.address, f'127.1.{self.peers // 250 % 250}.{self.peers % 250 + 1}')

    def tcp(self, client_id, *topics, **more):
        """A TCP client, with subscriptions."""
        client = Tcp(self.tcp_port, client_id, **more)
        self.open.append(client)
        for topic in topics:
            client.subscribe(topic)
        return client

    def close(self):
        for client in self.open:
            client.close()
        self.open.clear()

    def clients(self):
        return set(re.findall(r'Connection\((.*?),', self.ctl('clients', 'list')))


def run_one(gateway, name, settings, function):
    began = time.monotonic()
    try:
        gateway.load(**settings)
        function(gateway)
        gateway.alive()
        print(f'ok {name} ({time.monotonic() - began:.2f} s)', flush=True)
        return True
    except Exception:  # pylint: disable=broad-except; a check fails as it likes
        print(f'FAIL {name}\n{traceback.format_exc()}', end='')
        for client in gateway.open:
            if hasattr(client, 'transcript'):
                print(client.transcript())
        sys.stdout.flush()
        return False
    finally:
        gateway.close()


def main(make_gateway):
    parser = argparse.ArgumentParser()
    for required in ('port', 'udp-port', 'pid'):
        parser.add_argument('--' + required, type=int, required=True)
    for required in ('broker', 'ctl', 'socket', 'conf', 'plugin', 'log', 'dir'):
        parser.add_argument('--' + required, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--clients', type=int, default=2000, help='where there are very many')
    parser.add_argument('--seconds', type=float, default=0, help='of runs that may be long')
    parser.add_argument('only', nargs='*', help='parts of names of checks')
    arguments = parser.parse_args()
    gateway = make_gateway(arguments)
    failed = 0
    for name, settings, function in CHECKS:
        if arguments.only and not any(part in name for part in arguments.only):
            continue
        if not run_one(gateway, name, settings, function):
            failed += 1
            gateway.loaded = gateway.loaded and {'again': True}  # the next one begins afresh
    gateway.unload()
    print(f'{failed} failed')
    sys.exit(1 if failed else 0)
