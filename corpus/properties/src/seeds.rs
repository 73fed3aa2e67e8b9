//! Where fuzzing begins: ordinary inputs and the hostile corpus.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use serde_json::json;
use twinbuild_archive::{Format, Limits, read};
use twinbuild_hostile_corpus::{cases, honest_sdist, honest_wheel};
use twinbuild_repack::infer;

use crate::choices::PATHS;
use crate::repacking::parametrized_wheel;
use crate::sums;

const METADATA: &str = "Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\nSummary: x\r\nAuthor: y\r\n z\r\n\
    Requires-Dist: p\r\nRequires-Dist: q\r\nLicense: MIT\r\n\r\nText\r\n";
const WHEEL: &str =
    "Wheel-Version: 1.0\r\nGenerator: bdist_wheel (0.37.1)\r\nRoot-Is-Purelib: true\r\nTag: py3-none-any\r\n";
const JSON: &str = "{\"run_requires\": [{\"requires\": [\"q\", \"p\"], \"extra\": \"x\"}, {\"requires\": []}],\n\
    \"name\": \"d\\u00e9mo\", \"classifiers\": [\"\\ud83d\\ude00\", true, null],\t\"extensions\": {\"b\": -7, \"a\": {}}}\n";
pub(crate) const RECIPE: &str = "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\n\
    backend = \"a.b:c\"\nbackend-path = [\"src\"]\nsource-date-epoch = 1620224297\n[requirements]\n\
    cutoff = \"2021-05-05T14:18:17Z\"\ndirect = [\"setuptools\", \"wheel==0.36.2; python_version > '3'\"]\n\
    [[requirements.locked]]\nname = \"six\"\nversion = \"1.16.0\"\nfile-name = \"six-1.16.0-py2.py3-none-any.whl\"\n\
    sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n";
const OVERRIDE: &str = "format = 1\nversions = \">=1.2,<1.4\"\nreason = \"it is known\"\n[interpreter]\nversion = \"3.9\"\n\
    [build]\nfront-end = \"setup-py\"\n[requirements]\ndirect = [\"wheel==0.30\", \"tomli\"]\n";
const PYPROJECT: &str = "[build-system]\nrequires = ['flit_core >=3.2,<4', \"a; os_name == 'nt'\"]\n\
    build-backend = 'flit_core.buildapi:x'\nbackend-path = ['src']\n";
const SETUP_CFG: &str =
    "[metadata]\nname = x\n[options]\nsetup_requires =\n    setuptools_scm>=1.15\n    # no\n    toml\n";

/// An input and its name.
pub type Seed = (String, Vec<u8>);

/// The zip files of the hostile corpus, and an honest one.
pub(crate) fn zips() -> Vec<Seed> {
    corpus(".whl").chain([named("honest", honest_wheel()), named("wheel", parametrized_wheel())]).collect()
}

/// The tars in gzip of the hostile corpus, and an honest one.
pub(crate) fn tar_gzs() -> Vec<Seed> {
    corpus(".tar.gz").chain([named("honest", honest_sdist())]).chain(own_tars()).collect()
}

/// The tars in those, without the bombs.
pub(crate) fn tars() -> Vec<Seed> {
    let expanded = corpus(".tar.gz").chain([named("honest", honest_sdist())]).filter_map(|(name, bytes)| {
        let contents = crate::plain::gzip(&bytes)?.contents;
        (contents.len() <= 64 << 10).then_some((name, contents))
    });
    expanded.chain(own_tars()).collect()
}

/// Tars, which are put into xz, and an xz file of a tool.
pub(crate) fn tar_xzs() -> Vec<Seed> {
    let in_xz = own_tars().into_iter().map(|(name, bytes)| (format!("{name}-in-xz"), sums::in_xz(&bytes)));
    tars().into_iter().chain(in_xz).chain([named("lzma", XZ.to_vec())]).collect()
}

