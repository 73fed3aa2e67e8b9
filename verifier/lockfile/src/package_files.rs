//! The files of a package, as the tables of uv and of PEP 751 have them.

use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::document::Table;
use crate::locked::release_of;
use crate::{FileKind, LockedFile, LockfileError, address};

/// The file of `sdist` and those of `wheels`, each as `file` reads it, where no wheel is of another release.
pub(crate) fn sdist_and_wheels(
    package: &Table<'_>,
    (name, version): (&PackageName, &Version),
    file: impl Fn(&Table<'_>) -> Result<LockedFile, LockfileError>,
) -> Result<Vec<LockedFile>, LockfileError> {
    let mut files = Vec::new();
    if let Some(sdist) = package.optional_table("sdist")? {
        files.push(LockedFile { kind: FileKind::Sdist, ..file(&sdist)? });
    }
    for wheel in package.tables("wheels")? {
        let file = file(&wheel)?;
        check_wheel(&wheel, file.file_name.as_deref(), name, version)?;
        files.push(LockedFile { kind: FileKind::Wheel, ..file });
    }
    Ok(files)
}

/// The name of a file: what stands at `key`, else the end of `url`, else that of `path`.
pub(crate) fn file_name(table: &Table<'_>, key: &str) -> Result<Option<String>, LockfileError> {
    let from = |key| Ok::<_, LockfileError>(table.optional_string(key)?.and_then(address::file_name));
    Ok(match (table.optional_string(key)?, from("url")?) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Some(name)) => Some(name),
        (None, None) => from("path")?,
    })
}

/// Refuses a wheel whose name says that it is of another release: installers differ in which of the two they believe.
pub(crate) fn check_wheel(
    table: &Table<'_>,
    file_name: Option<&str>,
    name: &PackageName,
    version: &Version,
) -> Result<(), LockfileError> {
    let Some(file_name) = file_name.filter(|file_name| file_name.ends_with(".whl")) else { return Ok(()) };
    match release_of(file_name) {
        Some((of, at)) if of != *name || at != *version => {
            Err(table.refuse_whole(&format!("the wheel {file_name:?}"), &format!("one of {name} {version}")))
        }
        _ => Ok(()),
    }
}
