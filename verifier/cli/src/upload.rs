//! A ledger in an object store, from where any number of consumers read it as from a web server.

#[cfg(not(feature = "object-store"))]
pub(crate) use absent::Target;
#[cfg(feature = "object-store")]
pub(crate) use present::Target;

/// What was sent.
pub(crate) struct Sent {
    pub(crate) files: usize,
    /// Those that were there already.
    pub(crate) kept: usize,
}

#[cfg(not(feature = "object-store"))]
mod absent {
    //! What a build without the feature does.

    use std::path::Path;

    use anyhow::anyhow;

    use super::Sent;
    use crate::failure::Failure;

    /// There is none.
    pub(crate) enum Target {}

    impl Target {
        /// Says why.
        pub(crate) fn open(to: &str) -> Result<Self, Failure> {
            let message =
                "this program was built without the feature that sends ledgers to object stores (object-store)";
            Err(Failure::usage(anyhow!("--to {to}: {message}")))
        }

        pub(crate) fn name(&self) -> &str {
            match *self {}
        }

        pub(crate) fn send(&self, _: &Path) -> Result<Sent, Failure> {
            match *self {}
        }
    }
}

#[cfg(feature = "object-store")]
mod present {
    //! What a build with the feature does.

    use std::collections::HashMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use anyhow::{Context as _, anyhow};
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    use object_store::path::Path as Name;
    use object_store::{Attribute, Attributes, ObjectStore, PutOptions, parse_url_opts};
    use tokio::runtime::Runtime;
    use twinbuild_ledger::CHECKPOINT;
    use twinbuild_store::Url;

    use super::Sent;
    use crate::failure::Failure;

    /// How many files are sent at once.
    const AT_ONCE: usize = 16;
    /// Folders whose files never change.
    const LASTING: [&str; 4] = ["tile/", "index/", "statements/", "keys/"];

    /// A place in an object store.
    pub(crate) struct Target {
        to: String,
        store: Box<dyn ObjectStore>,
        prefix: Name,
        runtime: Runtime,
    }

    /// A file of the ledger.
    struct Sending {
        path: PathBuf,
        /// Below the ledger.
        name: String,
        object: Name,
    }

    impl Target {
        /// The place of an address such as `s3://bucket/prefix`. Region, credentials and endpoint are taken from the variables `AWS_*`, as by other
        /// tools.
        pub(crate) fn open(to: &str) -> Result<Self, Failure> {
            let url: Url = to.parse().with_context(|| format!("--to {to} is no address")).map_err(Failure::usage)?;
            if url.scheme() != "s3" {
                return Err(Failure::usage(anyhow!("--to {to}: an address begins with s3://")));
            }
            let variables = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
            let options = variables.map(|(name, value)| (name.to_ascii_lowercase(), value));
            let opened = parse_url_opts(&url, options).with_context(|| format!("--to {to}"));
            let (store, prefix) = opened.map_err(Failure::usage)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("starting what sends files").map_err(Failure::internal)?;
            Ok(Self { to: to.to_owned(), store, prefix, runtime })
        }

        pub(crate) fn name(&self) -> &str {
            &self.to
        }

        /// Sends what the store has not, and the checkpoint last: whoever reads in between sees the ledger as it was. What was cut off is sent by the next.
        pub(crate) fn send(&self, ledger: &Path) -> Result<Sent, Failure> {
            let files =
                files_below(ledger).and_then(|files| self.named(ledger, files)).map_err(Failure::inconclusive)?;
            let sent = self.runtime.block_on(self.send_all(files));
            sent.with_context(|| format!("sending the ledger to {}", self.to)).map_err(Failure::inconclusive)
        }

        fn named(&self, ledger: &Path, files: Vec<PathBuf>) -> anyhow::Result<Vec<Sending>> {
            let named = files.into_iter().map(|path| {
                let name =
                    path.strip_prefix(ledger)?.to_str().ok_or_else(|| anyhow!("{} is no name", path.display()))?;
                let whole =
                    if self.prefix.as_ref().is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
                Ok(Sending { object: Name::parse(whole)?, name: name.to_owned(), path })
            });
            named.collect()
        }

        async fn send_all(&self, files: Vec<Sending>) -> anyhow::Result<Sent> {
            let there = self.store.list(Some(&self.prefix)).map_ok(|object| (object.location, object.size));
            let there: HashMap<Name, u64> = there.try_collect().await?;
            let (mut due, mut kept) = (Vec::new(), 0);
            for file in files {
                let size_bytes = fs::metadata(&file.path)?.len();
                let is_lasting = LASTING.iter().any(|folder| file.name.starts_with(folder));
                if is_lasting && there.get(&file.object) == Some(&size_bytes) {
                    kept += 1;
                } else {
                    due.push(file);
                }
            }
            let (checkpoint, others): (Vec<_>, Vec<_>) = due.into_iter().partition(|file| file.name == CHECKPOINT);
            let count = checkpoint.len() + others.len();
            stream::iter(others).map(|file| self.put(file)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            for file in checkpoint {
                self.put(file).await?;
            }
            Ok(Sent { files: count, kept })
        }

        async fn put(&self, file: Sending) -> anyhow::Result<()> {
            let bytes = fs::read(&file.path).with_context(|| format!("reading {}", file.path.display()))?;
            let attributes = Attributes::from_iter([(Attribute::ContentType, content_type(&file.name))]);
            let options = PutOptions { attributes, ..PutOptions::default() };
            self.store.put_opts(&file.object, bytes.into(), options).await?;
            Ok(())
        }
    }

    /// What a file is, by its name, for browsers.
    fn content_type(name: &str) -> &'static str {
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("atom") => "application/atom+xml",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            Some("pub" | "txt") => "text/plain; charset=utf-8",
            None if name == CHECKPOINT => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }

    /// The files of a ledger: all but those that only its writer has.
    fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
                let entry = entry?;
                let is_writers =
                    entry.file_name().as_encoded_bytes().starts_with(b".") && entry.file_name() != ".well-known";
                if is_writers {
                    continue;
                }
                if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files.sort();
        Ok(files)
    }
}
