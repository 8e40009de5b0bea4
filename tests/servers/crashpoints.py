"""MySQL's own crash points: the debug build of 8.0.33 ends itself where its developers wanted to see it dead.

None of them tears a page. What dblwr says of such a directory must hold, and a false alarm is a fault.
"""

import re
import shutil
import time

import matrix
from case import Case
from crash import NoCrash
from rounds import Round
from servers import SqlError, copy
from workload import Workload, flush, hold

KIND = "mysql8033debug"
TICK = "set global innodb_log_checkpoint_now=1"
FLUSH = "set global innodb_buf_flush_list_now=1"


def interpreter(command):
    return f"set session innodb_interpreter='{command}'"


def debug(point):
    return f"set global debug='+d,{point}'"


GROW = "insert into d.b1 select id+5000,k,repeat('x',200000) from d.b1"
# name -> what arms it, and what makes the server meet it. {space} and {page}: a dirty page of the space in SPACES.
POINTS = {
    # In the doublewrite code: the page is in its file, its home is not written yet.
    **{f"dblwr_force_crash {where}": (interpreter("dblwr_force_crash {space} {page}"), FLUSH) for where in ("d/t1", "d/b1", "system", "mysql", "undo")},
    # Beside it: files grow, the checkpoint moves.
    "fil_crash_after_extend": (debug("fil_crash_after_extend"), GROW),
    "ib_crash_during_tablespace_extension": (debug("ib_crash_during_tablespace_extension"), GROW),
    "crash_after_checkpoint": (debug("crash_after_checkpoint"), TICK),
}
SPACES = {"system": 0, "mysql": 4294967294, "undo": 4294967279}


class CrashPoint(Round):
    """One crash point, and the judges of every round."""

    def __init__(self, name, seed, folder, root, dblwr):
        super().__init__(Case(KIND, re.sub(r"\W+", "-", name), "nothing torn"), seed, folder, root, dblwr)
        self.arm, self.meet = POINTS[name]
        self.where = name.split()[-1]

    def crash(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.live.mkdir(parents=True)
        work = Workload(self.case, self.rng, self.live)
        server = self.server("crash.log")
        try:
            server.create(self.root / "templates")
            self.start_or_fail(server, {}, None)
            self.result["version"] = server.sql("select version()")[0][0]
            server.sql(work.setup(), seconds=300)
            flush(server)
            time.sleep(1.2)
            hold(server)
            self.provoke_point(server, work)
            if not server.wait_death(30):
                raise NoCrash("the server lives on")
        finally:
            server.close()
        copy(self.live, self.crashed)
        self.result |= {"tear": f"nothing torn; {self.arm}", "torn": [], "lost": [], "torn_file": ""}

    def provoke_point(self, server, work):
        try:
            server.sql("set global innodb_page_cleaner_disabled_debug=1")
            for text in work.change():
                server.sql(text, "d", seconds=300)
            if "{page}" in self.arm:
                self.arm = self.arm.format(**self.dirty_page(server))
            server.sql(f"{self.arm}; set global innodb_page_cleaner_disabled_debug=0; {self.meet}", seconds=60)
        except SqlError:
            pass  # it died, as it should

    def dirty_page(self, server):
        """A page of the wanted tablespace that the server has changed and not yet written."""
        space = SPACES.get(self.where)
        if space is None:
            ((space,),) = server.sql(f"select space from information_schema.innodb_tablespaces where name='{self.where}'")
        dirty = f"select page_number from information_schema.innodb_buffer_page where space={space} and oldest_modification>0"
        found = server.sql(f"{dirty} order by page_number desc limit 1")
        if not found:
            raise NoCrash(f"no page of space {space} is dirty")
        return {"space": space, "page": found[0][0]}

    def finish_write(self):
        """Nothing was cut."""


def play_all(options):
    """Each point once; the results."""
    chosen = [name for name in POINTS if re.search(options.case, name)]
    seed = options.seed or 1
    rounds = [CrashPoint(name, seed, options.scratch / f"point-{at}", options.servers, options.dblwr) for at, name in enumerate(chosen)]
    return [matrix.play_round(round_, options) for round_ in rounds]
