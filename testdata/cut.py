#!/usr/bin/env python3
"""Cuts a directory of a real crash down to what one torn page needs: cut.py NAME ROUND OUT, NAME as in CASES below and ROUND a
directory that tests/servers made (case.json, data, ext).

Kept are the file of the torn page, the system tablespace's first pages, the doublewrite slots of that file (a dozen, and
those of no file), their homes, the key file, and where KEPT_REDO says so the redo files from the checkpoint on. All other
pages of these files are zero, all other files are left out: no server would start on the result. OUT gets crashed.tar.zst
and torn.json; the bytes that belong home are those that the server was writing (tear.new) or, where it compresses behind the
buffer, those of the slot."""

import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tarfile
import io

DBLWR = pathlib.Path(__file__).parent.parent / "target/debug/dblwr"
# name: (key file, options with @ for the directory above PATH, keep redo)
CASES = {
    "mysql97-encrypted": ("keyring.json", [], True),
    "mysql97-encrypted-page0": ("keyring.json", [], False),
    "mysql97-encrypted-tpc": ("keyring.json", [], False),
    "mysql97-encrypted-zip8": ("keyring.json", [], False),
    "mysql97-tpc-zlib": (None, [], False),
    "mysql97-tpc-lz4": (None, [], False),
    "mysql97-general-tablespace": (None, [], False),
    "mysql97-data-directory": (None, ["--directory=@/ext"], True),
    "mysql97-partitions": (None, [], True),
    "mysql97-undo": (None, [], False),
    "mysql97-undo-truncated": (None, [], False),
    "maria118-classic-pagecompressed-lz4": (None, [], False),
    "maria118-classic-pagecompressed-bzip2": (None, [], False),
    "maria118-classic-pagecompressed-lzma": (None, [], False),
    "maria118-classic-pagecompressed-lzo": (None, [], False),
    "maria118-classic-pagecompressed-snappy": (None, [], False),
    "maria118-classic-encrypted-pagecompressed": ("keys.txt", [], False),
    "maria118-encrypted": ("keys.txt", [], False),
    "maria118-classic-encrypted": ("keys.txt", [], False),
    "maria105-encrypted-pagecompressed": ("keys.txt", [], False),
}


def verify(round_, key, options):
    args = [DBLWR, "verify", "--json", round_ / "data"] + [o.replace("@", str(round_)) for o in options]
    if key:
        args += ["--keyring", round_ / "data" / key]
    return json.loads(subprocess.run(args, capture_output=True, check=False).stdout)


def redo(round_, checkpoint):
    """Redo files that hold the checkpoint or what follows it."""
    kept = {}
    for file in sorted((round_ / "data" / "#innodb_redo").glob("#ib_redo*")):
        if file.name.endswith("_tmp"):
            continue
        data = file.read_bytes()
        start = struct.unpack(">Q", data[8:16])[0]
        if start + len(data) - 2048 > checkpoint:
            kept["data/#innodb_redo/" + file.name] = data
    return kept


def only(data, size, pages):
    """All zero but these pages."""
    out = bytearray(len(data))
    for page in pages:
        out[page * size : (page + 1) * size] = data[page * size : (page + 1) * size]
    return bytes(out)


def main():
    name, round_, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    key, options, with_redo = CASES[name]
    case = json.loads((round_ / "case.json").read_text())
    place, tear = case["tear"].split(" ", 1)
    offset = int(tear.split()[0].split("=")[1])
    logical, physical = case["page_size"], case["physical_page_size_of_t1"]
    report = verify(round_, key, options)
    shown = place.removeprefix("data/") if place.startswith("data/") else str(round_ / place)
    here = [p for p in report["pages"] if p["home"]["file"] == shown]
    torn = [p for p in here if p["home"]["offset"] == offset and p["verdict"] == "restorable"]
    assert len(torn) == 1, (len(torn), [p["verdict"] for p in here if p["home"]["offset"] == offset])
    torn = torn[0]
    sound = [p for p in here if p["verdict"] in ("intact", "pending") and p["home"]["offset"] != offset][:10]
    orphans = [p for p in report["pages"] if p["verdict"] == "orphan"][:3]
    slots = {}
    for page in [torn, *sound, *orphans]:
        slots.setdefault(page["slot"]["file"], set()).add(page["slot"]["index"])

    files = {}
    homes = {p["home"]["offset"] // physical for p in [torn, *sound]} | {0, 1, 2}
    files[place] = only((round_ / place).read_bytes(), physical, homes)
    system = (round_ / "data/ibdata1").read_bytes()
    extent = {4096: 256, 8192: 128}.get(logical, 64)
    kept = set(range(8)) | {extent + index for index in slots.pop("ibdata1", set())}
    files["data/ibdata1"] = only(system[: 3 * extent * logical], logical, kept)
    for file, indices in slots.items():
        data = (round_ / "data" / file).read_bytes()
        files["data/" + file] = only(data[: (max(indices) + 1) * logical], logical, indices)
    if key:
        files["data/" + key] = (round_ / "data" / key).read_bytes()
    if with_redo:
        files |= redo(round_, report["redo"]["checkpoint_lsn"])

    slot_file = "data/" + torn["slot"]["file"]
    start = torn["slot"]["index"] * logical + (extent * logical if slot_file.endswith("ibdata1") else 0)
    after = files[slot_file][start : start + physical]
    writing = (round_ / "tear.new").read_bytes()
    if case["torn_pages"][0]["exact_copies"]:
        assert after[: len(writing)] == writing, "the slot is not what the server was writing"
    out.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(files):
            info = tarfile.TarInfo(file)
            info.size, info.mode = len(files[file]), 0o640
            tar.addfile(info, io.BytesIO(files[file]))
    (out / "crashed.tar.zst").write_bytes(
        subprocess.run(["zstd", "-19", "--long=27", "-q", "-c"], input=buffer.getvalue(), capture_output=True, check=True).stdout
    )
    facts = {
        "server": case["version"],
        "options": [o.replace("@DIR@", ".") for o in case["options"]],
        "table": case["table"].replace("@DIR@", "."),
        "torn": tear,
        "keyring": key,
        "path_options": options,
        "redo": with_redo,
        "file": place,
        "offset": offset,
        "length": physical,
        "space_id": torn["space_id"],
        "page_no": torn["page_no"],
        "slot": {"file": slot_file, "index": torn["slot"]["index"]},
        "is_what_the_server_was_writing": bool(case["torn_pages"][0]["exact_copies"]),
        "after_sha256": hashlib.sha256(after).hexdigest(),
        "orphans": len(orphans),
    }
    (out / "torn.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(name, (out / "crashed.tar.zst").stat().st_size)


main()
