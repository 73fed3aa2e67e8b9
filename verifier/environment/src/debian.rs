//! Unpacking Debian packages as a root file system, or as what stands above one, without running any of what is in them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use twinbuild_archive::{ArchiveFile, Format, Limits, Member, MemberKind, visit};
use twinbuild_store::Blob;

use crate::fix_ups::{ALTERNATIVES, MERGED, is_left_out};
use crate::{EnvironmentError, Layer};

/// Packages being unpacked.
pub(crate) struct Root<'a> {
    folder: &'a Path,
    /// The layers that this stands above, topmost first.
    below: &'a [Layer],
    /// What each path is, and which package it came from.
    entries: BTreeMap<PathBuf, (Entry, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    File,
    Link,
}

impl<'a> Root<'a> {
    /// An empty root in `folder`, but for the links into `/usr`.
    pub(crate) fn new(folder: &'a Path) -> Result<Self, EnvironmentError> {
        let mut root = Self::above(&[], folder);
        for name in MERGED {
            let error = |source| EnvironmentError::Io { doing: format!("linking /{name} to /usr/{name}"), source };
            make_folders(folder, &Path::new("usr").join(name)).map_err(error)?;
            symlink(format!("usr/{name}"), folder.join(name)).map_err(error)?;
            root.entries.insert(name.into(), (Entry::Link, "usrmerge".to_owned()));
        }
        Ok(root)
    }

    /// What stands above some layers, topmost first; nothing yet.
    pub(crate) fn above(below: &'a [Layer], folder: &'a Path) -> Self {
        Self { folder, below, entries: BTreeMap::new() }
    }

    /// Unpacks `blob`, the `.deb` of `package`.
    pub(crate) fn unpack(&mut self, package: &str, blob: &Blob) -> Result<(), EnvironmentError> {
        let io_error = |source| EnvironmentError::Io { doing: format!("reading the package {package}"), source };
        let file = blob.file().try_clone().map_err(io_error)?;
        let bytes = ArchiveFile::new(file).map_err(io_error)?;
        let mut conflict = None;
        visit(&bytes, Format::Deb, &Limits::default(), &mut |member, content| {
            if conflict.is_none() {
                conflict = self.take(package, member, content)?;
            }
            Ok(())
        })
        .map_err(|source| EnvironmentError::Package { package: package.to_owned(), source })?;
        match conflict {
            Some((first, path)) => {
                Err(EnvironmentError::Conflict { first, second: package.to_owned(), path: path.display().to_string() })
            }
            None => Ok(()),
        }
    }

    /// Adds the alternatives whose programs were unpacked here.
    pub(crate) fn link_alternatives(&self) -> Result<(), EnvironmentError> {
        for (link, name, program) in ALTERNATIVES {
            let is_here = self.folder.join(program.trim_start_matches('/')).symlink_metadata().is_ok();
            if !is_here || self.find(Path::new(link)).is_some() {
                continue;
            }
            let chosen = Path::new("etc/alternatives").join(name);
            for (link, target) in [(chosen.as_path(), program.into()), (Path::new(link), Path::new("/").join(&chosen))]
            {
                let error = |source| EnvironmentError::Io { doing: format!("linking /{}", link.display()), source };
                make_folders(self.folder, link.parent().unwrap_or(Path::new(""))).map_err(error)?;
                symlink(target, self.folder.join(link)).map_err(error)?;
            }
        }
        Ok(())
    }

