"""Pages without any copy: the redo log as a second doublewrite buffer (MariaDB from 10.5 on).

A page is torn while the doublewrite buffer is off, or the buffer is wiped after the crash; or a write never arrives and the
server lives on. The server by itself does not start, or holds other rows than it should; what `dblwr restore --from redo`
mended must hold what the server holds when the write is completed by hand.
"""

import datetime

import matrix
from case import CLASSIC, ENCRYPT, Case
from cases import ZIP
from kinds import KINDS
from rounds import Round
from scrub import scrub
from workload import healthy

MARIA = ("maria105", "maria10115", "maria1011", "maria1145", "maria118")
# The others write a newer kind of encrypted log, or (10.5) encrypt whole blocks.
OLD_ENCRYPTED_LOG = ("maria10115", "maria1145")
# Without a checkpoint of old pages in it there is nothing to read.
LOG = ["--innodb-log-file-size=48M", "--innodb-undo-tablespaces=2"]
# Purge changes pages once more, which brings lost ones back; no old version may go.
READER = ["start transaction with consistent snapshot; select sleep(1000);"]
OFF = ["--skip-innodb-doublewrite"]
ON = ["--innodb-doublewrite=ON"]

# name: (target, what the case is made of)
FORMS = {
    "table": ("table", {}),
    "index": ("index", {}),
    "system": ("system", {}),
    "undo": ("undo", {}),
    "page0": ("page 0", {}),
    "4k": ("table", {"page_size": 4096}),
    "64k": ("table", {"page_size": 65536}),
    "redundant": ("table", {"table": "row_format=redundant"}),
    "crc32": ("table", {"options": [CLASSIC + "crc32"]}),
    "crc32-system": ("system", {"options": [CLASSIC + "crc32"]}),
    "zip8": ("table", {"table": ZIP + "8", "physical": 8192}),
    "zip4": ("table", {"table": ZIP + "4", "physical": 4096}),
    "pagecompressed": ("table", {"table": "page_compressed=1"}),
    "crc32-pagecompressed": ("table", {"table": "page_compressed=1", "options": [CLASSIC + "crc32"]}),
}
KEYED = {
    "encrypted": ("table", {"options": ENCRYPT}),
    "encrypted-system": ("system", {"options": ENCRYPT}),
    "encrypted-undo": ("undo", {"options": ENCRYPT}),
    "crc32-encrypted": ("table", {"options": [*ENCRYPT, CLASSIC + "crc32"]}),
    "crc32-encrypted-zip8": ("table", {"options": [*ENCRYPT, CLASSIC + "crc32"], "table": ZIP + "8", "physical": 8192}),
    "encrypted-pagecompressed": ("table", {"options": ENCRYPT, "table": "page_compressed=1"}),
    "encrypted-ctr": ("table", {"options": [*ENCRYPT, "--file-key-management-encryption-algorithm=AES_CTR"]}),
    "encrypted-log": ("table", {"options": [*ENCRYPT, "--innodb-encrypt-log=ON"]}),
}
LOST = ("table", "index", "system", "undo", "4k", "crc32", "zip8", "pagecompressed", "encrypted", "crc32-encrypted")


def wipe(page_size):
    return lambda live: scrub(live, page_size)


def cases():
    """Every form of every server: without doublewrite, wiped, and (of some) lost."""
    for kind in MARIA:
        forms = {**FORMS, **KEYED}
        if kind not in OLD_ENCRYPTED_LOG:
            del forms["encrypted-log"]
        if kind == "maria10115":
            del forms["encrypted-ctr"]  # that plugin is not its own, and by this algorithm it dies
        if kind == "maria105":
            forms = {**forms, "innodb": ("table", {"options": [CLASSIC + "innodb"]}), "none": ("table", {"options": [CLASSIC + "none"]})}
        for name, (target, parts) in forms.items():
            for how in ("off", "wiped", "lost"):
                if how == "lost" and name not in LOST:
                    continue
                options = [*LOG, *parts.get("options", []), *(OFF if how == "off" else [])]
                arrange = None if how == "off" else wipe(parts.get("page_size", 16384))
                more = {"restart": OFF if how == "off" else ON, "arrange": arrange, "lost": how == "lost", "copies": False, "alongside": READER if how == "lost" else []}
                yield Case(kind, f"rescue-{how}-{name}", target, **{**parts, "options": options, **more})


