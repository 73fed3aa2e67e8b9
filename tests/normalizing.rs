//! `twinbuild normalize`: the same bytes for equivalent files, and beside strip-nondeterminism.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use twinbuild_archive::{Archive, Fields, Format, Limits, Member, ZipFields, read};
use twinbuild_hostile_corpus::{Case, Expected, cases};
use twinbuild_subject::Sha256;
use zip::write::SimpleFileOptions;

use crate::support::{Said, folder, run, text, twinbuild};

fn normalize(from: &Path, to: &Path) -> Said {
    run(twinbuild().args(["normalize", text(from), "-o", text(to)]))
}

/// The wheels that differ from an honest one in nothing but container parameters.
fn controls() -> impl Iterator<Item = Case> {
    cases()
        .into_iter()
        .filter(|case| case.name.ends_with(".whl") && matches!(case.expected, Expected::Equivalent { warning: None }))
}

#[test]
fn equivalent_wheels_come_out_as_the_same_bytes() {
    let folder = folder();
    let (from, to) = (folder.path().join("in.whl"), folder.path().join("out.whl"));
    let mut digests = BTreeSet::new();
    let mut count = 0;
    for case in controls() {
        fs::write(&from, &case.bytes).unwrap();
        let said = normalize(&from, &to);
        assert_eq!(said.code, 0, "{}: {said}", case.name);
        digests.insert(Sha256::of(&fs::read(&to).unwrap()));
        count += 1;
    }
    assert!(count > 15, "{count}");
    assert_eq!(digests.len(), 1);
}

#[test]
fn what_was_normalized_stays_as_it_is() {
    let folder = folder();
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let mut written = 0;
    let wheels = cases().into_iter().filter(|case| case.name.ends_with(".whl")).map(|case| (case.name, case.bytes));
    for (name, bytes) in wheels.chain(noisy_files()) {
        let ending = name.rsplit('.').next().unwrap();
        let (from, once, twice) =
            (folder.path().join(&name), once.with_extension(ending), twice.with_extension(ending));
        fs::write(&from, bytes).unwrap();
        if normalize(&from, &once).code != 0 {
            continue;
        }
        let said = normalize(&once, &twice);
        assert_eq!(said.code, 0, "{name}: {said}");
        assert_eq!(fs::read(&once).unwrap(), fs::read(&twice).unwrap(), "{name}");
        written += 1;
    }
    assert!(written > 30, "{written}");
}

#[test]
fn what_would_be_hidden_is_refused() {
    let folder = folder();
    for (name, what) in [
        ("zip-archive-comment.whl", "comment"),
        ("zip-gap-of-zeros.whl", "belong to no"),
        ("zip-unknown-extra-field.whl", "extra field"),
    ] {
        let case = cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
        let from = folder.path().join(name);
        fs::write(&from, case.bytes).unwrap();
        let to = folder.path().join("out.whl");
        let said = normalize(&from, &to);
        assert_eq!(said.code, 1, "{name}: {said}");
        assert!(said.err.contains(what), "{name}: {said}");
        assert!(!to.exists(), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing half-written is left");
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let folder = folder();
    let from = folder.path().join("a.txt");
    fs::write(&from, "text").unwrap();
    let said = normalize(&from, &folder.path().join("b.txt"));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("a.txt is not normalized") && said.err.contains(".png"), "{said}");
}

/// The list in the documentation is neither too long nor too short.
#[test]
fn differences_from_strip_nondeterminism_are_those_documented() {
    let folder = folder();
    let mut found = BTreeSet::new();
    for (name, bytes) in controls().map(|case| (case.name, case.bytes)).chain(noisy_files()) {
        let (theirs, ours) = (folder.path().join(&name), folder.path().join(format!("ours-{name}")));
        fs::write(&theirs, &bytes).unwrap();
        assert_eq!(normalize(&theirs, &ours).code, 0, "{name}");
        let status = Command::new("strip-nondeterminism").arg("--normalizers=+ar").arg(&theirs).status();
        let status = status.expect("strip-nondeterminism is needed: apt-get install strip-nondeterminism file");
        assert!(status.success(), "{name}");
        differences(&name, &fs::read(&ours).unwrap(), &fs::read(&theirs).unwrap(), &mut found);
    }
    let documented = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/normalizers.md")).unwrap();
    let section =
        documented.split("## Beside strip-nondeterminism\n").nth(1).expect("the section is in the documentation");
    let listed: BTreeSet<(String, String)> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| {
            let (kind, rest) = line.split_once("` | ")?;
            Some((kind.to_owned(), rest.split(" | ").next()?.to_owned()))
        })
        .collect();
    assert_eq!(found, listed);
}

