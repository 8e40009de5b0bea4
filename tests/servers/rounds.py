"""One round: crash a server in the middle of a page write, then let servers judge what was mended.

The server always runs on FOLDER/live, so that paths stored inside the data stay true; FOLDER/crashed
is the copy that every judge starts from.
"""

import json
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from scrub import holds, scrub
from servers import Program, Server, SqlError, build_injector, copy
from workload import Workload, contents, flush, healthy, hold

TEAR = re.compile(r"^(?P<path>.*) offset=(?P<offset>\d+) len=(?P<len>\d+) (?P<what>written|lost)=(?P<a>\d+)\.\.(?P<b>\d+)$")


class NoCrash(Exception):
    """The workload ended without a write that matched: the round cannot be judged."""


class Round:
    """One case with one seed, in one folder."""

    def __init__(self, case, seed, folder, root, dblwr=None):
        self.case, self.seed, self.dblwr = case, seed, dblwr
        self.folder, self.root = Path(folder).resolve(), Path(root)
        self.live, self.crashed = self.folder / "live", self.folder / "crashed"
        self.program = Program(root, case.kind)
        self.rng = random.Random(f"{case.kind} {case.name} {seed}")
        self.result = {"kind": case.kind, "case": case.name, "target": case.target, "seed": seed}

    # ---- the crash -------------------------------------------------------------------------------

    def server(self, log, options=None):
        return Server(self.program, self.live, options or self.case.server_options, self.folder / log)

    def secrets(self, folder):
        """Key files of encrypted cases."""
        (folder / "ext").mkdir(exist_ok=True)
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
        for early in (self.rng.random() < 0.4, True, True):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.live.mkdir(parents=True)
            place = self.case.place(self.rng)
            self.attempt(place, early)
            if (self.folder / "tear").exists():
                copy(self.live, self.crashed)
                self.note_tear()
                return
        raise NoCrash(f"no write to {place['FILE']} matched")

    def attempt(self, place, early):
        """Sets the server to work with the injector loaded; armed `early`, before pages are dirtied."""
        work = Workload(self.case, self.rng, self.live)
        two_runs = bool(self.case.restart) or self.rng.random() < 0.3
        inject = {f"DBLWR_INJECT_{key}": str(value) for key, value in place.items()}
        inject |= {"DBLWR_INJECT_ARM": str(self.folder / "armed"), "DBLWR_INJECT_REPORT": str(self.folder / "tear")}
        library = build_injector(self.root)
        server = self.server("crash.log")
        try:
            server.create(self.root / "templates", self.secrets)
            if self.case.keyring:
                self.keyring()
            self.start_or_fail(server, inject, library)
            self.result["version"] = server.sql("select version()")[0][0]
            server.sql(work.setup(), seconds=300)
            flush(server)
            if self.case.kind == "mysql97":
                time.sleep(1.2)  # its checkpoint follows within a second; without it redo rebuilds the pages
            if two_runs:
                server.stop()
                server.close()
                server = self.server("crash.log", self.case.server_options + self.case.restart)
                if self.case.cut_at_restart:
                    (self.folder / "armed").touch()
                if not server.start(inject, library) and (self.folder / "tear").exists():
                    return
            self.provoke(server, work, early)
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
            changes = work.change()
            if early:
                (self.folder / "armed").touch()
            clients += [server.background(text, "d") for text in changes]
            for client in clients[1:]:
                client.wait(120)
            (self.folder / "armed").touch()
            flush(server, 15)
            if self.case.lost:
                time.sleep(3)  # the checkpoint has to pass the write that never arrived
        except SqlError:
            pass  # the server died under us, as it should
        finally:
            for client in clients:
                if server.wait_death(3 if client is clients[0] else 0):
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
            elif home and disk[piece] not in (new[piece], old[piece]):
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

    # ---- the judges ------------------------------------------------------------------------------

    def reset(self):
        copy(self.crashed, self.live)
        if self.case.keyring:
            self.keyring()  # a fixture's was written for another folder

    def look(self, log, seconds=40):
        """Starts the server on live; what its tables hold, or None if it does not start."""
        server = self.server(log)
        try:
            if not server.start(seconds=seconds):
                return None
            found = contents(server)
            server.stop()
            return found
        except SqlError as why:
            return {"(server)": ["NULL", f"died while asked: {why}", "-"]}
        finally:
            server.close()

    def recover(self):
        """The server's own recovery, and what the tables hold had the write not been cut."""
        self.reset()
        own = self.look("oracle.log")
        self.result["server_started"] = own is not None
        self.result["server_restored"] = own is not None and healthy(own)
        self.result["server_contents"] = own
        if self.result["server_restored"]:
            self.scan_clean()
        self.truth = own
        if not self.result["server_restored"]:
            self.reset()
            self.finish_write()
            self.truth = self.look("finished.log")
            self.result["finished_contents"] = self.truth

    def finish_write(self):
        """Puts all bytes of the cut write in place."""
        found = TEAR.match((self.folder / "tear").read_text().strip())
        with open(found["path"], "r+b") as file:
            file.seek(int(found["offset"]))
            file.write((self.folder / "tear.new").read_bytes())

    def control(self):
        """Wiped and not mended: must fail, or the round proves nothing."""
        self.reset()
        scrub(self.live, self.case.page_size)
        found = self.look("control.log", seconds=20)  # 9.7 may hang on the page instead of giving up
        self.result["control_failed"] = found is None or found != self.truth

    def call(self, *words):
        """Runs dblwr; (exit code, JSON or None).  Its output stays in FOLDER."""
        argv = [str(self.dblwr), words[0], *words[1:], "--format", "json"]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        (self.folder / f"{words[0]}.json").write_bytes(done.stdout)
        (self.folder / f"{words[0]}.err").write_bytes(done.stderr)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, None

    def complain(self, text):
        self.result.setdefault("disagreements", []).append(text)

    def places(self):
        """Options that tell dblwr where things lie that are not in the data directory."""
        words = []
        for option in self.case.options:
            for server, ours in (("doublewrite-dir", "--doublewrite-dir"), ("undo-directory", "--undo-dir"), ("data-file-path", "--data-file-path")):
                if option.startswith(f"--innodb-{server}="):
                    words += [ours, option.split("=", 1)[1].replace("@DIR@", str(self.live))]
        return words

    def scan_clean(self):
        """A cleanly shut down directory must scan without damage."""
        if not self.dblwr:
            return
        code, report = self.call("scan", str(self.live / "data"), *self.places())
        damaged = report["summary"]["damaged"] if report else None
        if code not in (0,) or damaged != 0:
            self.complain(f"scan after the server's own recovery and shutdown: exit {code}, {damaged} damaged, expected 0")

    def verify(self):
        """dblwr must name every torn page of which a copy is at hand, and the area is needed."""
        self.reset()
        code, report = self.call("verify", str(self.live / "data"), *self.places())
        self.result["verify_exit"] = code
        if report is None or code not in (0, 1, 2):
            self.complain(f"verify: exit {code}, no report")
            return
        self.result["verify_summary"] = report["summary"]
        for page in self.result["torn"]:
            # Without the area all may be well: cut in the padding, say, or redo has it all.
            if page["copies"] and self.result["control_failed"] and self.case.expect_restorable:
                self.expect(report, page["offset"], "restorable")
        for page in self.result.get("lost", []):
            if page["copies"]:
                self.expect(report, page["offset"], "lost_write")

    def expect(self, report, offset, verdict):
        """Complains unless the page at `offset` of the cut file has this verdict."""
        name = self.result["torn_file"]
        homes = [entry for entry in report["pages"] if entry.get("home") and entry["home"]["offset"] == offset]
        found = {entry["verdict"] for entry in homes if str(entry["home"]["file"]).endswith(name.split("/")[-1])}
        if verdict not in found:
            self.complain(f"verify: {name} offset {offset}, a copy is there: verdicts {sorted(found)}, expected {verdict}")

    def mend(self):
        """dblwr mends, the area is wiped, the server must start with the same contents."""
        code, report = self.call("restore", str(self.live / "data"), "--apply", "--journal", str(self.folder / "journal"), *self.places())
        self.result["restore_exit"] = code
        pages = (report or {}).get("pages", [])
        self.result["restored"] = sum(page["outcome"] == "verified" for page in pages)
        if report is None or any(page["outcome"] != "verified" for page in pages):
            self.complain(f"restore --apply: exit {code}, outcomes {[p['outcome'] for p in pages]}")
        scrub(self.live, self.case.page_size)
        found = self.look("mended.log")
        self.result["started"] = found is not None
        self.result["equal"] = found is not None and found == self.truth
        self.result["mended_contents"] = found

    def conclude(self):
        """Turns what was seen into one word."""
        result = self.result
        sound = self.truth is not None and healthy(self.truth)
        mendable = not result["torn"] or all(page["copies"] for page in result["torn"])
        if not sound and not self.case.copies:
            result["outcome"] = "no copy"
        elif not sound:
            result["outcome"] = "no truth"  # even with the write finished the tables are not whole
        elif result["equal"]:
            result["outcome"] = "agree" if result["control_failed"] else "proves nothing"
        elif mendable and self.case.expect_restorable:
            result["outcome"] = "disagree"
            self.complain("mended, wiped: " + ("contents differ" if result["started"] else "the server does not start"))
        else:
            result["outcome"] = "no copy"
        if result.get("disagreements"):
            result["outcome"] = "disagree"

    def judge(self):
        """All judges after the crash; needs a dblwr."""
        if self.case.lost:
            return self.judge_lost()
        self.recover()
        self.control()
        self.verify()
        self.mend()
        self.conclude()
        self.save()

    def judge_lost(self):
        """A lost write cannot be proven to any server: dblwr must name it and must not touch it."""
        self.result["control_failed"] = False
        self.verify()
        _, plan = self.call("restore", str(self.live / "data"), *self.places())
        planned = {(page["file"], page["offset"]) for page in (plan or {}).get("pages", [])}
        if plan is None or any((self.result["torn_file"], page["offset"]) in planned for page in self.result["lost"]):
            self.complain("restore: no plan, or one that writes a page whose home is valid")
        named = any(page["copies"] for page in self.result["lost"]) and not self.result.get("disagreements")
        self.result["outcome"] = "disagree" if self.result.get("disagreements") else "agree" if named else "proves nothing"
        self.save()

    def replay(self, fixture, about):
        """Judges a kept crash: the server's part is known, so only dblwr's is played."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.crashed = Path(fixture)
        self.result |= {key: about[key] for key in ("version", "tear")}
        self.result["lost"] = about.get("lost_pages", [])
        self.result["torn"], self.result["torn_file"] = about["torn_pages"], about["tear"].split(" offset=")[0].removeprefix("data/")
        self.result["server_started"], self.result["server_restored"] = about["oracle_started"], about["oracle_healthy"]
        self.result["control_failed"] = about["wiped_and_unmended_fails"]
        if self.case.lost:
            return self.judge_lost()
        self.truth = about["oracle_contents"] if about["oracle_healthy"] else about["finished_contents"]
        self.verify()
        self.mend()
        self.conclude()
        self.save()

    def replay_clean(self, fixture):
        """A cleanly shut down directory: nothing to mend, nothing damaged."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.crashed = Path(fixture)
        self.reset()
        self.scan_clean()
        code, _ = self.call("verify", str(self.live / "data"), *self.places())
        if code != 0:
            self.complain(f"verify of a clean directory: exit {code}, expected 0")
        self.result["outcome"] = "disagree" if self.result.get("disagreements") else "agree"
        self.save()

    def save(self):
        (self.folder / "result.json").write_text(json.dumps(self.result, indent=1) + "\n")

    def tidy(self):
        """Removes what a round that agreed need not leave."""
        shutil.rmtree(self.folder, ignore_errors=True)


def keyring_for(program):
    """Lets each data directory choose for itself whether it loads the keyring component."""
    manifest = program.base / "usr/sbin/mysqld.my"
    if not manifest.exists():
        manifest.write_text(json.dumps({"read_local_manifest": True}))
        config = program.base / "usr/lib/mysql/plugin/component_keyring_file.cnf"
        config.write_text(json.dumps({"read_local_config": True}))
