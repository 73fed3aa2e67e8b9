//! Laying out an sdist as a tree.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use twinbuild_archive::{Format, Limits, Member, MemberKind, Modified, ReadAt, ReadError, visit};
use twinbuild_subject::{MemberPath, SdistFileName, SdistFormat, Sha256Hasher};

use crate::SourceTree;

/// Why a source could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayOutError {
    /// The archive is malformed, or a limit was reached, or it could not be read or written.
    #[error("the source {file_name} cannot be laid out")]
    Read {
        /// The source's file name.
        file_name: String,
        /// What was found.
        source: ReadError,
    },
    /// It is of a format that is not laid out here.
    #[error("the source {file_name} is of a format that this version does not read (.tar.gz and .zip it does)")]
    Format {
        /// The source's file name.
        file_name: String,
    },
    /// A link leads out of the tree.
    #[error("the source {file_name} has a link, {path}, that leads out of its tree, to {target}")]
    Escape {
        /// The source's file name.
        file_name: String,
        /// The link.
        path: MemberPath,
        /// Its target.
        target: MemberPath,
    },
    /// There is not exactly one folder at the top.
    #[error("the source {file_name} has {found} at its top, and one folder is expected")]
    Top {
        /// The source's file name.
        file_name: String,
        /// What is there.
        found: String,
    },
    /// The disk refused.
    #[error("the source {file_name} could not be written below {}", folder.display())]
    Write {
        /// The source's file name.
        file_name: String,
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LayOutError {
    /// Whether the source itself is at fault, and not a limit, this version or the machine.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::Read { source, .. } => matches!(source, ReadError::Malformed(_)),
            Self::Escape { .. } | Self::Top { .. } => true,
            Self::Format { .. } | Self::Write { .. } => false,
        }
    }

    /// Whether a limit was reached.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::Read { source: ReadError::Limit(_), .. })
    }
}

/// Lays out the sdist `bytes`, named `name`, in `folder`, which exists and is empty.
///
/// # Errors
/// See [`LayOutError`]; what was written by then is of no use.
pub fn lay_out(name: &SdistFileName, bytes: &dyn ReadAt, folder: &Path) -> Result<SourceTree, LayOutError> {
    let file_name = || name.text.clone();
    let format = match name.format {
        SdistFormat::TarGz => Format::TarGz,
        SdistFormat::Zip => Format::Zip,
        SdistFormat::TarBz2 | SdistFormat::TarXz | SdistFormat::TarZ | SdistFormat::Tar => {
            return Err(LayOutError::Format { file_name: file_name() });
        }
    };
    let write_error = |source| LayOutError::Write { file_name: file_name(), folder: folder.to_owned(), source };
    let mut written = Written { folder, files: Vec::new(), by_path: HashMap::new(), folders: Vec::new() };
    let mut escape = None;
    let archive = visit(bytes, format, &Limits::default(), &mut |member, content| {
        if member.escapes()
            && let MemberKind::Symlink { target } = &member.kind
        {
            escape.get_or_insert_with(|| (member.path.clone(), MemberPath::new(target.as_slice())));
            return Ok(());
        }
        written.take(member, content)
    })
    .map_err(|source| LayOutError::Read { file_name: file_name(), source })?;
    if let Some((path, target)) = escape {
        return Err(LayOutError::Escape { file_name: file_name(), path, target });
    }
    written.set_folder_times().map_err(write_error)?;
    drop(archive);

    let mut tops = Vec::new();
    for entry in fs::read_dir(folder).map_err(write_error)? {
        let entry = entry.map_err(write_error)?;
        tops.push((entry.file_name(), entry.file_type().map_err(write_error)?.is_dir()));
    }
    let top = match tops.as_slice() {
        [(top, true)] => top.to_str().map(str::to_owned),
        _ => None,
    };
    let Some(top) = top else {
        let mut names: Vec<String> =
            tops.iter().map(|(name, _)| MemberPath::new(name.as_bytes()).to_string()).take(5).collect();
        names.sort();
        let found =
            if tops.len() == 1 { names.concat() } else { format!("{} entries ({}, ..)", tops.len(), names.join(", ")) };
        return Err(LayOutError::Top { file_name: file_name(), found });
    };
    let prefix = format!("{top}/").into_bytes();
    let files =
        written.files.into_iter().filter_map(|(path, sha256)| Some((path.strip_prefix(&prefix)?, sha256))).collect();
    Ok(SourceTree { folder: folder.to_owned(), top, subdirectory: String::new(), files, repository: None })
}

