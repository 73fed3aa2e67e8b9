//! The shared libraries that interpreters of the host need, and the Debian packages that have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use object::Object as _;

use crate::HostInterpreter;
use crate::host_interpreter::Selection;

/// Libraries that environments have, and the package of Debian 12 with each. Those that the root file system lacks come as a
/// layer of their own.
const LIBRARIES: [(&str, &str); 32] = [
    ("ld-linux-aarch64.so.1", "libc6"),
    ("ld-linux-x86-64.so.2", "libc6"),
    ("libbz2.so.1.0", "libbz2-1.0"),
    ("libc.so.6", "libc6"),
    ("libcrypt.so.1", "libcrypt1"),
    ("libcrypto.so.3", "libssl3"),
    ("libdb-5.3.so", "libdb5.3"),
    ("libdl.so.2", "libc6"),
    ("libedit.so.2", "libedit2"),
    ("libexpat.so.1", "libexpat1"),
    ("libffi.so.8", "libffi8"),
    ("libgcc_s.so.1", "libgcc-s1"),
    ("libgdbm.so.6", "libgdbm6"),
    ("libgdbm_compat.so.4", "libgdbm-compat4"),
    ("liblzma.so.5", "liblzma5"),
    ("libm.so.6", "libc6"),
    ("libncurses.so.6", "libncurses6"),
    ("libncursesw.so.6", "libncursesw6"),
    ("libnsl.so.2", "libnsl2"),
    ("libpanel.so.6", "libncurses6"),
    ("libpanelw.so.6", "libncursesw6"),
    ("libpthread.so.0", "libc6"),
    ("libreadline.so.8", "libreadline8"),
    ("librt.so.1", "libc6"),
    ("libsqlite3.so.0", "libsqlite3-0"),
    ("libssl.so.3", "libssl3"),
    ("libtinfo.so.6", "libtinfo6"),
    ("libtirpc.so.3", "libtirpc3"),
    ("libutil.so.1", "libc6"),
    ("libuuid.so.1", "libuuid1"),
    ("libz.so.1", "zlib1g"),
    ("libstdc++.so.6", "libstdc++6"),
];
/// Libraries of other releases of Debian, for a message: what was built there needs to be built again.
const ELSEWHERE: [(&str, &str); 13] = [
    ("libcrypto.so.1.0.2", "libssl1.0.2 of Debian 9"),
    ("libcrypto.so.1.1", "libssl1.1 of Debian 11"),
    ("libffi.so.6", "libffi6 of Debian 10"),
    ("libffi.so.7", "libffi7 of Debian 11"),
    ("libgdbm.so.5", "libgdbm5 of Debian 9"),
    ("libmpdec.so.2", "libmpdec2 of Debian 10"),
    ("libmpdec.so.3", "libmpdec3 of Debian 11"),
    ("libncursesw.so.5", "libncursesw5 of Debian 10"),
    ("libnsl.so.1", "libnsl1 of Ubuntu"),
    ("libreadline.so.7", "libreadline7 of Debian 10"),
    ("libssl.so.1.0.2", "libssl1.0.2 of Debian 9"),
    ("libssl.so.1.1", "libssl1.1 of Debian 11"),
    ("libtinfo.so.5", "libtinfo5 of Debian 10"),
];
/// Extension modules that no build needs: a graphical toolkit, and what is there for the library's own tests.
const NOT_NEEDED: [&str; 3] = ["_tkinter", "_test", "xx"];

/// A library that an interpreter needs and environments do not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingLibrary {
    /// The library's name (`DT_NEEDED`).
    pub library: String,
    /// The Debian package that has it, and of which release; `None` if that is not known here.
    pub package: Option<&'static str>,
    /// The files that need it, by name.
    pub needed_by: Vec<String>,
}

impl fmt::Display for MissingLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let package = self.package.unwrap_or("a package that is not known here");
        write!(f, "{} needs {} ({package})", self.needed_by.join(", "), self.library)
    }
}

/// The packages that have the libraries.
pub(crate) fn packages() -> Vec<&'static str> {
    let names: BTreeSet<&str> = LIBRARIES.iter().map(|(_, package)| *package).collect();
    names.into_iter().collect()
}

/// Whether an extension module, by the name of its file, has to import before an interpreter is admitted.
pub(crate) fn is_needed(file_name: &str) -> bool {
    !NOT_NEEDED.iter().any(|prefix| file_name.starts_with(prefix) || file_name.contains("_test."))
}

/// The libraries that files of `selection` need and that neither the prefix nor an environment has.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn missing(interpreter: &HostInterpreter, selection: &Selection) -> io::Result<Vec<MissingLibrary>> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let links = selection.links.iter().map(|(link, _)| link);
    let own: BTreeSet<String> = selection.files.iter().chain(links).map(|path| name(path)).collect();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in &selection.files {
        let file = name(path);
        let is_native = file.contains(".so") || path.starts_with("bin");
        if !is_native || !is_needed(&file) {
            continue;
        }
        for library in needed(&fs::read(interpreter.prefix.join(path))?) {
            if !own.contains(&library) && !LIBRARIES.iter().any(|(known, _)| *known == library) {
                missing.entry(library).or_default().push(file.clone());
            }
        }
    }
    let explain = |(library, needed_by): (String, Vec<String>)| {
        let package = ELSEWHERE.iter().find(|(known, _)| *known == library).map(|(_, package)| *package);
        MissingLibrary { library, package, needed_by }
    };
    Ok(missing.into_iter().map(explain).collect())
}

/// The names in the dynamic section of an ELF file (`DT_NEEDED`); none of a file of another kind, which will not run here.
fn needed(bytes: &[u8]) -> Vec<String> {
    let Ok(file) = object::File::parse(bytes) else { return Vec::new() };
    let Ok(libraries) = file.import_libraries() else { return Vec::new() };
    libraries.flatten().map(|library| library.name().escape_ascii().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_known_once() {
        let names: BTreeSet<&str> = LIBRARIES.iter().chain(&ELSEWHERE).map(|(library, _)| *library).collect();
        assert_eq!(names.len(), LIBRARIES.len() + ELSEWHERE.len());
    }

    #[test]
    fn the_libraries_of_a_program_are_read() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&own).contains(&"libc.so.6".to_owned()), "{:?}", needed(&own));
        assert!(needed(b"#!/bin/sh").is_empty());
    }

    #[test]
    fn a_toolkit_and_tests_are_not_needed() {
        assert!(!is_needed("_tkinter.so") && !is_needed("_ctypes_test.cpython-36m-x86_64-linux-gnu.so"));
        assert!(!is_needed("_testcapi.cpython-312-x86_64-linux-gnu.so") && !is_needed("xxlimited.so"));
        assert!(is_needed("_ssl.cpython-36m-x86_64-linux-gnu.so") && is_needed("zlib.so") && is_needed("python3.6"));
    }

    #[test]
    fn a_library_that_is_missing_is_named_with_its_package_and_who_needs_it() {
        let missing = MissingLibrary {
            library: "libssl.so.1.1".to_owned(),
            package: Some("libssl1.1 of Debian 11"),
            needed_by: vec!["_ssl.so".to_owned(), "_hashlib.so".to_owned()],
        };
        assert_eq!(missing.to_string(), "_ssl.so, _hashlib.so needs libssl.so.1.1 (libssl1.1 of Debian 11)");
    }
}
