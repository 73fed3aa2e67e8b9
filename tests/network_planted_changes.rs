//! The published six 1.16.0 with one thing changed: each change is found, and the finding names the member.

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use flate2::Crc;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use crate::fixtures::url_safe_base64;
use crate::support::{finding, folder, rebuild, shared_cache, text};

const WHEEL: &str = "six-1.16.0-py2.py3-none-any.whl";
const RECORD: &str = "six-1.16.0.dist-info/RECORD";

/// The published wheel and its sdist, kept by a run.
fn kept() -> &'static (Vec<u8>, PathBuf) {
    static KEPT: OnceLock<(Vec<u8>, PathBuf)> = OnceLock::new();
    KEPT.get_or_init(|| {
        let folder = shared_cache().with_file_name(format!("kept-six-{}", std::process::id()));
        let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--keep", text(&folder)]);
        assert_eq!(code, 0, "{verdict:#}");
        for name in ["recipe.toml", "verdict.json", "first.log", "second.log"] {
            assert!(folder.join(name).is_file(), "{name}");
        }
        let wheel = fs::read(folder.join("published").join(WHEEL)).unwrap();
        assert!(folder.join("first").join(WHEEL).is_file());
        let sdist = shared_cache().with_file_name("six-1.16.0.tar.gz");
        fs::copy(folder.join("source/six-1.16.0.tar.gz"), &sdist).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        (wheel, sdist)
    })
}

/// Judges these bytes as a wheel of six, against the published sdist.
fn judge(bytes: &[u8]) -> (i32, Value) {
    let folder = folder();
    let path = folder.path().join(WHEEL);
    fs::write(&path, bytes).unwrap();
    rebuild(&[text(&path), "--source", text(&kept().1), "--as-of", "2021-05-05T14:18:17Z"])
}

/// One member of a wheel.
struct Entry {
    name: String,
    content: Vec<u8>,
    mode: u32,
    /// DOS date and time, as a zip file has them: the time first.
    time: [u8; 4],
    /// The content as the publisher compressed it; stored where it is `None`.
    deflated: Option<Vec<u8>>,
}

/// The published wheel's members.
fn entries() -> Vec<Entry> {
    let mut archive = ZipArchive::new(Cursor::new(&kept().0)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut deflated = Vec::new();
            archive.by_index_raw(index).unwrap().read_to_end(&mut deflated).unwrap();
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            let time = file.last_modified().unwrap();
            let time = [time.timepart().to_le_bytes(), time.datepart().to_le_bytes()].concat().try_into().unwrap();
            let (name, mode) = (file.name().unwrap().into_owned(), file.unix_mode().unwrap());
            Entry { name, content, mode, time, deflated: Some(deflated) }
        })
        .collect()
}

/// A wheel of these members; with a RECORD that tells the truth, unless they are to keep theirs.
fn wheel(mut entries: Vec<Entry>, keeps_record: bool) -> Vec<u8> {
    if !keeps_record {
        let rows: String = entries
            .iter()
            .filter(|entry| entry.name != RECORD)
            .map(|Entry { name, content, .. }| {
                format!("{name},sha256={},{}\n", url_safe_base64(&Sha256::digest(content)), content.len())
            })
            .collect();
        let record = entries.iter_mut().find(|entry| entry.name == RECORD).unwrap();
        let content = (rows + RECORD + ",,\n").into_bytes();
        if content != record.content {
            (record.content, record.deflated) = (content, None);
        }
    }
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for entry in &entries {
        let Entry { name, content, mode, time, deflated } = entry;
        let data = deflated.as_ref().unwrap_or(content);
        let method: u16 = if deflated.is_some() { 8 } else { 0 };
        let mut crc = Crc::new();
        crc.update(content);
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        // APPNOTE 4.3.7 and 4.3.12; what both headers have begins with the version needed.
        let both = [
            &20_u16.to_le_bytes()[..],
            &[0, 0],
            &method.to_le_bytes(),
            time,
            &crc.sum().to_le_bytes(),
            &length(data),
            &length(content),
            &name_length,
            &[0, 0],
        ]
        .concat();
        let attributes = ((0o100_000 | mode) << 16).to_le_bytes();
        let offset = length(&file);
        directory.push([b"PK\x01\x02", &[20, 3][..], &both, &[0; 6], &attributes, &offset, name.as_bytes()].concat());
        file.extend([b"PK\x03\x04", &both[..], name.as_bytes(), data].concat());
    }
    let count = u16::try_from(directory.len()).unwrap().to_le_bytes();
    let directory = directory.concat();
    let sizes = [directory.len(), file.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes()).concat();
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &sizes, &[0, 0]].concat());
    file
}

fn with(change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
    let mut entries = entries();
    change(&mut entries);
    wheel(entries, false)
}

fn entry<'a>(entries: &'a mut [Entry], ending: &str) -> &'a mut Entry {
    entries.iter_mut().find(|entry| entry.name.ends_with(ending)).unwrap()
}

/// The wheel is not reproduced, for this reason, and the finding names the member.
fn found(bytes: &[u8], outcome: &str, code: &str, path: &str) {
    let (exit, verdict) = judge(bytes);
    assert_eq!((exit, verdict["outcome"].as_str()), (1, Some(outcome)), "{code}: {verdict:#}");
    let finding = finding(&verdict, code);
    let named = format!("{} {}", finding["path"], finding["detail"]);
    assert!(named.contains(path), "{named}");
}

#[test]
fn the_published_file_itself_is_reproduced_as_a_local_one() {
    let (code, verdict) = judge(&kept().0);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    assert_eq!(verdict["subject"]["origin"], "local");
    assert_eq!(verdict["subject"]["purl"], "pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl");
    assert_eq!(verdict["source"]["trust"], "user");
}

