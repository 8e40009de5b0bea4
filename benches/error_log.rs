//! `explain-log` over lines that name pages and over lines that name none.
//!
//! `cargo bench --bench error_log`.
#![allow(clippy::expect_used, reason = "a bench without its log has nothing to measure")]

use dblwr::internals::commands::explain_log;
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

/// About 8 MiB of the lines of one server.
fn log(lines: &[&str]) -> Vec<u8> {
    let mut log = Vec::new();
    for number in 0.. {
        for line in lines {
            log.extend_from_slice(line.replace('#', &(number % 5000).to_string()).as_bytes());
            log.push(b'\n');
        }
        if log.len() > 8 << 20 {
            break;
        }
    }
    log
}

fn run(bencher: Bencher, lines: &[&str]) {
    let log = log(lines);
    bencher
        .counter(BytesCount::of_slice(&log))
        .bench_local(|| explain_log::read(&log[..]).expect("memory can be read"));
}

#[divan::bench]
fn pages_of_mysql_9_7(bencher: Bencher) {
    run(
        bencher,
        &[
            "2026-11-21T06:57:22.478222Z 1 [Note] [MY-013557] [InnoDB] Database page corruption or a failed file read of page [page id: space=2, page number=#]. Trying to recover it from the doublewrite file.",
            "2026-11-21T06:57:22.478304Z 1 [Note] [MY-013550] [InnoDB] Recovered page [page id: space=2, page number=#] from the doublewrite buffer.",
        ],
    );
}

#[divan::bench]
fn pages_of_mysql_5_6(bencher: Bencher) {
    run(
        bencher,
        &[
            "InnoDB: Warning: database page corruption or a failed",
            "InnoDB: file read of space 6 page #.",
            "InnoDB: Trying to recover it from the doublewrite buffer.",
            "2026-11-21 06:54:05 7384 [Note] InnoDB: Recovered the page from the doublewrite buffer.",
        ],
    );
}

#[divan::bench]
fn lines_without_pages(bencher: Bencher) {
    run(
        bencher,
        &[
            "2026-11-25T16:29:05.485Z # [Warning] [MY-010055] [Server] IP address '10.0.0.#' could not be resolved: Name or service not known",
            "2026-11-25 17:57:03 # [Warning] Aborted connection # to db: 'd' user: 'u' host: 'h' (Got an error reading communication packets)",
        ],
    );
}

#[divan::bench]
fn errors_that_are_not_known(bencher: Bencher) {
    run(
        bencher,
        &["2026-11-25 17:57:03 0 [ERROR] InnoDB: The moon # is full and nobody knows why this is an error"],
    );
}
