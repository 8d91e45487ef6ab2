"""T6: what a message costs in a table of up to a million subscriptions, beside up to 100 000
sessions. Ten clients that are there hold the subscriptions; sessions beyond them are away."""

from curve import curves
from targets.lines import Line, keel, numbers, sized

SUBSCRIBERS = 10
SUBSCRIPTIONS = (1_000, 10_000, 100_000, 1_000_000)
SESSIONS = (10, 100, 1_000, 10_000, 100_000)
FLAT_AT = 10_000  # subscriptions, where sessions grow


def cost(bench, subscriptions, sessions=SUBSCRIBERS):
    with keel(bench) as broker:
        return bench.load(
            broker, f"T6 {subscriptions} subscriptions, {sessions} sessions",
            f"table --subscriptions {subscriptions} --subscribers {SUBSCRIBERS} "
            f"--away {max(0, sessions - SUBSCRIBERS)} --window 1000 "
            f"--messages {sized(bench, 1_000_000)}")


def table(bench):
    largest = 10_000 if bench.arguments.quick else SUBSCRIPTIONS[-1]
    by_subscriptions = [(count, cost(bench, count)) for count in SUBSCRIPTIONS if count <= largest]
    by_sessions = [(count, cost(bench, FLAT_AT, count)) for count in SESSIONS if count <= largest]

    def line(words, result, **target):
        return Line(words, numbers([result], "cpu_us"), "us", **target)

    picture = bench.out / "scale.svg"
    picture.write_text(curves("CPU per message, us", {
        "subscriptions": [(count, result.get("cpu_us")) for count, result in by_subscriptions],
        f"sessions, at {FLAT_AT} subscriptions":
            [(count, result.get("cpu_us")) for count, result in by_sessions]}))
    last, result = by_subscriptions[-1]
    return [line(f"CPU per message, {count} subscriptions", each)
            for count, each in by_subscriptions[:-1]] + [
        line(f"CPU per message, {last} subscriptions", result, at_most=1.2)] + [
        line(f"CPU per message, {count} sessions, {FLAT_AT} subscriptions", each)
        for count, each in by_sessions]
