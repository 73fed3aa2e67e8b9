//! Interpreters of this host: prefixes of CPython, where uv and pyenv put them and where the configuration says.
//!
//! A prefix is read and never run here: what it is comes from its own header `patchlevel.h`, and what is taken of it is a
//! list of files. What was installed into it, its tests, its caches and its static libraries are left out.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::EnvironmentError;
use crate::environment_lock::{LockedFile, Origin};

/// The time of every file, in seconds since 1970: 1980-01-01. Bytecode of old interpreters holds the time of its source.
pub(crate) const FILE_TIME_SECS: i64 = 315_532_800;
/// Nothing of a prefix is larger; the largest library of a static build has about 250 MiB.
const FILE_LIMIT_BYTES: u64 = 512 << 20;
/// `patchlevel.h` has about 1 KiB.
const HEADER_LIMIT_BYTES: u64 = 64 << 10;
/// What is added to an interpreter of Python 2; see its own documentation.
pub(crate) const PYTHON_2_SITE: &str = include_str!("python2_site.py");
/// The oldest and the newest interpreters that the scripts of a build run on. Of 3.0 to 3.5 none does.
const OLDEST: [(u32, u32); 2] = [(2, 7), (3, 6)];
const NEWEST_MINOR: u32 = 13;

/// Folders that builds and sandboxes have for themselves, or that the root file system has: no prefix can stand there.
pub const RESERVED_FOLDERS: [&str; 16] = [
    "/bin",
    "/build",
    "/dev",
    "/env",
    "/etc",
    "/home/builder",
    "/lib",
    "/lib64",
    "/output",
    "/proc",
    "/sbin",
    "/srv/another",
    "/sys",
    "/tmp",
    "/var/lib/twin",
    "/var/scratch",
];
/// Folders of the standard library that no build imports: what was installed, tests, demonstrations, caches, bundled wheels.
const LEFT_OUT: [&str; 9] = [
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "idle_test",
    "turtledemo",
    "__pycache__",
    "_bundled",
];
/// What a host's administrator wrote: it may hold passwords of indexes, and it changes builds.
const LEFT_OUT_FILES: [&str; 3] = ["distutils.cfg", "sitecustomize.py", "usercustomize.py"];
/// Bytecode, and what only an interpreter's own build links.
const LEFT_OUT_ENDINGS: [&str; 4] = ["pyc", "pyo", "a", "o"];

/// Where prefixes are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPlaces {
    /// Prefixes.
    prefixes: Vec<PathBuf>,
    /// Folders of prefixes, and whose they are.
    folders: Vec<(PathBuf, HostOrigin)>,
}

/// Why a folder was taken for a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostOrigin {
    /// The configuration names it.
    Configured,
    /// pyenv has it among its versions.
    Pyenv,
    /// uv manages it.
    Uv,
}

/// A prefix that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPrefix {
    /// Its absolute path.
    pub prefix: PathBuf,
    /// Why it was looked at.
    pub origin: HostOrigin,
    /// The interpreters in it, or why none of it can be used.
    pub interpreters: Result<Vec<HostInterpreter>, HostRefusal>,
}

/// A CPython of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInterpreter {
    /// Its absolute prefix.
    pub prefix: PathBuf,
    /// Why it was looked at.
    pub origin: HostOrigin,
    /// Its version, such as 3.6.15.
    pub version: (u32, u32, u32),
}

/// Why a prefix cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// There is no interpreter in it.
    #[error("it has no include/pythonX.Y/patchlevel.h, so it is no prefix of CPython, or has no headers")]
    NoHeaders,
    /// A version that builds cannot run on.
    #[error("it is CPython {found}, and builds run on 2.7 and on 3.6 to 3.13")]
    Version {
        /// The version.
        found: String,
    },
    /// A variant of CPython.
    #[error("it is a build of CPython of another kind ({folder}), with a debugging or free-threaded interface")]
    Variant {
        /// The folder of its headers.
        folder: String,
    },
    /// Sandboxes have something else there.
    #[error("it lies in {reserved}, which environments have for themselves")]
    Place {
        /// The folder.
        reserved: String,
    },
    /// Its path cannot be used.
    #[error("its path is not absolute, plain UTF-8 of printable characters")]
    Path,
    /// Something in it is not of the kind that it should be.
    #[error("{path} in it is {found}, and {expected} is expected")]
    Kind {
        /// The path below the prefix.
        path: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// It cannot be read.
    #[error("{path} in it cannot be read: {reason}")]
    Unreadable {
        /// The path below the prefix.
        path: String,
        /// What the system said.
        reason: String,
    },
}

