"""One thread, one selector: everything in the audit happens here, in one order."""

import selectors
import time


class Stuck(Exception):
    """Something that had to come true did not."""


class Loop:
    TICK = 0.005

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.ticks = []

    def watch(self, sock, handler, writing=False):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        if sock in self.selector.get_map():
            self.selector.modify(sock, events, handler)
        else:
            self.selector.register(sock, events, handler)

    def forget(self, sock):
        if sock in self.selector.get_map():
            self.selector.unregister(sock)

    def turn(self):
        """Waits for at most a tick, and handles what came."""
        for key, events in self.selector.select(self.TICK):
            key.data(events)
        for tick in self.ticks:
            tick()

    def until(self, condition, seconds, what):
        """Turns until `condition()` holds; Stuck after so many seconds, with `what` it was."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Stuck(what() if callable(what) else what)
            self.turn()

    def spin(self, seconds, stop=lambda: False):
        """Turns for so long, or until `stop()`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stop():
            self.turn()

    def settle(self):
        """Handles what has already arrived."""
        while events := self.selector.select(0):
            for key, mask in events:
                key.data(mask)
