"""The durable set: Keel with emqx_store, where an acknowledgement means "on disk". Nothing is
pinned to a CPU, but in D3: shard and writer are threads of their own."""

from shlex import quote

from brokers import Keel
from figures import markdown, ratio, short, spread, values
from scenarios import CORE

SCENARIOS = {
    "D1": "1 000 publishers into 100 sessions that are away, QoS 1, 256 B",
    "D2": "one publisher, one message at a time",
    "D3": "traffic without durable receivers, with the store against without it",
    "D4": "100 000 messages out of one session",
    "D5": "restart with retained messages and queued ones",
}
D3_SCENARIOS = ("P0", "P1", "P1s", "F1")


def keel(bench, store=True, cpu=None):
    return Keel(bench.arguments.keel, bench.directory(), cpu, store=store, open_windows=False,
                settings=bench.arguments.set)


def commits(broker):
    """Synced writes so far; None if the broker does not tell."""
    return (broker.ctl("durability") or {}).get("commits")


def fill(bench, broker, label, options, **more):
    """The phases one by one, so that synced writes are counted around the second; its result."""
    bench.load(broker, f"{label} prepare", f"offline {options} --phases prepare", pinned=False)
    before = commits(broker)
    result = bench.run(broker, label, f"offline {options} --phases fill", pinned=False)
    after = commits(broker)
    if before is not None and after is not None and result.get("fill_messages"):
        result["syncs_per_message"] = (after - before) / result["fill_messages"]
    return bench.keep({**result, **more})


def show(title, rows):
    print(f"\n{title}\n")
    print(markdown(["", "value"], [[name, value] for name, value in rows]))


def number(result, key, unit="", scale=1.0):
    return f"{short(result[key] * scale)}{unit}" if key in result else "-"


def verdict(result):
    return "nothing lost, duplicated or reordered" if result.get("good") else "TROUBLE, see below"


def d1(bench):
    messages = 100_000 if bench.arguments.quick else 1_000_000
    options = f"--qos 1 --publishers 1000 --window 32 --payload 256 --messages {messages}"
    header, columns = ["D1", "in memory", "with the store"], []
    for store in (False, True):
        with keel(bench, store) as broker:
            result = fill(bench, broker, "D1", options, store=int(store))
            drained = bench.load(broker, "D1 drain", f"offline {options} --phases drain",
                                 pinned=False)
        columns.append([
            number(result, "fill_rate"), number(result, "fill_cpu_us"),
            number(result, "ack_p50_us", scale=1e-3), number(result, "ack_p99_us", scale=1e-3),
            number(result, "syncs_per_message"), number(result, "fill_written"),
            number(drained, "drain_rate"), number(drained, "drain_cpu_us"), verdict(drained)])
    names = ["messages/s acknowledged", "CPU us per message", "acknowledged after, ms p50",
             "acknowledged after, ms p99", "synced writes per message",
             "octets written per message", "messages/s when the sessions come back",
             "CPU us per message then", "verdict"]
    print(f"\n{SCENARIOS['D1']}, {messages} messages\n")
    print(markdown(header, [list(line) for line in zip(names, *columns)]))


def d2(bench):
    messages = 300 if bench.arguments.quick else 2_000
    options = ("--qos 1 --publishers 1 --window 1 --sessions 1 --payload 256 "
               f"--messages {messages}")
    with keel(bench) as broker:
        result = fill(bench, broker, "D2", f"{options} --disk {quote(str(broker.directory))}")
        drained = bench.load(broker, "D2 drain", f"offline {options} --phases drain", pinned=False)
    show(SCENARIOS["D2"], [
        ["PUBACK after, us p50", number(result, "ack_p50_us")],
        ["PUBACK after, us p99", number(result, "ack_p99_us")],
        ["the disk's own sync, appending, us p50 / p99",
         f"{number(result, 'disk_append_p50_us')} / {number(result, 'disk_append_p99_us')}"],
        ["the disk's own sync, overwriting, us p50 / p99",
         f"{number(result, 'disk_overwrite_p50_us')} / {number(result, 'disk_overwrite_p99_us')}"],
        ["synced writes per message", number(result, "syncs_per_message")],
        ["verdict", verdict(drained)]])


