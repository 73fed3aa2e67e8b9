//! `.gitmodules`: where the submodules of a repository are.

/// A submodule as `.gitmodules` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Declared {
    /// Its name, under which a checkout keeps its repository.
    pub(super) name: String,
    /// Where it stands.
    pub(super) path: String,
    /// Where it is had from.
    pub(super) url: String,
}

impl Declared {
    /// Whether the name is one below which a folder can be looked for.
    pub(super) fn has_plain_name(&self) -> bool {
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        self.name.split('/').all(is_plain) && !self.name.contains(['\\', '\0'])
    }
}

/// Reads `.gitmodules` (git-config, "Syntax"): sections `[submodule "NAME"]` with `path` and `url`. What is of no such form is passed over,
/// so that its submodule is not found.
pub(super) fn declared(content: &[u8]) -> Vec<Declared> {
    let text = String::from_utf8_lossy(content);
    let mut all: Vec<Declared> = Vec::new();
    let mut is_submodule = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let name = section.strip_suffix(']').and_then(|section| section.strip_prefix("submodule"));
            let name = name.map(str::trim).and_then(|name| name.strip_prefix('"')?.strip_suffix('"'));
            is_submodule = name.is_some();
            all.extend(name.map(|name| Declared { name: name.to_owned(), ..Declared::default() }));
        } else if let (true, Some((key, value)), Some(last)) = (is_submodule, line.split_once('='), all.last_mut()) {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => last.path = value,
                "url" => last.url = value,
                _ => {}
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_and_others_passed_over() {
        let text = "[core]\n\turl = x\n[submodule \"lib/a\"]\n\tpath = lib/a\n\turl = ../a.git\n# no\n[submodule \"b\"]\n  Path=\"b c\"\nurl=https://x/b\n[submodule]\npath = z\n";
        let all = declared(text.as_bytes());
        let of = |name: &str, path: &str, url: &str| Declared { name: name.into(), path: path.into(), url: url.into() };
        assert_eq!(all, [of("lib/a", "lib/a", "../a.git"), of("b", "b c", "https://x/b")]);
        assert!(all.iter().all(Declared::has_plain_name));
        for name in ["../x", "a/../b", "", "a//b", "."] {
            assert!(!of(name, "", "").has_plain_name(), "{name}");
        }
        assert!(declared(b"\xff\xfe[").is_empty());
    }
}
