//! Members of a rebuild with the parameters of a published file.

use twinbuild_archive::Archive;
use twinbuild_repack::{
    Column, Compressed, Encoder, Exactness, Permutation, RepackError, Run, Span, Unfit, ZlibSettings, repack,
    writes_exactly,
};
use twinbuild_subject::Sha256;

use crate::raw_zip::{Entry, text, zip};
use crate::{archive, exact, exactness, of_zip, parameters, written};

fn wheel(order: &[usize], record: &str, change: impl Fn(Entry) -> Entry) -> Vec<u8> {
    let entries = [
        Entry::deflated("demo/__init__.py", text(3_000)),
        Entry::deflated("demo/b.py", "b = 2\n"),
        Entry::deflated("demo-1.0.dist-info/RECORD", record),
    ];
    let entries: Vec<Entry> = order.iter().map(|index| change(entries[*index].clone())).collect();
    zip(&entries)
}

fn row(name: &str, contents: &[u8]) -> String {
    format!("{name},sha256={},{}\n", Sha256::of(contents).to_url_safe_base64(), contents.len())
}

/// True rows of the wheel in this order.
fn record(order: &[usize]) -> String {
    let rows = [
        row("demo/__init__.py", &text(3_000)),
        row("demo/b.py", b"b = 2\n"),
        "demo-1.0.dist-info/RECORD,,\n".to_owned(),
    ];
    order.iter().map(|index| rows[*index].as_str()).collect()
}

fn plain() -> Vec<u8> {
    wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| entry)
}

#[track_caller]
fn unfit(published: &Vec<u8>, rebuilt: &Vec<u8>) -> Unfit {
    match exactness(published, rebuilt) {
        Exactness::Unfit(unfit) => unfit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rebuild_in_another_container_is_exact() {
    let published = wheel(&[1, 2, 0], &record(&[2, 1, 0]), |entry| {
        let contents = entry.contents.clone();
        Entry { date: 0x21, time: 0, version: 30, ..entry.of_mode(0o100_664) }
            .by(if contents.len() > 99 { 9 } else { 6 }, 8)
    });
    let found = exact(&published, &plain());
    assert_eq!(written(&found, &plain()), published);
    assert!(matches!(exactness(&plain(), &published), Exactness::Exact(_)));
}

#[test]
fn other_contents_are_never_exact() {
    let rebuilt = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |mut entry| {
        if entry.name == "demo/b.py" {
            entry = Entry::deflated("demo/b.py", "b = 3\n");
        }
        entry
    });
    assert!(matches!(exactness(&plain(), &rebuilt), Exactness::Different { offset, .. } if offset > 0));
}

#[test]
fn members_too_many_or_too_few_are_named() {
    let published = plain();
    let fewer = wheel(&[0, 2], &record(&[0, 2]), |entry| entry);
    assert_eq!(unfit(&published, &fewer), Unfit::Missing { path: "demo/b.py".into() });
    assert_eq!(unfit(&fewer, &published), Unfit::Unexpected { path: "demo/b.py".into() });
    let fit = |bytes: &Vec<u8>| {
        let members = archive(bytes);
        repack(&of_zip(&parameters(&published)), &members, bytes, &mut vec![])
    };
    let found = fit(&fewer);
    assert!(matches!(found, Err(RepackError::Unfit(Unfit::Count { parameters: 3, found: 2 }))), "{found:?}");
    let renamed = wheel(&[0, 1, 2], "", |entry| Entry {
        name: if entry.name == "demo/b.py" { "demo/c.py" } else { entry.name },
        ..entry
    });
    assert!(matches!(fit(&renamed), Err(RepackError::Unfit(Unfit::Names))));
}

#[test]
fn modes_that_matter_are_refused() {
    let executable = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| entry.of_mode(0o100_755));
    assert!(matches!(unfit(&executable, &plain()), Unfit::Mode { found: Some(0o644), written: Some(0o755), .. }));
    let setuid = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| entry.of_mode(0o104_755));
    assert!(matches!(unfit(&setuid, &executable), Unfit::Mode { .. }));
}

#[test]
fn a_creator_that_hides_an_executable_is_refused() {
    let of = |system, mode| wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| Entry { system, ..entry.of_mode(mode) });
    assert!(matches!(unfit(&of(0, 0o100_755), &of(3, 0o100_755)), Unfit::Creator { found: 3, written: 0, .. }));
    assert!(matches!(exactness(&of(0, 0o100_664), &of(3, 0o100_644)), Exactness::Exact(_)));
    assert!(matches!(exactness(&of(19, 0o100_755), &of(3, 0o100_755)), Exactness::Exact(_)));
}

#[test]
fn attributes_that_are_no_parameters_come_from_the_rebuild() {
    let published = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| Entry { internal: 1, ..entry });
    assert!(matches!(exactness(&published, &plain()), Exactness::Different { .. }));
    let published = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| Entry { external: entry.external | 1, ..entry });
    assert!(matches!(exactness(&published, &plain()), Exactness::Different { .. }));
}

#[test]
fn a_record_that_lies_is_not_put_in_order() {
    let lying = record(&[0, 1, 2]).replace(",6\n", ",7\n");
    let rebuilt = wheel(&[0, 1, 2], &lying, |entry| entry);
    let reordered: String = lying.split_inclusive('\n').rev().collect();
    let published = wheel(&[0, 1, 2], &reordered, |entry| entry);
    assert!(matches!(unfit(&published, &rebuilt), Unfit::RecordUntrue { .. }));
    assert!(matches!(exactness(&rebuilt, &rebuilt), Exactness::Exact(_)));
    let shorter = wheel(&[0, 1, 2], &record(&[0, 2]), |entry| entry);
    assert_eq!(unfit(&published, &shorter), Unfit::RecordLines { lines: 2 });
}

