//! A server's configuration file: what it says on where files lie and whether doublewrite is on.
//!
//! The syntax is that of `my_default.cc` (MySQL 5.5 to 9.7, `my_default.c` in MariaDB): groups in brackets, `name` or
//! `name=value`, `#` and `;` at the beginning of a line and `#` outside quotes begin a comment, one pair of quotes round
//! a value falls away, `!include FILE` and `!includedir DIR` read further files, at most ten deep. Of an option given
//! twice the later one counts. In names `-` and `_` are the same.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::disk::small;
use crate::error::{Error, Result};
use crate::instance::note::InstanceNote;
use crate::instance::request::Request;
use crate::units::PageSize;

/// How deep files may include each other (`max_recursion_level`).
const MAX_DEPTH: u32 = 10;
/// A configuration is text of a few KiB; anything else is not one.
const MAX_FILE: u64 = 4 << 20;

/// Options of the server's groups, the later ones counting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// By name with underscores; `None` where no value was given.
    options: BTreeMap<String, Option<String>>,
    /// What it includes and is not here.
    remarks: Vec<InstanceNote>,
}

impl Config {
    /// Reads a configuration file and everything it includes.
    ///
    /// # Errors
    /// A file cannot be read, is too large, or has a line that is no option; inclusion goes too deep.
    pub fn read(path: &Path) -> Result<Config> {
        let mut config = Config::default();
        config.file(path, 0)?;
        Ok(config)
    }

    /// The last value given to an option; an option without a value is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(|value| value.as_deref().unwrap_or_default())
    }

    fn file(&mut self, path: &Path, depth: u32) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::foreign(path, "configuration files include each other more than 10 deep"));
        }
        let bytes = small::read(path, MAX_FILE).map_err(Error::io(path, "read the configuration"))?;
        let mut served = false;
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            match ConfigLine::parse(line) {
                ConfigLine::Nothing => {}
                ConfigLine::Group(name) => served = is_server_group(name),
                ConfigLine::Include(file) => self.file(Path::new(file), depth + 1)?,
                ConfigLine::IncludeDir(dir) => self.directory(Path::new(dir), depth + 1)?,
                ConfigLine::Option(name, value) if served => self.option(name, value),
                ConfigLine::Option(..) => {}
                ConfigLine::Broken(what) => {
                    return Err(Error::foreign(path, format!("line {}: {what}", number + 1)));
                }
            }
        }
        Ok(())
    }

    /// Every `*.cnf` of a directory, by name.
    fn directory(&mut self, dir: &Path, depth: u32) -> Result<()> {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            // A configuration that was carried to another host; the server says so and goes on, too.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.remarks.push(InstanceNote::IncludeIsGone(dir.to_path_buf()));
                return Ok(());
            }
            Err(error) => return Err(Error::io(dir, "list")(error)),
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "cnf"))
            .collect();
        files.sort();
        files.iter().try_for_each(|file| self.file(file, depth))
    }

    fn option(&mut self, name: &str, value: Option<String>) {
        let name = name.replace('-', "_");
        let name = name.strip_prefix("loose_").unwrap_or(&name);
        for (prefix, implied) in [("skip_", "0"), ("disable_", "0"), ("enable_", "1")] {
            if let Some(rest) = name.strip_prefix(prefix).filter(|rest| rest.starts_with("innodb_")) {
                self.options.insert(rest.to_owned(), Some(implied.to_owned()));
                return;
            }
        }
        self.options.insert(name.to_owned(), value);
    }

    /// Fills in what a request leaves open. Directories below the configured `datadir` follow the data directory that
    /// was named: a copy of it is looked at instead of the original.
    pub fn complete(&self, request: &mut Request) {
        let places =
            MovedPlaces { config: self, datadir: self.path("datadir"), named: named_datadir(request) };
        let fill = |place: &mut Option<PathBuf>, name: &str| {
            if place.is_none() {
                *place = places.get(name);
            }
        };
        fill(&mut request.data_home_dir, "innodb_data_home_dir");
        fill(&mut request.undo_dir, "innodb_undo_directory");
        fill(&mut request.redo_dir, "innodb_log_group_home_dir");
        fill(&mut request.parallel_doublewrite_path, "innodb_parallel_doublewrite_path");
        request.doublewrite_dir = request.doublewrite_dir.take().or_else(|| places.doublewrite_dir());
        let further = self.get("innodb_directories").unwrap_or_default();
        let further = further.split(';').map(str::trim).filter(|dir| !dir.is_empty());
        request.directories.extend(further.map(|dir| places.moved(Path::new(dir))));
        if request.data_file_path.is_none() {
            request.data_file_path =
                self.get("innodb_data_file_path").filter(|spec| !spec.is_empty()).map(str::to_owned);
        }
        request.page_size = request.page_size.or_else(|| self.page_size());
        request.doublewrite_off |= self.doublewrite_off();
        request.remarks.extend(self.remarks.iter().cloned());
        request.undo_log_encrypt |= self.undo_log_encrypt();
        if request.datadir.is_none() && places.named.is_none() {
            request.datadir = self.path("datadir").filter(|datadir| request.path.starts_with(datadir));
        }
    }

    /// The data directory that it names.
    pub fn datadir(&self) -> Option<PathBuf> {
        self.path("datadir")
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    fn page_size(&self) -> Option<PageSize> {
        let text = self.get("innodb_page_size")?;
        let bytes = match text.strip_suffix(['k', 'K']) {
            Some(kib) => kib.parse::<u32>().ok()?.checked_mul(1024)?,
            None => text.parse().ok()?,
        };
        PageSize::logical(bytes)
    }

    /// A flag without a value is on.
    fn undo_log_encrypt(&self) -> bool {
        let value = self.get("innodb_undo_log_encrypt").map(str::to_ascii_lowercase);
        value.is_some_and(|value| matches!(value.as_str(), "" | "1" | "on" | "true" | "yes"))
    }

    fn doublewrite_off(&self) -> bool {
        let value = self.get("innodb_doublewrite").unwrap_or_default().to_ascii_lowercase();
        matches!(value.as_str(), "0" | "off" | "false" | "no")
    }
}

