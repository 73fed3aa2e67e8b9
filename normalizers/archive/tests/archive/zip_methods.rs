//! Zip members that are compressed with bzip2, LZMA, zstd and xz.

use std::io::Read as _;

use twinbuild_archive::{
    Fields, Format, LimitKind, Limits, Malformation, ReadError, Unsupported, ZipFault, ZipMethod, contents, open, read,
};

use crate::compress::{bzip2, lzma, xz, zstd, zstd_raw};
use crate::raw_zip::{Entry, Zip};

fn text() -> Vec<u8> {
    (0..40_000_u32).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}

fn zip(entry: Entry) -> Vec<u8> {
    Zip::of([entry, Entry::deflated("z", b"twin")]).bytes()
}

/// A member whose contents are the text, in a stream of that method.
fn member(method: u16, stream: Vec<u8>) -> Entry {
    Entry { needed: 63, ..Entry::compressed("a", &text(), method, stream) }
}

fn streams() -> Vec<(u16, Vec<u8>)> {
    vec![(12, bzip2(&text())), (14, lzma(&text(), false)), (93, zstd(&text())), (95, xz(&text()))]
}

fn code(entry: Entry) -> &'static str {
    crate::code(&zip(entry), Format::Zip)
}

#[test]
fn every_method_gives_the_same_contents() {
    for (method, stream) in streams() {
        let bytes = zip(member(method, stream.clone()));
        let archive = crate::ok(&bytes, Format::Zip);
        assert_eq!(archive.anomalies, [], "{method}");
        assert_eq!(contents(&bytes, &archive, 0, 1 << 20).unwrap(), text());
        let mut read = Vec::new();
        open(&bytes, &archive, 0).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, text());
        let Fields::Zip(fields) = &archive.members[0].fields else { panic!("zip") };
        assert_eq!((fields.central.method, fields.tail_bytes), (method, 0));
        assert_eq!(fields.compressed_size_bytes, stream.len() as u64);
    }
}

#[test]
fn empty_contents_are_read_in_every_method() {
    for (method, stream) in [(12, bzip2(b"")), (14, lzma(b"", false)), (93, zstd_raw(b"", 0)), (95, xz(b""))] {
        let bytes = zip(Entry { needed: 63, ..Entry::compressed("a", b"", method, stream) });
        assert_eq!(crate::ok(&bytes, Format::Zip).anomalies, [], "{method}");
    }
}

#[test]
fn an_lzma_stream_ends_with_its_mark_where_its_flag_says_so() {
    let marked = Entry { flags: 2, ..member(14, lzma(&text(), true)) };
    assert_eq!(crate::anomalies(&zip(marked), Format::Zip), [""; 0]);
    assert_eq!(code(Entry { flags: 2, ..member(14, lzma(&text(), false)) }), "zip-lzma");
    assert_eq!(crate::anomalies(&zip(member(14, lzma(&text(), true))), Format::Zip), ["zip-lzma-tail"]);
    let differs = Entry { flags: 2, local_flags: Some(0), ..member(14, lzma(&text(), true)) };
    assert_eq!(code(differs), "zip-local-differs");
}

#[test]
fn a_stream_that_ends_early_is_refused() {
    for (method, stream) in streams() {
        let expected = ZipMethod::of(method).map(|method| format!("zip-{}", method.to_string().to_lowercase()));
        for length in [0, 1, 5, stream.len() / 2, stream.len() - 1] {
            let found = code(member(method, stream[..length].to_vec()));
            assert_eq!(Some(found.to_owned()), expected, "{length} bytes");
        }
    }
}

#[test]
fn sizes_and_sums_that_lie_are_refused() {
    for (method, stream) in streams() {
        let resized = |by: u32| {
            let mut entry = member(method, stream.clone());
            entry.sums.2 = entry.sums.2.wrapping_add(by);
            entry
        };
        let longer = code(resized(1));
        assert!(matches!(longer, "zip-size" | "zip-lzma"), "{longer}");
        let shorter = code(resized(u32::MAX));
        // An LZMA match that goes on beyond the size is a fault of the stream.
        assert!(matches!(shorter, "zip-size" | "zip-lzma"), "{method}: {shorter}");
        let mut entry = member(method, stream.clone());
        entry.sums.0 ^= 1;
        assert_eq!(code(entry), "zip-crc");
    }
}