class Rescue(Round):
    """A page without a copy, and its judges."""

    def judge(self):
        self.recover()
        if self.case.lost:
            self.lose()
        if not self.result["torn"] and not self.result["lost"]:
            self.result["outcome"] = "no crash"  # written again before the end
            return self.save()
        self.verify()
        self.rescue()
        self.settle()
        self.save()

    def look(self, log, seconds=150):
        """A server may follow the list of an old undo page for ever: it does not start."""
        try:
            return super().look(log, seconds)
        except TimeoutError:
            return None

    def lose(self):
        """What the tables hold had the write arrived, and what they hold without it."""
        alone = self.result["server_contents"]
        self.reset()
        self.finish_write()
        self.truth = self.look("finished.log")
        self.result["finished_contents"] = self.truth
        self.result["server_restored"] = alone is not None and healthy(alone) and alone == self.truth

    def scan_recovered(self):
        """A lost write is in no server's eyes before its pages are read; what is left is not asked here."""

    def foretell(self, report):
        """What verify takes to be whole without having read it, scan reads."""
        prediction = report.get("prediction") or {}
        if prediction.get("assumes") and prediction.get("starts") and not self.result["server_started"]:
            self.reset()
            _, read = self.call("scan", str(self.live / "data"), *self.places())
            report = {**report, "prediction": (read or {}).get("prediction")}
        super().foretell(report)

    def rescue(self):
        """dblwr mends from redo alone, the server must start and hold what it should."""
        self.reset()
        words = ["--from", "redo", *(["--include-lost-writes"] if self.case.lost else [])]
        if self.case.lost:
            self.find_lost()
        journal = ["--apply", "--journal", str(self.folder / "journal")]
        code, report = self.call("restore", str(self.live / "data"), *journal, *words, *self.places())
        pages = (report or {}).get("pages", [])
        self.result["restore_exit"] = code
        self.result["restored"] = sum(page["outcome"] == "verified" for page in pages)
        self.result["from_redo"] = sum(page["source"]["kind"] == "redo" for page in pages)
        self.result["refused"] = [page["reason"] for page in (report or {}).get("remaining", [])]
        if report is None or any(page["outcome"] != "verified" for page in pages):
            self.complain(f"restore --apply: exit {code}, outcomes {[p['outcome'] for p in pages]}")
        scrub(self.live, self.case.page_size)
        found = self.look("mended.log")
        self.result["started"] = found is not None
        self.result["mended_contents"] = found
        self.result["equal"] = found is not None and found == self.truth
        if self.result["equal"] and healthy(found):
            self.scan_clean("the server's run on the mended directory")

    def find_lost(self):
        """scan must name every lost write, and nothing else."""
        _, report = self.call("scan", str(self.live / "data"), *self.places())
        of_file = [page for page in (report or {}).get("damaged", []) if page["path"].endswith(self.result["torn_file"].split("/")[-1])]
        # The first write of a page leaves zeros.
        found = {page["offset"] for page in of_file if page["state"] in ("lost_write", "zero")}
        wanted = {page["offset"] for page in self.result["lost"]}
        self.result["lost_found"] = [len(found & wanted), len(wanted)]
        if found - wanted:
            self.complain(f"scan: lost writes at {sorted(found - wanted)}, where none was lost")

    def settle(self):
        """Turns what was seen into one word."""
        result = self.result
        mended = result["from_redo"] > 0
        if result["equal"] and mended:
            result["outcome"] = "proves nothing" if result["server_restored"] else "agree"
        elif result["server_restored"] and result["equal"]:
            result["outcome"] = "proves nothing"
        elif not mended:
            result["outcome"] = "refused"
        else:
            result["outcome"] = "disagree"
            self.complain("mended: " + ("contents differ" if result["started"] else "the server does not start"))
        if result.get("disagreements"):
            result["outcome"] = "disagree"


def play(case, seed, folder, options):
    return matrix.play_round(Rescue(case, seed, folder, options.servers, options.dblwr), options)


def table(results):
    """A row for each server, way and target: what the server did alone, and what it holds after the rescue."""
    head = "server | what | target | forms | rounds | alone: does not start | starts, other rows | whole | rescued, equal | refused | foretold"
    lines = [f"Made on {datetime.date.today()}.", "", f"| {head} |", "|" + "---|" * len(head.split("|"))]
    rows = {}
    for result in results:
        if "equal" in result:
            how = {"off": "doublewrite off", "wiped": "doublewrite wiped", "lost": "lost write"}[result["case"].split("-")[1]]
            rows.setdefault((result["kind"], how, result["target"]), []).append(result)
    for kind, how, target in sorted(rows, key=lambda row: (list(KINDS).index(row[0]), row[1], row[2])):
        played = rows[(kind, how, target)]
        version = next(r["version"] for r in played if "version" in r).split("-MariaDB")[0]
        stops = sum(not r["server_started"] for r in played)
        whole = sum(bool(r["server_restored"]) for r in played)
        rescued = sum(bool(r["equal"] and r["from_redo"]) for r in played)
        refused = sum(r["outcome"] == "refused" for r in played)
        told = [r.get("prediction") for r in played]
        words = ", ".join(f"{told.count(word)} {word}" for word in ("right", "open", "wrong") if word in told)
        forms = len({r["case"] for r in played})
        cells = [f"MariaDB {version}", how, target, forms, len(played), stops, len(played) - stops - whole, whole, rescued, refused, words]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    guards = sorted({f"{r['kind']} {r['case'].removeprefix('rescue-')}: {reason}" for r in results if r.get("outcome") == "refused" for reason in r["refused"][:1]})
    return "\n".join(lines) + "\n" + "".join(f"- {line}\n" for line in guards)
