"""A broker of one's own, in a folder of its own."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from endpoints import free_port


class Broker:
    """keel and ctl: the programs; plugins: .so files that can be loaded by name; load: names of
    those that are loaded at once."""

    def __init__(self, keel, ctl, plugins, settings='', load=(), shards=2):
        self.keel, self.folder = keel, tempfile.mkdtemp()
        self.ctl_words = [ctl, '--socket', self.folder + '/data/ctl.sock']
        for below in ('etc/plugins', 'lib', 'data'):
            os.makedirs(os.path.join(self.folder, below))
        for file in plugins:
            shutil.copy(file, self.folder + '/lib')
        self.port, self.process = free_port(kind=socket.SOCK_STREAM), None
        with open(self.folder + '/etc/keel.conf', 'w', encoding='utf-8') as out:
            out.write(f'[kernel]\nshards = {shards}\ndata_dir = "{self.folder}/data"\n[plugins]\n'
                      f'dir = "{self.folder}/lib"\nload = {json.dumps(list(load))}\n'
                      '[listener.mqtt]\n'
                      f'bind = "127.0.0.1:{self.port}"\n{settings}')

    def path(self, below):
        return os.path.join(self.folder, below)

    def start(self, patience=60):
        with open(self.path('log'), 'a', encoding='utf-8') as log:
            self.process = subprocess.Popen([self.keel, '-c', self.path('etc/keel.conf')],
                                            cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + patience
        while '"listen_on":"127.0.0.1:' not in subprocess.run(
                [*self.ctl_words, 'listeners', '--json'], capture_output=True, text=True,
                check=False).stdout:  # then everything is up
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f'the broker does not start: {self.path("log")}')
            time.sleep(0.05)
        return self

    def ctl(self, *words):
        done = subprocess.run([*self.ctl_words, *words], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f'ctl {" ".join(words)}: {done.stdout}{done.stderr}'
        return done.stdout

    def kill(self):
        """Without a word of warning."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Its exit code."""
        self.process.terminate()
        return self.process.wait()

    def remove(self):
        shutil.rmtree(self.folder)
