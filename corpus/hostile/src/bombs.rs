//! Small files that make a reader work: bombs that are flat, nested, or made of what a reader keeps.

use crate::project::{Wheel, gzipped, sdist_parts};
use crate::raw::deflate::{repeated, repetition, stored_block};
use crate::raw::gzip::Gzip;
use crate::raw::tar::{Header, end, extension, file, record};
use crate::raw::zip::{Entry, Zip, extra};
use crate::raw::{patched, wide};
use crate::{Case, Expected, case, finding, rejected};

/// 544 MiB in pieces of 258 bytes: more than the 512 MiB that may be expanded before the ratio counts.
const FLAT: usize = (544 << 20) / 258;
/// 256 MiB in pieces of 258 bytes, which an honest file may have.
const BELOW_FLOOR: usize = (256 << 20) / 258;
/// A little less than 16 MiB in pieces of 258 bytes.
const PIECE: usize = (16 << 20) / 258 - 100;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let pushed = |entry: Entry| {
        let mut zip = Wheel::honest().zip();
        zip.entries.push(entry);
        zip.write()
    };
    vec![
        case("bomb-flat-544-mib.whl", Expected::Limit, pushed(flat("demo/data.bin", 0, FLAT))),
        case("bomb-flat-544-mib-of-another-byte.whl", Expected::Limit, pushed(flat("demo/data.bin", b'a', FLAT))),
        case("bomb-flat-256-mib.whl", finding("unsourced-member"), {
            // An honest file of zeros packs as densely as this.
            pushed(flat("demo/data.bin", 0, BELOW_FLOOR))
        }),
        case("bomb-flat-that-declares-one-byte.whl", rejected("zip-size"), {
            pushed(flat("demo/data.bin", 0, BELOW_FLOOR).both(|header| header.size = 1))
        }),
        case("bomb-flat-256-mib-that-declares-4-gib.whl", rejected("zip-size"), {
            pushed(flat("demo/data.bin", 0, BELOW_FLOOR).both(|header| header.size = u32::MAX))
        }),
        case("bomb-flat-544-mib-that-declares-4-gib.whl", Expected::Limit, {
            pushed(flat("demo/data.bin", 0, FLAT).both(|header| header.size = u32::MAX))
        }),
        case("bomb-of-16-members-of-16-mib.whl", finding("unsourced-member"), {
            // The ratio of none of them counts.
            let mut wheel = Wheel::honest();
            let content = repeated(b"\0", 1, PIECE);
            let stream = repetition(b"\0", 1, PIECE);
            let names: Vec<String> = (0..16).map(|number| format!("demo/{number}.bin")).collect();
            for name in &names {
                wheel = wheel.with(name, b"");
            }
            let mut zip = wheel.without_record();
            for entry in &mut zip.entries[6..] {
                let name = entry.central.clone().map(|central| central.name).unwrap_or_default();
                *entry = Entry::compressed(name, &content, 8, stream.clone());
            }
            zip.write()
        }),
        case("bomb-in-metadata.whl", Expected::Limit, {
            let mut zip = Wheel::honest().zip();
            zip.entries[3] = flat("demo-1.0.dist-info/METADATA", b'a', FLAT);
            zip.write()
        }),
        case("bomb-in-record.whl", Expected::Limit, {
            let mut zip = Wheel::honest().without_record();
            zip.entries.push(flat("demo-1.0.dist-info/RECORD", b'\n', FLAT));
            zip.write()
        }),
        case("bomb-nested-10-levels.whl", finding("unsourced-member"), {
            Wheel::honest().with("demo/nested.zip", &nested(10, 1)).zip().write()
        }),
        case("bomb-nested-10-levels-of-16-copies.whl", finding("unsourced-member"), {
            Wheel::honest().with("demo/nested.zip", &nested(10, 16)).zip().write()
        }),
        case("bomb-nested-quine-like.whl", finding("unsourced-member"), {
            // Each level holds the levels below it twice, under the same names: whoever unpacks until nothing is left
            // unpacks 2^20 files.
            Wheel::honest().with("demo/r.zip", &nested(20, 2)).zip().write()
        }),
        case("bomb-nested-wheels-in-the-vendor-folder.whl", finding("unsourced-member"), {
            Wheel::honest()
                .with("demo/_vendor/demo-1.0-py3-none-any.whl", &crate::project::honest_wheel())
                .zip()
                .write()
        }),
        case("bomb-of-2500-members.whl", finding("unsourced-member"), {
            let mut zip = Wheel::honest().zip();
            zip.entries.extend((0..2500).map(|number| Entry::stored(format!("x/{number}"), b"")));
            zip.write()
        }),
        case("bomb-of-60000-central-headers-declared.whl", rejected("zip-directory-count"), {
            let honest = crate::project::honest_wheel();
            let at = honest.len() - 22 + 8;
            patched(honest, at, &[0x60, 0xea, 0x60, 0xea])
        }),
        case("bomb-of-49000-extra-fields.whl", Expected::Limit, many_extra_fields()),
        case("bomb-of-empty-deflate-blocks.whl", finding("unsourced-member"), {
            let blocks = crate::raw::deflate::EMPTY_BLOCK.repeat(55_000);
            pushed(Entry::compressed("demo/data.bin", b"x", 8, [blocks, stored_block(b"x", true)].concat()))
        }),
        case("bomb-flat-544-mib.tar.gz", Expected::Limit, flat_tar(FLAT)),
        case("bomb-tar-of-zero-blocks-after-the-end.tar.gz", Expected::Limit, {
            let tar = [sdist_parts().concat(), end()].concat();
            expanded(&tar, 1, FLAT)
        }),
        case("bomb-tar-of-20000-members.tar.gz", finding("unsourced-member"), {
            let members: Vec<_> = (0..20_000).map(|number| file(format!("demo-1.0/{number:x}"), b"")).collect();
            gzipped(&[sdist_parts().concat(), members.concat(), end()].concat())
        }),
        case("bomb-pax-header-of-16-mib.tar.gz", Expected::Limit, pax_of(PIECE, false)),
        case("bomb-pax-header-of-64-mib-below-the-ratio.tar.gz", Expected::Limit, {
            // A third of the stream is noise that keeps the ratio below its limit.
            pax_of((64 << 20) / 258, true)
        }),
        case("bomb-pax-global-header-of-16-mib.tar.gz", Expected::Limit, {
            let mut header = Header::new("PaxHeaders/0", b'g', 0);
            let (body, length) = pax_body(PIECE);
            header.size = crate::raw::tar::octal(length);
            expanded(&[header.write(), body].concat(), 1, PIECE)
        }),
        case("bomb-of-pax-records.tar.gz", finding("pax-unknown-key"), {
            let records: Vec<_> = (0..20_000).map(|number| record(&format!("{number:x}"), "")).collect();
            crate::project::sdist_with(
                &[extension(b'x', &records.concat()), file("demo-1.0/evil.py", b"import os\n")].concat(),
            )
        }),
    ]
}

