"""The broker as a process of its own, with a private directory for settings, data and log."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SETTINGS = """\
[kernel]
data_dir = "{directory}/data"
shards = 2
[plugins]
{plugin_dir}load = [{plugins}]
[listener.mqtt]
bind = "127.0.0.1:{port}"
[limits]
max_queued = 0
max_queued_bytes = 0
max_total_queued_bytes = 0
[sys]
interval = 0
presence = false
[log]
burst = 0
"""

# Of the store: however full this machine's disk is, until it takes nothing at all.
STORE_SETTINGS = 'store.min_free = ["4KB", "4KB", "4KB"]\n'

# Lines of a log that no broker should write, whatever was done to its store.
CRASHES = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:",
           "terminate called", "Assertion", "Segmentation fault")


class NoStart(Exception):
    """The broker ended instead of serving. `code` is its exit code, negative: a signal's number."""

    def __init__(self, code, log):
        super().__init__(f"the broker ended with {code} while starting:\n{log[-3000:]}")
        self.code, self.log = code, log


def free_port():
    """Below those that the system gives to sockets that ask for none: it stays free for a while."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Broker:
    PATIENCE = 60

    def __init__(self, keel, plugin_dir="", plugins=(), settings=()):
        self.keel, self.ctl_binary = keel, os.path.join(os.path.dirname(keel), "ctl")
        self.plugin_dir, self.plugins, self.settings = plugin_dir, plugins, settings
        self.environment = dict(os.environ)
        self.directory = tempfile.mkdtemp(prefix="keel-audit-")
        self.process, self.port, self.log_start = None, 0, 0

    @property
    def data(self):
        return os.path.join(self.directory, "data")

    @property
    def log_path(self):
        return os.path.join(self.directory, "log")

    def log(self):
        """What it has written since the last start."""
        with open(self.log_path, errors="replace") as file:
            file.seek(self.log_start)
            return file.read()

    def launch(self):
        """Starts it and does not wait."""
        if not self.port:
            self.port = free_port()
        directory = f'dir = "{self.plugin_dir}"\n' if self.plugin_dir else ""
        with open(os.path.join(self.directory, "keel.conf"), "w") as file:
            file.write(SETTINGS.format(directory=self.directory, port=self.port,
                                       plugin_dir=directory,
                                       plugins=", ".join(f'"{name}"' for name in self.plugins)))
        os.makedirs(os.path.join(self.directory, "plugins"), exist_ok=True)
        with open(os.path.join(self.directory, "plugins", "emqx_store.conf"), "w") as file:
            file.write(STORE_SETTINGS)
        with open(self.log_path, "a") as log:
            log.write("---- start\n")
            log.flush()
            self.log_start = log.tell()
            command = [self.keel, "-c", os.path.join(self.directory, "keel.conf")]
            for setting in self.settings:
                command += ["--set", setting]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment, cwd=self.directory)

    def start(self):
        """Starts it; answers after how many seconds it accepted a connection."""
        began = time.monotonic()
        first = not self.port
        self.launch()
        while True:
            code = self.process.poll()
            if code is not None:
                text = self.log()
                if first and "in use" in text:  # somebody was quicker
                    self.port = 0
                    return self.start()
                raise NoStart(code, text)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return time.monotonic() - began
            if time.monotonic() - began > self.PATIENCE:
                raise NoStart(None, self.log())
            time.sleep(0.003)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask_to_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def crash(self):
        """What went wrong by itself, in words; empty: nothing."""
        for mark in CRASHES:
            if mark in self.log():
                return f"the broker's log has '{mark}'"
        code = self.process.poll() if self.process else None
        return f"the broker ended by itself with {code}" if code is not None else ""

    def ctl_command(self, *arguments):
        return [self.ctl_binary, "--socket", os.path.join(self.data, "ctl.sock"), *arguments]

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
