"""The crash: a server is killed in the middle of a page write, its directory kept.

The server always runs on FOLDER/live, so that paths stored inside the data stay true; FOLDER/crashed
is the copy that every judge starts from.
"""

import json
import random
import re
import shutil
import time
from pathlib import Path

from scrub import holds
from servers import Program, Server, SqlError, build_injector, copy
from endings import Ending
from workload import Workload, contents, flush, hold

TEAR = re.compile(r"^(?P<path>.*) offset=(?P<offset>\d+) len=(?P<len>\d+) (?P<what>written|lost)=(?P<a>\d+)\.\.(?P<b>\d+)$")


class NoCrash(Exception):
    """The workload ended without a write that matched: the round cannot be judged."""


class Crash:
    """One case with one seed, in one folder."""

    def __init__(self, case, seed, folder, root, dblwr=None):
        self.case, self.seed, self.dblwr = case, seed, dblwr
        self.folder, self.root = Path(folder).resolve(), Path(root)
        self.live, self.crashed = self.folder / "live", self.folder / "crashed"
        self.oracle_log = self.folder / "oracle.log"
        self.program = Program(root, case.kind)
        self.rng = random.Random(f"{case.kind} {case.name} {seed}")
        self.result = {"kind": case.kind, "case": case.name, "target": case.target, "seed": seed}

    def server(self, log, options=None):
        words = options or self.case.server_options
        if self.case.born and "--skip-grant-tables" not in self.program.kind.options:
            words = [*words, "--skip-grant-tables"]  # the older one's may be of another form
        return Server(self.program, self.live, words, self.folder / log)

    def secrets(self, folder):
        """Key files of encrypted cases."""
        for name in ("", "sys", "redo", "undo"):
            (folder / "ext" / name).mkdir(exist_ok=True)
        if any("keys.txt" in word for word in self.case.options):
            (folder / "data/keys.txt").write_text(f"1;{'a1' * 32}\n2;{'b2' * 32}\n")

    def keyring(self):
        """MySQL's keyring component, for this data directory only; no file of it may be there at --initialize."""
        manifest = {"components": "file://component_keyring_file"}
        (self.live / "data/mysqld.my").write_text(json.dumps(manifest))
        config = {"path": f"{self.live}/data/keyring.json", "read_only": False}
        (self.live / "data/component_keyring_file.cnf").write_text(json.dumps(config))
        keyring_for(self.program)

    def crash(self):
        """Makes FOLDER/crashed; raises NoCrash if the server was never cut."""
        if self.case.how != "tear":
            return self.end_otherwise()
        # A page that is changed again after its write got lost is written again.
        for early in (self.rng.random() < 0.4 and not self.case.lost, True, True):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.live.mkdir(parents=True)
            place = self.case.place(self.rng)
            self.attempt(place, early)
            if (self.folder / "tear").exists():
                if self.case.arrange:
                    self.case.arrange(self.live)
                copy(self.live, self.crashed)
                self.note_tear()
                return
        raise NoCrash(f"no write to {place['FILE']} matched")

    def end_otherwise(self):
        """Makes FOLDER/crashed without a cut: killed, stopped or copied."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.live.mkdir(parents=True)
        Ending(self).make()
        if self.case.arrange:
            self.case.arrange(self.live)
        if not self.crashed.exists():
            copy(self.live, self.crashed)
        self.result |= {"tear": f"nothing torn: {self.case.how}", "torn": [], "lost": [], "torn_file": ""}

    def attempt(self, place, early):
        """Sets the server to work with the injector loaded; armed `early`, before pages are dirtied."""
        work = Workload(self.case, self.rng, self.live)
        two_runs = bool(self.case.restart) or self.rng.random() < 0.3
        inject = {f"DBLWR_INJECT_{key}": str(value) for key, value in place.items()}
        inject |= {"DBLWR_INJECT_ARM": str(self.folder / "armed"), "DBLWR_INJECT_REPORT": str(self.folder / "tear")}
        library = build_injector(self.root)
        server = self.server("crash.log", self.case.first_options)
        try:
            if self.case.born:
                self.grow_up(work)
            else:
                server.create(self.root / "templates", self.secrets)
            if self.case.keyring:
                self.keyring()
            self.start_or_fail(server, inject, library)
            self.result["version"] = server.sql("select version()")[0][0]
            if not self.case.born:
                server.sql(work.setup(), seconds=300)
            flush(server)
            if self.program.kind.area_in_files:
                time.sleep(1.2)  # its checkpoint follows within a second; without it redo rebuilds the pages
            if two_runs:
                server.stop()
                server.close()
                server = self.server("crash.log", self.case.first_options + self.case.restart)
                if self.case.cut_at_restart:
                    (self.folder / "armed").touch()
                if not server.start(inject, library) and (self.folder / "tear").exists():
                    return
            self.provoke(server, work, early)
        finally:
            server.close()

    def grow_up(self, work):
        """An older server makes the directory and its tables, and stops cleanly."""
        server = Server(Program(self.root, self.case.born), self.live, self.case.server_options, self.folder / "born.log")
        try:
            server.create(self.root / "templates", self.secrets)
            self.start_or_fail(server, {}, None)
            server.sql(work.setup(), seconds=300)
            if not server.stop():
                raise NoCrash(f"the older server did not stop; see {server.log}")
        finally:
            server.close()

    @staticmethod
    def start_or_fail(server, inject, library):
        if not server.start(inject, library):
            raise NoCrash(f"the server does not start before any crash; see {server.log}")

    def provoke(self, server, work, early):
        """Dirties pages by several clients, arms the injector, and waits for the end."""
        clients = [server.background(work.unfinished(), "d")]
        try:
            hold(server)
            time.sleep(0.3)
            server.sql(";".join(["do 1", *self.case.before_change]))
            clients += [server.background(text) for text in self.case.alongside]
            changes = work.change()
            if early:
                (self.folder / "armed").touch()
            clients += [server.background(text, "d") for text in changes]
            for client in clients[1 + len(self.case.alongside) :]:
                client.wait(120)
            (self.folder / "armed").touch()
            flush(server, 15)
            if self.case.lost:
                time.sleep(3)  # the checkpoint has to pass the write that never arrived
        except SqlError:
            pass  # the server died under us, as it should
        finally:
            for client in clients:
                if self.case.how != "tear" or server.wait_death(3 if client is clients[0] else 0):
                    break
            server.kill()
            for client in clients:
                client.wait(30)

    def note_tear(self):
        """Which pages the cut write left in neither state, and whether a copy of each is at hand."""
        found = TEAR.match((self.folder / "tear").read_text().strip())
        path, offset, length = Path(found["path"]), int(found["offset"]), int(found["len"])
        name = str(path.relative_to(self.live))
        unit = self.case.physical if name.endswith(self.case.ibd) and self.case.physical else self.case.page_size
        new, old = (Path(f"{self.folder}/tear.{end}").read_bytes() for end in ("new", "old"))
        old = old.ljust(len(new), b"\0")
        with open(self.crashed / name, "rb") as file:
            file.seek(offset)
            disk = file.read(length).ljust(length, b"\0")
        torn, lost = [], []
        home = not (name.endswith("dblwr") or self.case.target == "doublewrite")
        for at in range(0, length, unit):
            piece = slice(at, at + unit)
            if found["what"] == "lost" and disk[piece] == old[piece] != new[piece]:
                lost.append({"offset": offset + at, "copies": holds(self.crashed, self.case.page_size, new[piece])[0]})
            elif home and found["what"] == "written" and disk[piece] not in (new[piece], old[piece]):
                copies, exact = holds(self.crashed, self.case.page_size, new[piece])
                torn.append({"offset": (offset + at) // unit * unit, "copies": copies, "exact_copies": exact})
        self.result["tear"] = f"{name} offset={offset} len={length} {found['what']}={found['a']}..{found['b']}"
        self.result["torn_file"] = name.removeprefix("data/")
        self.result["torn"] = torn
        self.result["lost"] = lost

    def clean(self):
        """No crash at all: the workload, then a clean shutdown, in FOLDER/live; what the tables hold."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.live.mkdir(parents=True)
        work = Workload(self.case, self.rng, self.live)
        server = self.server("clean.log")
        try:
            server.create(self.root / "templates", self.secrets)
            if self.case.keyring:
                self.keyring()
            self.start_or_fail(server, {}, None)
            self.result["version"] = server.sql("select version()")[0][0]
            server.sql(work.setup(), seconds=300)
            for text in work.change():
                server.sql(text, "d")
            found = contents(server)
            server.stop()
            return found
        finally:
            server.close()


def keyring_for(program):
    """Lets each data directory choose for itself whether it loads the keyring component."""
    manifest = program.binary.with_name(f"{program.binary.name}.my")
    if not manifest.exists():
        manifest.write_text(json.dumps({"read_local_manifest": True}))
        config = program.plugins / "component_keyring_file.cnf"
        config.write_text(json.dumps({"read_local_config": True}))
