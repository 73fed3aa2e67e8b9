//! Zip files whose structure lies.

use crate::project::{CORE, Wheel, honest_wheel, wheel};
use crate::raw::deflate::{EMPTY_BLOCK, deflate};
use crate::raw::zip::{Entry, Zip, end, extra, with_zip64};
use crate::raw::{inserted, patched, position, wide};
use crate::{Case, Expected, case, finding, rejected};

/// A local header with contents that no directory lists.
fn evil() -> Vec<u8> {
    Zip { entries: vec![Entry::stored("demo/evil.py", b"import os\n")], ..Zip::default() }.entries[0]
        .local
        .as_ref()
        .map(|local| [local.local(), b"import os\n".to_vec()].concat())
        .unwrap_or_default()
}

/// A whole other zip file.
fn other() -> Vec<u8> {
    Zip { entries: vec![Entry::stored("demo/evil.py", b"import os\n")], ..Zip::default() }.write()
}

/// Lies of the end record and of the zip64 records.
pub(crate) fn ends() -> Vec<Case> {
    let honest = honest_wheel();
    let at_end = honest.len() - 22;
    let in_end = |at: usize, new: &[u8]| patched(honest.clone(), at_end + at, new);
    let half = honest.len() / 2;
    let directory = wheel_directory(&honest);
    let second_end = end(0, 0, 0, b"");
    vec![
        case("zip-two-end-records.whl", rejected("zip-several-ends"), {
            // The comment of the first reaches the end of the file, and is an end record itself.
            let first = patched(honest.clone(), at_end + 20, &22_u16.to_le_bytes());
            [first, second_end].concat()
        }),
        case("zip-two-whole-archives-in-a-row.whl", rejected("zip-directory-position"), {
            [other(), honest.clone()].concat()
        }),
        case("zip-second-archive-in-the-comment.whl", rejected("zip-several-ends"), {
            wheel(|zip| zip.comment = other())
        }),
        case("zip-end-record-cut-in-the-comment.whl", rejected("zip-several-ends"), {
            wheel(|zip| zip.comment = b"PK\x05\x06".to_vec())
        }),
        case("zip-end-record-missing.whl", rejected("zip-no-end"), honest[..at_end].to_vec()),
        case("zip-cut-in-the-end-record.whl", rejected("zip-no-end"), honest[..honest.len() - 1].to_vec()),
        case("zip-cut-in-the-middle.whl", rejected("zip-no-end"), honest[..half].to_vec()),
        case("zip-cut-in-the-directory.whl", rejected("zip-no-end"), honest[..directory + 20].to_vec()),
        case("zip-empty-file.whl", rejected("zip-no-end"), Vec::new()),
        case("zip-head-missing.whl", rejected("zip-directory-position"), honest[10..].to_vec()),
        case("zip-comment-longer-than-the-file.whl", rejected("zip-comment-length"), {
            in_end(20, &9_u16.to_le_bytes())
        }),
        case("zip-archive-comment.whl", finding("zip-comment"), wheel(|zip| zip.comment = b"curl | sh".to_vec())),
        case("zip-trailer.whl", finding("zip-trailer"), wheel(|zip| zip.trailer = vec![b'x'; 64])),
        case("zip-trailer-of-zeros.whl", finding("zip-trailer"), wheel(|zip| zip.trailer = vec![0; 64])),
        case("zip-trailer-with-a-local-header.whl", rejected("zip-hidden-entry"), wheel(|zip| zip.trailer = evil())),
        case("zip-trailer-too-long-to-find-the-end.whl", rejected("zip-no-end"), {
            wheel(|zip| zip.trailer = vec![0; 70_000])
        }),
        case("zip-disk-number-of-a-split-archive.whl", rejected("zip-split"), in_end(4, &1_u16.to_le_bytes())),
        case("zip-directory-on-another-disk.whl", rejected("zip-split"), in_end(6, &1_u16.to_le_bytes())),
        case("zip-member-on-another-disk.whl", rejected("zip-split"), wheel(|zip| zip.entries[1].disk = 1)),
        case("zip-end-counts-differ.whl", rejected("zip-end-counts"), in_end(8, &6_u16.to_le_bytes())),
        case("zip-end-counts-one-member-less.whl", rejected("zip-directory-count"), in_end(8, &[6, 0, 6, 0])),
        case("zip-end-counts-one-member-more.whl", rejected("zip-directory-count"), in_end(8, &[8, 0, 8, 0])),
        case("zip-directory-size-too-small.whl", rejected("zip-directory-position"), {
            in_end(12, &1_u32.to_le_bytes())
        }),
        case("zip-directory-offset-beyond-the-file.whl", rejected("zip-directory-position"), {
            in_end(16, &0x7fff_ffff_u32.to_le_bytes())
        }),
        case("zip-directory-with-a-digital-signature.whl", rejected("zip-directory-record"), {
            let signature = [b"PK\x05\x05\x04\0", &b"sign"[..]].concat();
            let size = wide(at_end - directory + signature.len());
            let grown = inserted(honest.clone(), at_end, &signature);
            patched(grown, at_end + signature.len() + 12, &size.to_le_bytes())
        }),
        case("zip64-count-differs.whl", rejected("zip-zip64-end-differs"), {
            with_zip64(&honest, |zip64| zip64.count = 1)
        }),
        case("zip64-directory-elsewhere.whl", rejected("zip-zip64-end-differs"), {
            with_zip64(&honest, |zip64| zip64.offset = 0)
        }),
        case("zip64-locator-points-elsewhere.whl", rejected("zip-zip64-end"), {
            with_zip64(&honest, |zip64| zip64.at = 4)
        }),
        case("zip64-gap-before-the-locator.whl", rejected("zip-zip64-end"), {
            let bytes = with_zip64(&honest, |_| ());
            inserted(bytes, at_end + 56, b"gap!")
        }),
        case("zip64-locator-without-a-record.whl", rejected("zip-zip64-end"), {
            let locator = [b"PK\x06\x07", &[0; 4][..], &0_u64.to_le_bytes(), &1_u32.to_le_bytes()].concat();
            inserted(honest.clone(), at_end, &locator)
        }),
        case("zip64-offsets-that-overflow.whl", rejected("zip-directory-position"), {
            let saturated = patched(honest.clone(), at_end + 12, &[0xff; 8]);
            with_zip64(&saturated, |zip64| (zip64.size, zip64.offset) = (u64::MAX, u64::MAX))
        }),
        case("zip64-a-billion-members-declared.whl", Expected::Limit, {
            let saturated = patched(honest.clone(), at_end + 8, &[0xff; 4]);
            with_zip64(&saturated, |zip64| zip64.count = 1_000_000_000)
        }),
    ]
}

