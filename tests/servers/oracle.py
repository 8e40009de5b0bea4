"""What a server said in its error log while it recovered, held against what dblwr foretold.

Written apart from dblwr's own reader of error logs: it knows only the wordings of the five servers at hand.
"""

import re

ID = r"\[page id: space=(?P<space>\d+), page number=(?P<page>\d+)\]"
RESTORED = [
    re.compile(rf"Recovered page {ID}"),
    re.compile(rf"Restoring page {ID} of datafile"),
    re.compile(r"Restoring page (?P<page>\d+) of tablespace (?P<space>\d+)"),
    re.compile(r"corruption or a failed file read of space (?P<space>\d+) page (?P<page>\d+)\. Trying to recover it from the doublewrite"),
]
NAMED = [
    re.compile(ID),
    re.compile(r"space_id: (?P<space>\d+) page_num: (?P<page>\d+)"),
    re.compile(r"read of space (?P<space>\d+) page (?P<page>\d+)\."),
    re.compile(r"tablespace (?P<space>\d+) page no (?P<page>\d+)"),
    re.compile(r"[Ff]ailed to read page (?P<page>\d+) from file"),
    re.compile(r"apply log to corrupted page (?P<page>\d+) in file"),
    re.compile(r"file read of page (?P<page>\d+)\."),
]


# What stands before the words of a line; MySQL 5.6 breaks its messages anywhere, and repeats some of it.
HEAD = re.compile(r"^(?:\d{4}-\S+ .*?)?InnoDB: ", re.MULTILINE)


def joined(log):
    """The log as one line, without what stands before the words."""
    return " ".join(HEAD.sub("", log).split())


def pages(patterns, log):
    """The pages that any of the patterns finds; the space is None where the wording has none."""
    found = set()
    for pattern in patterns:
        for hit in pattern.finditer(log):
            space = hit.groupdict().get("space")
            found.add((int(space) if space else None, int(hit["page"])))
    return found


def numbers(entries):
    return {(entry["space_id"], entry["page_no"]) for entry in entries}


def compare(report, log, started, kind):
    """Holds verify's prediction against the log: ("right", "open" or "wrong", [what is wrong])."""
    prediction = report.get("prediction")
    if prediction is None:
        return "wrong", ["verify: no prediction"]
    log = joined(log)
    wrong = []
    foretold, did = numbers(prediction["restores"]), pages(RESTORED, log)
    if kind == "mysql56":  # refills zero pages without a word
        foretold -= numbers(p for p in report["pages"] if p.get("home") and p["home"]["state"] == "zero")
    # Where it is open whether the server starts, it need not come as far as to restore.
    if foretold != did and not (prediction["starts"] is None and did < foretold):
        extra, missed = sorted(foretold - did), sorted(did - foretold)
        wrong.append(f"prediction: restores {len(foretold)}, the server {len(did)}: not done {extra[:4]}, not foretold {missed[:4]}")
    if prediction["starts"] not in (None, started):
        wrong.append(f"prediction: starts {prediction['starts']}, the server {started}")
    if prediction["starts"] is False and not started and prediction["stops_at"]:
        first = prediction["stops_at"][0]
        named = pages(NAMED, log)
        if not {(first["space_id"], first["page_no"]), (None, first["page_no"])} & named:
            wrong.append(f"prediction: stops at {first['space_id']}:{first['page_no']}, which the log does not name")
    if wrong:
        return "wrong", wrong
    return ("open" if prediction["starts"] is None else "right"), []
