"""What innodb_force_recovery does, level by level, on real crashed directories of testdata/.

One page of d.t1 is torn (with its copy in the doublewrite buffer, and without), lost (all zero, or an older version), or torn
where DETECT_ONLY kept no contents.  At every level the server is started on a fresh copy and asked: which rows of d.t1 it gives
from either end, whether d.t2 is whole, whether it takes writes, whether d.t1 can be dropped, and whether it starts
without the setting afterwards.
"""

import itertools
import json
import re
import shutil
import subprocess

from crash import TEAR
from scrub import scrub
from servers import Program, Server, SqlError, copy, unpack_image

PAGE = 16384
IMAGES = {"mysql56": "m56-innodb-16k", "mysql97": "m97-16k", "maria1011": "ma1011-full-16k"}
DETECT_ONLY = {"mysql97": "m97-detect-only"}
# A leaf of the rows, where the page that is torn in the image is one of a secondary index.
LEAF = {"mysql56": 7 * PAGE}
COPY = "torn, its copy in the buffer"
DAMAGES = (COPY, "torn, no copy", "all zero, no copy", "an older version", "torn after a clean stop, no copy")
LEVELS = range(7)
ORDER = [*DAMAGES, "torn, DETECT_ONLY"]


class Field:
    """One directory of testdata, broken in one way, and the server that made it."""

    def __init__(self, kind, image, folder, options, root, testdata):
        self.program, self.folder, self.live = Program(root, kind), folder, folder / "live"
        self.kind, self.options, self.original = kind, options, folder / "original"
        shutil.rmtree(folder, ignore_errors=True)
        unpack_image(testdata / image, self.original / "data")
        tear = TEAR.match(json.loads((testdata / image / "case.json").read_text())["tear"])
        self.file, self.offset = tear["path"], int(tear["offset"])
        self.broken = folder / "broken"
        self.truth = None

    def server(self, level, log):
        force = [f"--innodb-force-recovery={level}"] if level else []
        return Server(self.program, self.live, [*self.options, *force], self.folder / log)

    def page(self, data, bytes_=None, leaf=False):
        """Reads the page that was torn (`leaf`: one of the rows), or writes it."""
        with open(data / self.file, "r+b") as file:
            file.seek(LEAF.get(self.kind, self.offset) if leaf else self.offset)
            if bytes_ is None:
                return file.read(PAGE)
            return file.write(bytes_)

    def recover(self, work=()):
        """The server's own recovery of live, statements, and a clean stop; what the tables hold."""
        server = self.server(0, "recover.log")
        try:
            if not server.start(seconds=90):
                return None
            for sql in work:
                server.sql(sql)
            found = {table: server.sql(f"checksum table d.{table} extended")[0][1] for table in ("t1", "t2")}
            found["rows"] = rows(server, "asc")
            server.stop()
            return found
        finally:
            server.close()

    def learn(self):
        """What both tables hold after the server's own recovery."""
        copy(self.original, self.live)
        self.truth = self.recover()

    def make(self, damage):
        """Makes BROKEN; the rows of both tables where they are known."""
        copy(self.original, self.live)
        truth = self.truth
        data = self.live / "data"
        if "older" in damage or "clean" in damage:
            self.recover()
            old = self.page(data, leaf=True)
            truth = self.recover(["update d.t1 set b=b+1"])
            new = self.page(data, leaf=True)
            assert new != old, "the page did not change"
            self.page(data, old if "older" in damage else new[:4096] + old[4096:], leaf=True)
        if "zero" in damage:
            self.page(data, bytes(PAGE))
        if "no copy" in damage:
            scrub(self.live, PAGE)
        copy(self.live, self.broken)
        return truth

    def play(self, damage, level, truth):
        """One level on one damage: what the server did."""
        did = {"kind": self.kind, "damage": damage, "level": level, "started": False}
        asker = Asker(self, level)
        copy(self.broken, self.live)
        try:
            if not asker.up():
                did["hung"] = asker.server.hung
                return {**did, "log": asker.why()}
            did["started"] = True
            for order in ("asc", "desc"):
                did[order] = asker.ask(lambda server, order=order: rows(server, order))
            did["check"] = asker.ask(lambda server: server.sql("check table d.t1")[-1][3][:100])
            t2 = asker.ask(lambda server: server.sql("checksum table d.t2 extended")[0][1])
            did["t2"] = t2 if truth is None else t2 == truth["t2"]
            t1 = asker.ask(lambda server: server.sql("checksum table d.t1 extended")[0][1])
            did["t1"] = t1 if truth is None else t1 == truth["t1"]
            did["all_rows"] = truth and truth["rows"]
            did["write"] = asker.ask(lambda server: server.sql("create table d.w (a int primary key) engine=innodb; insert into d.w values (1)") == [])
            did["drop"] = asker.ask(lambda server: server.sql("drop table d.t1") == [])
            did["died"] = asker.died
            did["stopped"] = asker.server.stop(60)
            did["log"] = asker.why()
        finally:
            asker.server.close()
        did["afterwards"] = self.afterwards(truth)
        return did

    def afterwards(self, truth):
        """Without the setting, on what is left: whether it starts and d.t2 is whole."""
        server = self.server(0, "afterwards.log")
        (self.folder / "afterwards.log").unlink(missing_ok=True)
        try:
            if not server.start(seconds=45):
                return "stops"
            found = server.sql("checksum table d.t2 extended")[0][1]
            return "starts" if truth is None or found == truth["t2"] else "starts, d.t2 differs"
        except SqlError as why:
            return f"starts, then: {why}"[:120]
        finally:
            server.close()


