"""A line of the table: what was measured, beside the target if there is one."""

from dataclasses import dataclass
from statistics import median

from figures import short, spread


@dataclass(frozen=True)
class Line:
    name: str
    numbers: list  # of each repetition
    unit: str = ""
    at_most: float = None
    at_least: float = None

    def met(self):
        if not self.numbers:
            return False
        value = median(self.numbers)
        return ((self.at_most is None or value <= self.at_most) and
                (self.at_least is None or value >= self.at_least))

    def cells(self):
        target, verdict = "", ""
        if self.at_most is not None:
            target = f"<= {short(self.at_most)}"
        if self.at_least is not None:
            target = f">= {short(self.at_least)}"
        if target:
            target += f" {self.unit}".rstrip()
            verdict = "met" if self.met() else "**missed**"
        return [self.name, target, f"{spread(self.numbers)} {self.unit}".rstrip(), verdict]


def numbers(results, key, scale=1.0):
    return [result[key] * scale for result in results if key in result]


def ratios(measured, reference, key="cpu_us"):
    """Of runs that took turns: each with its neighbour, so that what else ran meets both."""
    return [a[key] / b[key] for a, b in zip(measured, reference) if b.get(key) and key in a]


def differences(measured, reference, key="cpu_us", scale=1.0):
    return [(a[key] - b[key]) * scale for a, b in zip(measured, reference)
            if key in a and key in b]


def keel(bench, **options):
    """A broker as in the core set, with what `options` say."""
    from brokers import Keel
    settings = list(options.pop("settings", ())) + list(bench.arguments.set)
    cpu = options.pop("cpu", bench.broker_cpu)
    return Keel(bench.arguments.keel, bench.directory(), cpu, settings=settings, **options)


def repetitions(bench):
    return range(1 if bench.arguments.quick else bench.arguments.reps)


def sized(bench, number):
    """A hundredth of it with --quick."""
    return max(1, number // 100) if bench.arguments.quick else number


def clients(bench, number):
    """Enough with --quick for pages to be shared by several."""
    return max(200, sized(bench, number))


def settle(bench):
    """What memory is given to shrink: a broker looks after it some seconds after a peak."""
    return "--settle 2" if bench.arguments.quick else "--settle 60"


def flow_seconds(bench):
    return "--seconds 0.3" if bench.arguments.quick else "--seconds 1"
