//! What an input is that is no server's log.

/// Magic number, name, and what unpacks it.
const PACKED: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"\xfd7zXZ\0", "xz", "xzcat"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

/// Whether a file is a packed one: such a file may keep lines of what is in it as they are.
pub fn is_packed(head: &[u8]) -> bool {
    PACKED.iter().any(|(magic, ..)| head.starts_with(magic))
}

/// Says what the first bytes of a file show, and what to do with it; `lines` were read of it, and a shell knows it as `file`.
pub fn describe(head: &[u8], lines: u64, file: &str) -> String {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if lines == 0 {
        return "the file is empty: no line of a server's error log".to_owned();
    }
    if let Some((_, name, tool)) = PACKED.iter().find(|(magic, ..)| starts(magic)) {
        return format!("compressed with {name}: unpack it first, {tool} {file} | dblwr explain-log -");
    }
    if starts(b"\xff\xfe") || starts(b"\xfe\xff") || alternating_zeros(head) {
        return format!(
            "text in UTF-16: convert it first, iconv -f UTF-16 -t UTF-8 {file} | dblwr explain-log -"
        );
    }
    if head.iter().all(|&byte| byte == 0) {
        return "the file begins with zeros and has no line of a server's error log".to_owned();
    }
    if head.contains(&0) {
        return "binary data: no line of a server's error log".to_owned();
    }
    "no line looks like one of a server's error log".to_owned()
}

/// ASCII text in UTF-16 has a zero in every other byte.
fn alternating_zeros(head: &[u8]) -> bool {
    let zeros =
        |odd: bool| head.iter().enumerate().filter(|(at, byte)| (at % 2 == 1) == odd && **byte == 0).count();
    let half = head.len() / 2;
    half > 8
        && (zeros(true) * 10 > half * 9 && zeros(false) * 10 < half
            || zeros(false) * 10 > half * 9 && zeros(true) * 10 < half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_input_has_its_word() {
        let wide: Vec<u8> = "2019 [Note] InnoDB: x".bytes().flat_map(|byte| [byte, 0]).collect();
        let narrow: Vec<u8> = wide.iter().copied().skip(1).chain([0]).collect();
        for (head, word) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip"),
            (b"\xfd7zXZ\0", "xz"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"BZh91AY", "bzip2"),
            (b"\xff\xfei\0", "UTF-16"),
            (&wide, "UTF-16"),
            (&narrow, "UTF-16"),
            (&[0; 64], "zeros"),
            (b"\x7fELF\0\0", "binary"),
            (b"root:x:0:0::/root:/bin/sh", "no line"),
        ] {
            assert!(describe(head, 1, "x.gz").contains(word), "{head:?}: {}", describe(head, 1, "x.gz"));
        }
        assert!(describe(b"", 0, "x").contains("empty"));
    }
}
