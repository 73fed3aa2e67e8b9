//! The options of a requirements file (pip documentation, "Requirements File Format": "Supported options" and "Per-requirement
//! options", of pip 23 to 26).

use std::path::PathBuf;

/// An option of a requirements file that is not about one digest: on a line of its own it holds for the whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its long name, such as `--index-url`.
    pub name: &'static str,
    /// Its value as it is written, where it takes one.
    pub value: Option<String>,
    /// Whether it stands behind a requirement. pip takes notice there of `--config-settings` and `--global-option` alone.
    pub is_of_requirement: bool,
    /// The file that it stands in.
    pub path: PathBuf,
    /// The line that it stands on, from 1.
    pub line: usize,
}

/// Names of one option, the first of them its own, and whether it takes a value. pip also takes unique beginnings of names;
/// these are refused here.
const OPTIONS: [(&[&str], bool); 21] = [
    (&["--requirement", "-r"], true),
    (&["--constraint", "-c"], true),
    (&["--editable", "-e"], true),
    (&["--hash"], true),
    (&["--index-url", "-i", "--pypi-url"], true),
    (&["--extra-index-url"], true),
    (&["--no-index"], false),
    (&["--find-links", "-f"], true),
    (&["--no-binary"], true),
    (&["--only-binary"], true),
    (&["--prefer-binary"], false),
    (&["--require-hashes"], false),
    (&["--no-require-hashes"], false),
    (&["--pre"], false),
    (&["--all-releases"], true),
    (&["--only-final"], true),
    (&["--trusted-host"], true),
    (&["--use-feature"], true),
    (&["--config-settings", "-C", "--config-setting"], true),
    (&["--global-option"], true),
    (&["--install-option"], true),
];

/// One option as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
}

/// What is wrong with the options of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

/// Reads the options of a line, as Python's `shlex` and `optparse` divide them.
pub(crate) fn read(text: &str) -> Result<Vec<Given>, Misfit> {
    let misfit = |found: &str, expected| Misfit { found: found.to_owned(), expected };
    let words = words(text).ok_or_else(|| misfit(text, "quotes that are closed, and no backslash at the end"))?;
    let (mut options, mut words) = (Vec::new(), words.into_iter());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Err(misfit(&word, "an option; conditions stand before options"));
        }
        let (written, attached) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
            _ if word.starts_with("--") => (word.as_str(), None),
            // `-rfile`
            _ => {
                let end = word.char_indices().nth(2).map_or(word.len(), |(at, _)| at);
                let (name, value) = word.split_at(end);
                (name, Some(value.to_owned()).filter(|value| !value.is_empty()))
            }
        };
        let known = OPTIONS.iter().find(|(names, _)| names.contains(&written));
        let Some((name, takes_value)) = known.and_then(|(names, takes)| Some((*names.first()?, *takes))) else {
            return Err(misfit(&word, "an option that pip reads in a requirements file, written in full"));
        };
        let value = match (takes_value, attached) {
            (true, Some(value)) => Some(value),
            (true, None) => Some(words.next().ok_or_else(|| misfit(&word, "an option with its value"))?),
            (false, None) => None,
            (false, Some(_)) => return Err(misfit(&word, "this option without a value")),
        };
        options.push(Given { name, value });
    }
    Ok(options)
}

/// The words of a line as a shell of POSIX divides them (Python's `shlex.split`); `None` where a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut chars) = (Vec::new(), None::<String>, text.chars());
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_divided_as_by_a_shell() {
        let of = |text| words(text).unwrap();
        assert_eq!(of(r#"a  'b c'"d\"\x" e\ f ''"#), ["a", r#"b cd"\x"#, "e f", ""]);
        assert_eq!(of(""), Vec::<String>::new());
        for open in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(words(open), None, "{open}");
        }
    }

    #[test]
    fn options_are_read_in_all_their_forms() {
        let given = read("-r a.txt -rb.txt --requirement=c.txt --pypi-url u --pre").unwrap();
        let given: Vec<_> = given.iter().map(|given| (given.name, given.value.as_deref())).collect();
        let file = "--requirement";
        let expected = [
            (file, Some("a.txt")),
            (file, Some("b.txt")),
            (file, Some("c.txt")),
            ("--index-url", Some("u")),
            ("--pre", None),
        ];
        assert_eq!(given, expected);
    }

    #[test]
    fn other_options_are_refused() {
        for text in ["--requir a", "--pre=1", "-r", "-é", "-", "--", "--hash=a b", "-q", "--upgrade", "--index-url 'x"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
