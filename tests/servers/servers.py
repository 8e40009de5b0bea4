"""Starts, asks and stops one real database server on one data directory, over a socket only."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from kinds import KINDS

HERE = Path(__file__).resolve().parent

# What every server gets: no network, small files, and writes by pwrite, which the injector watches.
COMMON = [
    "--user=root",
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-use-native-aio=0",
    "--innodb-buffer-pool-size=32M",
    "--innodb-max-dirty-pages-pct=90",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-lock-wait-timeout=5",
    "--performance-schema=0",
]
# InnoDB tables of the 5.6 package's data: of another system tablespace, so they cannot be taken along.
INNODB_IN_PACKAGE = ("innodb_", "slave_")


class SqlError(Exception):
    """A statement failed, or the connection went away."""


def build_injector(folder):
    """Compiles inject.c; the library's path."""
    library = folder / "inject.so"
    source = HERE / "inject.c"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-fPIC", "-shared", "-o", str(library), str(source)], check=True)
    return library


class Program:
    """The unpacked files of one kind of server."""

    def __init__(self, root, kind):
        self.kind, self.root = KINDS[kind], Path(root)
        self.base = self.root / self.kind.home
        # Maven's packages bring no C library; one is there for all of them.
        self.system = self.root / "runtime" if self.kind.maven else self.base
        (self.libraries,) = [p.parent for p in self.system.glob("usr/lib/*/libc.so.6")]

    def loader(self, *extra):
        """The command words that start a program of this release with its own C library."""
        own = [self.base / folder for folder in self.kind.libraries]
        paths = [self.libraries, *own, self.base / "usr/lib/mysql/private", self.base / "package/server"]
        loader = self.libraries / "ld-linux-x86-64.so.2"
        return [str(loader), *extra, "--library-path", ":".join(map(str, paths))]

    @property
    def binary(self):
        """The server itself."""
        if self.kind.maven:
            return self.base / self.kind.program
        if self.kind.npm:
            return self.base / "package/server/mysqld"
        return self.base / "usr/sbin" / ("mysqld" if self.kind.mysql else "mariadbd")

    @property
    def plugins(self):
        other = self.root / self.kind.plugins_of / "usr/lib/mysql/plugin"
        if self.kind.plugins_of and other.is_dir():
            return other
        return self.base / ("lib/plugin" if self.kind.maven else "usr/lib/mysql/plugin")

    @property
    def share(self):
        """The folder of character sets, messages and SQL scripts."""
        if self.kind.maven:
            return self.base / "share"
        if self.kind.npm:
            return self.base / "package/server/share"
        (share,) = [p for p in self.base.glob("usr/share/m*") if (p / "charsets").is_dir()]
        return share

    def server(self, library=None):
        """The command words that start the server, with `library` preloaded."""
        preload = ["--preload", str(library)] if library else []
        base = self.base / "usr" if self.kind.debian else self.share.parent
        words = [str(self.binary), "--no-defaults", f"--basedir={base}", f"--lc-messages-dir={self.share}"]
        if self.plugins.is_dir():
            words.append(f"--plugin-dir={self.plugins}")
        if (self.share / "charsets").is_dir():
            words.append(f"--character-sets-dir={self.share}/charsets")
        return [*self.loader(*preload), *words, *COMMON, *self.kind.options]

    def client(self):
        (program,) = list(self.system.glob("usr/bin/mariadb")) or list(self.system.glob("usr/bin/mysql"))
        # A client of 11.4 or later asks for a certificate, which its server was told not to make.
        plain = ["--skip-ssl"] if "--skip-ssl" in self.kind.options and self.kind.debian else []
        return [*self.loader(), str(program), "--no-defaults", *plain, "-uroot", "-N", "-B"]

    def ready(self):
        """Where a package may have the schema `mysql` ready-made."""
        return self.base / "package/server/data/mysql/mysql", self.base / "data/mysql"

    def bootstrap_sql(self):
        """The SQL that makes the system tables of a new directory, where the server does not make them itself."""
        text = "create database mysql;\nuse mysql;\n"
        for name in ("system_tables.sql", "system_tables_data.sql"):
            (path,) = list(self.share.glob(f"mysql_{name}")) or list(self.share.glob(f"mariadb_{name}"))
            text += path.read_text()
        return text


