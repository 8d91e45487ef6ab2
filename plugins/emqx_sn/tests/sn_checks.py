"""The broker with the MQTT-SN gateway in it, as the checks use it."""
import checks
import sn_client
from checks import check, eventually

PREDEFINED_TOPICS = {1: 'predefined/one', 2: 'predefined/two', 1024: 'predefined/last'}


class Gateway(checks.Gateway):
    plugin, prefix = 'emqx_sn', 'mqtt.sn'

    def defaults(self):
        return {**super().defaults(), 'advertise_duration': '0', 'gateway_id': '7',
                **{f'predefined.topic.{key}': f'"{topic}"'
                   for key, topic in PREDEFINED_TOPICS.items()}}

    def metric(self, name):
        """Of the gateway: how often this has happened."""
        return self.json('sn', 'stats')['events'][name]

    def peer(self, client_id='', transport=None):
        """Somebody with an address, who has said nothing yet."""
        client = sn_client.Client(transport or self.endpoint(), client_id)
        self.open.append(client)
        return client

    def device(self, client_id, transport=None, **more):
        """A client that is connected."""
        return self.peer(client_id, transport).connect(**more)

    def sn_clients(self):
        return {one['clientid']: one for one in self.json('sn', 'list')}

    def state(self, client_id):
        return self.sn_clients().get(client_id, {}).get('state')


def main():
    checks.main(Gateway)


__all__ = ['check', 'eventually', 'main']
