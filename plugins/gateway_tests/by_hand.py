#!/usr/bin/env python3
"""Runs a script of checks against a broker of its own, as the tests do.

by_hand.py BIN PLUGIN.so SCRIPT [option or part of a check's name]...
e.g. build/release/bin build/release/plugins/emqx_sn.so plugins/emqx_sn/tests/sleep_checks.py
The environment's KERNEL_SETTINGS are more lines of keel.conf; OTHERS are further .so files.
"""
import os
import subprocess
import sys

from broker import Broker
from endpoints import free_port


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    bin_dir, plugin, script = map(os.path.abspath, sys.argv[1:4])
    others = os.environ.get('OTHERS', '').split()
    broker = Broker(bin_dir + '/keel', bin_dir + '/ctl', [plugin, *others],
                    os.environ.get('KERNEL_SETTINGS', '')).start()
    try:
        for other in others:
            broker.ctl('plugins', 'load', os.path.basename(other)[:-3])
        paths = [os.path.dirname(os.path.abspath(__file__)), os.environ.get('PYTHONPATH', '')]
        name = os.path.basename(plugin)[:-3]
        done = subprocess.run(
            ['/usr/bin/python3', '-B', script, '--port', str(broker.port),
             '--udp-port', str(free_port()), '--pid', str(broker.process.pid),
             '--broker', broker.keel, '--ctl', bin_dir + '/ctl',
             '--socket', broker.path('data/ctl.sock'),
             '--conf', broker.path(f'etc/plugins/{name}.conf'), '--plugin', plugin,
             '--log', broker.path('log'), '--dir', broker.folder, *sys.argv[4:]],
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}, check=False)
    finally:
        code = broker.stop()
    if done.returncode or code:
        print(f'# the log: {broker.path("log")}')
    else:
        broker.remove()
    sys.exit(done.returncode or code)


if __name__ == '__main__':
    main()
