"""The cases of the matrix: which server, which pages, which tables, and where the tear goes."""

from dataclasses import dataclass, field

from scrub import extent

ENCRYPT = [
    "--plugin-load-add=file_key_management",
    "--file-key-management-filename=@DIR@/data/keys.txt",
    "--innodb-encrypt-tables=ON",
]
ZIP = "row_format=compressed key_block_size="
CODECS = ("zlib", "lz4", "lzo", "lzma", "bzip2", "snappy")
CLASSIC = "--innodb-checksum-algorithm="
PROVIDERS = ["--plugin-load-add=" + ";".join(f"provider_{c}" for c in ("bzip2", "lz4", "lzma", "lzo", "snappy"))]
UNDO_TRUNCATE = [
    "create undo tablespace u3 add datafile 'u3.ibu'",
    "set global innodb_purge_rseg_truncate_frequency=1",
    "alter undo tablespace innodb_undo_001 set inactive",
    "select sleep(3)",
    "alter undo tablespace innodb_undo_001 set active",
]


@dataclass
class Case:
    """One combination.  Words in `options` may say @DIR@ for the folder around the data directory."""

    kind: str
    name: str
    target: str
    page_size: int = 16384
    options: list = field(default_factory=list)
    table: str = ""  # table options of d.t1 and d.b1
    partitions: str = ""  # of d.t1 only
    before: list = field(default_factory=list)  # statements before the tables are made
    change: list = field(default_factory=list)  # statements among those that dirty pages
    physical: int = 0  # size of a home page of d.t1, where it differs from the page size
    ibd: str = "/d/t1.ibd"
    restart: list = field(default_factory=list)  # options of the run that is killed, if others
    lost: bool = False  # the write is lost instead of torn, the server lives on and is killed later
    cut_at_restart: bool = False  # armed before the second start instead of after it
    keyring: bool = False  # MySQL: load component_keyring_file
    copies: bool = True  # whether the run that is killed saves full copies

    @property
    def layout(self):
        """Row format, checksum and the like, as the matrix names them."""
        words = [option.removeprefix(CLASSIC) for option in self.options + self.restart if option.startswith(CLASSIC)]
        words += [self.table.split(" '")[0]] if self.table else []
        words += ["encrypted"] if ENCRYPT[-1] in self.options else []
        words += [option.removeprefix("--innodb-compression-algorithm=") for option in self.options if "compression-alg" in option]
        plain = self.name.rsplit("k-", 1)[-1] in (self.target.replace(" ", ""), self.target)
        return ", ".join(words) or ("default" if plain else self.name)

    @property
    def server_options(self):
        """The options that every start of the server gets."""
        size = [] if self.page_size == 16384 else [f"--innodb-page-size={self.page_size}"]
        if self.page_size == 65536:
            size.append("--innodb-buffer-pool-size=64M")
        return size + self.options

    @property
    def dblwr_options(self):
        """What dblwr must be told: where things lie that are not in the data directory, and MySQL's key file."""
        words = ["--keyring", "@DIR@/data/keyring.json"] if self.keyring else []
        told = {"doublewrite-dir": "doublewrite-dir", "undo-directory": "undo-dir", "data-file-path": "data-file-path", "directories": "directory"}
        for option in self.options:
            name, _, value = option.removeprefix("--innodb-").partition("=")
            if name in told:
                words += [f"--{told[name]}", value]
        return words

    def place(self, rng):
        """Where to cut: file, byte range, and the bytes of the page that arrive."""
        size, unit, block = self.page_size, self.physical or self.page_size, extent(self.page_size)
        ranges = {
            # Mostly pages that were there before: MariaDB makes no copy of a page that redo can rebuild.
            "table": (self.ibd, 3 * unit, (24 if rng.random() < 0.8 else 10**6) * unit, unit, 4),
            "page 0": (self.ibd, 0, unit, unit, 1),
            "system": ("/ibdata1", 6 * size, block * size, size, 3),
            "system, high": ("/ibdata1", 3 * block * size, 1 << 40, size, 3),
            "second file": ("/ibdata2", 0, 1 << 40, size, 3),
            "page 5": ("/ibdata1", 5 * size, 6 * size, size, 1),
            "undo": ("/undo001" if self.kind != "mysql97" else "/undo_001", size, 1 << 40, size, 3),
            "mysql.ibd": ("/mysql.ibd", size, 1 << 40, size, 5),
            "doublewrite": ("*.dblwr", 0, 1 << 40, size, 3)
            if self.kind == "mysql97"
            else ("/ibdata1", block * size, 3 * block * size, size, 2),
        }
        file, low, high, unit, most = ranges[self.target]
        sector = 512
        sectors = unit // sector
        first = 0 if rng.random() < 0.75 else rng.randrange(sectors)
        end = rng.randrange(first + 1, sectors + (1 if first else 0))
        return {
            "FILE": file,
            "LO": low,
            "HI": high,
            "FROM": first * sector,
            "TO": end * sector,
            "UNIT": unit,
            "MODE": "drop" if self.lost else "tear",
            "NTH": rng.randint(1, most),
        }


