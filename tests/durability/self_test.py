"""Whether the audit finds what it looks for: planted faults, and a broker without a store."""

from broker import Broker
from faults import CASES
from life import Life
from oracle import Violation
from rounds import Kill


def run(options):
    """True: nothing was found where nothing is, and everything else was found."""
    good = [planted(options, "no fault", None, None, None)]
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
    struck = fault is None or fault.struck
    kinds = {violation[0] for violation in life.ledger.violations}
    return judged(broker, name, struck and (kind in kinds if kind else not kinds), kinds)


def without_store(options):
    """What is in memory only does not survive, and that is seen."""
    broker = Broker(options.keel)
    life = Life(broker, options.seed)
    try:
        life.begin()
        Kill().strike(life)
        life.drain()
    except Violation:
        pass
    kinds = {violation[0] for violation in life.ledger.violations}
    return judged(broker, "a broker without a store was killed", bool(kinds), kinds)


def judged(broker, name, good, kinds):
    broker.remove()
    print(f"{'found' if good else 'NOT FOUND'}: {name}{'' if good else f' (but {kinds})'}", flush=True)
    return good