/// Tars, which are put into bzip2, and a bzip2 file.
pub(crate) fn tar_bz2s() -> Vec<Seed> {
    let in_bzip2 = own_tars().into_iter().map(|(name, bytes)| (format!("{name}-in-bzip2"), sums::in_bzip2(&bytes)));
    tars().into_iter().chain(in_bzip2).chain([named("text", BZIP2.to_vec())]).collect()
}

/// Tars, which are put into zstd, and zstd files of one frame and of several.
pub(crate) fn tar_zsts() -> Vec<Seed> {
    let in_zstd = own_tars().into_iter().map(|(name, bytes)| (format!("{name}-in-zstd"), sums::in_zstd(&bytes)));
    tars().into_iter().chain(in_zstd).chain(zstds()).collect()
}

/// Compressed files of each format, and bytes that are put into one.
pub(crate) fn compressed() -> Vec<Seed> {
    let honest = [
        named("plain", b"twin".to_vec()),
        named("empty", Vec::new()),
        named("gzip", gzip()),
        named("xz", XZ.to_vec()),
        named("xz-plain", sums::in_xz(b"twin")),
        named("bzip2", BZIP2.to_vec()),
        named("bzip2-twice", [sums::in_bzip2(b"twin"), sums::in_bzip2(b"")].concat()),
        named("zstd-plain", sums::in_zstd(b"twin")),
    ];
    honest.into_iter().chain(zstds()).collect()
}

/// Static libraries with the names of GNU and of BSD, and a table of names, which is put into one.
pub(crate) fn ars() -> Vec<Seed> {
    let gnu = [
        ("/", b"\0\0\0\x01\0\0\0\x46a\0".as_slice()),
        ("//", b"a-name-of-17-bytes.o/\nanother-long-name.o/\n\n"),
        ("/0", b"twin"),
        ("/22", b"odd"),
        ("a.o/", b""),
    ];
    let bsd = [("__.SYMDEF", b"abcd".as_slice()), ("#1/20", b"a-name-of-17-bytes\0\0twin"), ("a.o", b"x")];
    vec![
        named("gnu", sums::in_ar(&gnu)),
        named("gnu-64", sums::in_ar(&[("/SYM64/", b"\0\0\0\0\0\0\0\0"), ("a.o/", b"x")])),
        named("bsd", sums::in_ar(&bsd)),
        named("both", ar()),
        named("names", b"first.o/\nsecond.o/\n".to_vec()),
    ]
}

/// Tars and tars in gzip.
pub(crate) fn repacked_tars() -> Vec<Seed> {
    let in_gzip = own_tars().into_iter().map(|(name, bytes)| (format!("{name}-in-gzip"), sums::in_gzip(&bytes)));
    let whole = corpus(".tar.gz").filter(|(_, bytes)| bytes.len() <= 64 << 10);
    let honest = [named("honest-sdist", honest_sdist())];
    tars()
        .into_iter()
        .chain(in_gzip)
        .chain(whole.map(|(name, bytes)| (format!("{name}-whole"), bytes)))
        .chain(honest)
        .collect()
}

fn zstds() -> Vec<Seed> {
    let skipped = [&b"\x51\x2a\x4d\x18\x04\0\0\0skip"[..], ZSTD].concat();
    vec![
        named("text", ZSTD.to_vec()),
        named("skipped", skipped),
        named("several", [ZSTD, &sums::in_zstd(b""), &sums::in_zstd(&[0; 10240])].concat()),
    ]
}

/// Tars, which are put into a `.deb`, and three that are whole.
pub(crate) fn debs() -> Vec<Seed> {
    let control = [sums::tar_entry("./control", b'0', "", b"Package: p\n"), vec![0; 1024]].concat();
    let data = own_tars().swap_remove(0).1;
    tars()
        .into_iter()
        .chain([
            named("plain", sums::in_deb(("control.tar", &control), ("data.tar", &data))),
            named("compressed", {
                sums::in_deb(("control.tar.gz", &sums::in_gzip(&control)), ("data.tar.xz", &sums::in_xz(&data)))
            }),
            named("zstd", sums::in_deb(("control.tar.zst", &sums::in_zstd(&control)), ("data.tar.zst", ZSTD))),
        ])
        .collect()
}

