use std::fmt::Write as _;

use crate::commands::explain_log::wording::What;
use crate::commands::explain_log::*;

fn summary(text: &str) -> LogSummary {
    read(text.as_bytes()).unwrap()
}

/// Kind, space, page and count of everything found.
fn said(text: &str) -> Vec<(LogKind, Option<u32>, Option<u32>, u64)> {
    let findings = summary(text).findings;
    findings.iter().map(|f| (f.kind, f.space_id.map(|s| s.0), f.page_no.map(|p| p.0), f.count)).collect()
}

fn real(name: &str) -> LogSummary {
    let path = format!("{}/testdata/logs/{name}.log", env!("CARGO_MANIFEST_DIR"));
    read(io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap()
}

fn pages(summary: &LogSummary) -> Vec<(LogKind, u32, u32)> {
    let known = |f: &LogFinding| Some((f.kind, f.space_id?.0, f.page_no?.0));
    summary.findings.iter().filter_map(known).collect()
}

#[test]
fn mysql_5_6_splits_its_messages_over_lines() {
    let log = real("m56-innodb-16k");
    assert_eq!(pages(&log), [(LogKind::Torn, 6, 5), (LogKind::Recovered, 6, 5)]);
    assert_eq!((log.findings[0].line, log.findings[1].line), (6, 9));
    assert_eq!(
        log.findings[0].quoted,
        "Warning: database page corruption or a failed file read of space 6 page 5."
    );
    assert_eq!((log.checkpoint_lsn, log.end_lsn), (Some(Lsn(2_460_651)), Some(Lsn(9_756_747))));
    assert_eq!(pages(&real("m56-two-ibdata")), [(LogKind::Torn, 0, 768), (LogKind::Recovered, 0, 768)]);
}

#[test]
fn mysql_9_7_names_every_page_it_refilled() {
    let log = real("m97-16k");
    let recovered = log.findings.iter().filter(|f| f.kind == LogKind::Recovered).count();
    assert_eq!((pages(&log)[0], recovered), ((LogKind::Torn, 2, 7), 22));
    assert_eq!(pages(&log)[22], (LogKind::Recovered, 4_294_967_278, 296));
    assert_eq!(log.checkpoint_lsn, Some(Lsn(20_380_867)));
}

#[test]
fn mysql_9_7_without_a_copy() {
    let log = real("m97-detect-only");
    assert_eq!(pages(&log), [(LogKind::DetectOnly, 2, 7)]);
    assert_eq!(log.findings[0].file.as_deref(), Some("./d/t1.ibd"));
}

#[test]
fn a_page_reported_again_and_again_is_one_finding() {
    let log = real("m97-ibdata");
    assert_eq!(pages(&log), [(LogKind::Corrupt, 0, 5)]);
    let finding = &log.findings[0];
    assert_eq!((finding.line, finding.last_line, finding.count), (9, 15, 2));
}

#[test]
fn mariadb_names_the_file() {
    let encrypted = real("ma1011-enc-full");
    assert_eq!(pages(&encrypted), [(LogKind::Encrypted, 5, 4), (LogKind::Recovered, 5, 4)]);
    assert_eq!(encrypted.end_lsn, Some(Lsn(1_774_146)));

    let compressed = real("ma105-pagecompressed");
    let finding = &compressed.findings[0];
    assert_eq!((finding.kind, finding.space_id, finding.page_no), (LogKind::Corrupt, None, Some(PageNo(11))));
    assert_eq!(finding.file.as_deref(), Some("./d/t1.ibd"));
}

#[test]
fn a_lost_first_page_and_the_table_that_went_with_it() {
    let log = real("ma118-ibd-page0");
    let first = &log.findings[0];
    assert_eq!(
        (first.kind, first.page_no, first.file.as_deref()),
        (LogKind::FirstPage, Some(PageNo(0)), Some("./d/t1.ibd"))
    );
    assert_eq!(first.count, 23);
    assert_eq!(
        (log.findings[1].kind, log.findings[1].file.as_deref()),
        (LogKind::TableLost, Some("`d`.`t1`"))
    );
}

#[test]
fn old_servers_give_the_space_only_in_the_dump() {
    let log = "130806 13:02:01  InnoDB: Page checksum 2360990246, prior-to-4.0.14-form checksum 849003906\n\
        InnoDB: Page number (if stored to page already) 52,\n\
        InnoDB: space id (if created with >= MySQL-4.1.1 and stored already) 17\n\
        InnoDB: Database page corruption on disk or a failed\nInnoDB: file read of page 52.\n\
        InnoDB: You may have to recover from a backup.\n\
        InnoDB: Database page corruption on disk or a failed\nInnoDB: file read of page 99.\n";
    assert_eq!(said(log), [(LogKind::Corrupt, Some(17), Some(52), 1), (LogKind::Corrupt, None, Some(99), 1)]);
}

#[test]
fn the_dump_between_two_reports_of_one_page_makes_them_one() {
    let report = "InnoDB: Database page corruption on disk or a failed\nInnoDB: file read of page 23361.\n";
    let dump = "InnoDB: Page number (if stored to page already) 23361,\n\
        InnoDB: space id (if created with >= MySQL-4.1.1 and stored already) 17\n";
    let log = format!("{report}{dump}{report}");
    assert_eq!(said(&log), [(LogKind::Corrupt, Some(17), Some(23361), 2)]);
}

#[test]
fn a_copy_that_is_damaged_too_belongs_to_the_page_named_before() {
    let log = "InnoDB: Warning: database page corruption or a failed\nInnoDB: file read of space 3 page 40.\n\
        InnoDB: Trying to recover it from the doublewrite buffer.\nInnoDB: Dump of the page:\n\
        InnoDB: Also the page in the doublewrite buffer is corrupt.\nInnoDB: Cannot continue operation.\n";
    assert_eq!(
        said(log),
        [(LogKind::Torn, Some(3), Some(40), 1), (LogKind::CopyCorrupt, Some(3), Some(40), 1)]
    );
}

#[test]
fn pages_from_the_future_in_both_forms() {
    let log = "130729 11:18:53  InnoDB: Error: page 45 log sequence number 492353898371\n\
        InnoDB: is in the future! Current system log sequence number 492353894193.\n\
        2019-11-29T20:09:51.205395Z 0 [ERROR] InnoDB: Page [page id: space=134218240, page number=1048576] \
        log sequence number 7161530848485834752 is in the future! Current system log sequence number 3290964809.\n";
    let future = LogKind::FutureLsn;
    assert_eq!(said(log), [(future, None, Some(45), 1), (future, Some(134_218_240), Some(1_048_576), 1)]);
}

#[test]
fn a_misdirected_page_counts_where_it_should_be() {
    let log = "2018-07-11 21:10:10 1564472128 [ERROR] InnoDB: Space id and page n:o stored in the page read in are \
        4294967295:4294967295, should be 40:683!\n\
        2021-09-13 21:44:43 0 [ERROR] InnoDB: Space id and page no stored in the page, read in are \
        [page id: space=11, page number=2130], should be [page id: space=11, page number=264274]\n";
    let misdirected = LogKind::Misdirected;
    assert_eq!(said(log), [(misdirected, Some(40), Some(683), 1), (misdirected, Some(11), Some(264_274), 1)]);
}

#[test]
fn messages_in_json_and_container_logs() {
    let log = "{\"prio\":1,\"err_code\":11906,\"msg\":\"Database page corruption on disk or a failed file read of page \
        [page id: space=0, page number=5]. You may have to recover from a backup.\",\"subsystem\":\"InnoDB\"}\n\
        mysql-1 | 2019-03-20T10:48:42Z 0 [ERROR] InnoDB: Corrupted page [page id: space=0, page number=0] of datafile \
        './ibdata1' could not be found in the doublewrite buffer.\n";
    assert_eq!(said(log), [(LogKind::Corrupt, Some(0), Some(5), 1), (LogKind::NoCopy, Some(0), Some(0), 1)]);
}

#[test]
fn every_wording_is_recognised_as_what_it_is() {
    let mut wrong = Vec::new();
    for wording in wording::all() {
        let What::Say(kind) = wording.what else { continue };
        let mut text = wording.text.to_owned();
        for (hole, value) in [
            ("{page}", "[page id: space=8, page number=9]"),
            ("{space}", "8"),
            ("{no}", "9"),
            ("{found}", "7:7"),
            ("{lsn}", "1234"),
            ("{n}", "17"),
            ("{m}", "18"),
            ("{file}", "./d/t.ibd"),
            ("{other}", "./d/u.ibd"),
            ("{offset}", "147456"),
            ("{len}", "16384"),
            ("{*}", "13"),
        ] {
            text = text.replace(hole, value);
        }
        let found = summary(&format!("x [ERROR] InnoDB: {text}\n"));
        let named_page = ["{no}", "{page}", "{offset}"].iter().any(|hole| wording.text.contains(hole));
        let file = wording.text.contains("{file}").then_some("./d/t.ibd");
        let got: Vec<_> = found
            .findings
            .iter()
            .map(|f| (f.kind, f.page_no == Some(PageNo(9)), f.file.as_deref()))
            .collect();
        if got != [(kind, named_page, file)] {
            wrong.push((text, kind, found.findings.clone()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_version_is_that_of_the_last_start() {
    let log = "2021-09-13 21:44:55 0 [Note] /usr/bin/mysqld (mysqld 10.5.11-MariaDB) starting as process 1 ...\n\
        2024-06-24T07:13:15Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.37) starting as process 1\n";
    assert_eq!((summary(log).version.as_deref(), summary(log).starts), (Some("mysqld 8.0.37"), 2));
}

#[test]
fn hostile_input_stays_bounded() {
    let mut text = String::new();
    for page in 0..MAX_FINDINGS + 7 {
        writeln!(
            text,
            "[InnoDB] Recovered page [page id: space=1, page number={page}] from the doublewrite buffer."
        )
        .unwrap();
    }
    let log = summary(&text);
    assert_eq!((log.findings.len(), log.not_kept), (MAX_FINDINGS, 7));

    let mut noise = b"InnoDB: page \xff\xfe\x1b[2J ".repeat(5000);
    noise.extend_from_slice(b"\n\0\n[InnoDB] The first page of file \x1b]0;x\x07 is corrupted");
    let log = read(noise.as_slice()).unwrap();
    assert_eq!(log.lines, 3);
    assert_eq!(log.findings[0].file.as_deref(), Some("?]0;x?"));
    assert!(!log.findings[0].quoted.contains('\x1b'));
}

#[test]
fn an_error_of_innodb_that_is_not_known_is_kept() {
    let many: String = (0..1000)
        .map(|n| format!("2024-01-01 10:00:{:02} {n} [ERROR] InnoDB: The moon {n} is full\n", n % 60))
        .collect();
    let log = summary(&many);
    assert_eq!(
        (log.findings.len(), log.findings[0].kind, log.findings[0].count),
        (1, LogKind::UnknownError, 1000)
    );
    assert_eq!(log.findings[0].quoted, "The moon 0 is full");
    for line in [
        "2026-11-21T06:58:34.4Z 1 [ERROR] [MY-019999] [InnoDB] Something of a later version",
        "130806 13:02:01  InnoDB: Error: something of an older one",
        "InnoDB: Fatal error: something",
        "{ \"prio\": 1, \"err_code\": 1, \"source_line\": 561, \"source_file\": \"x.cc\", \"function\": \"run\", \"msg\": \"what\", \"time\": \"2018-03-22T12:35:47.669397Z\", \"thread\": 5, \"err_symbol\": \"ER_X\", \"SQL_state\": \"HY000\", \"subsystem\": \"InnoDB\", \"buffered\": 1521722147669397, \"label\": \"Error\" }",
        "{\"log_type\":1,\"prio\":1,\"err_code\":1,\"subsystem\":\"InnoDB\",\"msg\":\"what\",\"label\":\"Error\"}",
        "2022-09-29T11:39:15+02:00 4 [ERROR] [MY-011825] [Xtrabackup] something else",
        "2026-11-21T06:58:34.4Z 1 [ERROR] [MY-019999] [InnoDB] The moon is not known. Cannot continue operation.",
    ] {
        assert_eq!(said(&format!("{line}\n")), [(LogKind::UnknownError, None, None, 1)], "{line}");
    }
    for line in [
        "2026-11-25T16:29:05.4Z 0 [ERROR] [MY-011947] [InnoDB] Cannot open '/data/ib_buffer_pool' for reading: No such file",
        "2026-11-25T16:29:05.4Z 0 [Warning] [MY-019999] [InnoDB] something",
        "261125 19:52:11 [ERROR] Native table 'performance_schema'.'threads' has the wrong structure",
    ] {
        assert_eq!(said(&format!("{line}\n")), [], "{line}");
    }
}

#[test]
fn the_first_line_of_a_known_message_is_not_an_unknown_one() {
    let log = "2016-06-08 04:38:11 7fa7ddd86700  InnoDB: Error: space id and page n:o stored in the page\n\
        InnoDB: read in are 4294967295:4294967295, should be 22291:4096!\n";
    assert_eq!(said(log), [(LogKind::Misdirected, Some(22_291), Some(4096), 1)]);
    let half = "2016-06-08 04:38:11 7fa7ddd86700  InnoDB: Error: space id and page n:o stored in the page\nsomething else\n";
    assert_eq!(said(half), [(LogKind::UnknownError, None, None, 1)]);
}

#[test]
fn the_halves_of_old_lsns_are_joined() {
    let log = "InnoDB: Log scan progressed past the checkpoint lsn 1 36808\n\
        050101 InnoDB: Doing recovery: scanned up to log sequence number 1 43655\n\
        InnoDB: Progress in percents: 0 1 2 3\n";
    let log = summary(log);
    assert_eq!(
        (log.checkpoint_lsn, log.end_lsn),
        (Some(Lsn((1 << 32) + 36_808)), Some(Lsn((1 << 32) + 43_655)))
    );
}

#[test]
fn a_start_that_failed_is_over_when_the_next_one_did_not() {
    let locked = "2024-01-01 10:00:00 0 [ERROR] InnoDB: Unable to lock ./ibdata1 error: 11\n\
        2024-01-01 10:00:00 0 [ERROR] InnoDB: Plugin initialization aborted with error Generic error\n";
    let started = "2024-01-01 10:05:00 0 [Note] InnoDB: log sequence number 2256458; transaction id 31\n";
    let over = |text: String| {
        let log = summary(&text);
        log.findings.iter().map(|finding| finding.is_over(log.last_started)).collect::<Vec<_>>()
    };
    assert_eq!(over(format!("{locked}{started}")), [true, true]);
    assert_eq!(over(format!("{started}{locked}")), [false, false]);
    let stopped =
        "2024-01-01 10:05:00 0 [Note] InnoDB: Shutdown completed; log sequence number 15; transaction id 1\n";
    assert_eq!(over(format!("{locked}{stopped}")), [false, false]);
    assert_eq!(summary(locked).findings[0].evidence, Some(LogEvidence::Errno { number: 11 }));
}

mod posted;
