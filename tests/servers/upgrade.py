"""Crashed under one server and opened under the next: what lives, what is judged, what the next one does with it."""

import json
import re

from case import Case
from cases import UPGRADES
from crash import NoCrash
from rounds import Round
from servers import Program, Server, SqlError
from workload import contents, healthy


class Upgrade(Round):
    """A crash of the older server, and the newer one's attempt at it."""

    def __init__(self, old, new, seed, folder, root, dblwr):
        super().__init__(Case(old, f"under-{new}", "table"), seed, folder, root, dblwr)
        self.new = new

    def generation(self):
        """The generation that dblwr reads, and the areas that it holds for live."""
        _, report = self.call("locate", str(self.live / "data"))
        areas = {f"{area['kind']} {area['file']}" for area in (report or {}).get("areas", []) if area["live"]}
        return (report or {}).get("generation"), sorted(areas)

    def attempt_upgrade(self):
        """Starts the newer server on the crashed directory; whether it came up, and what it then holds."""
        words = [*self.case.server_options, "--skip-grant-tables"]
        server = Server(Program(self.root, self.new), self.live, words, self.folder / "newer.log")
        try:
            if not server.start():
                return None
            found = contents(server)
            server.stop()
            return found
        except SqlError as why:
            return {"(server)": ["NULL", f"died while asked: {why}", "-"]}
        finally:
            server.close()

    def judge(self):
        self.recover()
        self.reset()
        result = self.result
        result["before"] = self.generation()
        _, report = self.call("verify", str(self.live / "data"))
        result["foretold"] = (report or {}).get("prediction", {}).get("starts")
        found = self.attempt_upgrade()
        result["newer_started"] = found is not None
        result["newer_healthy"] = found is not None and healthy(found)
        result["after"] = self.generation()
        if result["newer_healthy"]:
            self.scan_clean("the newer server's own recovery")
        elif found is None:
            self.still_mendable()
        result["outcome"] = "disagree" if result.get("disagreements") else "agree"
        self.save()

    def still_mendable(self):
        """The newer one refuses: nothing that the older one needs may have lost its verdict, and it recovers afterwards."""
        if self.result["after"] != self.result["before"]:
            self.complain(f"after the refusal: {self.result['after']}, before it {self.result['before']}")
        code, report = self.call("verify", str(self.live / "data"))
        self.result["verify_exit"] = code
        for page in self.result["torn"]:
            # One that recovered everything and shut down before it refused has used the copy up.
            if page["copies"] and (report or {}).get("shutdown") != "clean":
                self.expect(report, page["offset"], "restorable", "intact")  # it may have got behind its pass
        code, _ = self.call("restore", str(self.live / "data"), "--apply", "--journal", str(self.folder / "journal"))
        self.result["restore_exit"] = code
        own = self.look("older-again.log")
        self.result["older_recovers_after"] = own is not None and own == self.truth


def play(old, new, seed, folder, options):
    round_ = Upgrade(old, new, seed, folder, options.servers, options.dblwr)
    try:
        round_.crash()
        round_.judge()
    except NoCrash as why:
        round_.result |= {"outcome": "no crash", "why": str(why)}
    return round_.result


def play_all(options):
    """Every step of UPGRADES whose servers are there; 1 if something was wrong."""
    columns = "crashed under | opened under | foretold before | it starts | read as | after it | the older one recovers afterwards | outcome"
    print(f"| {columns} |\n|" + "---|" * len(columns.split("|")))
    wrong = 0
    pairs = [pair for pair in UPGRADES if re.search(options.case, " ".join(pair))]
    for old, new in pairs:
        folder = options.scratch / f"upgrade-{old}-{new}"
        result = play(old, new, options.seed or 1, folder, options)
        wrong += result["outcome"] == "disagree"
        cells = [old, new, result.get("foretold"), result.get("newer_started"), result.get("before"), result.get("after"), result.get("older_recovers_after", "-"), result["outcome"]]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        for text in result.get("disagreements", []):
            print(f"  {text}", flush=True)
        (folder / "upgrade.json").write_text(json.dumps(result, indent=1) + "\n")
    return 1 if wrong else 0
