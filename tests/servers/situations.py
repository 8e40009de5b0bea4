"""Situations in which a server may die, be stopped or be copied, each as a case for the servers that know it."""

import shutil

from case import CLASSIC, Case
from kinds import KINDS

FILES = ("mysql8033", "mysql97")
BUILT_IN = ("mysql5722", "mysql8012")
FIRST = ("mysql5534", "mysql56")
MARIA_FIRST = ("maria10123", "maria10211")
MARIA = ("maria105", "maria10115", "maria1011", "maria1145", "maria118")
MARIADB = MARIA_FIRST + MARIA
MYSQL = FIRST + BUILT_IN + FILES
SINCE_57 = BUILT_IN + FILES
EVERY = MYSQL + MARIADB

REBUILD = "alter table d.big force"
LOOP = "".join(f"create table d.loop{n} like d.t2; insert into d.loop{n} select * from d.t2; truncate table d.loop{n}; drop table d.loop{n};" for n in range(40))
UNDO_LOOP = "alter undo tablespace innodb_undo_002 set inactive; select sleep(1); alter undo tablespace innodb_undo_002 set active;" * 4
FULL_TEXT = [
    "create table d.fts (id int primary key, body text, fulltext(body)) engine=innodb",
    "insert into d.fts select id, concat(c, ' ', pad) from d.t2",
    "update d.fts set body=concat(body, ' torn home') where id%3=0",
]
TEMPORARY = "create temporary table d.tmp (id int primary key, v varchar(900)) engine=innodb; insert into d.tmp select id, repeat(c, 9) from d.t1; select sleep(1000);"
INSTANT = ["alter table d.t1 add column extra int default 7", "update d.t1 set extra=id where id%5=0"]
REDO_OFF = "alter instance disable innodb redo_log"
REDO_ON = "alter instance enable innodb redo_log"


def backup_below(live):
    """An old copy of the database directory inside the data directory."""
    shutil.copytree(live / "data/d", live / "data/backup/d")


def linked_database(live):
    """The database directory is a link to elsewhere."""
    (live / "ext").mkdir(exist_ok=True)
    shutil.move(live / "data/d", live / "ext/d")
    (live / "data/d").symlink_to("../ext/d")


def elsewhere(kind):
    """System tablespace, redo and undo in folders of their own."""
    words = ["--innodb-data-home-dir=@DIR@/ext/sys", "--innodb-log-group-home-dir=@DIR@/ext/redo", "--innodb-data-file-path=ibdata1:6M;ibdata2:4M:autoextend"]
    return words + (["--innodb-undo-directory=@DIR@/ext/undo"] if KINDS[kind].version >= (5, 6) else [])


def log_size(kind, size):
    return [f"--innodb-redo-log-capacity={size}" if KINDS[kind].version >= (8, 0, 30) and KINDS[kind].mysql else f"--innodb-log-file-size={size}"]


