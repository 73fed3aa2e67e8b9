//! Tars, plain and in gzip: as tools write them they come out byte for byte; what is no container parameter is refused.

use proptest::prelude::*;
use twinbuild_archive::{Archive, ReadAt};
use twinbuild_repack::{
    Column, ContainerParameters, Dialect, Encoder, Exactness, FREE_BYTES_ALLOWED, GzipName, GzipStream, InferError,
    NameForm, NumberForm, Parameters, Reason, RepackError, TarOwner, TarParameters, Unfit, infer, is_exact, repack,
};

use crate::tar_tools::{Block, GZIP, file, gz_archive, gzip, output_of, pax, tar, tar_archive};

fn tar_exactness(published: &Vec<u8>, rebuilt: &Vec<u8>) -> Exactness {
    is_exact(&tar_archive(published), published, &tar_archive(rebuilt), rebuilt).unwrap()
}

/// The parameters of a published tar that comes out of the rebuild, once more after they were JSON.
#[track_caller]
fn exact(published: &Vec<u8>, rebuilt: &Vec<u8>) -> TarParameters {
    let Exactness::Exact(found) = tar_exactness(published, rebuilt) else {
        panic!("{:?}", tar_exactness(published, rebuilt))
    };
    let json = serde_json::to_string(&found).unwrap();
    let found: Parameters = serde_json::from_str(&json).unwrap();
    let mut written = Vec::new();
    repack(&found, &tar_archive(rebuilt), rebuilt, &mut written).unwrap();
    assert!(written == *published, "other bytes were written");
    match found.container {
        ContainerParameters::Tar(tar) => *tar,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refusal(published: &Vec<u8>) -> Reason {
    refusal_of(&tar_archive(published), published)
}

#[track_caller]
fn refusal_of(archive: &Archive, bytes: &dyn ReadAt) -> Reason {
    match infer(archive, bytes) {
        Err(InferError::NotRepackable(refused)) => refused.reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn refused_field(published: &Vec<u8>) -> &'static str {
    match refusal(published) {
        Reason::TarField { field, .. } => field,
        other => panic!("{other:?}"),
    }
}

fn a() -> Block {
    Block::new("demo/a.py", b'0', 2)
}

fn plain() -> Vec<u8> {
    tar(&[Block::new("demo/", b'5', 0).with(b""), a().with(b"a\n"), file("demo/b.py", "b\n")])
}

/// The plain tar with another header for `demo/a.py`.
fn with(block: Block) -> Vec<u8> {
    with_all(&[block.with(b"a\n")])
}

fn with_all(a: &[Vec<u8>]) -> Vec<u8> {
    tar(&[Block::new("demo/", b'5', 0).with(b""), a.concat(), file("demo/b.py", "b\n")])
}

#[test]
fn times_owners_modes_dialects_and_order_are_parameters() {
    for published in [
        plain(),
        with(a().time(1)),
        with(a().owner(1000, "builder")),
        with(a().put(100, b"0000664\0")),
        with(a().put(100, b"0100644\0")),
        with(a().put(257, b"ustar  \0")),
        with(a().put(257, &[0; 8]).put(156, &[0])),
        with(a().put(329, b"0000000\x000000000\0")),
        with(a().put(100, b"000644 \0")),
        with(a().put(108, b"\x80\0\0\0\x01\0\0\0")),
        with_all(&[pax(&[("mtime", "1700000000.1234567")]), a().with(b"a\n")]),
        with_all(&[pax(&[("mtime", "1700000000.9"), ("atime", "5.0")]), a().time(1_700_000_001).with(b"a\n")]),
        tar(&[file("demo/b.py", "b\n"), a().with(b"a\n"), Block::new("demo/", b'5', 0).with(b"")]),
        [plain(), vec![0; 10_240 - plain().len() % 10_240]].concat(),
    ] {
        exact(&published, &plain());
        exact(&plain(), &published);
    }
    let found = exact(&plain(), &plain());
    assert!(matches!(&found.form, Column::All(form) if form.dialect == Dialect::Ustar && form.name == NameForm::Whole));
    assert!(found.free_bytes_of_all().iter().all(|bytes| *bytes <= FREE_BYTES_ALLOWED));
}

#[test]
fn other_contents_and_kinds_are_never_exact() {
    let changed = with_all(&[a().with(b"c\n")]);
    assert!(matches!(tar_exactness(&plain(), &changed), Exactness::Different { .. }));
    let link = with_all(&[Block::new("demo/a.py", b'2', 0).put(157, b"b.py").with(b"")]);
    assert!(!matches!(tar_exactness(&plain(), &link), Exactness::Exact(_)));
    assert!(!matches!(tar_exactness(&link, &plain()), Exactness::Exact(_)));
}

#[test]
fn modes_that_run_or_protect_are_refused() {
    for mode in [b"0000755\0", b"0004644\0", b"0000666\0", b"0000444\0", b"0002644\0"] {
        let outcome = tar_exactness(&with(a().put(100, mode)), &plain());
        assert!(matches!(outcome, Exactness::Unfit(Unfit::Mode { .. })), "{outcome:?}");
    }
}

#[test]
fn a_blank_mode_is_no_other() {
    let blank = with(a().put(100, &[0; 8]));
    exact(&blank, &blank);
    for (published, rebuilt) in [(&blank, &plain()), (&plain(), &blank)] {
        let outcome = tar_exactness(published, rebuilt);
        assert!(matches!(outcome, Exactness::Unfit(Unfit::Mode { .. })), "{outcome:?}");
    }
}

#[test]
fn what_runs_as_its_owner_keeps_it() {
    for mode in [b"0004755\0", b"0002755\0"] {
        let set_id = |number: u32, name: &str| with(a().put(100, mode).owner(number, name));
        exact(&set_id(0, ""), &set_id(0, ""));
        for published in [set_id(1000, ""), set_id(0, "root")] {
            let outcome = tar_exactness(&published, &set_id(0, ""));
            assert!(matches!(outcome, Exactness::Unfit(Unfit::Owner { .. })), "{outcome:?}");
        }
        let by_pax = with_all(&[pax(&[("uid", "3000000000")]), a().put(100, mode).owner(0, "").with(b"a\n")]);
        exact(&by_pax, &by_pax);
        let outcome = tar_exactness(&by_pax, &set_id(0, ""));
        assert!(matches!(outcome, Exactness::Unfit(Unfit::Owner { .. })), "{outcome:?}");
    }
}

#[test]
fn long_names_come_back_from_another_dialect() {
    let long = format!("demo/{}/long.py", "folder".repeat(20));
    let cut = &long[..100];
    let gnu = |name: &str| {
        let text = [long.as_bytes(), b"\0"].concat();
        let header = Block::new("././@LongLink", b'L', text.len()).put(257, b"ustar  \0").time(0).with(&text);
        tar(&[header, Block::new(name, b'0', 1).put(257, b"ustar  \0").with(b"x")])
    };
    let by_pax = |name: &str| tar(&[pax(&[("path", &long)]), Block::new(name, b'0', 1).with(b"x")]);
    let split = tar(&[Block::new("long.py", b'0', 1).put(345, &long.as_bytes()[..long.len() - 8]).with(b"x")]);
    for published in [&gnu(cut), &by_pax(cut), &split, &gnu(&long[..99])] {
        for rebuilt in [&gnu(cut), &by_pax(cut), &split] {
            exact(published, rebuilt);
        }
    }
    // A name that no reader takes may be as it was built, and nothing else.
    let hidden = by_pax("payload");
    assert_eq!(exact(&hidden, &by_pax("payload")).form.iter().next().map(|form| form.name), Some(NameForm::AsBuilt));
    assert!(matches!(tar_exactness(&hidden, &by_pax(cut)), Exactness::NotRepackable(_)));
}

#[test]
fn what_could_carry_text_is_refused() {
    assert_eq!(refused_field(&with(a().put(265, b"line\nbreak"))), "a user name");
    assert_eq!(refused_field(&with(a().put(297, "größe".as_bytes()))), "a group name");
    assert_eq!(refused_field(&with(a().put(108, b"\x80\0\0\x01\0\0\0\0"))), "a user id");
    assert_eq!(refused_field(&with(a().put(108, b"\xff\xff\xff\xff\xff\xff\xff\xfe"))), "a user id");
    assert_eq!(refused_field(&with(a().put(329, b"0000001\0"))), "a device number");
    assert_eq!(refused_field(&with(a().put(100, b"0200644\0"))), "a mode");
    assert_eq!(refused_field(&with(a().put(157, b"payload"))), "a link target");
    assert_eq!(refused_field(&with(a().put(124, &[&[0x80][..], &[0; 10], &[2]].concat()))), "a form of its size");
    assert!(matches!(refusal(&with(a().put(500, b"hidden"))), Reason::Anomaly { code: "tar-header-padding", .. }));
}

#[test]
fn records_that_are_unknown_or_not_needed_are_refused() {
    let by = |records: &[(&str, &str)]| with_all(&[pax(records), a().with(b"a\n")]);
    for (key, value, field) in [
        ("path", "demo/a.py", "an extension for its short name"),
        ("size", "2", "a PAX record"),
        ("uid", "1000", "a PAX record"),
        ("uid", "99999999999", "a PAX record"),
        ("uname", "root", "a PAX record"),
        ("mtime", "1600000000.5", "a time in its PAX header"),
        ("mtime", "1700000000.1234567891", "a PAX record"),
        ("mtime", "1700000000.", "a PAX record"),
    ] {
        assert_eq!(refused_field(&by(&[(key, value)])), field, "{key}={value}");
    }
    assert_eq!(refused_field(&by(&[])), "a PAX header without records");
    assert!(matches!(refusal(&by(&[("x.payload", "hi")])), Reason::Anomaly { code: "pax-unknown-key", .. }));
    let name = b"demo/a.py\0";
    let gnu = with_all(&[Block::new("././@LongLink", b'L', name.len()).with(name), a().with(b"a\n")]);
    assert_eq!(refused_field(&gnu), "an extension for its short name");
}

#[test]
fn bytes_beside_members_are_refused() {
    assert!(matches!(refusal(&[plain(), b"x".to_vec()].concat()), Reason::Anomaly { code: "tar-trailer", .. }));
    let mut padded = plain();
    padded[512 + 512 + 100] = b'x';
    assert!(matches!(refusal(&padded), Reason::Anomaly { code: "tar-padding", .. }));
    assert!(matches!(refusal(&plain()[..plain().len() - 512].to_vec()), Reason::Anomaly { .. }));
    let long = [plain(), vec![0; 512 * 8192]].concat();
    assert_eq!(refusal(&long), Reason::EndBlocks { blocks: 8194 });
}

#[test]
fn global_headers_have_to_be_the_rebuilds() {
    let global = |commit: &str| {
        let body = format!("52 comment={commit}\n");
        [Block::new("pax_global_header", b'g', body.len()).with(body.as_bytes()), plain()].concat()
    };
    let (one, other) = (global(&"0".repeat(40)), global(&"1".repeat(40)));
    exact(&one, &one);
    let outcome = tar_exactness(&one, &other);
    assert!(matches!(&outcome, Exactness::NotRepackable(refused) if refused.reason == Reason::Globals), "{outcome:?}");
    assert!(!matches!(tar_exactness(&one, &plain()), Exactness::Exact(_)));
    assert!(!matches!(tar_exactness(&plain(), &one), Exactness::Exact(_)));
}

#[test]
fn a_hard_link_stays_behind_its_file() {
    let link = Block::new("demo/link", b'1', 0).put(157, b"demo/a.py").with(b"");
    let published = tar(&[a().with(b"a\n"), link.clone(), file("demo/b.py", "b\n")]);
    let rebuilt = tar(&[file("demo/b.py", "b\n"), a().with(b"a\n"), link]);
    let mut found = exact(&published, &rebuilt);
    found.order.spans.reverse();
    let parameters = Parameters { version: 2, container: ContainerParameters::Tar(Box::new(found)) };
    let outcome = repack(&parameters, &tar_archive(&rebuilt), &rebuilt, &mut vec![]);
    assert!(matches!(outcome, Err(RepackError::Unfit(_))), "{outcome:?}");
}

#[test]
fn owners_and_digits_are_counted_as_a_channel() {
    let free = |published: &Vec<u8>| exact(published, &plain()).free_bytes_of_all();
    assert!(free(&with(a().owner(1000, "root"))).iter().all(|bytes| *bytes <= FREE_BYTES_ALLOWED));
    assert!(free(&with(a().owner(1_234_567, "meet-me-at-dawn")))[1] > FREE_BYTES_ALLOWED);
    let times = pax(&[("mtime", "1700000000.123456789"), ("atime", "1234567.5")]);
    assert!(free(&with_all(&[times, a().with(b"a\n")]))[1] > FREE_BYTES_ALLOWED);
    let cpython = |seconds: u64, name: &str| {
        let time = format!("{seconds}.1234567");
        [pax(&[("mtime", &time)]), Block::new(name, b'0', 2).time(seconds).with(b"a\n")].concat()
    };
    let (first, second) = (cpython(1_700_000_123, "demo/a.py"), cpython(1_600_000_321, "demo/b.py"));
    let found = exact(&tar(&[first.clone(), second.clone()]), &tar(&[second, first]));
    assert!(found.free_bytes_of_all().iter().all(|bytes| *bytes <= FREE_BYTES_ALLOWED));
}

#[test]
fn a_tar_in_gzip_comes_back_at_another_level() {
    let rebuilt = gzip(&GZIP, &plain(), 6);
    let named = [&[0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 0, 3], b"demo.tar\0".as_slice()].concat();
    for published in [
        gzip(&[0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 2, 3], &plain(), 6),
        gzip(&named, &plain(), 6),
        gzip(&GZIP, &plain(), 9),
        gzip(&named, &with(a().time(5)), 1),
    ] {
        let outcome = is_exact(&gz_archive(&published), &published, &gz_archive(&rebuilt), &rebuilt).unwrap();
        let Exactness::Exact(found) = outcome else { panic!("{outcome:?}") };
        let ContainerParameters::TarGz(found) = found.container else { panic!() };
        assert_eq!(found.file_name, if published[3] == 8 { GzipName::FolderTar } else { GzipName::None });
        let same_stream = published.ends_with(&rebuilt[10..]);
        assert_eq!(matches!(found.stream, GzipStream::AsBuilt), same_stream);
    }
}

#[test]
fn gzip_headers_that_say_more_are_refused() {
    let of = |header: &[u8]| {
        let bytes = gzip(header, &plain(), 6);
        refusal_of(&gz_archive(&bytes), &bytes)
    };
    let field = |header: &[u8]| match of(header) {
        Reason::GzipField { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 7, 255]), "an XFL");
    assert_eq!(field(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 77]), "an OS");
    assert_eq!(field(&[&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3], b"payload\0".as_slice()].concat()), "a file name");
    let comment = [&[0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 3], b"curl | sh\0".as_slice()].concat();
    assert!(matches!(of(&comment), Reason::Anomaly { code: "gzip-comment", .. }));
}

