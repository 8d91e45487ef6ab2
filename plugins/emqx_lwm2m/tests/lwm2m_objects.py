"""The objects of the device in lwm2m_device.py, and what happens when they are written."""
import urllib.request

IDLE, DOWNLOADING, DOWNLOADED = range(3)  # of a firmware update


class Resource:
    """value: of several instances it is a dictionary by their numbers. run: of what is executed;
    written: called with the new value."""

    def __init__(self, kind, value=None, operations='R', run=None, written=None):
        self.kind, self.value, self.operations = kind, value, operations
        self.run, self.written = run, written

    @property
    def multiple(self):
        return isinstance(self.value, dict)


def little_sensor(device):
    """Objects 1 (server), 3 (device), 5 (firmware) and 3303 (temperature)."""
    def reboot(arguments):
        device.say(f'reboots, as it was told{": " + arguments if arguments else ""}')

    def package(data):
        device.package = data
        firmware[3].value = DOWNLOADED if data else IDLE
        device.say(f'has firmware of {len(data)} octets')
        device.changed('/5/0/3')

    def fetch(uri):
        if not uri:
            firmware[3].value = IDLE
            return
        firmware[3].value = DOWNLOADING
        device.changed('/5/0/3')
        with urllib.request.urlopen(uri) as got:
            package(got.read())

    def install(_):
        firmware[3].value, firmware[5].value = IDLE, 1
        device.changed('/5/0/3')
        device.changed('/5/0/5')

    firmware = {0: Resource('Opaque', b'', 'W', written=package),
                1: Resource('String', '', 'RW', written=fetch),
                2: Resource(None, operations='E', run=install),
                3: Resource('Integer', IDLE), 5: Resource('Integer', 0),
                9: Resource('Integer', 2)}
    return {
        1: {0: {0: Resource('Integer', 1), 1: Resource('Integer', 3600, 'RW'),
                6: Resource('Boolean', False, 'RW'), 7: Resource('String', 'U', 'RW'),
                8: Resource(None, operations='E', run=lambda _: device.wants_update.set())}},
        3: {0: {0: Resource('String', 'Keel'), 1: Resource('String', 'little sensor'),
                2: Resource('String', '0001'), 4: Resource(None, operations='E', run=reboot),
                6: Resource('Integer', {0: 1, 1: 5}), 7: Resource('Integer', {0: 3800, 1: 5000}),
                9: Resource('Integer', 100), 11: Resource('Integer', {0: 0}),
                13: Resource('Time', 1367491215, 'RW'),
                14: Resource('String', '+02:00', 'RW')}},
        5: {0: firmware},
        3303: {0: {5700: Resource('Float', 21.5), 5701: Resource('String', 'Cel'),
                   5605: Resource(None, operations='E', run=lambda _: None)}},
    }