/// A file of `count` times 258 of one byte: 256 MiB in 254 KiB.
fn flat(name: &str, byte: u8, count: usize) -> Entry {
    let crc32 = crc_of(&[byte], byte, count * 258);
    Entry::compressed(name, b"", 8, repetition(&[byte], 1, count))
        .both(|header| (header.crc32, header.size) = (crc32, wide(count * 258 + 1)))
}

/// The sum of a head, and of one byte many times.
fn crc_of(head: &[u8], byte: u8, count: usize) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(head);
    let chunk = vec![byte; 1 << 20];
    let mut of_chunk = flate2::Crc::new();
    of_chunk.update(&chunk);
    for _ in 0..count >> 20 {
        crc.combine(&of_chunk);
    }
    crc.update(&chunk[..count & ((1 << 20) - 1)]);
    crc.sum()
}

/// A gzip of a head whose last byte goes on for `count` times 258 bytes.
fn expanded(head: &[u8], period: usize, count: usize) -> Vec<u8> {
    let mut gzip = Gzip::with(b"", repetition(head, period, count));
    gzip.crc32 = crc_of(head, head[head.len() - 1], count * 258);
    gzip.size = wide(head.len() + count * 258);
    gzip.write()
}

fn flat_tar(count: usize) -> Vec<u8> {
    // Whole blocks of contents, and then zeros as the end.
    let size = (count * 258 - 4096) / 512 * 512;
    let header = Header::new("demo-1.0/data.bin", b'0', size).write();
    expanded(&[sdist_parts().concat(), header].concat(), 1, count)
}

/// The beginning of a PAX record that goes on with `count` times 258 bytes, and never ends in a newline.
fn pax_body(count: usize) -> (Vec<u8>, usize) {
    let length = count * 258 / 512 * 512;
    (format!("{length} comment=a").into_bytes(), length)
}

/// An sdist with a PAX header in front of its last member that is all one value.
fn pax_of(count: usize, with_noise: bool) -> Vec<u8> {
    let mut head = sdist_parts().concat();
    if with_noise {
        // Stored, so that it takes as much room as it has bytes: a linear congruence, which nothing compresses.
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..160_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        head.extend(file("demo-1.0/noise.bin", &noise));
    }
    let (body, length) = pax_body(count);
    let mut header = Header::new("PaxHeaders/0", b'x', 0);
    header.size = crate::raw::tar::octal(length);
    head.extend([header.write(), body].concat());
    let (first, last) = head.split_at(head.len() / 50_000 * 50_000);
    let blocks: Vec<_> = first.chunks(50_000).map(|chunk| stored_block(chunk, false)).collect();
    let mut gzip = Gzip::with(b"", [blocks.concat(), repetition(last, 1, count)].concat());
    gzip.crc32 = crc_of(&head, b'a', count * 258);
    gzip.size = wide(head.len() + count * 258);
    gzip.write()
}

/// A zip in a zip in a zip; each level has so many copies of the one below.
fn nested(levels: usize, copies: usize) -> Vec<u8> {
    let mut inner = vec![0; 1 << 20];
    for level in 0..levels {
        let name = |copy: usize| if level == 0 { format!("{copy}.bin") } else { format!("{copy}.zip") };
        let entries = (0..copies).map(|copy| Entry::new(name(copy), &inner)).collect();
        inner = Zip { entries, ..Zip::default() }.write();
    }
    inner
}

/// Two members whose four headers hold as many empty extra fields as fit: each is an anomaly of its own.
fn many_extra_fields() -> Vec<u8> {
    let fields = extra(0x6c65, b"").repeat(12_250);
    let mut zip = Wheel::honest().zip();
    for entry in &mut zip.entries[..2] {
        *entry = entry.clone().both(|header| header.extra.clone_from(&fields));
    }
    zip.write()
}