def mysql56():
    """MySQL 5.6: built-in area, redo of the old format, no checksum over the file header."""
    def case(name, target="table", **kw):
        return Case("mysql56", name, target, **kw)

    zips = ["--innodb-file-format=Barracuda"]
    for size in (4096, 8192, 16384):
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
    yield case("undo", "undo", options=["--innodb-undo-tablespaces=2", "--innodb-undo-logs=20"])
    yield case("undo-4k", "undo", options=["--innodb-undo-tablespaces=2", "--innodb-undo-logs=20"], page_size=4096)
    yield case("lost-write", lost=True)
    yield case("doublewrite", "doublewrite")
    yield case("doublewrite-4k", "doublewrite", page_size=4096)
    yield case("no-doublewrite-leftovers", restart=["--skip-innodb-doublewrite"], copies=False)
    yield case("three-ibdata", "second file", options=["--innodb-data-file-path=ibdata1:6M;ibdata2:4M;ibdata3:4M:autoextend", "--innodb-file-per-table=0"])
    yield case("one-tablespace", "system, high", options=["--innodb-file-per-table=0"])
    yield case("partitions", partitions="partition by hash(id) partitions 4", ibd="t1#P#p1.ibd")


def mysql97():
    """MySQL 9.7: doublewrite files."""
    def case(name, target="table", **kw):
        return Case("mysql97", name, target, **kw)

    for size in (4096, 8192, 16384, 32768, 65536):
        for target in ("table", "page 5", "mysql.ibd", "page 0"):
            yield case(f"{size // 1024}k-{target.replace(' ', '')}", target, page_size=size)
    for algorithm in ("innodb", "none"):
        yield case(f"sum-{algorithm}", options=[CLASSIC + algorithm])
    for kilobytes in (1, 4, 8):
        yield case(f"zip{kilobytes}", table=ZIP + str(kilobytes), physical=kilobytes * 1024)
    yield case("zip2-4k", table=ZIP + "2", physical=2048, page_size=4096)
    for codec in ("zlib", "lz4"):
        yield case(f"tpc-{codec}", table=f"compression='{codec}'")
    yield case("encrypted", table="encryption='y'", keyring=True)
    yield case("encrypted-page0", "page 0", table="encryption='y'", keyring=True)
    yield case("encrypted-zip8", table="encryption='y' " + ZIP + "8", keyring=True, physical=8192)
    yield case("encrypted-tpc", table="encryption='y' compression='zlib'", keyring=True)
    yield case("encrypted-undo-redo", keyring=True, change=["set global innodb_redo_log_encrypt=on", "set global innodb_undo_log_encrypt=on"])
    yield case("doublewrite-dir", options=["--innodb-doublewrite-dir=@DIR@/ext/dw"])
    yield case("doublewrite-files4", options=["--innodb-doublewrite-files=4", "--innodb-doublewrite-pages=16"])
    yield case("no-doublewrite-leftovers", restart=["--innodb-doublewrite=OFF"], copies=False)
    yield case("detect-only-after-on", restart=["--innodb-doublewrite=DETECT_ONLY"], copies=False)
    yield case("detect-only-4k", page_size=4096, options=["--innodb-doublewrite=DETECT_ONLY"], copies=False)
    yield case("general-tablespace", before=["create tablespace ts1 add datafile 'ts1.ibd' engine=innodb"], table="tablespace ts1", ibd="/ts1.ibd")
    yield case("general-zip", before=["create tablespace ts1 add datafile 'ts1.ibd' file_block_size=4096 engine=innodb"], table="tablespace ts1 " + ZIP + "4", ibd="/ts1.ibd", physical=4096)
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


def all_cases():
    """Every case of every server."""
    yield from mysql56()
    yield from mysql97()
    yield from maria("maria105", ("zlib",), [])
    yield from maria("maria1011", CODECS, PROVIDERS)
    yield from maria("maria118", CODECS, PROVIDERS)


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
