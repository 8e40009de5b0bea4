"""Which of two copies a server takes: an older version of the torn page is put into a slot before or behind the right one."""

import json
import shutil

from case import Case
from crash import TEAR, NoCrash
from rounds import Round
from scrub import areas
from servers import copy

PAGE = 16384


class Rivals(Round):
    """A torn page with a copy, and a second copy that is older."""

    def __init__(self, kind, seed, folder, root, dblwr):
        super().__init__(Case(kind, "two-copies", "table"), seed, folder, root, dblwr)

    def slots(self, folder):
        """(file, offset) of every slot, in the order in which servers read them."""
        alive = [area for area in areas(folder, PAGE) if (area[0].suffix == ".dblwr") == self.program.kind.area_in_files]
        return [(path, offset + at) for path, offset, length in alive for at in range(0, length, PAGE)]

    def prepare(self):
        """The torn page's place, its right bytes, its older ones, and where among the slots the right ones lie."""
        (page,) = self.result["torn"]
        place = TEAR.match(self.result["tear"])
        at = page["offset"] - int(place["offset"])
        new, old = ((self.folder / f"tear.{end}").read_bytes()[at : at + PAGE] for end in ("new", "old"))
        if not any(old) or new == old:
            raise NoCrash("the page is new: there is no older version")
        found = [index for index, (path, offset) in enumerate(self.slots(self.crashed)) if read(path, offset) == new]
        if not found:
            raise NoCrash("no copy of the torn page")
        return page["offset"], new, old, found[0]

    def play(self, where):
        """One place for the older copy; what was planned and what the server wrote."""
        home, new, old, at = self.prepare()
        slots = self.slots(self.crashed)
        index = {"before": 0, "behind": len(slots) - 1}[where]
        if index == at:
            raise NoCrash("no slot on that side")
        self.reset()
        path, offset = slots[index]
        with open(self.live / path.relative_to(self.crashed), "r+b") as file:
            file.seek(offset)
            file.write(old)
        broken = self.folder / "broken"
        copy(self.live, broken)
        _, report = self.call("verify", str(self.live / "data"))
        planned = self.planned(home, new, old)
        self.crashed, kept = broken, self.crashed
        writes = [self.name_of(bytes_[home - at_ : home - at_ + PAGE], new, old) for name, at_, bytes_ in self.written() if name == self.result["torn_file"] and at_ <= home < at_ + len(bytes_)]
        self.crashed = kept
        did = writes[0] if writes else "nothing"
        word = "right" if did == planned else "wrong"
        return {"kind": self.case.kind, "older copy": where, "planned": planned, "written": did, "word": word, "starts": report["prediction"]["starts"]}

    def name_of(self, bytes_, new, old):
        return "newer" if bytes_ == new else "older" if bytes_ == old else "something else"

    def planned(self, home, new, old):
        target = self.folder / "planned"
        shutil.rmtree(target, ignore_errors=True)
        _, plan = self.call("restore", str(self.live / "data"), "--rules", "server", "--to", str(target))
        if not any(page["file"] == self.result["torn_file"] and page["offset"] == home for page in (plan or {}).get("pages", [])):
            return "nothing"
        return self.name_of(read(target / self.result["torn_file"], home), new, old)


def read(path, offset):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(PAGE)


def play_all(kinds, options):
    """Both places on each of `kinds`; 1 if another copy was taken than was planned."""
    wrong = 0
    print("| server | older copy | planned | written first | |\n|---|---|---|---|---|")
    for kind in kinds:
        for seed in range(options.seed or 1, (options.seed or 1) + 6):
            round_ = Rivals(kind, seed, options.scratch / f"rivals-{kind}", options.servers, options.dblwr)
            try:
                round_.crash()
                if len(round_.result["torn"]) != 1:
                    continue
                results = [round_.play(where) for where in ("before", "behind")]
            except NoCrash:
                continue
            for result in results:
                wrong += result["word"] == "wrong"
                print("| " + " | ".join(str(result[key]) for key in ("kind", "older copy", "planned", "written", "word")) + " |", flush=True)
                if options.results:
                    with open(options.results, "a") as file:
                        file.write(json.dumps(result) + "\n")
            break
    return 1 if wrong else 0