/// Where the directory begins, by the end record.
fn wheel_directory(honest: &[u8]) -> usize {
    position(honest, b"PK\x01\x02")
}

/// Local headers that say something else than the directory.
pub(crate) fn headers() -> Vec<Case> {
    let local = |edit: &dyn Fn(&mut crate::raw::zip::Header)| wheel(|zip| zip.entries[1].edit_local(edit));
    vec![
        case("zip-hidden-local-entry.whl", rejected("zip-hidden-entry"), {
            wheel(|zip| {
                let mut hidden = Entry::stored("demo/evil.py", b"import os\n");
                hidden.central = None;
                zip.entries.insert(2, hidden);
            })
        }),
        case("zip-hidden-entry-after-the-last.whl", rejected("zip-hidden-entry"), wheel(|zip| zip.gap = evil())),
        case("zip-hidden-entry-without-a-directory-in-front.whl", rejected("zip-hidden-entry"), {
            wheel(|zip| zip.prefix = evil())
        }),
        case("zip-renamed-local-header.whl", rejected("zip-local-name"), {
            local(&|header| header.name = b"demo/evil.py".to_vec())
        }),
        case("zip-local-name-in-other-case.whl", rejected("zip-local-name"), {
            local(&|header| header.name.make_ascii_uppercase())
        }),
        case("zip-local-method-differs.whl", rejected("zip-local-differs"), local(&|header| header.method = 0)),
        case("zip-local-flags-differ-in-the-descriptor.whl", rejected("zip-local-differs"), {
            local(&|header| header.flags = 8)
        }),
        case("zip-local-flags-say-encrypted.whl", rejected("zip-local-differs"), local(&|header| header.flags = 1)),
        case("zip-local-flags-differ-in-effort.whl", finding("zip-flags-differ"), local(&|header| header.flags = 2)),
        case("zip-local-crc-differs.whl", rejected("zip-local-differs"), local(&|header| header.crc32 ^= 1)),
        case("zip-local-size-differs.whl", rejected("zip-local-differs"), local(&|header| header.size += 1)),
        case("zip-local-compressed-size-differs.whl", rejected("zip-local-differs"), {
            local(&|header| header.compressed -= 1)
        }),
        case("zip-local-time-differs.whl", finding("zip-time-differs"), local(&|header| header.time += 1)),
        case("zip-local-version-differs.whl", finding("zip-version-differs"), local(&|header| header.version = 10)),
        case("zip-lying-crc.whl", rejected("zip-crc"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.crc32 ^= 1))
        }),
        case("zip-crc-of-zero.whl", rejected("zip-crc"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.crc32 = 0))
        }),
        case("zip-size-too-small.whl", rejected("zip-size"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.size -= 1))
        }),
        case("zip-size-too-large.whl", rejected("zip-size"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.size += 1))
        }),
        case("zip-stored-size-mismatch.whl", rejected("zip-stored-size"), {
            wheel(|zip| zip.entries[0] = Entry::stored("demo/__init__.py", b"pass\n").both(|header| header.size = 4))
        }),
        case("zip-encrypted-flag.whl", rejected("zip-encrypted"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.flags = 1))
        }),
        case("zip-strong-encryption-flag.whl", rejected("zip-encrypted"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.flags = 1 << 6))
        }),
        case("zip-masked-headers-flag.whl", rejected("zip-encrypted"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.flags = 1 << 13))
        }),
        case("zip-patch-data-flag.whl", Expected::Unsupported, {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.flags = 1 << 5))
        }),
        case("zip-flag-without-a-meaning.whl", finding("zip-flags"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.flags = 1 << 12))
        }),
        case("zip-method-ppmd.whl", Expected::Unsupported, {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.method = 98))
        }),
        case("zip-method-of-no-known-kind.whl", Expected::Unsupported, {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.method = 77))
        }),
        case("zip-version-needed-of-the-future.whl", finding("zip-version-needed"), {
            wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.version = 900))
        }),
        case("zip-internal-attributes.whl", finding("zip-internal-attributes"), {
            wheel(|zip| zip.entries[1].internal = 0x6b65)
        }),
        case("zip-text-attribute.whl", finding("container-field"), wheel(|zip| zip.entries[1].internal = 1)),
        case("zip-dos-attributes.whl", finding("container-field"), wheel(|zip| zip.entries[1].attributes |= 0x27)),
        case("zip-member-comment.whl", finding("zip-member-comment"), {
            wheel(|zip| zip.entries[1].comment = b"see /tmp".to_vec())
        }),
    ]
}

