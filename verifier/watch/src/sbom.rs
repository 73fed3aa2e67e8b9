//! Software bills of materials: CycloneDX and SPDX, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use packageurl::PackageUrl;
use twinbuild_lockfile::{JsonDocument, Table};
use twinbuild_registry::PypiIndex;
use twinbuild_subject::{Request, Sha256};

use crate::draft::Draft;
use crate::problem::quoted;
use crate::want::{Asked, Item, Pinned};
use crate::{Trouble, Watched};

/// The documents that are read.
const EXPECTED: &str = "CycloneDX 1.x or SPDX 2.2 or 2.3, as JSON";

pub(crate) fn draft(draft: &mut Draft<'_>, path: &Path, indexes: &[PypiIndex]) -> Result<(), Trouble> {
    let bytes = draft.read(path)?;
    let document = JsonDocument::read(path, &bytes).map_err(Trouble::Document)?;
    let document = document.table().map_err(Trouble::Document)?;
    let mut reader = Reader { path, indexes, draft, ecosystems: BTreeMap::new(), unnamed: 0, without_digest: 0 };
    let format = |found: String| Trouble::Format { found, expected: EXPECTED };
    if document.has("bomFormat") {
        let (format_name, version) = (text(&document, "bomFormat")?, text(&document, "specVersion")?);
        if format_name != "CycloneDX" || !version.starts_with("1.") {
            return Err(format(format!("{} of the version {}", quoted(format_name), quoted(version))));
        }
        reader.cyclonedx(&document)?;
    } else if document.has("spdxVersion") {
        let version = text(&document, "spdxVersion")?;
        if !matches!(version, "SPDX-2.2" | "SPDX-2.3") {
            return Err(format(format!("of the version {}", quoted(version))));
        }
        reader.spdx(&document)?;
    } else if document.has("@context") {
        return Err(format("JSON-LD, as SPDX 3 is".to_owned()));
    } else {
        return Err(format("JSON with neither `bomFormat` nor `spdxVersion`".to_owned()));
    }
    reader.tell();
    Ok(())
}

struct Reader<'r, 'd> {
    path: &'r Path,
    indexes: &'r [PypiIndex],
    draft: &'r mut Draft<'d>,
    /// How many packages there are of each ecosystem that is not Python's.
    ecosystems: BTreeMap<String, usize>,
    /// How many have no package URL.
    unnamed: usize,
    /// How many releases have no SHA-256.
    without_digest: usize,
}

impl Reader<'_, '_> {
    /// The components, and those within them (CycloneDX 1.6, `components`). What the document as a whole is about, in `metadata`, is
    /// no part of itself.
    fn cyclonedx(&mut self, table: &Table<'_>) -> Result<(), Trouble> {
        for component in table.tables("components").map_err(Trouble::Document)? {
            match component.optional_string("purl") {
                Ok(None) => self.unnamed += 1,
                Ok(Some(purl)) => {
                    let digests = cyclonedx_digests(&component);
                    self.package(component.place_in_document(), purl, digests)?;
                }
                Err(error) => self.draft.problem(None, Trouble::Document(error)),
            }
            self.cyclonedx(&component)?;
        }
        Ok(())
    }

    /// The packages with a package URL among their external references (SPDX 2.3, section 7.21).
    fn spdx(&mut self, document: &Table<'_>) -> Result<(), Trouble> {
        for package in document.tables("packages").map_err(Trouble::Document)? {
            match spdx_purls(&package) {
                Ok(purls) if purls.is_empty() => self.unnamed += 1,
                Ok(purls) => {
                    for purl in purls {
                        let digests = digests(&package, "checksums", ("algorithm", "SHA256"), "checksumValue");
                        self.package(package.place_in_document(), purl, digests)?;
                    }
                }
                Err(trouble) => self.draft.problem(None, trouble),
            }
        }
        Ok(())
    }

    fn package(&mut self, at: &str, purl: &str, digests: Result<Vec<Sha256>, Trouble>) -> Result<(), Trouble> {
        let place = Some(format!("{}: {at}", self.path.display()));
        let outcome = self.entry(purl, digests, place.clone());
        match outcome {
            Ok(Some(item)) => self.draft.push(item),
            Ok(None) => Ok(()),
            Err(trouble) => {
                self.draft.problem(place, trouble);
                Ok(())
            }
        }
    }

