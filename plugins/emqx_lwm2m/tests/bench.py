#!/usr/bin/env python3
"""What LwM2M costs with 10 000 devices: a storm of registrations, CPU time of Updates, memory of
idle devices, notifications that reach an MQTT client.

bench.py BROKER CTL PLUGIN LOAD [storm|update|memory|notify]...
e.g. build/release/bin/keel build/release/bin/ctl build/release/plugins/emqx_lwm2m.so
     build/release/bin/lwm2m_load
"""
import os
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../gateway_tests'))
import bench_broker  # noqa: E402; beside this plugin

DEVICES = 10_000
SETTINGS = 'lwm2m.port = "127.0.0.1:PORT"\nlwm2m.dtls.port = 0\n'
ALL_QUEUED = '[limits]\nmax_queued = 0\nmax_queued_bytes = 0\n'


def broker(paths, persist, shards=1):
    return bench_broker.BenchBroker(
        paths, SETTINGS + f'lwm2m.persist = {"true" if persist else "false"}\n', shards, ALL_QUEUED)


def storm(paths):
    for persist in (False, True):
        for window in (200, DEVICES):
            with broker(paths, persist) as one:
                got = one.run('storm', devices=DEVICES, window=window)
                print(f'{DEVICES} devices register, {window} at a time, '
                      f'persist {"on" if persist else "off"}: {got["seconds"]} s, '
                      f'{got["again"]:.0f} said it again, {got["reported"]:.0f} reported, '
                      f'{got["twice"]:.0f} twice, {got["cpu_us"]} us each', flush=True)


def update(paths):
    for persist in (False, True):
        with broker(paths, persist) as one:
            rounds = [one.run('update', devices=DEVICES, rounds=10) for _ in range(3)]
            best = min(rounds, key=lambda got: got['cpu_us'])
            print(f'Update, persist {"on" if persist else "off"}: {best["cpu_us"]} us, '
                  f'{best["rate"]:.0f} per second, {best["again"]:.0f} said again', flush=True)


def memory(paths):
    for persist in (False, True):
        with broker(paths, persist) as one:
            warm = one.hold(devices=100, prefix='warm-')
            before = one.resident()
            load = one.hold(devices=DEVICES)
            print(f'idle device, persist {"on" if persist else "off"}: '
                  f'{(one.resident() - before) / DEVICES:.0f} B', flush=True)
            for process in (load, warm):
                process.kill()
                process.wait()


def notify(paths):
    for con in (0, 1):
        for rate in (10_000, 20_000):
            with broker(paths, False) as one:
                got = one.run('notify', devices=1000, rate=rate, seconds=10, con=con)
                print(f'{"CON" if con else "NON"} notifications, {rate} per second wanted: '
                      f'{got["rate"]:.0f} sent, {got["received"]:.0f} of {got["sent"]:.0f} '
                      f'received, {got["cpu_us"]} us each', flush=True)


if __name__ == '__main__':
    try:
        bench_broker.main({'storm': storm, 'update': update, 'memory': memory, 'notify': notify},
                          __doc__)
    except subprocess.SubprocessError as wrong:
        sys.exit(str(wrong))