#[test]
fn other_times_and_another_order_are_reproduced() {
    let other = with(|entries| {
        entries.reverse();
        entries.iter_mut().for_each(|entry| entry.time = [0, 0, 0x29, 0x26]);
    });
    assert_ne!(other, kept().0);
    let (code, verdict) = judge(&other);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    assert!(verdict["subject"].get("purl").is_none());
    assert_eq!(verdict["container"]["differences"]["memberOrder"], true);
    assert_eq!(verdict["normalizersApplied"][0]["name"], "wheel-record-row-order");
}

#[test]
fn a_changed_byte_of_code_is_found() {
    let changed = with(|entries| {
        let code = entry(entries, "six.py");
        let last = code.content.len() - 2;
        code.content[last] ^= 1;
        code.deflated = None;
    });
    found(&changed, "not-reproduced", "content-changed", "six.py");
}

#[test]
fn an_added_path_file_is_found() {
    let added = with(|entries| {
        let time = entries[0].time;
        let content = b"import os; os.system('true')\n".to_vec();
        entries.insert(1, Entry { name: "evil.pth".to_owned(), content, mode: 0o644, time, deflated: None });
    });
    found(&added, "not-reproduced", "path-file-added", "evil.pth");
}

#[test]
fn added_entry_points_are_found() {
    let added = with(|entries| {
        let time = entries[0].time;
        let name = "six-1.16.0.dist-info/entry_points.txt".to_owned();
        let content = b"[console_scripts]\nsix = os:abort\n".to_vec();
        entries.insert(1, Entry { name, content, mode: 0o644, time, deflated: None });
    });
    found(&added, "not-reproduced", "entry-points-changed", "entry_points.txt");
}

#[test]
fn a_swapped_executable_bit_is_found() {
    let swapped = with(|entries| entry(entries, "six.py").mode = 0o755);
    found(&swapped, "not-reproduced", "mode-changed", "six.py");
}

#[test]
fn a_lying_record_row_is_found() {
    let mut entries = entries();
    let record = entry(&mut entries, "RECORD");
    let lie = String::from_utf8(record.content.clone()).unwrap().replacen("six.py,sha256=T", "six.py,sha256=U", 1);
    assert_ne!(lie.as_bytes(), record.content);
    (record.content, record.deflated) = (lie.into_bytes(), None);
    found(&wheel(entries, true), "not-reproduced", "record-mismatch", "six.py");
}

#[test]
fn a_deflate_stream_that_carries_more_is_found() {
    // Empty stored blocks in front of the stream decode to nothing.
    let stuffed = with(|entries| {
        let code = entry(entries, "six.py");
        let stream = code.deflated.take().unwrap();
        code.deflated = Some([[0, 0, 0, 0xff, 0xff].repeat(1000), stream].concat());
    });
    found(&stuffed, "not-reproduced", "compressed-data-differs", "six.py");
}

#[test]
fn a_hidden_local_entry_is_found() {
    // The first member's local entry stands again, under another name, where no directory lists it.
    let bytes = &kept().0;
    let directory = u32::from_le_bytes(bytes[bytes.len() - 6..bytes.len() - 2].try_into().unwrap()) as usize;
    let second = (4..).find(|at| &bytes[*at..*at + 4] == b"PK\x03\x04").unwrap();
    let mut hidden = bytes[..second].to_vec();
    hidden[30..36].copy_from_slice(b"hid.py");
    let mut whole = [&bytes[..directory], &hidden, &bytes[directory..]].concat();
    let at = whole.len() - 6;
    whole[at..at + 4].copy_from_slice(&u32::try_from(directory + hidden.len()).unwrap().to_le_bytes());
    let (exit, verdict) = judge(&whole);
    assert_eq!((exit, verdict["outcome"].as_str()), (1, Some("rejected")), "{verdict:#}");
    let named = verdict["findings"].to_string();
    assert!(named.contains("hid.py"), "{named}");
}

#[test]
fn a_renamed_local_header_is_found() {
    let mut bytes = kept().0.clone();
    assert_eq!(&bytes[30..36], b"six.py");
    bytes[30..36].copy_from_slice(b"sax.py");
    let (exit, verdict) = judge(&bytes);
    assert_eq!((exit, verdict["outcome"].as_str()), (1, Some("rejected")), "{verdict:#}");
    let named = verdict["findings"].to_string();
    assert!(named.contains("six.py") && named.contains("sax.py"), "{named}");
}

#[test]
fn bytes_in_front_are_found() {
    for shifts_offsets in [false, true] {
        let mut bytes = [vec![b'#'; 16 << 10], kept().0.clone()].concat();
        if shifts_offsets {
            shift_offsets(&mut bytes, 16 << 10);
        }
        let (exit, verdict) = judge(&bytes);
        assert_eq!(exit, 1, "{verdict:#}");
        assert!(["rejected", "not-reproduced"].contains(&verdict["outcome"].as_str().unwrap()), "{verdict:#}");
        let findings = verdict["findings"].to_string();
        assert!(findings.contains("in front"), "{findings}");
    }
}

/// Makes all offsets of a zip file count from the file's start again, after `by` bytes were put in front.
fn shift_offsets(bytes: &mut [u8], by: u32) {
    let add = |bytes: &mut [u8], at: usize| {
        let value = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) + by;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        value as usize
    };
    let end = bytes.len() - 6;
    let mut at = add(bytes, end);
    while &bytes[at..at + 4] == b"PK\x01\x02" {
        add(bytes, at + 42);
        let length = |offset: usize| usize::from(u16::from_le_bytes([bytes[at + offset], bytes[at + offset + 1]]));
        at += 46 + length(28) + length(30) + length(32);
    }
}
