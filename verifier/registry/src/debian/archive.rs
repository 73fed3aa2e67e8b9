//! A client of one Debian archive.

use jiff::Timestamp;
use twinbuild_store::{Blob, DocumentRequest, Fetch, Store, Url};

use super::cleartext;
use super::index::PackageIndex;
use super::keyring::Keyring;
use super::release::ReleaseFile;
use super::{Deb822Error, DebianError, DebianPackage, DebianRelease, SignatureFault};
use crate::DebianMirror;

/// The largest release file: those of Debian have about 200 KiB.
const RELEASE_LIMIT_BYTES: u64 = 8 << 20;
/// The largest package.
const PACKAGE_LIMIT_BYTES: u64 = 2 << 30;

/// A client of one Debian archive. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DebianArchive {
    pub(super) store: Store,
    pub(super) mirror: DebianMirror,
}

impl DebianArchive {
    /// A client of `mirror` that keeps what it gets in `store`.
    #[must_use]
    pub fn new(store: Store, mirror: DebianMirror) -> Self {
        Self { store, mirror }
    }

    /// The archive as it was at the moment `date`, where snapshots of it are kept.
    ///
    /// # Errors
    /// [`DebianError::Address`] if that is no address.
    pub fn snapshot(&self, date: Timestamp) -> Result<Self, DebianError> {
        Ok(Self { store: self.store.clone(), mirror: self.mirror.snapshot(date)? })
    }

    /// The package's file, verified: the one that is held, else from where it is in the archive.
    ///
    /// # Errors
    /// [`DebianError::Fetch`].
    pub fn download(&self, package: &DebianPackage) -> Result<Blob, DebianError> {
        let request = Fetch {
            url: &self.url(&package.file_path),
            sha256: package.sha256,
            size_bytes: Some(package.size_bytes),
            limit_bytes: PACKAGE_LIMIT_BYTES,
            what: &format!("the Debian package {} {}", package.name, package.version),
        };
        Ok(self.store.fetch(&request)?)
    }

    /// The package index of `main` in a suite (or code name), such as `bookworm`, for an architecture as Debian names
    /// it, such as `amd64`. The suite's release file must be signed by a key that is built in, be of that suite, and be
    /// valid at the moment `at`: now, or the date to which a build is pinned. The index itself is downloaded and read when
    /// it is first needed.
    ///
    /// # Errors
    /// [`DebianError::Untrusted`], [`DebianError::OtherSuite`], [`DebianError::Expired`], [`DebianError::NoIndex`],
    /// [`DebianError::Malformed`], [`DebianError::Fetch`].
    pub fn suite(&self, suite: &str, architecture: &str, at: Timestamp) -> Result<PackageIndex, DebianError> {
        let keyring = Keyring::pinned().map_err(|fault| self.untrusted(suite, fault))?;
        self.suite_signed_by(&keyring, suite, architecture, at)
    }

    fn suite_signed_by(
        &self,
        keyring: &Keyring,
        suite: &str,
        architecture: &str,
        at: Timestamp,
    ) -> Result<PackageIndex, DebianError> {
        let what = format!("the release file of Debian {suite}");
        let request = DocumentRequest {
            url: &self.url(&format!("dists/{suite}/InRelease")),
            accept: "*/*",
            limit_bytes: RELEASE_LIMIT_BYTES,
            what: &what,
        };
        let document = self.store.document(&request)?;
        let malformed = |source| DebianError::Malformed { file: what.clone(), source };
        let file = std::str::from_utf8(&document.bytes)
            .map_err(|error| malformed(Deb822Error { line: 1, fault: error.to_string() }))?;
        let text = cleartext::verify(file, keyring, at).map_err(|fault| self.untrusted(suite, fault))?;
        let release = ReleaseFile::parse(&text).map_err(malformed)?;
        if !release.is(suite) {
            let names = [release.suite, release.codename].into_iter().flatten().collect::<Vec<_>>();
            return Err(DebianError::OtherSuite { suite: suite.to_owned(), found: names.join(" or ") });
        }
        if let Some(valid_until) = release.valid_until.filter(|valid_until| *valid_until < at) {
            return Err(DebianError::Expired { suite: suite.to_owned(), valid_until, at });
        }
        let path = format!("main/binary-{architecture}/Packages.xz");
        let Some(index) = release.file(&path).cloned() else {
            return Err(DebianError::NoIndex { suite: suite.to_owned(), path });
        };
        let release = DebianRelease {
            suite: suite.to_owned(),
            date: release.date,
            valid_until: release.valid_until,
            is_expiry_waived: release.valid_until.is_some_and(|valid_until| valid_until < Timestamp::now()),
            index: index.sha256,
        };
        Ok(PackageIndex::new(self.clone(), architecture, index, release))
    }

