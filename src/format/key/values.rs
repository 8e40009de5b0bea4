//! The value of one column for people.

use crate::format::index_page::show_key;
use crate::format::key::{ColumnKind, Width};

/// DATE is stored as a signed integer of three bytes.
const DATE_SIGN: u64 = 0x80_0000;
/// Characters of a text, or bytes of what is none, that are shown.
const SHOWN: usize = 40;
/// Digits in a group of a DECIMAL.
const GROUP: usize = 9;
/// Bytes that 0 to 9 digits take (`dig2bytes`).
const BYTES_OF_DIGITS: [usize; GROUP + 1] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// How wide a column is; `None` where nobody knows.
pub fn width(kind: ColumnKind) -> Option<Width> {
    let seconds = |whole: usize, decimals: usize| Width::Fixed(whole.saturating_add(decimals.div_ceil(2)));
    Some(match kind {
        ColumnKind::Int { bytes, .. } => Width::Fixed(bytes),
        ColumnKind::Year => Width::Fixed(1),
        ColumnKind::Date => Width::Fixed(3),
        ColumnKind::Time { decimals } => seconds(3, decimals),
        ColumnKind::DateTime { decimals } => seconds(5, decimals),
        ColumnKind::Timestamp { decimals } => seconds(4, decimals),
        ColumnKind::Decimal { precision, scale } => {
            let whole = precision.checked_sub(scale)?;
            Width::Fixed(digit_bytes(whole).checked_add(digit_bytes(scale))?)
        }
        ColumnKind::Float => Width::Fixed(4),
        ColumnKind::Double => Width::Fixed(8),
        ColumnKind::Text(width) | ColumnKind::Bytes(width) => width,
        ColumnKind::Unknown => return None,
    })
}

fn digit_bytes(digits: usize) -> usize {
    let rest = BYTES_OF_DIGITS.get(digits % GROUP).copied().unwrap_or_default();
    (digits / GROUP).saturating_mul(4).saturating_add(rest)
}