#[test]
fn a_stream_of_no_known_encoder_is_refused_unless_the_rebuild_has_it() {
    let stuffed = |time: u8| {
        let honest = gzip(&[0x1f, 0x8b, 8, 0, time, 0, 0, 0, 2, 255], &plain(), 6);
        [&honest[..10], &[0, 0, 0, 0xff, 0xff], &honest[10..]].concat()
    };
    assert!(matches!(refusal_of(&gz_archive(&stuffed(1)), &stuffed(1)), Reason::Encoder { .. }));
    let (published, rebuilt) = (stuffed(1), stuffed(2));
    let outcome = is_exact(&gz_archive(&published), &published, &gz_archive(&rebuilt), &rebuilt).unwrap();
    assert!(matches!(outcome, Exactness::Exact(_)), "{outcome:?}");
}

#[test]
fn parameters_from_a_stranger_are_checked() {
    let valid = exact(&plain(), &plain());
    let refused = |change: &dyn Fn(&mut TarParameters)| {
        let mut tar = valid.clone();
        change(&mut tar);
        let parameters = Parameters { version: 2, container: ContainerParameters::Tar(Box::new(tar)) };
        repack(&parameters, &tar_archive(&plain()), &plain(), &mut vec![]).unwrap_err().to_string()
    };
    assert!(refused(&|tar| tar.end_blocks = 1).contains("endBlocks"));
    assert!(refused(&|tar| tar.end_blocks = u32::MAX).contains("endBlocks"));
    assert!(refused(&|tar| tar.globals = 1).contains("global"));
    assert!(refused(&|tar| tar.modified = Column::Runs(vec![])).contains("modified"));
    assert!(refused(&|tar| tar.modified = Column::All(Some(-1))).contains("header"));
    assert!(refused(&|tar| tar.members = 2).contains("mode"));
    let zip = crate::of_zip(&crate::parameters(&crate::raw_zip::zip(&[])));
    let outcome = repack(&zip, &tar_archive(&plain()), &plain(), &mut vec![]);
    assert!(matches!(outcome, Err(RepackError::Unfit(Unfit::Container))), "{outcome:?}");
    let gzip = |encoder| {
        let stream = GzipStream::Written { encoder, tar: Box::new(valid.clone()) };
        let (effort, file_name) = (twinbuild_repack::GzipEffort::Normal, GzipName::None);
        let gzip = twinbuild_repack::GzipParameters { modified: 0, effort, system: 3, file_name, stream };
        let parameters = Parameters { version: 2, container: ContainerParameters::TarGz(Box::new(gzip)) };
        repack(&parameters, &tar_archive(&plain()), &plain(), &mut vec![])
    };
    assert!(matches!(gzip(Encoder::Stored), Err(RepackError::Unfit(Unfit::Invalid { what: "encoder" }))));
    gzip(Encoder::DEFAULT).unwrap();
}

