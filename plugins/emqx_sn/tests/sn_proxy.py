"""A network that loses, repeats and reorders MQTT-SN messages, by a seed."""
import lossy_network
from lossy_network import Faults
from sn_wire import Message


class Line(lossy_network.Line):
    def __init__(self, *more):
        self.open = {'up': {}, 'down': {}}  # QoS 2 messages by id, until their PUBREL
        self.finished = {'up': set(), 'down': set()}
        super().__init__(*more)

    def outlived(self, way, datagram):
        """Whether this is a copy of a QoS 2 PUBLISH that stayed behind its own PUBREL. The receiver
        cannot tell it from a new message, nor could MQTT: such a network is not tested."""
        try:
            message = Message(datagram)
        except (ValueError, KeyError, IndexError):
            return False
        if message.name == 'PUBREL' and message.mid in self.open[way]:
            self.finished[way].add(self.open[way].pop(message.mid))
        elif message.name == 'PUBLISH' and message.qos == 2:
            if (message.mid, message.data) in self.finished[way]:
                return True
            self.open[way][message.mid] = (message.mid, message.data)
        return False


def Proxy(gateway, seed=1, faults=None):  # pylint: disable=invalid-name
    return lossy_network.Proxy(gateway, seed, faults, Line)


__all__ = ['Faults', 'Proxy']
