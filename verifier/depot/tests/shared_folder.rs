//! A depot in a folder that machines share, some of which are hostile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use twinbuild_depot::{Depot, DepotError, Manifest, OtherContent, ResultName};
use twinbuild_subject::Sha256;

/// A depot, and room beside it.
struct Ground {
    folder: TempDir,
    depot: Depot,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(folder.path().join("shared/depot").to_str().unwrap()).unwrap();
        Self { folder, depot }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn in_depot(&self, path: &str) -> PathBuf {
        self.at("shared/depot").join(path)
    }

    /// A folder with files of these contents.
    fn result(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir_all(&folder).unwrap();
        for (path, content) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    /// A result `job` of one file, and its manifest.
    fn with_job(&self) -> Manifest {
        self.depot.put(&job(), &self.result("job", &[("verdict.json", "{}")])).unwrap()
    }

    /// Puts a manifest there as a hostile worker would.
    fn promise(&self, manifest: &str) -> Sha256 {
        fs::create_dir_all(self.in_depot("manifests")).unwrap();
        fs::write(self.in_depot("manifests/job.json"), manifest).unwrap();
        Sha256::of(manifest.as_bytes())
    }

    /// That nothing came of fetching `job`, and why.
    fn refused(&self, expected: Sha256) -> DepotError {
        let into = self.at("fetched/job");
        let error = self.depot.get(&job(), expected, &into).unwrap_err();
        let left = fs::read_dir(self.at("fetched")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something is left after {error}");
        error
    }
}

fn job() -> ResultName {
    "job".parse().unwrap()
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn tree(folder: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for name in listing(&next) {
            let path = next.join(name);
            let below = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                left.push(path);
                found.push((below, None));
            } else {
                found.push((below, Some(fs::read(path).unwrap())));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_was_put_is_got_with_empty_folders_empty_files_and_names_with_spaces() {
    let ground = Ground::new();
    let folder = ground.result(
        "result",
        &[("verdict.json", "{}"), ("first twin/a b-1.0.whl", "same"), ("second/naïve", "same"), ("log", "")],
    );
    fs::create_dir_all(folder.join("nothing/at all")).unwrap();
    let put = ground.depot.put(&job(), &folder).unwrap();
    let got = ground.depot.get(&job(), put.sha256(), &ground.at("fetched/job")).unwrap();
    assert_eq!(got, put);
    assert_eq!(tree(&ground.at("fetched/job")), tree(&folder));
    assert_eq!(listing(&ground.at("fetched")), ["job"]);
    assert_eq!(listing(&ground.in_depot("files/job")).len(), 3, "files of one content are kept once");

    let nothing = ground.depot.put(&"nothing".parse().unwrap(), &ground.result("empty", &[])).unwrap();
    ground.depot.get(&"nothing".parse().unwrap(), nothing.sha256(), &ground.at("fetched/nothing")).unwrap();
    assert!(tree(&ground.at("fetched/nothing")).is_empty());
}

#[test]
fn a_name_is_given_once() {
    let ground = Ground::new();
    let first = ground.with_job();
    assert_eq!(ground.with_job(), first);
    let other = ground.result("other", &[("verdict.json", "{ }")]);
    let error = ground.depot.put(&job(), &other).unwrap_err();
    assert!(matches!(&error, DepotError::Exists { there, .. } if *there == first.sha256()), "{error}");
    ground.depot.get(&job(), first.sha256(), &ground.at("fetched/job")).unwrap();
}

#[test]
fn of_two_that_are_put_at_once_one_is_there_as_a_whole() {
    for round in 0..20 {
        let ground = Ground::new();
        let folders: Vec<PathBuf> = (0..4)
            .map(|n| ground.result(&format!("result-{n}"), &[("same", "same"), ("n", &format!("{round} {}", n / 2))]))
            .collect();
        let put: Vec<_> = std::thread::scope(|scope| {
            let putting: Vec<_> =
                folders.iter().map(|folder| scope.spawn(|| ground.depot.put(&job(), folder))).collect();
            putting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let there: Vec<_> = put.iter().filter_map(|put| put.as_ref().ok()).collect();
        assert_eq!(there.len(), 2, "both that are the same, and no other: {put:?}");
        assert_eq!(there[0], there[1]);
        assert!(put.iter().all(|put| !matches!(put, Err(error) if !matches!(error, DepotError::Exists { .. }))));
        ground.depot.get(&job(), there[0].sha256(), &ground.at("fetched/job")).unwrap();
        assert_eq!(listing(&ground.in_depot("manifests")), ["job.json"]);
    }
}

#[test]
fn what_was_cut_off_is_no_result_and_is_finished_or_swept() {
    let ground = Ground::new();
    let whole = ground.with_job();
    // As a worker leaves it that is killed after the files, and in the middle of its manifest.
    fs::remove_file(ground.in_depot("manifests/job.json")).unwrap();
    fs::write(ground.in_depot("manifests/.unfinished-0"), "{").unwrap();
    fs::write(ground.in_depot("files/job/.unfinished-0"), "half").unwrap();
    assert!(ground.depot.list().unwrap().is_empty());
    assert!(matches!(ground.refused(whole.sha256()), DepotError::Absent { .. }));
    assert!(ground.depot.sweep_partial(Duration::from_secs(3600)).unwrap().is_empty());

    let other = ground.depot.put(&job(), &ground.result("other", &[("a", "b")])).unwrap();
    ground.depot.get(&job(), other.sha256(), &ground.at("fetched/job")).unwrap();

    fs::remove_file(ground.in_depot("manifests/job.json")).unwrap();
    let kept = "kept".parse().unwrap();
    let manifest = ground.depot.put(&kept, &ground.at("other")).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(ground.depot.sweep_partial(Duration::ZERO).unwrap(), [job()]);
    assert_eq!(listing(&ground.in_depot("manifests")), ["kept.json"]);
    assert_eq!(listing(&ground.in_depot("files")), ["kept"]);
    ground.depot.get(&kept, manifest.sha256(), &ground.at("fetched/kept")).unwrap();
}

#[test]
fn results_are_listed_with_the_time_they_were_put_and_removed() {
    let ground = Ground::new();
    assert!(ground.depot.list().unwrap().is_empty());
    ground.depot.remove(&job()).unwrap();
    let before = jiff::Timestamp::now().as_second();
    ground.with_job();
    ground.depot.put(&"a".parse().unwrap(), &ground.at("job")).unwrap();
    let listed = ground.depot.list().unwrap();
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "job"]);
    assert!(listed.iter().all(|one| (before..=before + 60).contains(&one.put.as_second())), "{listed:?}");
    ground.depot.remove(&job()).unwrap();
    assert_eq!(ground.depot.list().unwrap().len(), 1);
    assert_eq!(listing(&ground.in_depot("files")), ["a"]);
}

#[test]
fn a_manifest_that_was_not_promised_is_refused() {
    let ground = Ground::new();
    let promised = ground.with_job().sha256();
    ground.promise("{}");
    assert!(matches!(ground.refused(promised), DepotError::OtherManifest { expected, .. } if expected == promised));
}

#[test]
fn a_promised_manifest_that_leads_out_of_the_folder_is_refused() {
    let ground = Ground::new();
    let content = ground.with_job().files()[0].sha256;
    for path in ["../out", "/tmp/out", "a/../../out"] {
        let files = format!(r#"{{"path":"{path}","sha256":"{content}","size":2}}"#);
        let promised = ground.promise(&format!(r#"{{"files":[{files}],"folders":[],"version":1}}"#));
        assert!(matches!(ground.refused(promised), DepotError::Malformed { .. }), "{path}");
    }
    assert!(!ground.at("out").exists() && !ground.at("fetched/out").exists());
}

#[test]
fn digests_and_sizes_that_lie_are_refused() {
    let ground = Ground::new();
    let there = ground.with_job().files()[0].sha256;
    let promise = |sha256: Sha256, size: u64| {
        let file = format!(r#"{{"path":"verdict.json","sha256":"{sha256}","size":{size}}}"#);
        ground.promise(&format!(r#"{{"files":[{file}],"folders":[],"version":1}}"#))
    };
    let found = |error: DepotError| match error {
        DepotError::OtherFile(file) => file.found,
        other => panic!("{other}"),
    };
    assert_eq!(found(ground.refused(promise(there, 1))), OtherContent::Longer);
    assert_eq!(found(ground.refused(promise(there, 3))), OtherContent::Other { sha256: there, size_bytes: 2 });
    assert!(matches!(ground.refused(promise(Sha256::of(b"other"), 2)), DepotError::Missing { .. }));
    // Content under a digest that is not its own.
    fs::write(ground.in_depot(&format!("files/job/{}", Sha256::of(b"[]"))), "{}").unwrap();
    assert!(matches!(found(ground.refused(promise(Sha256::of(b"[]"), 2))), OtherContent::Other { .. }));
}

#[test]
fn what_a_result_has_lost_comes_back_when_it_is_put_again() {
    let ground = Ground::new();
    let manifest = ground.with_job();
    fs::remove_dir_all(ground.in_depot("files/job")).unwrap();
    assert!(matches!(ground.refused(manifest.sha256()), DepotError::Missing { .. }));
    ground.with_job();
    ground.depot.get(&job(), manifest.sha256(), &ground.at("fetched/job")).unwrap();
}

#[test]
fn what_is_larger_than_any_result_is_neither_read_nor_written() {
    let ground = Ground::new();
    ground.with_job();
    let path = ground.in_depot("manifests/job.json");
    fs::File::create(&path).unwrap().set_len(twinbuild_depot::MAX_MANIFEST_BYTES + 1).unwrap();
    assert!(matches!(ground.refused(Sha256::of(b"")), DepotError::ManifestTooLarge { .. }));
    let folder = ground.result("large", &[]);
    fs::File::create(folder.join("sparse")).unwrap().set_len(twinbuild_depot::MAX_FILE_BYTES + 1).unwrap();
    let name = "large".parse().unwrap();
    assert!(matches!(ground.depot.put(&name, &folder).unwrap_err(), DepotError::Unfit { .. }));
    assert!(!ground.in_depot("files/large").exists());
}

#[test]
fn links_that_somebody_else_put_there_are_not_followed() {
    let ground = Ground::new();
    let manifest = ground.with_job();
    let promised = manifest.sha256();
    let is_refused = |error: DepotError| assert!(matches!(error, DepotError::NotPlain { .. }), "{error}");

    let content = ground.in_depot(&format!("files/job/{}", manifest.files()[0].sha256));
    fs::rename(&content, ground.at("elsewhere")).unwrap();
    symlink(ground.at("elsewhere"), &content).unwrap();
    is_refused(ground.refused(promised));
    fs::remove_file(&content).unwrap();
    fs::rename(ground.at("elsewhere"), &content).unwrap();

    for (place, other) in [("files/job", "a folder"), ("manifests/job.json", "a manifest"), ("files", "all")] {
        fs::rename(ground.in_depot(place), ground.at(other)).unwrap();
        symlink(ground.at(other), ground.in_depot(place)).unwrap();
        is_refused(ground.refused(promised));
        fs::remove_file(ground.in_depot(place)).unwrap();
        fs::rename(ground.at(other), ground.in_depot(place)).unwrap();
    }
    ground.depot.get(&job(), promised, &ground.at("fetched/job")).unwrap();
}

#[test]
fn a_pipe_that_somebody_else_put_there_is_not_waited_for() {
    let ground = Ground::new();
    let manifest = ground.with_job();
    let content = ground.in_depot(&format!("files/job/{}", manifest.files()[0].sha256));
    fs::remove_file(&content).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &content, rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(ground.refused(manifest.sha256()), DepotError::NotPlain { .. }));
}

#[test]
fn nothing_is_written_or_removed_over_links() {
    let ground = Ground::new();
    let outside = ground.result("outside", &[("precious", "kept"), ("job/precious", "kept")]);
    fs::create_dir_all(ground.in_depot("")).unwrap();
    symlink(&outside, ground.in_depot("files")).unwrap();
    let result = ground.result("job", &[("verdict.json", "{}")]);
    assert!(matches!(ground.depot.put(&job(), &result).unwrap_err(), DepotError::NotPlain { .. }));
    assert!(matches!(ground.depot.remove(&job()).unwrap_err(), DepotError::NotPlain { .. }));
    assert!(matches!(ground.depot.sweep_partial(Duration::ZERO).unwrap_err(), DepotError::NotPlain { .. }));

    fs::remove_file(ground.in_depot("files")).unwrap();
    fs::create_dir(ground.in_depot("files")).unwrap();
    symlink(&outside, ground.in_depot("files/job")).unwrap();
    assert!(matches!(ground.depot.put(&job(), &result).unwrap_err(), DepotError::NotPlain { .. }));
    ground.depot.remove(&job()).unwrap();
    assert!(!ground.in_depot("files/job").exists());

    fs::create_dir_all(ground.in_depot("files/job/deep/er")).unwrap();
    symlink(&outside, ground.in_depot("files/job/deep/link")).unwrap();
    ground.depot.remove(&job()).unwrap();
    assert!(!ground.in_depot("files/job").exists());
    assert_eq!(tree(&outside).len(), 3);
}

#[test]
fn a_result_is_laid_out_in_a_new_folder_only() {
    let ground = Ground::new();
    let promised = ground.with_job().sha256();
    let there = ground.result("there", &[("mine", "")]);
    assert!(matches!(ground.depot.get(&job(), promised, &there).unwrap_err(), DepotError::Occupied { .. }));
    assert_eq!(listing(&there), ["mine"]);
}

#[test]
fn a_place_of_another_kind_is_refused() {
    for place in ["", "gs://bucket", "https://example.org/depot"] {
        assert!(matches!(Depot::open(place).unwrap_err(), DepotError::Place { .. }), "{place}");
    }
    #[cfg(not(feature = "object-store"))]
    assert!(matches!(Depot::open("s3://bucket/x").unwrap_err(), DepotError::WithoutObjectStores { .. }));
    #[cfg(feature = "object-store")]
    for place in ["s3://", "s3:///x", "s3://some one@bucket/x", "s3://bucket/a?b", "s3://bucket/a//b"] {
        assert!(matches!(Depot::open(place).unwrap_err(), DepotError::Place { .. }), "{place}");
    }
}
