//! Logs that people posted in public, retyped with all names replaced.

use super::*;

/// A log as people posted it, names replaced.
fn posted(name: &str) -> LogSummary {
    real(&format!("posted-{name}"))
}

/// Kind, page, file and evidence.
type Told<'l> = (LogKind, Option<(u32, u32)>, Option<&'l str>, Option<LogEvidence>);

fn told(log: &LogSummary) -> Vec<Told<'_>> {
    let page = |f: &LogFinding| Some((f.space_id?.0, f.page_no?.0));
    log.findings.iter().map(|f| (f.kind, page(f), f.file.as_deref(), f.evidence.clone())).collect()
}

#[test]
fn garbage_that_was_read_is_no_page_of_its_own() {
    let log = posted("garbage-read");
    let garbage = LogEvidence::ReadInstead { space_id: Some(134_218_240), page_no: 1_048_576 };
    let damaged: Vec<_> = told(&log)
        .into_iter()
        .filter(|(kind, ..)| !matches!(kind, LogKind::Torn | LogKind::Recovered))
        .collect();
    assert_eq!(
        damaged,
        [
            (LogKind::Misdirected, Some((0, 433)), None, Some(garbage)),
            (LogKind::FutureLsn, Some((0, 433)), None, None),
            (LogKind::Corrupt, Some((0, 433)), None, None),
        ]
    );
}

#[test]
fn a_cut_file_and_a_log_that_ends_early() {
    let log = posted("cut-file");
    assert_eq!(
        told(&log)[..2],
        [
            (
                LogKind::FileCut,
                None,
                Some("./shop/oc_mail.ibd"),
                Some(LogEvidence::Length { is: 49_152, should_be: 65_536 })
            ),
            (
                LogKind::RedoDamaged,
                None,
                None,
                Some(LogEvidence::RedoEnds {
                    at: Some(14_003_348_429),
                    checkpoint: Some(14_003_346_939),
                    end: Some(14_003_413_504),
                })
            ),
        ]
    );
    assert_eq!(log.findings[2].kind, LogKind::NotStarted);
}

#[test]
fn names_do_not_run_on() {
    let log = posted("first-page");
    for finding in &log.findings {
        let file = finding.file.as_deref().unwrap();
        assert!(["./app/sessions.ibd", "`app`.`sessions`"].contains(&file), "{file}");
    }
}

#[test]
fn a_checksum_of_old_servers_and_what_its_number_means() {
    let log = posted("zip-without-checksum");
    assert_eq!(
        told(&log),
        [
            (LogKind::Corrupt, Some((1, 3)), None, Some(LogEvidence::WrittenWithoutChecksum)),
            (LogKind::Died, None, None, None),
        ]
    );
}

#[test]
fn a_page_of_zeros_whose_number_is_not_told() {
    let log = posted("zero-page");
    let kinds: Vec<LogKind> = log.findings.iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [LogKind::IndexDamaged, LogKind::Zeroed, LogKind::Died]);
    assert_eq!((log.findings[1].page_no, &log.findings[1].evidence), (None, &Some(LogEvidence::Zeros)));
}

#[test]
fn a_page_that_the_dump_shows_to_be_sound() {
    let log = posted("checksum-zero");
    let holds = LogEvidence::ChecksumHolds { algorithm: "crc32".to_owned(), value: 0 };
    assert_eq!(
        told(&log),
        [
            (LogKind::Corrupt, Some((168, 178_467)), Some("nir/user_limit_log"), None),
            (LogKind::ChecksumHolds, Some((168, 178_467)), Some("nir/user_limit_log"), Some(holds)),
        ]
    );
}

#[test]
fn two_files_of_one_id_are_both_named() {
    let log = posted("two-files-one-id");
    let other = LogEvidence::OtherFile { file: r".\xat\payments.ibd".to_owned() };
    assert_eq!(
        told(&log),
        [
            (LogKind::SpaceIdTwice, None, Some(r".\mysql\innodb_table_stats.ibd"), Some(other)),
            (LogKind::FileNotOpened, None, Some(r".\xat\payments.ibd"), None),
            (LogKind::NotStarted, None, None, None),
        ]
    );
}

#[test]
fn a_message_over_two_lines_that_read_back_as_ones() {
    let log = posted("all-ones");
    assert_eq!(
        told(&log),
        [
            (LogKind::Misdirected, Some((22_291, 4096)), None, Some(LogEvidence::Ones)),
            (LogKind::Corrupt, Some((22_291, 4096)), None, None),
        ]
    );
}

#[test]
fn a_backup_tool_names_file_and_page() {
    let log = posted("xtrabackup");
    let first = &log.findings[0];
    assert_eq!(
        (first.page_no, first.file.as_deref(), first.count),
        (Some(PageNo(25_413)), Some("./shop/orders.ibd"), 2)
    );
    assert!(log.findings.iter().all(|f| f.kind != LogKind::UnknownError), "{:?}", log.findings);
    let newer = "2022-09-29T11:39:14.041446+02:00 4 [Note] [MY-011825] [Xtrabackup] Copying ./d/t1.ibd to /b/d/t1.ibd\n\
        2022-09-29T11:39:14.041446+02:00 5 [Note] [MY-011825] [Xtrabackup] Copying ./d/t2.ibd to /b/d/t2.ibd\n\
        2022-09-29T11:39:15.041446+02:00 4 [ERROR] [MY-011825] [Xtrabackup] Database page corruption detected at page 4, retrying...\n";
    assert_eq!(summary(newer).findings[0].file.as_deref(), Some("./d/t1.ibd"));
}

#[test]
fn a_redo_file_of_the_wrong_size_and_an_empty_system_tablespace() {
    assert_eq!(
        told(&posted("redo-size")),
        [
            (LogKind::RedoSize, None, Some("./ib_logfile0"), None),
            (LogKind::SystemFileSize, None, Some("./ibdata1"), Some(LogEvidence::Pages { is: 0 })),
        ]
    );
}

#[test]
fn innochecksum_counts_its_pages() {
    let log = posted("innochecksum");
    let pages: Vec<_> = log.findings.iter().map(|f| (f.kind, f.page_no)).collect();
    assert_eq!(pages, [(LogKind::Corrupt, Some(PageNo(1834))), (LogKind::Corrupt, Some(PageNo(0)))]);
}
