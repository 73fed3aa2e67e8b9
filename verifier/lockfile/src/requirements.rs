//! Requirements files: their lines, their options, and what they include (pip documentation, "Requirements File Format").

use std::path::{Component, Path, PathBuf};

use crate::digest::Digest;
use crate::error::quoted;
use crate::lockfile::{Format, Include, Lockfile};
use crate::option::{self, Given};
use crate::requirement::{self, Requirement};
use crate::text::{self, MOST_BYTES};
use crate::{LockfileError, Reason, Setting, Unpinned, address};

/// More lines than any requirements file has, in number, with all that it includes.
const MOST_LINES: usize = 1_000_000;
/// More files than any requirements file includes, in number.
const MOST_FILES: usize = 1000;
/// How many files deep files may include others.
const MOST_DEPTH: usize = 32;

pub(crate) fn read(path: &Path, text: &str, include: &mut Include<'_>) -> Result<Lockfile, LockfileError> {
    let lockfile = Lockfile::empty(path, Format::Requirements);
    let mut reader = Reader { lockfile, include, open: Vec::new(), files: 0, lines: 0, size_bytes: 0 };
    reader.file(path, text)?;
    Ok(reader.lockfile)
}

struct Reader<'r, 'i> {
    lockfile: Lockfile,
    include: &'r mut Include<'i>,
    /// The files that are being read, the outermost first, each in its lexically shortest form.
    open: Vec<PathBuf>,
    files: usize,
    lines: usize,
    size_bytes: usize,
}

impl Reader<'_, '_> {
    fn file(&mut self, path: &Path, text: &str) -> Result<(), LockfileError> {
        self.files += 1;
        self.size_bytes = self.size_bytes.saturating_add(text.len());
        let too_many = |what, limit| LockfileError::TooMany { path: path.to_owned(), what, limit };
        if self.files > MOST_FILES {
            return Err(too_many("files that include each other", MOST_FILES));
        }
        if self.open.len() == MOST_DEPTH {
            return Err(too_many("files deep", MOST_DEPTH));
        }
        if self.size_bytes > MOST_BYTES {
            let (size_bytes, limit_bytes) = (self.size_bytes as u64, MOST_BYTES as u64);
            return Err(LockfileError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes });
        }
        check_encoding(path, text)?;
        self.open.push(shortest(path));
        for (line, text) in logical_lines(text) {
            self.lines += 1;
            if self.lines > MOST_LINES {
                return Err(too_many("lines", MOST_LINES));
            }
            self.line(path, line, &text)?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(&mut self, path: &Path, line: usize, text: &str) -> Result<(), LockfileError> {
        let unexpected = |found: &str, expected: &str| LockfileError::Unexpected {
            path: path.to_owned(),
            line: Some(line),
            place: "the line".to_owned(),
            found: quoted(found),
            expected: expected.to_owned(),
        };
        if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(unexpected(&control.to_string(), "text without control characters"));
        }
        let (requirement, options) = divide(text);
        let given = option::read(options).map_err(|misfit| unexpected(&misfit.found, misfit.expected))?;
        if has_variable(text) && (!requirement.is_empty() || given.iter().any(|given| given.is_of_line())) {
            self.leave(path, line, text, Reason::Variable);
            return Ok(());
        }
        if requirement.is_empty() {
            return self.options(path, line, given, &unexpected);
        }
        let mut digests = Vec::new();
        for option in given {
            if option.name == "--hash" {
                digests.push(strong(&option).map_err(|found| unexpected(&found, STRONG))?);
            } else if option.is_of_line() {
                return Err(unexpected(text, "this option on a line of its own"));
            } else {
                self.set(path, line, option, true);
            }
        }
        let requirement =
            requirement::read(requirement, digests).map_err(|misfit| unexpected(&misfit.found, &misfit.expected))?;
        match requirement {
            Requirement::Pinned(locked) => {
                self.lockfile.locked.push(locked.at(path, line));
            }
            Requirement::Open { name, reason } => {
                let (what, path) = (cut(text), path.to_owned());
                self.lockfile.unpinned.push(Unpinned { what, name, reason, path, line: Some(line) });
            }
        }
        Ok(())
    }