/// What is taken of a prefix: paths below it, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// What the file system says of all this: while it is unchanged, so are the contents.
    pub(crate) stamp: Sha256,
}

impl HostPlaces {
    /// The configured prefixes, then the folders of pyenv (`$PYENV_ROOT/versions`, else `~/.pyenv/versions`) and of uv
    /// (`$UV_PYTHON_INSTALL_DIR`, else `$XDG_DATA_HOME/uv/python`, else `~/.local/share/uv/python`). `variable` gives the
    /// value of an environment variable.
    #[must_use]
    pub fn discover(configured: &[PathBuf], variable: impl Fn(&str) -> Option<String>) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || folder("HOME");
        let pyenv = folder("PYENV_ROOT").or_else(|| home().map(|home| home.join(".pyenv")));
        let uv = folder("UV_PYTHON_INSTALL_DIR").or_else(|| {
            let data = folder("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local/share")));
            data.map(|data| data.join("uv/python"))
        });
        let pyenv = pyenv.map(|root| (root.join("versions"), HostOrigin::Pyenv));
        let folders = pyenv.into_iter().chain(uv.map(|folder| (folder, HostOrigin::Uv))).collect();
        Self { prefixes: configured.to_vec(), folders }
    }

    /// The prefixes that are there, each with its interpreters or the reason why it has none to offer: configured ones
    /// first, then by path. A folder of prefixes that is not there has none.
    #[must_use]
    pub fn find(&self) -> Vec<HostPrefix> {
        let mut candidates: Vec<(PathBuf, HostOrigin)> =
            self.prefixes.iter().map(|prefix| (prefix.clone(), HostOrigin::Configured)).collect();
        let mut unreadable_folders = Vec::new();
        for (folder, origin) in &self.folders {
            match fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => unreadable_folders.push(HostPrefix {
                    prefix: folder.clone(),
                    origin: *origin,
                    interpreters: Err(unreadable("the list of prefixes", &error)),
                }),
                Ok(entries) => {
                    // Links are other names of prefixes: of a version without its last number, of an alias.
                    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
                    let is_hidden = |entry: &fs::DirEntry| entry.file_name().as_bytes().starts_with(b".");
                    let entries = entries.flatten().filter(|entry| is_folder(entry) && !is_hidden(entry));
                    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
                    found.sort();
                    candidates.extend(found.into_iter().map(|prefix| (prefix, *origin)));
                }
            }
        }
        let mut seen = BTreeSet::new();
        candidates.retain(|(prefix, _)| seen.insert(prefix.clone()));
        let look = |(prefix, origin): (PathBuf, HostOrigin)| {
            let interpreters = interpreters_in(&prefix, origin);
            HostPrefix { prefix, origin, interpreters }
        };
        candidates.into_iter().map(look).chain(unreadable_folders).collect()
    }

    /// The interpreters that can be used, one for each `MAJOR.MINOR`: of several a configured one, else the newest.
    #[must_use]
    pub fn interpreters(&self) -> Vec<HostInterpreter> {
        let mut all: Vec<HostInterpreter> =
            self.find().into_iter().filter_map(|found| found.interpreters.ok()).flatten().collect();
        let is_configured = |one: &HostInterpreter| one.origin == HostOrigin::Configured;
        all.sort_by(|a, b| {
            let minor = |one: &HostInterpreter| (one.version.0, one.version.1);
            minor(b).cmp(&minor(a)).then(is_configured(b).cmp(&is_configured(a))).then(b.version.cmp(&a.version))
        });
        all.dedup_by_key(|one| (one.version.0, one.version.1));
        all
    }
}

impl fmt::Display for HostOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configured => "configured",
            Self::Pyenv => "of pyenv",
            Self::Uv => "of uv",
        })
    }
}

impl fmt::Display for HostInterpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.version;
        write!(f, "CPython {major}.{minor}.{micro}")
    }
}

impl HostInterpreter {
    /// The interpreter that a lock names.
    pub(crate) fn locked(file: &LockedFile) -> Result<Self, EnvironmentError> {
        let refuse = || EnvironmentError::NoLock { reason: format!("{} is no interpreter of a host", file.name) };
        let Origin::Host { prefix } = &file.origin else { return Err(refuse()) };
        let numbers: Vec<u32> = file.version.split('.').map_while(|number| number.parse().ok()).collect();
        let [major, minor, micro] = numbers.as_slice() else { return Err(refuse()) };
        check_place(prefix).map_err(|refusal| EnvironmentError::NoLock { reason: refusal.to_string() })?;
        let version = (*major, *minor, *micro);
        Ok(Self { prefix: prefix.clone(), origin: HostOrigin::Configured, version })
    }