# name: (servers, what the case is made of: a dict, or a function of the server)
TORN = {
    "general": (SINCE_57, {"before": ["create tablespace ts1 add datafile 'ts1.ibd' engine=innodb"], "table": "tablespace ts1", "ibd": "/ts1.ibd"}),
    "files8": (FILES, {"options": ["--innodb-doublewrite-files=8", "--innodb-doublewrite-pages=32"]}),
    "files_changed": (FILES, {"options": ["--innodb-doublewrite-files=8"], "restart": ["--innodb-doublewrite-files=2", "--innodb-doublewrite-pages=8"]}),
    "detect_switch": (FILES, {"options": ["--innodb-doublewrite=DETECT_ONLY"], "restart": ["--innodb-doublewrite=ON"]}),
    "dir_changed": (FILES, {"restart": ["--innodb-doublewrite-dir=@DIR@/ext/dw"], "told": ["--doublewrite-dir", "@DIR@/ext/dw"], "moved": True}),
    "temp": (EVERY, {"alongside": [TEMPORARY]}),
    "fts": (tuple(kind for kind in EVERY if kind != "mysql5534"), {"change": FULL_TEXT}),
    "redo_reenabled": (FILES, {"change": [REDO_OFF, "update d.t2 set k=k+1", REDO_ON, "update d.t1 set k=k+2"]}),
    "redo_resized": (FILES, {"change": ["set global innodb_redo_log_capacity=16777216", "update d.t2 set k=k+1", "set global innodb_redo_log_capacity=8388608"]}),
    "neighbors": (EVERY, {"options": ["--innodb-flush-neighbors=2"]}),
    "log_resize": (tuple(kind for kind in EVERY if kind != "mysql5534"), lambda kind: {"restart": log_size(kind, "16M")}),
    "elsewhere": (EVERY, lambda kind: {"options": elsewhere(kind)}),
    "strict_mix": (tuple(kind for kind in EVERY if kind != "mysql5534"), {"options": [CLASSIC + "innodb"], "restart": [CLASSIC + "strict_crc32"]}),
    "symlink_db": (tuple(kind for kind in EVERY if kind not in SINCE_57), {"arrange": linked_database}),
    "datadir": (tuple(kind for kind in EVERY if kind != "mysql5534"), lambda kind: {"table": "data directory='@DIR@/ext'", "options": ["--innodb-directories=@DIR@/ext"] if KINDS[kind].dictionary else []}),
    "undo0": (MARIADB, {"target": "system, high", "options": ["--innodb-undo-tablespaces=0"]}),
    "dwfast": (("maria1145", "maria118"), {"options": ["--innodb-doublewrite=fast"], "restart": ["--innodb-doublewrite=ON"]}),
    "fsync": (EVERY, {"options": ["--innodb-flush-method=fsync"]}),
    "dsync": (EVERY, {"options": ["--innodb-flush-method=O_DSYNC"]}),
    "compress_mix": (SINCE_57, {"change": ["alter table d.t1 compression='zlib'", "update d.t1 set k=k+5 where id%4=0"]}),
    "instant": (("mysql8012", *FILES, *MARIA), {"change": INSTANT}),
    "loggroup": (FIRST, {"options": ["--innodb-log-files-in-group=5", "--innodb-log-file-size=1M"]}),
    "nested_backup": (EVERY, {"arrange": backup_below}),
    "upgrade": (("mysql56", "mysql5722", "mysql8012", "mysql8033", "maria10211", "maria10115", "maria1145"), lambda kind: {"born": OLDER[kind]}),
}
OLDER = {"mysql56": "mysql5534", "mysql5722": "mysql56", "mysql8012": "mysql5722", "mysql8033": "mysql8012", "maria10211": "maria10123", "maria10115": "maria10211", "maria1145": "maria10115"}
KILLED = {
    "kill": (EVERY, {}),
    "partitions": (EVERY, {"partitions": "partition by range(id) subpartition by hash(id) subpartitions 2 (partition p0 values less than (500), partition p1 values less than maxvalue)"}),
    "truncate_drop": (EVERY, {"alongside": [LOOP]}),
    "ddl": (EVERY, {"alongside": [REBUILD]}),
    "redo_disabled": (FILES, {"before_change": [REDO_OFF]}),
    "undo_truncate": (("mysql8033", "mysql97"), {"before": ["create undo tablespace u3 add datafile 'u3.ibu'"], "alongside": [UNDO_LOOP]}),
    "discarded": (EVERY, {"change": ["alter table d.t2 discard tablespace"]}),
    "scrub_immediate": (("maria105", "maria10115", "maria1011", "maria1145", "maria118"), {"options": ["--innodb-immediate-scrub-data-uncompressed=ON"]}),
    "fastshut2": (EVERY, {"options": ["--innodb-fast-shutdown=2"], "how": "stop"}),
    "fastshut0": (EVERY, {"options": ["--innodb-fast-shutdown=0"], "how": "stop"}),
    "clean": (EVERY, {"how": "stop"}),
    "fresh": (EVERY, {"how": "fresh"}),
    "snapshot": (EVERY, {"how": "snapshot"}),
    "recovery_kills": (EVERY, {"how": "kill in recovery"}),
    "nested_backup_healthy": (EVERY, {"how": "stop", "arrange": backup_below}),
}


def situations():
    """Every situation on every server that knows it."""
    for how, several in (("tear", TORN), ("kill", KILLED)):
        for name, (kinds, parts) in several.items():
            for kind in kinds:
                made = parts(kind) if callable(parts) else parts
                yield Case(kind, f"situation-{name}", **{"target": "table" if how == "tear" else "nothing torn", "how": how, **made})
