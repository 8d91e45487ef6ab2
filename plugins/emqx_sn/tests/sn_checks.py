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

import sn_client
import sn_tcp

CHECKS = []
PREDEFINED_TOPICS = {1: 'predefined/one', 2: 'predefined/two', 1024: 'predefined/last'}


def check(name, **settings):
    """Registers a check; settings: of mqtt.sn, with __ for a dot."""
    def register(function):
        CHECKS.append((name, settings, function))
        return function
    return register


def eventually(condition, what, seconds=sn_client.PATIENCE):
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
    def __init__(self, arguments):
        self.arguments = arguments
        self.tcp_port, self.port = arguments.port, arguments.sn_port
        self.address = ('127.0.0.1', self.port)
        self.loaded = None
        self.open, self.peers = [], 0
        self.random = random.Random(arguments.seed)

    # The broker.
    def ctl(self, *words, fails=False):
        ran = subprocess.run([self.arguments.ctl, '--socket', self.arguments.socket, *words],
                             capture_output=True, text=True, timeout=60, check=False)
        said = ran.stdout + ran.stderr
        assert (ran.returncode != 0) == fails, f'ctl {" ".join(words)}: {ran.returncode}: {said}'
        return said

    def json(self, *words):
        return json.loads(self.ctl('--json', *words))

    def metric(self, name):
        """Of the gateway: how often this has happened."""
        return self.json('sn', 'stats')['events'][name]

    def settings(self, **values):
        out = {'port': f'"127.0.0.1:{self.port}"', 'advertise_duration': '0', 'gateway_id': '7'}
        out.update({f'predefined.topic.{key}': f'"{topic}"'
                    for key, topic in PREDEFINED_TOPICS.items()})
        for key, value in values.items():
            if isinstance(value, bool):
                value = 'true' if value else 'false'
            elif isinstance(value, str):
                value = f'"{value.replace("PORT", str(self.port))}"'
            out[key.replace('__', '.')] = str(value)
        return ''.join(f'mqtt.sn.{key} = {value}\n' for key, value in out.items())

    def put(self, **values):
        with open(self.arguments.conf, 'w', encoding='utf-8') as out:
            out.write(self.settings(**values))

    def load(self, **values):
        if self.loaded == values:
            return
        self.unload()
        self.put(**values)
        self.ctl('plugins', 'load', 'emqx_sn')
        self.loaded = values

    def unload(self):
        if self.loaded is not None:
            self.ctl('plugins', 'unload', 'emqx_sn')
            self.loaded = None

    def upgrade(self):
        return self.ctl('plugins', 'upgrade', 'emqx_sn', self.arguments.plugin)

    def log(self):
        with open(self.arguments.log, encoding='utf-8', errors='replace') as file:
            return file.read()

    def alive(self):
        assert 'running' in self.ctl('status'), 'the broker is gone'

    # Who talks to it.
    def peer(self, client_id='', transport=None):
        """Somebody with an address, who has said nothing yet."""
        if transport is None:  # an address of its own: answers to strangers are limited for each
            self.peers += 1
            transport = sn_client.Udp(self.address,
                                      f'127.1.{self.peers // 250 % 250}.{self.peers % 250 + 1}')
        client = sn_client.Client(transport, client_id)
        self.open.append(client)
        return client

    def device(self, client_id, transport=None, **more):
        """A client that is connected."""
        return self.peer(client_id, transport).connect(**more)

    def tcp(self, client_id, *topics, **more):
        """A TCP client, with subscriptions."""
        client = sn_tcp.Tcp(self.tcp_port, client_id, **more)
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

    def sn_clients(self):
        return {one['clientid']: one for one in self.json('sn', 'list')}

    def state(self, client_id):
        return self.sn_clients().get(client_id, {}).get('state')


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
            if isinstance(client, sn_client.Client):
                print(client.transcript())
        sys.stdout.flush()
        return False
    finally:
        gateway.close()


def main():
    parser = argparse.ArgumentParser()
    for required in ('port', 'sn-port', 'pid'):
        parser.add_argument('--' + required, type=int, required=True)
    for required in ('ctl', 'socket', 'conf', 'plugin', 'log', 'dir'):
        parser.add_argument('--' + required, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--clients', type=int, default=2000, help='where there are very many')
    parser.add_argument('--seconds', type=float, default=0, help='of runs that may be long')
    parser.add_argument('only', nargs='*', help='parts of names of checks')
    arguments = parser.parse_args()
    gateway = Gateway(arguments)
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