/// For each name of a member a content on which its rules have something to rewrite, after the choice of the name.
pub(crate) fn contents() -> Vec<Seed> {
    let contents = [
        METADATA.as_bytes().to_vec(),
        WHEEL.as_bytes().to_vec(),
        JSON.as_bytes().to_vec(),
        JSON.as_bytes().to_vec(),
        pyc(),
        png(),
        catalogue(),
        catalogue(),
        gzip(),
        ar(),
        b"import sys\n".to_vec(),
    ];
    let chosen = PATHS.iter().zip(0_u8..).zip(contents);
    chosen.map(|((path, choice), content)| (path.replace('/', "-"), [&[choice], content.as_slice()].concat())).collect()
}

/// The same, with a choice of edits: none but one that leaves the content as it is, and a second content from `other`.
pub(crate) fn content_pairs() -> Vec<Seed> {
    let edited = contents().into_iter().flat_map(|(name, content)| {
        (0..7_u8).map(move |kind| {
            let edits = [3, kind, 0, kind, kind];
            let bytes = [&content[..1], &[kind, 5], &edits, &content[1..]].concat();
            (format!("{name}-{kind}"), bytes)
        })
    });
    let both = contents().into_iter().map(|(name, content)| {
        let length = u16::try_from(content.len() - 1).unwrap_or(0).to_le_bytes();
        (format!("{name}-both"), [&content[..1], &[128], &length, &content[1..], &content[1..]].concat())
    });
    edited.chain(both).collect()
}

/// Choices for wheels: none, and one of each change.
pub(crate) fn choices() -> Vec<Seed> {
    let changes = (0..28_u8).map(|change| {
        // No edits of an honest wheel of six members, not compressed, then one change of its second member.
        let bytes = [[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].as_slice(), &[change, 1, 1, 2, 3, 4]].concat();
        (format!("change-{change}"), bytes)
    });
    changes.chain([named("none", Vec::new())]).collect()
}

/// Zip files, and choices for some.
pub(crate) fn zips_and_choices() -> Vec<Seed> {
    zips().into_iter().chain(choices()).collect()
}

/// Container parameters of the wheel that they are used on, as JSON.
pub(crate) fn parameters() -> Vec<Seed> {
    let wheel = parametrized_wheel();
    let archive = read(&wheel, Format::Zip, &Limits::default()).unwrap();
    let plain = serde_json::to_value(infer(&archive, &wheel).unwrap()).unwrap();
    let with = |name, key: &str, value| {
        let mut parameters = plain.clone();
        parameters["container"]["zip"][key] = json!({"all": value});
        named(name, serde_json::to_vec(&parameters).unwrap())
    };
    vec![
        named("plain", serde_json::to_vec(&plain).unwrap()),
        with("executable", "mode", json!({"permissions": 0o755, "hasType": true})),
        with("set-user-id", "mode", json!({"permissions": 0o4644, "hasType": true})),
        with("of-another-umask", "mode", json!({"permissions": 0o664, "hasType": true})),
        with("no-mode", "mode", json!(null)),
        with("dos", "creator", json!({"system": "dos", "version": 20})),
        with("zlib", "compressed", json!({"by": {"zlib": {"level": 6, "memLevel": 8}}})),
        with("descriptor", "descriptor", json!({"hasSignature": true, "isRedundant": false})),
        with("times", "localExtra", {
            json!([
                {"timestamp": {"flags": 1, "modified": 7, "accessed": null, "created": null}},
                {"ntfs": {"modified": 1, "accessed": 2, "created": 3}},
            ])
        }),
    ]
}