/// Adds the kinds of file and the fields in which two outputs differ.
fn differences(name: &str, ours: &[u8], theirs: &[u8], found: &mut BTreeSet<(String, String)>) {
    let kind = format!("*.{}", name.rsplit('.').next().unwrap());
    let mut differ = |kind: &str, field: &str, is_different: bool| {
        if is_different {
            found.insert((kind.to_owned(), field.to_owned()));
        }
    };
    match kind.as_str() {
        "*.whl" => zips(ours, theirs, differ),
        "*.gz" => {
            for (field, range) in [("flags", 3..4), ("time", 4..8), ("level hint", 8..9), ("system", 9..10)] {
                differ(&kind, field, ours[range.clone()] != theirs[range]);
            }
            differ(&kind, "anything after the header", ours[10..] != theirs[10..]);
        }
        "*.png" => {
            let (ours, theirs) = (chunks(ours), chunks(theirs));
            let types: BTreeSet<&String> = ours.iter().chain(&theirs).map(|(kind, _)| kind).collect();
            for chunk in types {
                let of = |side: &[(String, Vec<u8>)]| -> Vec<Vec<u8>> {
                    side.iter().filter(|(kind, _)| kind == chunk).map(|(_, data)| data.clone()).collect()
                };
                differ(&kind, &format!("chunk {chunk}"), of(&ours) != of(&theirs));
            }
        }
        "*.mo" => differ(&kind, "dates of the header message", ours != theirs),
        "*.a" => {
            for (field, range) in [("time", 16..28), ("owner", 28..40), ("mode", 40..48)] {
                differ(&kind, field, ours[8..][range.clone()] != theirs[8..][range]);
            }
            differ(&kind, "contents", ours[68..] != theirs[68..]);
        }
        _ => panic!("{name} is of no kind that is compared"),
    }
}

fn zips(ours: &[u8], theirs: &[u8], mut differ: impl FnMut(&str, &str, bool)) {
    let open = |bytes: &[u8]| read(bytes, Format::Zip, &Limits::default()).unwrap();
    let (left, right) = (open(ours), open(theirs));
    let names =
        |archive: &Archive| -> Vec<String> { archive.members.iter().map(|member| member.path.to_string()).collect() };
    differ("*.whl", "order of members", names(&left) != names(&right));
    for a in &left.members {
        let b = &right.members[right.index_of(a.path.as_bytes()).unwrap()];
        let (Fields::Zip(x), Fields::Zip(y)) = (&a.fields, &b.fields) else { panic!("not a zip") };
        let data = |bytes: &[u8], fields: &ZipFields| -> Vec<u8> {
            let start = usize::try_from(fields.data_offset).unwrap();
            bytes[start..start + usize::try_from(fields.compressed_size_bytes).unwrap()].to_vec()
        };
        let dos = |fields: &ZipFields| (fields.central.date, fields.central.time);
        let extra = |fields: &ZipFields| (fields.central.extra.clone(), fields.local.extra.clone());
        let owner_bits = |member: &Member| member.mode.map(|mode| mode & 0o7700);
        differ("*.whl", "time", dos(x) != dos(y));
        differ("*.whl", "extra fields", extra(x) != extra(y));
        differ("*.whl", "creator", (x.creator_system, x.creator_version) != (y.creator_system, y.creator_version));
        differ("*.whl", "version needed", x.central.version_needed != y.central.version_needed);
        differ("*.whl", "data descriptor", x.descriptor.is_some() != y.descriptor.is_some());
        differ("*.whl", "flags 1, 2 and 11", (x.central.flags ^ y.central.flags) & 0b1000_0000_0110 != 0);
        differ("*.whl", "method", x.central.method != y.central.method);
        let is_same_content = a.sha256 == b.sha256 && x.central.method == y.central.method;
        differ("*.whl", "level of compression", is_same_content && data(ours, x) != data(theirs, y));
        differ("*.whl", "mode of the group and of others", a.mode.map(|m| m & 0o077) != b.mode.map(|m| m & 0o077));
        differ("*.whl", "mode of the owner", owner_bits(a) != owner_bits(b));
        differ("*.whl", "type bits", a.type_bits != b.type_bits);
        differ("*.whl", &format!("contents of {}", role(a)), a.sha256 != b.sha256);
    }
}

