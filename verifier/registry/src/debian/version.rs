//! Debian versions and their order (Debian Policy, 5.6.12).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version `[epoch:]upstream[-revision]`. Equal are those that Debian's order holds equal, such as `1.0` and `1.00`.
#[derive(Debug, Clone)]
pub struct DebianVersion {
    text: String,
    epoch: u32,
    /// Where in the text the upstream version begins and ends.
    upstream: (usize, usize),
}

/// Text that is not a Debian version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a Debian version: [epoch:]upstream[-revision] is expected")]
pub struct ParseDebianVersionError {
    /// The text, at most 80 characters of it.
    pub found: String,
}

impl DebianVersion {
    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn upstream(&self) -> &str {
        &self.text[self.upstream.0..self.upstream.1]
    }

    /// The revision; none is as good as `0`.
    fn revision(&self) -> &str {
        self.text.get(self.upstream.1 + 1..).unwrap_or_default()
    }
}

impl FromStr for DebianVersion {
    type Err = ParseDebianVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDebianVersionError { found: text.chars().take(80).collect() };
        let (epoch, begin) = match text.split_once(':') {
            Some((epoch, _)) if epoch.bytes().all(|b| b.is_ascii_digit()) => {
                (epoch.parse().map_err(|_| error())?, epoch.len() + 1)
            }
            Some(_) => return Err(error()),
            None => (0, 0),
        };
        let end = text[begin..].rfind('-').map_or(text.len(), |at| begin + at);
        let allowed = |b: u8, more: &[u8]| b.is_ascii_alphanumeric() || b".+~".contains(&b) || more.contains(&b);
        let upstream = &text[begin..end];
        let revision = text.get(end + 1..);
        if !upstream.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            || !upstream.bytes().all(|b| allowed(b, b"-:"))
            || revision.is_some_and(|text| text.is_empty() || !text.bytes().all(|b| allowed(b, b"")))
        {
            return Err(error());
        }
        Ok(Self { text: text.to_owned(), epoch, upstream: (begin, end) })
    }
}

impl Ord for DebianVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_upstream = || compare(self.upstream(), other.upstream());
        self.epoch.cmp(&other.epoch).then_with(by_upstream).then_with(|| compare(self.revision(), other.revision()))
    }
}

impl PartialOrd for DebianVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebianVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebianVersion {}

/// Compares alternately what is not digits and what is.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (a_text, b_text) = (split(&mut a, |c| !c.is_ascii_digit()), split(&mut b, |c| !c.is_ascii_digit()));
        let by_text = compare_text(a_text, b_text);
        let (a_number, b_number) = (split(&mut a, u8::is_ascii_digit), split(&mut b, u8::is_ascii_digit));
        let by_both = by_text.then_with(|| compare_number(a_number, b_number));
        if by_both != Ordering::Equal {
            return by_both;
        }
    }
    Ordering::Equal
}

/// Takes the bytes at the beginning for which `holds` is true.
fn split<'a>(rest: &mut &'a [u8], holds: impl Fn(&u8) -> bool) -> &'a [u8] {
    let at = rest.iter().position(|byte| !holds(byte)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(at);
    *rest = left;
    taken
}

/// Letters before all else, and a tilde before everything, even the end.
fn compare_text(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let differ = |at: &usize| weight(a.get(*at)) != weight(b.get(*at));
    let at = (0..a.len().max(b.len())).find(differ);
    at.map_or(Ordering::Equal, |at| weight(a.get(at)).cmp(&weight(b.get(at))))
}

/// Numbers of any length.
fn compare_number(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl fmt::Display for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for DebianVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DebianVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> DebianVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_policys_examples_hold() {
        // Policy 5.6.12: "the following parts are in sorted order: ~~, ~~a, ~, the empty part, a".
        let sorted = ["1~~", "1~~a", "1~", "1", "1a"];
        for pair in sorted.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert!(version("1.0~beta1~svn1245") < version("1.0~beta1"));
        assert!(version("1.0~beta1") < version("1.0"));
    }

    #[test]
    fn the_order_is_that_of_dpkg() {
        for (a, b) in [
            ("1.2", "1.10"),
            ("1.0-1", "1.0-1.1"),
            ("1.0-1~deb12u1", "1.0-1"),
            ("1.0-1", "1.0-1+b1"),
            ("9.9", "1:0.1"),
            ("1.0a", "1.0+"),
            ("5.36.0-7+deb12u2", "5.36.0-7+deb12u10"),
            ("1.0.0", "1.0.0a"),
            ("2.4.7-1", "2.4.7-z"),
            ("0.1", "18446744073709551616"),
        ] {
            assert!(version(a) < version(b), "{a} < {b}");
            assert!(version(b) > version(a), "{b} > {a}");
        }
        for (a, b) in [("1.0", "1.00"), ("1.0", "1.0-0"), ("0:1.0", "1.0"), ("1.01-1", "1.1-01")] {
            assert_eq!(version(a), version(b));
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "-1", ":1", "a:1", "1:", "1_2", "1-", "1 2", "é", "4294967296:1", "~1", "1-1_1"] {
            assert!(text.parse::<DebianVersion>().is_err(), "{text}");
        }
        assert_eq!(version("1:2:3-4-5").revision(), "5");
    }
}