    /// A line without a requirement. pip reads the first file or folder of a line only, so there may be one.
    fn options(
        &mut self,
        path: &Path,
        line: usize,
        given: Vec<Given>,
        unexpected: &dyn Fn(&str, &str) -> LockfileError,
    ) -> Result<(), LockfileError> {
        if given.iter().filter(|option| option.is_of_line()).count() > 1 {
            return Err(unexpected("several of -r, -c and -e", "one a line"));
        }
        for option in given {
            let value = option.value.clone().unwrap_or_default();
            match option.name {
                "--requirement" => self.include(path, line, &value)?,
                "--constraint" => self.leave(path, line, &value, Reason::Constraints),
                "--editable" => self.leave(path, line, &value, requirement::editable(&value)),
                _ => self.set(path, line, option, false),
            }
        }
        Ok(())
    }

    fn include(&mut self, path: &Path, line: usize, value: &str) -> Result<(), LockfileError> {
        if address::is_address(value) {
            let why = "it is at an address".to_owned();
            self.leave(path, line, value, Reason::NotIncluded { why });
            return Ok(());
        }
        let included = path.parent().unwrap_or(Path::new("")).join(value);
        if self.open.contains(&shortest(&included)) {
            return Err(LockfileError::Cycle { path: path.to_owned(), line, included });
        }
        match (self.include)(&included) {
            Ok(bytes) => self.file(&included, text::decode(&included, &bytes)?),
            Err(why) => {
                self.leave(path, line, value, Reason::NotIncluded { why });
                Ok(())
            }
        }
    }

    fn leave(&mut self, path: &Path, line: usize, what: &str, reason: Reason) {
        let (what, path) = (cut(what), path.to_owned());
        self.lockfile.unpinned.push(Unpinned { what, name: None, reason, path, line: Some(line) });
    }

    fn set(&mut self, path: &Path, line: usize, option: Given, is_of_requirement: bool) {
        let (Given { name, value }, path) = (option, path.to_owned());
        self.lockfile.settings.push(Setting { name, value, is_of_requirement, path, line });
    }
}

impl Given {
    /// Whether it names what the line is about.
    fn is_of_line(&self) -> bool {
        matches!(self.name, "--requirement" | "--constraint" | "--editable")
    }
}

/// What pip takes behind `--hash`.
const STRONG: &str = "--hash with sha256, sha384 or sha512, a colon and hexadecimal digits";

fn strong(option: &Given) -> Result<Digest, String> {
    let value = option.value.clone().unwrap_or_default();
    let is_strong = ["sha256:", "sha384:", "sha512:"].iter().any(|algorithm| value.starts_with(algorithm));
    Digest::read(&value).filter(|_| is_strong).ok_or(value)
}

/// Refuses a comment in the first two lines that names another encoding than the text is read in (PEP 263): pip would read
/// other text.
fn check_encoding(path: &Path, text: &str) -> Result<(), LockfileError> {
    for (index, line) in text.split('\n').take(2).enumerate().filter(|(_, line)| line.starts_with('#')) {
        let named = line.match_indices("coding").find_map(|(at, word)| {
            let rest = line.get(at + word.len()..)?.strip_prefix([':', '='])?.trim_start();
            let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
            Some(rest.split(|c| !is_of_name(c)).next()?.to_ascii_lowercase().replace('_', "-"))
                .filter(|name| !name.is_empty())
        });
        if let Some(name) = named
            && !matches!(name.as_str(), "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii")
        {
            let found = format!("text in the encoding {}", quoted(&name));
            return Err(LockfileError::NotText { path: path.to_owned(), line: index + 1, found });
        }
    }
    Ok(())
}

