//! Unpacking Debian packages as a root file system, without running any of what is in them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use twinbuild_archive::{ArchiveFile, Format, Limits, Member, MemberKind, visit};
use twinbuild_store::Blob;

use crate::EnvironmentError;

/// Top-level folders that are links into `/usr` on every Debian of today; packages still ship files below the old names.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// What the maintainer scripts of the packages in use would link, which nothing here runs: link, target.
const LINKS: [(&str, &str); 2] = [("etc/alternatives/awk", "/usr/bin/mawk"), ("usr/bin/awk", "/etc/alternatives/awk")];

/// A root file system in the making.
pub(crate) struct Root<'a> {
    folder: &'a Path,
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
        let mut root = Self { folder, entries: BTreeMap::new() };
        for name in MERGED {
            let error = |source| EnvironmentError::Io { doing: format!("linking /{name} to /usr/{name}"), source };
            fs::create_dir_all(folder.join("usr").join(name)).map_err(error)?;
            symlink(format!("usr/{name}"), folder.join(name)).map_err(error)?;
            root.entries.insert(name.into(), (Entry::Link, "usrmerge".to_owned()));
        }
        Ok(root)
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

    /// Adds what the maintainer scripts would link, where the targets are there.
    pub(crate) fn link_alternatives(&self) -> Result<(), EnvironmentError> {
        for (link, target) in LINKS {
            let is_there = self.folder.join(target.trim_start_matches('/')).symlink_metadata().is_ok();
            let path = self.folder.join(link);
            if is_there && path.symlink_metadata().is_err() {
                let error = |source| EnvironmentError::Io { doing: format!("linking /{link} to {target}"), source };
                fs::create_dir_all(path.parent().unwrap_or(self.folder)).map_err(error)?;
                symlink(target, &path).map_err(error)?;
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
        let path = merged(&member.components());
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let kind = match member.kind {
            MemberKind::Directory => Entry::Folder,
            MemberKind::File | MemberKind::Hardlink { .. } => Entry::File,
            MemberKind::Symlink { .. } => Entry::Link,
        };
        if let Some((present, by)) = self.entries.get(&path) {
            let is_shared = *present == Entry::Folder && kind == Entry::Folder;
            return Ok(if is_shared { None } else { Some((by.clone(), path)) });
        }
        // Nothing is ever written through a link, which might lead out of the root.
        if let Some(link) =
            path.ancestors().skip(1).find(|above| matches!(self.entries.get(*above), Some((Entry::Link, _))))
        {
            let message = format!("{} lies below {}, which is a link", path.display(), link.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let target = self.folder.join(&path);
        if let Some(above) = target.parent() {
            fs::create_dir_all(above)?;
        }
        match &member.kind {
            MemberKind::Directory => {
                fs::create_dir_all(&target)?;
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
            }
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
}

/// A member's path below the root, with the folders that were merged into `/usr` under their new names.
fn merged(components: &[&[u8]]) -> PathBuf {
    let is_old = matches!(components, [first, _, ..] if MERGED.iter().any(|name| name.as_bytes() == *first));
    let lone = matches!(components, [first] if MERGED.iter().any(|name| name.as_bytes() == *first));
    let mut path = if is_old || lone { PathBuf::from("usr") } else { PathBuf::new() };
    path.extend(components.iter().map(|part| OsStr::from_bytes(part)));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_folders_are_merged_into_usr() {
        assert_eq!(merged(&[b"bin", b"sh"]), Path::new("usr/bin/sh"));
        assert_eq!(merged(&[b"lib"]), Path::new("usr/lib"));
        assert_eq!(merged(&[b"usr", b"bin", b"env"]), Path::new("usr/bin/env"));
        assert_eq!(merged(&[b"libx", b"a"]), Path::new("libx/a"));
    }
}