    /// `MAJOR.MINOR`
    #[must_use]
    pub fn minor_version(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// The path of its program, on the host as in a sandbox.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.prefix.join("bin").join(self.name())
    }

    /// `pythonMAJOR.MINOR`
    pub(crate) fn name(&self) -> String {
        format!("python{}", self.minor_version())
    }

    /// Lists what is taken: the program, its shared library, the standard library and the headers.
    pub(crate) fn select(&self) -> Result<Selection, HostRefusal> {
        let name = self.name();
        let mut selection =
            Listing { interpreter: self, files: Vec::new(), links: Vec::new(), stamp: Sha256Hasher::new() };
        selection.take(&Path::new("bin").join(&name))?;
        for entry in selection.entries(Path::new("lib"))? {
            let text = entry.to_string_lossy();
            let is_library = text.starts_with(&format!("lib{name}")) || text == "libpython3.so";
            if is_library && text.contains(".so") {
                selection.take(&Path::new("lib").join(&entry))?;
            }
        }
        selection.take_folder(&Path::new("lib").join(&name))?;
        for entry in selection.entries(Path::new("include"))? {
            if entry.to_string_lossy().starts_with(&name) {
                selection.take_folder(&Path::new("include").join(&entry))?;
            }
        }
        let Listing { files, links, stamp, .. } = selection;
        Ok(Selection { files, links, stamp: stamp.finish() })
    }

    /// Copies what was selected below `root`, at the prefix's own path, as everybody may read it, and makes the folder that
    /// requirements of Python 2 are found by.
    pub(crate) fn copy(&self, selection: &Selection, root: &Path) -> io::Result<()> {
        let prefix = root.join(self.prefix.strip_prefix("/").map_err(io::Error::other)?);
        let folder_of = |path: &Path| path.parent().map_or(Ok(()), fs::create_dir_all);
        for path in &selection.files {
            let target = prefix.join(path);
            folder_of(&target)?;
            let mut source = File::open(self.prefix.join(path))?;
            let is_program = source.metadata()?.permissions().mode() & 0o111 != 0;
            let mut file = File::options().write(true).create_new(true).open(&target)?;
            io::copy(&mut source, &mut file)?;
            let mode = if is_program { 0o755 } else { 0o644 };
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        for (path, target) in &selection.links {
            let link = prefix.join(path);
            folder_of(&link)?;
            symlink(target, &link)?;
        }
        let packages = prefix.join("lib").join(self.name()).join("site-packages");
        fs::create_dir_all(&packages)?;
        if self.version.0 == 2 {
            // An import in such a file is carried out when the interpreter starts.
            for (name, content) in [("twinbuild.pth", "import twinbuild_site\n"), ("twinbuild_site.py", PYTHON_2_SITE)]
            {
                let path = packages.join(name);
                fs::write(&path, content)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
            }
        }
        for entry in walkdir::WalkDir::new(root).min_depth(1) {
            let entry = entry?;
            if entry.file_type().is_dir() {
                fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }
}

/// Refuses a prefix that cannot stand in a sandbox under its own path.
fn check_place(prefix: &Path) -> Result<(), HostRefusal> {
    let is_plain = prefix.is_absolute()
        && prefix.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && prefix.to_str().is_some_and(|text| !text.contains(|c: char| c.is_control() || c == '"' || c == '\\'));
    if !is_plain {
        return Err(HostRefusal::Path);
    }
    // `/usr` is the root's own, and `/usr/local` in it is nobody's.
    let is_the_roots = |folder: &&&str| prefix == Path::new(folder);
    let reserved = RESERVED_FOLDERS.iter().find(|reserved| prefix.starts_with(reserved));
    if let Some(reserved) = reserved.or_else(|| ["/", "/usr"].iter().find(is_the_roots)) {
        return Err(HostRefusal::Place { reserved: (*reserved).to_owned() });
    }
    Ok(())
}

/// The interpreters of a prefix, as its headers name them.
fn interpreters_in(prefix: &Path, origin: HostOrigin) -> Result<Vec<HostInterpreter>, HostRefusal> {
    check_place(prefix)?;
    let include = prefix.join("include");
    let mut folders: Vec<String> = match fs::read_dir(&include) {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HostRefusal::NoHeaders),
        Err(error) => return Err(unreadable("include", &error)),
    };
    folders.sort();
    let (mut found, mut refusal) = (Vec::new(), None);
    for folder in folders {
        let Some(rest) = folder.strip_prefix("python") else { continue };
        let path = format!("include/{folder}/patchlevel.h");
        let text = match read_text(&prefix.join(&path)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&path, &error)),
        };
        match version_of(&folder, rest, &text).and_then(|version| {
            let interpreter = HostInterpreter { prefix: prefix.to_owned(), origin, version };
            interpreter.check_program().map(|()| interpreter)
        }) {
            Ok(interpreter) => found.push(interpreter),
            Err(error) => refusal = Some(error),
        }
    }
    match (found.is_empty(), refusal) {
        (false, _) => Ok(found),
        (true, Some(refusal)) => Err(refusal),
        (true, None) => Err(HostRefusal::NoHeaders),
    }
}

