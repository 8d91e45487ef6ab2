"""A client of MQTT 5 that authenticates by SCRAM-SHA-256. Prints what becomes of it.

scram_client.py PORT USER PASSWORD [--again]      --again: re-authenticates when it is connected
"""
import base64
import hashlib
import hmac
import os
import socket
import struct
import sys

METHOD = b"SCRAM-SHA-256"


def text(data):
    return struct.pack(">H", len(data)) + data


def length(n):
    out = b""
    while True:
        n, digit = divmod(n, 128)
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return out


def auth_properties(data):
    body = b"\x15" + text(METHOD) + b"\x16" + text(data)
    return length(len(body)) + body


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def send(self, first, body):
        self.socket.sendall(bytes([first]) + length(len(body)) + body)

    def exactly(self, n):
        out = b""
        while len(out) < n:
            piece = self.socket.recv(n - len(out))
            if not piece:
                raise EOFError
            out += piece
        return out

    def packet(self):
        first = self.exactly(1)[0]
        size = shift = 0
        while True:
            digit = self.exactly(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return first, self.exactly(size)


def auth_data(properties):
    """The authentication data among properties that are short enough for one byte of length."""
    at, sizes = 1, {0x11: 4, 0x21: 2, 0x27: 4, 0x22: 2, 0x24: 1, 0x25: 1, 0x28: 1, 0x29: 1, 0x2A: 1, 0x13: 2}
    if properties[0] >= 128:
        at = 2
    while at < len(properties):
        kind = properties[at]
        at += 1
        if kind in sizes:
            at += sizes[kind]
            continue
        size = struct.unpack(">H", properties[at:at + 2])[0]
        value = properties[at + 2:at + 2 + size]
        if kind == 0x16:
            return value
        at += 2 + size
    return b""


class Scram:
    def __init__(self, user, password):
        self.password = password.encode()
        self.bare = b"n=" + user.encode() + b",r=" + base64.b64encode(os.urandom(18))

    def first(self):
        return b"n,," + self.bare

    def final(self, server_first):
        nonce, salt, count = (part[2:] for part in server_first.split(b",", 2))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", "sha256")
        bare = b"c=biws,r=" + nonce
        message = b",".join([self.bare, server_first, bare])
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        self.expected = b"v=" + base64.b64encode(
            hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return bare + b",p=" + base64.b64encode(proof)


def main():
    port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client, scram = Client(port), Scram(user, password)
    properties = auth_properties(scram.first())
    client.send(0x10, text(b"MQTT") + b"\x05\x82" + struct.pack(">H", 60) + properties +
                text(b"scram-client") + text(user.encode()))
    first, body = client.packet()
    if first == 0xF0:
        client.send(0xF0, b"\x18" + auth_properties(scram.final(auth_data(body[1:]))))
        first, body = client.packet()
    if body[1] != 0:
        return print("refused", hex(body[1]))
    print("connected", "server proved itself" if auth_data(body[2:]) == scram.expected else "BUT")
    if "--again" in sys.argv:
        scram = Scram(user, password)
        client.send(0xF0, b"\x19" + auth_properties(scram.first()))
        first, body = client.packet()
        client.send(0xF0, b"\x18" + auth_properties(scram.final(auth_data(body[1:]))))
        first, body = client.packet()
        fine = first == 0xF0 and body[0] == 0 and auth_data(body[1:]) == scram.expected
        print("re-authenticated" if fine else "BUT")


main()