/// Texts of fields.
pub(crate) fn fields() -> Vec<Seed> {
    vec![
        named("metadata", METADATA.as_bytes().to_vec()),
        named("wheel", WHEEL.as_bytes().to_vec()),
        named("odd", b"A: 1\rodd line\n\tx\n\nbody".to_vec()),
    ]
}

/// File names and requests.
pub(crate) fn names() -> Vec<Seed> {
    let names = [
        "python_dateutil-2.8.2-1a-py2.py3-none-any.whl",
        "MarkupSafe-2.1.3-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "zope.interface-5.0.zip",
        "a-1!1.0rc1.post2.dev3+local.7-1.tar.gz",
        "pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl",
        "pypi:Python_Dateutil@2.8.2",
        "./a/b/../c",
    ];
    names.iter().zip(0..).map(|(name, at)| (format!("name-{at}"), name.as_bytes().to_vec())).collect()
}

/// A recipe, and what may be given of one.
pub(crate) fn recipes() -> Vec<Seed> {
    vec![named("recipe", RECIPE.as_bytes().to_vec()), named("override", OVERRIDE.as_bytes().to_vec())]
}

/// What a source says of its build.
pub(crate) fn sources() -> Vec<Seed> {
    vec![
        named("both", [PYPROJECT, "\0", SETUP_CFG].concat().into_bytes()),
        named("setup-cfg", ["\0", SETUP_CFG].concat().into_bytes()),
    ]
}

fn corpus(ending: &str) -> impl Iterator<Item = Seed> {
    let cases = cases().into_iter().filter(move |case| case.name.ends_with(ending));
    cases.map(|case| (case.name, case.bytes))
}

fn named(name: &str, bytes: Vec<u8>) -> Seed {
    (name.to_owned(), bytes)
}

fn own_tars() -> Vec<Seed> {
    let rich = [
        sums::tar_entry("pax", b'g', "", b"16 comment=0123\n"),
        sums::tar_entry("d/", b'5', "", b""),
        sums::tar_entry("pax", b'x', "", b"17 path=d/longer\n13 mtime=1.5\n10 size=4\n"),
        sums::tar_entry("d/short", b'0', "", b"twin"),
        sums::tar_entry("././@LongLink", b'L', "", b"d/a-name-of-gnu-tar\0"),
        sums::tar_entry("d/a", b'0', "", b"twin"),
        sums::tar_entry("d/l", b'2', "../d", b""),
        sums::tar_entry("d/h", b'1', "d/longer", b""),
        vec![0; 1024],
    ];
    let plain = [sums::tar_entry("./", b'5', "", b""), sums::tar_entry("./a", b'0', "", b"twin"), vec![0; 1024]];
    vec![named("rich", rich.concat()), named("plain", plain.concat())]
}

fn pyc() -> Vec<u8> {
    [[0xa7, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0].as_slice(), b"\xe3\0\0\0code"].concat()
}

/// An image with a time and three texts.
pub(crate) fn png() -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let size = u32::try_from(data.len()).unwrap_or(0);
        [size.to_be_bytes().as_slice(), &body, &sums::crc32(&body).to_be_bytes()].concat()
    };
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"),
        chunk(b"tIME", b"\x07\xe8\x02\x1d\x0c\x1e\x01"),
        chunk(b"tEXt", b"date:create\x002024-02-29T12:30:01+00:00"),
        chunk(b"iTXt", b"Creation Time\0\0\0\0\x002024"),
        chunk(b"zTXt", b"date:modify\0\0x\x9c\x03\0\0\0\0\x01"),
        chunk(b"IEND", b""),
    ]
    .concat()
}

