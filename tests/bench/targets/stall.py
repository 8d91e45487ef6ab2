"""T7: one client fetches all retained messages while two others exchange a thousand messages a
second: how long these wait."""

from targets.lines import Line, keel, numbers, repetitions, sized


def beside_retained(bench):
    count = sized(bench, 300_000)
    fill = f"retained --qos 1 --publishers 10 --window 1000 --messages {count} --phases fill"
    with keel(bench, open_windows=False) as broker:
        bench.load(broker, "T7 fill", fill)
        results = [bench.load(broker, "T7", f"stall --rate 1000 --messages {count} --warmup 0.5 "
                                            "--seconds 1") for _ in repetitions(bench)]
    return [Line("longest wait while they are sent", numbers(results, "busy_max_us", 1e-3), "ms",
                 at_most=20),
            Line("p99 of the waits then", numbers(results, "busy_p99_us", 1e-3), "ms"),
            Line("longest wait before", numbers(results, "quiet_max_us", 1e-3), "ms"),
            Line(f"all {count} are there after", numbers(results, "retained_seconds"), "s")]