/// The lines with their numbers, from 1: divided where Python divides them, joined at a backslash in their end, without
/// comments and surrounding blanks; none that is empty.
fn logical_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = physical_lines(text).zip(1..).peekable();
    std::iter::from_fn(move || {
        let (first, number) = lines.next()?;
        let mut joined = first.to_owned();
        if continues(first) {
            joined = first.trim_matches('\\').to_owned();
            for (line, _) in lines.by_ref() {
                if continues(line) {
                    joined.push_str(line.trim_matches('\\'));
                    continue;
                }
                if comment(line) == Some(0) {
                    joined.push(' ');
                }
                joined.push_str(line);
                break;
            }
        }
        let end = comment(&joined).unwrap_or(joined.len());
        Some((number, joined[..end].trim().to_owned()))
    })
    .filter(|(_, line)| !line.is_empty())
}

/// Whether the next line belongs to this one.
fn continues(line: &str) -> bool {
    line.ends_with('\\') && !line.trim_start().starts_with('#')
}

/// Where a comment begins: at the start, or behind a blank.
fn comment(line: &str) -> Option<usize> {
    let mut after_blank = true;
    line.char_indices().find_map(|(at, c)| {
        let begins = c == '#' && after_blank;
        after_blank = c.is_whitespace();
        begins.then_some(at)
    })
}

/// Lines as Python's `str.splitlines` divides them, which is at more than LF and CR.
fn physical_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text).filter(|text| !text.is_empty());
    std::iter::from_fn(move || {
        let text = rest?;
        let is_end = |c: char| {
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        };
        let Some((line, tail)) = text.find(is_end).map(|at| text.split_at(at)) else {
            rest = None;
            return Some(text);
        };
        let width = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        rest = Some(&tail[width..]).filter(|tail| !tail.is_empty());
        Some(line)
    })
}

/// The requirement of a line, and its options: these begin with the first word that begins with `-`.
fn divide(line: &str) -> (&str, &str) {
    let mut after_blank = true;
    let options = line.char_indices().find(|(_, c)| {
        let begins = *c == '-' && after_blank;
        after_blank = matches!(c, ' ' | '\t');
        begins
    });
    let (requirement, options) = line.split_at(options.map_or(line.len(), |(at, _)| at));
    (requirement.trim(), options)
}

/// Whether pip would look for `${NAME}` in its environment.
fn has_variable(line: &str) -> bool {
    line.match_indices("${").any(|(at, start)| {
        let name = line[at + start.len()..].split('}').next().unwrap_or_default();
        let is_closed = line.get(at + start.len() + name.len()..).is_some_and(|rest| rest.starts_with('}'));
        is_closed && !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    })
}

/// A path without `.` and, as far as it can be told from the text, `..`.
fn shortest(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            component => short.push(component),
        }
    }
    short
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        logical_lines(text).collect()
    }

    fn line(number: usize, text: &str) -> (usize, String) {
        (number, text.to_owned())
    }

    #[test]
    fn lines_are_joined_and_lose_their_comments() {
        assert_eq!(lines("a \\\r\n  b # c\r\n\r\nd#e\n"), [line(1, "a   b"), line(4, "d#e")]);
        assert_eq!(lines("a \\\n# c \\\nd\n"), [line(1, "a"), line(3, "d")]);
        assert_eq!(lines("# a \\\nb"), [line(2, "b")]);
        assert_eq!(lines("a \\"), [line(1, "a")]);
        assert_eq!(lines("a\u{c}b\u{2028}c"), [line(1, "a"), line(2, "b"), line(3, "c")]);
        assert_eq!(lines("\\\\a\\\nb\n"), [line(1, "ab")]);
    }

    #[test]
    fn options_begin_at_a_dash() {
        assert_eq!(divide("a-b ; c --hash=x\t--hash=y"), ("a-b ; c", "--hash=x\t--hash=y"));
        assert_eq!(divide("-e ."), ("", "-e ."));
    }

    #[test]
    fn variables_are_found_where_pip_replaces_them() {
        assert!(has_variable("a==${V_1}"));
        for other in ["$V", "${v}", "${}", "${V", "${V ${"] {
            assert!(!has_variable(other), "{other}");
        }
    }

    #[test]
    fn paths_are_compared_in_their_shortest_form() {
        assert_eq!(shortest(Path::new("./a/../b/./c")), Path::new("b/c"));
        assert_eq!(shortest(Path::new("../../a")), Path::new("../../a"));
    }
}
