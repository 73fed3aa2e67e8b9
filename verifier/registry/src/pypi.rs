//! A client of one Python package index.

use twinbuild_store::{Blob, Document, DocumentRequest, Fetch, FetchError, Store, Url, without_credentials};
use twinbuild_subject::{PackageName, Sha256, edits};

use crate::{Project, ProjectFile, ProjectList, PypiIndex, RegistryError};

/// The largest project page. The largest on PyPI have about 30 MiB.
const PAGE_LIMIT_BYTES: u64 = 64 << 20;
/// The largest list of projects. That of PyPI has about 40 MiB.
const LIST_LIMIT_BYTES: u64 = 256 << 20;
/// The largest file. PyPI takes 100 MiB without asking, and a few projects may upload up to a GiB and more.
const FILE_LIMIT_BYTES: u64 = 2 << 30;
/// The largest provenance object. It has ten KiB for an attestation.
const PROVENANCE_LIMIT_BYTES: u64 = 4 << 20;
/// The media types of a provenance object: PyPI's own, and what others may say.
const PROVENANCE_MEDIA_TYPES: &str = "application/vnd.pypi.integrity.v1+json, application/json;q=0.9";
const MEDIA_TYPE: &str = "application/vnd.pypi.simple.v1+json";
/// How many other names the index is asked for where it has no project of the one that was given.
const MOST_QUESTIONS: usize = 4;
/// How many answers that are held are looked through for near names.
const MOST_HELD: usize = 20_000;

/// A project's page, asked for by who may have read it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectPage {
    /// It is the page that was read before, byte for byte.
    Unchanged,
    /// It is another one.
    Changed {
        /// The digest of the page, by which it is known again.
        sha256: Sha256,
        /// What it says.
        project: Box<Project>,
    },
}

/// A client of one Python package index. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pypi {
    store: Store,
    index: PypiIndex,
}

