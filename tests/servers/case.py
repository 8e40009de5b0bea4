"""One case of the matrix: which server, which pages, which tables, and where the tear goes."""

from dataclasses import dataclass, field

from kinds import KINDS
from scrub import extent

ENCRYPT = [
    "--plugin-load-add=file_key_management",
    "--file-key-management-filename=@DIR@/data/keys.txt",
    "--innodb-encrypt-tables=ON",
]
CLASSIC = "--innodb-checksum-algorithm="


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
    moved: bool = False  # the judges start with the options of `restart`, too
    born: str = ""  # the kind that made the directory and its tables, where it is an older one
    how: str = "tear"  # or "kill" under load, "stop", "snapshot", "fresh", "kill in recovery": nothing is cut then
    before_change: list = field(default_factory=list)  # statements just before pages are dirtied
    alongside: list = field(default_factory=list)  # SQL of clients that are still at work when the server dies
    arrange: object = None  # what is done to the folder before the judges come
    told: list = field(default_factory=list)  # options of dblwr beside those below
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
    def first_options(self):
        """The options of the run that makes the tables."""
        return [word for word in self.server_options if not (self.moved and word in self.restart)]

    @property
    def server_options(self):
        """The options that every start of the server gets."""
        size = [] if self.page_size == 16384 else [f"--innodb-page-size={self.page_size}"]
        if self.page_size == 65536:
            size.append("--innodb-buffer-pool-size=64M")
        return size + self.options + (self.restart if self.moved else [])

    @property
    def dblwr_options(self):
        """What dblwr must be told: where things lie that are not in the data directory, and the key file."""
        words = ["--keyring", "@DIR@/data/keyring.json"] if self.keyring else []
        words += ["--keyring", "@DIR@/data/keys.txt"] if any("keys.txt" in option for option in self.options) else []
        told = {"doublewrite-dir": "doublewrite-dir", "undo-directory": "undo-dir", "data-file-path": "data-file-path", "directories": "directory", "data-home-dir": "data-home-dir", "log-group-home-dir": "redo-dir"}
        for option in self.options:
            name, _, value = option.removeprefix("--innodb-").partition("=")
            if name in told:
                words += [f"--{told[name]}", value]
        return words + self.told

    def place(self, rng):
        """Where to cut: file, byte range, and the bytes of the page that arrive."""
        server = KINDS[self.kind]
        size, unit, block = self.page_size, self.physical or self.page_size, extent(self.page_size)
        ranges = {
            # Mostly pages that were there before: MariaDB makes no copy of a page that redo can rebuild.
            "table": (self.ibd, 3 * unit, (24 if rng.random() < 0.8 else 10**6) * unit, unit, 4),
            "page 0": (self.ibd, 0, unit, unit, 1),
            "index": (self.ibd, 4 * unit, 6 * unit, unit, 2),  # the roots of both secondary indexes
            "system": ("/ibdata1", 6 * size, block * size, size, 3),
            "system, high": ("/ibdata1", 3 * block * size, 1 << 40, size, 3),
            "second file": ("/ibdata2", 0, 1 << 40, size, 3),
            "page 5": ("/ibdata1", 5 * size, 6 * size, size, 1),
            "undo": ("/undo_001" if server.new_undo_names else "/undo001", size, 1 << 40, size, 3),
            "mysql.ibd": ("/mysql.ibd", size, 1 << 40, size, 5),
            "doublewrite": ("*.dblwr", 0, 1 << 40, size, 3)
            if server.area_in_files
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
