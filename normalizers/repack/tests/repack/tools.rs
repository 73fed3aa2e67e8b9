//! Archives with the fields that packaging tools write come out byte for byte.

use std::io::{Cursor, Write as _};

use twinbuild_repack::{
    Column, Compressed, Creator, Descriptor, Effort, Encoder, Extra, FREE_BYTES_ALLOWED, Feed, Mode, System, Zip64Form,
    ZlibRsSettings, ZlibSettings,
};

use crate::raw_zip::{Entry, Shape, extra, text, zip, zip_with};
use crate::round_trip;

#[test]
fn a_wheel_by_cpython_has_one_value_for_all_members() {
    let bytes = zip(&[
        Entry::deflated("demo/b.py", text(5_000)),
        Entry::deflated("demo/a.py", "a = 1\n"),
        Entry::deflated("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n"),
    ]);
    let found = round_trip(&bytes);
    assert_eq!(found.compressed, Column::All(Compressed::By(Encoder::DEFAULT)));
    assert_eq!(found.creator, Column::All(Creator { system: System::Unix, version: 20 }));
    assert_eq!(found.mode, Column::All(Some(Mode { permissions: 0o644, has_type: true })));
    assert!(serde_json::to_string(&found).unwrap().len() < 800);
    assert!(found.free_bytes_of_all().iter().all(|bytes| *bytes <= FREE_BYTES_ALLOWED));
}

#[test]
fn directories_and_modes_without_type_come_back() {
    round_trip(&zip(&[
        Entry::directory("demo/"),
        Entry::deflated("demo/run", "#!/bin/sh\n").of_mode(0o100_755),
        Entry::stored("demo/flit", "x").of_mode(0o644),
        Entry::stored("demo/none", "x").of_mode(0),
        Entry { method: 8, data: vec![3, 0], ..Entry::directory("demo/deflated/") },
    ]));
}

#[test]
fn a_wheel_from_windows_comes_back() {
    let windows = |entry: Entry| Entry { system: 0, ..entry.of_mode(0o100_666) };
    let found = round_trip(&zip(&[windows(Entry::deflated("a.py", "a")), windows(Entry::stored("b.py", "b"))]));
    assert_eq!(found.creator, Column::All(Creator { system: System::Dos, version: 20 }));
}

#[test]
fn each_level_is_told_from_the_others() {
    for (level, mem_level) in [(1, 8), (2, 8), (3, 8), (4, 8), (5, 8), (6, 8), (7, 8), (9, 8), (1, 9), (6, 9), (9, 9)] {
        let found = round_trip(&zip(&[
            Entry::deflated("small", "1").by(level, mem_level),
            Entry::stored("large", text(150_000)).by(level, mem_level),
        ]));
        assert_eq!(found.compressed, Column::All(Compressed::By(Encoder::Zlib(ZlibSettings { level, mem_level }))));
    }
}

#[test]
fn info_zip_times_come_back() {
    let modified = 1_709_213_862_i32.to_le_bytes();
    let member = |name| Entry {
        version: 30,
        internal: 1,
        flags: 2,
        // 2024-02-29 13:37:42.
        date: (44 << 9) | (2 << 5) | 29,
        time: (13 << 11) | (37 << 5) | 21,
        local_extra: extra(0x5455, &[[3].as_slice(), &modified, &modified].concat()),
        extra: extra(0x5455, &[[3].as_slice(), &modified].concat()),
        ..Entry::stored(name, text(2_000)).by(9, 8)
    };
    let found = round_trip(&zip(&[member("a"), member("b")]));
    assert_eq!(found.effort, Column::All(Effort::Maximum));
    assert_eq!(found.free_bytes_of_all(), [7, 0]);
    assert_eq!([found.free_bytes(0), found.free_bytes(1), found.free_bytes(2)], [7, 0, 0]);
}

