//! MySQL's `component_keyring_file`: one JSON object (`json_reader.h`, MySQL 8.0.24 to 9.7).
//!
//! | member | meaning |
//! |---|---|
//! | `version` | `"1.0"` |
//! | `elements[].user` | empty for InnoDB's keys |
//! | `elements[].data_id` | name of the key |
//! | `elements[].data_type` | `AES` for InnoDB's keys |
//! | `elements[].data` | the key in hexadecimal, not obfuscated |
//! | `elements[].extension` | empty |

use std::collections::BTreeMap;

use crate::page::keyring::{KeyFileFault, Secret};
use serde::Deserialize;

#[derive(Deserialize)]
struct KeyringDocument<'a> {
    version: String,
    #[serde(borrow)]
    elements: Vec<Element<'a>>,
}

#[derive(Deserialize)]
struct Element<'a> {
    #[serde(default)]
    user: String,
    data_id: String,
    // Borrowed, so that no copy of the digits is left behind; they never need escapes.
    data: &'a str,
}

/// The keys of no user, by name: InnoDB's are among them.
pub(super) fn parse(content: &[u8]) -> Result<BTreeMap<String, Secret>, KeyFileFault> {
    // serde's own message may quote what it could not read, and that may be a key.
    let document: KeyringDocument<'_> =
        serde_json::from_slice(content).map_err(|e| KeyFileFault::Json(e.line(), e.column()))?;
    if document.version != "1.0" {
        return Err(KeyFileFault::ComponentVersion(document.version));
    }
    let innodb = document.elements.into_iter().filter(|e| e.user.is_empty());
    innodb
        .map(|element| match Secret::from_hex(element.data.as_bytes()) {
            Some(key) => Ok((element.data_id, key)),
            None => Err(KeyFileFault::NotHexadecimal(element.data_id)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_the_server_writes_it() {
        let text = br#"{"version":"1.0","elements":[
            {"user":"","data_id":"INNODBKey-u-1","data_type":"AES","data":"00FF","extension":[]},
            {"user":"bob@localhost","data_id":"INNODBKey-u-1","data_type":"AES","data":"11","extension":[]}]}"#;
        let keys = parse(text).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys["INNODBKey-u-1"].expose(), [0, 0xFF]);
        assert!(parse(br#"{"version":"1.0","elements":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        for (text, word) in [
            (&br#"{"version":"2.0","elements":[]}"#[..], "2.0"),
            (br#"{"version":"1.0","elements":[{"data_id":"k","data":"secre"}]}"#, "\"k\""),
            (br#"{"version":"1.0","elements":[{"data_id":"k","data":"secret""#, "line 1"),
            (b"{", "line 1"),
        ] {
            let why = parse(text).unwrap_err().to_string();
            assert!(why.contains(word) && !why.contains("secre"), "{why}");
        }
    }
}