/// Members that do not lie one after the other.
pub(crate) fn layout() -> Vec<Case> {
    vec![
        case("zip-gap-without-a-header.whl", finding("zip-gap"), wheel(|zip| zip.entries[2].before = vec![b'x'; 64])),
        case("zip-gap-of-zeros.whl", finding("zip-gap"), wheel(|zip| zip.gap = vec![0; 64])),
        case("zip-gap-of-one-byte.whl", finding("zip-gap"), wheel(|zip| zip.entries[2].before = vec![0])),
        case("zip-gap-with-a-local-header.whl", rejected("zip-hidden-entry"), {
            wheel(|zip| zip.entries[2].before = [b"noise", &*evil()].concat())
        }),
        case("zip-gap-with-a-central-header.whl", rejected("zip-hidden-entry"), {
            wheel(|zip| zip.gap = [b"PK\x01\x02", &[0; 60][..]].concat())
        }),
        case("zip-gap-with-an-end-record.whl", rejected("zip-hidden-entry"), {
            wheel(|zip| zip.gap = end(0, 0, 0, b""))
        }),
        case("zip-prefix-with-true-offsets.whl", finding("zip-prefix"), {
            wheel(|zip| zip.prefix = b"#!/bin/sh\nexec python3 $0\n".to_vec())
        }),
        case("zip-prefix-with-shifted-offsets.whl", rejected("zip-directory-position"), {
            wheel(|zip| (zip.prefix, zip.is_shifted) = (b"#!/bin/sh\nexec python3 $0\n".to_vec(), true))
        }),
        case("zip-prefix-of-16-kib.whl", finding("zip-prefix"), wheel(|zip| zip.prefix = vec![0x90; 16 << 10])),
        case("zip-two-members-share-one-local-header.whl", rejected("zip-local-name"), {
            wheel(|zip| {
                let mut twin = zip.entries[0].clone();
                twin.edit_central(|header| header.name = b"demo/other.py".to_vec());
                (twin.local, twin.offset) = (None, Some(0));
                zip.entries.push(twin);
            })
        }),
        case("zip-member-within-the-data-of-another.whl", rejected("zip-overlap"), {
            wheel(|zip| {
                // A stored member holds the whole local header and contents of another, listed, one.
                let inner = Entry::stored("demo/inner.py", b"import os\n");
                let inside = inner.local.as_ref().map(|local| [local.local(), inner.data.clone()].concat());
                let outer = Entry::stored("demo/outer.py", &inside.unwrap_or_default());
                let offset = zip.entries.iter().fold(0, |sum, entry| {
                    sum + entry.local.as_ref().map_or(0, |local| local.local().len()) + entry.data.len()
                });
                let header = outer.local.as_ref().map_or(0, |local| local.local().len());
                zip.entries.push(outer);
                zip.entries.push(Entry { local: None, offset: Some(wide(offset + header)), ..inner });
            })
        }),
        case("zip-many-members-share-one-data-range.whl", rejected("zip-overlap"), {
            // As Fifield's zip bomb: each local header is quoted by the stored block in front of the next one.
            overlapping(40)
        }),
        case("zip-data-reach-into-the-directory.whl", rejected("zip-data-range"), {
            wheel(|zip| {
                let last = zip.entries.len() - 1;
                zip.entries[last] = zip.entries[last].clone().both(|header| header.compressed += 400);
            })
        }),
        case("zip-local-offset-in-the-directory.whl", rejected("zip-local-header"), {
            let honest = honest_wheel();
            let at = wide(wheel_directory(&honest));
            wheel(|zip| zip.entries[1].offset = Some(at))
        }),
        case("zip-local-offset-at-another-place.whl", rejected("zip-local-header"), {
            wheel(|zip| zip.entries[1].offset = Some(7))
        }),
        case("zip-directory-in-another-order.whl", finding("zip-order"), {
            wheel(|zip| zip.is_directory_reversed = true)
        }),
    ]
}

