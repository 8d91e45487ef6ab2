#!/usr/bin/env python3
"""What MQTT-SN costs: 10 000 clients at once, CPU time beside plain TCP, memory of idle clients, and round trips
beside a flood of junk.

bench.py BROKER CTL PLUGIN LOAD [fleet|cpu|memory|junk]...    e.g. build/release/bin/keel build/release/bin/ctl
                                                              build/release/plugins/emqx_sn.so build/release/bin/sn_load
"""
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../gateway_tests'))
import bench_broker  # noqa: E402; beside this plugin

CLIENTS = 10_000


def Broker(paths, shards=1):  # pylint: disable=invalid-name
    return bench_broker.BenchBroker(paths, 'mqtt.sn.port = "127.0.0.1:PORT"\nmqtt.sn.broadcast = false\n', shards)


def fleet(paths):
    for window in (200, CLIENTS):
        with Broker(paths) as broker:
            f = broker.run('fleet', clients=CLIENTS, each=10, window=window)
            print(f'{CLIENTS} clients, {window} at a time: {f["acknowledged"]:.0f} QoS 1 messages acknowledged, '
                  f'{f["lost"]:.0f} lost, {f["duplicates"]:.0f} twice, {f["retransmitted"]:.0f} sent again, '
                  f'connected in {f["connect_s"]} s, published in {f["publish_s"]} s', flush=True)


def cpu(paths):
    """With one publisher a batch is one read of a TCP connection, but still as many datagrams; with as many publishers
    as messages it is as many reads of connections."""
    print('publishers  at a time  payload  subscriber   tcp us    sn us    sn / tcp')
    with Broker(paths) as broker:
        for publishers, at_a_time in ((1, 1), (1, 10), (1, 100), (10, 10), (100, 100)):
            for size in (20, 256):
                for subscriber in (0, 1):
                    def once(transport):
                        return broker.run('flow', transport=transport, publishers=publishers, batch=at_a_time, size=size,
                                          count=100_000 if at_a_time == 100 else 20_000, subscriber=subscriber)['cpu_us']

                    rounds = [(once('tcp'), once('sn')) for _ in range(3)]
                    tcp, sn = (min(r[i] for r in rounds) for i in (0, 1))
                    print(f'{publishers:10} {at_a_time:10} {size:8} {subscriber:11} {tcp:8.3f} {sn:8.3f} {sn / tcp:11.2f}',
                          flush=True)


def memory(paths):
    for transport in ('tcp', 'sn'):
        with Broker(paths) as broker:
            warm = broker.hold(transport=transport, clients=100, prefix='warm-')
            before = broker.resident()
            load = broker.hold(transport=transport, clients=CLIENTS)
            print(f'idle client: {transport} {(broker.resident() - before) / CLIENTS:.0f} B', flush=True)
            if transport == 'sn':
                load.stdin.write('\n')
                load.stdin.flush()
                load.stdout.readline()
                print(f'asleep:      {transport} {(broker.resident() - before) / CLIENTS:.0f} B', flush=True)
            for process in (load, warm):
                process.kill()
                process.wait()


def junk(paths):
    """The best of several rounds each, as the machine has other work; beside the same flood to a socket of nobody."""
    floods = {'alone': {'rate': 0}, 'flood elsewhere': {'rate': 100_000, 'elsewhere': 1}, 'flood': {'rate': 100_000}}
    for shards in (1, 2):
        with Broker(paths, shards) as broker:
            rounds = [[broker.run('junk', **options) for options in floods.values()] for _ in range(7)]
            best = [{n: min(r[i][n] for r in rounds) for n in ('p50_us', 'p90_us', 'p99_us')} for i in range(len(floods))]
            for name, figures in zip(floods, best):
                print(f'{shards} shards, {name + ":":16} ' +
                      ', '.join(f'{n[:3]} {v:.0f} us ({v / best[0][n]:.2f} x)' for n, v in figures.items()))
            print(f'  {min(r[-1]["junk_per_s"] for r in rounds):.0f} junk datagrams per second, '
                  f'{sum(f["lost"] for r in rounds for f in r):.0f} pings lost', flush=True)


if __name__ == '__main__':
    bench_broker.main({'fleet': fleet, 'cpu': cpu, 'memory': memory, 'junk': junk}, __doc__)
