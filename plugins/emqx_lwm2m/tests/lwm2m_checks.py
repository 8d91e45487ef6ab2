"""The broker with the LwM2M gateway in it, as the checks use it."""
import base64
import itertools
import json
import os
import queue
import time

import checks
from checks import check, eventually
from endpoints import PATIENCE
from lwm2m_device import Device
from lwm2m_peer import Peer
from lwm2m_wire import CHANGED, METHODS

OBJECTS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                        '../../../etc/lwm2m_xml'))
# Devices that are silent are given up within a second or two.
QUICK = {'ack_timeout': '100ms', 'max_retransmit': 3, 'response_timeout': '2s'}


NOT_FINAL = ('ack', 'progress', 'notify')


class Operator:
    """An MQTT client that commands devices and keeps what they report."""
    numbers = itertools.count(1000)

    def __init__(self, gw, name, mountpoint, patience=PATIENCE, user=None):
        self.mountpoint, self.patience, self.kept = mountpoint, patience, []
        self.tcp = gw.tcp(name, mountpoint.replace('%e', '+') + 'up/#',
                          mountpoint.replace('%e', '+') + 'response', user=user)

    def topic(self, endpoint, below):
        return self.mountpoint.replace('%e', endpoint) + below

    def send(self, endpoint, command, topic='command', **more):
        if isinstance(command, (dict, list)):
            command = json.dumps(command)
        self.tcp.publish(self.topic(endpoint, topic), command, **more)

    def arrived(self, timeout):
        try:
            message = self.tcp.receive(timeout)
        except queue.Empty:
            return None
        return message.topic, json.loads(message.payload)

    def find(self, match, what, timeout=None):
        """The first (topic, document) that is meant; the others are kept for later."""
        for one in self.kept:
            if match(*one):
                self.kept.remove(one)
                return one
        until = time.monotonic() + (self.patience if timeout is None else timeout)
        while (left := until - time.monotonic()) > 0:
            one = self.arrived(left)
            if one is None:
                break
            if match(*one):
                return one
            self.kept.append(one)
        raise AssertionError(f'waited in vain for {what}; kept: {self.kept}')

    def command(self, endpoint, kind, topic='command', extra=None, **data):
        """Sends it; its reqID."""
        number = next(self.numbers)
        self.send(endpoint, {'reqID': number, 'msgType': kind, 'data': data, **(extra or {})},
                  topic)
        return number

    def reply(self, number, kinds=None, timeout=None):
        """The final reply to a command, or one of these kinds."""
        def match(_, document):
            return document.get('reqID') == number and \
                (document['msgType'] in kinds if kinds
                 else document['msgType'] not in NOT_FINAL)
        return self.find(match, f'the reply to {number}', timeout)[1]

    def ask(self, endpoint, kind, **data):
        """data of the final reply."""
        document = self.reply(self.command(endpoint, kind, **data))
        assert document['msgType'] in (kind, 'coap_timeout', 'coap_reset'), document
        return document['data']

    def event(self, endpoint, kind, timeout=None):
        """data of an event: register, update, deregister, expired, send."""
        topics = {self.topic(endpoint, 'up/resp'), self.topic(endpoint, 'up/notify')}
        return self.find(lambda topic, document: topic in topics and document['msgType'] == kind
                         and 'reqID' not in document, f'{kind} of {endpoint}', timeout)[1]['data']

    def notified(self, endpoint, timeout=None):
        """The next notification of a device, whole."""
        topics = {self.topic(endpoint, 'up/notify'), self.topic(endpoint, 'response')}
        return self.find(lambda topic, document: topic in topics
                         and document.get('msgType') == 'notify', f'notify of {endpoint}',
                         timeout)[1]

    def waiting(self, seconds=0.3):
        """What comes within so long, and what has been kept."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            one = self.arrived(left)
            if one is None:
                break
            self.kept.append(one)
        out, self.kept = self.kept, []
        return out

    def silent(self, seconds=0.3):
        got = self.waiting(seconds)
        assert not got, f'nothing should come, got {got}'

    def transcript(self):
        return f'the operator has not looked at {self.kept}'

    def close(self):
        pass  # its connection is


class Gateway(checks.Gateway):
    plugin, prefix = 'emqx_lwm2m', 'lwm2m'

    def defaults(self):
        return {**super().defaults(), 'dtls.port': '0', 'xml_dir': f'"{OBJECTS}"',
                'persist': 'false'}

    def load(self, **values):
        if self.loaded == values:
            return
        super().load(**values)
        if values.get('offline_reply', True):
            self.complete()

    def complete(self):
        """Who answers for devices that are not there is there."""
        eventually(lambda: 'emqx_lwm2m' in self.clients(), 'the gateway is up')

    def operator(self, name='operator', mountpoint='lwm2m/%e/', user=None):
        one = Operator(self, name, mountpoint, user=user)
        self.open.append(one)
        return one

    def peer(self, endpoint='', transport=None):
        """Somebody with an address, who has said nothing yet."""
        one = Peer(transport or self.endpoint(), endpoint)
        self.open.append(one)
        return one

    def registered(self, endpoint, transport=None, **more):
        """A scripted peer that is registered."""
        return self.peer(endpoint, transport).register(**more)

    def device(self, endpoint, transport=None, lifetime=3600, **more):
        """A device that answers by itself, registered."""
        one = Device(transport or self.endpoint(), endpoint, **more)
        self.open.append(one)
        return one.start(lifetime)

    def devices(self):
        return {one['endpoint']: one for one in self.json('lwm2m', 'list')}

    def given_up(self):
        """How many requests to devices so far."""
        return self.json('lwm2m', 'stats')['coap']['coap_timeouts']

    def asleep(self, *peers):
        """Waits until they are."""
        for peer in peers:
            eventually(lambda one=peer: self.devices()[one.endpoint]['state'] == 'asleep',
                       f'{peer.endpoint} sleeps')

    def close(self):
        for one in self.open:  # what is registered must not stand in the next check's way
            if isinstance(one, Peer) and one.location:
                try:
                    if isinstance(one, Device):
                        one.stop()
                    one.kept.clear()
                    one.patience = 2.0
                    one.deregister(code=None)
                except (AssertionError, OSError, ValueError):
                    pass
        super().close()
        if self.loaded is not None:
            for endpoint in self.devices():
                self.ctl('lwm2m', 'deregister', endpoint)


def exchange(operator, peer, kind, method, where, answer=CHANGED, payload=b'', form=None, /,
             **data):
    """(what the device heard, data of the reply)."""
    number = operator.command(peer.endpoint, kind, **data)
    request = peer.expect(method, where)
    peer.answer(request, answer, payload, form)
    return request, operator.reply(number)['data']


def served(operator, number, peer, answer):
    """data of the reply to a command. Meanwhile `answer(request)` answers what it is asked."""
    until = time.monotonic() + operator.patience
    while time.monotonic() < until:
        request = peer.recv(0.02)
        if request is not None and request.code in METHODS:
            answer(request)
        one = operator.arrived(0.001)
        if one is not None:
            operator.kept.append(one)
        for _, document in operator.kept:
            if document.get('reqID') == number and document['msgType'] not in NOT_FINAL:
                return operator.reply(number)['data']
    raise AssertionError(f'waited in vain for the reply to {number}; kept: {operator.kept}')


def encoded(data):
    return base64.b64encode(data).decode()


def leaves(data):
    """The content of a reply as {path: value}."""
    return {one['path']: one['value'] for one in data['content']}


def main():
    checks.main(Gateway)


__all__ = ['QUICK', 'check', 'encoded', 'eventually', 'exchange', 'leaves', 'main',
           'served']
