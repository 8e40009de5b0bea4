"""Runs rounds over many cases and prints what came of them."""

import datetime
import json
import random
import re
import sys
import time
import traceback
from pathlib import Path

from case import Case
from cases import all_cases
from crash import NoCrash
from kinds import KINDS
from rounds import Round

COLUMNS = (
    "server | page size | format | target | rounds | torn pages | with a copy | mended by the server "
    "| pages restored by dblwr | started afterwards | contents equal | unmended fails | foretold"
)
SHORT = (
    "server | target | page sizes | formats | rounds | torn pages | with a copy | mended by the server "
    "| pages restored by dblwr | started afterwards | contents equal | unmended fails | foretold"
)
WEAK = ("proves nothing", "no copy", "no crash")
NO_FAILURE = ("agree", *WEAK, "refused", "skipped")


def play(case, seed, folder, options, kept=None):
    """One round; its result.  The folder stays where the round did not agree.

    `kept` is a fixture to judge in place of a new crash: its folder and what case.json says of it.
    """
    return play_round(Round(case, seed, folder, options.servers, options.dblwr), options, kept)


def play_round(round_, options, kept=None):
    """The same for a round that is made already."""
    try:
        if kept is None:
            round_.crash()
            round_.judge()
        elif kept[1]["clean"]:
            round_.replay_clean(kept[0])
        else:
            round_.beheaded = options.behead
            round_.replay(*kept)
    except NoCrash as why:
        round_.result |= {"outcome": "no crash", "why": str(why)}
    except Exception as bug:  # a harness that trips must not end a soak
        traceback.print_exc()
        round_.result |= {"outcome": "broken", "why": repr(bug)}
    say(round_, options)
    if round_.result["outcome"] in NO_FAILURE and not options.keep:
        round_.tidy()
    result = round_.result | {"row": row_of(round_.case)}
    if options.results:
        keep_result(options.results, result)
    return result


def keep_result(path, result):
    """Adds a line to the file of results, without what the tables held."""
    slim = {key: value for key, value in result.items() if not key.endswith("contents")}
    with open(path, "a") as file:
        file.write(json.dumps(slim) + "\n")


def kept_results(path):
    """Results of earlier runs: of each round the last one."""
    if not path or not Path(path).exists():
        return []
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    last = {(line["kind"], line["case"], line["seed"]): line | {"row": tuple(line["row"])} for line in lines}
    return list(last.values())


def known(options):
    """What --results holds already, by round: a run that was stopped goes on behind it. Failures are tried again."""
    kept = kept_results(options.results)
    return {(r["kind"], r["case"], r["seed"]): r for r in kept if r["outcome"] in NO_FAILURE}


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
    cases = {(case.kind, case.name): case for case in all_cases()}
    results, done = [], known(options)
    for path in sorted(Path(folder).glob("*/case.json")):
        about = json.loads(path.read_text())
        kind, name, seed = about["kind"], about["name"].removeprefix(f"{about['kind']}-"), about.get("seed", 1)
        case = cases.get((kind, name)) or Case(kind, name, "none", about["page_size"], about["options"])
        if re.search(options.case, f"{kind} {name}") and (about["clean"] or (kind, name) in cases):
            folder = Path(options.scratch) / about["name"]
            results.append(done.get((kind, name, seed)) or play(case, seed, folder, options, (path.parent, about)))
    return results


def folder_of(options, case, seed):
    return Path(options.scratch) / f"{case.kind}-{case.name}-{seed}"


def play_all(cases, seeds, options, seconds=None, play=play):
    """Every case with every seed, until the time is up; the results. `play` plays one.

    A round that proves nothing is followed by another one, with a seed of its own, up to options.tries in all.
    """
    end = time.monotonic() + seconds if seconds else None
    results, done = [], known(options)
    for case in cases:
        for seed in seeds:
            result = None
            for own in (seed + 1000 * attempt for attempt in range(options.tries)):
                if end and time.monotonic() > end:
                    result = result or {"kind": case.kind, "case": case.name, "target": case.target, "seed": seed, "outcome": "skipped", "row": row_of(case)}
                    break
                result = done.get((case.kind, case.name, own)) or play(case, own, folder_of(options, case, own), options)
                if result["outcome"] not in WEAK:
                    break
            results.append(result)
    return results


def soak(cases, rounds, seed, options):
    """`rounds` rounds of cases drawn by `seed`; the results."""
    print(f"soak: seed {seed}, {rounds} rounds", file=sys.stderr, flush=True)
    rng = random.Random(seed)
    results = []
    end = time.monotonic() + (options.seconds or 10**9)
    for number in range(rounds):
        if time.monotonic() > end:
            break
        case, own = rng.choice(cases), rng.randrange(10**9)
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        results.append(play(case, own, folder_of(options, case, own), options))
    return results


def row_of(case):
    return (case.kind, case.page_size, case.layout, case.target)


