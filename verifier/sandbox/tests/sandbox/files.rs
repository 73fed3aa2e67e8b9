//! What goes in and what comes out.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use twinbuild_sandbox::{Bind, Collect, CollectReason, CollectedKind, Copy, End, Insertion, SkeletonFile, Spec};

use crate::fixture::{Fixture, ids, is_root, scratch, start, text};
use crate::harness::Test;

pub(crate) const TESTS: &[Test] = &[
    ("binds_are_read_only_and_follow_the_layers_symlinks", binds_are_read_only_and_follow_the_layers_symlinks),
    ("a_layer_in_a_closed_directory_can_be_used", a_layer_in_a_closed_directory_can_be_used),
    ("upper_layers_hide_lower_ones", upper_layers_hide_lower_ones),
    ("a_hostile_symlink_of_a_layer_leads_nowhere_outside", a_hostile_symlink_of_a_layer_leads_nowhere_outside),
    ("copies_keep_modes_and_times_and_belong_to_the_user", copies_keep_modes_and_times_and_belong_to_the_user),
    ("the_order_of_making_shows_in_the_directory", the_order_of_making_shows_in_the_directory),
    ("a_fifo_is_not_copied", a_fifo_is_not_copied),
    ("collected_files_are_exact", collected_files_are_exact),
    ("what_is_no_plain_file_is_not_collected", what_is_no_plain_file_is_not_collected),
    ("a_failed_command_is_not_collected", a_failed_command_is_not_collected),
];

fn binds_are_read_only_and_follow_the_layers_symlinks(fixture: &Fixture) {
    let host = scratch();
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(host.path().join("f"), "content").unwrap();
    let mut spec = fixture.spec("cat", &["/opt/tool/f", "/usr/bin/tool"]);
    spec.binds = vec![
        Bind { source: host.path().into(), target: "/opt/tool".into() },
        // /bin is a symlink, and must stay one.
        Bind { source: host.path().join("f"), target: "/bin/tool".into() },
    ];
    assert_eq!(text(&spec), "content\ncontent\n");
    spec.argv.truncate(2);
    spec.argv.extend(["write", "/opt/tool/g", "/bin/tool"].map(String::from));
    assert_eq!(text(&spec), "/opt/tool/g error 30\n/bin/tool error 30\n");
    assert!(!host.path().join("g").exists());
}

fn a_layer_in_a_closed_directory_can_be_used(fixture: &Fixture) {
    let closed = scratch();
    fs::create_dir_all(closed.path().join("deep/layer/data")).unwrap();
    fs::write(closed.path().join("deep/layer/data/f"), "content").unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut spec = fixture.spec("cat", &["/data/f"]);
    spec.layers.insert(0, closed.path().join("deep/layer"));
    assert_eq!(text(&spec), "content\n");
}

fn upper_layers_hide_lower_ones(fixture: &Fixture) {
    let layers = scratch();
    for (layer, content) in [("a", "upper"), ("b", "lower")] {
        fs::create_dir_all(layers.path().join(layer).join("data")).unwrap();
        fs::write(layers.path().join(layer).join("data/f"), content).unwrap();
        fs::write(layers.path().join(layer).join("data").join(layer), "").unwrap();
    }
    let mut spec = fixture.spec("cat", &["/data/f"]);
    spec.layers.extend([layers.path().join("a"), layers.path().join("b")]);
    assert_eq!(text(&spec), "upper\n");
    spec.argv.truncate(2);
    spec.argv.extend(["list", "/data"].map(String::from));
    assert_eq!(text(&spec), "a b f\n");
}