/// The value; `None` where the bytes are too few or too many for it.
pub fn show(kind: ColumnKind, bytes: &[u8]) -> Option<String> {
    match kind {
        ColumnKind::Int { signed, .. } => int(bytes, signed),
        ColumnKind::Year => {
            bytes.first().map(|&year| if year == 0 { 0 } else { 1900 + u16::from(year) }.to_string())
        }
        ColumnKind::Date => date(big_endian(bytes)? ^ DATE_SIGN),
        ColumnKind::Time { decimals } => time(bytes, decimals),
        ColumnKind::DateTime { decimals } => datetime(bytes, decimals),
        ColumnKind::Timestamp { decimals } => {
            let seconds = big_endian(bytes.get(..4)?)?;
            Some(format!("{}{} UTC", utc(seconds), fraction(bytes.get(4..)?, decimals)?))
        }
        ColumnKind::Decimal { precision, scale } => decimal(bytes, precision, scale),
        ColumnKind::Float => Some(f32::from_le_bytes(bytes.try_into().ok()?).to_string()),
        ColumnKind::Double => Some(f64::from_le_bytes(bytes.try_into().ok()?).to_string()),
        ColumnKind::Text(_) => Some(text(bytes)),
        ColumnKind::Bytes(_) => Some(hex(bytes)),
        ColumnKind::Unknown => None,
    }
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

fn int(bytes: &[u8], signed: bool) -> Option<String> {
    let value = big_endian(bytes).filter(|_| !bytes.is_empty())?;
    if !signed {
        return Some(value.to_string());
    }
    // The sign bit is turned over: what is stored is the value and half of the range.
    let half = 1_i128 << (bytes.len().checked_mul(8)?.checked_sub(1)?);
    Some(i128::from(value).checked_sub(half)?.to_string())
}

/// Five bits of day, four of month, the year above.
fn date(value: u64) -> Option<String> {
    Some(format!("{:04}-{:02}-{:02}", value >> 9, value >> 5 & 15, value & 31))
}

/// The decimals of a second: a big-endian number of two digits to the byte.
fn fraction(bytes: &[u8], decimals: usize) -> Option<String> {
    if decimals == 0 {
        return Some(String::new());
    }
    let places = bytes.len().checked_mul(2)?;
    let digits = format!("{:0places$}", big_endian(bytes)?);
    Some(format!(".{}", digits.get(..decimals)?))
}

/// 17 bits of year * 13 + month behind the sign, 5 of day, 5 of hour, 6 of minute, 6 of second (`my_datetime_packed`).
fn datetime(bytes: &[u8], decimals: usize) -> Option<String> {
    let packed = big_endian(bytes.get(..5)?)?.checked_sub(1 << 39)?;
    let months = packed >> 22;
    let date = format!("{:04}-{:02}-{:02}", months / 13, months % 13, packed >> 17 & 31);
    Some(format!("{date} {}{}", clock(packed & 0x1_FFFF), fraction(bytes.get(5..)?, decimals)?))
}

fn clock(packed: u64) -> String {
    format!("{:02}:{:02}:{:02}", packed >> 12, packed >> 6 & 63, packed & 63)
}

/// A sign bit, 10 bits of hour, 6 of minute, 6 of second; negative ones are those of the other sign, taken from 0.
fn time(bytes: &[u8], decimals: usize) -> Option<String> {
    let bits = bytes.len().checked_mul(8).filter(|&bits| (24..=48).contains(&bits))?;
    let zero = 1_u64 << (bits - 1);
    let value = big_endian(bytes)?;
    let (sign, packed) = if value >= zero { ("", value - zero) } else { ("-", zero - value) };
    let below = bits - 24;
    let part = packed & ((1 << below) - 1);
    let bytes = part.to_be_bytes();
    let rest = bytes.get(8_usize.checked_sub(below / 8)?..)?;
    Some(format!("{sign}{}{}", clock(packed >> below), fraction(rest, decimals)?))
}

/// Days since 1970 by the civil calendar (H. Hinnant's algorithm), and the time of the day.
fn utc(seconds: u64) -> String {
    const ERA: u64 = 146_097;
    let day = (seconds / 86_400).saturating_add(719_468);
    let (era, of_era) = (day / ERA, day % ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let second = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// `bin2decimal`: the whole part first, its short group in front; of the decimals the short group is the last.
fn decimal(bytes: &[u8], precision: usize, scale: usize) -> Option<String> {
    let (first, rest) = bytes.split_first()?;
    let negative = first & 0x80 == 0;
    let mask = if negative { 0xFF } else { 0 };
    let clear: Vec<u8> =
        std::iter::once(first ^ 0x80 ^ mask).chain(rest.iter().map(|byte| byte ^ mask)).collect();
    let whole = precision.checked_sub(scale)?;
    let (mut at, mut digits) = (0_usize, String::new());
    let groups = |digits: usize| std::iter::repeat_n(GROUP, digits / GROUP);
    for count in
        std::iter::once(whole % GROUP).chain(groups(whole)).chain(groups(scale)).chain([scale % GROUP])
    {
        let len = digit_bytes(count);
        let value = big_endian(clear.get(at..at.checked_add(len)?)?)?;
        at = at.checked_add(len)?;
        if count > 0 {
            digits.push_str(&format!("{value:0count$}"));
        }
    }
    let (whole, part) = digits.split_at_checked(whole)?;
    let whole = Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let point = if scale == 0 { "" } else { "." };
    Some(format!("{}{whole}{point}{part}", if negative { "-" } else { "" }))
}

/// Text in quotes where it is UTF-8 without control characters, else hexadecimal. Blanks that only fill a CHAR are left out.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes).map(|text| text.trim_end_matches(' ')) {
        Ok(text) if !text.chars().any(char::is_control) => match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("\"{}\"...", text.get(..end).unwrap_or(text)),
            None => format!("\"{text}\""),
        },
        _ => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN) {
        Some(first) if bytes.len() > SHOWN => format!("{}...", show_key(first)),
        _ => show_key(bytes),
    }
}
