"""What servers do without what they need: files that are missing, empty, cut or foreign, pages that no copy mends.

Each server makes one directory that is killed under load and one that stops cleanly. One thing after the other is broken
in a copy, dblwr foretells, the server starts.
"""

import json
import re
import shutil
import traceback

from case import Case
from crash import NoCrash
from kinds import KINDS
from rounds import Round
from servers import copy
from workload import Workload, flush, healthy

PAGE = 16384


def remove(*names):
    """Removes the first of the files that is there."""
    def break_it(data):
        return any(unlink(path) for name in names for path in sorted(data.glob(name))[:1])
    return break_it


def remove_all(*names):
    def break_it(data):
        return any([unlink(path) for name in names for path in sorted(data.glob(name))])
    return break_it


def unlink(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return True


def write(name, change):
    """Replaces the bytes of a file by what `change` makes of them."""
    def break_it(data):
        found = sorted(data.glob(name))
        if not found:
            return False
        found[0].write_bytes(change(found[0].read_bytes()))
        return True
    return break_it


def at(offset, length, byte=None):
    """Bytes replaced by a value, or turned over."""
    def change(bytes_):
        piece = bytes_[offset : offset + length]
        new = bytes([byte]) * len(piece) if byte is not None else bytes(255 - one for one in piece)
        return bytes_[:offset] + new + bytes_[offset + len(piece) :]
    return change


def cut(part):
    return lambda bytes_: bytes_[: int(len(bytes_) * part) // PAGE * PAGE]


def beside(name, target):
    """A plain copy of a file elsewhere in the directory."""
    def break_it(data):
        found = sorted(data.glob(name))
        if found:
            (data / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found[0], data / target)
        return bool(found)
    return break_it


def swap(one, other):
    """Each of two files in the place of the other."""
    def break_it(data):
        (data / one).rename(data / "aside")
        (data / other).rename(data / one)
        (data / "aside").rename(data / other)
        return True
    return break_it


def write_all(*names, change):
    def break_it(data):
        found = [path for name in names for path in sorted(data.glob(name))]
        for path in found:
            path.write_bytes(change(path.read_bytes()))
        return bool(found)
    return break_it


def newest_redo(change):
    """The redo file that recovery ends in, where a server has many."""
    def break_it(data):
        found = [path for path in data.glob("#innodb_redo/*") if not path.name.endswith("_tmp")]
        if found:
            change(max(found, key=lambda path: int(path.name.removeprefix("#ib_redo"))))
        return bool(found)
    return break_it


REDO = ("ib_logfile*", "#innodb_redo/*")
T1 = "d/t1.ibd"
DAMAGES = {
    "nothing": lambda data: True,
    "system missing": remove("ibdata1"),
    "system empty": write("ibdata1", lambda _: b""),
    "system cut": write("ibdata1", cut(0.5)),
    **{f"system page {n} turned over": write("ibdata1", at(n * PAGE + 100, 8000)) for n in (0, 2, 3, 5, 6, 7, 8)},
    "system page 5 zero": write("ibdata1", at(5 * PAGE, PAGE, 0)),
    "system page 6 zero": write("ibdata1", at(6 * PAGE, PAGE, 0)),
    "dictionary missing": remove("mysql.ibd"),
    "dictionary cut": write("mysql.ibd", cut(0.5)),
    "dictionary page 0 turned over": write("mysql.ibd", at(100, 8000)),
    "dictionary page 4 turned over": write("mysql.ibd", at(4 * PAGE + 100, 8000)),
    "undo missing": remove("undo_001", "undo001"),
    "undo empty": write("undo_00*", lambda _: b""),
    "undo page 0 turned over": write("undo_00*", at(100, 8000)),
    "table missing": remove(T1),
    "table empty": write(T1, lambda _: b""),
    "table zero": write(T1, lambda bytes_: bytes(len(bytes_))),
    "table text": write(T1, lambda _: b"this is no tablespace\n" * 9000),
    "table cut": write(T1, cut(0.5)),
    "table cut to one page": write(T1, lambda bytes_: bytes_[:PAGE]),
    "table page 0 zero": write(T1, at(0, PAGE, 0)),
    "table page 0 turned over": write(T1, at(100, 8000)),
    "table page 3 turned over": write(T1, at(3 * PAGE + 100, 8000)),
    "table page 5 turned over": write(T1, at(5 * PAGE + 100, 8000)),
    "table of another": lambda data: bool(shutil.copy(data / "d/t2.ibd", data / T1)),
    "table copied beside": beside(T1, "d/copy.ibd"),
    "table copied below": beside(T1, "backup/d/t1.ibd"),
    "table grown by part of a page": write(T1, lambda bytes_: bytes_ + b"x" * 100),
    "tables swapped": swap(T1, "d/t2.ibd"),
    "database missing": remove("d"),
    "system copied beside": beside("ibdata1", "d/copy.ibd"),
    "system grown by part of a page": write("ibdata1", lambda bytes_: bytes_ + b"x" * 100),
    "system grown by a page": write("ibdata1", lambda bytes_: bytes_ + bytes(PAGE)),
    "undo page 0 zero": write("undo_00*", at(0, PAGE, 0)),
    "undo copied beside": beside("undo*001", "d/copy.ibd"),
    "schema file missing": remove("d/t1.frm"),
    "redo missing": remove_all(*REDO),
    "redo first file missing": remove(*REDO),
    "redo first file cut": write("ib_logfile0", cut(0.5)),
    "redo header zero": write("ib_logfile0", at(0, 512, 0)),
    "redo checkpoints zero": write("ib_logfile0", at(512, 1536, 0)),
    "redo empty": write_all(*REDO, change=lambda _: b""),
    "redo first file cut by part of a page": write_all("ib_logfile0", change=lambda bytes_: bytes_[:-100]),
    "redo first file grown by part of a page": write_all("ib_logfile0", change=lambda bytes_: bytes_ + b"x" * 100),
    "redo newest file missing": newest_redo(unlink),
    "redo newest file zero": newest_redo(lambda path: path.write_bytes(bytes(path.stat().st_size))),
    "redo newest file cut": newest_redo(lambda path: path.write_bytes(cut(0.5)(path.read_bytes()))),
    "redo second file missing": remove("ib_logfile1"),
    "redo second file zero": write("ib_logfile1", lambda bytes_: bytes(len(bytes_))),
    "redo second file text": write("ib_logfile1", lambda bytes_: (b"this is no log\n" * len(bytes_))[: len(bytes_)]),
    "redo second file cut": write("ib_logfile1", cut(0.5)),
    "doublewrite files missing": remove_all("*.dblwr"),
    "doublewrite file zero": write("*_0.dblwr", lambda bytes_: bytes(len(bytes_))),
    "doublewrite file cut": write("*_0.dblwr", cut(0.5)),
    "doublewrite file text": write("*_0.dblwr", lambda bytes_: (b"this is no slot\n" * len(bytes_))[: len(bytes_)]),
}


class Base(Round):
    """One directory to break: killed under load, or stopped cleanly."""

    def __init__(self, kind, clean, folder, root, dblwr):
        super().__init__(Case(kind, "clean" if clean else "killed", "none"), 1, folder, root, dblwr)
        self.stops_cleanly = clean

    def attempt(self, place, early):
        work = Workload(self.case, self.rng, self.live)
        server = self.server("crash.log")
        clients = []
        try:
            server.create(self.root / "templates")
            self.start_or_fail(server, {}, None)
            self.result["version"] = server.sql("select version()")[0][0]
            server.sql(work.setup(), seconds=300)
            flush(server)
            if self.stops_cleanly:
                server.stop()
            else:
                clients = [server.background(text, "d") for text in work.change()]
                clients[0].wait(120)
                flush(server, 1)
        finally:
            server.close()
            for client in clients:
                client.wait(30)

    def make(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.live.mkdir(parents=True)
        self.attempt(None, True)
        copy(self.live, self.crashed)

    def suffer(self, name, break_it, known):
        """One thing broken: what was foretold, and what came, or came when it was played before."""
        self.reset()
        if not break_it(self.live / "data"):
            return None
        told = {word: self.foretold(word) for word in ("verify", "scan")}
        did = known or self.ask_the_server(name)
        words = {f"{word}_was": judge(prediction, did) for word, prediction in told.items()}
        return {**self.key(name), **words, **told, **did}

    def foretold(self, word):
        """The prediction of `verify` or `scan`; what it takes for granted is part of it."""
        _, report = self.call(word, str(self.live / "data"))
        prediction = (report or {}).get("prediction") or {}
        return {key: prediction.get(key) for key in ("starts", "stops_at", "loses", "assumes", "advice")}

    def key(self, name):
        return {"kind": self.case.kind, "base": self.case.name, "damage": name}

    def ask_the_server(self, name):
        found = self.look("broken.log", seconds=45)
        log = (self.folder / re.sub(r"\W+", "-", name)).with_suffix(".log")
        (self.folder / "broken.log").replace(log)
        lost = sorted(table for table, (checksum, check, _) in (found or {}).items() if checksum == "NULL" or check != "OK")
        whole = found is not None and healthy(found) and len(found) >= self.tables
        self.tables = self.tables or len(found or {})  # nothing is broken the first time
        return {"started": found is not None, "whole": whole, "lost": lost, "log": str(log)}


def judge(prediction, did):
    """One word for a prediction: "wrong" is a start that does not come or the reverse, "loses" a loss that was not named."""
    if prediction["starts"] is None:
        return "open"
    wrong = "wrong" if prediction["starts"] != did["started"] else ""
    wrong = wrong or ("loses" if did["started"] and not did["whole"] and not prediction["loses"] else "")
    # Pages of which there is no copy are not read by verify, and it says so.
    return f"{wrong}, as assumed" if wrong and prediction["assumes"] else wrong or "right"


def kept(path):
    """What came of it before, by server, base and damage."""
    if not path or not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    did = ("started", "whole", "lost", "log")
    return {(r["kind"], r["base"], r["damage"]): {key: r[key] for key in did} for r in lines if "started" in r}


def play_kind(kind, options, results):
    known = kept(options.results)
    for clean in (False, True):
        folder = options.scratch / f"damage-{kind}-{'clean' if clean else 'killed'}"
        base = Base(kind, clean, folder, options.servers, options.dblwr)
        if not (base.crashed.exists() and known):
            base.make()
        base.tables = 0
        for name, break_it in DAMAGES.items():
            if not re.search(options.case, name):
                continue
            try:
                found = base.suffer(name, break_it, known.get(tuple(base.key(name).values())))
            except (NoCrash, TimeoutError, OSError) as why:
                traceback.print_exc()
                found = {**base.key(name), "why": repr(why)}
            if found:
                results.append(found)
                say(found)
                keep(options.results, found)


def keep(path, found):
    if path:
        with open(path, "a") as file:
            file.write(json.dumps(found) + "\n")


def say(found):
    did = "starts" if found.get("started") else "does not start"
    did += "" if found.get("whole") or not found.get("started") else f", lost {' '.join(found['lost']) or 'tables'}"
    words = f"verify {found.get('verify_was')}, scan {found.get('scan_was')}"
    print(f"{found['kind']} {found['base']}: {found['damage']}: {did}; {words}", flush=True)


def table(results):
    """What each server did, by what was broken; the last column: how often verify and scan foretold it wrong."""
    last = {(r["kind"], r["base"], r["damage"]): r for r in results if "started" in r}
    kinds = [kind for kind in KINDS if any(key[0] == kind for key in last)]
    lines = ["| directory | broken | " + " | ".join(kinds) + " | verify, scan wrong |", "|---" * (len(kinds) + 3) + "|"]
    for base, name in dict.fromkeys((key[1], key[2]) for key in last):
        row = [last.get((kind, base, name)) for kind in kinds]
        cells = ["-" if r is None else "stops" if not r["started"] else "starts" if r["whole"] else "loses" for r in row]
        wrong = [sum(r.get(told) in ("wrong", "loses") for r in row if r) for told in ("verify_was", "scan_was")]
        lines.append(f"| {base} | {name} | " + " | ".join(cells) + f" | {wrong[0]}, {wrong[1]} |")
    return "\n".join(lines) + "\n"


def play_all(kinds, options):
    """Everything on each of `kinds`; 1 if a prediction was wrong."""
    results = []
    for kind in kinds:
        play_kind(kind, options, results)
    print(table(results))
    for told in ("verify_was", "scan_was"):
        words = sorted({r.get(told, "broken") for r in results})
        print(told, ", ".join(f"{sum(r.get(told, 'broken') == word for r in results)} {word}" for word in words))
    return 1 if any(r.get(told) in ("wrong", "loses") for r in results for told in ("verify_was", "scan_was")) else 0
