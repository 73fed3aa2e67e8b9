//! Wheels with members that are compressed by rarer methods, whose streams lie or ask for too much.

use crate::project::{Wheel, wheel};
use crate::raw::streams::{bzip2, lzma, xz, xz_with_dictionary, zstd, zstd_repetition};
use crate::raw::zip::Entry;
use crate::raw::{deflate, patched, wide};
use crate::{Case, Expected, case, finding, rejected};

/// A compression method as zip files number it, with what encodes it and the codes of its faults.
struct Method {
    number: u16,
    name: &'static str,
    encode: fn(&[u8]) -> Vec<u8>,
    fault: &'static str,
    tail: &'static str,
    /// The fault of a stream that ends before its declared size.
    short: &'static str,
}

const METHODS: [Method; 4] = [
    Method { number: 12, name: "bzip2", encode: bzip2, fault: "zip-bzip2", tail: "zip-bzip2-tail", short: "zip-size" },
    Method { number: 14, name: "lzma", encode: lzma, fault: "zip-lzma", tail: "zip-lzma-tail", short: "zip-lzma" },
    Method { number: 93, name: "zstd", encode: frame, fault: "zip-zstd", tail: "zip-zstd-tail", short: "zip-size" },
    Method { number: 95, name: "xz", encode: xz, fault: "zip-xz", tail: "zip-xz-tail", short: "zip-size" },
];

/// Of zstd, with a window of a MiB.
fn frame(bytes: &[u8]) -> Vec<u8> {
    zstd(bytes, 10 << 3)
}

/// All of them.
pub(crate) fn wheels() -> Vec<Case> {
    METHODS.iter().flat_map(of_method).chain(limits()).collect()
}

fn of_method(method: &Method) -> Vec<Case> {
    let name = method.name;
    let core = Wheel::honest().files[1].1.clone();
    let stream = (method.encode)(&core);
    let compressed =
        |data: Vec<u8>| wheel(|zip| zip.entries[1] = zip.entries[1].clone().recompressed(method.number, data.clone()));
    let tailed = |tail: &[u8]| compressed([&*stream, tail].concat());
    let local = Entry::stored("demo/evil.py", b"import os\n").local.map(|local| local.local()).unwrap_or_default();
    let mut cases = vec![
        case(&format!("zip-{name}.whl"), finding("compressed-data-differs"), compressed(stream.clone())),
        case(&format!("zip-{name}-cut.whl"), rejected(method.fault), compressed(stream[..stream.len() - 2].to_vec())),
        case(&format!("zip-{name}-of-no-bytes.whl"), rejected(method.fault), compressed(Vec::new())),
        case(&format!("zip-{name}-that-is-deflate.whl"), rejected(method.fault), compressed(deflate::deflate(&core))),
        case(&format!("zip-{name}-with-other-contents.whl"), rejected("zip-crc"), {
            compressed((method.encode)(&core.iter().map(u8::to_ascii_uppercase).collect::<Vec<_>>()))
        }),
        case(&format!("zip-{name}-size-too-large.whl"), rejected(method.short), {
            wheel(|zip| {
                let entry = zip.entries[1].clone().recompressed(method.number, stream.clone());
                zip.entries[1] = entry.both(|header| header.size += 1);
            })
        }),
        case(&format!("zip-{name}-tail.whl"), finding(method.tail), tailed(b"tail")),
        case(&format!("zip-{name}-tail-with-a-local-header.whl"), rejected(method.tail), tailed(&local)),
        case(&format!("zip-{name}-tail-before-a-descriptor.whl"), rejected(method.tail), {
            wheel(|zip| {
                let data = [&*stream, b"tail"].concat();
                zip.entries[1] = zip.entries[1].clone().recompressed(method.number, data).with_descriptor(true);
            })
        }),
    ];
    if method.name != "lzma" {
        let more = (method.encode)(b"import os\n");
        cases.push(case(&format!("zip-{name}-two-streams.whl"), rejected(method.tail), tailed(&more)));
    }
    cases
}

/// Windows of a GiB, and a bomb in 17 KB.
fn limits() -> Vec<Case> {
    let core = Wheel::honest().files[1].1.clone();
    let compressed = |number: u16, data: Vec<u8>| {
        wheel(|zip| zip.entries[1] = zip.entries[1].clone().recompressed(number, data.clone()))
    };
    vec![
        case("zip-lzma-window-of-1-gib.whl", Expected::Limit, {
            compressed(14, patched(lzma(&core), 5, &(1_u32 << 30).to_le_bytes()))
        }),
        case("zip-zstd-window-of-1-gib.whl", Expected::Limit, compressed(93, zstd(&core, 20 << 3))),
        case("zip-xz-window-of-1-gib.whl", Expected::Limit, compressed(95, xz_with_dictionary(xz(&core), 36))),
        case("zip-lzma-mark-without-its-flag.whl", rejected("zip-local-differs"), {
            wheel(|zip| {
                let mut entry = zip.entries[1].clone().recompressed(14, lzma(&core));
                entry.edit_local(|header| header.flags |= 2);
                zip.entries[1] = entry;
            })
        }),
        case("bomb-zstd-544-mib.whl", Expected::Limit, {
            let count = 544 << 3;
            let mut zip = Wheel::honest().zip();
            let size = wide(count * (128 << 10));
            let entry = Entry::compressed("demo/data.bin", b"", 93, zstd_repetition(0, count));
            zip.entries.push(entry.both(|header| header.size = size));
            zip.write()
        }),
    ]
}
