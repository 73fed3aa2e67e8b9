//! Files and folders that the command line names: whether they can be used, and what may be meant where they are not there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use twinbuild_subject::near;

use crate::failure::Failure;

/// How many entries of a folder are looked through for near names.
const MOST_ENTRIES: usize = 10_000;

/// Checks that a file is there and can be read.
pub(crate) fn file(path: &Path) -> Result<(), Failure> {
    let metadata = metadata(path)?;
    if metadata.is_dir() {
        return Err(Failure::usage(anyhow!("{} is a folder: name a file", path.display())));
    }
    // To open what is no plain file, such as a pipe, would use it up.
    if metadata.is_file() {
        File::open(path).map_err(|error| unusable(path, &error))?;
    }
    Ok(())
}

/// Checks that a folder is there and can be listed.
pub(crate) fn folder(path: &Path) -> Result<(), Failure> {
    if !metadata(path)?.is_dir() {
        return Err(Failure::usage(anyhow!("{} is not a folder: name one", path.display())));
    }
    fs::read_dir(path).map(|_| ()).map_err(|error| unusable(path, &error))
}

/// Checks that there is a folder for a file that is to be written.
pub(crate) fn place(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::usage(anyhow!("{} is a folder: name a file in it", path.display())));
    }
    let parent = parent(path);
    if !metadata(&parent)?.is_dir() {
        let (path, parent) = (path.display(), parent.display());
        return Err(Failure::usage(anyhow!("{path} cannot be written: {parent} is not a folder: name another place")));
    }
    Ok(())
}

fn metadata(path: &Path) -> Result<fs::Metadata, Failure> {
    fs::metadata(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    Failure::usage(match error.kind() {
        io::ErrorKind::NotFound => anyhow!("{shown} is not there{}", meant(path)),
        io::ErrorKind::PermissionDenied => anyhow!("{shown} may not be read: change its permissions, or name another"),
        _ => anyhow!("{shown} cannot be used ({error}): name another"),
    })
}

/// What may be meant by a path that is not there: the first part of it that is missing is held against what is beside it.
fn meant(path: &Path) -> String {
    let mut missing = path.to_owned();
    loop {
        let parent = parent(&missing);
        if parent == missing || parent.exists() {
            break;
        }
        missing = parent;
    }
    let folder = parent(&missing);
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten().take(MOST_ENTRIES);
    let is_here = folder == Path::new(".") && !missing.starts_with(".");
    let below = |name: &str| if is_here { name.to_owned() } else { folder.join(name).display().to_string() };
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let wanted = missing.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let near = near(wanted, names.iter().map(String::as_str));
    let near: Vec<String> = near.into_iter().map(below).collect();
    match near.as_slice() {
        [] if missing != path => format!(", as there is no {}: check the path", missing.display()),
        [] => ": check the path".to_owned(),
        [name] => format!(": did you mean `{name}`?"),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(": did you mean one of {}?", names.join(", "))
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(checked: Result<(), Failure>) -> String {
        checked.unwrap_err().on_one_line()
    }

    #[test]
    fn near_names_are_offered_for_a_path_that_is_not_there() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir(at("results")).unwrap();
        for name in ["six-1.16.0-py2.py3-none-any.whl", "policy.toml", "results/verdict.json"] {
            fs::write(at(name), "").unwrap();
        }
        file(&at("policy.toml")).unwrap();
        let near = |name: &str| format!("did you mean `{}`?", at(name).display());
        assert!(said(file(&at("polciy.toml"))).ends_with(&near("policy.toml")));
        assert!(said(file(&at("six-1.16.0-py2-py3-none-any.whl"))).ends_with(&near("six-1.16.0-py2.py3-none-any.whl")));
        // The part that is wrong may be a folder above.
        assert!(said(file(&at("result/verdict.json"))).ends_with(&near("results")));
        assert!(
            said(file(&at("nothing/like/it")))
                .ends_with(&format!("there is no {}: check the path", at("nothing").display()))
        );
        assert!(said(file(&at("nothing"))).ends_with("is not there: check the path"));
    }

    #[test]
    fn what_is_of_another_kind_is_told() {
        let top = tempfile::tempdir().unwrap();
        let plain = top.path().join("plain");
        fs::write(&plain, "").unwrap();
        assert!(said(file(top.path())).contains("is a folder: name a file"));
        assert!(said(folder(&plain)).contains("is not a folder: name one"));
        assert!(said(place(top.path())).contains("is a folder: name a file in it"));
        assert!(said(place(&plain.join("x"))).contains("is not a folder"));
        assert!(said(place(&top.path().join("none/x"))).contains("is not there"));
        place(&top.path().join("new")).unwrap();
        folder(top.path()).unwrap();
    }
}
