"""One round: after the crash, servers judge what dblwr says and mends."""

import json
import shutil
import subprocess
from pathlib import Path

import oracle
from crash import TEAR, Crash
from scrub import scrub
from servers import SqlError, build_injector, copy
from workload import contents, died, healthy


class Round(Crash):
    """A crash and its judges."""

    beheaded = 0  # sectors that page 0 of the cut file was robbed of, below 0 at its end

    def reset(self):
        shutil.rmtree(self.live, ignore_errors=True)
        for part in ("data", "ext"):
            if (self.crashed / part).is_dir():
                copy(self.crashed / part, self.live / part)
        if self.case.keyring:
            self.keyring()  # a fixture's was written for another folder

    def look(self, log, seconds=150):
        """Starts the server on live; what its tables hold, or None if it does not start."""
        server = self.server(log)
        try:
            if not server.start(seconds=seconds):
                if server.hung and "corrupt" not in (self.folder / log).read_text(errors="replace").lower():
                    raise TimeoutError(f"{log}: the server neither starts nor says why within {seconds} s")
                return None
            found = contents(server)
            server.stop()
            return found
        except SqlError as why:
            return {"(server)": ["NULL", f"died while asked: {why}", "-"]}
        finally:
            server.close()

    def recover(self, keep=None):
        """The server's own recovery, and what the tables hold had the write not been cut.

        `keep` is where the directory goes that the server mended and shut down.
        """
        self.reset()
        own = self.look(self.oracle_log.name)
        self.result["server_started"] = own is not None
        # Where nothing is torn, a table may be missing because it was discarded.
        self.result["server_restored"] = own is not None and (healthy(own) or self.case.how != "tear")
        self.result["server_died"] = own is not None and died(own)
        self.result["server_contents"] = self.truth = own
        if self.result["server_restored"]:
            if keep:
                copy(self.live, keep)
            self.scan_recovered()
            return
        self.reset()
        self.finish_write()
        self.truth = self.look("finished.log")
        self.result["finished_contents"] = self.truth

    def scan_recovered(self):
        """What the server mended and shut down must scan without damage, or fail the server itself at its next start."""
        damaged = self.scan()
        if not damaged:
            return
        again = self.look("again.log")
        self.result["left_damaged"] = damaged
        self.result["server_restored"] = again is not None and healthy(again)
        if self.result["server_restored"]:
            self.complain(f"scan after the server's own recovery and shutdown: {damaged} damaged, expected none")

    def finish_write(self):
        """Puts all bytes of the cut write in place."""
        if self.case.how != "tear":
            return
        found = TEAR.match((self.folder / "tear").read_text().strip())
        with open(found["path"], "r+b") as file:
            file.seek(int(found["offset"]))
            file.write((self.folder / "tear.new").read_bytes())

    def control(self):
        """Wiped and not mended: must fail, or the round proves nothing."""
        self.reset()
        scrub(self.live, self.case.page_size)
        try:
            found = self.look("control.log", seconds=60)
        except TimeoutError:
            found = None  # some hang on the page and say nothing
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
        return [word.replace("@DIR@", str(self.live)) for word in self.case.dblwr_options]

    def scan(self):
        """The damaged pages, as SPACE:PAGE, that dblwr finds in the directory as it is; None without a dblwr."""
        if not self.dblwr:
            return None
        code, report = self.call("scan", str(self.live / "data"), *self.places())
        if report is None or code not in (0, 2):
            return [f"exit {code}"]
        return [f"{page['space_id']}:{page['page_no']}" for page in report["damaged"]]

    def scan_clean(self, after):
        """A cleanly shut down directory must scan without damage."""
        if damaged := self.scan():
            self.complain(f"scan after {after}: {damaged} damaged, expected none")

    def verify(self):
        """dblwr must name every torn page of which a copy is at hand, and the area is needed."""
        self.reset()
        code, report = self.call("verify", str(self.live / "data"), *self.places())
        self.result["verify_exit"] = code
        if report is None or code not in (0, 1, 2):
            self.complain(f"verify: exit {code}, no report")
            return
        self.result["verify_summary"] = report["summary"]
        self.foretell(report)
        for page in self.result["torn"]:
            # Without the area all may be well: cut in the padding, say, or redo has it all.
            if page["copies"] and self.result["control_failed"]:
                self.expect(report, page["offset"], "restorable")
        for page in self.result.get("lost", []):
            if page["copies"]:
                self.expect(report, page["offset"], "lost_write")

    def foretell(self, report):
        """Holds the prediction against what the server did when it recovered by itself."""
        if "server_started" not in self.result:
            return
        text = self.oracle_log.read_text(errors="replace")
        silent = self.beheaded and self.case.kind in ("maria1011", "maria118")
        word, wrong = oracle.compare(report, text, self.result["server_started"], self.case.kind, silent, self.zip_at_chance())
        self.result["prediction"], self.result["advice"] = word, report.get("prediction", {}).get("advice")
        for complaint in wrong:
            self.complain(complaint)

    def expect(self, report, offset, *verdicts):
        """Complains unless the page at `offset` of the cut file has one of these verdicts."""
        name = self.result["torn_file"]
        homes = [entry for entry in report["pages"] if entry.get("home") and entry["home"]["offset"] == offset]
        found = {entry["verdict"] for entry in homes if str(entry["home"]["file"]).endswith(name.split("/")[-1])}
        if not found & set(verdicts):
            self.complain(f"verify: {name} offset {offset}, a copy is there: verdicts {sorted(found)}, expected {' or '.join(verdicts)}")

    def watch(self):
        """What `restore --rules server` plans must be what the server's own pass writes, byte for byte."""
        if self.result["server_started"] is False or self.case.arrange:
            return  # how far it comes is told by its log; and the kernel names files by where links lead
        self.reset()
        planned = self.folder / "planned"
        _, plan = self.call("restore", str(self.live / "data"), "--rules", "server", "--to", str(planned), *self.places())
        pages = (plan or {}).get("pages", [])
        if plan is None:
            self.complain("restore --rules server: no plan")
        if not pages:
            return
        writes = self.written()
        alike = 0
        for page in pages:
            what = f"--rules server: {page['file']} offset {page['offset']}"
            inside = planned / page["file"]
            with open(inside if inside.exists() else planned / "outside" / page["file"].lstrip("/"), "rb") as file:
                file.seek(page["offset"])
                wanted = file.read(page["length"])
            first = next((found for found in (oracle.written_by(write, page) for write in writes) if found), None)
            if first is None and self.mends_in_memory():
                self.result["mended_in_memory"] = self.result.get("mended_in_memory", 0) + 1
            elif first is None and not (self.zip_at_chance() and page["length"] < self.case.page_size):
                self.complain(f"{what}: the server does not write it")
            elif first is None:
                self.result["at_chance"] = self.result.get("at_chance", 0) + 1
            elif not oracle.same_page(first, wanted):
                self.complain(f"{what}: the server writes other bytes")
            else:
                alike += 1
        self.result["written_alike"] = [alike, len(pages)]
        shutil.rmtree(planned)

    def zip_at_chance(self):
        """Whether this server refills a zero page of a compressed table, or not, by what lies in its memory."""
        return bool(self.case.physical) and self.program.kind.mysql and (8, 0) <= self.program.kind.version < (8, 0, 20)

    def mends_in_memory(self):
        """MariaDB takes copies that hide their space id when recovery reads the page, and writes it later with redo applied."""
        hides = any(word in self.case.name for word in ("encrypted", "pagecompressed")) and "classic" not in self.case.name
        return hides and self.case.kind in ("maria1011", "maria118")

    def written(self):
        """Every write of the server to the live directory, from its start until it answers or ends."""
        record = self.folder / "writes"
        (self.folder / "watched").touch()
        inject = {"FILE": "*", "ARM": self.folder / "watched", "REPORT": record, "MINLEN": 512, "MODE": "record"}
        server = self.server("watched.log")
        try:
            server.start({f"DBLWR_INJECT_{key}": str(value) for key, value in inject.items()}, build_injector(self.root))
        finally:
            server.close()
        writes = list(oracle.writes(record, self.live / "data"))
        record.unlink(missing_ok=True)
        return writes

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
        if self.result["equal"] and healthy(found):
            self.scan_clean("the server's run on the mended directory")

    def conclude(self):
        """Turns what was seen into one word."""
        result = self.result
        sound = self.truth is not None and (healthy(self.truth) or self.case.how != "tear")
        mendable = not result["torn"] or all(page["copies"] for page in result["torn"])
        if not sound and not self.case.copies:
            result["outcome"] = "no copy"
        elif not sound:
            result["outcome"] = "no truth"  # even with the write finished the tables are not whole
        elif result["equal"]:
            result["outcome"] = "agree" if result["control_failed"] else "proves nothing"
        elif mendable:
            result["outcome"] = "disagree"
            self.complain("mended, wiped: " + ("contents differ" if result["started"] else "the server does not start"))
        else:
            result["outcome"] = "no copy"
        if "left_damaged" in result and not all(page in (result.get("advice") or "") for page in result["left_damaged"]):
            self.complain(f"advice: the server leaves {result['left_damaged']} damaged, but it says: {result.get('advice')}")
        if result["equal"] and not result["server_restored"] and result["restored"] and "restore first" not in (result.get("advice") or ""):
            self.complain(f"advice: restore does what the server does not, but it says: {result.get('advice')}")
        if result.get("disagreements"):
            result["outcome"] = "disagree"

    def judge(self):
        """All judges after the crash; needs a dblwr."""
        if self.case.lost:
            return self.judge_lost()
        self.recover()
        self.control()
        self.verify()
        self.watch()
        self.reset()
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

    def behead(self, fixture):
        """The fixture without the head or end of page 0 of the cut file: the server recovers it anew. False without a copy."""
        self.crashed = self.folder / "beheaded"
        for part in ("data", "ext"):
            if (Path(fixture) / part).is_dir():
                copy(Path(fixture) / part, self.crashed / part)
        name = self.result["torn_file"]
        files = [file for file in self.crashed.rglob(name.split("/")[-1]) if str(file).endswith(name)]
        with open(files[0], "r+b") as file:
            if self.beheaded < 0:
                file.seek(max(0, (self.case.physical or self.case.page_size) + 512 * self.beheaded))
            file.write(bytes(512 * abs(self.beheaded)))
        self.oracle_log = self.folder / "oracle.log"
        self.reset()
        _, report = self.call("verify", str(self.live / "data"), *self.places())
        homes = [entry for entry in report["pages"] if entry["page_no"] == 0 and entry["verdict"] == "restorable"]
        if not any(str(entry["home"]["file"]).endswith(name) for entry in homes):
            return False
        own = self.look(self.oracle_log.name)
        self.result["server_started"], self.result["server_restored"] = own is not None, own is not None and healthy(own)
        self.result["server_died"] = died(own or {})
        return True

    def replay(self, fixture, about):
        """Judges a kept crash: the server's part is known, so only dblwr's is played."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.crashed, self.oracle_log = Path(fixture), Path(fixture) / "oracle.log"
        self.result |= {key: about[key] for key in ("version", "tear")}
        self.result["lost"] = about.get("lost_pages", [])
        self.result["torn"], self.result["torn_file"] = about["torn_pages"], about["tear"].split(" offset=")[0].removeprefix("data/")
        self.result["server_started"], self.result["server_restored"] = about["oracle_started"], about["oracle_healthy"]
        self.result["server_died"] = died(about["oracle_contents"] or {})
        self.result["control_failed"] = about["wiped_and_unmended_fails"]
        if self.case.lost:
            return self.judge_lost()
        if self.beheaded and not self.behead(fixture):
            self.result["outcome"] = "no copy"
            return self.save()
        if "left_damaged" in about and not self.beheaded:
            self.result["left_damaged"] = about["left_damaged"]
        self.truth = about["finished_contents"] or about["oracle_contents"]
        self.verify()
        if self.beheaded:
            self.result["control_failed"] = True  # what was the file without its header worth?
        self.watch()
        self.reset()
        self.mend()
        self.conclude()
        self.save()

    def replay_clean(self, fixture):
        """A cleanly shut down directory: nothing to mend, nothing damaged."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.crashed = Path(fixture)
        self.reset()
        self.scan_clean("a clean shutdown")
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
