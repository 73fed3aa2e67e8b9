//! Putting, getting and collecting results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use twinbuild_subject::Sha256;

use crate::arrival::Arrival;
use crate::folder_results::FolderResults;
use crate::place::{Content, Place};
use crate::{DepotError, Listed, Manifest, ObjectPlace, ResultName};

/// A place where results stand: a shared folder, or a place in an object store.
#[derive(Debug)]
pub struct Depot {
    place: Box<dyn Place>,
}

impl Depot {
    /// The depot at `place`: a folder, which is made by the first result that is put there, or `s3://BUCKET/PREFIX`. Region, credentials and
    /// endpoint of the latter are taken from the variables `AWS_*`, as by other tools. Nothing is asked of either yet.
    ///
    /// # Errors
    /// [`DepotError::Place`] where it is neither, [`DepotError::WithoutObjectStores`] where this program knows none.
    pub fn open(place: &str) -> Result<Self, DepotError> {
        let refused = |reason| DepotError::Place { place: place.to_owned(), reason };
        let place: Box<dyn Place> = match place.split_once("://") {
            Some(("s3", _)) => ObjectPlace::open(place)?.into_results(),
            Some((scheme, _)) => return Err(refused(format!("{scheme} is nothing that is spoken here"))),
            None if place.is_empty() => return Err(refused("it is empty".to_owned())),
            None => {
                let path = std::path::absolute(place).map_err(|source| DepotError::Io {
                    doing: "find",
                    path: PathBuf::from(place),
                    source,
                })?;
                Box::new(FolderResults::new(path))
            }
        };
        Ok(Self { place })
    }

    /// Sends what is in `folder` as the result `name`: files and folders, of which nothing but paths and contents is kept. The manifest goes last,
    /// so that whoever looks in between, or after this was cut off, finds no result. When this returns, the result outlives a loss of power.
    ///
    /// To put the same there again is fine: it finishes what was cut off, and heals what was lost.
    ///
    /// # Errors
    /// [`DepotError::Exists`] where another result has the name, which stays as it is; those of [`Manifest::of`]; [`DepotError::Changed`];
    /// [`DepotError::Io`] and [`DepotError::ObjectStore`].
    pub fn put(&self, name: &ResultName, folder: &Path) -> Result<Manifest, DepotError> {
        let manifest = Manifest::of(folder)?;
        let there = self.place.manifest(name)?;
        if there.is_none_or(|there| there == manifest.as_bytes()) {
            // Files of the same content are sent once; where the result is there already, what it may have lost is sent again.
            let paths: BTreeMap<_, _> = manifest.files().iter().map(|file| (file.sha256, &file.path)).collect();
            let contents = paths.into_iter().map(|(sha256, path)| Content { path: folder.join(path.as_str()), sha256 });
            self.place.send(name, &contents.collect::<Vec<_>>())?;
            self.place.commit(name, manifest.as_bytes())?;
        }
        // Somebody else may have been faster.
        match self.place.manifest(name)? {
            Some(there) if there == manifest.as_bytes() => Ok(manifest),
            Some(there) => {
                let (there, sent) = (Sha256::of(&there), manifest.sha256());
                Err(DepotError::Exists { name: name.clone(), there, sent })
            }
            None => Err(DepotError::Absent { name: name.clone() }),
        }
    }

    /// Fetches the result `name`, whose manifest has the digest `expected`, into the folder `into`, which is made. It is made at once, when every
    /// file was found to be as the manifest says; where that fails nothing of it stays. It is its owner's
    /// alone (mode 0700), and not flushed to the disk.
    ///
    /// # Errors
    /// [`DepotError::Absent`], [`DepotError::OtherManifest`], [`DepotError::ManifestTooLarge`]; [`DepotError::Malformed`] where a manifest that was
    /// promised is none, or beyond the limits of this crate; [`DepotError::Missing`] and [`DepotError::OtherFile`]; [`DepotError::Occupied`];
    /// [`DepotError::NotPlain`] at a link in a shared folder; [`DepotError::Io`] and [`DepotError::ObjectStore`].
    pub fn get(&self, name: &ResultName, expected: Sha256, into: &Path) -> Result<Manifest, DepotError> {
        let bytes = self.place.manifest(name)?.ok_or_else(|| DepotError::Absent { name: name.clone() })?;
        let found = Sha256::of(&bytes);
        if found != expected {
            return Err(DepotError::OtherManifest { name: name.clone(), expected, found });
        }
        let manifest =
            Manifest::parse(&bytes).map_err(|source| DepotError::Malformed { name: name.clone(), source })?;
        let arrival = Arrival::begin(into)?;
        for promised in manifest.files() {
            let mut file = arrival.file(name, promised)?;
            if !self.place.fetch(name, &promised.sha256, &mut file)? {
                return Err(DepotError::Missing { name: name.clone(), path: promised.path.clone() });
            }
            file.finish()?;
        }
        arrival.finish(&manifest)?;
        Ok(manifest)
    }

    /// Removes the result `name`, or what there is of it; that nothing is there is fine. Nobody may be putting it there meanwhile.
    ///
    /// # Errors
    /// [`DepotError::Io`], [`DepotError::NotPlain`] and [`DepotError::ObjectStore`].
    pub fn remove(&self, name: &ResultName) -> Result<(), DepotError> {
        self.place.remove(name)
    }

    /// All results that are whole, by name. What has no name of a result is passed over.
    ///
    /// # Errors
    /// [`DepotError::Io`], [`DepotError::NotPlain`] and [`DepotError::ObjectStore`].
    pub fn list(&self) -> Result<Vec<Listed>, DepotError> {
        let mut listed = self.place.list()?;
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// How many bytes the files of the result `name` have, as its manifest says; 0 where that cannot be read.
    ///
    /// # Errors
    /// [`DepotError::Io`], [`DepotError::NotPlain`] and [`DepotError::ObjectStore`].
    pub fn size_bytes(&self, name: &ResultName) -> Result<u64, DepotError> {
        let manifest = self.place.manifest(name)?.and_then(|bytes| Manifest::parse(&bytes).ok());
        let sizes = manifest.iter().flat_map(|manifest| manifest.files()).map(|file| file.size);
        Ok(sizes.fold(0, u64::saturating_add))
    }

    /// Removes what those left that were cut off while they put a result there: all that has no manifest and was last written to longer ago than
    /// `older_than`, by this machine's clock and that of the place. It has to be longer than anybody takes to put one result there; a day is.
    /// Gives the names of what was removed, sorted.
    ///
    /// # Errors
    /// [`DepotError::Io`], [`DepotError::NotPlain`] and [`DepotError::ObjectStore`].
    pub fn sweep_partial(&self, older_than: Duration) -> Result<Vec<ResultName>, DepotError> {
        let mut swept = self.place.sweep_partial(older_than)?;
        swept.sort();
        Ok(swept)
    }
}