fn role(member: &Member) -> &'static str {
    ["METADATA", "WHEEL", "RECORD", "metadata.json"]
        .into_iter()
        .find(|name| member.path.ends_with(&format!(".dist-info/{name}")))
        .unwrap_or("any other member")
}

/// Type and data of each chunk of a PNG file.
fn chunks(png: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = &png[8..];
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        found.push((String::from_utf8_lossy(&tail[..4]).into_owned(), tail[4..4 + length].to_vec()));
        rest = &tail[length + 8..];
    }
    found
}

/// A file of each kind that a normalizer is for, with all the noise that it can have.
fn noisy_files() -> Vec<(String, Vec<u8>)> {
    let mut gz = flate2::GzBuilder::new()
        .mtime(1_600_000_000)
        .filename("noise")
        .operating_system(3)
        .write(Vec::new(), flate2::Compression::default());
    gz.write_all(b"content").unwrap();
    vec![
        ("noise.gz".to_owned(), gz.finish().unwrap()),
        ("noise.png".to_owned(), png()),
        ("noise.mo".to_owned(), catalogue()),
        ("noise.a".to_owned(), library()),
        ("noise.whl".to_owned(), wheel()),
    ]
}

/// A zip file with what rules are for only in a wheel, and which no control has.
fn wheel() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("noise-1.0.dist-info/metadata.json", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"{\"name\": \"noise\", \"generator\": \"bdist_wheel (0.22.0)\"}").unwrap();
    writer.finish().unwrap().into_inner()
}

fn png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], data: &[u8]| {
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let mut crc = flate2::Crc::new();
        for part in [kind, data] {
            crc.update(part);
            png.extend(part);
        }
        png.extend(crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
    chunk(b"tIME", &[0x07, 0xe4, 2, 3, 4, 5, 6]);
    chunk(b"tEXt", b"date:create\x002020-02-03T04:05:06+00:00");
    chunk(b"tEXt", b"Software\0twinbuild");
    chunk(b"IDAT", b"\x78\x9c\x63\x60\0\0\0\x02\0\x01");
    chunk(b"IEND", b"");
    png
}

/// A message catalogue (GNU gettext, "The Format of GNU MO Files") with the header message alone.
fn catalogue() -> Vec<u8> {
    let header = b"Project-Id-Version: a\nPOT-Creation-Date: 2020-02-03 04:05+0000\n\
                   PO-Revision-Date: 2020-02-03 04:05+0100\nContent-Type: text/plain; charset=UTF-8\n";
    let mut mo = Vec::new();
    for value in [0x9504_12de, 0, 1, 28, 36, 0, 44, 0, 44, u32::try_from(header.len()).unwrap(), 45] {
        mo.extend(u32::to_le_bytes(value));
    }
    mo.push(0);
    mo.extend(header);
    mo.push(0);
    mo
}

/// A static library with one member.
fn library() -> Vec<u8> {
    let header = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "member.o/", 1_600_000_000, 1000, 1000, "100664", 8);
    [b"!<arch>\n".as_slice(), header.as_bytes(), b"\x7fELF----"].concat()
}