/// `count` members whose deflate streams quote the headers of all that follow, down to one kernel.
fn overlapping(count: usize) -> Vec<u8> {
    let content = vec![b'a'; 40_000];
    let mut stream = deflate(&content);
    let mut expanded = content;
    let mut entries = Vec::new();
    for number in (0..count).rev() {
        let name = format!("demo/{number:03}.txt");
        let entry = Entry::compressed(name, &expanded, 8, stream.clone());
        let header = entry.local.as_ref().map(crate::raw::zip::Header::local).unwrap_or_default();
        stream = [crate::raw::deflate::stored_block(&header, false), stream].concat();
        expanded = [header, expanded].concat();
        entries.push(entry);
    }
    entries.reverse();
    // Written once, as the first; the others begin within it.
    let mut zip = Wheel::honest().zip();
    let mut offset = zip
        .entries
        .iter()
        .fold(0, |sum, entry| sum + entry.local.as_ref().map_or(0, |local| local.local().len()) + entry.data.len());
    for (number, mut entry) in entries.into_iter().enumerate() {
        entry.offset = Some(wide(offset));
        offset += entry.local.as_ref().map_or(0, |local| local.local().len()) + 5;
        if number > 0 {
            entry.local = None;
        }
        zip.entries.push(entry);
    }
    zip.write()
}

