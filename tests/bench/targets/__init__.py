"""What Keel promises about plugins, WebSocket, TLS, memory, large tables and shards: each row with its
target and what was measured."""

from figures import markdown
from targets import memory, plugins, scale, shards, stall, tunnels

ROWS = {
    "T1": ("five plugins without an opinion", plugins.no_opinion),
    "T2": ("user names and access rules, caches warm", plugins.access),
    "T3": ("WebSocket beside TCP", tunnels.websocket),
    "T4": ("TLS 1.3", tunnels.tls),
    "T5": ("memory of what is kept, without a store", memory.kept),
    "T6": ("messages into a large table", scale.table),
    "T7": ("all retained messages for one, while others go on", stall.beside_retained),
    "T8": ("two shards beside one", shards.two),
}


def run(bench):
    only = bench.arguments.only.split(",") if bench.arguments.only else list(ROWS)
    for name, (title, measure) in ROWS.items():
        if name not in only:
            continue
        bench.progress(name)
        lines = measure(bench)
        bench.progress("")
        print(f"\n{name}: {title}\n")
        print(markdown(["", "target", "measured", ""], [line.cells() for line in lines]), flush=True)
