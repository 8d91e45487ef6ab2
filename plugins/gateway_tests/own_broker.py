"""A gateway in a broker of its own, which ends and is started again."""
import contextlib

from endpoints import free_port


class OwnBroker:
    """Goes in front of the gateway's own class."""
    plugin = ''  # its name
    mark = ''  # what its own clients have, and MQTT clients have not

    def __init__(self, arguments, broker):
        super().__init__(arguments)
        self.broker = broker
        self.arguments.socket = broker.path('data/ctl.sock')
        self.arguments.conf = broker.path(f'etc/plugins/{self.plugin}.conf')
        self.arguments.log, self.tcp_port = broker.path('log'), broker.port
        self.port = free_port()
        self.address = ('127.0.0.1', self.port)

    def started(self):
        """The broker runs, for the first time or again."""

    def again(self, end):
        end()
        for one in list(self.open):
            if not hasattr(one, self.mark):
                one.close()
                self.open.remove(one)
        self.broker.start()
        self.started()


@contextlib.contextmanager
def running(one):
    one.broker.start()
    try:
        one.started()
        yield one
        one.close()
        assert one.broker.stop() == 0
        one.broker.remove()
    except BaseException:
        one.broker.kill()
        print(f'# the log: {one.broker.path("log")}')
        raise
