"""Small images for `testdata/`: a few tables of formats that redo has to know, killed between two flushes.

Nothing is torn: the tests tear pages themselves, into versions that redo yields.
"""

import io
import json
import shutil
import subprocess
import tarfile
import time

from case import CLASSIC, ENCRYPT, Case
from crash import Crash
from workload import flush

SMALL = ["--innodb-autoextend-increment=1", "--innodb-undo-tablespaces=0", "--innodb-log-file-size=4M"]
CTR = "--file-key-management-encryption-algorithm=AES_CTR"

# name: (server, page size, options, tables by name with their options)
IMAGES = {
    "redo-ma1011-encrypted-log": ("maria10115", 4096, [*ENCRYPT, "--innodb-encrypt-log=ON"], {"t1": "", "z2": "row_format=compressed key_block_size=2"}),
    "redo-ma114-crc32-encrypted-ctr": ("maria1145", 4096, [*ENCRYPT, CLASSIC + "crc32", CTR], {"t1": "", "z2": "row_format=compressed key_block_size=2"}),
    "redo-ma1011-compressed": ("maria10115", 16384, [], {"t1": "", "z8": "row_format=compressed key_block_size=8", "z4": "row_format=compressed key_block_size=4", "p1": "page_compressed=1"}),
}


def fill(name, options):
    """A table with two secondary indexes and rows of which none is like another."""
    text = f"create table {name} (id int primary key, k int, c varchar(80), pad varchar(200), key(k), key(c(20))) engine=innodb {options};"
    for at in range(0, 400, 100):
        text += f"insert into {name} values " + ",".join(f"({i},{i * 7919 % 1009},md5({i}),concat(md5({i * 31}),repeat('x',{i % 90})))" for i in range(at, at + 100)) + ";"
    return text


def change(name):
    return f"update {name} set k=k+1, c=reverse(c) where id%3=0; delete from {name} where id%11=0; insert into {name} values (5000,1,'n','m')"


class Image(Crash):
    """One image below `out`."""

    def make(self, tables, out):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.live.mkdir(parents=True)
        server = self.server("crash.log")
        try:
            server.create(self.root / "templates", self.secrets)
            self.start_or_fail(server, {}, None)
            version = server.sql("select version()")[0][0]
            server.sql("create database d; use d; " + "".join(fill(*table) for table in tables.items()))
            flush(server)
            time.sleep(2)  # the checkpoint follows
            for name in tables:
                server.sql(change(name), "d")
            flush(server, 0.2)
            server.sql("set global innodb_max_dirty_pages_pct=90, innodb_max_dirty_pages_pct_lwm=80")
            for name in tables:
                server.sql(f"update {name} set pad=concat('y',pad) where id%5=1", "d")
        finally:
            server.kill()
            server.close()
        self.pack(version, out)

    def pack(self, version, out):
        out.mkdir(parents=True, exist_ok=True)
        data = self.live / "data"
        wanted = [data / "ibdata1", data / "ib_logfile0", *sorted((data / "d").iterdir()), *sorted((data / "mysql").glob("*.ibd"))]
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in wanted:
                info = tar.gettarinfo(str(path), str(path.relative_to(data)))
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                with open(path, "rb") as file:
                    tar.addfile(info, file)
        archive = out / "crashed.tar.zst"
        subprocess.run(["zstd", "-q", "-19", "-f", "-o", str(archive)], input=packed.getvalue(), check=True)
        if (data / "keys.txt").exists():
            shutil.copy(data / "keys.txt", out / "keys.txt")
        options = [option.replace("@DIR@/data", "@CASE@") for option in self.case.options]
        about = {"name": out.name, "kind": self.case.kind, "version": version, "page_size": self.case.page_size, "options": options}
        (out / "case.json").write_text(json.dumps(about, indent=1) + "\n")


def make_all(out, options):
    """Every image, below `out`."""
    for name, (kind, page_size, words, tables) in IMAGES.items():
        case = Case(kind, name, "nothing torn", page_size, [*SMALL, *words])
        Image(case, 1, options.scratch / name, options.servers).make(tables, out / name)
        print(out / name)
    return 0
