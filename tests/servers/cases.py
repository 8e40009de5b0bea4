"""The cases of the matrix: what each server is asked to play."""

from case import CLASSIC, ENCRYPT, Case
from kinds import KINDS

ZIP = "row_format=compressed key_block_size="
CODECS = ("zlib", "lz4", "lzo", "lzma", "bzip2", "snappy")
PROVIDERS = ["--plugin-load-add=" + ";".join(f"provider_{c}" for c in ("bzip2", "lz4", "lzma", "lzo", "snappy"))]
UNDO_TRUNCATE = [
    "create undo tablespace u3 add datafile 'u3.ibu'",
    "set global innodb_purge_rseg_truncate_frequency=1",
    "alter undo tablespace innodb_undo_001 set inactive",
    "select sleep(3)",
    "alter undo tablespace innodb_undo_001 set active",
]


def mysql55(kind):
    """MySQL 5.5: 16 KiB pages, one checksum algorithm, no undo tablespaces."""
    def case(name, target="table", **kw):
        return Case(kind, name, target, **kw)

    for target in ("table", "page 5", "system", "page 0"):
        yield case(f"16k-{target.replace(' ', '')}", target)
    yield case("sum-none", options=["--skip-innodb-checksums"])
    for kilobytes in (1, 2, 4, 8, 16):
        yield case(f"zip{kilobytes}", table=ZIP + str(kilobytes), physical=kilobytes * 1024)
    for rows in ("redundant", "compact", "dynamic"):
        yield case(rows, table=f"row_format={rows}")
    yield case("lost-write", lost=True)
    yield case("doublewrite", "doublewrite")
    yield case("no-doublewrite-leftovers", restart=["--skip-innodb-doublewrite"], copies=False)
    yield case("three-ibdata", "second file", options=["--innodb-data-file-path=ibdata1:6M;ibdata2:4M;ibdata3:4M:autoextend", "--innodb-file-per-table=0"])
    yield case("one-tablespace", "system, high", options=["--innodb-file-per-table=0"])
    yield case("partitions", partitions="partition by hash(id) partitions 4", ibd="t1#P#p1.ibd")


def mysql56(kind):
    """MySQL 5.6 to 8.0.19, MariaDB 10.1 and 10.2: built-in area, no checksum over the file header."""
    def case(name, target="table", **kw):
        return Case(kind, name, target, **kw)

    server = KINDS[kind]
    old = server.version[:2] == (5, 6)
    zips = ["--innodb-file-format=Barracuda"] if old else []
    undo = ["--innodb-undo-tablespaces=2", *(["--innodb-undo-logs=20"] if old else [])]
    for size in (4096, 8192, 16384) if old else (4096, 8192, 16384, 32768, 65536):
        for target in ("table", "page 5", "system", "page 0"):
            yield case(f"{size // 1024}k-{target.replace(' ', '')}", target, page_size=size)
    for algorithm in ("crc32", "none", "strict_crc32", "strict_innodb", "strict_none"):
        yield case(f"sum-{algorithm}", options=[CLASSIC + algorithm])
        yield case(f"sum-{algorithm}-4k", options=[CLASSIC + algorithm], page_size=4096)
    yield case("sum-innodb-then-crc32", restart=[CLASSIC + "crc32"])
    for kilobytes in (1, 2, 4, 8, 16):
        yield case(f"zip{kilobytes}", options=zips, table=ZIP + str(kilobytes), physical=kilobytes * 1024)
    yield case("zip1-4k-crc32", options=zips + [CLASSIC + "crc32"], page_size=4096, table=ZIP + "1", physical=1024)
    yield case("zip4-none", options=zips + [CLASSIC + "none"], table=ZIP + "4", physical=4096)
    yield case("undo", "undo", options=undo)
    yield case("undo-4k", "undo", options=undo, page_size=4096)
    if not old:
        yield from rows(kind)
    yield from transparent(kind)
    if server.dictionary:
        yield case("16k-mysql.ibd", "mysql.ibd")
        yield case("4k-mysql.ibd", "mysql.ibd", page_size=4096)
    if server.mysql and not old:
        yield from general(kind)
    yield case("lost-write", lost=True)
    yield case("doublewrite", "doublewrite")
    yield case("doublewrite-4k", "doublewrite", page_size=4096)
    yield case("no-doublewrite-leftovers", restart=["--skip-innodb-doublewrite"], copies=False)
    yield case("three-ibdata", "second file", options=["--innodb-data-file-path=ibdata1:6M;ibdata2:4M;ibdata3:4M:autoextend", "--innodb-file-per-table=0"])
    yield case("one-tablespace", "system, high", options=["--innodb-file-per-table=0"])
    name = "t1#p#p1.ibd" if server.area_in_files else "t1#P#p1.ibd"
    yield case("partitions", partitions="partition by hash(id) partitions 4", ibd=name)


def rows(kind):
    """Row formats that are not the server's own choice."""
    for name in ("redundant", "compact"):
        yield Case(kind, name, "table", table=f"row_format={name}")


