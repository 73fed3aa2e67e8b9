//! What a leaf of the log says.

use std::fmt;

use jiff::Timestamp;
use twinbuild_subject::Sha256;

/// The first line of each entry.
const HEAD: &str = "twinbuild ledger entry 1";
/// What the line begins with that not all entries have.
const INSTALLED: &str = "installed ";
/// The longest entry, in bytes: far below the 65,535 of C2SP tlog-tiles.
const LIMIT_BYTES: usize = 2048;

/// A leaf of the log. As bytes it is lines of ASCII, each ended by a line feed: `twinbuild ledger entry 1`, `kind KIND`, `time TIME`, and by its
/// kind `subject`, perhaps `installed`, `payload`, `type`, `outcome` and `alerts`, or `root` and `size`, in this order. The same entry has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was appended, to the second.
    pub time: Timestamp,
    /// What it is.
    pub body: Body,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A signed statement.
    Statement(Logged),
    /// The index: the root of the sorted tree that has the newest entry of each key, of all entries before this one.
    Index {
        /// Its root.
        root: Sha256,
        /// How many keys it has.
        size: u64,
    },
}

/// A statement, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// What kind of statement it is.
    pub kind: Kind,
    /// The SHA-256 of the file that it is about.
    pub subject: Sha256,
    /// The digest of what it leaves where it is installed ([`Statement::installed`](twinbuild_statement::Statement::installed)), by which it is found, too.
    pub installed: Option<Sha256>,
    /// The SHA-256 of the bytes that are signed.
    pub payload: Sha256,
    /// Its predicate type.
    pub predicate_type: String,
    /// The outcome of the verdict, by its name.
    pub outcome: String,
    /// How many alerts the verdict has.
    pub alerts: u64,
}

/// Kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A verdict.
    Verdict,
    /// A verification summary of one.
    Summary,
    /// The provenance of what was rebuilt.
    Provenance,
    /// That a verdict is not to be relied on any more.
    Retracted,
    /// That somebody objects to a verdict.
    Disputed,
}

impl Logged {
    /// What the index has it by.
    pub fn keys(&self) -> impl Iterator<Item = Sha256> + Clone {
        std::iter::once(self.subject).chain(self.installed)
    }
}

impl Kind {
    const ALL: [Self; 5] = [Self::Verdict, Self::Summary, Self::Provenance, Self::Retracted, Self::Disputed];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Summary => "summary",
            Self::Provenance => "provenance",
            Self::Retracted => "retracted",
            Self::Disputed => "disputed",
        }
    }

    /// Whether the newest of these is what counts for a file.
    #[must_use]
    pub fn is_decisive(self) -> bool {
        matches!(self, Self::Verdict | Self::Retracted | Self::Disputed)
    }
}

/// Why bytes are no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no ledger entry: {expected} is expected{}, not {found:?}", line.map(|line| format!(" in line {line}")).unwrap_or_default())]
pub struct EntryError {
    /// The line, from 1; `None` where it is about the whole.
    pub line: Option<usize>,
    /// What is expected.
    pub expected: &'static str,
    /// What was found, the beginning of it.
    pub found: String,
}

impl Entry {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Reads an entry, strictly: there is one way to write each.
    ///
    /// # Errors
    /// [`EntryError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let whole =
            |expected, found: &str| EntryError { line: None, expected, found: found.chars().take(60).collect() };
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii() && text.len() <= LIMIT_BYTES);
        let text = text.ok_or_else(|| whole("ASCII text of at most 2048 bytes", &String::from_utf8_lossy(bytes)))?;
        let mut lines = Lines { rest: text, line: 0 };
        lines.exactly(HEAD)?;
        let kind = lines.value("kind ", "kind and a kind")?;
        let time = lines.value("time ", "time and a time")?;
        let time = time.parse().map_err(|_| lines.error("a time (RFC 3339)", time))?;
        let body = if kind == "index" {
            let root = lines.digest("root ", "root and a SHA-256")?;
            Body::Index { root, size: lines.number("size ", "size and a number")? }
        } else {
            let kind = Kind::ALL.into_iter().find(|one| one.name() == kind);
            let kind = kind.ok_or_else(|| whole("a known kind", text))?;
            Body::Statement(Logged {
                kind,
                subject: lines.digest("subject ", "subject and a SHA-256")?,
                installed: match lines.rest.starts_with(INSTALLED) {
                    true => Some(lines.digest(INSTALLED, "installed and a SHA-256")?),
                    false => None,
                },
                payload: lines.digest("payload ", "payload and a SHA-256")?,
                predicate_type: lines.value("type ", "type and a predicate type")?.to_owned(),
                outcome: lines.value("outcome ", "outcome and an outcome")?.to_owned(),
                alerts: lines.number("alerts ", "alerts and a number")?,
            })
        };
        let entry = Self { time, body };
        // Numbers and times have several spellings, and an entry has one.
        if !lines.rest.is_empty() || entry.to_string() != text {
            return Err(whole("an entry in its one form and nothing behind it", text));
        }
        Ok(entry)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.strftime("%Y-%m-%dT%H:%M:%SZ");
        match &self.body {
            Body::Index { root, size } => {
                write!(f, "{HEAD}\nkind index\ntime {time}\nroot {root}\nsize {size}\n")
            }
            Body::Statement(Logged { kind, subject, installed, payload, predicate_type, outcome, alerts }) => {
                write!(f, "{HEAD}\nkind {}\ntime {time}\nsubject {subject}\n", kind.name())?;
                if let Some(installed) = installed {
                    writeln!(f, "{INSTALLED}{installed}")?;
                }
                write!(f, "payload {payload}\ntype {predicate_type}\noutcome {outcome}\nalerts {alerts}\n")
            }
        }
    }
}

struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    fn error(&self, expected: &'static str, found: &str) -> EntryError {
        EntryError { line: Some(self.line), expected, found: found.chars().take(60).collect() }
    }

    fn next(&mut self, expected: &'static str) -> Result<&'a str, EntryError> {
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.error(expected, self.rest))?;
        self.rest = rest;
        Ok(line)
    }

    fn exactly(&mut self, text: &'static str) -> Result<(), EntryError> {
        let line = self.next(text)?;
        if line == text { Ok(()) } else { Err(self.error(text, line)) }
    }

    fn value(&mut self, name: &str, expected: &'static str) -> Result<&'a str, EntryError> {
        let line = self.next(expected)?;
        let value = line.strip_prefix(name).filter(|value| !value.is_empty() && !value.contains(' '));
        value.ok_or_else(|| self.error(expected, line))
    }

    fn digest(&mut self, name: &str, expected: &'static str) -> Result<Sha256, EntryError> {
        let value = self.value(name, expected)?;
        value.parse().map_err(|_| self.error(expected, value))
    }

    fn number(&mut self, name: &str, expected: &'static str) -> Result<u64, EntryError> {
        let value = self.value(name, expected)?;
        value.parse().map_err(|_| self.error(expected, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged() -> Entry {
        Entry {
            time: "2026-11-01T10:00:00Z".parse().unwrap(),
            body: Body::Statement(Logged {
                kind: Kind::Verdict,
                subject: Sha256::of(b"subject"),
                installed: None,
                payload: Sha256::of(b"payload"),
                predicate_type: "https://example.org/verdict/v1".to_owned(),
                outcome: "reproduced".to_owned(),
                alerts: 0,
            }),
        }
    }

    #[test]
    fn an_entry_has_one_form() {
        let index = Entry { body: Body::Index { root: Sha256::of(b"root"), size: 12 }, ..logged() };
        let mut installed = logged();
        if let Body::Statement(logged) = &mut installed.body {
            logged.installed = Some(Sha256::of(b"installed"));
        }
        for entry in [logged(), installed, index] {
            let bytes = entry.to_bytes();
            assert_eq!(Entry::parse(&bytes), Ok(entry));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1;
                // Whatever can be read is what was written.
                if let Ok(read) = Entry::parse(&other) {
                    assert_eq!(read.to_bytes(), other);
                }
                assert!(Entry::parse(&bytes[..at]).is_err());
            }
            assert!(Entry::parse(&[bytes.as_slice(), b"\n"].concat()).is_err());
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        let text = logged().to_string();
        for (from, to) in [
            ("entry 1", "entry 2"),
            ("kind verdict", "kind other"),
            ("alerts 0", "alerts 00"),
            ("alerts 0", "alerts -1"),
            ("10:00:00Z", "10:00:00.5Z"),
            ("10:00:00Z", "11:00:00+01:00"),
            ("outcome reproduced", "outcome "),
            ("outcome reproduced", "outcome re produced"),
            ("\ntype", "\r\ntype"),
            ("reproduced", "r\u{e9}produced"),
        ] {
            let other = text.replace(from, to);
            assert_ne!(other, text);
            assert!(Entry::parse(other.as_bytes()).is_err(), "{to:?}");
        }
        assert!(Entry::parse(b"").is_err() && Entry::parse(&[b'a'; 4000]).is_err());
    }
}