#[test]
fn times_that_agree_with_nothing_are_a_channel() {
    let ticks = [0xdead_beef_u64, 0x1234_5678_9abc, 0x7777_7777].map(u64::to_le_bytes).concat();
    let ntfs = extra(0x000a, &[[0, 0, 0, 0, 1, 0, 24, 0].as_slice(), &ticks].concat());
    let found = round_trip(&zip(&[
        Entry { extra: ntfs.clone(), local_extra: ntfs, ..Entry::stored("a", "a") },
        Entry::stored("b", "b"),
    ]));
    assert_eq!(found.central_extra, found.local_extra);
    assert!(found.free_bytes(0) > FREE_BYTES_ALLOWED);
}

#[test]
fn data_descriptors_of_every_shape_come_back() {
    for (is_signed, is_wide, leaves_zeros) in
        [(true, false, true), (false, false, true), (true, false, false), (true, true, true), (false, true, true)]
    {
        // A streaming CPython announces wide sizes by a zip64 field of zeros.
        let entry = |name, contents: &'static str| Entry {
            flags: 8,
            needed: if is_wide { 45 } else { 20 },
            local_extra: if is_wide { extra(1, &[0; 16]) } else { vec![] },
            saturates_local: is_wide,
            descriptor: Shape { is_signed, is_wide, leaves_zeros },
            ..Entry::deflated(name, contents)
        };
        let found = round_trip(&zip(&[entry("a", "aaa"), entry("b", "")]));
        let expected = Descriptor { has_signature: is_signed, is_redundant: !leaves_zeros };
        assert_eq!(found.descriptor.iter().next(), Some(&Some(expected)));
    }
}

#[test]
fn zip64_forms_come_back() {
    let sizes = [3_u64, 3].map(u64::to_le_bytes).concat();
    let forced =
        Entry { needed: 45, saturates_local: true, local_extra: extra(1, &sizes), ..Entry::stored("a", "abc") };
    let found = round_trip(&zip(std::slice::from_ref(&forced)));
    let form = Zip64Form::Saturated { size: true, compressed_size: true, local_offset: false };
    assert_eq!(found.local_extra, Column::All(vec![Extra::Zip64(form)]));

    let repeated = Entry { saturates_local: false, ..forced };
    let found = round_trip(&zip_with(&[repeated], b"", true));
    assert_eq!(found.local_extra, Column::All(vec![Extra::Zip64(Zip64Form::Repeated { local_offset: false })]));
    assert!(found.zip64_end.is_some_and(|end| end.saturated_offset && !end.saturated_size));
}

#[test]
fn names_in_utf8_come_back() {
    round_trip(&zip(&[Entry { flags: 1 << 11, ..Entry::stored("naïve.py", "") }]));
}

#[test]
fn what_the_zip_crate_writes_comes_back() {
    let mut writer = zip::ZipWriter::new(Cursor::new(vec![]));
    let options = |method| zip::write::SimpleFileOptions::default().compression_method(method).unix_permissions(0o755);
    writer.add_directory("d", options(zip::CompressionMethod::Stored)).unwrap();
    for (name, method) in [("d/a.py", zip::CompressionMethod::Stored), ("d/b.py", zip::CompressionMethod::Deflated)] {
        writer.start_file(name, options(method)).unwrap();
        writer.write_all(&text(100_000)).unwrap();
    }
    let found = round_trip(&writer.finish().unwrap().into_inner());
    let expected = Encoder::ZlibRs(ZlibRsSettings { level: 6, feed: Feed::Whole, has_flush: false });
    assert_eq!(found.compressed.iter().last(), Some(&Compressed::By(expected)));
}

#[test]
fn what_maturin_copies_and_flushes_comes_back() {
    let contents = text(300_000);
    let mut encoder = flate2::write::DeflateEncoder::new(vec![], flate2::Compression::new(6));
    for chunk in contents.chunks(8 * 1024) {
        encoder.write_all(chunk).unwrap();
    }
    encoder.flush().unwrap();
    let data = encoder.finish().unwrap();
    let found = round_trip(&zip(&[Entry { data, method: 8, ..Entry::stored("a", contents) }]));
    let expected = Encoder::ZlibRs(ZlibRsSettings { level: 6, feed: Feed::Copied, has_flush: true });
    assert_eq!(found.compressed, Column::All(Compressed::By(expected)));
}
