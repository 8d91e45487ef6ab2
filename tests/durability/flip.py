"""Bits of the store's files flip while the broker is down. What was damaged may be lost if the
broker says so; nothing wrong may ever be delivered."""

import os
import re
import subprocess

from broker import NoStart
from loop import Stuck
from rounds import Kill

UNREADABLE = re.compile(r"cannot (read|count) rows: Corruption|the store is damaged")
REPORT = re.compile(r"store.*(damage|set aside|corrupt)", re.IGNORECASE)


class Refused(Exception):
    """The broker says that it cannot start with these files. That is an end, and no violation."""


class Flip(Kill):
    rounds_per_life = (1, 3)

    def strike(self, life):
        self.while_publishing(life)
        life.die()
        flipped = flip_some(life.broker.data, life.random)
        life.ledger.note(f"flipped: {flipped}")
        before, moment = life.ledger.excused(), life.ledger.tick()
        life.ledger.excuse = lambda: moment if REPORT.search(life.broker.log()) else before
        try:
            life.start()
        except NoStart as ended:
            if ended.code is not None and ended.code > 0 and REPORT.search(ended.log):
                raise Refused(f"{flipped}: {last_line(ended.log)}") from ended
            raise
        # Damage in tables shows when they are read. The next start sets it aside, as the log says.
        if subprocess.run(life.broker.ctl_command("store", "check"), capture_output=True,
                          check=False).returncode != 0:
            life.die()
            life.start()
        if life.ledger.excused() == moment:
            self.begin_anew(life)
        life.mend = lambda condition: self.restart_for(life, condition)

    def restart_for(self, life, condition):
        """A block that is damaged hides what lies around it until a start sets it aside: the log asks
        for one."""
        try:
            life.loop.until(condition, 10, "marks")
        except Stuck:
            if not UNREADABLE.search(life.broker.log()):
                return
            life.die()
            life.start()
            self.begin_anew(life)
            life.until(life.settled, lambda: f"not connected: {life.unsettled()}")

    def begin_anew(self, life):
        """What was in flight at QoS 2 may not be what the clients remember: they forget it, too.
        Publishers, whose sessions hold nothing else, ask for new ones."""
        for publisher in life.publishers:
            publisher.cleaning = True
        for receiver in life.receivers:
            receiver.received.clear()
            receiver.owe_all()


def last_line(text):
    return text.strip().rpartition("\n")[2]


def flip_some(data, random):
    """Flips up to eight bits of one of the store's files, or puts rubbish behind a log's end."""
    files = [os.path.join(directory, name) for directory, _, names in os.walk(data)
             if "damaged-" not in directory for name in names
             if re.fullmatch(r"\d+\.(log|sst|blob)|MANIFEST-\d+|CURRENT|OPTIONS-\d+", name)]
    files = sorted(path for path in files if os.path.getsize(path))
    path = random.choice(files)
    size = os.path.getsize(path)
    name = os.path.basename(path)
    with open(path, "r+b") as file:
        if name.endswith(".log") and random.random() < 0.3:
            file.seek(0, os.SEEK_END)
            file.write(random.randbytes(random.randrange(1, 3000)))
            return f"rubbish behind {name} of {size} octets"
        places = []
        start = random.randrange(size)
        for _ in range(random.randint(1, 8)):
            place = min(start + random.randrange(64), size - 1)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes((byte ^ 1 << random.randrange(8),)))
            places.append(place)
    return f"bits of {name} ({size} octets) at {', '.join(map(str, sorted(places)))}"
