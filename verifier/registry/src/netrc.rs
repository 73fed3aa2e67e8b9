//! Credentials from a netrc file, which pip and uv read.

use std::path::{Path, PathBuf};

use crate::AddressError;
use crate::client_file::read;

/// A user name and a password.
pub(crate) type Credentials = (String, String);

/// What the user's netrc file has for a host: the one that `NETRC` names, else `~/.netrc`, else `~/_netrc` (pip documentation,
/// "Authentication", "netrc Support").
pub(crate) fn credentials(
    host: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Credentials>, AddressError> {
    let at_home = |name: &str| variable("HOME").map(|home| Path::new(&home).join(name));
    let places = match variable("NETRC") {
        Some(named) => [Some(PathBuf::from(named)), None],
        None => [at_home(".netrc"), at_home("_netrc")],
    };
    for path in places.into_iter().flatten() {
        if let Some(text) = read(&path)? {
            return Ok(find(&text, host));
        }
    }
    Ok(None)
}

/// The entry of a host, else the default one (inetutils, "The .netrc file"; the quotes are Python's).
fn find(text: &str, host: &str) -> Option<Credentials> {
    let mut words = Words { rest: text };
    // The entry that is read: whether it is wanted, and what it has so far.
    let mut entry: Option<(Wanted, Credentials)> = None;
    let mut default = None;
    let mut end = |entry: Option<(Wanted, Credentials)>| match entry {
        Some((Wanted::Host, found)) => Some(found),
        Some((Wanted::Default, found)) => {
            default.get_or_insert(found);
            None
        }
        Some((Wanted::No, _)) | None => None,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                if let Some(found) = end(entry.take()) {
                    return Some(found);
                }
                let wanted = match word.as_str() {
                    "default" => Wanted::Default,
                    _ if words.next()?.eq_ignore_ascii_case(host) => Wanted::Host,
                    _ => Wanted::No,
                };
                entry = Some((wanted, Credentials::default()));
            }
            "login" | "user" => {
                let value = words.next()?;
                entry.iter_mut().for_each(|(_, (login, _))| login.clone_from(&value));
            }
            "password" => {
                let value = words.next()?;
                entry.iter_mut().for_each(|(_, (_, password))| password.clone_from(&value));
            }
            "account" => {
                words.next();
            }
            "macdef" => words.skip_macro(),
            comment if comment.starts_with('#') => words.skip_line(),
            _ => {}
        }
    }
    end(entry).or(default)
}

/// Of whom an entry is.
enum Wanted {
    Host,
    Default,
    No,
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        self.rest = self.rest.split_once("\n\n").map_or("", |(_, rest)| rest);
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let begun = self.rest.trim_start();
        let (is_quoted, begun) = begun.strip_prefix('"').map_or((false, begun), |rest| (true, rest));
        let mut word = String::new();
        let mut letters = begun.char_indices();
        let mut rest = "";
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' if is_quoted => {
                    rest = &begun[at + 1..];
                    break;
                }
                // A line end is left, for a comment ends with it.
                _ if letter.is_whitespace() && !is_quoted => {
                    rest = &begun[at..];
                    break;
                }
                '\\' => word.extend(letters.next().map(|(_, escaped)| escaped)),
                _ => word.push(letter),
            }
        }
        self.rest = rest;
        (is_quoted || !word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_of_a_host_is_found() {
        let text = "# of work\nmachine other.example login no password no\n\
                    machine index.example\n  login me # not a comment of ours\n  password \"a \\\"b#c\"\n  account x\n\
                    macdef init\ncd /\nmachine evil.example login a password b\n\n\
                    default login anonymous password guest";
        let found = |host: &str| find(text, host);
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found("INDEX.example"), pair("me", "a \"b#c"));
        assert_eq!(found("other.example"), pair("no", "no"));
        assert_eq!(found("evil.example"), pair("anonymous", "guest"), "what is in a macro is no entry");
        assert_eq!(find("machine a.example login x password y", "b.example"), None);
        for broken in ["", "machine", "machine a.example login", "login x password y", "#", "\""] {
            assert_eq!(find(broken, "a.example"), None, "{broken}");
        }
    }

    #[test]
    fn the_file_that_is_named_goes_before_that_of_the_home() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("_netrc"), "machine a.example login old password p").unwrap();
        let named = home.path().join("named");
        std::fs::write(&named, "machine a.example login named password p").unwrap();
        let variable = |name: &str| (name == "HOME").then(|| home.path().to_str().unwrap().to_owned());
        let login = |variable: &dyn Fn(&str) -> Option<String>| {
            credentials("a.example", variable).unwrap().map(|(login, _)| login)
        };
        assert_eq!(login(&variable).as_deref(), Some("old"));
        std::fs::write(home.path().join(".netrc"), "machine a.example login new password p").unwrap();
        assert_eq!(login(&variable).as_deref(), Some("new"));
        let with_name = |name: &str| match name {
            "NETRC" => Some(named.to_str().unwrap().to_owned()),
            name => variable(name),
        };
        assert_eq!(login(&with_name).as_deref(), Some("named"));
    }
}
