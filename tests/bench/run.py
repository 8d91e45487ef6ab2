#!/usr/bin/env python3
"""Measures brokers with bench_load: the core set, Keel beside Mosquitto, or Keel alone: the durable
set, or its targets. tools/bench builds what this needs and calls it."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import durable
import targets
from brokers import Failed, Keel, Mosquitto
from figures import core_tables, troubles
from plot import svg
from scenarios import CORE


class Bench:
    """Runs the load generator against a broker and keeps what it printed."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.out = Path(arguments.out).resolve()
        self.out.mkdir(parents=True, exist_ok=True)
        self.results = []
        cpus = sorted(os.sched_getaffinity(0))
        self.broker_cpu, self.load_cpu = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)

    def directory(self):
        return self.out / f"run-{os.getpid()}"

    def load(self, broker, label, options, pinned=True, port=None):
        """One call of the generator; its result is kept. `port`: not the first listener's."""
        return self.keep(self.run(broker, label, options, pinned, port))

    def run(self, broker, label, options, pinned, port=None):
        words = [str(Path(self.arguments.load).resolve()), *shlex.split(options), "--label", label,
                 "--port", str(port or broker.port), "--pid", str(broker.pid)]

        def pin():
            os.sched_setaffinity(0, {self.load_cpu})

        bound = pinned and self.load_cpu is not None
        run = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                             preexec_fn=pin if bound else None)
        if run.returncode not in (0, 1):
            raise Failed(f"the load generator cannot run {label}")
        result = {"broker": broker.name, **json.loads(run.stdout)}
        if broker.process.poll() is not None:
            result.update(good=0, trouble=f"the broker ended: {broker.last_words()}")
        return result

    @staticmethod
    def progress(words):
        if sys.stderr.isatty():
            print(f"\r{words:<20}", end="\r", file=sys.stderr, flush=True)

    def keep(self, result):
        self.results.append(result)
        with open(self.out / f"{self.arguments.name}.jsonl", "a") as file:
            file.write(json.dumps(result) + "\n")
        return result

    def chosen(self, scenarios):
        only = self.arguments.only.split(",") if self.arguments.only else None
        return [each for each in scenarios if only is None or each.name in only]


def run_core(bench):
    """Brokers take turns within each scenario, so that what else runs here meets both alike."""
    arguments = bench.arguments
    makers = [lambda: Keel(arguments.keel, bench.directory(), bench.broker_cpu,
                           settings=arguments.set)]
    if arguments.mosquitto and not arguments.only_keel:
        makers.append(lambda: Mosquitto(arguments.mosquitto, bench.directory(), bench.broker_cpu))
    seconds = f"--seconds {0.5 if arguments.quick else 2}"
    idle = f"--connections {1000 if arguments.quick else 5000}"
    scenarios = bench.chosen(CORE)
    for repetition in range(1 if arguments.quick else arguments.reps):
        for scenario in scenarios:
            bench.progress(f"{repetition + 1}: {scenario.name}")
            for make in makers:
                with make() as broker:
                    bench.load(broker, scenario.name, f"{scenario.options} {seconds} {idle}")
    bench.progress("")
    brokers = [make().name for make in makers]
    print(core_tables(bench.results, scenarios, brokers))
    note = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs; left is better"
    picture = bench.out / f"{arguments.name}.svg"
    picture.write_text(svg(bench.results, scenarios, brokers, note))
    print(f"\nPlot: {os.path.relpath(picture)}")


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--durable", action="store_true", help="the durable set, with emqx_store")
    parser.add_argument("--targets", action="store_true",
                        help="what plugins, TLS, memory, large tables and shards may cost")
    parser.add_argument("--quick", action="store_true",
                        help="once, for a moment each, and a hundredth of the stored messages")
    parser.add_argument("--only", default="", metavar="NAMES",
                        help="scenarios, such as P0,P1, D1 or T5")
    parser.add_argument("--reps", type=int, default=3, help="repetitions of each scenario (3)")
    parser.add_argument("--only-keel", action="store_true", help="without the peer")
    parser.add_argument("--keel", required=True, help="the broker; ctl is expected beside it")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a setting of Keel; again for more")
    parser.add_argument("--mosquitto", default="", help="the peer")
    parser.add_argument("--load", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--plugins", default="", help=argparse.SUPPRESS)
    parser.add_argument("--out", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--retained", type=int, default=1_000_000, help="of D5 (1000000)")
    parser.add_argument("--sessions", type=int, default=100_000, help="of D5 (100000)")
    return parser.parse_args()


def main():
    arguments = parse()
    sets = {"durable": durable.run, "targets": targets.run}
    arguments.name = next((name for name in sets if getattr(arguments, name)), "core")
    bench = Bench(arguments)
    (bench.out / f"{arguments.name}.jsonl").unlink(missing_ok=True)
    try:
        sets.get(arguments.name, run_core)(bench)
    except Failed as failed:
        sys.exit(f"error: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"Figures: {os.path.relpath(bench.out / arguments.name)}.jsonl")
    wrong = list(troubles(bench.results))
    for words in wrong:
        print(f"TROUBLE {words}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
