"""How a server ends without a cut: killed under load, stopped, killed in recovery; or not at all, copied while it stands still."""

import random
import signal
import time

from servers import SqlError, copy
from workload import Workload, flush, hold


class Ending:
    """The end of one case, in the folder of its round."""

    def __init__(self, round_):
        self.round, self.case = round_, round_.case
        self.rng = random.Random(f"ending {self.case.kind} {self.case.name} {round_.seed}")

    def make(self):
        work = Workload(self.case, self.round.rng, self.round.live)
        server = self.round.server("crash.log")
        try:
            server.create(self.round.root / "templates", self.round.secrets)
            if self.case.how == "fresh":
                return
            self.round.start_or_fail(server, {}, None)
            self.round.result["version"] = server.sql("select version()")[0][0]
            server.sql(work.setup(), seconds=300)
            flush(server)
            self.work_on(server, work)
            if self.case.how == "snapshot":
                self.snapshot(server)
        finally:
            server.close()
        if self.case.how == "kill in recovery":
            self.kill_starts()

    def work_on(self, server, work):
        """Load, and its end."""
        if self.case.how == "stop":
            for text in work.change():
                server.sql(text, "d", seconds=120)
            server.stop()
            return
        clients = [server.background(work.unfinished(), "d")]
        hold(server)
        server.sql(";".join(["do 1", *self.case.before_change]))
        clients += [server.background(text) for text in self.case.alongside]
        clients += [server.background(text, "d") for text in work.change()]
        try:
            time.sleep(self.rng.uniform(0.3, 2.0))
            flush(server, self.rng.uniform(0.1, 1.5))
        except SqlError:
            pass  # a client may have the server busy
        if self.case.how != "snapshot":
            server.kill()
        for client in clients:
            if self.case.how == "snapshot":
                client.kill()
            client.wait(30)

    def snapshot(self, server):
        """All files as they are at one moment."""
        server.process.send_signal(signal.SIGSTOP)
        try:
            copy(self.round.live, self.round.crashed)
        finally:
            server.process.send_signal(signal.SIGCONT)

    def kill_starts(self):
        """Five starts, each killed a little later, most of them in recovery."""
        for step in range(5):
            server = self.round.server("crash.log")
            try:
                server.start(seconds=0.3 + 0.2 * step)  # kills what has not answered by then
            finally:
                server.close()