    /// The URL of a file of the archive; `path` is relative.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.mirror.url().clone();
        url.set_path(&format!("{}{path}", self.mirror.url().path()));
        url
    }

    fn untrusted(&self, suite: &str, fault: SignatureFault) -> DebianError {
        DebianError::Untrusted { suite: suite.to_owned(), archive: self.mirror.to_string(), fault }
    }
}

#[cfg(test)]
mod tests {
    use twinbuild_store::{FetchError, Network};
    use twinbuild_subject::Sha256;

    use super::*;
    use crate::debian::Resolution;
    use crate::debian::keyring::tests::test_keyring;
    use crate::test_server::{TestServer, store};

    const RELEASE: &str = include_str!("../../fixtures/dists/test/InRelease");
    const INDEX: &[u8] = include_bytes!("../../fixtures/dists/test/main/binary-amd64/Packages.xz");

    /// The archive of the fixtures; `change` sees each file before it goes out.
    fn server(change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) -> TestServer {
        TestServer::start(move |path, _| {
            let bytes = match path {
                "/debian/dists/test/InRelease" | "/debian/dists/tested/InRelease" | "/debian/dists/other/InRelease" => {
                    RELEASE.as_bytes().to_vec()
                }
                "/debian/dists/test/main/binary-amd64/Packages.xz" => INDEX.to_vec(),
                "/debian/pool/app_1.0_amd64.deb" => b"the file of app 1.0\n".to_vec(),
                _ => return None,
            };
            Some(("text/plain", change(path, bytes)))
        })
    }

    fn archive(folder: &tempfile::TempDir, network: Network, server: &TestServer) -> DebianArchive {
        let mirror = DebianMirror::discover(Some(&format!("{}debian", server.base)), None).unwrap();
        DebianArchive::new(store(folder, network), mirror)
    }

    fn open(archive: &DebianArchive, suite: &str, architecture: &str, at: &str) -> Result<PackageIndex, DebianError> {
        archive.suite_signed_by(&test_keyring(), suite, architecture, at.parse().unwrap())
    }

    fn resolve(roots: &[&str], exclude: &[&str]) -> Result<Resolution, DebianError> {
        let folder = tempfile::tempdir().unwrap();
        let server = server(|_, bytes| bytes);
        let archive = archive(&folder, Network::Online, &server);
        open(&archive, "test", "amd64", "2026-01-02T00:00:00Z").unwrap().resolve(roots, exclude)
    }

    fn names(resolution: &Resolution) -> Vec<&str> {
        resolution.packages.iter().map(|package| package.name.as_str()).collect()
    }

    #[test]
    fn a_closure_is_resolved_downloaded_and_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(|_, bytes| bytes);
        let online = archive(&folder, Network::Online, &server);
        let index = open(&online, "test", "amd64", "2026-01-02T00:00:00Z").unwrap();
        let resolution = index.resolve(&["app"], &[]).unwrap();
        // Of `first | second` the first, of the providers of `virtual` the first by name.
        assert_eq!(names(&resolution), ["alpha", "app", "base", "configured", "first", "lib", "much", "shell"]);
        assert_eq!(resolution.index, Sha256::of(INDEX));
        let app = resolution.packages.iter().find(|package| package.name == "app").unwrap();
        assert_eq!(index.download(app).unwrap().read_all(100).unwrap(), b"the file of app 1.0\n");
        assert_eq!(app.size_bytes, 20);

