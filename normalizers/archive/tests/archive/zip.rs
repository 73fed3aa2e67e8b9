//! Zip files as tools write them, and what every reader reads alike.

use twinbuild_archive::{
    Container, ExtraKind, Fields, Format, LimitKind, Limits, Member, MemberKind, Modified, ReadError, TileKind,
    Unsupported, contents, read, visit,
};
use twinbuild_subject::Sha256;

use crate::raw_zip::{Entry, Zip, extra, halves, longs, words};
use crate::{anomalies, ok};

fn zip(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    Zip::of(entries).bytes()
}

fn wheel() -> Vec<u8> {
    zip([
        Entry::directory("pkg/"),
        Entry::deflated("pkg/__init__.py", b"print('twin')\n".repeat(50).as_slice()),
        Entry::stored("pkg/py.typed", b""),
        Entry::deflated("pkg-1.dist-info/RECORD", b"pkg/__init__.py,,\n"),
    ])
}

fn fields(member: &Member) -> &twinbuild_archive::ZipFields {
    match &member.fields {
        Fields::Zip(fields) => fields,
        other => panic!("no zip member: {other:?}"),
    }
}

#[test]
fn an_ordinary_wheel_has_no_anomalies() {
    let archive = ok(&wheel(), Format::Zip);
    assert_eq!(archive.anomalies, []);
    let kinds: Vec<_> = archive.members.iter().map(|member| member.kind.clone()).collect();
    assert_eq!(kinds, [MemberKind::Directory, MemberKind::File, MemberKind::File, MemberKind::File]);
    assert_eq!(archive.members[1].sha256, Some(Sha256::of(&b"print('twin')\n".repeat(50))));
    assert_eq!((archive.members[0].sha256, archive.members[0].mode), (None, Some(0o755)));
    assert_eq!((archive.members[1].mode, archive.members[1].type_bits), (Some(0o644), Some(0o100_000)));
    assert_eq!(archive.index_of(b"pkg/py.typed"), Some(2));
    assert!(matches!(archive.container, Container::Zip(_)));
}