def table(results, short=False):
    """The matrix in Markdown: a row for each server, page size, format and target; `short`, for each server and target."""
    versions = {r["kind"]: r["version"].split("-0+")[0].split("-MariaDB")[0] for r in results if "version" in r}
    rows = {}
    order = {kind: number for number, kind in enumerate(KINDS)}
    for result in sorted(results, key=lambda r: (order[r["kind"]], r["row"][3], r["row"][1], r["row"][2])):
        kind, size, layout, target = result["row"]
        if "equal" in result:
            rows.setdefault((kind, target) if short else (kind, size, layout, target), []).append(result)
    columns = SHORT if short else COLUMNS
    lines = [f"Made on {datetime.date.today()}.", "", f"| {columns} |", "|" + "---|" * len(columns.split("|"))]
    for key, played in rows.items():
        name = f"{KINDS[key[0]].vendor} {versions.get(key[0], '')}"
        sizes = sorted({r["row"][1] // 1024 for r in played})
        if short:
            formats = len({r["row"][2] for r in played})
            cells = [name, key[1], ", ".join(f"{size}K" for size in sizes), formats]
        else:
            cells = [name, f"{key[1] // 1024}K", key[2], key[3]]
        lines.append("| " + " | ".join(map(str, cells + counts(played))) + " |")
    return "\n".join(lines) + "\n"


def by_server(results):
    """A row for each server: its rounds, how its next start was foretold, and where only dblwr mended."""
    lines = ["| server | rounds | torn pages with a copy | sure and right | open | wrong | dblwr mended, the server alone did not |", "|---" * 7 + "|"]
    for kind in KINDS.values():
        rows = [r for r in results if r["kind"] == kind.name and "equal" in r]
        if rows:
            told = [sum(r.get("prediction") == word for r in rows) for word in ("right", "open", "wrong")]
            copies = sum(bool(page["copies"]) for r in rows for page in r["torn"])
            alone_ = sum(bool(r["equal"] and not r["server_restored"]) for r in rows)
            name = f"{kind.vendor} {rows[-1]['version'].split('-')[0]}"
            lines.append("| " + " | ".join(map(str, [name, len(rows), copies, *told, alone_])) + " |")
    return "\n".join(lines) + "\n"


def by_situation(results):
    """A row for each situation: on how many servers the next start was foretold right, left open, foretold wrong."""
    lines = ["| situation | servers | sure and right | open | wrong | mended by the server | disagree | no such crash |", "|---" * 8 + "|"]
    for name in dict.fromkeys(r["case"] for r in results):
        rows = [r for r in results if r["case"] == name]
        played = [r for r in rows if "prediction" in r]
        told = [sum(r["prediction"] == word for r in played) for word in ("right", "open", "wrong")]
        whole = sum(bool(r.get("server_restored")) for r in played)
        bad = sum(r["outcome"] in ("disagree", "broken", "no truth") for r in rows)
        none = sum(r["outcome"] in ("no crash", "skipped") for r in rows)
        lines.append("| " + " | ".join(map(str, [name.removeprefix("situation-"), len(rows), *told, whole, bad, none])) + " |")
    return "\n".join(lines) + "\n"


def alone(results):
    """The rounds in which the server by itself failed or lost a table, while what dblwr mended holds everything."""
    found = {}
    for r in results:
        if r.get("equal") and not r["server_restored"]:
            kind, size, layout, target = r["row"]
            version = r["version"].split("-")[0]
            how = "starts with the table lost or corrupt"
            if not r["server_started"]:
                how = "does not start"
            elif r.get("server_died"):
                how = "starts and dies when a table is read"
            elif "left_damaged" in r:
                how = "starts with the page still damaged in its file, and fails at its next start"
            layout = layout.replace("row_format=compressed key_block_size=", "zip ").replace("page_compressed=1, ", "page_compressed ").replace("=1", "")
            found.setdefault((KINDS[kind].vendor, version, target, how), []).append(f"{size // 1024}K" if layout == "default" else f"{size // 1024}K {layout}")
    lines = [f"- {name} {version}, {target}, {how}: {len(formats)} ({', '.join(formats)})" for (name, version, target, how), formats in found.items()]
    if not lines:
        return ""
    return "Where the server by itself fails, and starts with everything there once dblwr has mended it:\n\n" + "\n".join(lines) + "\n"


def alike(results):
    """How many of the pages that `restore --rules server` plans a server's own pass writes with the same bytes."""
    rounds = [r for r in results if "written_alike" in r]
    if not rounds:
        return ""
    same, planned = (sum(r["written_alike"][at] for r in rounds) for at in (0, 1))
    memory = sum(r.get("mended_in_memory", 0) for r in rounds)
    return (
        f"Of {planned} pages that `restore --rules server` planned in {len(rounds)} rounds the servers wrote {same} byte for byte; "
        f"{memory} MariaDB mended in memory, and wrote later with redo applied.\n"
    )


def counts(played):
    """The columns of the matrix that count rounds and pages."""
    torn = [page for r in played for page in r["torn"]]
    foretold = [r.get("prediction") for r in played]
    told = f"{foretold.count('right')}/{len(played)}"
    return [
        len(played),
        len(torn),
        sum(bool(page["copies"]) for page in torn),
        share(r["server_restored"] for r in played),
        sum(r["restored"] for r in played),
        share(r["started"] for r in played),
        share(r["equal"] for r in played),
        share(r["control_failed"] for r in played),
        told + (f", {foretold.count('open')} open" if "open" in foretold else ""),
    ]


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
