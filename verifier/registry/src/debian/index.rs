//! The packages of a suite for one architecture.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::sync::OnceLock;

use jiff::Timestamp;
use lzma_rust2::XzReader;
use serde::{Deserialize, Serialize};
use twinbuild_store::{Blob, Fetch};
use twinbuild_subject::Sha256;

use super::deb822::{Deb822Error, Field, Paragraphs};
use super::release::IndexFile;
use super::{DebianArchive, DebianError, DebianVersion, relation};

/// The largest package index, compressed and expanded: those of Debian have 10 and 60 MiB.
const INDEX_LIMIT_BYTES: u64 = 64 << 20;
const EXPANDED_LIMIT_BYTES: u64 = 512 << 20;
/// What the decoder may use: the archive compresses with a dictionary of 64 MiB at most.
const DECODER_LIMIT_KIB: u32 = 128 << 10;

/// The packages of a suite for one architecture, as its signed release file vouches for them.
#[derive(Debug)]
pub struct PackageIndex {
    pub(super) archive: DebianArchive,
    pub(super) suite: String,
    pub(super) architecture: String,
    pub(super) file: IndexFile,
    release: DebianRelease,
    packages: OnceLock<Packages>,
}

/// What a suite's signed release file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebianRelease {
    /// The suite, as it was asked for.
    pub suite: String,
    /// When the file was made, where it says so.
    pub date: Option<Timestamp>,
    /// Until when it is to be trusted, where it says so. Releases that are no longer current say nothing.
    pub valid_until: Option<Timestamp>,
    /// Whether that moment is past, and the file was only taken because an earlier one was asked about.
    pub is_expiry_waived: bool,
    /// The digest of the package index that it vouches for.
    pub index: Sha256,
}

/// One package of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebianPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebianVersion,
    /// Its architecture, which may be `all`.
    pub architecture: String,
    /// Where it is in the archive, relative to the archive's base.
    pub file_path: String,
    /// The size of its file, in bytes.
    pub size_bytes: u64,
    /// The digest of its file.
    pub sha256: Sha256,
}

/// A package with what it needs and offers.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) package: DebianPackage,
    /// The fields `Pre-Depends` and `Depends`.
    pub(super) depends: [String; 2],
}

#[derive(Debug, Default)]
pub(super) struct Packages {
    /// Of each name the newest version first.
    pub(super) by_name: BTreeMap<String, Vec<Entry>>,
    /// Who provides a name, and as which version.
    pub(super) providers: BTreeMap<String, Vec<(String, Option<DebianVersion>)>>,
}

impl PackageIndex {
    pub(super) fn new(archive: DebianArchive, architecture: &str, file: IndexFile, release: DebianRelease) -> Self {
        let (suite, architecture) = (release.suite.clone(), architecture.to_owned());
        Self { archive, suite, architecture, file, release, packages: OnceLock::new() }
    }

    /// What the signed release file says of itself.
    #[must_use]
    pub fn release(&self) -> &DebianRelease {
        &self.release
    }

    /// The digest of the index, from the signed release file.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.file.sha256
    }

    /// The suite, as it was asked for.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// The package's file, verified.
    ///
    /// # Errors
    /// [`DebianError::Fetch`].
    pub fn download(&self, package: &DebianPackage) -> Result<Blob, DebianError> {
        self.archive.download(package)
    }

    /// The packages, downloaded and read at the first call.
    pub(super) fn packages(&self) -> Result<&Packages, DebianError> {
        if let Some(packages) = self.packages.get() {
            return Ok(packages);
        }
        let what = format!("the package index of Debian {} for {}", self.suite, self.architecture);
        let request = Fetch {
            url: &self.archive.url(&format!("dists/{}/{}", self.suite, self.file.path)),
            sha256: self.file.sha256,
            size_bytes: Some(self.file.size_bytes),
            limit_bytes: INDEX_LIMIT_BYTES,
            what: &what,
        };
        let blob = self.archive.store.fetch(&request)?;
        let _span = tracing::info_span!("read", what).entered();
        let packed = BufReader::new(blob.reader());
        let expanded = XzReader::new_mem_limit(packed, false, DECODER_LIMIT_KIB).take(EXPANDED_LIMIT_BYTES + 1);
        let mut expanded = BufReader::with_capacity(1 << 20, expanded);
        let packages = Packages::read(&mut expanded, &self.architecture)
            .map_err(|error| DebianError::Compression { file: what.clone(), reason: error.to_string() })?
            .map_err(|source| DebianError::Malformed { file: what.clone(), source })?;
        if expanded.get_ref().limit() == 0 {
            let reason = format!("it has more than {EXPANDED_LIMIT_BYTES} bytes");
            return Err(DebianError::Compression { file: what, reason });
        }
        tracing::debug!(suite = self.suite, names = packages.by_name.len(), "package index read");
        Ok(self.packages.get_or_init(|| packages))
    }
}

