//! A project as its index lists it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_store::{Document, Url, without_credentials};
use twinbuild_subject::{DistributionFileName, PackageName, Sha256};

use crate::simple_api::{Flag, Page, PageFile};
use crate::{RegistryError, Release};

/// A project's page on a Python package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: PackageName,
    /// Its versions, oldest first: those that the index lists and those that files have.
    pub versions: Vec<Version>,
    /// Its wheels and sdists, in the page's order.
    pub files: Vec<ProjectFile>,
    /// Its files that are neither: eggs, installers, names of no known grammar.
    pub unparsed: Vec<UnparsedFile>,
    /// What the index says about the project as a whole (PEP 792).
    pub status: ProjectStatus,
    /// The index's counter of changes, where it has one.
    pub serial: Option<u64>,
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Its name.
    pub file_name: DistributionFileName,
    /// Where it is.
    pub url: Url,
    /// Its digest, where the index gives it.
    pub sha256: Option<Sha256>,
    /// Its size in bytes, where the index gives it (PEP 700).
    pub size_bytes: Option<u64>,
    /// When it was uploaded, where the index says it (PEP 700).
    pub upload_time: Option<Timestamp>,
    /// Whether, and why, it was withdrawn (PEP 592).
    pub yanked: Option<Yanked>,
    /// The Python versions that it is for, as given.
    pub requires_python: Option<String>,
    /// Its metadata as a separate file (PEP 658, 714).
    pub core_metadata: Option<CoreMetadata>,
    /// Where the publisher's attestations are (PEP 740).
    pub provenance: Option<Url>,
}

/// A file that is neither a wheel nor an sdist of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnparsedFile {
    /// Its name.
    pub file_name: String,
    /// What the name lacks.
    pub reason: String,
    /// Its digest, where the index gives it.
    pub sha256: Option<Sha256>,
}

/// A file was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yanked {
    /// The reason, where one is given.
    pub reason: Option<String>,
}

/// A wheel's metadata as a separate file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMetadata {
    /// Where it is.
    pub url: Url,
    /// Its digest, where the index gives it.
    pub sha256: Option<Sha256>,
}

/// What an index says about a project as a whole (PEP 792).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectStatus {
    /// The project is active, or the index says nothing.
    Active,
    /// No more updates are expected.
    Archived {
        /// The reason, where one is given.
        reason: Option<String>,
    },
    /// It is held to be unsafe.
    Quarantined {
        /// The reason, where one is given.
        reason: Option<String>,
    },
    /// It is obsolete.
    Deprecated {
        /// The reason, where one is given.
        reason: Option<String>,
    },
}

impl ProjectFile {
    /// When it was uploaded.
    ///
    /// # Errors
    /// [`RegistryError::NoUploadTime`] if the index does not say it.
    pub fn uploaded(&self) -> Result<Timestamp, RegistryError> {
        RegistryError::unless_uploaded(self.upload_time, self.file_name.text())
    }
}