/// The data directory that the request names: by option, or PATH itself.
fn named_datadir(request: &Request) -> Option<PathBuf> {
    request.datadir.clone().or_else(|| request.path.is_dir().then(|| request.path.clone()))
}

/// Moves configured directories along with the data directory.
struct MovedPlaces<'a> {
    config: &'a Config,
    datadir: Option<PathBuf>,
    named: Option<PathBuf>,
}

impl MovedPlaces<'_> {
    fn get(&self, name: &str) -> Option<PathBuf> {
        self.config.path(name).map(|path| self.moved(&path))
    }

    /// Taken as it is when it begins with `#`, `.` or is absolute, and else with `#` in front (`ha_innodb.cc` 8.0.20 to
    /// 9.7); always seen from the data directory.
    fn doublewrite_dir(&self) -> Option<PathBuf> {
        let dir = self.get("innodb_doublewrite_dir").filter(|dir| !dir.as_os_str().is_empty())?;
        let text = dir.to_string_lossy();
        if self.named.as_ref().is_some_and(|named| dir.starts_with(named)) {
            return Some(dir);
        }
        let name = if dir.is_absolute() || text.starts_with(['#', '.']) {
            dir.clone()
        } else {
            PathBuf::from(format!("#{text}"))
        };
        Some(
            self.named.as_ref().or(self.datadir.as_ref()).map_or(name.clone(), |datadir| datadir.join(&name)),
        )
    }

    fn moved(&self, path: &Path) -> PathBuf {
        let (Some(from), Some(to)) = (&self.datadir, &self.named) else { return path.to_path_buf() };
        match path.strip_prefix(from) {
            Ok(below) if path.is_absolute() => to.join(below),
            _ => path.to_path_buf(),
        }
    }
}

/// Groups that servers read, with or without a version behind the name.
fn is_server_group(name: &str) -> bool {
    let base = name.split_once('-').map_or(name, |(base, version)| {
        if version.starts_with(|c: char| c.is_ascii_digit()) { base } else { name }
    });
    matches!(base, "mysqld" | "server" | "mariadb" | "mariadbd")
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
enum ConfigLine<'a> {
    Nothing,
    Group(&'a str),
    Include(&'a str),
    IncludeDir(&'a str),
    Option(&'a str, Option<String>),
    Broken(String),
}

impl<'a> ConfigLine<'a> {
    fn parse(line: &'a str) -> ConfigLine<'a> {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return ConfigLine::Nothing;
        }
        if let Some(directive) = line.strip_prefix('!') {
            return directive_of(directive);
        }
        let line = without_comment(line).trim_end();
        if let Some(group) = line.strip_prefix('[') {
            return match group.split_once(']') {
                Some((name, _)) => ConfigLine::Group(name.trim()),
                None => ConfigLine::Broken(format!("{line:?} opens a group without closing it")),
            };
        }
        match line.split_once('=') {
            Some((name, value)) => ConfigLine::Option(name.trim(), Some(unquoted(value.trim()))),
            None => ConfigLine::Option(line, None),
        }
    }
}

fn directive_of(directive: &str) -> ConfigLine<'_> {
    let argument = |keyword: &str| {
        let rest = directive.strip_prefix(keyword)?;
        rest.starts_with(char::is_whitespace).then(|| rest.trim())
    };
    match (argument("includedir"), argument("include")) {
        (Some(dir), _) => ConfigLine::IncludeDir(dir),
        (None, Some(file)) => ConfigLine::Include(file),
        (None, None) => ConfigLine::Broken(format!("!{directive} is neither !include nor !includedir")),
    }
}

/// A `#` outside quotes ends the line; a backslash takes its meaning from the next character.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '#' if quote.is_none() => return line.get(..at).unwrap_or(line),
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ => {}
        }
    }
    line
}

/// Without one pair of quotes, and with backslash sequences resolved as servers do: `\s` is a space, an unknown one
/// stays as it is.
fn unquoted(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let text = inside('"').or_else(|| inside('\'')).unwrap_or(value);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('s') => out.push(' '),
            Some(same @ ('"' | '\'' | '\\')) => out.push(same),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