class Asker:
    """Asks one question after the other, with a new start where the server died of one."""

    def __init__(self, field, level):
        self.field, self.level, self.died = field, level, 0
        self.log = field.folder / "level.log"
        self.log.unlink(missing_ok=True)
        self.server = field.server(level, "level.log")

    def up(self):
        return self.server.start(seconds=60)

    def ask(self, question):
        """The answer, or why there is none."""
        if not self.server.alive() and not self.up():
            return "does not start again"
        try:
            return question(self.server)
        except SqlError as why:
            if not self.server.wait_death(3):
                return f"refused: {why}"[:160]
            self.died += 1
            return "the server dies"

    def why(self):
        """What the log says of the end, without what every start says."""
        text = self.log.read_text(errors="replace")
        words = re.findall(r"^.*(?:\[ERROR\](?! Native)|corrupt|Assertion|assertion|Unable to read).*$", text, re.MULTILINE)
        return list(dict.fromkeys(re.sub(r"^\S+ +(\S+ )?\d+ ", "", word)[:160] for word in words))[:4]


def rows(server, order):
    """How many rows come from one end of the clustered index before the server stops giving."""
    words = [*server.client("d"), "--quick", "-e", f"select id, a, b from t1 force index (primary) order by id {order}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    count = done.stdout.count(b"\n")
    if done.returncode == 0:
        return count
    if server.wait_death(3):
        raise SqlError(f"{count} rows, then the server died")
    return f"{count}, then an error"


def play_all(kinds, options, testdata):
    """Every damage on every level of each of `kinds`; 0, as nothing is foretold here."""
    results = kept(options.results)
    for kind in kinds or IMAGES:
        folder = options.scratch / f"levels-{kind}"
        field = Field(kind, IMAGES[kind], folder, [], options.servers, testdata)
        field.learn()
        for damage in DAMAGES:
            play_levels(field, damage, results, options)
        if kind in DETECT_ONLY:
            field = Field(kind, DETECT_ONLY[kind], folder, ["--innodb-doublewrite=DETECT_ONLY"], options.servers, testdata)
            play_levels(field, "torn, DETECT_ONLY", results, options)
    print(table(results))
    return 0


def play_levels(field, damage, results, options):
    if all(any((r["kind"], r["damage"], r["level"]) == (field.kind, damage, level) for r in results) for level in LEVELS):
        return
    truth = field.make(damage)
    for level in LEVELS:
        if any((r["kind"], r["damage"], r["level"]) == (field.kind, damage, level) for r in results):
            continue
        did = field.play(damage, level, truth)
        results.append(did)
        print(json.dumps(did), flush=True)
        if options.results:
            with open(options.results, "a") as file:
                file.write(json.dumps(did) + "\n")


def kept(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []


def cell(did):
    """One level in a few words."""
    if not did["started"]:
        return "does not start" + (" (hangs)" if did.get("hung") else "")
    every = did.get("all_rows")
    both = [f"{one} rows" if isinstance(one, int) else str(one) for one in (did["asc"], did["desc"])]
    if did["t1"] is True:
        words = ["every row, as it should be"]
    elif both[0] == both[1]:
        words = [both[0] + (", wrong in part, no error" if [did["asc"], did["desc"]] == [every, every] else "")]
    else:
        words = [f"{both[0]} forward, {both[1]} backward"]
    words += [f"CHECK TABLE: {did['check']}"]
    words += [] if every is None or did["t2"] is True else ["d.t2 differs"]
    words += ["takes writes" if did["write"] is True else "no writes", "DROP works" if did["drop"] is True else "no DROP"]
    words += ["afterwards, without it: " + did["afterwards"]]
    return "; ".join(words)


def table(results):
    """One row for levels that did the same, in the order of damages."""
    lines = ["| server | one page of d.t1 | level | what it did |", "|---|---|---|---|"]
    order = sorted(results, key=lambda did: (list(IMAGES).index(did["kind"]), ORDER.index(did["damage"]), did["level"]))
    for _, alike in itertools.groupby(order, lambda did: (did["kind"], did["damage"], cell(did))):
        alike = list(alike)
        first, last = alike[0]["level"], alike[-1]["level"]
        level = str(first) if first == last else f"{first} to {last}"
        lines.append(f"| {alike[0]['kind']} | {alike[0]['damage']} | {level} | {cell(alike[0])} |")
    return "\n".join(lines)
