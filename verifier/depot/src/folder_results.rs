//! Results in a folder that machines share.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::arrival::ArrivingFile;
use crate::open_folder::{OpenFolder, UNFINISHED};
use crate::place::{Content, FILES, Listed, MANIFESTS, Place, is_older, manifest_name, named_by};
use crate::plain_file::{BUFFER_BYTES, PlainFile};
use crate::{DepotError, MAX_MANIFEST_BYTES, ResultName};

/// A folder that machines share. Any of them, and whoever else may write there, can have put anything in it.
#[derive(Debug)]
pub(crate) struct FolderResults {
    path: PathBuf,
}

impl FolderResults {
    /// That folder, which need not be there.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// One of the folders in it, if it is there.
    fn folder(&self, name: &str) -> Result<Option<OpenFolder>, DepotError> {
        OpenFolder::open(&self.path)?.map_or(Ok(None), |root| root.folder(name))
    }
}

impl Place for FolderResults {
    fn manifest(&self, name: &ResultName) -> Result<Option<Vec<u8>>, DepotError> {
        let Some(manifests) = self.folder(MANIFESTS)? else { return Ok(None) };
        let Some(mut file) = manifests.file(&manifest_name(name))? else { return Ok(None) };
        let manifest = file.read_up_to(MAX_MANIFEST_BYTES + 1)?;
        if manifest.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(DepotError::ManifestTooLarge { name: name.clone(), limit_bytes: MAX_MANIFEST_BYTES });
        }
        Ok(Some(manifest))
    }

    fn send(&self, name: &ResultName, contents: &[Content]) -> Result<(), DepotError> {
        let folder = OpenFolder::make(&self.path)?.make_folder(FILES)?.make_folder(name.as_str())?;
        let mut buffer = vec![0; BUFFER_BYTES];
        for content in contents {
            let (mut from, mut to) = (PlainFile::open(&content.path)?, folder.begin()?);
            let mut hasher = Sha256Hasher::new();
            loop {
                match from.read(&mut buffer)? {
                    [] => break,
                    read => {
                        hasher.update(read);
                        to.write(read)?;
                    }
                }
            }
            if hasher.finish() != content.sha256 {
                return Err(DepotError::Changed { path: content.path.clone() });
            }
            to.replace(&content.sha256.to_string())?;
        }
        folder.sync()
    }

    fn commit(&self, name: &ResultName, manifest: &[u8]) -> Result<(), DepotError> {
        let manifests = OpenFolder::make(&self.path)?.make_folder(MANIFESTS)?;
        let mut file = manifests.begin()?;
        file.write(manifest)?;
        file.place(&manifest_name(name))?;
        // The one that is there may be of somebody who was cut off before this.
        manifests.sync()
    }

    fn fetch(&self, name: &ResultName, sha256: &Sha256, into: &mut ArrivingFile<'_>) -> Result<bool, DepotError> {
        let Some(files) = self.folder(FILES)? else { return Ok(false) };
        let Some(folder) = files.folder(name.as_str())? else { return Ok(false) };
        let Some(mut file) = folder.file(&sha256.to_string())? else { return Ok(false) };
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match file.read(&mut buffer)? {
                [] => return Ok(true),
                read => into.write(read)?,
            }
        }
    }

    fn remove(&self, name: &ResultName) -> Result<(), DepotError> {
        if let Some(manifests) = self.folder(MANIFESTS)? {
            manifests.remove(manifest_name(name))?;
            // After a crash there is no manifest whose files are gone.
            manifests.sync()?;
        }
        self.folder(FILES)?.map_or(Ok(()), |files| files.remove(name.as_str()))
    }

    fn list(&self) -> Result<Vec<Listed>, DepotError> {
        let Some(manifests) = self.folder(MANIFESTS)? else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for file_name in manifests.names()? {
            let Some(name) = file_name.to_str().and_then(named_by) else { continue };
            match manifests.written(&file_name)? {
                Some((put, true)) => listed.push(Listed { name, put }),
                Some((_, false)) => tracing::warn!(result = %name, "what has the name of a manifest is no file"),
                // It was removed just now.
                None => {}
            }
        }
        Ok(listed)
    }

    fn sweep_partial(&self, older_than: Duration) -> Result<Vec<ResultName>, DepotError> {
        let manifests = self.folder(MANIFESTS)?;
        if let Some(manifests) = &manifests {
            for name in manifests.names()? {
                let is_unfinished = name.to_str().is_some_and(|name| name.starts_with(UNFINISHED));
                if is_unfinished && manifests.written(&name)?.is_some_and(|(at, _)| is_older(at, older_than)) {
                    manifests.remove(&name)?;
                }
            }
        }
        let Some(files) = self.folder(FILES)? else { return Ok(Vec::new()) };
        let mut swept = Vec::new();
        for name in files.names()? {
            let Some(name) = name.to_str().and_then(|name| name.parse::<ResultName>().ok()) else { continue };
            if !last_written(&files, name.as_str())?.is_some_and(|at| is_older(at, older_than)) {
                continue;
            }
            // It is asked after the files, as it is put there after them.
            let has_manifest = match &manifests {
                Some(manifests) => manifests.written(OsStr::new(&manifest_name(&name)))?.is_some(),
                None => self.manifest(&name)?.is_some(),
            };
            if !has_manifest {
                files.remove(name.as_str())?;
                swept.push(name);
            }
        }
        Ok(swept)
    }
}

/// When the files of a result were last written to; `None` where there are none any more.
fn last_written(files: &OpenFolder, name: &str) -> Result<Option<Timestamp>, DepotError> {
    let Some((mut last, is_file)) = files.written(OsStr::new(name))? else { return Ok(None) };
    // What is no folder was put there by somebody else, and goes as one does.
    let folder = if is_file { None } else { files.folder(name)? };
    for name in folder.as_ref().map_or_else(|| Ok(Vec::new()), OpenFolder::names)? {
        last = last.max(folder.as_ref().map_or(Ok(None), |folder| folder.written(&name))?.map_or(last, |(at, _)| at));
    }
    Ok(Some(last))
}