#[test]
fn every_byte_is_in_one_tile() {
    let file = zip([Entry::stored("a", b"1"), Entry::streamed("b", b"2")]);
    let kinds: Vec<_> = ok(&file, Format::Zip).tiles.into_iter().map(|tile| tile.kind).collect();
    let expected = [
        TileKind::LocalHeader { member: 0 },
        TileKind::Data { member: 0 },
        TileKind::LocalHeader { member: 1 },
        TileKind::Data { member: 1 },
        TileKind::DataDescriptor { member: 1 },
        TileKind::CentralHeader { member: 0 },
        TileKind::CentralHeader { member: 1 },
        TileKind::EndRecord,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn contents_are_handed_out_and_read_again() {
    let file = wheel();
    let mut seen = Vec::new();
    let archive = visit(&file, Format::Zip, &Limits::default(), &mut |member, contents| {
        let mut bytes = Vec::new();
        contents.read_to_end(&mut bytes)?;
        assert_eq!(member.sha256, None);
        seen.push((member.path.clone(), bytes));
        Ok(())
    })
    .unwrap();
    assert_eq!(archive, ok(&file, Format::Zip));
    for (index, (path, bytes)) in seen.iter().enumerate() {
        assert_eq!(*path, archive.members[index].path);
        match contents(&file, &archive, index, 1 << 20) {
            Ok(again) => assert_eq!(again, *bytes),
            Err(error) => assert!(matches!(error, ReadError::NoContents { .. }) && path.ends_with("/"), "{error}"),
        }
    }
    let error = contents(&file, &archive, 1, 10).unwrap_err();
    assert!(matches!(error, ReadError::Limit(limit) if limit.kind == LimitKind::Requested && limit.found == 700));
}

#[test]
fn contents_that_changed_meanwhile_are_refused() {
    let file = zip([Entry::stored("a", b"before")]);
    let archive = ok(&file, Format::Zip);
    let changed = zip([Entry::stored("a", b"behind")]);
    let error = contents(&changed, &archive, 0, 100).unwrap_err();
    assert!(matches!(error, ReadError::Malformed(lie) if lie.code() == "zip-crc"));
}

#[test]
fn a_visitor_that_fails_ends_the_reading() {
    let error = visit(&wheel(), Format::Zip, &Limits::default(), &mut |_, _| Err(std::io::Error::other("full")));
    let Err(ReadError::Visitor { path, source }) = error else { panic!("{error:?}") };
    assert_eq!((path.to_string(), source.to_string()), ("pkg/".to_owned(), "full".to_owned()));
}

#[test]
fn a_lie_met_within_the_contents_outweighs_what_the_visitor_says() {
    let mut entry = Entry::deflated("a", b"twin");
    entry.sums.2 = 5;
    let error = visit(&zip([entry]), Format::Zip, &Limits::default(), &mut |_, contents| {
        let mut bytes = Vec::new();
        assert!(contents.read_to_end(&mut bytes).is_err());
        Ok(())
    });
    assert!(matches!(error, Err(ReadError::Malformed(lie)) if lie.code() == "zip-size"));
}

#[test]
fn the_times_of_extra_fields_are_taken() {
    let unix = extra(0x5455, &[&[3], words(&[1_700_000_000, 5]).as_slice()].concat());
    let ntfs = extra(0x000a, &[[0, 0, 0, 0, 1, 0, 24, 0].as_slice(), &longs(&[7, 8, 9])].concat());
    let central = extra(0x5455, &[&[3], words(&[1_700_000_000]).as_slice()].concat());
    let entry = Entry { local_extra: [unix, ntfs].concat(), extra: central, time: 1, ..Entry::stored("a", b"") };
    let archive = ok(&zip([entry]), Format::Zip);
    assert_eq!(archive.anomalies, []);
    let modified = Modified::Dos { date: 0x21, time: 1, unix_seconds: Some(1_700_000_000), ntfs_ticks: Some(7) };
    assert_eq!(archive.members[0].modified, modified);
    let local = fields(&archive.members[0]).local.extra.fields[0].kind();
    let expected = ExtraKind::Timestamp { flags: 3, modified: Some(1_700_000_000), accessed: Some(5), created: None };
    assert!(local == expected);
}

#[test]
fn header_values_are_kept_for_writing_the_file_again() {
    let entry = Entry { creator: 3 << 8 | 63, internal: 1, ..Entry::streamed("a", b"twin") };
    let archive = ok(&zip([entry.clone()]), Format::Zip);
    let fields = fields(&archive.members[0]);
    assert_eq!((fields.creator_system, fields.creator_version), (3, 63));
    assert_eq!((fields.central.flags, fields.central.method, fields.internal_attributes), (8, 8, 1));
    assert_eq!((fields.local.crc32, fields.central.crc32), (0, entry.sums.0));
    let descriptor = fields.descriptor.unwrap();
    assert!(descriptor.is_signed && !descriptor.is_wide && descriptor.length() == 16);
}

#[test]
fn a_zip_file_without_members_is_read() {
    let archive = ok(&Zip::default().bytes(), Format::Zip);
    assert!(archive.members.is_empty() && archive.anomalies.is_empty());
}

#[test]
fn a_windows_creator_without_a_mode_has_none() {
    let entry = Entry { creator: 20, external: 0x20, ..Entry::stored("a", b"") };
    let member = &ok(&zip([entry]), Format::Zip).members[0];
    assert_eq!((member.mode, member.type_bits), (None, None));
}

#[test]
fn zip64_where_a_writer_made_room_for_it_is_no_anomaly() {
    let forced = Entry {
        local_sums: Some((crate::raw_zip::crc(b"twin"), u32::MAX, u32::MAX)),
        local_extra: extra(1, &longs(&[4, 4])),
        ..Entry::stored("a", b"twin")
    };
    assert_eq!(anomalies(&zip([forced]), Format::Zip), [""; 0]);
    let saturated = Entry {
        sums: (crate::raw_zip::crc(b"twin"), u32::MAX, u32::MAX),
        extra: extra(1, &longs(&[4, 4])),
        local_extra: extra(1, &longs(&[4, 4])),
        ..Entry::stored("a", b"twin")
    };
    assert_eq!(anomalies(&zip([saturated]), Format::Zip), [""; 0]);
    let offset = Entry { offset: Some(u32::MAX), extra: extra(1, &longs(&[0])), ..Entry::stored("a", b"") };
    assert_eq!(anomalies(&zip([offset]), Format::Zip), [""; 0]);
}

#[test]
fn a_zip64_end_record_is_read() {
    let file = Zip { zip64: true, ..Zip::of([Entry::stored("a", b"")]) };
    assert!(matches!(ok(&file.bytes(), Format::Zip).container, Container::Zip(end) if end.zip64.is_some()));
    let saturated = Zip {
        counts: Some((u16::MAX, u16::MAX)),
        directory_offset: Some(u32::MAX),
        directory_size: Some(u32::MAX),
        ..file
    };
    assert_eq!(anomalies(&saturated.bytes(), Format::Zip), [""; 0]);
}

#[test]
fn descriptors_without_signature_and_with_wide_sizes_are_read() {
    let streamed = Entry::streamed("a", b"twin");
    let bare = Entry { descriptor: streamed.descriptor[4..].to_vec(), ..streamed.clone() };
    assert_eq!(anomalies(&zip([bare]), Format::Zip), [""; 0]);
    let (crc, compressed, size) = streamed.sums;
    let wide = Entry {
        local_sums: Some((0, u32::MAX, u32::MAX)),
        local_extra: extra(1, &longs(&[0, 0])),
        descriptor: [b"PK\x07\x08", &*words(&[crc]), &longs(&[compressed.into(), size.into()])].concat(),
        ..streamed
    };
    assert_eq!(anomalies(&zip([wide]), Format::Zip), [""; 0]);
}

#[test]
fn a_symbolic_link_is_recognised_by_its_mode_and_noted() {
    let archive = ok(&zip([Entry::link("a/b", b"../../etc")]), Format::Zip);
    assert_eq!(archive.members[0].kind, MemberKind::Symlink { target: b"../../etc".to_vec() });
    assert!(archive.members[0].escapes());
    assert_eq!(archive.anomalies.iter().map(|anomaly| anomaly.code).collect::<Vec<_>>(), ["zip-symlink"]);
}

#[test]
fn what_every_reader_reads_alike_is_an_anomaly() {
    let entry = || Entry::stored("a", b"twin");
    let cases: Vec<(&str, Zip)> = vec![
        ("zip-prefix", Zip { prefix: b"#!/bin/sh\n".to_vec(), ..Zip::of([entry()]) }),
        ("zip-gap", Zip { gap: b"PK nothing".to_vec(), ..Zip::of([entry()]) }),
        ("zip-gap", Zip::of([entry(), Entry { before: vec![0; 3], ..Entry::stored("b", b"") }])),
        ("zip-trailer", Zip { trailer: vec![0; 5], ..Zip::of([entry()]) }),
        ("zip-comment", Zip { comment: b"hello".to_vec(), ..Zip::of([entry()]) }),
        ("zip-member-comment", Zip::of([Entry { comment: b"hello".to_vec(), ..entry() }])),
        ("zip-extra-field", Zip::of([Entry { extra: extra(0x7875, b"owners"), ..entry() }])),
        ("zip-extra-field", Zip::of([Entry { local_extra: extra(0xcafe, b""), ..entry() }])),
        ("zip-extra-field", Zip::of([Entry { extra: extra(0x5455, &[1, 2, 3]), ..entry() }])),
        ("zip-extra-field", Zip::of([Entry { extra: extra(0x7075, b"\x01\0\0\0\0a"), ..entry() }])),
        ("zip-extra-repeated", Zip::of([Entry { extra: extra(0x5455, &[0]).repeat(2), ..entry() }])),
        ("zip-extra-remainder", Zip::of([Entry { extra: vec![0; 3], ..entry() }])),
        ("zip-zip64-needless", Zip::of([Entry { extra: extra(1, &longs(&[4, 4])), ..entry() }])),
        ("zip-zip64-needless", Zip::of([Entry { local_extra: extra(1, &longs(&[4, 4])), ..entry() }])),
        ("zip-flags", Zip::of([Entry { flags: 1 << 7, ..entry() }])),
        ("zip-flags-differ", Zip::of([Entry { local_flags: Some(1 << 11), ..entry() }])),
        ("zip-time-differs", Zip::of([Entry { local_time: Some(5), ..entry() }])),
        ("zip-version-differs", Zip::of([Entry { local_needed: Some(10), ..entry() }])),
        ("zip-version-needed", Zip::of([Entry { needed: 3 << 8 | 20, ..entry() }])),
        ("zip-internal-attributes", Zip::of([Entry { internal: 2, ..entry() }])),
        ("zip-directory-attributes", Zip::of([Entry { external: 0o100_644 << 16 | 0x10, ..entry() }])),
        ("zip-directory-attributes", Zip::of([Entry { external: 0o100_644 << 16, ..Entry::directory("d/") }])),
        ("name-case-collision", Zip::of([entry(), Entry::stored("A", b"")])),
    ];
    for (code, file) in cases {
        assert_eq!(anomalies(&file.bytes(), Format::Zip), [code]);
    }
}

#[test]
fn anomalies_say_where_and_whose() {
    let file = Zip::of([Entry { extra: extra(0x7875, b"owners"), ..Entry::stored("ab", b"") }]).bytes();
    let anomaly = ok(&file, Format::Zip).anomalies.remove(0);
    assert_eq!((anomaly.offset, anomaly.length), (30 + 2 + 46 + 2, 10));
    assert_eq!(anomaly.path, Some("ab".into()));
    assert_eq!(anomaly.detail, "extra field 0x7875 (Info-ZIP Unix owners)");
    assert_eq!(&file[80..82], &halves(&[0x7875]));
}

#[test]
fn an_order_of_its_own_in_the_directory_is_an_anomaly() {
    let (a, b) = (Entry::stored("a", b""), Entry { offset: Some(0), ..Entry::stored("b", b"") });
    let a = Entry { offset: Some(31), local_name: Some(b"b".to_vec()), ..a };
    let b = Entry { local_name: Some(b"a".to_vec()), ..b };
    assert_eq!(anomalies(&zip([a, b]), Format::Zip), ["zip-order"]);
}

#[test]
fn bytes_after_the_end_of_a_deflate_stream_are_an_anomaly() {
    let mut entry = Entry::deflated("a", b"twin");
    entry.data.extend(b"tail");
    entry.sums.1 += 4;
    let archive = ok(&zip([entry]), Format::Zip);
    assert_eq!((archive.anomalies[0].code, archive.anomalies[0].length), ("zip-deflate-tail", 4));
    assert_eq!(fields(&archive.members[0]).tail_bytes, 4);
}

#[test]
fn lawful_features_that_are_not_read_are_unsupported() {
    let unsupported = |entry| match read(&zip([entry]), Format::Zip, &Limits::default()) {
        Err(ReadError::Unsupported(unsupported)) => unsupported,
        other => panic!("{other:?}"),
    };
    let method = unsupported(Entry { method: 98, ..Entry::stored("a", b"") });
    assert!(matches!(&method, Unsupported::ZipMethod { method: 98, name: "PPMd", .. }));
    assert!(method.to_string().contains("method 98 (PPMd)"));
    assert!(matches!(unsupported(Entry { flags: 1 << 5, ..Entry::stored("a", b"") }), Unsupported::ZipPatch { .. }));
}

#[test]
fn limits_are_no_lies() {
    let limit = |limits: Limits, entry: Entry| match read(&zip([entry]), Format::Zip, &limits) {
        Err(ReadError::Limit(limit)) => limit.kind,
        other => panic!("{other:?}"),
    };
    let limits = Limits::default();
    let zeros = || Entry::deflated("a", &vec![0; 1 << 20]);
    assert_eq!(limit(Limits { member_bytes: 1000, ..limits }, zeros()), LimitKind::MemberBytes);
    assert_eq!(limit(Limits { total_bytes: 1000, ..limits }, zeros()), LimitKind::TotalBytes);
    assert_eq!(limit(Limits { ratio_floor_bytes: 1 << 17, ..limits }, zeros()), LimitKind::Ratio);
    assert_eq!(limit(Limits { members: 0, ..limits }, zeros()), LimitKind::Members);
    assert_eq!(limit(Limits { name_bytes: 0, ..limits }, zeros()), LimitKind::NameBytes);
    assert_eq!(limit(Limits { header_bytes: 10, ..limits }, zeros()), LimitKind::HeaderBytes);
    let noted = Entry { comment: b"c".to_vec(), ..zeros() };
    assert_eq!(limit(Limits { anomalies: 0, ..limits }, noted), LimitKind::Anomalies);
}

#[test]
fn a_ratio_below_the_floor_does_not_count() {
    let archive = ok(&zip([Entry::deflated("a", &vec![0; 1 << 20])]), Format::Zip);
    assert_eq!(archive.members[0].size_bytes, 1 << 20);
}
