"""Bits of the store's files flip while the broker is down. What was damaged may be lost if the
broker says so; nothing wrong may ever be delivered."""

import os
import re

from broker import NoStart
from rounds import Kill

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
        if life.ledger.excused() == moment:
            for receiver in life.receivers:
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
