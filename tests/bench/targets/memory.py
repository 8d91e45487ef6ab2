"""T5: the memory of subscriptions, retained and queued messages, and what is left when they are
gone. All of it without a store."""

from targets.lines import Line, clients, keel, numbers, settle, sized

PAYLOAD = 64


def kept(bench):
    return (subscriptions(bench) + connections(bench) + retained(bench) + queued(bench))


def after(name, result):
    """What is left, and when: of the broker's own pages, and with those of its program."""
    return [Line(f"memory after {name}, times that before",
                 numbers([result], "memory_after_share"), at_most=1.2),
            Line("reached, or given up, after", numbers([result], "memory_after_seconds"), "s"),
            Line("it is", numbers([result], "memory_after", 1e-6), "MB"),
            Line("resident memory, times that before", numbers([result], "resident_after_share"))]


def subscriptions(bench):
    count = sized(bench, 1_000_000)
    with keel(bench) as broker:
        result = bench.load(broker, "T5 subscriptions",
                            f"table --subscriptions {count} --subscribers {sized(bench, 1_000)} "
                            f"{settle(bench)}")
    return [Line(f"a subscription, of {count} mixed ones",
                 numbers([result], "memory_per_subscription"), "octets", at_most=130),
            Line("CPU of a subscription", numbers([result], "subscribe_cpu_us"), "us"),
            *after("they are gone", result)]


def connections(bench):
    count = clients(bench, 15_000)
    with keel(bench) as broker:
        result = bench.load(broker, "T5 connections", f"idle --connections {count} {settle(bench)}")
    return [Line("an idle connection", numbers([result], "memory_per_connection"), "octets"),
            *after(f"{count} connections are gone", result)]


def retained(bench):
    count = sized(bench, 300_000)
    with keel(bench) as broker:
        result = bench.load(broker, "T5 retained",
                            f"retained --qos 1 --publishers 1 --window 1000 --payload {PAYLOAD} "
                            f"--messages {count}")
    return [Line(f"a retained message of {PAYLOAD} octets, of {count}",
                 numbers([result], "memory_per_message"), "octets", at_most=250)]


def queued(bench):
    each = sized(bench, 1_000)
    lines = []
    for name, options, target in (
            ("one of its own to each session", f"--publishers 10 --messages {100 * each}",
             PAYLOAD + 120),
            ("the same to all of 100 sessions", f"--publishers 1 --topology all --messages {each}",
             60)):
        with keel(bench) as broker:
            result = bench.load(broker, f"T5 queued, {name}",
                                f"offline --qos 1 --sessions 100 --window 1000 "
                                f"--payload {PAYLOAD} {options}")
        lines.append(Line(f"a queued message of {PAYLOAD} octets, {name}",
                          numbers([result], "memory_per_queued"), "octets", at_most=target))
    return lines