class Server:
    """One server on FOLDER/data.  `options` may say @DIR@ for FOLDER."""

    def __init__(self, program, folder, options, log):
        self.program, self.folder, self.log = program, Path(folder), Path(log)
        self.options = [word.replace("@DIR@", str(folder)) for word in options]
        self.cacheable = not any("@DIR@" in word for word in options)
        self.data = self.folder / "data"
        self.sockets = Path(tempfile.mkdtemp(prefix="dblwr-"))
        self.socket = self.sockets / "s"
        self.process = None
        self.hung = False  # the last start neither answered nor ended in time

    def words(self, library=None):
        return [
            *self.program.server(library),
            f"--datadir={self.data}",
            f"--socket={self.socket}",
            f"--pid-file={self.sockets}/pid",
            f"--tmpdir={self.sockets}",
            *self.options,
        ]

    def _run(self, words, text=None):
        with open(self.log, "ab") as log:
            subprocess.run(words, input=text, stdout=log, stderr=log, check=True, cwd=self.folder, timeout=300)

    def create(self, templates, secrets=None):
        """A new, cleanly shut down data directory; taken from `templates` where one was made before."""
        key = hashlib.sha256(" ".join([self.program.kind.name, *self.options]).encode()).hexdigest()[:12]
        template = Path(templates) / f"{self.program.kind.name}-{key}"
        if self.cacheable and template.exists():
            copy(template, self.folder)
            return
        self.data.mkdir(parents=True, exist_ok=True)
        if secrets:
            secrets(self.folder)
        self.make(self.program.kind)
        if self.cacheable:
            copy(self.folder, template)

    def make(self, kind):
        """Lets the server make its system tables, or takes those that its package has ready."""
        if kind.mysql and kind.version >= (5, 7):
            self._run([*self.words(), "--initialize-insecure"])
        elif ready := next((path for path in self.program.ready() if path.is_dir()), None):
            shutil.copytree(ready, self.data / "mysql", ignore=shutil.ignore_patterns(*(f"{p}*" for p in INNODB_IN_PACKAGE)))
            self.start()
            self.stop()
        else:
            self._run([*self.words(), "--bootstrap"], self.program.bootstrap_sql().encode())

    def start(self, inject=None, library=None, seconds=90):
        """Starts the server; whether it answers within `seconds`."""
        environment = {**os.environ, **(inject or {})}
        for stale in (self.socket, self.sockets / "pid"):
            stale.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.words(library), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=environment
            )
        end = time.monotonic() + seconds
        self.hung = False
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.hung = True
                break
            try:
                if self.socket.exists():
                    self.sql("select 1")
                    return True
            except SqlError:
                pass
            time.sleep(0.1)
        self.kill()
        return False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def client(self, database=""):
        return [*self.program.client(), f"--socket={self.socket}", *([database] if database else [])]

    def sql(self, text, database="", seconds=120):
        """Runs statements; the rows as lists of words."""
        try:
            done = subprocess.run(
                self.client(database), input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds
            )
        except subprocess.TimeoutExpired as late:
            raise SqlError(f"no answer within {seconds} s: {text[:80]}") from late
        if done.returncode != 0:
            raise SqlError(done.stderr.decode(errors="replace").strip())
        return [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]

    def background(self, text, database=""):
        """Runs statements in a client of their own, which may still be there when the server dies."""
        with tempfile.TemporaryFile() as script:
            script.write(text.encode())
            script.seek(0)
            return subprocess.Popen(self.client(database), stdin=script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_death(self, seconds):
        """Whether the server is dead within `seconds`."""
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds=120):
        """Shuts down cleanly; whether it did."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            if not self.wait_death(seconds):
                self.kill()
                return False
        return self.process.returncode == 0

    def close(self):
        self.kill()
        shutil.rmtree(self.sockets, ignore_errors=True)


def unpack_image(image, target):
    """The crashed directory of a folder in testdata/, into a new folder."""
    target.mkdir(parents=True)
    subprocess.run(["tar", "-I", "zstd", "-xf", str(image / "crashed.tar.zst"), "-C", str(target)], check=True)


def copy(source, target):
    """Copies a folder with holes kept, replacing what was there."""
    shutil.rmtree(target, ignore_errors=True)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)