#[test]
fn parameters_write_no_header_that_readers_take_for_different_ones() {
    let valid = exact(&plain(), &plain());
    let outcome = |tar: TarParameters| {
        let parameters = Parameters { version: 2, container: ContainerParameters::Tar(Box::new(tar)) };
        repack(&parameters, &tar_archive(&plain()), &plain(), &mut vec![])
    };
    let (Column::All(form), Column::All(owner)) = (&valid.form, &valid.owner) else { panic!("{valid:?}") };
    let (mut spaces, mut old) = (*form, *form);
    spaces.numbers.uid = NumberForm::BlankSpaces;
    let nobody = TarOwner { uid: None, ..owner.clone() };
    let blank = TarParameters { form: Column::All(spaces), owner: Column::All(nobody), ..valid.clone() };
    assert!(matches!(outcome(blank), Err(RepackError::Unfit(Unfit::TarHeader { .. }))));
    old.has_old_type = true;
    let with_old_folder = TarParameters { form: Column::All(old), ..valid.clone() };
    assert!(matches!(outcome(with_old_folder), Err(RepackError::Unfit(Unfit::TarHeader { .. }))));
    let by_pax = exact(&with_all(&[pax(&[("mtime", "1700000000.5")]), a().with(b"a\n")]), &plain());
    let v7 = serde_json::to_string(&by_pax).unwrap().replace("\"ustar\"", "\"v7\"");
    let outcome = outcome(serde_json::from_str(&v7).unwrap());
    assert!(matches!(outcome, Err(RepackError::Unfit(Unfit::Invalid { what: "extensions" }))), "{outcome:?}");
}

