#!/usr/bin/python3
"""Paho's Python client against the broker: paho_scenario.py PORT PROTOCOL [CAFILE]

PROTOCOL is 3 (MQTT 3.1), 4 (3.1.1) or 5. Exits with 1 and a reason when something is not as it should be.
"""

import queue
import socket
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 15
PORT = int(sys.argv[1])
PROTOCOL = int(sys.argv[2])
CAFILE = sys.argv[3] if len(sys.argv) > 3 else None


class Peer:
    """A client with its network thread; every call waits for the broker's answer."""

    def __init__(self, name, clean=True, will=None):
        v5 = PROTOCOL == mqtt.MQTTv5
        kwargs = {} if v5 else {"clean_session": clean}
        self.client = mqtt.Client("py-" + name, protocol=PROTOCOL, **kwargs)
        self.messages = queue.Queue()
        self.connected = threading.Event()
        self.subscribed = threading.Event()
        self.disconnected = threading.Event()
        self.code = self.session_present = None
        self.client.on_connect = self.on_connect
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_disconnect = lambda *_: self.disconnected.set()
        if will:
            self.client.will_set(will, "gone", qos=1)
        if CAFILE:
            self.client.tls_set(CAFILE)
        extra = {}
        if v5:
            extra["clean_start"] = clean
            if not clean:
                extra["properties"] = Properties(PacketTypes.CONNECT)
                extra["properties"].SessionExpiryInterval = 100
        self.client.connect("127.0.0.1", PORT, **extra)
        self.client.loop_start()
        self.wait(self.connected, "CONNACK")
        assert self.code == 0, f"CONNECT refused: {self.code}"

    def on_connect(self, _client, _data, flags, code, _properties=None):
        self.code = code if isinstance(code, int) else code.value
        self.session_present = flags["session present"] == 1
        self.connected.set()

    @staticmethod
    def wait(event, what):
        assert event.wait(PATIENCE), f"never came: {what}"

    def subscribe(self, topic, qos):
        self.subscribed.clear()
        self.client.subscribe(topic, qos)
        self.wait(self.subscribed, "SUBACK")

    def publish(self, topic, payload, qos, retain=False):
        info = self.client.publish(topic, payload, qos, retain)
        info.wait_for_publish(PATIENCE)
        assert info.is_published(), f"never acknowledged: {topic}"

    def take(self, topic, payload, qos, retain=False):
        try:
            message = self.messages.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"never came: {topic} {payload}") from None
        got = (message.topic, message.payload.decode(), message.qos, bool(message.retain))
        assert got == (topic, payload, qos, retain), f"wanted {topic} {payload} {qos} {retain}: {got}"

    def end(self):
        self.client.disconnect()
        self.wait(self.disconnected, "the end")
        self.client.loop_stop()


def exchange():
    peer = Peer("exchange")
    peer.subscribe("py/t/+", 2)
    for qos in range(3):
        peer.publish("py/t/x", f"qos {qos}", qos)
        peer.take("py/t/x", f"qos {qos}", qos)
    peer.end()


def retained():
    peer = Peer("retained")
    peer.publish("py/kept", "kept", 1, retain=True)
    peer.subscribe("py/kept", 1)
    peer.take("py/kept", "kept", 1, retain=True)
    peer.publish("py/kept", "", 1, retain=True)
    peer.end()


def will():
    watcher = Peer("watcher")
    watcher.subscribe("py/will", 1)
    victim = Peer("victim", will="py/will")
    victim.client.loop_stop()
    victim.client.socket().shutdown(socket.SHUT_RDWR)
    watcher.take("py/will", "gone", 1)
    watcher.end()


def session():
    absent = Peer("absent", clean=False)
    absent.subscribe("py/queue", 1)
    absent.end()
    publisher = Peer("publisher")
    for number in range(3):
        publisher.publish("py/queue", str(number), 1)
    publisher.end()
    back = Peer("absent", clean=False)
    if PROTOCOL != mqtt.MQTTv31:
        assert back.session_present, "session present"
    for number in range(3):
        back.take("py/queue", str(number), 1)
    back.end()


for step in (exchange, retained, will, session):
    print(step.__name__, file=sys.stderr)
    step()