impl Project {
    /// Reads a project's page.
    pub(crate) fn parse(name: &PackageName, document: &Document) -> Result<Self, RegistryError> {
        let url = || without_credentials(&document.url);
        let malformed = |reason: String| RegistryError::Malformed { url: url(), reason };
        let page: Page = serde_json::from_slice(&document.bytes).map_err(|error| malformed(error.to_string()))?;
        page.meta.check(url)?;
        if page.name.parse().as_ref() != Ok(name) {
            return Err(RegistryError::OtherProject { url: url(), name: name.clone(), found: shortened(&page.name) });
        }
        let mut versions: BTreeSet<Version> = page.versions.iter().filter_map(|text| text.parse().ok()).collect();
        let (mut files, mut unparsed, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for file in page.files {
            if !seen.insert(file.filename.clone()) {
                return Err(malformed(format!("it lists {:?} twice", shortened(&file.filename))));
            }
            let refuse = |reason: String| malformed(format!("of the file {:?}, {reason}", shortened(&file.filename)));
            // Nobody downloads what is neither wheel nor sdist: a digest of it that is none is no reason to refuse the page.
            let digest = sha256(&file.hashes).ok().flatten();
            match file.filename.parse::<DistributionFileName>() {
                Ok(parsed) if parsed.name() == name => {
                    versions.insert(parsed.version().clone());
                    files.push(ProjectFile::parse(parsed, &file, &document.url).map_err(refuse)?);
                }
                Ok(parsed) => unparsed.push(UnparsedFile {
                    reason: format!("its name is that of a file of {}", parsed.name()),
                    file_name: file.filename,
                    sha256: digest,
                }),
                Err(error) => {
                    unparsed.push(UnparsedFile { reason: error.to_string(), file_name: file.filename, sha256: digest });
                }
            }
        }
        let (status, reason) = page.project_status.map_or((None, None), |status| (status.status, status.reason));
        let status = match status.as_deref() {
            None | Some("active") => ProjectStatus::Active,
            Some("archived") => ProjectStatus::Archived { reason },
            Some("quarantined") => ProjectStatus::Quarantined { reason },
            Some("deprecated") => ProjectStatus::Deprecated { reason },
            Some(other) => return Err(malformed(format!("its project status is {:?}", shortened(other)))),
        };
        let versions = versions.into_iter().collect();
        Ok(Self { name: name.clone(), versions, files, unparsed, status, serial: page.meta.last_serial })
    }

    /// The release of this version.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`] if there is no such version; [`RegistryError::NoFiles`] if it has neither a
    /// wheel nor an sdist.
    pub fn release(&self, version: &Version) -> Result<Release, RegistryError> {
        if !self.versions.contains(version) {
            return Err(RegistryError::UnknownVersion {
                name: self.name.clone(),
                version: version.clone(),
                near: self.near(version),
            });
        }
        let files: Vec<ProjectFile> =
            self.files.iter().filter(|file| file.file_name.version() == version).cloned().collect();
        if files.is_empty() {
            let belongs = |file: &&UnparsedFile| file.file_name.contains(&version.to_string());
            let others = self.unparsed.iter().filter(belongs).take(20).map(|file| file.file_name.clone()).collect();
            return Err(RegistryError::NoFiles { name: self.name.clone(), version: version.clone(), others });
        }
        Ok(Release::new(self.name.clone(), version.clone(), files))
    }

    /// The file that has this digest, if the index lists one.
    #[must_use]
    pub fn find_by_digest(&self, sha256: &Sha256) -> Option<&ProjectFile> {
        self.files.iter().find(|file| file.sha256.as_ref() == Some(sha256))
    }

    /// Two versions before, two after, and the newest.
    fn near(&self, version: &Version) -> Vec<Version> {
        let at = self.versions.partition_point(|known| known < version);
        let around = at.saturating_sub(2)..self.versions.len().min(at + 2);
        let mut near: Vec<Version> = self.versions[around].to_vec();
        near.extend(self.versions.last().filter(|newest| !near.contains(newest)).cloned());
        near
    }
}

impl ProjectFile {
    fn parse(file_name: DistributionFileName, file: &PageFile, page: &Url) -> Result<Self, String> {
        let resolve = |text: &str, what: &str| {
            let mut url = page.join(text).map_err(|error| format!("{what} is no address: {error}"))?;
            url.set_fragment(None);
            if matches!(url.scheme(), "http" | "https") {
                Ok(url)
            } else {
                Err(format!("{what} is an address of the scheme {:?}", shortened(url.scheme())))
            }
        };
        let url = resolve(&file.url, "url")?;
        let core_metadata = match file.core_metadata.as_ref().or(file.dist_info_metadata.as_ref()) {
            None | Some(Flag::No) => None,
            Some(Flag::Yes) => Some(None),
            Some(Flag::With(hashes)) => Some(sha256(hashes)?),
        };
        let core_metadata = core_metadata.map(|sha256| {
            let mut metadata = url.clone();
            metadata.set_path(&format!("{}.metadata", url.path()));
            CoreMetadata { url: metadata, sha256 }
        });
        Ok(Self {
            file_name,
            sha256: sha256(&file.hashes)?,
            size_bytes: file.size,
            upload_time: file.upload_time,
            yanked: match &file.yanked {
                Flag::No => None,
                Flag::Yes => Some(Yanked { reason: None }),
                Flag::With(reason) => Some(Yanked { reason: Some(reason.clone()).filter(|text| !text.is_empty()) }),
            },
            requires_python: file.requires_python.clone(),
            core_metadata,
            provenance: file.provenance.as_deref().map(|text| resolve(text, "provenance")).transpose()?,
            url,
        })
    }
}

fn sha256(hashes: &BTreeMap<String, String>) -> Result<Option<Sha256>, String> {
    hashes.get("sha256").map(|text| text.parse().map_err(|error| format!("{error}"))).transpose()
}

/// Foreign text at a length that fits in a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn document(json: &str) -> Document {
        Document {
            bytes: json.as_bytes().to_vec(),
            sha256: Sha256::of(json.as_bytes()),
            url: "https://index.example/simple/a-b/".parse().unwrap(),
            content_type: None,
            from_cache: false,
        }
    }

    fn page(files: &str) -> Document {
        document(&format!(
            r#"{{"meta":{{"api-version":"1.4","x":1}},"name":"A.b","versions":["1.0","2.0","odd"],"files":[{files}]}}"#
        ))
    }

    fn parse(files: &str) -> Result<Project, RegistryError> {
        Project::parse(&"a-b".parse().unwrap(), &page(files))
    }

    #[test]
    fn every_known_field_is_read() {
        let digest = Sha256::of(b"x");
        let project = parse(&format!(
            r#"{{"filename":"a_b-1.0-py3-none-any.whl","url":"../../files/a_b-1.0-py3-none-any.whl#frag","hashes":{{"sha256":"{digest}","md5":"-"}},
                "size":7,"upload-time":"2024-05-01T12:00:00.123456Z","yanked":"broken","requires-python":">=3.8",
                "core-metadata":{{"sha256":"{digest}"}},"provenance":"https://index.example/p","unknown":[]}},
               {{"filename":"a-b-1.5.tar.gz","url":"https://files.example/a","hashes":{{}},"yanked":true,"dist-info-metadata":false}},
               {{"filename":"a.b-1.0.win32.exe","url":"x","hashes":{{}}}},
               {{"filename":"other-1.0.zip","url":"x","hashes":{{}}}}"#
        ))
        .unwrap();
        let wheel = &project.files[0];
        assert_eq!(wheel.url.as_str(), "https://index.example/files/a_b-1.0-py3-none-any.whl");
        assert_eq!((wheel.sha256, wheel.size_bytes), (Some(digest), Some(7)));
        assert_eq!(wheel.uploaded().unwrap().to_string(), "2024-05-01T12:00:00.123456Z");
        assert_eq!(wheel.yanked, Some(Yanked { reason: Some("broken".to_owned()) }));
        assert_eq!(wheel.requires_python.as_deref(), Some(">=3.8"));
        let metadata = wheel.core_metadata.as_ref().unwrap();
        assert_eq!(metadata.url.path(), "/files/a_b-1.0-py3-none-any.whl.metadata");
        assert_eq!(metadata.sha256, Some(digest));
        assert_eq!(wheel.provenance.as_ref().unwrap().as_str(), "https://index.example/p");
        let sdist = &project.files[1];
        assert_eq!((sdist.sha256, &sdist.core_metadata), (None, &None));
        assert_eq!(sdist.yanked, Some(Yanked { reason: None }));
        assert!(matches!(sdist.uploaded(), Err(RegistryError::NoUploadTime { .. })));
        assert_eq!(project.unparsed.len(), 2);
        let versions: Vec<String> = project.versions.iter().map(Version::to_string).collect();
        assert_eq!(versions, ["1.0", "1.5", "2.0"]);
        assert_eq!(project.status, ProjectStatus::Active);
        assert_eq!(project.find_by_digest(&digest), Some(wheel));
    }

    #[test]
    fn a_known_field_of_another_type_is_malformed() {
        for file in [
            r#"{"filename":"a_b-1.0.zip","url":"x","hashes":{"sha256":"12"}}"#,
            r#"{"filename":"a_b-1.0.zip","url":"x","hashes":{},"size":-1}"#,
            r#"{"filename":"a_b-1.0.zip","url":"x","hashes":{},"upload-time":"yesterday"}"#,
            r#"{"filename":"a_b-1.0.zip","url":"x","hashes":{},"yanked":3}"#,
            r#"{"filename":"a_b-1.0.zip","url":"file:///etc/passwd","hashes":{}}"#,
            r#"{"filename":"a_b-1.0.zip","hashes":{}}"#,
            r#"{"filename":"a_b-1.0.zip","url":"x","hashes":{}},{"filename":"a_b-1.0.zip","url":"y","hashes":{}}"#,
        ] {
            assert!(matches!(parse(file), Err(RegistryError::Malformed { .. })), "{file}");
        }
    }

    #[test]
    fn pages_of_other_versions_and_projects_are_told_apart() {
        let parse = |json: &str| Project::parse(&"a-b".parse().unwrap(), &document(json));
        let other = r#"{"meta":{"api-version":"1.0"},"name":"c","files":[]}"#;
        assert!(matches!(parse(other), Err(RegistryError::OtherProject { .. })));
        let newer = r#"{"meta":{"api-version":"2.0"},"name":"a-b","files":[]}"#;
        assert!(matches!(parse(newer), Err(RegistryError::ApiVersion { .. })));
        assert!(matches!(parse("<html>"), Err(RegistryError::Malformed { .. })));
        let status = r#"{"meta":{"api-version":"1.4","_last-serial":"12"},"name":"a-b","files":[],"project-status":{"status":"quarantined","reason":"malware"}}"#;
        let project = parse(status).unwrap();
        assert_eq!(project.status, ProjectStatus::Quarantined { reason: Some("malware".to_owned()) });
        assert_eq!(project.serial, Some(12));
    }

    #[test]
    fn an_unknown_version_is_answered_with_near_ones() {
        let json = r#"{"meta":{"api-version":"1.1"},"name":"a-b","files":[],
            "versions":["0.1","0.2","0.3","1.1","1.2","1.3","9.0"]}"#;
        let project = Project::parse(&"a-b".parse().unwrap(), &document(json)).unwrap();
        let error = project.release(&"1.0".parse().unwrap()).unwrap_err();
        let expected = "a-b has no release 1.0 on the index; near it are 0.2, 0.3, 1.1, 1.2, 9.0: check the version";
        assert_eq!(error.to_string(), expected);
        assert!(matches!(project.release(&"9.0".parse().unwrap()), Err(RegistryError::NoFiles { .. })));
    }
}
