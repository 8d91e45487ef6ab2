"""Whether the audit finds what it looks for: planted faults, and a broker without a store."""

from broker import Broker
from faults import CASES
from life import Life
from oracle import Violation
from rounds import Cut, Kill


def run(options):
    """True: nothing was found where nothing is, and everything else was found."""
    good = [planted(options, "no fault", None, None, None), connections_cut(options)]
    good += [planted(options, *case) for case in CASES]
    good.append(without_store(options))
    return all(good)


def planted(options, name, whose, fault, kind):
    """A life without a blow, with the fault between `whose` connection and the broker."""
    broker = Broker(options.keel)
    life = Life(broker, options.seed)
    for client in life.clients:
        if client.name == whose:
            client.tap = fault
            client.window = fault.window or client.window
    try:
        life.begin()
        life.traffic(30, 300, lambda: fault is None or fault.struck)
        life.traffic(10, 1000)
        life.drain()
    except Violation:
        pass
    kinds = {violation[0] for violation in life.ledger.violations}
    good = fault.struck and kind in kinds if fault else not kinds
    return judged(broker, name, good, kinds)


def connections_cut(options):
    """Nothing is wrong where only connections end."""
    broker, kinds = struck(options, Cut(), 5)
    return judged(broker, "no fault, connections cut", not kinds, kinds)


def without_store(options):
    """What is in memory only does not survive, and that is seen."""
    broker, kinds = struck(options, Kill(), 1)
    return judged(broker, "a broker without a store was killed", bool(kinds), kinds)


def struck(options, mode, rounds):
    broker = Broker(options.keel)
    life = Life(broker, options.seed)
    try:
        life.begin()
        for _ in range(rounds):
            mode.strike(life)
        life.drain()
    except Violation:
        pass
    return broker, {violation[0] for violation in life.ledger.violations}


def judged(broker, name, good, kinds):
    broker.remove()
    print(f"found: {name}" if good else f"NOT FOUND: {name}, but {kinds}", flush=True)
    return good
