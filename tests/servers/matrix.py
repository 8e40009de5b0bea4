"""Runs rounds over many cases and prints what came of them."""

import datetime
import json
import random
import re
import sys
import time
import traceback
from pathlib import Path

from cases import Case, all_cases
from rounds import NoCrash, Round

COLUMNS = (
    "server | page size | format | target | rounds | torn pages | with a copy | restored by the server "
    "| restored by dblwr | started afterwards | contents equal | control failed"
)


def play(case, seed, folder, options, kept=None):
    """One round; its result.  The folder stays where the round did not agree.

    `kept` is a fixture to judge in place of a new crash: its folder and what case.json says of it.
    """
    round_ = Round(case, seed, folder, options.servers, options.dblwr)
    try:
        if kept is None:
            round_.crash()
            round_.judge()
        elif kept[1]["clean"]:
            round_.replay_clean(kept[0])
        else:
            round_.replay(*kept)
    except NoCrash as why:
        round_.result |= {"outcome": "no crash", "why": str(why)}
    except Exception as bug:  # a harness that trips must not end a soak
        traceback.print_exc()
        round_.result |= {"outcome": "broken", "why": repr(bug)}
    say(round_, options)
    if round_.result["outcome"] in ("agree", "proves nothing", "no copy", "no crash") and not options.keep:
        round_.tidy()
    return round_.result


def say(round_, options):
    """Tells how a round went, and how to repeat it where that is of use."""
    result = round_.result
    line = f"{result['kind']} {result['case']} seed {result['seed']}: {result['outcome']}"
    print(f"{line} ({result.get('tear', result.get('why', ''))})", file=sys.stderr, flush=True)
    if result["outcome"] in ("disagree", "broken", "no truth"):
        for text in result.get("disagreements", []):
            print(f"  {text}", file=sys.stderr)
        print(f"  left in {round_.folder}", file=sys.stderr)
        print(f"  repeat: tests/servers/run round {result['kind']} {result['case']} {result['seed']}", file=sys.stderr, flush=True)


def play_kept(folder, options):
    """Judges every fixture below `folder` whose 'KIND CASE' matches; the results."""
    known = {(case.kind, case.name): case for case in all_cases()}
    results = []
    for path in sorted(Path(folder).glob("*/case.json")):
        about = json.loads(path.read_text())
        kind, name = about["kind"], about["name"].removeprefix(f"{about['kind']}-")
        case = known.get((kind, name)) or Case(kind, name, "none", about["page_size"], about["options"])
        if re.search(options.case, f"{kind} {name}") and (about["clean"] or (kind, name) in known):
            result = play(case, about.get("seed", 1), Path(options.scratch) / about["name"], options, (path.parent, about))
            results.append(result | {"row": row_of(case)})
    return results


def folder_of(options, case, seed):
    return Path(options.scratch) / f"{case.kind}-{case.name}-{seed}"


def play_all(cases, seeds, options, seconds=None):
    """Every case with every seed, until the time is up; the results."""
    end = time.monotonic() + seconds if seconds else None
    results = []
    for case in cases:
        for seed in seeds:
            if end and time.monotonic() > end:
                results.append({"kind": case.kind, "case": case.name, "target": case.target, "seed": seed, "outcome": "skipped", "row": row_of(case)})
                continue
            results.append(play(case, seed, folder_of(options, case, seed), options) | {"row": row_of(case)})
    return results


def soak(cases, rounds, seed, options):
    """`rounds` rounds of cases drawn by `seed`; the results."""
    print(f"soak: seed {seed}, {rounds} rounds", file=sys.stderr, flush=True)
    rng = random.Random(seed)
    results = []
    for number in range(rounds):
        case, own = rng.choice(cases), rng.randrange(10**9)
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        results.append(play(case, own, folder_of(options, case, own), options) | {"row": row_of(case)})
    return results


def row_of(case):
    return (case.kind, case.page_size, case.layout, case.target)


def table(results):
    """The matrix in Markdown: a row for each server, page size, format and target."""
    versions = {r["kind"]: r["version"] for r in results if "version" in r}
    rows = {}
    for result in results:
        rows.setdefault(result["row"], []).append(result)
    lines = [f"Made on {datetime.date.today()}.", "", f"| {COLUMNS} |", "|" + "---|" * len(COLUMNS.split("|"))]
    for (kind, size, layout, target), group in rows.items():
        played = [r for r in group if "equal" in r]
        torn = [page for r in played for page in r["torn"]]
        cells = [
            versions.get(kind, kind),
            f"{size // 1024}K",
            layout,
            target,
            len(played),
            len(torn),
            sum(bool(page["copies"]) for page in torn),
            share(r["server_restored"] for r in played),
            sum(r["restored"] for r in played),
            share(r["started"] for r in played),
            share(r["equal"] for r in played),
            share(r["control_failed"] for r in played),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def share(flags):
    flags = list(flags)
    return f"{sum(flags)}/{len(flags)}" if flags else "-"


def closing_line(results):
    """What a runner reads: a round that proves nothing is no pass."""
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for result in results:
        kind = {"agree": "passed", "disagree": "failed", "broken": "failed", "no truth": "failed"}.get(result["outcome"], "skipped")
        count[kind] += 1
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"


def failed(results):
    return any(r["outcome"] in ("disagree", "broken", "no truth") for r in results)