/// What GNU tar writes in each of its formats; `None` where it is not installed.
fn by_gnu_tar(folder: &std::path::Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let folder = folder.to_str().unwrap();
    output_of("tar", &[&["-C", folder, "-cf", "-"], arguments, &["demo"]].concat(), "")
}

#[test]
fn what_gnu_tar_writes_comes_back_from_each_of_its_formats() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let deep = demo.join("x".repeat(70)).join("y".repeat(70));
    std::fs::create_dir_all(&deep).unwrap();
    for (path, contents) in [(demo.join("a"), "a"), (demo.join("z"), ""), (deep.join("c"), "c")] {
        std::fs::write(path, contents).unwrap();
    }
    std::os::unix::fs::symlink("a", demo.join("link")).unwrap();
    let is_gnu = output_of("tar", &["--version"], "").is_some_and(|text| text.starts_with(b"tar (GNU tar)"));
    if !is_gnu {
        return;
    }
    let formats = ["--format=oldgnu", "--format=gnu", "--format=ustar", "--format=posix"];
    let rebuilt: Vec<Vec<u8>> =
        formats.iter().filter_map(|format| by_gnu_tar(folder.path(), &["--sort=name", format])).collect();
    for format in formats {
        // A group whose number ustar has no room for, and no record either.
        let group = if format == "--format=ustar" { "--group=them:123" } else { "--group=them:3000000" };
        let arguments = [format, "--sort=name", "--owner=me:1234", group, "--mtime=@1234567890.5"];
        for more in ["-b1", "-b20", "--mode=g+w"] {
            let Some(published) = by_gnu_tar(folder.path(), &[arguments.as_slice(), &[more]].concat()) else { return };
            for rebuilt in &rebuilt {
                exact(&published, rebuilt);
            }
        }
    }
    // Version 7 has no long names.
    std::fs::remove_dir_all(demo.join("x".repeat(70))).unwrap();
    let by = |format| by_gnu_tar(folder.path(), &[format, "--sort=name"]);
    if let (Some(old), Some(new)) = (by("--format=v7"), by("--format=posix")) {
        exact(&old, &new);
        exact(&new, &old);
    }
}

