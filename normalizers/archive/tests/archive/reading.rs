//! The ways to read one archive: at once, in order, and one member again.

use flate2::GzBuilder;
use twinbuild_archive::{Format, LimitError, LimitKind, Limits, ReadError, contents, read, stream, visit};
use twinbuild_subject::Sha256;

use crate::gzip::gzip;
use crate::raw_tar::{directory, file, tar};
use crate::raw_zip::{Entry, Zip};

/// Contents that do not compress to nothing.
fn noise(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0] & 0x3f
    };
    (0..size).map(|_| next()).collect()
}

/// So large that several threads read it: 64 members of 0 to 189 000 bytes, the small ones first, a link, a directory.
fn large() -> Vec<Entry> {
    let mut entries: Vec<_> = (0..64_u32)
        .map(|number| {
            let content = noise(number, number as usize * 3000);
            let name = format!("d/{number}");
            if number % 3 == 0 { Entry::stored(name, &content) } else { Entry::deflated(name, &content) }
        })
        .collect();
    entries.insert(20, Entry::link("l", b"d/1"));
    entries.insert(30, Entry::directory("d/"));
    entries
}

fn spoiled(mut entry: Entry) -> Entry {
    entry.sums.0 ^= 1;
    entry
}

#[test]
fn several_threads_read_what_one_reads_in_order() {
    let mut entries = large();
    entries[40].data.extend(b"tail");
    entries[40].sums.1 += 4;
    let bytes = Zip::of(entries).bytes();
    let mut names = Vec::new();
    let mut digests = Vec::new();
    let visited = visit(&bytes, Format::Zip, &Limits::default(), &mut |member, contents| {
        let mut held = Vec::new();
        contents.read_to_end(&mut held)?;
        names.push(member.path.clone());
        digests.push(Sha256::of(&held));
        Ok(())
    })
    .unwrap();
    for _ in 0..4 {
        assert_eq!(crate::ok(&bytes, Format::Zip), visited);
    }
    assert_eq!(
        visited.anomalies.iter().map(|anomaly| anomaly.code).collect::<Vec<_>>(),
        ["zip-symlink", "zip-deflate-tail"]
    );
    for (index, member) in visited.members.iter().enumerate() {
        assert_eq!(member.path, names[index]);
        assert!(!member.is_file() || member.sha256 == Some(digests[index]));
    }
}

#[test]
fn the_first_fault_in_the_order_of_the_archive_is_returned() {
    let path = |entries: Vec<Entry>| crate::lie(&Zip::of(entries).bytes(), Format::Zip).path().unwrap().to_string();
    for faults in [vec![3], vec![3, 60], vec![65, 3], vec![64, 65]] {
        let mut entries = large();
        for fault in &faults {
            entries[*fault] = spoiled(entries[*fault].clone());
        }
        let first = &entries[*faults.iter().min().unwrap()];
        let expected = String::from_utf8(first.name.clone()).unwrap();
        for _ in 0..4 {
            assert_eq!(path(entries.clone()), expected, "{faults:?}");
        }
    }
}

#[test]
fn a_limit_is_met_at_the_same_byte_in_every_reading() {
    let bytes = Zip::of(large()).bytes();
    let limit = |outcome: Result<_, ReadError>| match outcome {
        Err(ReadError::Limit(limit)) => limit,
        other => panic!("{:?}", other.map(drop)),
    };
    let limits = Limits { total_bytes: 4_000_000, ..Limits::default() };
    let expected: LimitError = limit(visit(&bytes, Format::Zip, &limits, &mut |_, _| Ok(())));
    assert_eq!((expected.kind, expected.allowed), (LimitKind::TotalBytes, 4_000_000));
    for _ in 0..4 {
        assert_eq!(limit(read(&bytes, Format::Zip, &limits)), expected);
    }
    // A fault in front of the member that reaches the limit comes first.
    let mut entries = large();
    entries[2] = spoiled(entries[2].clone());
    assert!(matches!(read(&Zip::of(entries).bytes(), Format::Zip, &limits), Err(ReadError::Malformed(_))));
}

#[test]
fn one_member_is_streamed_from_every_format() {
    let tar = tar(&[directory("d/"), file("d/a", &noise(1, 200_000)), file("d/b", b"twin")]);
    let zip =
        Zip::of([Entry::directory("d/"), Entry::deflated("d/a", &noise(1, 200_000)), Entry::stored("d/b", b"twin")]);
    for (bytes, format) in
        [(zip.bytes(), Format::Zip), (gzip(GzBuilder::new(), &tar), Format::TarGz), (tar, Format::Tar)]
    {
        let archive = crate::ok(&bytes, format);
        let mut held = Vec::new();
        stream(&bytes, &archive, 1, &mut |contents| contents.read_to_end(&mut held).map(drop)).unwrap();
        assert_eq!(held, noise(1, 200_000));
        let mut head = [0; 3];
        stream(&bytes, &archive, 1, &mut |contents| contents.read_exact(&mut head)).unwrap();
        assert_eq!(head, noise(1, 200_000)[..3]);
        assert_eq!(contents(&bytes, &archive, 2, 4).unwrap(), b"twin");
        for index in [0, 3] {
            let none = stream(&bytes, &archive, index, &mut |_| Ok(()));
            assert!(matches!(none, Err(ReadError::NoContents { .. })), "{none:?}");
        }
        let failed = stream(&bytes, &archive, 1, &mut |_| Err(std::io::ErrorKind::StorageFull.into()));
        assert!(matches!(failed, Err(ReadError::Visitor { .. })), "{failed:?}");
    }
}

#[test]
fn a_member_that_was_changed_since_is_told_even_where_it_was_left_unread() {
    let archive = crate::ok(&tar(&[file("a", b"twin")]), Format::Tar);
    let changed = tar(&[file("a", b"twim")]);
    let outcome = stream(&changed, &archive, 0, &mut |_| Ok(()));
    assert!(matches!(outcome, Err(ReadError::Changed { .. })), "{outcome:?}");
}
