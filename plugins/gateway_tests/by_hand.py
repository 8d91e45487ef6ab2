#!/usr/bin/env python3
"""Runs a script of checks against a broker of its own, as the tests do.

by_hand.py BIN PLUGIN.so SCRIPT [option or part of a check's name]...
e.g. build/release/bin build/release/plugins/emqx_sn.so plugins/emqx_sn/tests/sleep_checks.py
The environment's KERNEL_SETTINGS are more lines of keel.conf; OTHERS are further .so files.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from endpoints import free_port


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    bin_dir, plugin, script = map(os.path.abspath, sys.argv[1:4])
    folder = tempfile.mkdtemp()
    for below in ('etc/plugins', 'lib', 'data'):
        os.makedirs(os.path.join(folder, below))
    others = os.environ.get('OTHERS', '').split()
    for file in (plugin, *others):
        shutil.copy(file, folder + '/lib')
    port = free_port(kind=socket.SOCK_STREAM)
    with open(folder + '/etc/keel.conf', 'w', encoding='utf-8') as out:
        out.write(f'[kernel]\nshards = 2\ndata_dir = "{folder}/data"\n[plugins]\n'
                  f'dir = "{folder}/lib"\n[listener.mqtt]\nbind = "127.0.0.1:{port}"\n'
                  + os.environ.get('KERNEL_SETTINGS', ''))
    name = os.path.basename(plugin)[:-3]
    with open(folder + '/log', 'w', encoding='utf-8') as log:
        broker = subprocess.Popen([bin_dir + '/keel', '-c', folder + '/etc/keel.conf'], cwd=folder,
                                  stdout=log, stderr=log)
    ctl = [bin_dir + '/ctl', '--socket', folder + '/data/ctl.sock']
    try:
        while subprocess.run([*ctl, 'status'], capture_output=True, check=False).returncode:
            if broker.poll() is not None:
                sys.exit('the broker does not start')
            time.sleep(0.05)
        for other in others:
            subprocess.run([*ctl, 'plugins', 'load', os.path.basename(other)[:-3]], check=True)
        paths = [os.path.dirname(os.path.abspath(__file__)), os.environ.get('PYTHONPATH', '')]
        done = subprocess.run(
            ['/usr/bin/python3', '-B', script, '--port', str(port), '--udp-port', str(free_port()),
             '--pid', str(broker.pid), '--ctl', ctl[0], '--socket', ctl[2],
             '--conf', f'{folder}/etc/plugins/{name}.conf', '--plugin', plugin,
             '--log', folder + '/log', '--dir', folder, *sys.argv[4:]],
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}, check=False)
        if done.returncode:
            print(f'# the log: {folder}/log')
        code = done.returncode
    finally:
        broker.terminate()
        code = broker.wait() or code
    if code == 0:
        shutil.rmtree(folder)
    sys.exit(code)


if __name__ == '__main__':
    main()
