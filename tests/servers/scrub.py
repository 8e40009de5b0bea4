"""Wipes the doublewrite areas of a data directory, so that no server can use them.

Written apart from dblwr on purpose: it knows the places only, and shares no code with what it judges.
"""

import struct
from pathlib import Path

MAGIC = 0x1FFFBD5F
HEADER_FROM_END = 200  # of page 5: segment header (10 bytes), then magic, block1, block2, and all three again


def extent(page_size):
    """Pages in an extent, which is also the length of a block."""
    return max(64, (1 << 20) // page_size)


def page_size_of(system):
    """The page size at which page 5 shows a doublewrite header, or None."""
    for size in (4096, 8192, 16384, 32768, 65536):
        at = 5 * size + size - HEADER_FROM_END + 10
        words = struct.unpack(">6I", system[at : at + 24].ljust(24, b"\0"))
        if MAGIC in (words[0], words[3]):
            return size
    return None


def blocks(system, page_size):
    """Byte ranges of both blocks in the first system tablespace file."""
    at = 5 * page_size + page_size - HEADER_FROM_END + 10
    magic, *first, repeat, again1, again2 = struct.unpack(">6I", system[at : at + 24])
    starts = first if magic == MAGIC else (again1, again2) if repeat == MAGIC else ()
    length = extent(page_size) * page_size
    return [(start * page_size, length) for start in starts]


def areas(folder, page_size):
    """(file, offset, length) of every doublewrite area at or below `folder`."""
    for system in sorted(folder.rglob("ibdata1")):
        with open(system, "rb") as file:
            head = file.read(6 * 65536)
        for offset, length in blocks(head, page_size_of(head) or page_size):
            yield system, offset, length
    for file in sorted(folder.rglob("*dblwr")):
        if file.is_file():
            yield file, 0, file.stat().st_size


def scrub(folder, page_size):
    """Fills every doublewrite area with zeros; how many bytes that were."""
    total = 0
    for path, offset, length in areas(Path(folder), page_size):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(bytes(length))
        total += length
    return total


def identity(page):
    """Page number, LSN and space id of a page (or, where that is encrypted or compressed, other bytes)."""
    return page[4:8] + page[16:24] + page[34:38]


def holds(folder, page_size, page):
    """In how many slots of doublewrite areas this version of the page stands, and in how many byte for byte."""
    same, exact = 0, 0
    for path, offset, length in areas(Path(folder), page_size):
        with open(path, "rb") as file:
            file.seek(offset)
            area = file.read(length)
        for slot in range(0, len(area), page_size):
            same += identity(area[slot : slot + 38]) == identity(page)
            exact += area[slot : slot + len(page)] == page
    return same, exact