    fn entry(
        &mut self,
        text: &str,
        digests: Result<Vec<Sha256>, Trouble>,
        place: Option<String>,
    ) -> Result<Option<Item>, Trouble> {
        let no_entry = |reason: &dyn std::fmt::Display| Trouble::Entry {
            found: format!("{}: {}", quoted(text), reason.to_string().chars().take(300).collect::<String>()),
            expected: "a package URL with a version, such as pkg:pypi/six@1.16.0",
        };
        let purl: PackageUrl<'_> = text.parse().map_err(|error: packageurl::Error| no_entry(&error))?;
        if purl.ty() != "pypi" {
            *self.ecosystems.entry(purl.ty().chars().take(40).collect()).or_default() += 1;
            return Ok(None);
        }
        let Request { name, version, file_name } =
            text.parse().map_err(|error: twinbuild_subject::RequestError| no_entry(&error))?;
        if let Some(address) = purl.qualifiers().get("vcs_url") {
            let from = format!("of the repository {}", quoted(address));
            return Err(Trouble::NotOfIndex { name, version, from });
        }
        let named = purl.qualifiers().get("repository_url").map(AsRef::as_ref);
        let indexes = self.draft.indexes_for(named, self.indexes, &|| format!("{name} {version}"))?;
        let digests = digests?;
        if digests.is_empty() {
            self.without_digest += 1;
        }
        if let (Some(file_name), [] | [_], [index, ..]) = (&file_name, digests.as_slice(), indexes.as_slice()) {
            let promised = digests.first().copied();
            return Ok(Some(Item::Ready(Watched { promised, ..self.draft.on_index(index, file_name.clone()) })));
        }
        let asked = if digests.is_empty() {
            Asked::Version(version)
        } else {
            let pinned = digests.into_iter().map(|sha256| Pinned { sha256, file_name: None, local: None }).collect();
            Asked::Digests { version: Some(version), pinned }
        };
        Ok(Some(Item::Want(crate::want::Want { name, indexes, asked, place })))
    }

    /// Tells what was passed over.
    fn tell(self) {
        let Self { draft, ecosystems, unnamed, without_digest, .. } = self;
        if !ecosystems.is_empty() {
            let counts: Vec<String> = ecosystems.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let (sum, counts) = (ecosystems.values().sum::<usize>(), counts.join(", "));
            draft.note(&format!("{sum} packages are of ecosystems that this version does not know: {counts}"));
        }
        if unnamed > 0 {
            draft.note(&format!("{unnamed} entries have no package URL, and are not watched"));
        }
        if without_digest > 0 {
            draft.note(&format!(
                "{without_digest} releases have no SHA-256: what the index lists of them is watched, whichever files were meant"
            ));
        }
    }
}

fn text<'t>(table: &Table<'t>, key: &str) -> Result<&'t str, Trouble> {
    table.string(key).map_err(Trouble::Document)
}

/// The digests of a component, and those of where it is distributed, which is where tools write those of a lock file.
fn cyclonedx_digests(component: &Table<'_>) -> Result<Vec<Sha256>, Trouble> {
    const ALGORITHM: (&str, &str) = ("alg", "SHA-256");
    let mut all = digests(component, "hashes", ALGORITHM, "content")?;
    for reference in component.tables("externalReferences").map_err(Trouble::Document)? {
        if text(&reference, "type")? == "distribution" {
            all.extend(digests(&reference, "hashes", ALGORITHM, "content")?);
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The digests by one algorithm in a list of tables.
fn digests(table: &Table<'_>, list: &str, (key, algorithm): (&str, &str), value: &str) -> Result<Vec<Sha256>, Trouble> {
    let mut digests = Vec::new();
    for hash in table.tables(list).map_err(Trouble::Document)? {
        if text(&hash, key)? == algorithm {
            let sha256 = text(&hash, value)?.parse();
            let refused = |_| Trouble::Document(hash.refuse(value, "the 64 hexadecimal digits of a SHA-256"));
            digests.push(sha256.map_err(refused)?);
        }
    }
    digests.sort();
    digests.dedup();
    Ok(digests)
}

/// The package URLs of a package: those of Python, or else the first.
fn spdx_purls<'t>(package: &Table<'t>) -> Result<Vec<&'t str>, Trouble> {
    let mut purls = Vec::new();
    for reference in package.tables("externalRefs").map_err(Trouble::Document)? {
        if text(&reference, "referenceType")? == "purl" {
            purls.push(text(&reference, "referenceLocator")?);
        }
    }
    let own: Vec<&str> = purls.iter().copied().filter(|purl| purl.starts_with("pkg:pypi/")).collect();
    purls.truncate(1);
    Ok(if own.is_empty() { purls } else { own })
}
