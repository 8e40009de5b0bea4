use crate::instance::config::*;

fn read(files: &[(&str, &str)]) -> Result<Config> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("@", &dir.path().display().to_string())).unwrap();
    }
    Config::read(&dir.path().join(files[0].0))
}

fn of(text: &str) -> Config {
    read(&[("my.cnf", text)]).unwrap()
}

#[test]
fn only_groups_of_the_server_count_and_the_later_value_wins() {
    let config = of(
        "datadir=/none\n[client]\ndatadir=/client\n[mysqld]\ndatadir=/one\n[mariadb-10.11]\ndatadir = /two # moved\n\
         [mysqld_safe]\ndatadir=/safe\n[mysqld1]\ndatadir=/multi\n",
    );
    assert_eq!(config.get("datadir"), Some("/two"));
    for group in ["mysqld", "server", "mariadb", "mariadbd", "mysqld-5.6", "mariadbd-11.8"] {
        assert!(is_server_group(group), "{group}");
    }
    for group in ["client", "mysqld_safe", "mysqld1", "mysqldump", "mysqld-safe", "galera"] {
        assert!(!is_server_group(group), "{group}");
    }
}

#[test]
fn dashes_quotes_comments_and_prefixes_are_read_as_servers_read_them() {
    let config = of(
        "[mysqld]\n; no\n# no\nloose-innodb-undo-directory = '/a #b' # comment\ninnodb_log_group_home_dir=\"/c\\sd\"\n\
                     skip-innodb-doublewrite\nskip-networking\n[server] # so\ninnodb_data_home_dir=\n",
    );
    assert_eq!(config.get("innodb_undo_directory"), Some("/a #b"));
    assert_eq!(config.get("innodb_log_group_home_dir"), Some("/c d"));
    assert_eq!(config.get("innodb_data_home_dir"), Some(""));
    assert!(config.doublewrite_off());
    assert_eq!(config.get("skip_networking"), Some(""));
    assert_eq!(unquoted(r"C:\data\x"), r"C:\data\x");
}

#[test]
fn undo_is_encrypted_only_where_it_says_so() {
    for on in ["innodb_undo_log_encrypt", "innodb-undo-log-encrypt=ON", "innodb_undo_log_encrypt=1"] {
        assert!(of(&format!("[mysqld]\n{on}\n")).undo_log_encrypt(), "{on}");
    }
    for off in ["", "innodb_undo_log_encrypt=OFF", "skip_innodb_undo_log_encrypt"] {
        assert!(!of(&format!("[mysqld]\n{off}\n")).undo_log_encrypt(), "{off}");
    }
}

#[test]
fn doublewrite_is_off_only_where_it_says_so() {
    for off in ["OFF", "0", "false", "No"] {
        assert!(of(&format!("[mysqld]\ninnodb_doublewrite={off}\n")).doublewrite_off(), "{off}");
    }
    for on in [
        "innodb_doublewrite=ON",
        "innodb_doublewrite",
        "innodb_doublewrite=DETECT_ONLY",
        "innodb_doublewrite=fast",
        "",
    ] {
        assert!(!of(&format!("[mysqld]\n{on}\n")).doublewrite_off(), "{on}");
    }
}

#[test]
fn included_files_have_their_own_groups_and_their_place_in_the_order() {
    let config = read(&[
        (
            "my.cnf",
            "[mysqld]\ndatadir=/first\n!include @/one.cnf\n!includedir @/conf.d\ninnodb_page_size=4k\n",
        ),
        ("one.cnf", "datadir=/outside\n[mysqld]\ndatadir=/second\n"),
        ("conf.d/b.cnf", "[mysqld]\ndatadir=/fourth\n"),
        ("conf.d/a.cnf", "[mysqld]\ndatadir=/third\n"),
        ("conf.d/z.txt", "[mysqld]\ndatadir=/never\n"),
    ])
    .unwrap();
    assert_eq!(config.get("datadir"), Some("/fourth"));
    assert_eq!(config.page_size().map(PageSize::as_u32), Some(4096), "the group goes on after an inclusion");
}

#[test]
fn a_file_that_includes_itself_and_broken_lines_are_errors() {
    assert!(read(&[("my.cnf", "!include @/my.cnf\n")]).is_err());
    for broken in ["[mysqld\n", "!includes x\n", "!include\n", "!include /no/such/file\n"] {
        assert!(read(&[("my.cnf", broken)]).is_err(), "{broken}");
    }
}

#[test]
fn explicit_options_win_and_a_copy_of_the_data_directory_is_looked_at_in_its_place() {
    let config = of(
        "[mysqld]\ndatadir=/var/lib/mysql\ninnodb_undo_directory=/var/lib/mysql/undo\ninnodb_log_group_home_dir=/redo\n\
         innodb_directories='/ts;/var/lib/mysql/more'\ninnodb_data_file_path=ibdata1:12M\ninnodb_doublewrite_dir=dw\n",
    );
    let named = tempfile::tempdir().unwrap();
    let mut request =
        Request { path: named.path().into(), redo_dir: Some("/other".into()), ..Request::default() };
    config.complete(&mut request);
    assert_eq!(request.datadir, None, "PATH is the data directory");
    assert_eq!(request.undo_dir, Some(named.path().join("undo")));
    assert_eq!(request.redo_dir, Some("/other".into()));
    assert_eq!(request.directories, [PathBuf::from("/ts"), named.path().join("more")]);
    assert_eq!(request.doublewrite_dir, Some(named.path().join("#dw")), "servers put # in front");
    assert_eq!(request.data_file_path.as_deref(), Some("ibdata1:12M"));
    let mut image = Request { path: "/var/lib/mysql/d/t1.ibd".into(), ..Request::default() };
    config.complete(&mut image);
    assert_eq!(image.datadir, Some("/var/lib/mysql".into()));
    let mut elsewhere = Request { path: "/mnt/t1.ibd".into(), ..Request::default() };
    config.complete(&mut elsewhere);
    assert_eq!(elsewhere.datadir, None);
}
