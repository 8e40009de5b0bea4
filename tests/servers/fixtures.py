"""Crashed data directories worth keeping: the variety that no single matrix needs."""

import json
import shutil
from pathlib import Path

from cases import Case
from rounds import Round
from servers import copy

def make(case, out, root, scratch, seed=1):
    """One fixture OUT/<kind>-<name>/: data/ (and ext/), case.json, oracle.log; a line for the index."""
    name = f"{case.kind}-{case.name}"
    target = Path(out) / name
    for seed in range(seed, seed + 4):
        round_ = Round(case, seed, Path(scratch) / name, root)
        round_.crash()
        # A cut through sectors that did not change tears nothing, and MariaDB makes no copy of a page
        # that redo can rebuild: both are worth little here.
        if case.target == "doublewrite" or any(page["copies"] for page in round_.result["torn"]):
            break
    round_.recover()
    round_.control()
    result = round_.result
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
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
        "oracle_started": result["server_started"],
        "oracle_healthy": result["server_restored"],
        "oracle_contents": result["server_contents"],
        "finished_contents": result.get("finished_contents"),
        "wiped_and_unmended_fails": result["control_failed"],
    }
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
    about = {"name": full, "kind": kind, "version": round_.result["version"], "options": case.server_options, "table": table,
             "page_size": page_size, "clean": True, "oracle_contents": found}
    (target / "case.json").write_text(json.dumps(about, indent=1) + "\n")
    round_.tidy()
    return about
