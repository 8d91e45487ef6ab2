"""What happens to the broker in each mode. A round is one blow; a life has several."""

import subprocess
import time


class Kill:
    """SIGKILL at a random moment of traffic, of draining, or of coming back."""
    rounds_per_life = (2, 6)
    plugins = ("emqx_store",)
    faulty = False  # with the store that runs on a file system which goes wrong

    def faults(self, life_random, directory):
        """What goes wrong there: KEEL_STORE_FAULT."""
        return ""

    def strike(self, life):
        random = life.random
        if random.random() < 0.15:
            self.while_draining(life)
        else:
            if random.random() < 0.2:
                life.wills.come()
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


class Cut(Kill):
    """All connections end at a random moment; the broker lives, and needs no store."""
    plugins = ()

    def strike(self, life):
        self.while_publishing(life)
        for client in life.everybody():
            client.drop()
        life.wills.return_in_time()


class PageCache(Kill):
    """The same, and what the broker had not synced is gone, as when the power fails."""
    faulty = True

    def faults(self, life_random, directory):
        return "lost_page_cache"


class Failing(Kill):
    """The same on a disk that fails now and then."""
    faulty = True

    def faults(self, life_random, directory):
        every, error = life_random.choice((200, 500, 1000)), life_random.choice(("EIO", "ENOSPC"))
        return f"lost_page_cache,fail_every={every}:{error}"


class Stop(Kill):
    """SIGTERM: the orderly way."""

    def strike(self, life):
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

    def strike(self, life):
        self.while_publishing(life)
        began, ends = time.monotonic(), sum(client.ends for client in life.publishers)
        command = life.broker.ctl_command("plugins", "reload", self.plugins[0])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as reload:
            life.changing = True
            life.until(lambda: reload.poll() is not None, "ctl does not come back")
            life.changing = False
            said = reload.stdout.read()
        if reload.returncode:
            life.ledger.violation("stuck", f"plugins reload: {said}")
        if sum(client.ends for client in life.publishers) != ends:
            life.ledger.violation("stuck", "publishers were disconnected")
        life.ledger.note(f"the store was replaced in {time.monotonic() - began:.3f} s")
        life.check()
