"""What a server said in its error log while it recovered, held against what dblwr foretold.

Written apart from dblwr's own reader of error logs: it knows only the wordings of the servers at hand.
"""

import re
import zlib
from pathlib import Path

ID = r"\[page id: space=(?P<space>\d+), page number=(?P<page>\d+)\]"
RESTORED = [
    re.compile(rf"Recovered page {ID}"),
    re.compile(r"Recovered page (?P<space>\d+):(?P<page>\d+) from"),  # MariaDB 10.1
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
    re.compile(r"Tablespace (?P<space>\d+) was not found"),  # for want of its first page
    re.compile(r"Could not find any file associated with the tablespace ID: (?P<space>\d+)"),
    re.compile(r"Inconsistent tablespace ID in file \S*undo0*(?P<space>\d+)"),
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
            found.add((int(space) if space else None, int(hit.groupdict().get("page") or 0)))
    return found


def numbers(entries):
    return {(entry["space_id"], entry["page_no"]) for entry in entries}


def zero_homes(report):
    """Pages, but for page 0, whose home is all zero."""
    return numbers(p for p in report["pages"] if p["page_no"] and p.get("home") and p["home"]["state"] == "zero")


def compare(report, log, started, kind, silent=False, zip_at_chance=False):
    """Holds verify's prediction against the log: ("right", "open" or "wrong", [what is wrong]).

    `zip_at_chance`: MySQL 8.0 to 8.0.19 finds zeros behind a zero compressed page, or not, as its heap has it.
    `silent`: MariaDB from 10.5.24 on puts a first page without a space id in place without a word.
    """
    prediction = report.get("prediction")
    if prediction is None:
        return "wrong", ["verify: no prediction"]
    log = joined(log)
    wrong = []
    foretold, did = numbers(prediction["restores"]), pages(RESTORED, log)
    if kind == "mysql56":  # refills zero pages without a word, but for page 0
        foretold -= zero_homes(report)
    if zip_at_chance:
        foretold -= zero_homes(report) - did
    if silent:
        foretold = {page for page in foretold if page in did or page[1]}
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


NOTE = re.compile(rb"(?P<path>[^\n]*) offset=(?P<offset>\d+) len=(?P<len>\d+)\n")


def writes(record, data):
    """What a server wrote, in order: (file relative to `data` where it lies there, offset, bytes)."""
    if not record.exists():
        return
    bytes_, at = record.read_bytes(), 0
    while found := NOTE.match(bytes_, at):
        path = Path(found["path"].decode())
        name = path.relative_to(data) if path.is_relative_to(data) else path
        end = found.end() + int(found["len"])
        yield str(name), int(found["offset"]), bytes_[found.end() : end]
        at = end


def written_by(write, page):
    """The bytes that a write puts in the place of a planned page, or None if it does not begin there or before.

    A compressed page may be shorter: the rest of its place is then a hole.
    """
    name, offset, bytes_ = write
    at = page["offset"] - offset
    if name != page["file"] or not 0 <= at < len(bytes_):
        return None
    return bytes_[at : at + page["length"]].ljust(page["length"], b"\0")


def same_page(written, planned):
    """Whether both are one page; MySQL's transparent compression may be on one side only."""
    if written == planned:
        return True
    old, new = expanded(written), expanded(planned)
    return old is not written and old[:26] + old[34:] == new[:26] + new[34:]


def expanded(page):
    """A page of MySQL's transparent compression as it was before: the copy has it like that. Others as they are."""
    if page[24:26] != (14).to_bytes(2, "big"):
        return page
    size = int.from_bytes(page[32:34], "big")
    body = page[38 : 38 + size]
    body = zlib.decompress(body) if page[27] == 1 else lz4(body)
    return page[:24] + page[28:30] + bytes(8) + page[34:38] + body


def lz4(block):
    """Expands one LZ4 block."""
    out, at = bytearray(), 0

    def more(length, at):
        while True:
            length += block[at]
            at += 1
            if block[at - 1] != 255:
                return length, at

    while at < len(block):
        token = block[at]
        at += 1
        count = token >> 4
        if count == 15:
            count, at = more(count, at)
        out += block[at : at + count]
        at += count
        if at >= len(block):
            break
        back = int.from_bytes(block[at : at + 2], "little")
        at += 2
        count = token & 15
        if count == 15:
            count, at = more(count, at)
        for _ in range(count + 4):
            out.append(out[-back])
    return bytes(out)