/// What was written so far.
struct Written<'a> {
    folder: &'a Path,
    files: Vec<(MemberPath, twinbuild_subject::Sha256)>,
    by_path: HashMap<MemberPath, (PathBuf, twinbuild_subject::Sha256)>,
    folders: Vec<(PathBuf, SystemTime)>,
}

impl Written<'_> {
    /// Writes one member. No member lies below a link, so nothing is written through one.
    fn take(&mut self, member: &Member, content: &mut dyn Read) -> io::Result<()> {
        let components = member.components();
        let path = components.iter().fold(self.folder.to_owned(), |path, part| path.join(OsStr::from_bytes(part)));
        let normal = MemberPath::new(components.join(&b'/'));
        let modified = time(member.modified);
        if let (Some(parent), false) = (path.parent(), components.is_empty()) {
            fs::create_dir_all(parent)?;
        }
        match &member.kind {
            MemberKind::Directory => {
                fs::create_dir_all(&path)?;
                self.folders.push((path, modified));
            }
            MemberKind::File => {
                let mode = if member.mode.is_some_and(|mode| mode & 0o100 != 0) { 0o755 } else { 0o644 };
                let mut file = File::options().write(true).create_new(true).mode(mode).open(&path)?;
                let mut hasher = Sha256Hasher::new();
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let count = content.read(&mut buffer)?;
                    if count == 0 {
                        break;
                    }
                    hasher.update(&buffer[..count]);
                    io::Write::write_all(&mut file, &buffer[..count])?;
                }
                // The mode of creation went through the umask of this process.
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                file.set_modified(modified)?;
                let sha256 = hasher.finish();
                self.files.push((normal.clone(), sha256));
                self.by_path.insert(normal, (path, sha256));
            }
            MemberKind::Symlink { target } => symlink(OsStr::from_bytes(target), &path)?,
            MemberKind::Hardlink { target } => {
                let parts: Vec<&[u8]> =
                    target.as_bytes().split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
                let Some((original, sha256)) = self.by_path.get(&MemberPath::new(parts.join(&b'/'))).cloned() else {
                    let message = format!("it is another name of {target}, which is no earlier file");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                };
                fs::copy(&original, &path)?;
                File::options().append(true).open(&path)?.set_modified(modified)?;
                self.files.push((normal.clone(), sha256));
                self.by_path.insert(normal, (path, sha256));
            }
        }
        Ok(())
    }

    /// Sets the times of folders, deepest first, now that nothing is written into them any more.
    fn set_folder_times(&mut self) -> io::Result<()> {
        self.folders.sort_by(|a, b| b.0.cmp(&a.0));
        for (path, modified) in &self.folders {
            File::open(path)?.set_modified(*modified)?;
        }
        Ok(())
    }
}

/// A member's time on disk: what the archive has, a zip's local time taken as UTC, times before 1970 or of no calendar
/// day as 1970.
fn time(modified: Modified) -> SystemTime {
    let (seconds, nanoseconds) = match modified {
        Modified::Unix { seconds, nanoseconds } => (seconds, nanoseconds),
        Modified::Dos { unix_seconds: Some(seconds), .. } => (i64::from(seconds), 0),
        Modified::Dos { .. } | Modified::None => {
            let zoned = modified.civil().and_then(|civil| civil.to_zoned(TimeZone::UTC).ok());
            (zoned.map_or(0, |zoned| zoned.timestamp().as_second()), 0)
        }
    };
    SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap_or(0), nanoseconds)
}