/// Extra fields and zip64 sizes.
pub(crate) fn extras() -> Vec<Case> {
    let both = |bytes: Vec<u8>| {
        wheel(|zip| zip.entries[1] = zip.entries[1].clone().both(|header| header.extra.clone_from(&bytes)))
    };
    let unicode =
        |name: &[u8]| extra(0x7075, &[&[1][..], &crate::raw::crc32(CORE.as_bytes()).to_le_bytes(), name].concat());
    let sizes = |entry: &Entry| {
        let central = entry.central.clone().expect("an ordinary entry");
        [u64::from(central.size).to_le_bytes(), u64::from(central.compressed).to_le_bytes()].concat()
    };
    vec![
        case("zip-unknown-extra-field.whl", finding("zip-extra-field"), both(extra(0x6c65, b"payload"))),
        case("zip-unknown-extra-field-in-the-directory-only.whl", finding("zip-extra-field"), {
            wheel(|zip| zip.entries[1].edit_central(|header| header.extra = extra(0xcafe, b"")))
        }),
        case("zip-unknown-extra-field-in-the-local-header-only.whl", finding("zip-extra-field"), {
            wheel(|zip| zip.entries[1].edit_local(|header| header.extra = extra(0x6c65, b"payload")))
        }),
        case("zip-unix-owners-extra-field.whl", finding("zip-extra-field"), {
            both(extra(0x7875, &[1, 4, 0xe8, 3, 0, 0, 4, 0xe8, 3, 0, 0]))
        }),
        case("zip-extra-field-longer-than-its-room.whl", rejected("zip-extra-field-length"), {
            both([&0x5455_u16.to_le_bytes()[..], &200_u16.to_le_bytes(), b"short"].concat())
        }),
        case("zip-extra-remainder.whl", finding("zip-extra-remainder"), both(b"abc".to_vec())),
        case("zip-timestamp-not-laid-out-as-such.whl", finding("zip-extra-field"), both(extra(0x5455, b"\xffhidden"))),
        case("zip-timestamp-twice.whl", finding("zip-extra-repeated"), {
            both([extra(0x5455, b"\x01\0\0\0\x5e"), extra(0x5455, b"\x01\0\0\0\x5f")].concat())
        }),
        case("zip-unicode-path-of-another-name.whl", rejected("zip-unicode-path"), both(unicode(b"demo/evil.py"))),
        case("zip-unicode-path-of-the-same-name.whl", finding("zip-extra-field"), both(unicode(CORE.as_bytes()))),
        case("zip-unicode-path-with-a-parent.whl", rejected("zip-unicode-path"), both(unicode(b"../../evil.py"))),
        case("zip64-field-contradicts-the-header.whl", rejected("zip-zip64-extra"), {
            both(extra(1, &[1_u64.to_le_bytes(); 2].concat()))
        }),
        case("zip64-field-twice.whl", rejected("zip-zip64-extra"), {
            wheel(|zip| {
                let field = extra(1, &sizes(&zip.entries[1]));
                zip.entries[1].edit_local(|header| header.extra = field.repeat(2));
            })
        }),
        case("zip64-field-too-short.whl", rejected("zip-zip64-extra"), {
            wheel(|zip| {
                zip.entries[1] = zip.entries[1].clone().both(|header| {
                    header.size = u32::MAX;
                    header.extra = extra(1, b"1234");
                });
            })
        }),
        case("zip64-field-missing-where-sizes-are-saturated.whl", rejected("zip-data-range"), {
            wheel(|zip| {
                zip.entries[1] =
                    zip.entries[1].clone().both(|header| (header.size, header.compressed) = (u32::MAX, u32::MAX));
            })
        }),
        case("zip64-sizes-differ-between-the-headers.whl", rejected("zip-local-differs"), {
            wheel(|zip| {
                zip.entries[1].edit_local(|header| {
                    let sizes = [2_u64.to_le_bytes(), u64::from(header.compressed).to_le_bytes()].concat();
                    (header.size, header.compressed) = (u32::MAX, u32::MAX);
                    header.extra = extra(1, &sizes);
                });
            })
        }),
        case("zip64-needless-field.whl", finding("zip-zip64-needless"), {
            wheel(|zip| {
                let field = extra(1, &sizes(&zip.entries[1]));
                zip.entries[1] = zip.entries[1].clone().both(|header| header.extra.clone_from(&field));
            })
        }),
        case("zip64-size-of-16-eib.whl", Expected::Limit, {
            wheel(|zip| {
                let compressed = u64::from(wide(zip.entries[1].data.len()));
                let field = extra(1, &[u64::MAX.to_le_bytes(), compressed.to_le_bytes()].concat());
                zip.entries[1] = zip.entries[1].clone().both(|header| {
                    (header.size, header.compressed) = (u32::MAX, u32::MAX);
                    header.extra.clone_from(&field);
                });
            })
        }),
    ]
}

