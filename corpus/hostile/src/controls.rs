//! Controls: files in which permitted container parameters differ (law 7), and nothing else. A reader that calls one of
//! them different would call honest rebuilds different.

use crate::project::{Wheel, gzipped, sdist_parts, sdist_tar, wheel};
use crate::raw::deflate::deflate_at;
use crate::raw::gzip::Gzip;
use crate::raw::tar::{Header, end, entry};
use crate::raw::zip::{Entry, Header as ZipHeader, Zip, extra};
use crate::{Case, Expected, case};

const EQUIVALENT: Expected = Expected::Equivalent { warning: None };

/// Wheels.
pub(crate) fn wheels() -> Vec<Case> {
    let every = |edit: &dyn Fn(Entry) -> Entry| wheel(|zip| zip.entries = zip.entries.drain(..).map(edit).collect());
    let headers = |edit: &dyn Fn(&mut ZipHeader)| every(&|entry| entry.both(edit));
    let modes = |edit: &dyn Fn(u32) -> u32| {
        every(&|entry| {
            let mode = edit(entry.attributes >> 16);
            entry.mode(mode)
        })
    };
    vec![
        case("control-order.whl", EQUIVALENT, wheel(|zip| zip.entries.reverse())),
        case("control-times.whl", EQUIVALENT, {
            headers(&|header| (header.date, header.time) = ((41 << 9) | (3 << 5) | 4, (5 << 11) | (6 << 5) | 4))
        }),
        case("control-times-before-1981.whl", EQUIVALENT, headers(&|header| (header.date, header.time) = (0x21, 0))),
        case("control-extended-timestamp.whl", EQUIVALENT, {
            wheel(|zip| {
                for entry in &mut zip.entries {
                    entry.edit_local(|header| header.extra = extra(0x5455, b"\x01\xa0\xd6\x36\x5e"));
                }
            })
        }),
        case("control-ntfs-times.whl", Expected::Equivalent { warning: Some("parameter-channel") }, {
            let ticks = [[0, 0, 0, 0, 1, 0, 24, 0], *b"\0\x40\x1a\x2b\x3c\xd9\xd5\x01"].concat();
            let data = [ticks.clone(), ticks[8..].to_vec(), ticks[8..].to_vec()].concat();
            wheel(|zip| zip.entries[0].edit_central(|header| header.extra = extra(0x000a, &data)))
        }),
        case("control-stored.whl", EQUIVALENT, {
            let mut zip = Wheel::honest().zip();
            let record = Wheel::honest().rows().concat().into_bytes();
            let contents: Vec<Vec<u8>> = Wheel::honest().files.into_iter().map(|file| file.1).chain([record]).collect();
            let pairs = zip.entries.drain(..).zip(contents);
            let entries = pairs.map(|(entry, content)| entry.recompressed(0, content)).collect();
            Zip { entries, ..Zip::default() }.write()
        }),
        case("control-one-member-stored.whl", EQUIVALENT, {
            wheel(|zip| {
                let content = Wheel::honest().files[1].1.clone();
                zip.entries[1] = zip.entries[1].clone().recompressed(0, content);
            })
        }),
        case("control-level-1-of-zlib.whl", EQUIVALENT, {
            // What zlib 1.2.13 gives for this member at level 1, which is not what it gives at level 6.
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().recompressed(8, CORE_AT_LEVEL_1.to_vec()))
        }),
        case("control-modes-of-another-umask.whl", EQUIVALENT, modes(&|mode| mode | (mode & 0o600) >> 3)),
        case("control-modes-without-others.whl", EQUIVALENT, modes(&|mode| mode & !0o007)),
        case("control-type-bits-absent-from-files.whl", EQUIVALENT, {
            modes(&|mode| if mode & 0o111 == 0 { mode & 0o7777 } else { mode })
        }),
        case("control-all-world-writable.whl", Expected::Equivalent { warning: Some("world-writable") }, {
            modes(&|mode| mode | 0o022)
        }),
        case("control-creator-and-version.whl", EQUIVALENT, {
            every(&|entry| Entry { creator: 3 << 8 | 63, ..entry.both(|header| header.version = 45) })
        }),
        case("control-effort-flags.whl", EQUIVALENT, headers(&|header| header.flags |= 0b010)),
        case("control-utf8-flag.whl", EQUIVALENT, headers(&|header| header.flags |= 1 << 11)),
        case("control-descriptors.whl", EQUIVALENT, every(&|entry| entry.with_descriptor(true))),
        case("control-descriptors-without-signature.whl", EQUIVALENT, every(&|entry| entry.with_descriptor(false))),
        case("control-record-rows-in-another-order.whl", EQUIVALENT, {
            let mut rows = Wheel::honest().rows();
            rows.reverse();
            Wheel::honest().with_record(&rows.concat()).write()
        }),
        case("control-all-at-once.whl", EQUIVALENT, {
            wheel(|zip| {
                zip.entries.reverse();
                for entry in &mut zip.entries {
                    *entry =
                        entry.clone().both(|header| (header.date, header.version) = (0x21, 10)).with_descriptor(true);
                    entry.attributes |= (entry.attributes >> 3) & (0o060 << 16);
                }
            })
        }),
    ]
}

