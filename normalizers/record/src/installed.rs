//! What a wheel leaves in `site-packages`, and a digest of all of it.

use std::collections::BTreeMap;

use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

/// The first line of what the digest is of.
const HEAD: &str = "twinbuild installed files 1\n";
/// What installers add to a `*.dist-info` (PyPA "Recording installed projects"; the last two are of uv).
const ADDED: [&[u8]; 5] = [b"INSTALLER", b"REQUESTED", b"direct_url.json", b"uv_cache.json", b"uv_build.json"];
/// What installers write again, or leave out: the list and its signatures.
const RECORDS: [&[u8]; 3] = [b"RECORD", b"RECORD.jws", b"RECORD.p7s"];

/// Whether an installer writes the file of this name in a `*.dist-info` which no wheel has to bring.
#[must_use]
pub fn is_added_by_installers(name: &[u8]) -> bool {
    ADDED.contains(&name)
}

/// Whether the file of this name in a `*.dist-info` is `RECORD`, or a signature of it.
#[must_use]
pub fn is_record_or_signature(name: &[u8]) -> bool {
    RECORDS.contains(&name)
}

/// The files of a wheel that an installer puts into `site-packages` as they are, by the paths that they have there: all but `RECORD` and its
/// signatures, what installers make themselves, and what is below `*.data/`, of which `purelib` and `platlib` are there without this beginning, and
/// scripts, headers and data elsewhere. `None` where two come to the same path.
#[must_use]
pub fn installed_files<'a>(
    members: impl IntoIterator<Item = (&'a MemberPath, &'a Sha256)>,
) -> Option<BTreeMap<MemberPath, Sha256>> {
    let mut files = BTreeMap::new();
    for (path, sha256) in members {
        if let Some(place) = place(path)
            && files.insert(place, *sha256).is_some()
        {
            return None;
        }
    }
    Some(files)
}

/// Where an installer puts a member of a wheel.
fn place(path: &MemberPath) -> Option<MemberPath> {
    let bytes = path.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'/');
    let (folder, rest) = at.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + 1..])));
    match rest {
        Some(name) if folder.ends_with(b".dist-info") => {
            (!is_added_by_installers(name) && !is_record_or_signature(name)).then(|| path.clone())
        }
        Some(rest) if folder.ends_with(b".data") => {
            let below = rest.strip_prefix(b"purelib/").or_else(|| rest.strip_prefix(b"platlib/"));
            below.map(MemberPath::new)
        }
        _ => Some(path.clone()),
    }
}

/// The digest by which installed files are looked up: the SHA-256 of a line `twinbuild installed files 1`, and for each file, in the order of the paths'
/// bytes, its SHA-256 as hexadecimal digits, a blank, the length of its path in bytes as decimal digits, a blank, the path, and a line feed.
#[must_use]
pub fn installed_digest(files: &BTreeMap<MemberPath, Sha256>) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    hasher.update(HEAD.as_bytes());
    for (path, sha256) in files {
        hasher.update(format!("{sha256} {} ", path.as_bytes().len()).as_bytes());
        hasher.update(path.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Option<BTreeMap<MemberPath, Sha256>> {
        let members: Vec<_> = paths.iter().map(|path| (MemberPath::from(*path), Sha256::of(path.as_bytes()))).collect();
        installed_files(members.iter().map(|(path, sha256)| (path, sha256)))
    }

    #[test]
    fn what_an_installer_leaves_as_it_is_has_its_place() {
        let own =
            files(&["a.py", "a/b.py", "a-1.dist-info/METADATA", "a-1.dist-info/licenses/RECORD", "a.data"]).unwrap();
        assert_eq!(own.len(), 5);
        let all = files(&[
            "a-1.data/purelib/x.py",
            "a-1.data/platlib/y.so",
            "a-1.data/scripts/z",
            "a-1.data/data/share/z",
            "a-1.dist-info/RECORD",
            "a-1.dist-info/RECORD.jws",
            "a-1.dist-info/INSTALLER",
            "a-1.dist-info/direct_url.json",
        ]);
        let paths: Vec<_> = all.unwrap().into_keys().map(|path| path.to_string()).collect();
        assert_eq!(paths, ["x.py", "y.so"]);
        assert_eq!(files(&["x.py", "a-1.data/purelib/x.py"]), None);
    }

    #[test]
    fn the_digest_is_of_each_path_and_content() {
        let one = files(&["a.py", "b.py"]).unwrap();
        let text = format!("{HEAD}{} 4 a.py\n{} 4 b.py\n", Sha256::of(b"a.py"), Sha256::of(b"b.py"));
        assert_eq!(installed_digest(&one), Sha256::of(text.as_bytes()));
        // A path that looks like the end of one and the beginning of another.
        let mut joined = BTreeMap::new();
        joined.insert(MemberPath::from(format!("a.py\n{} 4 b.py", Sha256::of(b"b.py")).as_str()), Sha256::of(b"a.py"));
        assert_ne!(installed_digest(&joined), installed_digest(&one));
        let mut other = one.clone();
        other.insert("b.py".into(), Sha256::of(b"other"));
        assert_ne!(installed_digest(&other), installed_digest(&one));
    }
}
