//! A published sdist against its rebuilds, with one thing changed at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use twinbuild_archive::{Format, Limits, read};
use twinbuild_compare::{ContainerDifferences, Normalizing, Relation, Severity, Side, SourceIndex, ThreeWay, compare};
use twinbuild_subject::Sha256;

/// A member of an sdist in the making.
#[derive(Clone)]
struct Entry {
    header: tar::Header,
    content: Vec<u8>,
}

fn entry(name: &str, content: &[u8]) -> Entry {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_mtime(1_700_000_000);
    header.set_uid(0);
    header.set_gid(0);
    Entry { header, content: content.to_vec() }
}

fn entries() -> Vec<Entry> {
    vec![
        entry("demo-1.0/PKG-INFO", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nDescription: x\n"),
        entry("demo-1.0/demo.py", b"VALUE = 42\n"),
        entry("demo-1.0/setup.py", b"from setuptools import setup\nsetup()\n"),
    ]
}

/// The expanded tar.
fn written(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for Entry { header, content } in entries {
        let mut header = header.clone();
        header.set_cksum();
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn changed(change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
    let mut all = entries();
    change(&mut all);
    written(&all)
}

fn gzip(tar: &[u8], level: u32, seconds: u32) -> Vec<u8> {
    let mut encoder: GzEncoder<_> = GzBuilder::new().mtime(seconds).write(Vec::new(), Compression::new(level));
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

fn judge(published: &Vec<u8>, rebuilt: &Vec<u8>, format: Format) -> ThreeWay {
    let archives = [published, rebuilt].map(|bytes| read(bytes, format, &Limits::default()).unwrap());
    let left = Side { archive: &archives[0], bytes: published, sha256: Sha256::of(published) };
    let right = Side { archive: &archives[1], bytes: rebuilt, sha256: Sha256::of(rebuilt) };
    let found = compare(&left, &right, &right, &SourceIndex::default(), Normalizing::Yes).unwrap();
    let bytes = found.comparison.bytes;
    assert_eq!(bytes.identical + bytes.container + bytes.normalized + bytes.differing, bytes.total);
    assert_eq!(bytes.total, published.len() as u64);
    found
}

/// Whether the published file, plain and in gzip, is equivalent to the plain rebuild and comes out of it.
fn equivalent(published: &Vec<u8>) -> ContainerDifferences {
    let rebuilt = written(&entries());
    let in_gzip = judge(&gzip(published, 9, 7), &gzip(&rebuilt, 6, 0), Format::TarGz);
    assert_eq!(in_gzip.comparison.first, Relation::Equivalent, "{:#?}", in_gzip.findings);
    assert!(in_gzip.comparison.repacked_first && in_gzip.comparison.repacked_second && in_gzip.container.gzip_header);
    assert_eq!(in_gzip.comparison.bytes.differing, 0);
    let found = judge(published, &rebuilt, Format::Tar);
    assert_eq!(found.comparison.first, Relation::Equivalent, "{:#?}", found.findings);
    assert!(found.comparison.repacked_first && found.comparison.repacked_second);
    assert_eq!((found.comparison.bytes.differing, found.mismatch), (0, None));
    assert!(found.comparison.bytes.identical > 0);
    found.container
}

/// The published file differs, plain and in gzip, with this finding of `demo.py`.
fn differs(published: &[u8], code: &str) {
    let rebuilt = written(&entries());
    for (published, rebuilt, format) in [
        (published.to_vec(), rebuilt.clone(), Format::Tar),
        (gzip(published, 6, 0), gzip(&rebuilt, 6, 0), Format::TarGz),
    ] {
        let found = judge(&published, &rebuilt, format);
        assert_eq!(found.comparison.first, Relation::Different, "{code}");
        let of_member = |path: &twinbuild_subject::MemberPath| path.ends_with("demo.py");
        let is_it =
            found.findings.iter().any(|finding| finding.code == code && finding.path.as_ref().is_some_and(of_member));
        assert!(is_it, "no {code} among {:#?}", found.findings);
        assert!(found.comparison.bytes.differing > 0 && !found.comparison.repacked_first);
    }
}

#[test]
fn permitted_differences_are_equivalent_and_counted() {
    let found = equivalent(&changed(|all| all[1].header.set_mtime(1)));
    assert_eq!((found.times, found.owners, found.dialect, found.modes), (1, 0, 0, 0));
    let found = equivalent(&changed(|all| {
        all[1].header.set_uid(1000);
        all[1].header.set_username("runner").unwrap();
    }));
    assert_eq!((found.times, found.owners, found.dialect), (0, 1, 0));
    let found = equivalent(&changed(|all| all[1].header.set_mode(0o664)));
    assert_eq!((found.modes, found.dialect), (1, 0));
    let found = equivalent(&changed(|all| {
        for entry in all {
            let mut header = tar::Header::new_gnu();
            header.set_path(entry.header.path().unwrap()).unwrap();
            header.set_mode(0o644);
            header.set_size(entry.header.size().unwrap());
            header.set_mtime(1_700_000_000);
            header.set_uid(0);
            header.set_gid(0);
            entry.header = header;
        }
    }));
    assert_eq!((found.dialect, found.times), (3, 0));
    assert!(equivalent(&changed(|all| all.reverse())).member_order);
    assert!(equivalent(&[written(&entries()), vec![0; 4096]].concat()).blocking_factor);
}

#[test]
fn what_is_no_parameter_names_the_member() {
    differs(&changed(|all| all[1].content[8] = b'5'), "content-changed");
    differs(&changed(|all| all[1].header.set_mode(0o755)), "mode-changed");
    differs(&changed(|all| all[1].header.set_mode(0o4644)), "mode-changed");
    differs(&changed(|all| all[1].header.as_old_mut().mode = [0; 8]), "mode-changed");
    differs(&changed(|all| all[1].header.set_link_name("payload").unwrap()), "container-field");
    differs(
        &changed(|all| all[1].header.as_ustar_mut().unwrap().uname[..3].copy_from_slice(b"a\nb")),
        "container-field",
    );
    differs(&changed(|all| all[1].header.set_device_major(7).unwrap()), "container-field");
}

#[test]
fn what_is_normalized_is_counted_and_not_called_container() {
    let with = |seconds| changed(|all| all.push(entry("demo-1.0/demo.1.gz", &gzip(b"text", 6, seconds))));
    let (published, rebuilt) = (with(1), with(2));
    for (published, rebuilt, format) in [
        (published.clone(), rebuilt.clone(), Format::Tar),
        (gzip(&published, 6, 0), gzip(&rebuilt, 6, 0), Format::TarGz),
    ] {
        let found = judge(&published, &rebuilt, format);
        assert_eq!(found.comparison.first, Relation::Equivalent, "{:#?}", found.findings);
        assert_eq!(found.normalizations.len(), 1);
        let bytes = found.comparison.bytes;
        assert!(bytes.normalized > 0 && bytes.differing == 0 && !found.comparison.repacked_first);
    }
}

#[test]
fn another_owner_of_what_runs_as_its_owner_is_an_alert() {
    let set_id = |uid| {
        changed(|all| {
            all[1].header.set_mode(0o4755);
            all[1].header.set_uid(uid);
        })
    };
    let found = judge(&set_id(0), &set_id(1000), Format::Tar);
    assert_eq!(found.comparison.first, Relation::Different);
    let alerts = found.findings.iter().filter(|finding| finding.severity == Severity::Alert);
    assert_eq!(alerts.map(|finding| &*finding.code).collect::<Vec<_>>(), ["owner-changed"]);
    assert_eq!(judge(&set_id(0), &set_id(0), Format::Tar).comparison.first, Relation::Identical);
}