impl HostInterpreter {
    fn check_program(&self) -> Result<(), HostRefusal> {
        let path = format!("bin/{}", self.name());
        let file = self.prefix.join(&path);
        let kind = file.symlink_metadata().map_err(|error| unreadable(&path, &error))?.file_type();
        if !kind.is_file() {
            return Err(HostRefusal::Kind { path, found: describe(kind).to_owned(), expected: "a program" });
        }
        File::open(&file).map(drop).map_err(|error| unreadable(&path, &error))
    }
}

/// The version in `patchlevel.h`, which must be that of the folder's name, `pythonX.Y` and flags.
fn version_of(folder: &str, rest: &str, text: &str) -> Result<(u32, u32, u32), HostRefusal> {
    let number = |name: &str| {
        text.lines().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let is_it = words.next() == Some("#define") && words.next() == Some(name);
            words.next().filter(|_| is_it)?.parse::<u32>().ok()
        })
    };
    let version = (number("PY_MAJOR_VERSION"), number("PY_MINOR_VERSION"), number("PY_MICRO_VERSION"));
    let (Some(major), Some(minor), Some(micro)) = version else { return Err(HostRefusal::NoHeaders) };
    let flags = rest.strip_prefix(&format!("{major}.{minor}"));
    if !matches!(flags, Some("" | "m")) {
        return Err(HostRefusal::Variant { folder: folder.chars().take(40).collect() });
    }
    let oldest = OLDEST.iter().find(|(of, _)| *of == major);
    if oldest.is_none_or(|(_, oldest)| minor < *oldest) || (major == 3 && minor > NEWEST_MINOR) {
        return Err(HostRefusal::Version { found: format!("{major}.{minor}.{micro}") });
    }
    Ok((major, minor, micro))
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, HEADER_LIMIT_BYTES), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(path: &str, error: &io::Error) -> HostRefusal {
    HostRefusal::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

fn describe(kind: fs::FileType) -> &'static str {
    match kind {
        kind if kind.is_file() => "a file",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_symlink() => "a link",
        _ => "neither file, folder nor link",
    }
}

struct Listing<'a> {
    interpreter: &'a HostInterpreter,
    files: Vec<PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
    stamp: Sha256Hasher,
}