/// A script for CPython: tars of each format, from descriptions of members that were drawn.
const WRITE_BY_CPYTHON: &str = r#"
import io, json, sys, tarfile
case = json.load(sys.stdin)
out = io.BytesIO()
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
options = {"compresslevel": case["level"]} if case["level"] else {}
with tarfile.open(fileobj=out, mode="w:gz" if case["level"] else "w", format=formats[case["format"]], **options) as tar:
    for member in case["members"]:
        info = tarfile.TarInfo(member["name"])
        info.mode = 0o755 if member["directory"] else 0o644
        info.type = tarfile.DIRTYPE if member["directory"] else tarfile.REGTYPE
        info.uid, info.gid, info.uname, info.gname = member["uid"], member["gid"], member["user"], member["group"]
        info.mtime = member["time"] if case["format"] == "pax" else int(member["time"])
        contents = member["contents"].encode()
        info.size = 0 if member["directory"] else len(contents)
        tar.addfile(info, io.BytesIO(contents))
sys.stdout.buffer.write(out.getvalue())
"#;

fn drawn_member() -> impl Strategy<Value = serde_json::Value> {
    let owner = (
        prop_oneof![Just(0_u32), 0..70_000_u32, any::<u32>()],
        prop_oneof![Just(0_u32), 0..70_000_u32],
        "[a-z][a-z0-9-]{0,31}",
        prop_oneof![Just(String::new()), Just("root".to_owned())],
    );
    let time = prop_oneof![
        (0..4_000_000_000_u32).prop_map(f64::from),
        (1_500_000_000..1_900_000_000_u32, 0..1_000_000_000_u32)
            .prop_map(|(seconds, nanoseconds)| f64::from(seconds) + f64::from(nanoseconds) / 1e9),
    ];
    ("[a-zé/]{1,40}", prop_oneof![3 => Just(0), 1 => 60..140_usize], owner, time, any::<bool>(), "[a-z]{0,2000}")
        .prop_map(|(name, more, (uid, gid, user, group), time, is_directory, contents)| {
            let name = name.replace('/', "x/x") + &"y".repeat(more / 2) + "/" + &"z".repeat(1 + more / 2);
            serde_json::json!({
                "name": name, "directory": is_directory, "uid": uid, "gid": gid, "user": user, "group": group,
                "time": time, "contents": contents,
            })
        })
}