        let offline = archive(&folder, Network::Offline, &server);
        let index = open(&offline, "test", "amd64", "2026-01-02T00:00:00Z").unwrap();
        std::fs::remove_file(offline.store.blob(&index.sha256()).unwrap().unwrap().path()).unwrap();
        assert_eq!(index.resolve(&["app", "app"], &[]).unwrap(), resolution);
        assert!(matches!(index.resolve(&["lib"], &[]), Err(DebianError::Fetch(FetchError::Offline { .. }))));
    }

    #[test]
    fn what_is_chosen_already_is_preferred() {
        let resolution = resolve(&["app", "second", "omega"], &[]).unwrap();
        assert_eq!(names(&resolution), ["app", "base", "configured", "lib", "much", "omega", "second", "shell"]);
    }

    #[test]
    fn what_is_excluded_is_left_out_with_all_that_only_it_needs() {
        let resolution = resolve(&["app"], &["configured", "virtual", "unrelated"]).unwrap();
        assert_eq!(names(&resolution), ["app", "base", "first", "lib", "shell"]);
        assert_eq!(resolution.excluded, ["configured", "virtual"]);
    }

    #[test]
    fn constraints_are_checked() {
        let resolution = resolve(&["needs-versioned"], &[]).unwrap();
        assert_eq!(names(&resolution), ["alpha", "needs-versioned"]);
        for (root, expected) in [("needs-newer", "lib (>> 1.0-1)"), ("needs-unversioned", "virtual (>= 1)")] {
            let error = resolve(&[root], &[]).unwrap_err();
            assert!(
                matches!(&error, DebianError::Unsatisfied { package, relation, .. } if package == root && relation == expected),
                "{error}"
            );
        }
        assert!(matches!(resolve(&["nothing"], &[]), Err(DebianError::UnknownPackage { .. })));
    }

    #[test]
    fn a_suite_is_taken_by_its_own_names_only_and_while_it_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(|_, bytes| bytes);
        let archive = archive(&folder, Network::Online, &server);
        let (then, now) = ("2026-01-02T00:00:00Z", "2026-11-22T00:00:00Z");
        let pinned = open(&archive, "tested", "amd64", then).unwrap();
        assert!(pinned.release().is_expiry_waived, "it has expired since, and that must be seen");
        assert!(matches!(open(&archive, "other", "amd64", then), Err(DebianError::OtherSuite { .. })));
        assert!(matches!(open(&archive, "test", "amd64", now), Err(DebianError::Expired { .. })));
        assert!(matches!(open(&archive, "test", "arm64", then), Err(DebianError::NoIndex { .. })));
        let missing = open(&archive, "sid", "amd64", then);
        assert!(matches!(missing, Err(DebianError::Fetch(FetchError::NotFound { .. }))));
        let by_stranger = archive.suite("test", "amd64", then.parse().unwrap());
        assert!(matches!(
            by_stranger,
            Err(DebianError::Untrusted { fault: SignatureFault::NoTrustedSignature { .. }, .. })
        ));
    }

    #[test]
    fn tampered_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let released = server(|path, bytes| match path.ends_with("InRelease") {
            true => String::from_utf8(bytes).unwrap().replace("Suite: test", "Suite: best").into_bytes(),
            false => bytes,
        });
        let archive_ = archive(&folder, Network::Online, &released);
        let error = open(&archive_, "test", "amd64", "2026-01-02T00:00:00Z").unwrap_err();
        assert!(matches!(error, DebianError::Untrusted { .. }), "{error}");
        let indexed = server(|path, bytes| match path.ends_with("Packages.xz") {
            true => bytes[1..].to_vec(),
            false => bytes,
        });
        let index =
            open(&archive(&folder, Network::Online, &indexed), "test", "amd64", "2026-01-02T00:00:00Z").unwrap();
        let error = index.resolve(&["app"], &[]).unwrap_err();
        assert!(matches!(error, DebianError::Fetch(FetchError::DigestMismatch(_))), "{error}");
    }

    #[test]
    fn a_snapshot_is_another_archive_and_the_same_store() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(|_, bytes| bytes);
        let mirror = DebianMirror::discover(Some("https://unused.example"), Some(&format!("{}debian", server.base)));
        let archive = DebianArchive::new(store(&folder, Network::Online), mirror.unwrap());
        let then: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let index = open(&archive.snapshot(then).unwrap(), "test", "amd64", "2026-01-02T00:00:00Z").unwrap();
        assert_eq!(index.resolve(&["lib"], &[]).unwrap().packages.len(), 2);
    }

    #[test]
    fn network_the_release_files_of_the_suites_in_use_are_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Online).unwrap();
        let archive = DebianArchive::new(store, DebianMirror::discover(None, None).unwrap());
        for suite in ["bullseye", "bookworm", "trixie"] {
            let index = archive.suite(suite, "amd64", Timestamp::now());
            let index = index.expect("this test asks the Debian archive, and so needs a network");
            assert_eq!(index.suite(), suite);
            assert!(!index.release().is_expiry_waived);
        }
    }
}
