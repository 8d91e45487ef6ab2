"""The life of one data directory: clients come, the broker dies and comes back several times, and
in the end everything is drained and judged."""

import random
import time

import packet as mqtt
from cast import (GUEST, MEMBERS, QOS1_PUBLISHERS, QOS2_PUBLISHERS, SUBSCRIBERS, Publisher,
                  Receiver, Visitor)
from loop import Loop, Stuck
from oracle import Ledger, Violation
from will import WillClients


class Life:
    PATIENCE = 30  # seconds for what takes milliseconds on a machine that has time

    mend = None  # what an operator does when the log says so, while this condition does not hold

    def __init__(self, broker, seed):
        self.broker, self.random = broker, random.Random(seed)
        self.loop, self.ledger = Loop(), Ledger()
        self.down = True
        self.next_change = 0.0
        self.publishers = [
            Publisher(self.loop, self.ledger, name, mqtt.V5 if index % 2 else mqtt.V311, qos,
                      self.random)
            for qos, names in ((1, QOS1_PUBLISHERS), (2, QOS2_PUBLISHERS))
            for index, name in enumerate(names)]
        self.receivers = [Receiver(self.loop, self.ledger, name, self.random)
                          for name in SUBSCRIBERS + MEMBERS + [GUEST]]
        self.clients = self.publishers + self.receivers
        self.wanted = set(self.clients)
        self.again_at = {}  # client -> when it may try again
        self.wills = WillClients(self)
        self.changing = False
        self.start_times = []
        self.loop.ticks.append(self._tick)

    # ---- what goes on all the time --------------------------------------------------------------

    def _tick(self):
        if self.down:
            return
        now = time.monotonic()
        for client in self.clients:
            if client not in self.wanted or client.sock is not None:
                continue
            if now >= self.again_at.get(client, 0):
                self.again_at[client] = now + 0.05
                client.connect(self.broker.port, client.wants_clean())
        for publisher in self.publishers:
            publisher.fill()
        if self.changing and now >= self.next_change:
            self.next_change = now + self.random.uniform(0.01, 0.1)
            self._change()

    def _change(self):
        """One subscriber goes and another comes, or a subscription changes."""
        dice = self.random.random()
        if dice < 0.2:
            self._swap(self.receivers[:len(SUBSCRIBERS)])
        elif dice < 0.3:
            self._swap(self.receivers[len(SUBSCRIBERS):])
        else:
            self.random.choice(self.receivers[:len(SUBSCRIBERS)]).change()

    def _swap(self, among):
        here = [client for client in among if client in self.wanted and not client.tap.struck]
        away = [client for client in among if client not in self.wanted]
        if here and (len(here) >= len(away)):
            client = self.random.choice(here)
            self.wanted.discard(client)
            if self.random.random() < 0.5:
                client.disconnect()
            else:
                client.drop()
        if away:
            self.wanted.add(self.random.choice(away))

    def until(self, condition, what, seconds=None):
        try:
            self.loop.until(condition, seconds or self.PATIENCE, what)
        except Stuck as stuck:
            crash = self.broker.crash()
            self.ledger.violation("stuck", f"{crash}: {stuck}" if crash else str(stuck))
            self.ledger.judge_missing()
        self.check()

    def check(self):
        if self.ledger.violations:
            raise Violation(self.ledger.violations[0][1])

    # ---- phases ---------------------------------------------------------------------------------

    def begin(self):
        """Starts the broker; all subscribers subscribe, then half of them go."""
        self.start()
        self.until(self.settled, lambda: f"not connected and subscribed: {self.unsettled()}")
        for client in self.random.sample(self.receivers[:len(SUBSCRIBERS)], 2):
            self.wanted.discard(client)
            client.disconnect()

    def unsettled(self):
        return [client.name for client in self.clients
                if client in self.wanted and not (client.online and client.ready())]

    def settled(self):
        return not self.unsettled()

    def start(self):
        """Starts the broker. A visitor comes first, and sees what the dead one left."""
        self.start_times.append(self.broker.start())
        self.ledger.note("the broker serves")
        self.visit()
        self.wills.return_in_time()
        self.down = False

    def die(self):
        """kill -9."""
        self.broker.kill()
        self.ledger.note("the broker was killed")
        self.await_ends()

    def publish(self, going):
        for publisher in self.publishers:
            publisher.going = going and not publisher.tap.struck
            publisher.fill()

    def traffic(self, seconds, answers, also=lambda: True):
        """Everybody publishes, subscribers come and go: for so long, or until so many
        acknowledgements have come and `also` holds."""
        enough = self.ledger.acknowledged_count + answers
        self.changing = True
        self.publish(True)
        self.loop.spin(seconds, lambda: self.ledger.acknowledged_count >= enough and also())
        self.changing = False
        self.check()

    def await_ends(self):
        """What a dead broker had said before it died is heard."""
        self.down = True
        self.until(lambda: all(client.sock is None for client in self.everybody()),
                   "connections of a broker that is gone do not end")

    def everybody(self):
        return self.clients + self.wills.clients

    def visit(self):
        """Looks at all retained messages, and judges them."""
        visitor = Visitor(self.loop, self.ledger)
        visitor.connect(self.broker.port, clean=True)
        self.until(visitor.done, "a visitor does not get what is retained")
        visitor.disconnect()
        self.ledger.judge_retained(visitor.found)
        self.check()

    def drain(self):
        """All come, everything is delivered, and judged."""
        self.publish(False)
        self.wanted.update(self.clients)
        for receiver in self.receivers:
            receiver.draining = True
            receiver.set_lag(0)
        self.until(self.settled, lambda: f"not connected: {self.unsettled()}")
        self.until(self.answered, lambda: f"publishers without answers: {self.unanswered()}")
        self.wills.finish()
        marks = {publisher: publisher.mark() for publisher in self.publishers}
        if self.mend:
            self.mend(lambda: self.marked(marks))
        self.until(lambda: self.marked(marks),
                   lambda: f"marks that did not come: {self.unmarked(marks)}")
        self.until(
            lambda: self.answered() and not any(client.received for client in self.receivers),
            "QoS 2 exchanges that are not completed")
        self.ledger.judge_missing()
        self.check()
        self.visit()
        for receiver in self.receivers:
            receiver.draining = False

    def unanswered(self):
        return {client.name: len(client.outbox) for client in self.publishers if client.outbox}

    def answered(self):
        return not self.unanswered()

    def marked(self, marks):
        """Whether all marks are everywhere. One that was refused, as the store failed just then, is
        followed by another one."""
        for publisher, mark in marks.items():
            if mark.refused and publisher.ready_to_mark():
                marks[publisher] = publisher.mark()
        return not self.unmarked(marks)

    def unmarked(self, marks):
        return [(receiver.name, mark.publisher)
                for receiver in self.receivers for mark in marks.values()
                if mark.key not in self.ledger.subscriber(receiver.name).got]
