"""Where devices are: addresses of their own, by UDP and by DTLS."""
import errno
import os
import random
import select
import socket
import subprocess

PATIENCE = 30.0  # for what must come; tests end long before unless it does not


def free_port(address='127.0.0.1', kind=socket.SOCK_DGRAM):
    """Below the ports that the system gives to sockets that ask for none, so that it is still free when it has been
    let go of for a while. None: there is no such address here."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    for _ in range(100):
        try:
            with socket.socket(family, kind) as one:
                one.bind((address, random.randrange(10_000, 32_000)))
                return one.getsockname()[1]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return None
    return None


class Udp:
    """One UDP address of our own. What comes must come from where the gateway listens."""

    def __init__(self, gateway, address='127.0.0.1'):
        self.gateway = gateway
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((address, 0))
        self.address = self.socket.getsockname()

    def send(self, datagram):
        self.socket.sendto(datagram, self.gateway)

    def recv(self, timeout):
        self.socket.settimeout(max(timeout, 0))
        try:
            datagram, sender = self.socket.recvfrom(65536)
        except (TimeoutError, BlockingIOError):
            return None
        assert sender[:2] == self.gateway, f'from {sender}, not from {self.gateway}'
        return datagram

    def close(self):
        self.socket.close()


class Dtls:
    """One association. Sockets that keep datagrams apart are what openssl reads and writes."""

    def __init__(self, port, log, *options):
        self.near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = open(log, 'ab')
        command = ['openssl', 's_client', '-dtls1_2', '-quiet', '-connect', f'127.0.0.1:{port}']
        self.process = subprocess.Popen([*command, *options], stdin=far, stdout=far,
                                        stderr=self.log)
        far.close()

    def send(self, datagram):
        self.near.send(datagram)

    def recv(self, timeout):
        ready, _, _ = select.select([self.near], [], [], max(timeout, 0))
        try:
            return (self.near.recv(65536) or None) if ready else None
        except ConnectionResetError:
            return None

    def close(self):
        self.near.close()
        self.process.kill()
        self.process.wait()
        self.log.close()


def make_certificates(folder):
    """ca.pem, which signed server.pem and door.pem, and other-ca.pem, which signed stranger.pem;
    keys are beside them."""
    if os.path.exists(os.path.join(folder, 'stranger.pem')):
        return

    def openssl(*words):
        subprocess.run(['openssl', *words], cwd=folder, check=True, capture_output=True)
    curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    for name in ('ca', 'other-ca'):
        openssl('req', '-x509', *curve, '-days', '2', '-subj', f'/CN={name}', '-keyout',
                f'{name}.key', '-out', f'{name}.pem')
    for name, signer in (('server', 'ca'), ('door', 'ca'), ('stranger', 'other-ca')):
        openssl('req', *curve, '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out',
                f'{name}.csr')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{signer}.pem', '-CAkey',
                f'{signer}.key', '-CAcreateserial', '-days', '2', '-out', f'{name}.pem')
