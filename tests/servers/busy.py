"""The check beside a busy server: it must not cry wolf.

A MariaDB or MySQL with little memory writes pages all the time while clients change, make and drop tables; `dblwr check`,
`dblwr check --scan` and `dblwr scan` look at its directory again and again.  Every look is a line of the log; one that
does not answer OK is a false alarm, since nothing was damaged: the server's own CHECK TABLE says so at the end.
"""

import shutil
import subprocess
import threading
import time
from datetime import datetime, timezone

from servers import Program, Server, SqlError

# Little memory and eager flushing: the more pages are being written, the harder it is for a reader.
EAGER = [
    "--innodb-buffer-pool-size=8M",
    "--innodb-io-capacity=2000",
    "--innodb-io-capacity-max=4000",
    "--innodb-max-dirty-pages-pct=1",
    "--innodb-max-dirty-pages-pct-lwm=0.1",
]
TABLES = """create database d; use d;
create table t1 (id int primary key auto_increment, a varchar(200), b int, key(b)) engine=innodb;
create table t2 like t1; alter table t2 row_format=compressed key_block_size=8;
insert into t1 (a, b) values (repeat('a', 180), 1);
""" + "insert into t1 (a, b) select repeat(char(65 + rand() * 26), 180), rand() * 1e6 from t1;\n" * 14 + "insert into t2 (a, b) select a, b from t1;\n"
LOOKS = (("check",), ("check", "--scan"), ("scan",))


def statements(client):
    """One client's round of changes."""
    return f"""update t1 set a = repeat(char(65 + rand() * 26), 180), b = rand() * 1e6 where id between {client} * 1000 and {client} * 1000 + 900;
insert into t1 (a, b) select a, b from t1 where id % 37 = {client} limit 500;
update t2 set a = repeat(char(65 + rand() * 26), 180) where id between {client} * 500 and {client} * 500 + 300;
delete from t1 where id % 41 = {client} limit 400;
create table x{client} engine=innodb as select * from t1 limit 300; drop table x{client};
"""


def change(server, client, over):
    while not over.is_set():
        try:
            server.sql(statements(client), "d")
        except SqlError:
            pass  # lock waits and deadlocks of such a mix


def look(dblwr, words, data, single):
    """Exit status and the first line of one look."""
    # The limit is about hanging disks, not about a machine with much else to do.
    options = ["-t", "120"] if words[0] == "check" else []
    if options and single:
        options += ["--reads", "1"]
    done = subprocess.run([str(dblwr), *words, *options, str(data)], capture_output=True, text=True, timeout=600)
    return done.returncode, (done.stdout + done.stderr).strip()


def busy(kind, seconds, options):
    """Looks for `seconds`; the exit status.  The log is written to SCRATCH/busy-KIND.log."""
    folder = options.scratch / f"busy-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    server = Server(Program(options.servers, kind), folder, EAGER, options.scratch / f"busy-{kind}-server.log")
    counts = {words: [0, 0] for words in LOOKS}
    over = threading.Event()
    try:
        server.create(options.servers / "templates")
        if not server.start():
            raise SystemExit(f"the server does not start: {server.log}")
        server.sql(TABLES)
        clients = [threading.Thread(target=change, args=(server, number, over)) for number in (1, 2, 3)]
        for client in clients:
            client.start()
        end = time.monotonic() + seconds
        with open(options.scratch / f"busy-{kind}.log", "w", encoding="utf-8") as log:
            while time.monotonic() < end:
                for words in LOOKS:
                    status, said = look(options.dblwr, words, server.data, options.single)
                    counts[words][0] += 1
                    counts[words][1] += status != 0
                    print(f"{datetime.now(timezone.utc):%T} {' '.join(words)}: {said if status else said.splitlines()[0]}", file=log, flush=True)
        over.set()
        for client in clients:
            client.join()
        written = server.sql("show global status like 'Innodb_pages_written'")[0][1]
        tables = server.sql("check table d.t1, d.t2 extended")
        sound = all(row[-1] == "OK" for row in tables)
    finally:
        over.set()
        server.close()
    alarms = sum(bad for _, bad in counts.values())
    looks = ", ".join(f"{number} {' '.join(words)}" for words, (number, _) in counts.items())
    print(f"{kind}, {seconds} s: {looks}; {written} pages written meanwhile; {alarms} false alarms; CHECK TABLE {'OK' if sound else tables}")
    if not alarms and sound:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if alarms or not sound else 0
