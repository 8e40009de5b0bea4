//! A configuration without what it keeps secret: what is known to be harmless stays, everything else goes.

/// Options that tell how the files came about, or where they lie. Everything of InnoDB and Aria is among them.
const HARMLESS: [&str; 22] = [
    "basedir",
    "character_set_server",
    "collation_server",
    "datadir",
    "default_storage_engine",
    "early_plugin_load",
    "encrypt_binlog",
    "encrypt_tmp_files",
    "file_key_management_filename",
    "keyring_file_data",
    "log_bin",
    "log_error",
    "lower_case_table_names",
    "pid_file",
    "plugin_dir",
    "plugin_load",
    "plugin_load_add",
    "port",
    "server_id",
    "socket",
    "sync_binlog",
    "tmpdir",
];
const HARMLESS_PREFIXES: [&str; 2] = ["innodb_", "aria_"];

/// Keeps groups, includes and harmless options; of others the name. Comments may hold anything and go.
pub(crate) fn configuration(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).lines().map(|line| redacted(line) + "\n").collect::<String>().into_bytes()
}

fn redacted(line: &str) -> String {
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('[') && trimmed.ends_with(']') {
        return line.to_owned();
    }
    if trimmed.starts_with(['#', ';']) {
        return "# (comment left out)".to_owned();
    }
    if let Some(include) = trimmed.strip_prefix('!') {
        let known = ["include ", "includedir "].iter().any(|word| include.starts_with(word));
        return if known { line.to_owned() } else { "# (redacted)".to_owned() };
    }
    let (name, value) = trimmed.split_once('=').map_or((trimmed, None), |(name, value)| (name, Some(value)));
    let is_name = name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match value {
        _ if !is_name => "# (redacted)".to_owned(),
        // A comment behind a value may hold anything as well, and so may what an address asks for.
        Some(value) if is_harmless(name) && !value.contains(['#', '@', '?', '&']) => line.to_owned(),
        Some(_) => format!("{name}= (redacted)"),
        None => name.to_owned(),
    }
}

fn is_harmless(name: &str) -> bool {
    let name = name.trim().to_lowercase().replace('-', "_");
    let name = name.strip_prefix("loose_").unwrap_or(&name);
    HARMLESS.contains(&name) || HARMLESS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_the_configuration_and_places_stay() {
        let text = b"[mysqld]\ndatadir=/var/lib/mysql\ninnodb-page-size = 8k\npassword = hunter2\n\
            wsrep_sst_auth=root:hunter2\nwsrep_provider_options=\"socket.ssl_key=hunter2\"\n\
            report-url=http://u:hunter2@host/\n# the password is hunter2\ninnodb_x=1 # hunter2\n\
            plugin-load-add=file?key=hunter2\nloose_innodb_x=http://h/?a=1&b=hunter2\n\
            skip-networking\n!includedir /etc/mysql/conf.d\nthe word is hunter2\n\n";
        let text = String::from_utf8(configuration(text)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        for kept in [
            "[mysqld]\n",
            "datadir=/var/lib/mysql\n",
            "innodb-page-size = 8k\n",
            "password = (redacted)\n",
            "wsrep_sst_auth= (redacted)\n",
            "skip-networking\n",
            "!includedir /etc/mysql/conf.d\n",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
