//! Key files on disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::{KeyError, KeyFileError, Passphrase, PrivateKey, PublicKey, Role};

/// A key has a few hundred bytes.
const LIMIT_BYTES: u64 = 64 << 10;
/// The permission bits of group and others.
const OTHERS: u32 = 0o077;

impl PrivateKey {
    /// Writes the key, encrypted, into a new file of mode 0600. When this returns, file and folder were flushed to
    /// disk; if it fails, there is no file.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`]: no file is ever written over; [`KeyFileError::Io`]; [`KeyFileError::Key`], as
    /// [`to_encrypted_pem`](Self::to_encrypted_pem) says.
    pub fn create_file(&self, path: &Path, passphrase: &Passphrase) -> Result<(), KeyFileError> {
        let text = self.to_encrypted_pem(passphrase).map_err(|error| of(path, error))?;
        create(path, text.as_bytes(), 0o600)
    }

    /// Reads a key that [`create_file`](Self::create_file) wrote. The file has to be a regular one (no link either), of
    /// at most 64 KiB, that belongs to this process's effective user and that neither its group nor others can read,
    /// write or execute.
    ///
    /// # Errors
    /// [`KeyFileError::NotRegular`], [`KeyFileError::Owner`], [`KeyFileError::Mode`], [`KeyFileError::TooLarge`],
    /// [`KeyFileError::Io`]; [`KeyFileError::Key`], as [`from_encrypted_pem`](Self::from_encrypted_pem) says.
    pub fn read_file(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::from_encrypted_pem(&read_private(path)?, passphrase).map_err(|error| of(path, error))
    }

    /// Reads the file of a key that another program encrypted, and gives it a role; see [`import`](Self::import). The
    /// file has to be as for [`read_file`](Self::read_file).
    ///
    /// # Errors
    /// As for [`read_file`](Self::read_file); [`KeyFileError::Key`], as [`import`](Self::import) says.
    pub fn import_file(path: &Path, passphrase: &Passphrase, role: Role) -> Result<Self, KeyFileError> {
        Self::import(&read_private(path)?, passphrase, role).map_err(|error| of(path, error))
    }
}

impl PublicKey {
    /// Writes the key into a new file of mode 0644, as [`to_pem`](Self::to_pem) has it.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Io`], [`KeyFileError::Key`].
    pub fn create_file(&self, path: &Path) -> Result<(), KeyFileError> {
        create(path, self.to_pem().map_err(|error| of(path, error))?.as_bytes(), 0o644)
    }

    /// Reads a file as [`from_pem`](Self::from_pem) reads text, of at most 64 KiB.
    ///
    /// # Errors
    /// [`KeyFileError::TooLarge`], [`KeyFileError::NotRegular`], [`KeyFileError::Io`]; [`KeyFileError::Key`], as
    /// [`from_pem`](Self::from_pem) says.
    pub fn read_file(path: &Path, role: Role) -> Result<Self, KeyFileError> {
        let file = open(path, OFlags::NONBLOCK)?;
        let text = read_text(path, &file)?;
        Self::from_pem(&text, role).map_err(|error| of(path, error))
    }
}

fn of(path: &Path, source: KeyError) -> KeyFileError {
    KeyFileError::Key { path: path.to_owned(), source }
}

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> KeyFileError + use<'a> {
    move |source| KeyFileError::Io { doing, path: path.to_owned(), source }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let file = open(path, OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.is_file() && metadata.uid() != user {
        return Err(KeyFileError::Owner { path: path.to_owned(), owner: metadata.uid(), user });
    }
    if metadata.is_file() && metadata.mode() & OTHERS != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode: metadata.mode() & 0o7777 });
    }
    read_text(path, &file)
}

/// Opens without waiting for the other end of a pipe. A link is an error where `flags` say so.
fn open(path: &Path, flags: OFlags) -> Result<File, KeyFileError> {
    let flags = i32::from_ne_bytes(flags.bits().to_ne_bytes());
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            KeyFileError::NotRegular { path: path.to_owned(), kind: "a symbolic link" }
        }
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
            KeyFileError::NotRegular { path: path.to_owned(), kind: "a socket or a device" }
        }
        _ => io_error("open", path)(error),
    })
}

fn read_text(path: &Path, file: &File) -> Result<Zeroizing<String>, KeyFileError> {
    let kind = file.metadata().map_err(io_error("look at", path))?.file_type();
    if !kind.is_file() {
        let kind = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a pipe",
            () => "a device",
        };
        return Err(KeyFileError::NotRegular { path: path.to_owned(), kind });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LIMIT_BYTES + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => of(path, KeyError::Damaged { reason: "it is not text".to_owned() }),
        _ => io_error("read", path)(error),
    })?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(KeyFileError::TooLarge { path: path.to_owned(), limit_bytes: LIMIT_BYTES });
    }
    Ok(text)
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyFileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => io_error("create", path)(error),
    })?;
    let written = fill(path, &file, bytes, mode);
    if written.is_err() {
        // What is told is why writing failed; a file that cannot even be removed has at most a part of an encrypted
        // key.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn fill(path: &Path, mut file: &File, bytes: &[u8], mode: u32) -> Result<(), KeyFileError> {
    // The umask may have taken bits from the mode.
    file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(io_error("set the mode of", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error("write", path))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("flush", folder))
}
