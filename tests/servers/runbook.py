"""Plays the paths of man/dblwr-runbook.md against the servers that made the directories of testdata/.

What dblwr prints is compared with what the runbook shows, line by line; then the real server starts, or does not, as the runbook
says, and its tables are checked.
"""

import json
import os
import re
import shutil
import subprocess

from scrub import scrub
from servers import Program, Server, SqlError, copy, unpack_image

PAGE = 16384
START = "# systemctl start mysql"


class Path:
    """One path through the runbook, in a folder of its own."""

    def __init__(self, name, options, testdata):
        self.folder, self.dblwr, self.root = options.scratch / f"runbook-{name}", options.dblwr, options.servers
        self.name, self.testdata, self.wrong = name, testdata, []
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def unpack(self, image, name="data"):
        unpack_image(self.testdata / image, self.folder / name)

    def run(self, command):
        """A command line of the runbook; (what it printed, exit status)."""
        words = command.split()
        done = subprocess.run(
            [str(self.dblwr), *words[1:]], cwd=self.folder, env={**os.environ, "COLUMNS": "100"}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=600,
        )
        return done.stdout.decode(), done.returncode

    def expect(self, what, true):
        print(f"{self.name}: {'ok   ' if true else 'WRONG'} {what}", flush=True)
        if not true:
            self.wrong.append(what)

    def status(self, command, wanted):
        printed, code = self.run(command)
        self.expect(f"{command}: exit status {wanted}" + ("" if code == wanted else f", not {code}: {printed[:300]}"), code == wanted)

    def server(self, kind, options=()):
        """The real server on a copy of data, so that the directory stays as it is."""
        live = self.folder / "live"
        if not live.exists():
            copy(self.folder / "data", live / "data")
        return Server(Program(self.root, kind), live, list(options), self.folder / "server.log")

    def starts(self, kind, wanted, sql=(), options=(), anew=True):
        """Whether the server starts on a copy of data and does what is asked; whether every table then passes CHECK TABLE."""
        if anew:
            shutil.rmtree(self.folder / "live", ignore_errors=True)
        server = self.server(kind, options)
        words = f"{kind} {' '.join(options)}".strip()
        try:
            started = server.start(seconds=90)
            self.expect(f"{words} {'starts' if wanted else 'does not start'}", started == wanted)
            for statement in sql if started else ():
                rows = server.sql(statement)
                whole = all(row[-1] == "OK" for row in rows) if statement.startswith("check") else True
                self.expect(f"{words}: {statement}", whole)
            if started:
                server.stop()
        except SqlError as why:
            self.expect(f"{words}: {why}", False)
        finally:
            server.close()


CHECK = ("check table d.t1 extended", "check table d.t2 extended")