/// A compiled gettext catalogue of its header message alone.
pub(crate) fn catalogue() -> Vec<u8> {
    let header = "POT-Creation-Date: 2024-01-01 10:00+0000\nPO-Revision-Date: 2024-02-29 12:30+0100\n\
        Plural-Forms: nplurals=1; plural=0;\n";
    let size = u32::try_from(header.len()).unwrap_or(0);
    let words = [0x9504_12de_u32, 0, 1, 28, 36, 0, 28, 0, 44, size, 45];
    let tables: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    [tables.as_slice(), b"\0", header.as_bytes(), b"\0"].concat()
}

fn gzip() -> Vec<u8> {
    let builder = GzBuilder::new().mtime(1_700_000_000).filename("demo.csv").comment("c").extra(*b"ex");
    let mut encoder = builder.write(Vec::new(), Compression::new(6));
    encoder.write_all(b"a,b\n1,2\n").unwrap();
    encoder.finish().unwrap()
}

fn ar() -> Vec<u8> {
    let member = |name: &str, text: &str| {
        let padding = if text.len().is_multiple_of(2) { "" } else { "\n" };
        let length = text.len();
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{length:<10}`\n{text}{padding}", 1_700_000_000, 1000, 100, 100_664)
    };
    ["!<arch>\n", &member("__.SYMDEF", "abcd"), &member("//", "long-name.o/\n"), &member("a.o/", "x")]
        .concat()
        .into_bytes()
}

/// A tar of one file by xz with its defaults and CRC-64.
const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x1c, 0x00, 0x00,
    0x00, 0x10, 0xcf, 0x58, 0xcc, 0xe0, 0x07, 0xff, 0x00, 0x47, 0x5d, 0x00, 0x30, 0x80, 0x33, 0x50, 0x18, 0x68, 0x89,
    0x83, 0x01, 0xeb, 0xd6, 0xc2, 0xf5, 0x92, 0x2c, 0x0c, 0xbc, 0x56, 0x19, 0xd9, 0x7b, 0x03, 0x40, 0xa9, 0xac, 0x73,
    0x5b, 0xc3, 0xd1, 0x77, 0xea, 0x59, 0x14, 0x3e, 0x50, 0x75, 0xca, 0x27, 0x85, 0x28, 0x05, 0x79, 0x49, 0x1f, 0xdb,
    0xf4, 0xed, 0x12, 0x41, 0x60, 0x9d, 0x3f, 0x26, 0xfa, 0x4c, 0x8f, 0xf4, 0x78, 0x3a, 0x16, 0x62, 0x97, 0x28, 0x45,
    0x72, 0x87, 0x2a, 0x72, 0x78, 0xdf, 0x00, 0x00, 0x00, 0x8b, 0xcc, 0xbe, 0x76, 0x5a, 0x39, 0x61, 0x78, 0x00, 0x01,
    0x63, 0x80, 0x10, 0x00, 0x00, 0x00, 0x24, 0x4e, 0xca, 0xac, 0xb1, 0xc4, 0x67, 0xfb, 0x02, 0x00, 0x00, 0x00, 0x00,
    0x04, 0x59, 0x5a,
];

/// A tar of one text by bzip2 with its defaults.
const BZIP2: &[u8] = &[
    0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x2d, 0x25, 0x48, 0xe0, 0x00, 0x00, 0xd6, 0xdb, 0xa0,
    0xcc, 0x10, 0x40, 0x05, 0x77, 0x90, 0x04, 0x88, 0x7f, 0xef, 0xdf, 0xa0, 0x00, 0x00, 0x88, 0x08, 0x30, 0x01, 0x1b,
    0x66, 0xa0, 0xd1, 0xa4, 0x26, 0x88, 0xc2, 0x6d, 0x46, 0x86, 0x87, 0xa8, 0x68, 0x0c, 0x82, 0xa6, 0xc4, 0x04, 0x00,
    0x00, 0x00, 0x68, 0x00, 0x94, 0xd4, 0x68, 0x11, 0x3c, 0x52, 0x32, 0x00, 0x01, 0xea, 0x03, 0xd4, 0xf8, 0xae, 0xe9,
    0x34, 0xdc, 0x03, 0x1b, 0x62, 0xa5, 0x2e, 0xa6, 0x02, 0x6b, 0xdf, 0xbd, 0xe2, 0xdf, 0x31, 0x7e, 0x48, 0xc7, 0x93,
    0x9e, 0x2b, 0xf7, 0x1b, 0x4d, 0xc2, 0xcd, 0x04, 0xd7, 0x30, 0xcd, 0x17, 0x9a, 0x86, 0x28, 0x96, 0xa1, 0x42, 0x14,
    0x73, 0x03, 0x40, 0x56, 0x06, 0xc8, 0x92, 0xcd, 0x52, 0x71, 0x03, 0xee, 0xa0, 0x61, 0x08, 0x3a, 0xe9, 0x04, 0x96,
    0x04, 0x01, 0xd9, 0x80, 0x9b, 0x2b, 0x9a, 0x65, 0xc7, 0x1e, 0x33, 0x7c, 0xe3, 0x15, 0x88, 0x74, 0xbf, 0x6b, 0x48,
    0x05, 0x16, 0x2c, 0x94, 0x4d, 0x77, 0x2f, 0xcd, 0x0b, 0xc0, 0xcc, 0x81, 0xbc, 0x2e, 0x1d, 0x0a, 0x56, 0x18, 0x7d,
    0x56, 0x2f, 0xcd, 0x84, 0x73, 0x70, 0xc6, 0x36, 0xe9, 0x00, 0xd6, 0xc0, 0xd1, 0x47, 0x30, 0xe8, 0x54, 0x9a, 0x28,
    0x56, 0xf6, 0x89, 0x0b, 0x4a, 0x8f, 0x82, 0x77, 0xbb, 0x62, 0xec, 0x58, 0xba, 0xfc, 0xe8, 0x9c, 0x5a, 0xe9, 0x87,
    0x10, 0x72, 0x7c, 0xd1, 0x6b, 0xd3, 0x07, 0xa5, 0x89, 0x96, 0xa0, 0xc9, 0xb1, 0x4d, 0x37, 0x35, 0xda, 0x3b, 0x26,
    0xbc, 0x98, 0x09, 0x29, 0x45, 0xad, 0xc5, 0x18, 0x02, 0x82, 0x24, 0x53, 0x53, 0x0b, 0x2f, 0xd4, 0xd2, 0x52, 0x6e,
    0x77, 0xe6, 0xc5, 0x6a, 0x71, 0x2b, 0x4e, 0x19, 0x03, 0x26, 0x61, 0x14, 0xb1, 0xa1, 0x96, 0x8b, 0xb5, 0x28, 0xcf,
    0x06, 0x83, 0x9a, 0xbc, 0x30, 0xb8, 0x69, 0xb4, 0xa1, 0x56, 0x10, 0x21, 0x5a, 0x1b, 0xae, 0xde, 0x32, 0x08, 0xad,
    0xf4, 0x89, 0xd5, 0xbc, 0x20, 0xa7, 0x65, 0xe0, 0x37, 0xf8, 0xbb, 0x92, 0x29, 0xc2, 0x84, 0x81, 0x69, 0x2a, 0x47,
    0x00,
];

/// The same by zstd at level 19, with a checksum: Huffman-coded literals and sequences of all three tables.
const ZSTD: &[u8] = &[
    0x28, 0xb5, 0x2f, 0xfd, 0x64, 0x00, 0x07, 0x7d, 0x08, 0x00, 0x82, 0x8f, 0x2b, 0x18, 0x70, 0xad, 0x0e, 0x40, 0x43,
    0xa2, 0x5e, 0xcc, 0x00, 0xfd, 0x2b, 0x22, 0x76, 0x98, 0x7e, 0x2e, 0x00, 0x81, 0xf9, 0x12, 0x55, 0xff, 0xfd, 0xb6,
    0x0b, 0x10, 0xdc, 0xc2, 0x1a, 0x25, 0x23, 0x45, 0xaf, 0x8d, 0x8a, 0xd4, 0xdd, 0xd2, 0x16, 0xbd, 0x95, 0x6d, 0xa1,
    0xd8, 0x6f, 0xef, 0xe6, 0xcc, 0x06, 0x9b, 0xbb, 0x29, 0xf1, 0x7b, 0x8d, 0xef, 0x78, 0xe7, 0xa2, 0x3b, 0xb0, 0x10,
    0xd7, 0xf7, 0xa2, 0x7b, 0xb5, 0xb0, 0x21, 0xb7, 0x2e, 0x36, 0xeb, 0x64, 0x3b, 0xec, 0x07, 0x75, 0xbb, 0x82, 0x5a,
    0xfd, 0xc2, 0xfe, 0x36, 0x53, 0xea, 0xb0, 0x79, 0xe1, 0x72, 0xa1, 0xae, 0x8c, 0x8f, 0x32, 0xe0, 0x24, 0x3f, 0xba,
    0x55, 0x0a, 0x9e, 0x86, 0x65, 0x73, 0xba, 0xed, 0xc9, 0x64, 0x08, 0xe2, 0xc6, 0x99, 0x11, 0x36, 0xcf, 0xef, 0xd4,
    0xe0, 0xbb, 0xc1, 0x7e, 0xdd, 0x2a, 0x31, 0x3c, 0x53, 0xfd, 0x19, 0x1f, 0x6c, 0x43, 0x25, 0xae, 0xdf, 0xc9, 0x7f,
    0xfc, 0x96, 0x51, 0x62, 0xbe, 0xb4, 0x5d, 0x59, 0x8c, 0x2d, 0xda, 0xba, 0x4a, 0x8b, 0x7d, 0x1d, 0x08, 0x43, 0x0a,
    0x86, 0x20, 0x05, 0x61, 0x14, 0xc3, 0x1a, 0x0a, 0x83, 0x15, 0xc5, 0xc1, 0x56, 0x9d, 0x91, 0xea, 0x27, 0x20, 0x60,
    0x86, 0xc8, 0x29, 0x3b, 0x07, 0x36, 0x21, 0xbf, 0x61, 0x06, 0x36, 0xbb, 0x0c, 0x20, 0x37, 0x0c, 0x6b, 0xa4, 0xe5,
    0x8e, 0x09, 0xb7, 0x33, 0x00, 0x26, 0x40, 0x4c, 0x50, 0xa0, 0x81, 0xaf, 0x21, 0x08, 0xea, 0xbb, 0xd6, 0x06, 0x58,
    0x89, 0xf8, 0x87, 0x1b, 0x4a, 0x97, 0x0d, 0xd3, 0x2a, 0x0c, 0xd0, 0x09, 0xfe, 0x84, 0xe5, 0x70, 0x20, 0xce, 0x01,
    0x28, 0x80, 0x10, 0x6c, 0x06, 0x39, 0xb8, 0x89, 0x58, 0xe7, 0x16, 0x27, 0x07, 0x0c, 0x18, 0x90, 0x80, 0xcd, 0x81,
    0x92, 0xa0, 0x29, 0x5e, 0x0a, 0x1a, 0x02, 0x07, 0xb8, 0x60, 0x02, 0xee, 0x4e, 0xbc, 0x08, 0x52, 0x01, 0xf1, 0x56,
];

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_repack::Parameters;

    #[test]
    fn seeds_of_parameters_are_parameters() {
        for (name, bytes) in parameters() {
            let read = serde_json::from_slice::<Parameters>(&bytes);
            assert!(read.is_ok_and(|parameters| parameters.validate() == Ok(())), "{name}");
        }
    }
}
