//! Which repository a published file says that it comes from.

use super::GitAddress;

/// Hosts whose projects are two parts of a path, and those where there may be more, up to `/-/`.
const TWO_PART_HOSTS: [&str; 4] = ["github.com", "bitbucket.org", "codeberg.org", "gitee.com"];
const GROUPED_HOSTS: [&str; 4] = ["gitlab.com", "salsa.debian.org", "gitlab.gnome.org", "gitlab.freedesktop.org"];
const OTHER_HOSTS: [&str; 1] = ["git.sr.ht"];
/// First parts of paths on these hosts that are no projects' owners.
const NO_OWNERS: [&str; 8] = ["sponsors", "orgs", "users", "apps", "marketplace", "topics", "groups", "explore"];
/// Labels of addresses that name the source, in lower case and without blanks and dashes.
const SOURCE_LABELS: [&str; 9] =
    ["source", "sourcecode", "repository", "code", "repo", "github", "gitlab", "sources", "project"];
/// How many are worth asking.
const MOST: usize = 4;

/// The repositories that the metadata's addresses lead to, the likeliest first: those with a label that says so, then the home page,
/// then the others, each in the order of the metadata. `addresses` are labels and addresses; that of a home page is `Home-page`.
///
/// Only addresses on hosts of repositories that are known here are read, as no other could be told from a page.
#[must_use]
pub fn repositories_of<'a>(addresses: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<GitAddress> {
    let plain = |label: &str| label.to_ascii_lowercase().replace([' ', '-', '_'], "");
    let rank = |label: &str| match plain(label).as_str() {
        label if SOURCE_LABELS.contains(&label) => 0,
        "homepage" | "home" => 1,
        _ => 2,
    };
    let read = |(label, address)| Some((rank(label), repository(address)?));
    let mut found: Vec<(u8, GitAddress)> = addresses.into_iter().filter_map(read).collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut repositories: Vec<GitAddress> = Vec::new();
    for (_, address) in found {
        if !repositories.contains(&address) && repositories.len() < MOST {
            repositories.push(address);
        }
    }
    repositories
}

/// The repository that a page belongs to.
fn repository(address: &str) -> Option<GitAddress> {
    let address = address.trim();
    let address = address.strip_prefix("git+").unwrap_or(address);
    let rest = match address.split_once("://") {
        Some(("https" | "http" | "git" | "ssh", rest)) => rest.to_owned(),
        Some(_) => return None,
        // As ssh has it: git@HOST:PATH
        None => address.strip_prefix("git@")?.replacen(':', "/", 1),
    };
    let rest = rest.strip_prefix("git@").unwrap_or(&rest);
    let rest = rest.split(['?', '#']).next()?;
    let (host, path) = rest.split_once('/')?;
    let host = host.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if TWO_PART_HOSTS.contains(&host) || OTHER_HOSTS.contains(&host) {
        parts.truncate(2);
    } else if GROUPED_HOSTS.contains(&host) {
        let end = parts.iter().position(|part| matches!(*part, "-" | "tree" | "blob" | "issues" | "merge_requests"));
        parts.truncate(end.unwrap_or(parts.len()));
    } else {
        return None;
    }
    let is_name = |part: &&str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        part.chars().all(is_plain) && !matches!(*part, "." | "..")
    };
    if parts.len() < 2 || !parts.iter().all(is_name) || NO_OWNERS.contains(&parts[0]) {
        return None;
    }
    let last = parts.len() - 1;
    parts[last] = parts[last].strip_suffix(".git").unwrap_or(parts[last]);
    format!("https://{host}/{}", parts.join("/")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(addresses: &[(&str, &str)]) -> Vec<String> {
        repositories_of(addresses.iter().copied()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pages_lead_to_their_repository() {
        for (address, expected) in [
            ("https://github.com/owner/name", "https://github.com/owner/name"),
            ("http://www.GitHub.com/owner/name.git", "https://github.com/owner/name"),
            ("https://github.com/owner/name/issues?q=1#x", "https://github.com/owner/name"),
            ("https://github.com/owner/name/tree/main/packages/demo", "https://github.com/owner/name"),
            ("git@github.com:owner/name.git", "https://github.com/owner/name"),
            ("git+ssh://git@github.com/owner/name", "https://github.com/owner/name"),
            ("https://gitlab.com/group/sub/name/-/issues", "https://gitlab.com/group/sub/name"),
            ("https://git.sr.ht/~owner/name/log", "https://git.sr.ht/~owner/name"),
        ] {
            assert_eq!(found(&[("x", address)]), [expected], "{address}");
        }
        for address in [
            "https://github.com/owner",
            "https://github.com/sponsors/owner",
            "https://example.org/owner/name",
            "https://github.com.example.org/owner/name",
            "https://owner.github.io/name",
            "https://github.com/owner/..",
            "https://github.com/own er/name",
            "file:///github.com/owner/name",
            "UNKNOWN",
            "",
        ] {
            assert!(found(&[("Source", address)]).is_empty(), "{address}");
        }
    }

    #[test]
    fn the_likeliest_comes_first_and_the_order_is_that_of_the_metadata() {
        let addresses = [
            ("Changelog", "https://github.com/a/docs"),
            ("Home-page", "https://github.com/a/home"),
            ("Source Code", "https://github.com/a/code"),
            ("Repository", "https://github.com/a/repository"),
            ("Issues", "https://github.com/a/code/issues"),
        ];
        let all = ["code", "repository", "home", "docs"].map(|name| format!("https://github.com/a/{name}"));
        assert_eq!(found(&addresses), all);
    }
}
