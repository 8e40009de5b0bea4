"""Crashed data directories worth keeping: the variety that no single matrix needs."""

import json
import shutil
from pathlib import Path

from case import Case
from crash import NoCrash
from rounds import Round
from servers import copy

def make(case, out, root, scratch, dblwr=None, seed=1):
    """One fixture OUT/<kind>-<name>/: data/ (and ext/), case.json, oracle.log, recovered/; what case.json says."""
    name = f"{case.kind}-{case.name}"
    target = Path(out) / name
    last = seed + 5
    for seed in range(seed, last + 1):
        round_ = Round(case, seed, Path(scratch) / name, root, dblwr)
        try:
            round_.crash()
        except NoCrash:
            if seed == last:
                raise
            continue
        # A cut through sectors that did not change tears nothing, and MariaDB makes no copy of a page
        # that redo can rebuild: both are worth little here.
        torn = round_.result["torn"]
        if case.target == "doublewrite" or any(page["copies"] or not case.copies for page in torn + round_.result["lost"]):
            break
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    round_.recover(keep=target / "recovered")
    round_.control()
    result = round_.result
    for part in ("data", "ext"):
        if (round_.crashed / part).is_dir():
            copy(round_.crashed / part, target / part)
    for file in ("tear", "tear.new", "tear.old"):
        shutil.copy(round_.folder / file, target / file)
    shutil.copy(round_.folder / "oracle.log", target / "oracle.log")
    about = {
        "name": name,
        "kind": case.kind,
        "version": result["version"],
        "options": case.server_options,
        "options_of_killed_run": case.restart,
        "table": case.table,
        "page_size": case.page_size,
        "physical_page_size_of_t1": case.physical or case.page_size,
        "clean": False,
        "seed": seed,
        "tear": result["tear"],
        "torn_pages": result["torn"],
        "lost_pages": result["lost"],
        "oracle_started": result["server_started"],
        "oracle_healthy": result["server_restored"],
        "oracle_contents": result["server_contents"],
        "finished_contents": result.get("finished_contents"),
        "wiped_and_unmended_fails": result["control_failed"],
        "dblwr_options": case.dblwr_options,
    }
    if "left_damaged" in result:
        about["left_damaged"] = result["left_damaged"]
    (target / "case.json").write_text(json.dumps(about, indent=1) + "\n")
    round_.tidy()
    return about


def make_clean(kind, page_size, out, root, scratch, options=(), table="", name="clean"):
    """A directory after a clean shutdown: nothing in it is damaged."""
    case = Case(kind, name, "table", page_size=page_size, options=list(options), table=table)
    full = f"{kind}-{name}-{page_size // 1024}k"
    round_ = Round(case, 1, Path(scratch) / full, root)
    found = round_.clean()
    target = Path(out) / full
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    copy(round_.live / "data", target / "data")
    about = {
        "name": full,
        "kind": kind,
        "version": round_.result["version"],
        "options": case.server_options,
        "table": table,
        "page_size": page_size,
        "clean": True,
        "oracle_contents": found,
    }
    (target / "case.json").write_text(json.dumps(about, indent=1) + "\n")
    round_.tidy()
    return about


def make_all(cases, out, root, scratch, dblwr=None):
    """A fixture of every case, and a clean one of every server and page size among them; an index.

    Those that are there already stay, so that a run that was stopped can go on.
    """
    out.mkdir(parents=True, exist_ok=True)
    for case in cases:
        if (out / f"{case.kind}-{case.name}" / "case.json").exists():
            continue
        try:
            print(line(make(case, out, root, scratch, dblwr)), flush=True)
        except NoCrash as why:
            print(f"{case.kind}-{case.name}: none: {why}", flush=True)
        except Exception as bug:  # one that trips must not end the run
            print(f"{case.kind}-{case.name}: broken: {bug!r}", flush=True)
        write_index(out)
    for kind, page_size in sorted({(case.kind, case.page_size) for case in cases}):
        if not (out / f"{kind}-clean-{page_size // 1024}k" / "case.json").exists():
            print(line(make_clean(kind, page_size, out, root, scratch)), flush=True)
    write_index(out)
    return 0


def line(about):
    """What the index says of one fixture."""
    words = [f"{about['kind']} {about['version']}", " ".join(about["options"] + about.get("options_of_killed_run", [])), about["table"]]
    if not about["clean"]:
        damaged = about["torn_pages"] + about.get("lost_pages", [])
        pages = ", ".join(f"offset {page['offset']} ({page['copies']} copies)" for page in damaged) or "no home page"
        words += [f"tear: {about['tear']}; damaged: {pages}"]
        words += ["the server mends it" if about["oracle_healthy"] else "the server starts but tables are lost" if about["oracle_started"] else "the server does not start"]
        words += ["wiped and unmended it fails" if about["wiped_and_unmended_fails"] else "wiped and unmended it starts all the same"]
    return f"{about['name']}: " + "; ".join(word for word in words if word)


ABOUT = """Each folder is one data directory, as a killed or a cleanly stopped server left it.

data/, ext/   the directory; ext/ is what lies outside of it. Paths inside may say where the server ran.
case.json     server, options, what was cut (tear), and what the server did by itself (oracle_started, oracle_healthy).
              dblwr_options: what dblwr must be told, with @DIR@ for the folder (MySQL: the key file).
oracle.log    the server's error log of its own recovery; recovered/ is the directory after that and a clean shutdown.
              left_damaged names the pages that it left damaged in its files (and failed at, at its next start).
tear.new/.old what the cut write should have put there, and what lay there before.

"""


def write_index(out):
    """OUT/README: what lies there, and one line for each fixture."""
    lines = [line(json.loads(path.read_text())) for path in sorted(out.glob("*/case.json"))]
    (out / "README").write_text(ABOUT + "".join(f"{text}\n" for text in lines))
