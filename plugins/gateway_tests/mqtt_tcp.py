"""The other side: paho over TCP, made to wait for what it is asked."""
import queue

import paho.mqtt.client as mqtt

from endpoints import PATIENCE


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


class Tcp:
    def __init__(self, port, client_id, clean=True, keepalive=60, will=None, patience=PATIENCE,
                 user=None):
        self.patience = patience
        self.answers, self.messages, self.gone = queue.Queue(), queue.Queue(), queue.Queue()
        self.client = mqtt.Client(client_id=client_id, clean_session=clean)
        self.client.max_inflight_messages_set(100)
        self.client.on_connect = lambda c, u, f, code: self.answers.put(code)
        self.client.on_subscribe = lambda c, u, mid, codes: self.answers.put(codes[0])
        self.client.on_unsubscribe = lambda c, u, mid: self.answers.put(mid)
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.on_disconnect = lambda c, u, code: self.gone.put(code)
        if user:
            self.client.username_pw_set(*user)
        if will:
            self.client.will_set(*will)
        self.client.connect('127.0.0.1', port, keepalive)
        self.client.loop_start()
        self.code = self.answers.get(timeout=patience)

    def subscribe(self, topic, qos=2):
        self.client.subscribe(topic, qos)
        return self.answers.get(timeout=self.patience)

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)
        self.answers.get(timeout=self.patience)

    def publish(self, topic, data, qos=1, retain=False):
        """QoS 1 and 2: until it is acknowledged."""
        sent = self.client.publish(topic, data, qos, retain)
        sent.wait_for_publish(self.patience)
        assert sent.is_published(), f'{topic}: not acknowledged'

    def receive(self, timeout=None):
        return self.messages.get(timeout=self.patience if timeout is None else timeout)

    def received(self, seconds):
        """What comes within so long, or None."""
        try:
            return self.receive(seconds)
        except queue.Empty:
            return None

    def gets(self, topic, data, **values):
        """The next message is this one; values: qos, retain."""
        try:
            got = self.receive()
        except queue.Empty:
            raise AssertionError(f'waited in vain for {topic} = {data!r}') from None
        wrong = {key: value for key, value in values.items() if getattr(got, key) != value}
        assert (got.topic, got.payload) == (topic, octets(data)) and not wrong, \
            f'expected {topic} = {data!r} {values or ""}, got {got.topic} = {got.payload[:64]!r}' \
            f' qos {got.qos} retain {got.retain}'
        return got

    def silent(self, seconds=0.3):
        got = self.received(seconds)
        assert got is None, f'nothing should come, got {got.topic} = {got.payload[:64]!r}'

    def closed(self):
        """Waits until the broker has closed the connection."""
        self.gone.get(timeout=self.patience)
        self.client.loop_stop()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
