"""What happens to the broker in each mode. A round is one blow; a life has several on one directory."""

import subprocess
import time


class Kill:
    """SIGKILL at a random moment of traffic, of draining, or of coming back."""
    rounds_per_life = (2, 6)
    plugins = ("emqx_store",)

    def strike(self, life, last):
        random = life.random
        if random.random() < 0.15:
            self.while_draining(life)
        else:
            self.while_publishing(life)
        life.die()
        while random.random() < 0.15:
            life.broker.launch()
            time.sleep(random.uniform(0, 0.2))
            life.die()
        life.start()

    def while_publishing(self, life):
        seconds = life.random.uniform(0.02, 0.7)
        answers = int(10 ** life.random.uniform(1.5, 3.4))
        life.traffic(seconds, answers)

    def while_draining(self, life):
        life.publish(False)
        life.wanted.update(life.clients)
        life.loop.spin(life.random.uniform(0, 0.1))


class Stop(Kill):
    """SIGTERM: the orderly way."""

    def strike(self, life, last):
        self.while_publishing(life)
        life.down = True
        life.broker.ask_to_stop()
        life.until(lambda: not life.broker.running(), "the broker does not stop")
        if life.broker.process.returncode != 0:
            life.ledger.violation("stuck", f"stopped with {life.broker.process.returncode}")
        life.ledger.note("the broker was stopped")
        life.await_ends()
        life.start()


class Upgrade(Kill):
    """The store is replaced by a new copy of itself while everything goes on."""
    rounds_per_life = (4, 6)

    def strike(self, life, last):
        life.traffic(life.random.uniform(0.02, 0.3))
        began = time.monotonic()
        command = life.broker.ctl_command("plugins", "reload", self.plugins[0])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as reload:
            life.changing = True
            life.publish(True)
            life.until(lambda: reload.poll() is not None, "ctl does not come back")
            life.changing = False
            said = reload.stdout.read()
        if reload.returncode:
            life.ledger.violation("stuck", f"plugins reload: {said}")
        life.ledger.note(f"the store was replaced in {time.monotonic() - began:.3f} s")
        life.check()


MODES = {"kill": Kill, "stop": Stop, "upgrade": Upgrade}