    /// Writes one member. Gives the package and the path where another package has a different entry already.
    fn take(
        &mut self,
        package: &str,
        member: &Member,
        content: &mut dyn Read,
    ) -> io::Result<Option<(String, PathBuf)>> {
        let components = member.components();
        if is_merging_link(&components, &member.kind) {
            return Ok(None);
        }
        let path = merged(&components);
        if path.as_os_str().is_empty() || is_left_out(&path) {
            return Ok(None);
        }
        let kind = match member.kind {
            MemberKind::Directory => Entry::Folder,
            MemberKind::File | MemberKind::Hardlink { .. } => Entry::File,
            MemberKind::Symlink { .. } => Entry::Link,
        };
        if let Some((present, by)) = self.find(&path) {
            let is_shared = present == Entry::Folder && kind == Entry::Folder;
            return Ok(if is_shared { None } else { Some((by, path)) });
        }
        // Nothing is ever written through a link, which might lead out of the root.
        let is_link = |above: &&Path| matches!(self.find(above), Some((Entry::Link, _)));
        if let Some(link) = path.ancestors().skip(1).find(is_link) {
            let message = format!("{} lies below {}, which is a link", path.display(), link.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let target = self.folder.join(&path);
        make_folders(self.folder, path.parent().unwrap_or(Path::new("")))?;
        match &member.kind {
            MemberKind::Directory => make_folders(self.folder, &path)?,
            MemberKind::File => {
                // Owners, set-id bits and private modes are of no use in a layer, which everybody reads.
                let mode = if member.mode.is_some_and(|mode| mode & 0o111 != 0) { 0o755 } else { 0o644 };
                let mut file = File::options().write(true).create_new(true).mode(mode).open(&target)?;
                io::copy(content, &mut file)?;
                file.set_permissions(fs::Permissions::from_mode(mode))?;
            }
            MemberKind::Hardlink { target: original } => {
                let parts: Vec<&[u8]> = original
                    .as_bytes()
                    .split(|byte| *byte == b'/')
                    .filter(|part| !matches!(*part, b"" | b"."))
                    .collect();
                fs::copy(self.folder.join(merged(&parts)), &target)?;
            }
            MemberKind::Symlink { target: to } => symlink(OsStr::from_bytes(to), &target)?,
        }
        self.entries.insert(path, (kind, package.to_owned()));
        Ok(None)
    }

    /// What is at a path already, here or below, and who put it there.
    fn find(&self, path: &Path) -> Option<(Entry, String)> {
        if let Some((entry, by)) = self.entries.get(path) {
            return Some((*entry, by.clone()));
        }
        let found = self.below.iter().find_map(|layer| layer.path.join(path).symlink_metadata().ok())?;
        let kind = found.file_type();
        let entry = if kind.is_symlink() {
            Entry::Link
        } else if kind.is_dir() {
            Entry::Folder
        } else {
            Entry::File
        };
        Some((entry, "a package of a layer below".to_owned()))
    }
}

/// Makes the folders of a path below `root`, readable by everybody whatever the process's umask.
fn make_folders(root: &Path, path: &Path) -> io::Result<()> {
    let mut folder = root.to_owned();
    for part in path.components() {
        folder.push(part);
        match fs::create_dir(&folder) {
            Ok(()) => fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the member is one of the links into `/usr`, which newer packages bring themselves.
fn is_merging_link(components: &[&[u8]], kind: &MemberKind) -> bool {
    let MemberKind::Symlink { target } = kind else { return false };
    let target = target.strip_prefix(b"/").unwrap_or(target);
    MERGED.iter().any(|name| components == [name.as_bytes()] && target == format!("usr/{name}").as_bytes())
}

/// A member's path below the root, with the folders that were merged into `/usr` under their new names.
fn merged(components: &[&[u8]]) -> PathBuf {
    let is_old = components.first().is_some_and(|first| MERGED.iter().any(|name| name.as_bytes() == *first));
    let mut path = if is_old { PathBuf::from("usr") } else { PathBuf::new() };
    path.extend(components.iter().map(|part| OsStr::from_bytes(part)));
    path
}

#[cfg(test)]
mod tests {
    use twinbuild_store::{Network, Store};

    use super::*;

    #[test]
    fn old_folders_are_merged_into_usr() {
        assert_eq!(merged(&[b"bin", b"sh"]), Path::new("usr/bin/sh"));
        assert_eq!(merged(&[b"lib"]), Path::new("usr/lib"));
        assert_eq!(merged(&[b"usr", b"bin", b"env"]), Path::new("usr/bin/env"));
        assert_eq!(merged(&[b"libx", b"a"]), Path::new("libx/a"));
        let link = |target: &[u8]| MemberKind::Symlink { target: target.to_vec() };
        assert!(is_merging_link(&[b"lib64"], &link(b"usr/lib64")));
        assert!(!is_merging_link(&[b"lib64"], &link(b"usr/lib")));
        assert!(!is_merging_link(&[b"lib64"], &MemberKind::Directory));
        assert!(!is_merging_link(&[b"usr", b"lib"], &link(b"usr/lib")));
    }

    #[test]
    fn alternatives_are_linked_where_their_program_is_and_nothing_else_stands() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        for name in ["mawk", "gcc", "which.debianutils", "which"] {
            fs::write(folder.path().join("usr/bin").join(name), name).unwrap();
        }
        let mut root = root;
        root.entries.insert("usr/bin/which".into(), (Entry::File, "debianutils".to_owned()));
        root.link_alternatives().unwrap();
        let link = |path: &str| fs::read_link(folder.path().join(path)).ok();
        assert_eq!(link("usr/bin/cc").as_deref(), Some(Path::new("/etc/alternatives/cc")));
        assert_eq!(link("etc/alternatives/cc").as_deref(), Some(Path::new("/usr/bin/gcc")));
        assert_eq!(link("etc/alternatives/awk").as_deref(), Some(Path::new("/usr/bin/mawk")));
        assert_eq!((link("usr/bin/which"), link("usr/bin/c++")), (None, None));
        assert_eq!(link("bin").as_deref(), Some(Path::new("usr/bin")));
    }

    #[test]
    fn what_a_layer_below_has_is_neither_hidden_nor_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store"), Network::Offline).unwrap();
        let staging = store.staging().unwrap();
        fs::create_dir_all(staging.path().join("usr/lib")).unwrap();
        fs::write(staging.path().join("usr/lib/a"), "below").unwrap();
        symlink("usr/lib", staging.path().join("lib")).unwrap();
        let below = [Layer::publish(&store, staging).unwrap()];
        let root = Root::above(&below, folder.path());
        let entry = |path: &str| root.find(Path::new(path)).map(|(entry, _)| entry);
        assert!(entry("usr/lib") == Some(Entry::Folder) && entry("usr/lib/a") == Some(Entry::File));
        assert!(entry("lib") == Some(Entry::Link) && entry("usr/lib/b").is_none());
    }
}