def d3(bench):
    seconds = 0.5 if bench.arguments.quick else 2
    for _ in range(1 if bench.arguments.quick else bench.arguments.reps):
        for scenario in (each for each in CORE if each.name in D3_SCENARIOS):
            for store in (False, True):
                with keel(bench, store, bench.broker_cpu) as broker:
                    broker.name = "with the store" if store else "in memory"
                    bench.load(broker, f"D3 {scenario.name}",
                               f"{scenario.options} --seconds {seconds}")
    lines = []
    for scenario in (each for each in CORE if each.name in D3_SCENARIOS):
        without, with_store = (values(bench.results, name, f"D3 {scenario.name}",
                                      scenario.figures[0])
                               for name in ("in memory", "with the store"))
        share = ratio(with_store, without)
        lines.append([scenario.name, scenario.title, spread(without), spread(with_store),
                      short(share) if share else "-"])
    print(f"\n{SCENARIOS['D3']}: CPU us per message\n")
    print(markdown(["", "", "in memory", "with the store", "ratio"], lines))


def d4(bench):
    messages = 10_000 if bench.arguments.quick else 100_000
    options = ("--qos 1 --publishers 50 --window 100 --sessions 1 --payload 256 "
               f"--messages {messages}")
    with keel(bench) as broker:
        fill(bench, broker, "D4", options)
        result = bench.load(broker, "D4 drain", f"offline {options} --phases drain", pinned=False)
    show(f"{SCENARIOS['D4']} ({messages})", [
        ["messages/s", number(result, "drain_rate")],
        ["CPU us per message", number(result, "drain_cpu_us")],
        ["verdict", verdict(result)]])


def d5(bench):
    share = 100 if bench.arguments.quick else 1
    retained = max(1, bench.arguments.retained // share)
    sessions = max(1, bench.arguments.sessions // share)
    queued = (f"offline --qos 1 --version 5 --publishers 100 --window 32 --payload 64 "
              f"--sessions {sessions} --messages {sessions * 100}")
    kept = f"retained --qos 1 --publishers 10 --window 1000 --payload 64 --messages {retained}"
    with keel(bench) as broker:
        filled = bench.load(broker, "D5 retained", f"{kept} --phases fill", pinned=False)
        bench.load(broker, "D5 sessions", f"{queued} --phases prepare", pinned=False)
        queue = bench.load(broker, "D5 queued", f"{queued} --phases fill", pinned=False)
        broker.kill()
        broker.start()
        serving = bench.load(
            broker, "D5 serving",
            f"serving --messages {retained} --since {broker.started_ns} --stall 120", pinned=False)
        woken = bench.load(broker, "D5 drain", f"{queued} --phases drain --sample 100",
                           pinned=False)
        checked = bench.load(broker, "D5 check", f"{kept} --phases check", pinned=False)
    show(f"{SCENARIOS['D5']}: {retained} retained, {sessions} sessions x 100, 64 B, kill -9", [
        ["retained messages/s while filling", number(filled, "fill_rate")],
        ["queued messages/s while filling", number(queue, "fill_rate")],
        ["memory before, MB", number(queue, "fill_memory", scale=1e-6)],
        ["CONNECT answered after, s", number(serving, "connect_seconds")],
        ["a retained message delivered after, s", number(serving, "retained_seconds")],
        ["memory then, MB", number(serving, "memory_own", scale=1e-6)],
        ["highest memory of the start, MB", number(serving, "memory_peak", scale=1e-6)],
        ["100 sessions drained, messages/s", number(woken, "drain_rate")],
        ["verdict of the sessions", verdict(woken)],
        ["verdict of the retained messages", verdict(checked)]])


def run(bench):
    only = bench.arguments.only.split(",") if bench.arguments.only else list(SCENARIOS)
    for name, measure in (("D1", d1), ("D2", d2), ("D3", d3), ("D4", d4), ("D5", d5)):
        if name in only:
            measure(bench)