fn a_hostile_symlink_of_a_layer_leads_nowhere_outside(fixture: &Fixture) {
    let host = scratch();
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let layer = host.path().join("layer");
    fs::create_dir(&layer).unwrap();
    // As the host resolves it, an existing directory; as the sandbox does, one to be made.
    symlink("/var/lib", layer.join("opt")).unwrap();
    symlink("../../../../..", layer.join("up")).unwrap();
    let mut spec = fixture.spec("list", &["/opt", "/up"]);
    spec.layers.push(layer);
    spec.binds.push(Bind { source: fixture.layer(), target: "/opt/twinbuild-tool".into() });
    spec.files.push(SkeletonFile { path: "/up/opt/file".into(), content: Vec::new(), mode: 0o644 });
    assert_eq!(text(&spec), "file twinbuild-tool\nbin build dev etc lib lib64 opt proc tmp up usr var\n");
    assert!(!Path::new("/var/lib/twinbuild-tool").exists());
}

/// A small tree with awkward modes and times.
fn tree(at: &Path) {
    fs::create_dir(at.join("sub")).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for (name, mode) in [("sub/b", 0o664), ("sub/a", 0o755), ("c", 0o400)] {
        fs::write(at.join(name), name).unwrap();
        fs::set_permissions(at.join(name), fs::Permissions::from_mode(mode)).unwrap();
        File::open(at.join(name)).unwrap().set_modified(time).unwrap();
    }
    symlink("sub/a", at.join("link")).unwrap();
    fs::set_permissions(at.join("sub"), fs::Permissions::from_mode(0o775)).unwrap();
    File::open(at.join("sub")).unwrap().set_modified(time).unwrap();
}

fn copy_spec(spec: Spec, source: &Path, order: Insertion) -> Spec {
    let copy = Copy { source: source.into(), target: "/build/src".into(), order };
    Spec { copies: vec![copy], ..spec }
}

fn copies_keep_modes_and_times_and_belong_to_the_user(fixture: &Fixture) {
    let source = scratch();
    tree(source.path());
    let paths = ["/build/src/sub", "/build/src/sub/b", "/build/src/sub/a", "/build/src/c", "/build/src/link"];
    let mut spec = copy_spec(fixture.spec("modes", &paths), source.path(), Insertion::Sorted);
    spec.umask = 0o77;
    let found = text(&spec);
    let (uid, _) = ids();
    let expected = ["sub 40775", "sub/b 100664", "sub/a 100755", "c 100400"];
    for (line, expected) in found.lines().zip(expected) {
        assert!(line.starts_with(&format!("/build/src/{expected} {uid} 1000000000.123456789 ")), "{line}");
    }
    assert!(found.lines().nth(4).unwrap().starts_with(&format!("/build/src/link 120777 {uid} ")), "{found}");
    let spec = copy_spec(fixture.spec("cat", &["/build/src/link", "/build/src/c"]), source.path(), Insertion::Sorted);
    assert_eq!(text(&spec), "sub/a\nc\n");
    // Owned, so writable too.
    let spec =
        copy_spec(fixture.spec("write", &["/build/src/new", "/build/src/sub/b"]), source.path(), Insertion::Sorted);
    assert_eq!(text(&spec), "/build/src/new done\n/build/src/sub/b done\n");
    assert_eq!(fs::read_to_string(source.path().join("sub/b")).unwrap(), "sub/b");
}

fn the_order_of_making_shows_in_the_directory(fixture: &Fixture) {
    let source = scratch();
    for name in ["m", "a", "z", "k"] {
        fs::write(source.path().join(name), "").unwrap();
    }
    let order = |order| text(&copy_spec(fixture.spec("order", &["/build/src"]), source.path(), order));
    let (sorted, reversed) = (order(Insertion::Sorted), order(Insertion::Reversed));
    let mut names: Vec<&str> = sorted.split_ascii_whitespace().collect();
    names.reverse();
    assert_eq!(names, reversed.split_ascii_whitespace().collect::<Vec<_>>());
    assert_eq!(names.len(), 4);
}

fn a_fifo_is_not_copied(fixture: &Fixture) {
    let source = scratch();
    let path = CString::new(source.path().join("fifo").to_str().unwrap()).unwrap();
    // SAFETY: the path ends in NUL and lives across the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let error = start(&copy_spec(fixture.spec("true", &[]), source.path(), Insertion::Sorted)).unwrap_err();
    assert!(error.to_string().contains("fifo"), "{error}");
}