def blocks(text):
    """[(command, what is shown, exit status)], and None where the server is started."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        command, shown = None, []
        for line in block.splitlines():
            if line.startswith("$ ") or line.startswith("# "):
                command, shown = (line[2:], []) if line.startswith("$ ") else (None, [])
                if line == START:
                    yield None
            elif ended := re.fullmatch(r"\(exit status (\d)\)", line):
                yield command, "\n".join(shown).strip(), int(ended[1])
            else:
                shown.append(line)


def alike(shown, printed):
    """`[..]` stands for anything."""
    pattern = ".*".join(map(re.escape, shown.split("[..]")))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def as_written(options, testdata, runbook):
    """Every command of the runbook in its order; before and after the repair the server itself."""
    path = Path("as-written", options, testdata)
    path.unpack("m97-ibdata")
    path.unpack("m97-detect-only", "other")
    shutil.copy(testdata / "logs/m97-ibdata.log", path.folder / "mysqld.log")
    path.starts("mysql97", False)
    for block in blocks(runbook):
        if block is None:
            path.starts("mysql97", True, CHECK)
            continue
        command, shown, code = block
        printed, ended = path.run(command)
        path.expect(f"{command}: prints what the runbook shows, exit status {code}", alike(shown, printed) and ended == code)
    path.status("dblwr revert restore.journal --apply", 0)
    path.starts("mysql97", False)
    return path


def nothing_damaged(options, testdata):
    """Step 5, exit status 0."""
    path = Path("status-0", options, testdata)
    path.unpack("m97-clean-kill")
    path.status("dblwr verify data", 0)
    path.status("dblwr scan data", 0)
    path.starts("mysql97", True)
    return path


def mended_by_itself(options, testdata):
    """Step 5, exit status 1, where the prediction says that the server mends the page."""
    path = Path("status-1", options, testdata)
    path.unpack("ma1011-full-16k")
    path.status("dblwr verify data", 1)
    path.starts("maria1011", True, CHECK)
    path.status("dblwr restore data --apply --journal restore.journal", 0)
    path.status("dblwr verify data", 0)
    path.status("dblwr scan data", 0)
    scrub(path.folder / "data", PAGE)
    path.starts("maria1011", True, CHECK)
    return path


def nothing_to_mend_with(options, testdata):
    """Step 5, exit status 2, and step 9: a page of a secondary index without a copy, in MySQL; the rows are read, the table dropped."""
    path = Path("status-2", options, testdata)
    path.unpack("m56-innodb-16k")
    scrub(path.folder / "data", PAGE)
    path.status("dblwr scan data", 2)
    path.starts("mysql56", False)
    path.starts("mysql56", True, ["select * from d.t1 force index (primary)", "drop table d.t1"], ["--innodb-force-recovery=1"])
    path.starts("mysql56", True, CHECK[1:], anew=False)
    return path


def index_made_anew(options, testdata):
    """Step 9 in MariaDB: a page of a secondary index is damaged and has no copy; the index is made anew at level 1."""
    path = Path("index", options, testdata)
    path.unpack("ma1011-full-16k")
    path.run("dblwr restore data --apply")
    path.starts("maria1011", True)
    shutil.rmtree(path.folder / "data")
    copy(path.folder / "live/data", path.folder / "data")
    scrub(path.folder / "data", PAGE)
    with open(path.folder / "data/d/t1.ibd", "r+b") as file:
        file.seek(4 * PAGE + 8192)  # the root of kb
        file.write(b"torn" * 1024)
    path.status("dblwr scan data", 2)
    again = ["alter table d.t1 drop index kb", "alter table d.t1 add index kb (b)"]
    path.starts("maria1011", True, again, ["--innodb-force-recovery=1"])
    path.starts("maria1011", True, CHECK, anew=False)
    return path


def held_by_a_server(options, testdata):
    """Step 5, exit status 3."""
    path = Path("status-3", options, testdata)
    path.unpack("m97-clean-kill")
    server = path.server("mysql97")
    try:
        path.expect("mysql97 starts", server.start(seconds=90))
        printed, _ = path.run("dblwr verify live/data --json")
        copied = [page for page in json.loads(printed)["pages"] if page["home"]["file"] == "d/t1.ibd"]
        with open(path.folder / "live/data/d/t1.ibd", "r+b") as file:
            file.seek(copied[0]["home"]["offset"] + 8192)
            file.write(b"torn" * 2048)
        path.status("dblwr restore live/data --apply", 3)
    finally:
        server.close()
    return path


def play_all(options, testdata, runbook):
    """Every path; 1 if anything was not as the runbook says."""
    runbook = runbook.read_text()
    paths = [as_written(options, testdata, runbook)]
    paths += [play(options, testdata) for play in (nothing_damaged, mended_by_itself, nothing_to_mend_with, index_made_anew, held_by_a_server)]
    wrong = [f"{path.name}: {what}" for path in paths for what in path.wrong]
    print(f"{len(paths)} paths, {len(wrong)} things not as the runbook says")
    return 1 if wrong else 0