fn drawn_tar() -> impl Strategy<Value = Vec<serde_json::Value>> {
    proptest::collection::vec(drawn_member(), 1..5).prop_map(|mut members| {
        for (index, member) in members.iter_mut().enumerate() {
            member["name"] = format!("demo/m{index}{}", member["name"].as_str().unwrap()).into();
        }
        members
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_cpython_writes_comes_back_from_each_of_its_formats(
        members in drawn_tar(),
        others in drawn_tar(),
        formats in (0..3_usize, 0..3_usize),
        level in prop_oneof![Just(0), 1..10_u32],
        is_reversed in any::<bool>(),
    ) {
        let names = ["ustar", "gnu", "pax"];
        let by_cpython = |format: usize, members: &[serde_json::Value]| {
            let members: Vec<_> = members.iter().cloned().map(|mut member| {
                // Only PAX has large owners, as CPython writes them.
                if names[format] == "ustar" && member["uid"].as_u64() > Some(0o7_777_777) {
                    member["uid"] = 7.into();
                }
                member
            }).collect();
            let case = serde_json::json!({ "format": names[format], "level": level, "members": members });
            output_of("python3", &["-c", WRITE_BY_CPYTHON], &case.to_string())
        };
        // The rebuild has the same members with other times and owners, in another order and format.
        let mut built: Vec<serde_json::Value> = members.clone();
        for (member, other) in built.iter_mut().zip(others.iter().cycle()) {
            for key in ["uid", "gid", "user", "group", "time"] {
                member[key] = other[key].clone();
            }
        }
        if is_reversed {
            built.reverse();
        }
        let (Some(published), Some(rebuilt)) = (by_cpython(formats.0, &members), by_cpython(formats.1, &built)) else {
            return Ok(());
        };
        let archive = if level == 0 { tar_archive } else { gz_archive };
        let outcome = is_exact(&archive(&published), &published, &archive(&rebuilt), &rebuilt).unwrap();
        prop_assert!(matches!(outcome, Exactness::Exact(_)), "{outcome:?}");
    }

    #[test]
    fn parameters_write_the_same_tar_or_there_are_none(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        fixes_sums in any::<bool>(),
    ) {
        let long = format!("demo/{}/long.py", "folder".repeat(20));
        let mut bytes = tar(&[
            Block::new("demo/", b'5', 0).with(b""),
            pax(&[("path", &long), ("mtime", "1700000000.25")]),
            a().with(b"a\n"),
            file("demo/b.py", "b\n"),
        ]);
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        if fixes_sums {
            for start in [0, 512, 1536, 2560] {
                let block = Block { bytes: *bytes[start..].first_chunk().unwrap() };
                bytes[start..start + 512].copy_from_slice(&block.with(b""));
            }
        }
        let read = twinbuild_archive::read(&bytes, twinbuild_archive::Format::Tar, &twinbuild_archive::Limits::default());
        let Ok(archive) = read else { return Ok(()) };
        match infer(&archive, &bytes) {
            Ok(parameters) => {
                let mut written = Vec::new();
                repack(&parameters, &archive, &bytes, &mut written).unwrap();
                prop_assert_eq!(written, bytes);
            }
            Err(InferError::NotRepackable(refused)) => prop_assert!(!refused.to_string().is_empty()),
            Err(InferError::Failed(failure)) => panic!("{failure}"),
        }
    }
}
