"""T3 and T4: WebSocket and TLS, each beside plain TCP of the same broker."""

import subprocess

from brokers import free_port
from scenarios import DENSE, SINGLE
from targets.lines import (Line, clients, differences, flow_seconds, keel, numbers, ratios,
                           repetitions, settle)

DENSE_SIZES = (20, 64, 1024)


def beside_tcp(bench, broker, label, tunnel, port, options):
    """The results of plain TCP and of the tunnel, in turns."""
    plain, tunnelled = [], []
    for _ in repetitions(bench):
        words = f"{options} {flow_seconds(bench)}"
        plain.append(bench.load(broker, f"{label} tcp", words))
        tunnelled.append(bench.load(broker, f"{label} {tunnel}", f"{words} --tunnel {tunnel}",
                                    port=port))
    return plain, tunnelled


def idle(bench, options, tunnel, port, count):
    with keel(bench, **options) as broker:
        return bench.load(broker, f"idle {tunnel}",
                          f"idle --connections {count} --tunnel {tunnel} {settle(bench)}", port=port)


def websocket(bench):
    port = free_port()
    options = {"plugins": ["emqx_ws"], "files": {
        "plugins/emqx_ws.conf": f'[listener.ws.external]\nbind = "127.0.0.1:{port}"\n'}}
    flows = [(f"QoS {qos}, {size} octets, dense", f"flow --qos {qos} {DENSE} --payload {size}")
             for qos in (0, 1) for size in DENSE_SIZES]
    flows += [(f"QoS {qos}, one at a time", f"flow --qos {qos} {SINGLE}") for qos in (0, 1)]
    lines = []
    with keel(bench, **options) as broker:
        for name, words in flows:
            plain, tunnelled = beside_tcp(bench, broker, f"T3 {name}", "ws", port, words)
            lines.append(Line(f"CPU, {name}: times that of TCP", ratios(tunnelled, plain),
                              at_most=1.25))
    count = clients(bench, 5_000)
    plain = idle(bench, options, "none", None, count)
    tunnelled = idle(bench, options, "ws", port, count)
    return lines + [
        Line("memory of an idle connection, above TCP",
             differences([tunnelled], [plain], "memory_per_connection"), "octets", at_most=1024),
        Line("the same over TCP", numbers([plain], "memory_per_connection"), "octets"),
        Line("CPU of a connect, times that of TCP",
             ratios([tunnelled], [plain], "connect_cpu_us"))]


def certificate(directory, kind):
    """The settings for a certificate made for this run."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "rsa:2048"] if kind == "RSA" else \
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    paths = [directory / f"{kind}.{what}" for what in ("key", "pem")]
    subprocess.run(["openssl", "req", "-x509", *key, "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", str(paths[0]), "-out", str(paths[1])],
                   check=True, capture_output=True)
    return [f'tls.bench.keyfile="{paths[0]}"', f'tls.bench.certfile="{paths[1]}"']


def tls(bench):
    port, count, lines = free_port(), clients(bench, 1_000), []
    for kind in ("RSA", "ECDSA"):
        options = {"settings": certificate(bench.out / "certificates", kind) + [
            f'listener.mqtts.bind="127.0.0.1:{port}"', 'listener.mqtts.tls="bench"']}
        held = idle(bench, options, "tls", port, count)
        lines += [Line(f"memory of an idle connection, {kind}",
                       numbers([held], "memory_per_connection"), "octets", at_most=12 * 1024),
                  Line(f"memory when {count} of them are gone, times that before, {kind}",
                       numbers([held], "memory_after_share"), at_most=1.2),
                  Line(f"CPU of a connect, {kind}", numbers([held], "connect_cpu_us"), "us")]
    flows = (("QoS 0, dense", f"flow --qos 0 {DENSE}"),
             ("QoS 0, one at a time", f"flow --qos 0 {SINGLE}"))
    with keel(bench, **options) as broker:
        for name, words in flows:
            plain, tunnelled = beside_tcp(bench, broker, f"T4 {name}", "tls", port, words)
            lines.append(Line(f"CPU, {name}: times that of TCP", ratios(tunnelled, plain)))
    return lines
