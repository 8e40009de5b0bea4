//! Thresholds in the range syntax of the Monitoring Plugins guidelines.
//!
//! | written | alert when the value is |
//! |---|---|
//! | `10` | below 0 or above 10 |
//! | `10:` | below 10 |
//! | `~:10` | above 10 |
//! | `10:20` | below 10 or above 20 |
//! | `@10:20` | from 10 to 20, both included |

use std::fmt;
use std::str::FromStr;

/// A range of values, and whether being inside or outside of it is an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    inside: bool,
}

impl Range {
    /// `0`: anything but zero is an alert, for counts.
    pub const ZERO: Range = Range { start: 0.0, end: 0.0, inside: false };

    /// Whether a value is an alert.
    pub fn alerts(&self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.inside
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        let (inside, limits) = match text.strip_prefix('@') {
            Some(limits) => (true, limits),
            None => (false, text),
        };
        let (start, end) = match limits.split_once(':') {
            Some((start, end)) => (start, end),
            None => ("0", limits),
        };
        let start = match start {
            "~" => f64::NEG_INFINITY,
            "" => 0.0,
            number => parse(number)?,
        };
        let end = if end.is_empty() && limits.contains(':') { f64::INFINITY } else { parse(end)? };
        if start > end {
            return Err(format!("{text}: the start of a range must not be above its end"));
        }
        Ok(Range { start, end, inside })
    }
}

/// Decimal digits with an optional fraction and sign; what else Rust reads as a float (`inf`, `1e9`) is no threshold.
fn parse(number: &str) -> Result<f64, String> {
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    number
        .parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| format!("{number:?} is no number; a range is [@]start:end, e.g. 10, 10:, ~:10, @1:5"))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.inside { "@" } else { "" };
        match (self.start, self.end) {
            (0.0, f64::INFINITY) => write!(f, "{at}0:"),
            (0.0, end) => write!(f, "{at}{end}"),
            (f64::NEG_INFINITY, f64::INFINITY) => write!(f, "{at}~:"),
            (f64::NEG_INFINITY, end) => write!(f, "{at}~:{end}"),
            (start, f64::INFINITY) => write!(f, "{at}{start}:"),
            (start, end) => write!(f, "{at}{start}:{end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(range: &str, values: [f64; 5]) -> [bool; 5] {
        let range: Range = range.parse().unwrap();
        values.map(|value| range.alerts(value))
    }

    #[test]
    fn the_examples_of_the_guidelines() {
        let values = [-1.0, 0.0, 10.0, 15.0, 21.0];
        assert_eq!(alerts("10", values), [true, false, false, true, true]);
        assert_eq!(alerts("10:", values), [true, true, false, false, false]);
        assert_eq!(alerts("~:10", values), [false, false, false, true, true]);
        assert_eq!(alerts("10:20", values), [true, true, false, false, true]);
        assert_eq!(alerts("@10:20", values), [false, false, true, true, false]);
        assert_eq!(alerts("@0", values), [false, true, false, false, false]);
        assert_eq!(alerts("0", values), [true, false, true, true, true]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "@", "x", "10:5", "1e3", "inf", "NaN", "~", "1:2:3", "5:~", "--1", "1,5"] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_is_written_as_it_is_read() {
        for text in ["10", "10:", "~:10", "10:20", "@10:20", "0", "@5", "~:", "0:", "-5:-1"] {
            assert_eq!(text.parse::<Range>().unwrap().to_string(), text);
        }
        assert_eq!("0:10".parse::<Range>().unwrap().to_string(), "10");
        assert_eq!(Range::ZERO, "0".parse().unwrap());
    }
}
