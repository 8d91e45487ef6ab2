"""The brokers that are measured: each started fresh, in a directory of its own, on a free port."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

# What would drop or hold back a message of a benchmark; 0 is "no limit".
OPEN_LIMITS = ("max_queued", "max_queued_bytes", "max_total_queued_bytes", "max_connections",
               "connect_rate", "max_sessions", "max_retained", "max_retained_bytes",
               "max_subscriptions")
# In the core set also what a client may have under way, for both brokers.
OPEN_WINDOWS = ("max_inflight", "max_output_bytes", "max_awaiting_rel")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Failed(Exception):
    """A broker that does not start, or ends by itself."""


class Broker:
    """Used in a `with`; restart() keeps the directory, the next object begins with an empty one."""

    name = ""

    def __init__(self, program, directory, cpu=None):
        self.program = Path(program).resolve()
        self.directory = Path(directory)
        self.cpu = cpu
        self.port = free_port()
        self.process = None
        self.started_ns = 0

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.start()
        self.wait_for_port()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        log = open(self.directory / "log", "ab")
        self.started_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd=self.directory, preexec_fn=self.before_start)
        log.close()

    def before_start(self):
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})

    def wait_for_port(self, patience=60):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended: {self.last_words()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise Failed(f"{self.name} does not listen: {self.last_words()}")

    def last_words(self):
        lines = (self.directory / "log").read_text(errors="replace").splitlines()
        return " / ".join(lines[-3:])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Keel(Broker):
    """`store`: with emqx_store loaded; else everything is in memory, as in the peer. `plugins`: loaded
    as well. `files`: texts by their names in the broker's directory, where keel.conf is."""

    name = "Keel"

    def __init__(self, program, directory, cpu=None, store=False, open_windows=True, settings=(),
                 plugins=(), files=None):
        super().__init__(program, directory, cpu)
        self.plugins = (["emqx_store"] if store else []) + list(plugins)
        self.files = files or {}
        self.settings = list(settings)
        self.open_limits = OPEN_LIMITS + (OPEN_WINDOWS if open_windows else ())

    def command(self):
        config = self.directory / "keel.conf"
        config.touch()  # everything is the default that is not set here
        for name, content in self.files.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_text(content)
        words = [str(self.program), "-c", str(config)]
        settings = [f'kernel.data_dir="{self.directory}"', "kernel.shards=1",
                    f'listener.mqtt.bind="127.0.0.1:{self.port}"',
                    f"plugins.load={json.dumps(self.plugins)}"]
        settings += [f"limits.{name}=0" for name in self.open_limits]
        for setting in settings + self.settings:
            words += ["--set", setting]
        return words

    def ctl(self, *words):
        """The answer of a ctl command, or None."""
        answer = subprocess.run(
            [str(self.program.parent / "ctl"), "--socket", str(self.directory / "ctl.sock"),
             "--json", *words], capture_output=True, text=True)
        try:
            return json.loads(answer.stdout) if answer.returncode == 0 else None
        except json.JSONDecodeError:
            return None


class Mosquitto(Broker):
    """Without persistence, limits or log."""

    name = "Mosquitto"

    def command(self):
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence false",
                 "log_dest none", "connection_messages false", "set_tcp_nodelay true",
                 "max_inflight_messages 0", "max_queued_messages 0", "max_queued_bytes 0",
                 "sys_interval 0"]
        if os.getuid() == 0:
            lines.append("user root")
        config = self.directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        return [str(self.program), "-c", str(config)]