#[test]
fn bytes_after_the_end_of_a_stream_are_an_anomaly_or_refused() {
    for (method, stream) in streams() {
        let name = ZipMethod::of(method).unwrap().to_string().to_lowercase();
        let with = |tail: &[u8]| member(method, [&*stream, tail].concat());
        let archive = crate::ok(&zip(with(b"tail")), Format::Zip);
        let [anomaly] = archive.anomalies.as_slice() else { panic!("{:?}", archive.anomalies) };
        assert_eq!((anomaly.code.to_owned(), anomaly.length), (format!("zip-{name}-tail"), 4));
        assert_eq!(code(with(b"PK\x03\x04")), format!("zip-{name}-tail"));
        // A second stream would be appended by some readers.
        if method != 14 {
            assert_eq!(code(with(&stream)), format!("zip-{name}-tail"));
        }
        let (crc, _, size) = with(b"tail").sums;
        let streamed = Entry { flags: 8, local_sums: Some((0, 0, 0)), ..with(b"tail") };
        let length = u32::try_from(streamed.data.len()).unwrap();
        let descriptor = [b"PK\x07\x08".to_vec(), crate::raw_zip::words(&[crc, length, size])].concat();
        assert_eq!(code(Entry { descriptor, ..streamed }), format!("zip-{name}-tail"));
    }
    let skippable = [zstd(&text()), b"\x50\x2a\x4d\x18\0\0\0\0".to_vec()].concat();
    assert_eq!(code(member(93, skippable)), "zip-zstd-tail");
    assert_eq!(code(member(95, [xz(&text()), vec![0; 4], xz(b"more")].concat())), "zip-xz-tail");
}

#[test]
fn every_changed_byte_of_a_stream_is_refused_or_leaves_the_contents() {
    let small = b"twin twin twin twin build build\n".repeat(3);
    for (method, stream) in [(12, bzip2(&small)), (14, lzma(&small, false)), (93, zstd(&small)), (95, xz(&small))] {
        for at in 0..stream.len() {
            for with in [1, 0x80, 0xff] {
                let mut changed = stream.clone();
                changed[at] ^= with;
                let bytes = zip(Entry { needed: 63, ..Entry::compressed("a", &small, method, changed) });
                match read(&bytes, Format::Zip, &Limits::default()) {
                    Ok(archive) => assert_eq!(contents(&bytes, &archive, 0, 1 << 10).unwrap(), small),
                    Err(ReadError::Malformed(_) | ReadError::Limit(_) | ReadError::Unsupported(_)) => {}
                    Err(error) => panic!("{method}: byte {at}: {error}"),
                }
            }
        }
    }
}

#[test]
fn a_window_beyond_the_limit_is_no_lie() {
    let limit = |entry: Entry, limits: Limits| match read(&zip(entry), Format::Zip, &limits) {
        Err(ReadError::Limit(limit)) => {
            assert_eq!(limit.path, Some("a".into()));
            limit.kind
        }
        other => panic!("{other:?}"),
    };
    let mut lzma = lzma(&text(), false);
    lzma[5..9].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    assert_eq!(limit(member(14, lzma), Limits::default()), LimitKind::DecoderMemory);
    assert_eq!(limit(member(93, zstd_raw(b"twin", 21 << 3)), Limits::default()), LimitKind::DecoderMemory);
    let low = Limits { decoder_memory_kib: 16, ..Limits::default() };
    for (method, stream) in streams() {
        assert_eq!(limit(member(method, stream), low), LimitKind::DecoderMemory, "{method}");
    }
}

#[test]
fn a_bomb_of_every_method_stops_at_the_limits() {
    let zeros = vec![0; 8 << 20];
    let low = Limits { ratio_floor_bytes: 1 << 20, ..Limits::default() };
    for (method, stream) in [(12, bzip2(&zeros)), (14, lzma(&zeros, false)), (93, zstd(&zeros)), (95, xz(&zeros))] {
        let bytes = zip(Entry { needed: 63, ..Entry::compressed("a", &zeros, method, stream) });
        let read = read(&bytes, Format::Zip, &low);
        assert!(matches!(&read, Err(ReadError::Limit(limit)) if limit.kind == LimitKind::Ratio), "{read:?}");
    }
}

#[test]
fn headers_of_streams_are_held_against_their_formats() {
    let stream = |method, stream| crate::lie(&zip(member(method, stream)), Format::Zip);
    let is = |lie: Malformation, method| {
        assert!(matches!(&lie, Malformation::Zip(ZipFault::Stream { method: found, .. }) if *found == method), "{lie}");
    };
    let mut lengthened = lzma(&text(), false);
    lengthened[2] = 6;
    is(stream(14, lengthened), ZipMethod::Lzma);
    let mut unlawful = lzma(&text(), false);
    unlawful[4] = 225;
    is(stream(14, unlawful), ZipMethod::Lzma);
    let mut reserved = zstd(&text());
    reserved[4] |= 8;
    is(stream(93, reserved), ZipMethod::Zstd);
    is(stream(93, [b"\x50\x2a\x4d\x18\0\0\0\0".to_vec(), zstd(&text())].concat()), ZipMethod::Zstd);
    let dictionary = b"\x28\xb5\x2f\xfd\x01\0\x07\x01\0\0";
    let read = read(&zip(member(93, dictionary.to_vec())), Format::Zip, &Limits::default());
    assert!(matches!(&read, Err(ReadError::Unsupported(Unsupported::ZipStream { .. }))), "{read:?}");
}
