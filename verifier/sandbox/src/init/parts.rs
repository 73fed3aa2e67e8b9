//! This program by descriptors, so that it can be started where none of its files can be reached.
//!
//! A program that is linked dynamically is started by its dynamic linker, which is told of the program and of each library by
//! descriptor and then looks for none by name.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{Failure, Step};
use crate::syscalls;

const PROGRAM: &str = "/proc/self/exe";

pub(super) struct Parts {
    program: OwnedFd,
    loader: Option<OwnedFd>,
    libraries: Vec<OwnedFd>,
}

impl Parts {
    /// Opens this program, its dynamic linker and its libraries.
    pub(super) fn of_this_program() -> Result<Self, Failure> {
        let open = |path: &str| File::open(path).map(OwnedFd::from).step(|| format!("open {path:?} of this program"));
        let own = std::fs::read_link(PROGRAM).step(|| "see where this program is".to_owned())?;
        let maps = std::fs::read_to_string("/proc/self/maps").step(|| "see what this program has loaded".to_owned())?;
        let mapped = Mapped::read(&maps, syscalls::loader_base(), &own.to_string_lossy());
        Ok(Self {
            program: open(PROGRAM)?,
            loader: mapped.loader.map(open).transpose()?,
            libraries: mapped.libraries.into_iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// The descriptors, all of which a process must have that executes [`Parts::command`].
    pub(super) fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        std::iter::once(&self.program).chain(&self.loader).chain(&self.libraries)
    }

    /// The command that starts this program, without arguments.
    pub(super) fn command(&self) -> Vec<String> {
        let path = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
        let mut command = Vec::new();
        if let Some(loader) = &self.loader {
            // Without the list of libraries by name of where it is started.
            command.extend([path(loader), "--inhibit-cache".to_owned()]);
            if !self.libraries.is_empty() {
                let libraries: Vec<String> = self.libraries.iter().map(path).collect();
                command.extend(["--preload".to_owned(), libraries.join(":")]);
            }
        }
        command.push(path(&self.program));
        command
    }
}

/// What `/proc/self/maps` tells.
#[derive(Debug, PartialEq, Eq)]
struct Mapped<'a> {
    loader: Option<&'a str>,
    libraries: BTreeSet<&'a str>,
}

impl<'a> Mapped<'a> {
    fn read(maps: &'a str, loader_base: u64, own: &str) -> Self {
        let mut mapped = Self { loader: None, libraries: BTreeSet::new() };
        let mut code = BTreeSet::new();
        for line in maps.lines() {
            let (Some(at), Some((range, rest))) = (line.find('/'), line.split_once(' ')) else { continue };
            let path = &line[at..];
            let start = range.split('-').next().and_then(|start| u64::from_str_radix(start, 16).ok());
            if loader_base != 0 && start == Some(loader_base) {
                mapped.loader = Some(path);
            }
            if rest.as_bytes().get(2) == Some(&b'x') {
                code.insert(path);
            }
        }
        mapped.libraries = code.into_iter().filter(|path| *path != own && Some(*path) != mapped.loader).collect();
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_and_the_libraries_are_told_apart() {
        let maps = "55d0-55d1 r--p 00000000 fe:00 1                          /opt/a b/twinbuild\n\
                    55d1-55d2 r-xp 00001000 fe:00 1                          /opt/a b/twinbuild\n\
                    7f00-7f01 r--p 00000000 fe:00 2                          /lib/libc.so.6\n\
                    7f01-7f02 r-xp 00001000 fe:00 2                          /lib/libc.so.6\n\
                    7f02-7f03 r--p 00000000 fe:00 3                          /usr/lib/locale/C.utf8/LC_CTYPE\n\
                    7fa0-7fa1 r--p 00000000 fe:00 4                          /lib64/ld.so\n\
                    7fa1-7fa2 r-xp 00001000 fe:00 4                          /lib64/ld.so\n\
                    7ffe-7fff r-xp 00000000 00:00 0                          [vdso]\n";
        let own = "/opt/a b/twinbuild";
        let expected = Mapped { loader: Some("/lib64/ld.so"), libraries: BTreeSet::from(["/lib/libc.so.6"]) };
        assert_eq!(Mapped::read(maps, 0x7fa0, own), expected);
        let alone = maps.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(Mapped::read(&alone, 0, own), Mapped { loader: None, libraries: BTreeSet::new() });
    }
}