/// Compressed contents and data descriptors.
pub(crate) fn data() -> Vec<Case> {
    let core = |edit: &dyn Fn(Entry) -> Entry| wheel(|zip| zip.entries[1] = edit(zip.entries[1].clone()));
    let recompressed = |edit: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        core(&|entry| {
            let data = edit(entry.data.clone());
            entry.recompressed(8, data)
        })
    };
    let descriptor = |edit: &dyn Fn(&mut Vec<u8>)| {
        core(&|entry| {
            let mut entry = entry.with_descriptor(true);
            edit(&mut entry.descriptor);
            entry
        })
    };
    vec![
        case("zip-descriptor-with-another-crc.whl", rejected("zip-descriptor"), descriptor(&|bytes| bytes[4] ^= 1)),
        case("zip-descriptor-with-another-size.whl", rejected("zip-descriptor"), descriptor(&|bytes| bytes[12] ^= 1)),
        case("zip-descriptor-missing.whl", rejected("zip-descriptor"), descriptor(&Vec::clear)),
        case("zip-descriptor-wide-without-zip64.whl", rejected("zip-descriptor"), {
            descriptor(&|bytes| {
                let narrow = bytes.split_off(8);
                bytes.extend(narrow.chunks(4).flat_map(|size| [size, &[0; 4]].concat()));
            })
        }),
        case("zip-descriptor-twice.whl", finding("zip-gap"), descriptor(&|bytes| bytes.extend_from_within(..))),
        case("zip-descriptor-without-its-flag.whl", finding("zip-gap"), {
            core(&|entry| {
                let descriptor = entry.clone().with_descriptor(true).descriptor;
                Entry { descriptor, ..entry }
            })
        }),
        case("zip-descriptor-after-stored-contents.whl", rejected("zip-stored-descriptor"), {
            wheel(|zip| zip.entries[0] = Entry::stored("demo/__init__.py", b"pass\n").with_descriptor(true))
        }),
        case("zip-descriptor-flag-and-local-sizes-that-lie.whl", rejected("zip-local-differs"), {
            core(&|entry| {
                let mut entry = entry.with_descriptor(true);
                entry.edit_local(|header| header.size = 1);
                entry
            })
        }),
        case("zip-deflate-tail.whl", finding("zip-deflate-tail"), recompressed(&|data| [&*data, b"tail"].concat())),
        case("zip-deflate-tail-of-one-zero.whl", finding("zip-deflate-tail"), {
            recompressed(&|data| [&*data, &[0]].concat())
        }),
        case("zip-deflate-tail-with-a-local-header.whl", rejected("zip-deflate-tail"), {
            recompressed(&|data| [data, evil()].concat())
        }),
        case("zip-deflate-tail-before-a-descriptor.whl", rejected("zip-deflate-tail"), {
            core(&|entry| {
                let data = [&*entry.data, b"tail"].concat();
                entry.recompressed(8, data).with_descriptor(true)
            })
        }),
        case("zip-deflate-stuffed-with-empty-blocks.whl", finding("compressed-data-differs"), {
            recompressed(&|data| [EMPTY_BLOCK.repeat(100), data].concat())
        }),
        case("zip-deflate-stuffed-in-padding-bits.whl", finding("compressed-data-differs"), {
            // Five bits in front of each stored length are skipped by every decoder.
            let secret = b"five bits each".map(|byte| [byte << 3, 0, 0, 0xff, 0xff]);
            recompressed(&|data| [secret.concat(), data].concat())
        }),
        case("zip-deflate-in-stored-blocks.whl", finding("compressed-data-differs"), {
            core(&|entry| {
                let content = Wheel::honest().files[1].1.clone();
                let (first, second) = content.split_at(40);
                let blocks =
                    [crate::raw::deflate::stored_block(first, false), crate::raw::deflate::stored_block(second, true)];
                entry.recompressed(8, blocks.concat())
            })
        }),
        case("zip-deflate-cut.whl", rejected("zip-deflate"), recompressed(&|data| data[..data.len() - 4].to_vec())),
        case("zip-deflate-garbage.whl", rejected("zip-deflate"), recompressed(&|data| vec![0xff; data.len()])),
        case("zip-deflate-without-its-last-block.whl", rejected("zip-deflate"), {
            recompressed(&|_| [crate::raw::deflate::stored_block(b"pass", false), EMPTY_BLOCK.to_vec()].concat())
        }),
        case("zip-deflate-of-no-bytes.whl", rejected("zip-deflate"), recompressed(&|_| Vec::new())),
        case("zip-deflate-wrapped-in-zlib.whl", rejected("zip-deflate"), {
            recompressed(&|data| [b"\x78\x9c", &*data, b"\0\0\0\0"].concat())
        }),
    ]
}