#[test]
fn parameters_from_a_stranger_are_checked() {
    let bytes = plain();
    let members: Archive = archive(&bytes);
    let valid = parameters(&bytes);
    let refused = |change: &dyn Fn(&mut twinbuild_repack::ZipParameters)| {
        let mut parameters = valid.clone();
        change(&mut parameters);
        match repack(&of_zip(&parameters), &members, &bytes, &mut vec![]) {
            Err(RepackError::Unfit(Unfit::Invalid { what })) => what,
            other => panic!("{other:?}"),
        }
    };
    let old = twinbuild_repack::Parameters { version: 1, ..of_zip(&valid) };
    assert_eq!(old.validate(), Err(Unfit::Invalid { what: "version" }));
    let zlib = |level, mem_level| Column::All(Compressed::By(Encoder::Zlib(ZlibSettings { level, mem_level })));
    assert_eq!(refused(&|parameters| parameters.compressed = zlib(0, 8)), "compressed");
    assert_eq!(refused(&|parameters| parameters.compressed = zlib(6, 1)), "compressed");
    assert_eq!(refused(&|parameters| parameters.is_utf8 = Column::Runs(vec![Run { count: 2, value: true }])), "isUtf8");
    let twice = Permutation { spans: vec![Span { first: 0, count: 2 }, Span { first: 1, count: 1 }] };
    assert_eq!(refused(&|parameters| parameters.order = twice.clone()), "order");
    assert_eq!(
        refused(&|parameters| {
            if let Column::All(Some(mode)) = &mut parameters.mode {
                mode.permissions = 0o10_000;
            }
        }),
        "mode"
    );
}

#[test]
fn unknown_parameters_are_refused() {
    let json = serde_json::to_string(&of_zip(&parameters(&plain()))).unwrap();
    let with = |at: &str, addition: &str| json.replacen(at, &format!("{addition}{at}"), 1);
    let is_read = |json: &str| serde_json::from_str::<twinbuild_repack::Parameters>(json).is_ok();
    assert!(is_read(&json));
    assert!(!is_read(&with("\"version\"", "\"comment\":\"eA\",")));
    assert!(!is_read(&with("\"names\"", "\"comment\":\"eA\",")));
}

/// The wheel with every member deflated by an encoder that nobody knows: one stored block each.
fn by_an_unknown_encoder(time: u16) -> Vec<u8> {
    wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| {
        let length = u16::try_from(entry.contents.len()).unwrap();
        let block = [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), &entry.contents].concat();
        Entry { data: block, method: 8, time, ..entry }
    })
}

#[test]
fn what_the_rebuild_compressed_to_the_same_bytes_is_copied_from_it() {
    let (published, rebuilt) = (by_an_unknown_encoder(1), by_an_unknown_encoder(2));
    let found = exact(&published, &rebuilt);
    assert_eq!(found.compressed, Column::All(Compressed::AsBuilt));
    assert_eq!(written(&found, &rebuilt), published);
    let mut mixed = found.clone();
    mixed.compressed = Column::Runs(vec![
        Run { count: 1, value: Compressed::By(Encoder::DEFAULT) },
        Run { count: 2, value: Compressed::AsBuilt },
    ]);
    assert_eq!(mixed.free_bytes_of_all(), found.free_bytes_of_all());
    assert!(matches!(exactness(&published, &plain()), Exactness::NotRepackable(_)));
}

#[test]
fn only_members_that_were_compressed_otherwise_need_an_encoder() {
    let published = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| {
        if entry.name == "demo/__init__.py" { Entry { time: 1, ..entry }.by(9, 8) } else { entry }
    });
    let found = exact(&published, &plain());
    let by_zlib = Compressed::By(Encoder::Zlib(ZlibSettings { level: 9, mem_level: 8 }));
    let expected = [Run { count: 1, value: by_zlib }, Run { count: 2, value: Compressed::AsBuilt }];
    assert_eq!(found.compressed, Column::Runs(expected.to_vec()));
}

#[test]
fn members_that_are_not_deflated_have_no_compressed_form_to_copy() {
    let published = by_an_unknown_encoder(1);
    let found = exact(&published, &by_an_unknown_encoder(2));
    let stored = wheel(&[0, 1, 2], &record(&[0, 1, 2]), |entry| Entry::stored(entry.name, entry.contents));
    let outcome = repack(&of_zip(&found), &archive(&stored), &stored, &mut vec![]);
    let Err(RepackError::Unfit(unfit)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(unfit, Unfit::NotDeflated { path: "demo/__init__.py".into() });
    // Members that the rebuild compressed otherwise are copied as they are, and are then another file.
    let outcome = writes_exactly(of_zip(&found), &published, &archive(&plain()), &plain()).unwrap();
    assert!(matches!(outcome, Exactness::Different { .. }));
}

#[test]
fn a_record_in_another_order_is_not_copied() {
    let (published, rebuilt) = (by_an_unknown_encoder(1), by_an_unknown_encoder(2));
    let mut found = exact(&published, &rebuilt);
    let reversed = (0..3).rev().map(|first| Span { first, count: 1 }).collect();
    found.record = Some(Permutation { spans: reversed });
    let outcome = repack(&of_zip(&found), &archive(&rebuilt), &rebuilt, &mut vec![]);
    assert!(matches!(outcome, Err(RepackError::Unfit(Unfit::NotDeflated { .. }))), "{outcome:?}");
}