impl Listing<'_> {
    fn entries(&self, below: &Path) -> Result<Vec<std::ffi::OsString>, HostRefusal> {
        let read = |error: &io::Error| unreadable(&below.display().to_string(), error);
        // A link would lead to what is none of the prefix.
        let kind = self.metadata(below)?.file_type();
        if !kind.is_dir() {
            let (path, found) = (below.display().to_string(), describe(kind).to_owned());
            return Err(HostRefusal::Kind { path, found, expected: "a folder" });
        }
        let entries = fs::read_dir(self.interpreter.prefix.join(below)).map_err(|error| read(&error))?;
        let names: Result<Vec<_>, io::Error> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let mut names = names.map_err(|error| read(&error))?;
        names.sort();
        Ok(names)
    }

    fn take_folder(&mut self, below: &Path) -> Result<(), HostRefusal> {
        for name in self.entries(below)? {
            let path = below.join(&name);
            let kind = self.metadata(&path)?.file_type();
            if kind.is_dir() {
                if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                    self.take_folder(&path)?;
                }
            } else if !path.extension().is_some_and(|own| LEFT_OUT_ENDINGS.iter().any(|ending| own == *ending))
                && !LEFT_OUT_FILES.iter().any(|left_out| name == *left_out)
            {
                self.take(&path)?;
            }
        }
        Ok(())
    }

    fn metadata(&self, below: &Path) -> Result<fs::Metadata, HostRefusal> {
        let metadata = self.interpreter.prefix.join(below).symlink_metadata();
        metadata.map_err(|error| unreadable(&below.display().to_string(), &error))
    }

    fn take(&mut self, below: &Path) -> Result<(), HostRefusal> {
        let metadata = self.metadata(below)?;
        let refuse =
            |found: String, expected| Err(HostRefusal::Kind { path: below.display().to_string(), found, expected });
        self.stamp.update(below.as_os_str().as_bytes());
        for number in [metadata.dev(), metadata.ino(), metadata.size(), u64::from(metadata.mode())] {
            self.stamp.update(&number.to_be_bytes());
        }
        for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
            self.stamp.update(&number.to_be_bytes());
        }
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(self.interpreter.prefix.join(below))
                .map_err(|error| unreadable(&below.display().to_string(), &error))?;
            // Links beside and below are all that prefixes have; another could lead to a place that is not taken.
            if !target.components().all(|part| matches!(part, Component::Normal(_))) {
                return refuse(format!("a link to {}", target.display()), "a link to a place below its own folder");
            }
            self.links.push((below.to_owned(), target));
            return Ok(());
        }
        if !kind.is_file() {
            return refuse(describe(kind).to_owned(), "a file");
        }
        if metadata.len() > FILE_LIMIT_BYTES {
            return refuse(format!("a file of {} bytes", metadata.len()), "at most 512 MiB");
        }
        self.files.push(below.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: &str) -> String {
        let mut numbers = version.split('.');
        ["MAJOR", "MINOR", "MICRO"]
            .map(|name| format!("#define PY_{name}_VERSION {}\n", numbers.next().unwrap()))
            .concat()
    }

    /// A prefix with the files that a real one has of each kind.
    fn prefix(folder: &Path, version: &str, flags: &str) -> PathBuf {
        let prefix = folder.join(version);
        let minor = version.rsplit_once('.').unwrap().0;
        for (path, content) in [
            (format!("bin/python{minor}"), "program".to_owned()),
            (format!("bin/pip{minor}"), "pip".to_owned()),
            (format!("include/python{minor}{flags}/patchlevel.h"), header(version)),
            (format!("lib/libpython{minor}{flags}.so.1.0"), "library".to_owned()),
            (format!("lib/libpython{minor}.a"), "archive".to_owned()),
            ("lib/pkgconfig/python.pc".to_owned(), "x".to_owned()),
            (format!("lib/python{minor}/os.py"), "x".to_owned()),
            (format!("lib/python{minor}/os.pyc"), "x".to_owned()),
            (format!("lib/python{minor}/__pycache__/os.pyc"), "x".to_owned()),
            (format!("lib/python{minor}/test/test_os.py"), "x".to_owned()),
            (format!("lib/python{minor}/json/tests/test.py"), "x".to_owned()),
            (format!("lib/python{minor}/lib2to3/tests/data.py"), "x".to_owned()),
            (format!("lib/python{minor}/lib2to3/main.py"), "x".to_owned()),
            (format!("lib/python{minor}/idlelib/idle.py"), "x".to_owned()),
            (format!("lib/python{minor}/ensurepip/_bundled/pip.whl"), "x".to_owned()),
            (format!("lib/python{minor}/site-packages/secret.py"), "x".to_owned()),
            (format!("lib/python{minor}/config/libpython.a"), "x".to_owned()),
            (format!("lib/python{minor}/config/Makefile"), "x".to_owned()),
        ] {
            let path = prefix.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::set_permissions(prefix.join(format!("bin/python{minor}")), fs::Permissions::from_mode(0o700)).unwrap();
        prefix
    }

    /// A folder that is not below `/tmp`, where no prefix can be.
    fn folder() -> tempfile::TempDir {
        tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap()
    }

    fn places(folder: &Path) -> HostPlaces {
        let home = folder.display().to_string();
        HostPlaces::discover(&[], |name| (name == "HOME").then(|| home.clone()))
    }

    #[test]
    fn prefixes_are_found_where_pyenv_uv_and_the_configuration_have_them() {
        let folder = folder();
        let pyenv = folder.path().join(".pyenv/versions");
        let uv = folder.path().join(".local/share/uv/python");
        prefix(&pyenv, "2.7.18", "");
        prefix(&pyenv, "3.6.15", "m");
        prefix(&pyenv, "3.12.1", "");
        prefix(&uv, "3.12.9", "");
        symlink(uv.join("3.12.9"), uv.join("3.12")).unwrap();
        let versions = |places: &HostPlaces| places.interpreters().iter().map(|one| one.version).collect::<Vec<_>>();
        assert_eq!(versions(&places(folder.path())), [(3, 12, 9), (3, 6, 15), (2, 7, 18)]);
        let own = prefix(folder.path(), "3.12.0", "");
        let home = folder.path().display().to_string();
        let configured = HostPlaces::discover(&[own], |name| (name == "HOME").then(|| home.clone()));
        assert_eq!(versions(&configured), [(3, 12, 0), (3, 6, 15), (2, 7, 18)]);
        let elsewhere = |name: &str| Some(folder.path().join(name).display().to_string());
        assert_eq!(versions(&HostPlaces::discover(&[], elsewhere)), []);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let folder = folder();
        let pyenv = folder.path().join(".pyenv/versions");
        prefix(&pyenv, "3.5.2", "m");
        prefix(&pyenv, "3.13.1", "t");
        prefix(&pyenv, "3.99.1", "");
        fs::remove_file(prefix(&pyenv, "3.8.1", "").join("bin/python3.8")).unwrap();
        fs::create_dir_all(pyenv.join("pypy3.9-7.3.9/bin")).unwrap();
        let found = places(folder.path()).find();
        let reasons: Vec<String> = found.into_iter().map(|found| found.interpreters.unwrap_err().to_string()).collect();
        for (reason, expected) in
            reasons.iter().zip(["(python3.13t)", "3.5.2", "bin/python3.8", "3.99.1", "patchlevel.h"])
        {
            assert!(reason.contains(expected), "{reason}");
        }
        let refused = |path: &str| interpreters_in(Path::new(path), HostOrigin::Configured).unwrap_err();
        for path in ["/tmp/3.8", "/usr", "/", "/env", "/home/builder/.pyenv/versions/3.8"] {
            assert!(matches!(refused(path), HostRefusal::Place { .. }), "{path}");
        }
        assert_eq!(refused("relative"), HostRefusal::Path);
        assert_eq!(refused("/a/../b"), HostRefusal::Path);
    }

    #[test]
    fn what_was_installed_and_what_is_for_tests_is_left_out() {
        let folder = folder();
        let prefix = prefix(folder.path(), "3.6.15", "m");
        symlink("libpython3.6m.so.1.0", prefix.join("lib/libpython3.6m.so")).unwrap();
        let interpreter = interpreters_in(&prefix, HostOrigin::Configured).unwrap().remove(0);
        let selection = interpreter.select().unwrap();
        let files: Vec<&str> = selection.files.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            files,
            [
                "bin/python3.6",
                "lib/libpython3.6m.so.1.0",
                "lib/python3.6/config/Makefile",
                "lib/python3.6/lib2to3/main.py",
                "lib/python3.6/os.py",
                "include/python3.6m/patchlevel.h",
            ]
        );
        assert_eq!(selection.links.len(), 1);
        let root = tempfile::tempdir().unwrap();
        interpreter.copy(&selection, root.path()).unwrap();
        let copied = root.path().join(prefix.strip_prefix("/").unwrap());
        let mode = |path: &str| fs::metadata(copied.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("bin/python3.6"), mode("bin"), mode("lib/python3.6/os.py")), (0o755, 0o755, 0o644));
        assert_eq!(fs::read_dir(copied.join("lib/python3.6/site-packages")).unwrap().count(), 0);
        // A change of any file shows.
        assert_eq!(interpreter.select().unwrap().stamp, selection.stamp);
        fs::write(prefix.join("lib/python3.6/os.py"), "changed").unwrap();
        assert_ne!(interpreter.select().unwrap().stamp, selection.stamp);
    }

    #[test]
    fn a_prefix_that_leads_out_of_itself_is_refused() {
        let folder = folder();
        let prefix = prefix(folder.path(), "3.8.18", "");
        let interpreter = interpreters_in(&prefix, HostOrigin::Configured).unwrap().remove(0);
        symlink("/etc/passwd", prefix.join("lib/python3.8/passwd.py")).unwrap();
        let refused = interpreter.select().unwrap_err();
        assert!(matches!(refused, HostRefusal::Kind { .. }), "{refused}");
    }
}