fn collect(fixture: &Fixture, make: &[&str], into: &Path, symlinks: bool) -> Spec {
    let mut spec = fixture.spec("make", make);
    spec.scratch.push("/build/out".into());
    spec.limits.file_bytes = u64::MAX;
    spec.limits.collect_files = 50;
    spec.limits.collect_bytes = 1 << 20;
    spec.collect = vec![Collect { directory: "/build/out".into(), into: into.into(), symlinks }];
    spec
}

fn collected_files_are_exact(fixture: &Fixture) {
    let into = scratch();
    let make = [
        "file:/build/out/plain:content",
        "dir:/build/out/d/e",
        "file:/build/out/d/e/suid:x",
        "mode:/build/out/d/e/suid:6755",
        "link:/build/out/link:/etc/passwd",
        "file:/build/out/secret:hidden",
        "mode:/build/out/secret:0",
        "mode:/build/out/d:0",
    ];
    let run = start(&collect(fixture, &make, into.path(), true)).unwrap();
    let found: Vec<(String, u32)> =
        run.collected.iter().map(|c| (c.path.to_str().unwrap().to_owned(), c.mode)).collect();
    let expected = [("d", 0), ("d/e", 0o755), ("d/e/suid", 0o755), ("link", 0o777), ("plain", 0o644), ("secret", 0)];
    assert_eq!(found, expected.map(|(path, mode)| (path.to_owned(), mode)));
    assert_eq!(run.collected[3].kind, CollectedKind::Symlink { target: "/etc/passwd".into() });
    assert_eq!(run.collected[4].kind, CollectedKind::File { size_bytes: 7 });
    assert!(fs::symlink_metadata(into.path().join("link")).is_err());
    assert_eq!(fs::read(into.path().join("plain")).unwrap(), b"content");
    let mode = |path: &str| fs::metadata(into.path().join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("d"), mode("secret"), mode("plain")), (0, 0o400, 0o644));
    fs::set_permissions(into.path().join("d"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(mode("d/e/suid"), 0o755);
    if is_root() {
        assert_eq!(fs::read(into.path().join("secret")).unwrap(), b"hidden");
    }
}

fn what_is_no_plain_file_is_not_collected(fixture: &Fixture) {
    let reason = |make: &[&str]| {
        let into = scratch();
        let run = start(&collect(fixture, make, into.path(), false)).unwrap();
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0, "{make:?}");
        // What it did is told all the same.
        assert_eq!((run.end, run.collected.len()), (End::Exited(0), 0), "{make:?}");
        assert_eq!(run.evidence.unwrap().executions.len(), 1, "{make:?}");
        run.refused.unwrap().reason
    };
    let special = |kind: &str| CollectReason::SpecialFile { kind: kind.into() };
    assert_eq!(reason(&["file:/build/out/a:x", "fifo:/build/out/x"]), special("fifo"));
    assert_eq!(reason(&["socket:/build/out/x"]), special("socket"));
    assert_eq!(reason(&["link:/build/out/x:/etc/passwd"]), CollectReason::Symlink { target: "/etc/passwd".into() });
    assert_eq!(
        reason(&["sparse:/build/out/x:1099511627776"]),
        CollectReason::TooManyBytes { size_bytes: 1 << 40, left_bytes: 1 << 20 }
    );
    assert_eq!(reason(&["many:/build/out:51"]), CollectReason::TooManyFiles { limit: 50 });
    assert_eq!(reason(&["remove:/build/out"]), CollectReason::NoDirectory);
    assert_eq!(reason(&["remove:/build/out", "link:/build/out:/etc"]), CollectReason::NoDirectory);
}

fn a_failed_command_is_not_collected(fixture: &Fixture) {
    let into = scratch();
    let mut spec = collect(fixture, &[], into.path(), false);
    spec.argv = fixture.spec("exit", &["3"]).argv;
    assert!(start(&spec).unwrap().collected.is_empty());
}