impl Pypi {
    /// A client of `index` that keeps what it gets in `store`.
    ///
    /// Indexes that uv or pip would ask as well are not asked, which is said in a warning ([`PypiIndex::not_asked`]).
    #[must_use]
    pub fn new(store: Store, index: PypiIndex) -> Self {
        for origin in index.not_asked() {
            tracing::warn!(
                "{origin} names another index, which is not asked: a project of the same name on either could pass for the other. All \
                 files are those of {index}; --index-url names another one"
            );
        }
        Self { store, index }
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> &PypiIndex {
        &self.index
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The project's page, at most 64 MiB.
    ///
    /// # Errors
    /// [`RegistryError::UnknownProject`] if there is none; [`RegistryError::NotJson`], [`RegistryError::ApiVersion`],
    /// [`RegistryError::Malformed`] and [`RegistryError::OtherProject`] if the page is not what was asked for;
    /// [`RegistryError::Fetch`].
    pub fn project(&self, name: &PackageName) -> Result<Project, RegistryError> {
        Self::read(name, &self.page_of(name)?)
    }

    /// The project's page, which is not read again where it still is the one of the digest `known`.
    ///
    /// # Errors
    /// As [`Pypi::project`].
    pub fn project_unless(&self, name: &PackageName, known: Option<&Sha256>) -> Result<ProjectPage, RegistryError> {
        let document = self.page_of(name)?;
        if known == Some(&document.sha256) {
            return Ok(ProjectPage::Unchanged);
        }
        let project = Box::new(Self::read(name, &document)?);
        Ok(ProjectPage::Changed { sha256: document.sha256, project })
    }

    /// All projects of the index, at most 256 MiB of them.
    ///
    /// # Errors
    /// As [`Pypi::project`], but for [`RegistryError::UnknownProject`] and [`RegistryError::OtherProject`].
    pub fn projects(&self) -> Result<ProjectList, RegistryError> {
        let what = format!("the list of projects of {}", self.index);
        let request =
            DocumentRequest { url: self.index.url(), accept: MEDIA_TYPE, limit_bytes: LIST_LIMIT_BYTES, what: &what };
        ProjectList::parse(&json_only(self.store.document(&request)?)?)
    }

    fn page_of(&self, name: &PackageName) -> Result<Document, RegistryError> {
        let url = self.page(name);
        let request = DocumentRequest {
            url: &url,
            accept: MEDIA_TYPE,
            limit_bytes: PAGE_LIMIT_BYTES,
            what: &format!("the index page of {name}"),
        };
        let document = self.store.document(&request).map_err(|error| match error {
            FetchError::NotFound { .. } => {
                RegistryError::UnknownProject { name: name.clone(), index: self.index.to_string(), near: Vec::new() }
            }
            other => other.into(),
        })?;
        json_only(document)
    }

    fn read(name: &PackageName, document: &Document) -> Result<Project, RegistryError> {
        let project = Project::parse(name, document)?;
        tracing::debug!(%name, files = project.files.len(), serial = project.serial, "project");
        Ok(project)
    }

    /// The same, for a name that someone wrote: where there is no such project, the error lists those of near names that there are. These are one edit
    /// away among those whose pages are held, and those that differ by `python` or `py` in front or behind, for at most four of which the
    /// index is asked. Offline it is not known whether there is one, so nothing is looked for.
    ///
    /// # Errors
    /// As [`Pypi::project`].
    pub fn project_or_near(&self, name: &PackageName) -> Result<Project, RegistryError> {
        self.project(name).map_err(|error| match error {
            RegistryError::UnknownProject { name, index, .. } => {
                let near = self.near(&name);
                RegistryError::UnknownProject { name, index, near }
            }
            other => other,
        })
    }

    fn near(&self, name: &PackageName) -> Vec<PackageName> {
        // A cache that cannot be read has no names to offer.
        let held = self.store.held_addresses(MOST_HELD).unwrap_or_default();
        let base = without_credentials(self.index.url());
        let of_index = |url: &String| url.strip_prefix(&base)?.strip_suffix('/')?.parse::<PackageName>().ok();
        let is_near = |other: &PackageName| edits(name.as_str(), other.as_str()) == Some(1);
        let mut near: Vec<PackageName> = held.iter().filter_map(of_index).filter(is_near).collect();
        near.sort();
        near.dedup();
        near.truncate(MOST_QUESTIONS);
        for other in with_other_affixes(name) {
            match self.project(&other) {
                Ok(_) if near.contains(&other) => {}
                Ok(_) => near.push(other),
                Err(RegistryError::UnknownProject { .. }) => {}
                // An index that fails is not asked again for the sake of a hint.
                Err(_) => break,
            }
        }
        near
    }

    /// The file's bytes, verified against the digest that the index gives; at most 2 GiB.
    ///
    /// # Errors
    /// [`RegistryError::NoDigest`] if the index gives none. [`RegistryError::Fetch`]: in particular a
    /// [`FetchError::DigestMismatch`], which keeps what was received, and [`FetchError::NotFound`] for a file that was
    /// deleted since.
    pub fn download(&self, file: &ProjectFile) -> Result<Blob, RegistryError> {
        let file_name = file.file_name.text();
        let sha256 = file.sha256.ok_or_else(|| RegistryError::NoDigest { file_name: file_name.to_owned() })?;
        let request = Fetch {
            url: &self.with_credentials(&file.url),
            sha256,
            size_bytes: file.size_bytes,
            limit_bytes: FILE_LIMIT_BYTES,
            what: file_name,
        };
        Ok(self.store.fetch(&request)?)
    }

    /// The provenance object that [`ProjectFile::provenance`] is the address of (PEP 740), as it was received: at most 4 MiB, which nothing
    /// promised beforehand. `file_name` is the file that it is of, for messages.
    ///
    /// # Errors
    /// [`RegistryError::Fetch`]
    pub fn provenance(&self, url: &Url, file_name: &str) -> Result<Blob, RegistryError> {
        let request = DocumentRequest {
            url: &self.with_credentials(url),
            accept: PROVENANCE_MEDIA_TYPES,
            limit_bytes: PROVENANCE_LIMIT_BYTES,
            what: &format!("the provenance of {file_name}"),
        };
        let document = self.store.document(&request)?;
        let kept = self.store.put(document.bytes.as_slice(), PROVENANCE_LIMIT_BYTES);
        Ok(kept.map_err(FetchError::Store)?)
    }

    fn page(&self, name: &PackageName) -> Url {
        let mut url = self.index.url().clone();
        // The base ends with a slash, and a normalized name has no character that means anything in a path.
        url.set_path(&format!("{}{name}/", self.index.url().path()));
        url
    }

    /// The index's credentials belong to its own origin and to nobody else.
    fn with_credentials(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if url.origin() == self.index.url().origin() && url.username().is_empty() {
            // Both fail only on URLs that cannot have credentials, and those of the index can.
            let _ = url.set_username(self.index.url().username());
            let _ = url.set_password(self.index.url().password());
        }
        url
    }
}

/// The answer, if it is of the kind that was asked for.
fn json_only(document: Document) -> Result<Document, RegistryError> {
    if is_json(&document) {
        return Ok(document);
    }
    Err(RegistryError::NotJson { url: without_credentials(&document.url), content_type: document.content_type })
}

/// Names that differ by `python` or `py` in front or behind: at most four.
fn with_other_affixes(name: &PackageName) -> Vec<PackageName> {
    let text = name.as_str();
    let bare = ["python-", "py-", "py"].iter().find_map(|front| text.strip_prefix(front));
    let bare = bare.or_else(|| ["-python", "-py", "py"].iter().find_map(|end| text.strip_suffix(end)));
    let bare = bare.filter(|bare| !bare.is_empty());
    let stem = bare.unwrap_or(text);
    let written = bare.map(str::to_owned).into_iter().chain([
        format!("python-{stem}"),
        format!("py{stem}"),
        format!("{stem}-python"),
        format!("{stem}-py"),
    ]);
    let others = written.filter_map(|other| other.parse().ok()).filter(|other| other != name);
    others.take(MOST_QUESTIONS).collect()
}

/// Whether the answer is of the kind that was asked for. Some indexes say plain JSON, and files on disk say nothing.
fn is_json(document: &Document) -> bool {
    let Some(given) = &document.content_type else { return true };
    let media_type = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media_type.as_str(), MEDIA_TYPE | "application/vnd.pypi.simple.latest+json" | "application/json")
}

#[cfg(test)]
mod tests {
    use twinbuild_store::Network;
    use twinbuild_subject::Sha256;

