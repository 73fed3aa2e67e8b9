//! The newest checkpoint that was seen of a log. Whoever keeps it notices a log that was rolled back, or that shows others another history.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use twinbuild_log::{Checkpoint, TreeHead};
use twinbuild_signature::Note;
use twinbuild_subject::Sha256;

use crate::failure::Failure;
use crate::settings::user_folder;

/// Where that of one log is kept.
pub(crate) struct Seen {
    path: PathBuf,
}

impl Seen {
    /// Of the log of that key.
    pub(crate) fn of(log_key: &str) -> Result<Self, Failure> {
        let state = user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("twinbuild/ledgers"));
        let state = state.ok_or_else(|| {
            Failure::usage(anyhow!("neither HOME nor XDG_STATE_HOME is set: what was seen of a ledger has to be kept"))
        })?;
        Ok(Self { path: state.join(Sha256::of(log_key.as_bytes()).to_string()) })
    }

    /// What was seen last; `None` at first.
    pub(crate) fn head(&self) -> Result<Option<TreeHead>, Failure> {
        let context = || format!("{}, the checkpoint that was seen before", self.path.display());
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::inconclusive(anyhow::Error::new(error).context(context()))),
        };
        let note = Note::parse(&bytes).with_context(context).map_err(Failure::inconclusive)?;
        let checkpoint: Checkpoint =
            note.unverified_text().parse().with_context(context).map_err(Failure::inconclusive)?;
        Ok(Some(*checkpoint.head()))
    }

    /// Keeps a checkpoint that was held against `before`. Where another process has seen another one since, nothing is kept and that one is given.
    pub(crate) fn keep(
        &self,
        before: Option<&TreeHead>,
        (head, note): (&TreeHead, &str),
    ) -> Result<Result<(), Option<TreeHead>>, Failure> {
        let _lock = self.lock()?;
        let newest = self.head()?;
        if newest.as_ref() != before {
            return Ok(Err(newest));
        }
        if before.is_none_or(|before| before.size < head.size) {
            self.write(&self.path, note)?;
        }
        Ok(Ok(()))
    }

    /// Keeps a checkpoint that contradicts what was seen before, and gives where: with that it proves that the log lies.
    pub(crate) fn keep_fork(&self, note: &str) -> Result<PathBuf, Failure> {
        let _lock = self.lock()?;
        // The one that it contradicts will give way to newer ones of its own history, so it is kept with it.
        let before = fs::read_to_string(&self.path).with_context(|| format!("reading {}", self.path.display()));
        let before = before.map_err(Failure::inconclusive)?;
        self.keep_as_proof(&before)?;
        self.keep_as_proof(note)
    }

    fn keep_as_proof(&self, note: &str) -> Result<PathBuf, Failure> {
        let path = self.beside(&format!("fork-{}", Sha256::of(note.as_bytes())));
        if !path.exists() {
            self.write(&path, note)?;
        }
        Ok(path)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    }

    fn lock(&self) -> Result<File, Failure> {
        let path = self.beside("lock");
        let lock = fs::create_dir_all(self.folder()).and_then(|()| {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        });
        lock.with_context(|| format!("locking {}", path.display())).map_err(Failure::inconclusive)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Writes a file so that a crash leaves the old one or this.
    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let written = tempfile::NamedTempFile::new_in(self.folder()).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            File::open(self.folder())?.sync_all()
        });
        written.with_context(|| format!("keeping {}", path.display())).map_err(Failure::inconclusive)
    }
}