def transparent(kind):
    """Compression below the pages, with holes in the file."""
    server = KINDS[kind]
    if not server.mysql:
        yield Case(kind, "pagecompressed-zlib", "table", table="page_compressed=1")
        yield Case(kind, "pagecompressed-4k", "table", table="page_compressed=1", page_size=4096)
    elif server.version >= (5, 7):
        for codec in ("zlib", "lz4"):
            yield Case(kind, f"tpc-{codec}", "table", table=f"compression='{codec}'")


def general(kind):
    """Tablespaces of several tables."""
    make = "create tablespace ts1 add datafile 'ts1.ibd'"
    yield Case(kind, "general-tablespace", "table", before=[f"{make} engine=innodb"], table="tablespace ts1", ibd="/ts1.ibd")
    zipped = "tablespace ts1 " + ZIP + "4"
    yield Case(kind, "general-zip", "table", before=[f"{make} file_block_size=4096 engine=innodb"], table=zipped, ibd="/ts1.ibd", physical=4096)


def mysql97(kind):
    """MySQL from 8.0.20 on: doublewrite files."""
    def case(name, target="table", **kw):
        return Case(kind, name, target, **kw)

    for size in (4096, 8192, 16384, 32768, 65536):
        for target in ("table", "page 5", "mysql.ibd", "page 0"):
            yield case(f"{size // 1024}k-{target.replace(' ', '')}", target, page_size=size)
    for algorithm in ("innodb", "none"):
        yield case(f"sum-{algorithm}", options=[CLASSIC + algorithm])
    for kilobytes in (1, 4, 8):
        yield case(f"zip{kilobytes}", table=ZIP + str(kilobytes), physical=kilobytes * 1024)
    yield case("zip2-4k", table=ZIP + "2", physical=2048, page_size=4096)
    yield from transparent(kind)
    yield from rows(kind)
    yield case("encrypted", table="encryption='y'", keyring=True)
    yield case("encrypted-page0", "page 0", table="encryption='y'", keyring=True)
    yield case("encrypted-zip8", table="encryption='y' " + ZIP + "8", keyring=True, physical=8192)
    yield case("encrypted-tpc", table="encryption='y' compression='zlib'", keyring=True)
    yield case("encrypted-undo-redo", keyring=True, change=["set global innodb_redo_log_encrypt=on", "set global innodb_undo_log_encrypt=on"])
    yield case("doublewrite-dir", options=["--innodb-doublewrite-dir=@DIR@/ext/dw"])
    yield case("doublewrite-files4", options=["--innodb-doublewrite-files=4", "--innodb-doublewrite-pages=16"])
    yield case("doublewrite-files1", options=["--innodb-doublewrite-files=1", "--innodb-doublewrite-pages=8"])
    yield case("doublewrite-batch", options=["--innodb-doublewrite-batch-size=16", "--innodb-doublewrite-pages=4"])
    yield case("doublewrite-fewer", options=["--innodb-doublewrite-files=4"], restart=["--innodb-doublewrite-files=2", "--innodb-doublewrite-pages=8"])
    yield case("no-doublewrite-leftovers", restart=["--innodb-doublewrite=OFF"], copies=False)
    yield case("detect-only-after-on", restart=["--innodb-doublewrite=DETECT_ONLY"], copies=False)
    yield case("detect-only-4k", page_size=4096, options=["--innodb-doublewrite=DETECT_ONLY"], copies=False)
    yield from general(kind)
    yield case("partitions", partitions="partition by hash(id) partitions 4", ibd="t1#p#p1.ibd")
    yield case("data-directory", options=["--innodb-directories=@DIR@/ext"], table="data directory='@DIR@/ext'")
    yield case("undo", "undo")
    yield case("undo-truncated", "undo", before=UNDO_TRUNCATE)
    yield case("redo-archived", options=["--innodb-redo-log-archive-dirs=a:@DIR@/ext"], change=["do innodb_redo_log_archive_start('a')"])
    yield case("lost-write", lost=True)
    yield case("doublewrite", "doublewrite")
    yield case("two-ibdata", "second file", options=["--innodb-data-file-path=ibdata1:6M;ibdata2:6M:autoextend", "--innodb-file-per-table=0"])


