"""A network that loses, repeats and reorders datagrams, by a seed; and that can be told which."""
import heapq
import random
import select
import socket
import threading
import time


class Faults:
    """How likely each fault is; all of them zero is a good network."""

    def __init__(self, loss=0.0, twice=0.0, late=0.0, delay=0.03):
        self.loss, self.twice, self.late, self.delay = loss, twice, late, delay


class Line:
    """One client's way to the gateway: an address on either side, a fate of its own."""

    def __init__(self, proxy, client, seed):
        self.proxy, self.client, self.random = proxy, client, random.Random(seed)
        self.rebind()

    def rebind(self):
        """What happens when a NAT forgets: the gateway sees another port, the old one is deaf."""
        self.upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.upstream.bind(('127.0.0.1', 0))
        self.upstream.connect(self.proxy.gateway)

    def copies(self, faults):
        """When the copies of one datagram arrive, in seconds from now."""
        if self.random.random() < faults.loss:
            return []
        out = [0.0]
        if self.random.random() < faults.late:
            out = [self.random.uniform(0, faults.delay)]
        if self.random.random() < faults.twice:
            out.append(self.random.uniform(0, faults.delay))
        return out

    def outlived(self, way, datagram):  # pylint: disable=unused-argument
        """Whether this comes so late that no protocol could cope: it is dropped."""
        return False


class Proxy(threading.Thread):
    """Clients send to .address. `rule(way, datagram)`, when there is one, returns the delays of the
    copies instead of chance; way is "up" (to the gateway) or "down"."""

    def __init__(self, gateway, seed=1, faults=None, line=Line):
        super().__init__(daemon=True)
        self.gateway, self.seed, self.faults = gateway, seed, faults or Faults()
        self.make_line = line
        self.rule = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(('127.0.0.1', 0))
        self.address = self.socket.getsockname()
        self.lines, self.waiting, self.count = {}, [], 0
        self.told = {'lost': 0, 'twice': 0, 'late': 0, 'passed': 0}
        self.orders, self.lock, self.running = [], threading.Lock(), True
        self.start()

    def rebind(self, client):
        with self.lock:
            self.orders.append(client)

    def stop(self):
        self.running = False
        self.join()
        for line in self.lines.values():
            line.upstream.close()
        self.socket.close()

    def line(self, client):
        if client not in self.lines:
            self.lines[client] = self.make_line(self, client, f'{self.seed}/{len(self.lines)}')
        return self.lines[client]

    def take(self, line, way, datagram):
        copies = self.rule(way, datagram) if self.rule else line.copies(self.faults)
        self.told['passed'] += len(copies)
        self.told['lost'] += not copies
        self.told['twice'] += len(copies) > 1
        self.told['late'] += any(copies)
        for delay in copies:
            self.count += 1
            heapq.heappush(self.waiting,
                           (time.monotonic() + delay, self.count, line, way, datagram))

    def deliver(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, line, way, datagram = heapq.heappop(self.waiting)
            try:
                if line.outlived(way, datagram):
                    continue
                if way == 'up':
                    line.upstream.send(datagram)
                else:
                    self.socket.sendto(datagram, line.client)
            except OSError:  # the gateway is not there just now: lost
                self.told['lost'] += 1

    def run(self):
        while self.running:
            with self.lock:
                for client in self.orders:
                    self.line(client).upstream.close()
                    self.line(client).rebind()
                self.orders.clear()
            by_socket = {line.upstream: line for line in self.lines.values()}
            wait = 0.02
            if self.waiting:
                wait = min(wait, max(self.waiting[0][0] - time.monotonic(), 0))
            ready, _, _ = select.select([self.socket, *by_socket], [], [], wait)
            for one in ready:
                try:
                    datagram, sender = one.recvfrom(65536)
                except OSError:
                    continue
                if one is self.socket:
                    self.take(self.line(sender), 'up', datagram)
                else:
                    self.take(by_socket[one], 'down', datagram)
            self.deliver()
