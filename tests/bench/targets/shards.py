"""T8: two shards beside one, nothing bound to a CPU. One generator may be slower than the broker, so
two share the pairs as well; on two cores they take from the broker what they need."""

from concurrent.futures import ThreadPoolExecutor

from scenarios import DENSE
from targets.lines import Line, flow_seconds, keel, numbers, ratios, repetitions

PAIRS = 50


def spread(bench, shards, generators):
    """The sum over the generators: messages per second, CPU of the broker per message."""
    pairs = PAIRS // generators
    options = f"flow --qos 0 --publishers {pairs} --subscribers {pairs} --window 50"
    label = f"T8 {shards} shards, {generators} generators"
    with keel(bench, cpu=None, settings=[f"kernel.shards={shards}"]) as broker, \
            ThreadPoolExecutor(generators) as pool:
        runs = [pool.submit(bench.run, broker, label,
                            f"{options} --prefix g{i} {flow_seconds(bench)}", False)
                for i in range(generators)]
        results = [bench.keep(run.result()) for run in runs]
    rate = sum(result.get("rate", 0) for result in results)
    share = sum(result.get("cpu_share", 0) for result in results) / len(results)
    own = sum(result.get("load_cpu_us", 0) * result.get("rate", 0) for result in results)
    return {"rate": rate, "cpu_us": share * 1e6 / rate if rate else 0, "cores": share,
            "load_cpu_us": own / rate if rate else 0}


def two(bench):
    kinds = [(shards, generators) for generators in (1, 2) for shards in (1, 2)]
    runs, dense = {kind: [] for kind in kinds}, {1: [], 2: []}
    for _ in repetitions(bench):
        for kind in kinds:
            runs[kind].append(spread(bench, *kind))
        for shards in (1, 2):
            with keel(bench, cpu=None, settings=[f"kernel.shards={shards}"]) as broker:
                dense[shards].append(bench.load(broker, f"T8 P0 {shards} shards",
                                                f"flow --qos 0 {DENSE} {flow_seconds(bench)}",
                                                pinned=False))
    lines = [Line("CPU per message, 1 to 1, QoS 0, dense: times that of one shard",
                  ratios(dense[2], dense[1]), at_most=1.3)]
    for generators in (1, 2):
        one, both = runs[1, generators], runs[2, generators]
        words = f"{PAIRS} pairs, {generators} generator{'s' * (generators - 1)}"
        lines += [
            Line(f"{words}: messages/s, times that of one shard", ratios(both, one, "rate"),
                 at_least=1.6),
            Line("messages/s of one shard", numbers(one, "rate", 1e-6), "million"),
            Line("CPU per message, times that of one shard", ratios(both, one)),
            Line("cores busy with one shard",
                 numbers(one, "cores")),
            Line("cores busy with two shards", numbers(both, "cores")),
            Line("CPU of the generators per message", numbers(both, "load_cpu_us"), "us")]
    return lines
