//! What holds for every input: parameters write the same bytes or there are none, and other members other bytes.

use proptest::prelude::*;
use twinbuild_archive::{Format, Limits, ReadError, read};
use twinbuild_repack::{Exactness, InferError, infer, is_exact, repack};

use crate::raw_zip::{Entry, Shape, extra as extra_field, text, zip_with};

/// More cases by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(512), failure_persistence: None, ..config }
}

fn extras() -> impl Strategy<Value = Vec<u8>> {
    let times = (0..8_u8, proptest::collection::vec(any::<i32>(), 0..4)).prop_map(|(flags, times)| {
        extra_field(0x5455, &[vec![flags], times.into_iter().flat_map(i32::to_le_bytes).collect()].concat())
    });
    let ntfs = proptest::collection::vec(any::<u8>(), 24)
        .prop_map(|times| extra_field(0x000a, &[[0, 0, 0, 0, 1, 0, 24, 0].as_slice(), &times].concat()));
    let other =
        (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..6)).prop_map(|(id, data)| extra_field(id, &data));
    let one = prop_oneof![8 => times, 4 => ntfs, 1 => other];
    prop_oneof![3 => Just(vec![]), 2 => proptest::collection::vec(one, 1..3).prop_map(|fields| fields.concat())]
}

fn entry(name: &'static str) -> impl Strategy<Value = Entry> {
    let contents =
        prop_oneof![Just(vec![]), proptest::collection::vec(any::<u8>(), 0..300), (0..3_000_usize).prop_map(text)];
    let compression = prop_oneof![Just(None), (1..10_u8, 8..10_u8).prop_map(Some)];
    let header = (
        prop_oneof![12 => Just(3_u8), 4 => Just(0), 1 => any::<u8>()],
        prop_oneof![12 => Just(20_u8), 4 => 0..64_u8, 1 => any::<u8>()],
        prop_oneof![12 => Just(20_u16), 4 => Just(10), 2 => Just(45), 1 => any::<u16>()],
        prop_oneof![6 => (0..4_u16).prop_map(|bits| bits << 1), 2 => Just(8), 1 => Just(0x800), 1 => 0..16_u16],
    );
    let rest = (
        any::<[u16; 2]>(),
        prop_oneof![8 => Just(0o100_644_u32), 4 => 0o100_000..=0o107_777_u32, 2 => 0..=0o7_777_u32],
        extras(),
        extras(),
    );
    let shape = any::<[bool; 3]>();
    (contents, compression, header, rest, shape).prop_map(move |(contents, compression, header, rest, shape)| {
        let (system, version, needed, flags) = header;
        let ([date, time], mode, extra, local_extra) = rest;
        let [is_signed, has_zip64, leaves_zeros] = shape;
        // A wide descriptor goes with a zip64 field, here of zeros.
        let is_wide = has_zip64 && flags & 8 != 0 && leaves_zeros;
        let local_extra = if is_wide { [extra_field(1, &[0; 16]), local_extra].concat() } else { local_extra };
        let entry = Entry {
            system,
            version,
            needed,
            flags,
            date,
            time,
            extra,
            local_extra,
            descriptor: Shape { is_signed, is_wide, leaves_zeros },
            ..Entry::stored(name, contents).of_mode(mode)
        };
        match compression {
            Some((level, mem_level)) => entry.by(level, mem_level),
            None => entry,
        }
    })
}

fn archives() -> impl Strategy<Value = Vec<u8>> {
    let comment = prop_oneof![12 => Just(vec![]), 1 => Just(b"hi".to_vec())];
    let names = (entry("b"), entry("a/c"), entry("demo-1.dist-info/RECORD"), 0..4_usize);
    (names, comment, any::<bool>()).prop_map(|((first, second, third, count), comment, has_zip64_end)| {
        zip_with(&[first, second, third][..count], &comment, has_zip64_end)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn parameters_write_the_same_bytes_or_there_are_none(
        mut bytes in archives(),
        changes in prop_oneof![2 => Just(vec![]), 1 => proptest::collection::vec((any::<usize>(), any::<u8>()), 1..3)],
    ) {
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        let archive = match read(&bytes, Format::Zip, &Limits::default()) {
            Ok(archive) => archive,
            Err(ReadError::Io { .. }) => panic!("bytes in memory can be read"),
            Err(_) => return Ok(()),
        };
        match infer(&archive, &bytes) {
            Ok(parameters) => {
                let mut written = vec![];
                repack(&parameters, &archive, &bytes, &mut written).unwrap();
                prop_assert_eq!(written, bytes);
            }
            Err(InferError::NotRepackable(refused)) => prop_assert!(!refused.to_string().is_empty()),
            Err(InferError::Failed(failure)) => panic!("{failure}"),
        }
    }

    #[test]
    fn only_the_same_contents_are_exact(
        entries in (entry("b"), entry("a/c"), entry("d")).prop_map(|(first, second, third)| [first, second, third]),
        changed in proptest::option::of((0..3_usize, any::<usize>(), 1..=u8::MAX)),
    ) {
        let published = zip_with(&entries, b"", false);
        // The same members in a plain container.
        let mut plain = entries.map(|entry| Entry::stored(entry.name, entry.contents).of_mode(entry.external >> 16));
        plain.reverse();
        let mut is_same = true;
        if let Some((index, at, by)) = changed {
            let contents = &mut plain[index].contents;
            let length = contents.len();
            if length == 0 { contents.push(by) } else { contents[at % length] ^= by }
            plain[index].data = plain[index].contents.clone();
            is_same = false;
        }
        let rebuilt = zip_with(&plain, b"", false);
        let both = [&published, &rebuilt].map(|bytes| read(bytes, Format::Zip, &Limits::default()));
        let [Ok(ours), Ok(theirs)] = both else { return Ok(()) };
        match is_exact(&ours, &published, &theirs, &rebuilt).unwrap() {
            Exactness::Exact(_) => prop_assert!(is_same),
            Exactness::Different { .. } => prop_assert!(!is_same),
            Exactness::NotRepackable(_) | Exactness::Unfit(_) => {}
        }
    }
}