    use super::*;
    use crate::Platform;
    use crate::test_server::{Answer, TestServer, store};

    const WHEEL: &[u8] = b"the wheel";

    fn page(path: &str, _: Option<&str>) -> Answer {
        let files = format!(
            r#"{{"filename":"a-1-py3-none-any.whl","url":"/files/a-1-py3-none-any.whl","hashes":{{"sha256":"{}"}},"size":9}},
               {{"filename":"a-1.tar.gz","url":"/files/a-1.tar.gz","hashes":{{}}}}"#,
            Sha256::of(WHEEL)
        );
        match path {
            "/simple/a/" => {
                let json = format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"a","files":[{files}]}}"#);
                Some((MEDIA_TYPE, json.into_bytes()))
            }
            "/simple/" => {
                let json =
                    r#"{"meta":{"api-version":"1.1","_last-serial":7},"projects":[{"name":"A"},{"name":"b c"}]}"#;
                Some((MEDIA_TYPE, json.as_bytes().to_vec()))
            }
            "/simple/html/" => Some(("text/html", b"<html>".to_vec())),
            "/files/a-1-py3-none-any.whl" => Some(("application/octet-stream", WHEEL.to_vec())),
            _ => None,
        }
    }

    fn client(folder: &tempfile::TempDir, network: Network, base: &str) -> Pypi {
        Pypi::new(store(folder, network), PypiIndex::discover(Some(&format!("{base}simple")), |_| None).unwrap())
    }

    #[test]
    fn a_file_is_found_and_downloaded_and_held() {
        let server = TestServer::start(page);
        let folder = tempfile::tempdir().unwrap();
        for network in [Network::Online, Network::Offline] {
            let pypi = client(&folder, network, &server.base);
            let release = pypi.project(&"A".parse().unwrap()).unwrap().release(&"1.0".parse().unwrap()).unwrap();
            let file = release.choose(None, Platform::LinuxX86_64).unwrap();
            assert_eq!(pypi.download(file).unwrap().read_all(9).unwrap(), WHEEL);
            let error = pypi.download(release.sdist().unwrap()).unwrap_err();
            assert!(matches!(error, RegistryError::NoDigest { .. }), "{error}");
        }
        assert_eq!(server.asked(), ["/simple/a/", "/files/a-1-py3-none-any.whl"]);
    }

    #[test]
    fn a_page_that_is_known_is_not_read_again() {
        let server = TestServer::start(page);
        let folder = tempfile::tempdir().unwrap();
        let pypi = client(&folder, Network::Online, &server.base);
        let name = "a".parse().unwrap();
        let ProjectPage::Changed { sha256, project } = pypi.project_unless(&name, None).unwrap() else { panic!() };
        assert_eq!(*project, pypi.project(&name).unwrap());
        assert_eq!(pypi.project_unless(&name, Some(&sha256)).unwrap(), ProjectPage::Unchanged);
        let other = pypi.project_unless(&name, Some(&Sha256::of(b""))).unwrap();
        assert_eq!(other, ProjectPage::Changed { sha256, project });
    }

    #[test]
    fn the_projects_of_an_index_are_listed() {
        let server = TestServer::start(page);
        let folder = tempfile::tempdir().unwrap();
        let list = client(&folder, Network::Online, &server.base).projects().unwrap();
        assert_eq!(list.names, ["a".parse().unwrap()]);
        assert_eq!((list.unparsed, list.serial), (vec!["b c".to_owned()], Some(7)));
        let elsewhere = client(&folder, Network::Online, &format!("{}x/", server.base));
        assert!(matches!(elsewhere.projects(), Err(RegistryError::Fetch(FetchError::NotFound { .. }))));
    }

    #[test]
    fn a_provenance_object_is_had_as_it_is_and_held() {
        let server = TestServer::start(|path, _| {
            (path == "/p").then(|| ("application/vnd.pypi.integrity.v1+json", b"{\"version\":1}".to_vec()))
        });
        let folder = tempfile::tempdir().unwrap();
        let url: Url = format!("{}p", server.base).parse().unwrap();
        for network in [Network::Online, Network::Offline] {
            let pypi = client(&folder, network, &server.base);
            let blob = pypi.provenance(&url, "a-1.tar.gz").unwrap();
            assert_eq!(blob.read_all(100).unwrap(), b"{\"version\":1}");
            let missing = format!("{}q", server.base).parse().unwrap();
            let error = pypi.provenance(&missing, "a-1.tar.gz").unwrap_err().to_string();
            assert!(error.contains("the provenance of a-1.tar.gz"), "{error}");
        }
    }

    #[test]
    fn what_is_no_project_is_told_apart() {
        let server = TestServer::start(page);
        let folder = tempfile::tempdir().unwrap();
        let pypi = client(&folder, Network::Online, &server.base);
        let error = pypi.project(&"nothing".parse().unwrap()).unwrap_err();
        assert!(matches!(&error, RegistryError::UnknownProject { name, .. } if name.as_str() == "nothing"), "{error}");
        let error = pypi.project(&"html".parse().unwrap()).unwrap_err();
        assert!(matches!(error, RegistryError::NotJson { .. }), "{error}");
        let offline = client(&tempfile::tempdir().unwrap(), Network::Offline, &server.base);
        let error = offline.project(&"a".parse().unwrap()).unwrap_err();
        assert!(matches!(error, RegistryError::Fetch(FetchError::Offline { .. })), "{error}");
    }

    #[test]
    fn near_names_are_offered_for_one_that_there_is_not() {
        let server = TestServer::start(|path, _| {
            let name = path.strip_prefix("/simple/")?.strip_suffix('/')?;
            ["requests", "python-dateutil", "pyyaml", "flask"].contains(&name).then(|| {
                (MEDIA_TYPE, format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"{name}","files":[]}}"#).into_bytes())
            })
        });
        let folder = tempfile::tempdir().unwrap();
        let near = |network, name: &str| match client(&folder, network, &server.base)
            .project_or_near(&name.parse().unwrap())
        {
            Err(RegistryError::UnknownProject { near, .. }) => near.iter().map(ToString::to_string).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(near(Network::Online, "dateutil"), ["python-dateutil"]);
        assert_eq!(near(Network::Online, "yaml"), ["pyyaml"]);
        assert_eq!(near(Network::Online, "python-flask"), ["flask"]);
        assert!(near(Network::Online, "requsts").is_empty(), "nobody asked for it before");
        client(&folder, Network::Online, &server.base).project(&"requests".parse().unwrap()).unwrap();
        assert_eq!(near(Network::Online, "requsts"), ["requests"]);
        let before = server.asked().len();
        assert!(near(Network::Online, "nothing").is_empty());
        assert_eq!(server.asked().len() - before, 1 + MOST_QUESTIONS);
        let offline = client(&folder, Network::Offline, &server.base).project_or_near(&"requsts".parse().unwrap());
        assert!(
            matches!(offline, Err(RegistryError::Fetch(FetchError::Offline { .. }))),
            "what is not held may be there"
        );
        assert_eq!(server.asked().len() - before, 1 + MOST_QUESTIONS);
    }

    #[test]
    fn names_with_other_affixes_are_few_and_none_is_the_same() {
        let others = |name: &str| {
            let others = with_other_affixes(&name.parse().unwrap());
            others.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(others("jwt"), ["python-jwt", "pyjwt", "jwt-python", "jwt-py"]);
        assert_eq!(others("python-jwt"), ["jwt", "pyjwt", "jwt-python", "jwt-py"]);
        assert_eq!(others("pyjwt"), ["jwt", "python-jwt", "jwt-python", "jwt-py"]);
        assert_eq!(others("opencv-python"), ["opencv", "python-opencv", "pyopencv", "opencv-py"]);
        assert_eq!(others("py"), ["python-py", "pypy", "py-python", "py-py"]);
    }

    #[test]
    fn credentials_go_to_the_index_and_not_elsewhere() {
        let elsewhere = TestServer::start(|_, authorization| {
            authorization.is_none().then(|| ("application/octet-stream", WHEEL.to_vec()))
        });
        let other = elsewhere.base;
        let index = TestServer::start(move |path, authorization| {
            // user:secret
            if authorization != Some("Basic dXNlcjpzZWNyZXQ=") {
                return None;
            }
            let (media_type, body) = page(path, None)?;
            let moved = String::from_utf8(body).unwrap();
            let second = format!(
                r#"{{"filename":"a-2.zip","url":"{other}a-2.zip","hashes":{{"sha256":"{}"}}}},"#,
                Sha256::of(WHEEL)
            );
            Some((media_type, moved.replace(r#""files":["#, &format!(r#""files":[{second}"#)).into_bytes()))
        });
        for file in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            let pypi = client(&folder, Network::Online, &index.base.replace("//", "//user:secret@"));
            let project = pypi.project(&"a".parse().unwrap()).unwrap();
            assert_eq!(pypi.download(&project.files[file]).unwrap().sha256(), Sha256::of(WHEEL));
            assert!(!format!("{pypi:?} {project:?}").contains("secret"));
        }
    }

    #[test]
    fn network_pypi_lists_six() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Online).unwrap();
        let pypi = Pypi::new(store, PypiIndex::discover(None, |name| std::env::var(name).ok()).unwrap());
        let project = pypi.project(&"six".parse().unwrap());
        let project = project.expect("this test asks PyPI, and so needs a network");
        let release = project.release(&"1.16.0".parse().unwrap()).unwrap();
        let wheel = release.choose(None, Platform::LinuxX86_64).unwrap();
        assert_eq!(wheel.file_name.text(), "six-1.16.0-py2.py3-none-any.whl");
        let digest = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254";
        assert_eq!(wheel.sha256.unwrap().to_string(), digest);
        assert_eq!(release.sdist().unwrap().file_name.text(), "six-1.16.0.tar.gz");
    }
}
