//! Software bills of materials: CycloneDX and SPDX, as JSON.

use std::collections::{BTreeMap, BTreeSet};
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
        let of = || format!("{name} {version}");
        let indexes = match purl.qualifiers().get("repository_url") {
            Some(named) => vec![self.draft.index_for(named, self.indexes, &of)?],
            None => self.draft.indexes(None, self.indexes),
        };
        let digests = digests?;
        if digests.is_empty() {
            self.without_digest += 1;
        }
        if let (Some(file_name), [] | [_], [index, ..]) = (&file_name, digests.as_slice(), indexes.as_slice()) {
            let promised = digests.first().copied();
            let watched = Watched { promised, ..self.draft.on_index(index, file_name.clone()) };
            return Ok(Some(Item::Ready(Box::new(watched))));
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
    Ok(each_once(all))
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
    Ok(each_once(digests))
}

fn each_once(digests: Vec<Sha256>) -> Vec<Sha256> {
    let mut seen = BTreeSet::new();
    digests.into_iter().filter(|digest| seen.insert(*digest)).collect()
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

#[cfg(test)]
mod tests {
    use crate::List;
    use crate::test_asking::{FakeAsking, digest, file, names, project, told};

    const WHEEL: &str = "six-1.16.0-py2.py3-none-any.whl";

    fn list(text: &str, more: &str) -> List {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sbom.json"), text).unwrap();
        let six = project("six", None, &[file(WHEEL, "2021-05-05"), file("six-1.16.0.tar.gz", "2021-05-05")]);
        let attrs = project("attrs", None, &[file("attrs-23.1.0-py3-none-any.whl", "2023-04-16")]);
        let table = "[[watch]]\nkind = \"sbom\"\npath = \"sbom.json\"\nplatforms = [\"linux-x86_64\"]\n";
        let asking = FakeAsking::new([six.clone(), attrs]).with("https://own.example/simple/", six);
        asking.list(folder.path(), &format!("{table}{more}"))
    }

    fn cyclonedx(components: &str) -> String {
        format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{components}]}}"#)
    }

    #[test]
    fn components_of_cyclonedx_become_the_files_of_their_digests() {
        let sha256 = digest(WHEEL);
        let text = cyclonedx(&format!(
            r#"{{"type": "library", "name": "six", "purl": "pkg:pypi/six@1.16.0",
                 "externalReferences": [{{"type": "distribution", "url": "x", "hashes": [{{"alg": "SHA-256", "content": "{sha256}"}}]}},
                                        {{"type": "website", "url": "x"}}],
                 "components": [{{"type": "library", "name": "attrs", "purl": "pkg:pypi/attrs@23.1.0"}}]}},
               {{"type": "library", "name": "left-pad", "purl": "pkg:npm/left-pad@1.0.0"}},
               {{"type": "library", "name": "debian", "purl": "pkg:deb/debian/zlib1g@1"}},
               {{"type": "library", "name": "react", "purl": "pkg:npm/%40x/react@1.0.0"}},
               {{"type": "file", "name": "a"}}"#
        ));
        let list = list(&text, "");
        assert_eq!(
            (names(&list), told(&list)),
            (vec![WHEEL.to_owned(), "attrs-23.1.0-py3-none-any.whl".to_owned()], vec![])
        );
        assert_eq!((list.subjects[0].promised, list.subjects[1].promised), (Some(sha256), None));
        let notes = [
            "3 packages are of ecosystems that this version does not know: deb 1, npm 2",
            "1 entries have no package URL, and are not watched",
            "1 releases have no SHA-256: what the index lists of them is watched, whichever files were meant",
        ];
        assert_eq!(list.notes, notes);
    }

    #[test]
    fn packages_of_spdx_become_the_files_of_their_digests() {
        let sha256 = digest(WHEEL);
        let text = format!(
            r#"{{"spdxVersion": "SPDX-2.3", "packages": [
                {{"name": "six", "checksums": [{{"algorithm": "SHA256", "checksumValue": "{sha256}"}}, {{"algorithm": "MD5", "checksumValue": "x"}}],
                  "externalRefs": [{{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:pypi/six@1.16.0"}}]}},
                {{"name": "zlib", "externalRefs": [{{"referenceType": "purl", "referenceLocator": "pkg:generic/zlib@1"}}]}},
                {{"name": "ours"}}]}}"#
        );
        let list = list(&text, "");
        assert_eq!((names(&list), told(&list)), (vec![WHEEL.to_owned()], vec![]));
        assert_eq!(list.subjects[0].promised, Some(sha256));
        assert_eq!(list.notes.len(), 2);
    }

    #[test]
    fn what_cannot_be_watched_is_told_with_its_place() {
        let other = digest("another");
        let text = cyclonedx(&format!(
            r#"{{"purl": "pkg:pypi/six"}}, {{"purl": "six"}}, {{"purl": "pkg:pypi/six@1.16.0?vcs_url=git%2Bhttps://git.example/six"}},
               {{"purl": "pkg:pypi/six@1.16.0?repository_url=https://own.example/simple"}},
               {{"purl": "pkg:pypi/six@1.16.0", "hashes": [{{"alg": "SHA-256", "content": "{other}"}}]}},
               {{"purl": "pkg:pypi/six@1.16.0", "hashes": [{{"alg": "SHA-256", "content": "x"}}]}}, {{"purl": 1}},
               {{"purl": "pkg:pypi/six@1.16.0?file_name={WHEEL}"}}"#
        ));
        let watched = list(&text, "");
        assert_eq!(names(&watched), [WHEEL]);
        let said = told(&watched);
        for (place, what) in [
            ("sbom.json: components[0]: ", "names no version"),
            ("sbom.json: components[1]: ", "a package URL with a version"),
            ("sbom.json: components[2]: ", "of the repository \"git+https://git.example/six\""),
            (
                "sbom.json: components[3]: ",
                "six 1.16.0 comes from https://own.example/simple/, an index that this list",
            ),
            ("sbom.json: components[4]: ", "lists no file with this digest"),
            ("components[5].hashes[0].content", "the 64 hexadecimal digits of a SHA-256"),
            ("components[6].purl", "text"),
        ] {
            assert!(said.iter().any(|told| told.contains(place) && told.contains(what)), "{place}{what}: {said:#?}");
        }
        assert_eq!(said.len(), 7, "{said:#?}");
        let allowed = list(&text, "indexes = [\"https://own.example/simple\"]\n");
        assert_eq!(allowed.subjects[0].index_url.as_deref(), Some("https://own.example/simple/"));
    }

    #[test]
    fn documents_of_other_formats_are_refused() {
        for (text, said) in [
            (r#"{"bomFormat": "CycloneDX", "specVersion": "2.0"}"#, "CycloneDX\" of the version \"2.0\""),
            (r#"{"spdxVersion": "SPDX-3.0"}"#, "of the version \"SPDX-3.0\""),
            (r#"{"@context": "x", "@graph": []}"#, "JSON-LD, as SPDX 3 is"),
            (r#"{"a": 1}"#, "neither `bomFormat` nor `spdxVersion`"),
            (r#"{"a": 1, "a": 2}"#, "duplicate key"),
            ("<bom/>", "is not JSON"),
        ] {
            let told = told(&list(text, ""));
            assert!(told.len() == 1 && told[0].contains(said), "{text}: {told:?}");
        }
    }
}