impl Packages {
    /// Reads an expanded index. The outer error is of the input, the inner one of the format.
    pub(super) fn read(input: impl io::BufRead, architecture: &str) -> io::Result<Result<Self, Deb822Error>> {
        let mut packages = Self::default();
        let mut paragraphs = Paragraphs::new(input);
        loop {
            match paragraphs.next_paragraph()? {
                Ok(None) => break,
                Ok(Some(fields)) => {
                    if let Err(error) = packages.add(&fields, architecture) {
                        return Ok(Err(error));
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        for entries in packages.by_name.values_mut() {
            entries.sort_by(|a, b| b.package.version.cmp(&a.package.version));
        }
        for providers in packages.providers.values_mut() {
            providers.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Ok(Ok(packages))
    }

    fn add(&mut self, fields: &[Field<'_>], architecture: &str) -> Result<(), Deb822Error> {
        let find = |name: &str| fields.iter().find(|field| field.is(name));
        let need = |name: &str| {
            let line = fields.first().map_or(0, |field| field.line);
            find(name).ok_or_else(|| Deb822Error { line, fault: format!("the paragraph has no field {name}") })
        };
        let text = |name: &str| find(name).map(|field| field.value.to_owned()).unwrap_or_default();
        let of = need("Architecture")?;
        if of.value != architecture && of.value != "all" {
            return Err(of.fault(&format!("{architecture} or all")));
        }
        let (name, version, path) = (need("Package")?, need("Version")?, need("Filename")?);
        let (size, sha256) = (need("Size")?, need("SHA256")?);
        let package = DebianPackage {
            name: name.value.to_owned(),
            version: version.value.parse().map_err(|_| version.fault("a Debian version"))?,
            architecture: of.value.to_owned(),
            file_path: Some(path.value)
                .filter(|path| is_plain_path(path))
                .ok_or_else(|| path.fault("a plain path"))?
                .to_owned(),
            size_bytes: size.value.parse().map_err(|_| size.fault("a number of bytes"))?,
            sha256: sha256.value.parse().map_err(|_| sha256.fault("a SHA-256"))?,
        };
        if let Some(field) = find("Provides") {
            self.provide(field, &package.name)?;
        }
        let depends = [text("Pre-Depends"), text("Depends")];
        self.by_name.entry(package.name.clone()).or_default().push(Entry { package, depends });
        Ok(())
    }

    fn provide(&mut self, field: &Field<'_>, name: &str) -> Result<(), Deb822Error> {
        let relations = relation::parse(field.value)
            .map_err(|fault| Deb822Error { line: field.line, fault: format!("in Provides, {fault}") })?;
        for relation in relations {
            let [provided] = relation.alternatives.as_slice() else { return Err(field.fault("a list of names")) };
            let version = provided.constraint.as_ref().map(|constraint| constraint.version().clone());
            self.providers.entry(provided.name.to_owned()).or_default().push((name.to_owned(), version));
        }
        Ok(())
    }
}

/// A path that stays below the archive's base and means nothing else in a URL.
fn is_plain_path(path: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-._~/:".contains(&b);
    path.len() <= 1000
        && path.bytes().all(allowed)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl Fn(&str) -> String) -> Result<Packages, Deb822Error> {
        let good = format!(
            "Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a+b~1.deb\nSize: 1\nSHA256: {}\n",
            Sha256::of(b"")
        );
        Packages::read(change(&good).as_bytes(), "amd64").unwrap()
    }

    #[test]
    fn the_newest_of_two_versions_comes_first() {
        let packages = read(|good| format!("{good}\n{}\n{good}", good.replace("Version: 1", "Version: 1.1"))).unwrap();
        assert_eq!(packages.by_name["a"][0].package.version.as_str(), "1.1");
    }

    #[test]
    fn an_entry_that_breaks_the_format_is_refused() {
        for (from, to, line) in [
            ("Version: 1", "Version: one_two", 2),
            ("Version: 1\n", "", 1),
            ("Architecture: all", "Architecture: arm64", 3),
            ("pool/a+b~1.deb", "../../etc/passwd", 4),
            ("pool/a+b~1.deb", "/etc/passwd", 4),
            ("pool/a+b~1.deb", "pool/a?b", 4),
            ("pool/a+b~1.deb", "pool//a", 4),
            ("Size: 1", "Size: -1", 5),
            ("SHA256: e", "SHA256: g", 6),
            ("Size: 1", "Size: 1\nProvides: a | b", 6),
        ] {
            let error = read(|good| good.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.line, line, "{to}: {error}");
        }
    }
}
