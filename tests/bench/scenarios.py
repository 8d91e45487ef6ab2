"""What is measured in the core set: a name, words for the table, options of the load generator."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number of a scenario's result; less is better."""

    key: str
    group: str  # a panel of the plot and a table
    suffix: str = ""
    scale: float = 1.0


CPU = "CPU per delivered message, us"
LATENCY = "Latency, us"
MEMORY = "Memory per connection, bytes"
CONNECT = "CPU per connect, us"


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    options: str
    figures: tuple = (Figure("cpu_us", CPU),)


DENSE = "--window 1000"
SINGLE = "--publishers 100 --subscribers 100 --window 1"
FAN_OUT = "--subscribers 100 --topology all"
FAN_IN = "--publishers 100 --window 50"
GROUP = "--publishers 10 --subscribers 10 --topology group"
TIMES = (Figure("latency_p50_us", LATENCY, " p50"), Figure("latency_p99_us", LATENCY, " p99"))

CORE = (
    Scenario("P0", "1 to 1, QoS 0, dense", f"flow --qos 0 {DENSE}"),
    Scenario("P1", "1 to 1, QoS 1, dense", f"flow --qos 1 {DENSE}"),
    Scenario("P2", "1 to 1, QoS 2, dense", f"flow --qos 2 {DENSE}"),
    Scenario("P1v5", "1 to 1, QoS 1, dense, MQTT 5", f"flow --qos 1 --version 5 {DENSE}"),
    Scenario("P0s", "100 to 100, QoS 0, one at a time", f"flow --qos 0 {SINGLE}"),
    Scenario("P1s", "100 to 100, QoS 1, one at a time", f"flow --qos 1 {SINGLE}"),
    Scenario("P2s", "100 to 100, QoS 2, one at a time", f"flow --qos 2 {SINGLE}"),
    Scenario("F0", "1 to 100, QoS 0", f"flow --qos 0 {FAN_OUT}"),
    Scenario("F1", "1 to 100, QoS 1", f"flow --qos 1 {FAN_OUT}"),
    Scenario("I0", "100 to 1, QoS 0", f"flow --qos 0 {FAN_IN}"),
    Scenario("I1", "100 to 1, QoS 1", f"flow --qos 1 {FAN_IN}"),
    Scenario("SH", "shared by 10, from 10, QoS 0", f"flow --qos 0 --version 5 {GROUP}"),
    Scenario("SH1", "shared by 10, from 10, QoS 1", f"flow --qos 1 --version 5 {GROUP}"),
    Scenario("L5", "5 000/s, QoS 0", "latency --qos 0 --publishers 10 --rate 5000", TIMES),
    Scenario("L10", "10 000/s, QoS 1", "latency --qos 1 --publishers 10 --rate 10000", TIMES),
    Scenario("C", "idle", "idle", (Figure("memory_per_connection", MEMORY),
                                   Figure("memory_per_subscribed", MEMORY, ", subscribed"),
                                   Figure("connect_cpu_us", CONNECT))),
)
