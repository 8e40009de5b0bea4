"""What the server is made to do before it is killed, and what its tables hold afterwards.

All randomness comes from one seeded generator, so the same seed asks for the same statements.
"""

import time

from servers import SqlError

SMALL_TABLES = 8
IN_DDL = ("cut", "gone", "fresh")


def literal(rng, length):
    """A quoted string of about `length` characters that compresses by about a half."""
    words, have = [], 0
    while have < length:
        words.append(rng.choice(("torn", "page", "copy", "home", f"{rng.getrandbits(48):x}")))
        have += len(words[-1])
    return "'" + "".join(words)[:length] + "'"


def rows(rng, table, first, count, columns):
    """INSERT statements of 100 rows each; `columns(id)` gives the values after the id."""
    for start in range(first, first + count, 100):
        chunk = range(start, min(start + 100, first + count))
        values = ",".join(f"({i},{','.join(columns(i))})" for i in chunk)
        yield f"insert into {table} values {values};\n"


def wide(rng):
    return lambda i: (str(rng.randrange(1000)), literal(rng, 60), literal(rng, 150))


class Workload:
    """Statements for one case.  `case` gives the table options of d.t1 and d.b1; `folder` is @DIR@ in them."""

    def __init__(self, case, rng, folder):
        self.case, self.rng, self.folder = case, rng, str(folder)
        # 16 KiB pages hold about 60 rows of t1; larger pages get more rows.
        self.count = 1500 * max(1, case.page_size // 16384)

    def schema(self):
        options = self.case.table.replace("@DIR@", self.folder)
        body = "(id int primary key, k int, c varchar(80), pad varchar(200), key(k), key(c(20))) engine=innodb"
        case = self.case
        yield from case.before
        yield f"create table t1 {body} {options} {case.partitions}"
        yield f"create table t2 {body}"
        yield f"create table b1 (id int primary key, k int, body longblob, key(k)) engine=innodb {options}"
        yield "create table parent (id int primary key, k int, key(k)) engine=innodb"
        yield (
            "create table child (id int primary key, parent int, pad varchar(200), key(parent), "
            "foreign key (parent) references parent(id) on delete cascade) engine=innodb"
        )
        for name in ("big", "cut", "gone"):
            yield f"create table {name} {body}"
        for n in range(SMALL_TABLES):
            yield f"create table s{n} (id int primary key, v varchar(50)) engine=innodb"

    def setup(self):
        """Tables and rows, as one SQL text."""
        rng, n = self.rng, self.count
        text = ";\n".join(["create database d", "use d", *self.schema()]) + ";\nset autocommit=0;\n"
        for table, count in (("t1", n), ("t2", n // 4), ("big", n // 2), ("cut", n // 8), ("gone", n // 8)):
            text += "".join(rows(rng, table, 1, count, wide(rng)))
        text += "".join(rows(rng, "b1", 1, 20, lambda i: (str(i), literal(rng, 30000))))
        text += "".join(rows(rng, "parent", 1, 200, lambda i: (str(i % 7),)))
        text += "".join(rows(rng, "child", 1, 400, lambda i: (str(i % 200 + 1), literal(rng, 100))))
        for table in range(SMALL_TABLES):
            text += "".join(rows(rng, f"s{table}", 1, 5, lambda i: (literal(rng, 20),)))
        return text + "commit;\n"

    def change(self):
        """What dirties pages before the crash: one SQL text for each concurrent client."""
        rng, n = self.rng, self.count
        seed = rng.randrange(1000)
        # MariaDB makes no copy of a zip page that was compressed anew, so leave most of these alone.
        less = 12 if self.case.physical else 1
        first = f"update t1 set k=(k+{seed})%1000, pad=concat(substr(pad,1,100),'{seed}') where id%{3 * less}={seed % 3};\n"
        first += "".join(rows(rng, "t1", n + 1, n // 3 // less, wide(rng)))
        first += f"delete from t1 where id%{11 * less}={seed % 11};\n"
        second = f"update b1 set body=concat(substr(body,1,20000),repeat('{seed}',3000)) where id%2=0;\n"
        second += "".join(rows(rng, "b1", 21, 5, lambda i: (str(i), literal(rng, 40000))))
        second += "delete from parent where id%17=3;\n"
        third = "".join(f"update s{t} set v={literal(rng, 30)} where id=3;\n" for t in range(SMALL_TABLES))
        third += f"update t2 set k=k+1 where id%5={seed % 5};\ntruncate table cut;\ninsert into cut values (1,1,'a','b');\n"
        third += "drop table gone;\ncreate table fresh like t2;\ninsert into fresh select * from t2 where id<40;\n"
        if self.case.target == "page 5":
            # The server notes the highest transaction id there, at every 256th only.
            third += "".join(f"update s0 set v='{n}' where id={n % 5};\n" for n in range(600))
        return [f"{first}{''.join(f'{s};' + chr(10) for s in self.case.change)}", second, third]

    def unfinished(self):
        """A big transaction that is still open when the server dies."""
        return "begin;\nupdate big set k=k+1, pad=concat('x',substr(pad,1,150));\nselect sleep(1000);\n"


def flush(server, seconds=20):
    """Makes the server write all dirty pages; whether none was left."""
    kind = server.program.kind
    if not kind.mysql or kind.version >= (5, 6):
        server.sql("set global innodb_max_dirty_pages_pct_lwm=0")
    server.sql("set global innodb_max_dirty_pages_pct=0")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ((_, dirty),) = server.sql("show global status like 'Innodb_buffer_pool_pages_dirty'")
        if int(dirty) == 0:
            return True
        time.sleep(0.1)
    return False


def hold(server):
    """Lets dirty pages gather again."""
    server.sql("set global innodb_max_dirty_pages_pct=90")


def ask(server, tables):
    """{table: [checksum, check verdict, rows]} of `tables`, in one conversation."""
    names = ",".join(f"d.{table}" for table in tables)
    counts = ";".join(f"select 'count','{table}',count(*) from d.{table}" for table in tables)
    found = {table: ["NULL", "", "-"] for table in tables}
    for row in server.sql(f"checksum table {names} extended; check table {names} extended; {counts}"):
        if row[0] == "count":
            found[row[1]][2] = row[2]
        elif len(row) == 2:
            found[row[0].split(".")[1]][0] = row[1]
        else:
            entry = found[row[0].split(".")[1]]
            entry[1] = "; ".join(filter(None, [entry[1], row[3]]))
    return found


def contents(server):
    """What the tables of d hold; a table that cannot be read says why."""
    sql = "select table_name from information_schema.tables where table_schema='d' order by 1"
    tables = [table for (table,) in server.sql(sql)]
    try:
        return ask(server, tables)
    except SqlError:
        pass
    found = {}
    for table in tables:
        try:
            found |= ask(server, [table])
        except SqlError as why:
            found[table] = ["NULL", str(why)[:200], "-"]
    return found


def healthy(found):
    """Whether every table could be read and checked.

    The tables that are being truncated, dropped or made at the crash do not count: servers without
    atomic DDL lose them, torn page or not.
    """
    whole = [checksum != "NULL" and check == "OK" for table, (checksum, check, _) in found.items() if table not in IN_DDL]
    return bool(whole) and all(whole)


def died(found):
    """Whether the server went away while it was asked."""
    return any("Can't connect" in check or "Lost connection" in check for _, check, _ in found.values())
