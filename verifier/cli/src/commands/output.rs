//! Files that commands write: whole and hashed, or not there at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::failure::Failure;

/// A file in the making beside its place, removed unless it is published.
pub(super) struct Output {
    target: PathBuf,
    partial: Partial,
    out: BufWriter<File>,
    hasher: Sha256Hasher,
}

impl Output {
    /// Makes it beside `target`.
    pub(super) fn beside(target: &Path) -> Result<Self, Failure> {
        let partial = Partial::beside(target);
        let out = BufWriter::new(partial.create()?);
        Ok(Self { target: target.to_owned(), partial, out, hasher: Sha256Hasher::new() })
    }

    /// Moves it to its place, and gives its digest and its size in bytes.
    pub(super) fn publish(mut self) -> Result<(Sha256, u64), Failure> {
        let writing = || format!("writing {}", self.partial.path.display());
        self.out.flush().with_context(writing).map_err(Failure::inconclusive)?;
        let (size, sha256) = (self.hasher.size_bytes(), self.hasher.finish());
        self.partial.publish(&self.target)?;
        Ok((sha256, size))
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The name of a file in the making, removed when it is dropped.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn beside(target: &Path) -> Self {
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        Self { path: name.into() }
    }

    fn create(&self) -> Result<File, Failure> {
        File::options()
            .write(true)
            .create_new(true)
            .open(&self.path)
            .with_context(|| format!("creating {}", self.path.display()))
            .map_err(Failure::usage)
    }

    fn publish(&self, target: &Path) -> Result<(), Failure> {
        fs::rename(&self.path, target)
            .with_context(|| format!("moving {} to {}", self.path.display(), target.display()))
            .map_err(Failure::inconclusive)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After it was published there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}