def maria(kind, codecs, providers):
    """MariaDB: built-in area, full_crc32 and the classic layout."""
    def case(name, target="table", **kw):
        return Case(kind, name, target, **kw)

    for size in (4096, 8192, 16384, 32768, 65536):
        yield case(f"{size // 1024}k-table", page_size=size)
        yield case(f"{size // 1024}k-page0", "page 0", page_size=size)
        yield case(f"{size // 1024}k-system", "system", page_size=size)
    for kilobytes in (1, 2, 4, 8):
        yield case(f"zip{kilobytes}", table=ZIP + str(kilobytes), physical=kilobytes * 1024)
    for algorithm in ("crc32", "innodb", "none") if kind == "maria105" else ("crc32",):
        yield case(f"classic-{algorithm}", options=[CLASSIC + algorithm])
    yield case("classic-crc32-4k", page_size=4096, options=[CLASSIC + "crc32"])
    yield case("classic-crc32-64k", page_size=65536, options=[CLASSIC + "crc32"])
    yield case("classic-encrypted", options=ENCRYPT + [CLASSIC + "crc32"])
    yield case("classic-encrypted-4k", page_size=4096, options=ENCRYPT + [CLASSIC + "crc32"])
    yield case("classic-encrypted-zip8", options=ENCRYPT + [CLASSIC + "crc32"], table=ZIP + "8", physical=8192)
    yield case("classic-encrypted-pagecompressed", options=ENCRYPT + [CLASSIC + "crc32"], table="page_compressed=1")
    yield case("classic-encrypted-system", "system", options=ENCRYPT + [CLASSIC + "crc32"])
    yield case("encrypted", options=ENCRYPT)
    yield case("encrypted-64k", page_size=65536, options=ENCRYPT)
    yield case("encrypted-pagecompressed", options=ENCRYPT, table="page_compressed=1")
    yield case("encrypted-log", options=[*ENCRYPT, "--innodb-encrypt-log=ON"])
    for codec in codecs:
        extra = providers + [f"--innodb-compression-algorithm={codec}"]
        yield case(f"pagecompressed-{codec}", options=extra, table="page_compressed=1")
        yield case(f"classic-pagecompressed-{codec}", options=extra + [CLASSIC + "crc32"], table="page_compressed=1")
    yield case("pagecompressed-4k", page_size=4096, table="page_compressed=1")
    yield case("no-doublewrite-leftovers", restart=["--skip-innodb-doublewrite"], copies=False)
    yield case("two-ibdata", "second file", options=["--innodb-data-file-path=ibdata1:6M;ibdata2:6M:autoextend", "--innodb-file-per-table=0"])
    yield case("undo", "undo", options=["--innodb-undo-tablespaces=2"])
    yield case("undo-4k", "undo", page_size=4096, options=["--innodb-undo-tablespaces=2"])
    if kind != "maria105":
        # MariaDB writes page 5 only when rollback segments are made anew.
        slow = ["--innodb-fast-shutdown=0", "--innodb-undo-tablespaces=0"]
        yield case("page5", "page 5", options=slow, restart=["--innodb-undo-tablespaces=3"], cut_at_restart=True)
    yield case("lost-write", lost=True)
    yield case("doublewrite", "doublewrite")
    yield case("partitions", partitions="partition by hash(id) partitions 4", ibd="t1#P#p1.ibd")
    yield case("redundant", table="row_format=redundant")
    yield case("compact", table="row_format=compact")
    if kind == "maria118":
        yield case("doublewrite-fast", options=["--innodb-doublewrite=fast"])


# What was made by the first server runs under the second one.
UPGRADES = [
    ("mysql5534", "mysql56"),
    ("mysql56", "mysql5722"),
    ("mysql5722", "mysql8012"),
    ("mysql8012", "mysql8033"),
    ("mysql8033", "mysql97"),
    ("maria10123", "maria10211"),
    ("maria10211", "maria10115"),
    ("maria10115", "maria1145"),
    ("mysql56", "maria10211"),
    ("mysql5722", "maria10211"),
]


def upgrades():
    """Made by one server, cleanly stopped, then torn under the next."""
    for old, new in UPGRADES:
        for target in ("table", "system"):
            yield Case(new, f"from-{old}-{target}", target, born=old)


def maria_plain(kind):
    """MariaDB 10.11 and 11.4 of packages without plugins: no key to encrypt with, no codec but zlib."""
    unplayable = ("encrypted", *(f"pagecompressed-{codec}" for codec in CODECS[1:]))
    for case in maria(kind, ("zlib",), []):
        if not any(word in case.name for word in unplayable):
            yield case


def all_cases():
    """Every case of every server."""
    yield from mysql55("mysql559")
    yield from mysql55("mysql5534")
    for kind in ("mysql56", "mysql5722", "mysql8012", "mysql8015"):
        yield from mysql56(kind)
    yield from mysql97("mysql8033")
    yield from mysql97("mysql97")
    yield from mysql56("maria10123")
    yield from mysql56("maria10211")
    yield from maria("maria105", ("zlib",), [])
    yield from maria_plain("maria10115")
    yield from maria("maria1011", CODECS, PROVIDERS)
    yield from maria_plain("maria1145")
    yield from maria("maria118", CODECS, PROVIDERS)
    yield from upgrades()


# What CI has time for, by name; the MariaDB of the machine's own release plays them.
CI = (
    "4k-table",
    "16k-table",
    "64k-page0",
    "16k-page0",
    "16k-system",
    "zip8",
    "classic-crc32",
    "pagecompressed-zlib",
    "encrypted",
    "undo",
    "doublewrite",
)