/// `demo/core.py` by `zlib.compressobj(1, 8, -15)`.
const CORE_AT_LEVEL_1: &[u8] = &[
    0x53, 0x52, 0x52, 0x0a, 0xcf, 0x48, 0x2c, 0x51, 0x48, 0x49, 0xcd, 0xcd, 0x57, 0x48, 0xc9, 0x4f, 0x2d, 0xd6, 0x53,
    0x52, 0x52, 0xe2, 0xe2, 0xe2, 0x4a, 0x49, 0x4d, 0x53, 0x48, 0xcc, 0x2b, 0x2e, 0x4f, 0x2d, 0xd2, 0x28, 0x2c, 0x4d,
    0x2d, 0x2e, 0xc9, 0xcc, 0xcf, 0xd3, 0xb4, 0xe2, 0x52, 0x00, 0x82, 0xa2, 0xd4, 0x92, 0xd2, 0xa2, 0x3c, 0x05, 0x13,
    0x23, 0x85, 0xcc, 0x34, 0x05, 0x98, 0x9c, 0x42, 0x6a, 0x4e, 0x71, 0xaa, 0x82, 0x5f, 0x7e, 0x5e, 0x2a, 0x50, 0x2f,
    0xd0, 0x84, 0x21, 0x61, 0x26, 0x00,
];

/// Sdists.
pub(crate) fn sdists() -> Vec<Case> {
    let tar = sdist_tar();
    let gzip = |edit: &dyn Fn(&mut Gzip)| {
        let mut gzip = Gzip::of(&tar);
        edit(&mut gzip);
        gzip.write()
    };
    let header = |edit: &dyn Fn(&mut Header)| {
        let mut parts = sdist_parts();
        let mut header = Header::new("demo-1.0/demo.py", b'0', 11);
        edit(&mut header);
        parts[4] = entry(&header, b"VALUE = 42\n");
        gzipped(&[parts.concat(), end()].concat())
    };
    vec![
        case("control-gzip-time.tar.gz", EQUIVALENT, gzip(&|gzip| gzip.modified = 0)),
        case("control-gzip-system.tar.gz", EQUIVALENT, gzip(&|gzip| gzip.system = 3)),
        case("control-gzip-name.tar.gz", EQUIVALENT, gzip(&|gzip| gzip.name = Some(b"demo-1.0.tar".to_vec()))),
        case("control-gzip-level-1.tar.gz", EQUIVALENT, gzip(&|gzip| gzip.deflated = deflate_at(&tar, 1))),
        case("control-gzip-level-9.tar.gz", EQUIVALENT, {
            gzip(&|gzip| (gzip.deflated, gzip.modified) = (deflate_at(&tar, 9), 0))
        }),
        case("control-tar-blocking-factor.tar.gz", EQUIVALENT, {
            let mut blocked = tar.clone();
            blocked.resize(tar.len().next_multiple_of(10_240), 0);
            gzipped(&blocked)
        }),
        case("control-tar-times.tar.gz", EQUIVALENT, header(&|header| header.modified += 3600)),
        case("control-tar-owners.tar.gz", EQUIVALENT, {
            header(&|header| (header.owner, header.owner_name) = (1000, b"builder"))
        }),
        case("control-tar-modes-of-another-umask.tar.gz", EQUIVALENT, header(&|header| header.mode = 0o664)),
        case("control-tar-dialect.tar.gz", EQUIVALENT, header(&|header| header.magic = b"ustar  \0")),
        case("control-tar-order.tar.gz", EQUIVALENT, {
            let mut parts = sdist_parts();
            parts.swap(3, 4);
            gzipped(&[parts.concat(), end()].concat())
        }),
    ]
}
