//! What is said of each kind of difference, and what hostile contents cannot do.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use twinbuild_subject::MemberPath;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::content::{Explanation, PUBLISHED, explain};
use super::made_by_build;

fn explained(path: &str, old: &[u8], new: &[u8]) -> (String, Vec<String>) {
    let Explanation { place, excerpt } = explain(&MemberPath::from(path), old, new, PUBLISHED, 0);
    (place, excerpt.finish())
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in members {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A library of 64 bits with `.text` at offset 64, `.rodata` and a build id after it, and the symbols `first` and `second`.
fn elf(text: &[u8; 32], rodata: &[u8], build_id: &[u8; 16]) -> Vec<u8> {
    elf_by(text, rodata, build_id, "", "")
}

/// The same with what compilers write: `.comment` and `.debug_str`, where these are not empty.
fn elf_by(text: &[u8; 32], rodata: &[u8], build_id: &[u8; 16], comment: &str, debug: &str) -> Vec<u8> {
    let names = b"\0.text\0.rodata\0.note.gnu.build-id\0.symtab\0.strtab\0.comment\0.debug_str\0.shstrtab\0";
    let name =
        |wanted: &[u8]| u32::try_from(names.windows(wanted.len()).position(|found| found == wanted).unwrap()).unwrap();
    let symbol_names = b"\0first\0second\0";
    let symbol = |name: u32, value: u64| {
        [&name.to_le_bytes()[..], &[0x12, 0], &1_u16.to_le_bytes(), &value.to_le_bytes(), &16_u64.to_le_bytes()]
            .concat()
    };
    let symbols = [vec![0; 24], symbol(1, 0x1000), symbol(7, 0x1010)].concat();
    // Name, type and address; content; link and size of an entry.
    let parts = [
        ((name(b".text"), 1_u32, 0x1000_u64), &text[..], (0_u32, 0_u64)),
        ((name(b".rodata"), 1, 0x2000), rodata, (0, 0)),
        ((name(b".note.gnu.build-id"), 7, 0x3000), build_id, (0, 0)),
        ((name(b".symtab"), 2, 0), &symbols, (5, 24)),
        ((name(b".strtab"), 3, 0), symbol_names, (0, 0)),
        ((name(b".comment"), 1, 0), comment.as_bytes(), (0, 0)),
        ((name(b".debug_str"), 1, 0), debug.as_bytes(), (0, 0)),
        ((name(b".shstrtab"), 3, 0), names, (0, 0)),
    ];
    let mut body = Vec::new();
    let mut table = vec![0; 64];
    for ((name, kind, address), content, (link, entry)) in parts {
        let offset = 64 + body.len() as u64;
        table.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        let numbers = [0, address, offset, content.len() as u64];
        table.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        table.extend([link.to_le_bytes(), 1_u32.to_le_bytes()].concat());
        table.extend([1, entry].iter().flat_map(|number: &u64| number.to_le_bytes()));
        body.extend_from_slice(content);
    }
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([3_u16, 62].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(1_u32.to_le_bytes());
    file.extend([0, 0, 64 + body.len() as u64].iter().flat_map(|number: &u64| number.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, 0, 64, 9, 8].iter().flat_map(|number| number.to_le_bytes()));
    [file, body, table].concat()
}

#[test]
fn libraries_say_by_which_compiler_and_where_they_were_built() {
    let debug = |flags: &str, folder: &str| format!("GNU C17 12.2.0 -g {flags}\0{folder}/demo/speed.c\0VALUE\0");
    let debian = "GCC: (Debian 12.2.0-14) 12.2.0\0";
    let old = elf_by(&[0x90; 32], b"text\0", &[1; 16], debian, &debug("-O2", "/build"));
    let new = elf_by(&[0x91; 32], b"text\0", &[1; 16], "GCC: (GNU) 10.2.1 20210130\0", &debug("-O3", "/project"));
    let (place, lines) = explained("demo/_speed.so", &old, &new);
    assert!(place.ends_with("; they differ in compiler, compiler flags, paths"), "{place}");
    assert_eq!(
        lines[..3],
        [
            "compiler: only published \"GCC: (GNU) 10.2.1 20210130\"; only rebuilt \"GCC: (Debian 12.2.0-14) 12.2.0\"",
            "compiler flags: only published \"-O3\"; only rebuilt \"-O2\"",
            "paths: only published \"/project/demo\"; only rebuilt \"/build/demo\"",
        ]
    );
    assert!(lines[3..].iter().any(|line| line.contains(".text")), "{lines:?}");
    // What tells of the making explains no change beside it away, and flags of only one are no difference.
    let stripped = elf_by(&[0x90; 32], b"text\0", &[1; 16], debian, "");
    let (place, _) = explained("demo/_speed.so", &old, &stripped);
    assert!(place.contains(".debug_str") && !place.contains("flags"), "{place}");
}

#[test]
fn changed_lines_are_a_unified_diff() {
    let old: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    let new = old.replace("line 9\n", "line nine\nand more\n").replace("line 20\n", "");
    let (place, lines) = explained("demo/a.py", old.as_bytes(), new.as_bytes());
    assert_eq!(place, "2 lines removed and 2 added, from line 9 on");
    assert_eq!(
        lines,
        [
            "--- rebuilt",
            "+++ published",
            "@@ -6,7 +6,8 @@",
            " line 6",
            " line 7",
            " line 8",
            "-line 9",
            "+line nine",
            "+and more",
            " line 10",
            " line 11",
            " line 12",
            "@@ -17,4 +18,3 @@",
            " line 17",
            " line 18",
            " line 19",
            "-line 20",
        ]
    );
}

#[test]
fn one_line_of_a_long_text_has_its_number() {
    let old = "same\n".repeat(100_000);
    let mut new = old.clone();
    new.replace_range(250_000..250_004, "evil");
    let (place, lines) = explained("a.txt", old.as_bytes(), new.as_bytes());
    assert_eq!(place, "1 line differs, line 50001");
    assert_eq!(lines[2..7], ["@@ -49998,7 +49998,7 @@", " same", " same", " same", "-same"]);
    assert_eq!(lines[7], "+evil");
}

#[test]
fn a_difference_of_form_alone_is_said() {
    for (old, new, place) in [
        (&b"a\nb\n"[..], &b"a\r\nb\r\n"[..], "only in line endings, LF rebuilt and CR LF published"),
        (b"a\nb\r\n", b"a\r\nb\n", "only in line endings, mixed rebuilt and mixed published"),
        (b"a\nb\n", b"a\nb", "only in the end of the last line, which is only rebuilt"),
        (b"a\nb\n", b"a  \nb\t\n", "only in white space at the end of lines"),
        (
            b"a\nb\n",
            b"a \r\nb\r\n",
            "only in line endings, LF rebuilt and CR LF published and white space at the end of lines",
        ),
        (b"a\n", b"\xef\xbb\xbfa\n", "only in the byte order mark, which is only published"),
        (b"a\n", b"\xff\xfea\0\n\0", "only in the encoding, UTF-8 rebuilt and UTF-16LE published"),
        (b"na\xefve text\n", b"na\xc3\xafve text\n", "only in the encoding, Latin-1 rebuilt and UTF-8 published"),
    ] {
        assert_eq!(explained("a.txt", old, new).0, place);
    }
}

#[test]
fn form_hides_no_change_beside_it() {
    for (old, new) in [
        (&b"a\nb\n"[..], &b"a\r\nc\r\n"[..]),
        (b"a\n", b" a\n"),
        (b"a\n", b"\xef\xbb\xbfb\n"),
        (b"a\n", b"\xff\xfeb\0\n\0"),
        (b"a\n\n", b"a\n"),
    ] {
        let (place, _) = explained("a.txt", old, new);
        assert!(!place.starts_with("only"), "{place}");
    }
}

#[test]
fn characters_that_mislead_are_escaped() {
    let (_, lines) =
        explained("a.py", b"if access == 'user':\n", "if access == 'user\u{202e}\u{2066}\u{200b}':\n".as_bytes());
    assert_eq!(lines[4], r"+if access == 'user\u{202e}\u{2066}\u{200b}':");
    let (_, lines) = explained("a.py", b"a\n", b"a\x1b]0;evil\x07\n");
    assert_eq!(lines[4], r"+a\u{1b}]0;evil\u{7}");
}

#[test]
fn a_long_line_is_shown_where_it_differs() {
    let old = format!("{}var a = 1;{}\n", "x".repeat(5000), "y".repeat(5000));
    let (_, lines) = explained("a.min.js", old.as_bytes(), old.replace("a = 1", "a = 2").as_bytes());
    assert!(lines[4].starts_with("+…(4948)…xxx") && lines[4].contains("var a = 2;yyy"), "{}", lines[4]);
}

#[test]
fn too_many_changed_lines_are_one_change() {
    let old: String = (0..30_000).map(|line| format!("{line}\n")).collect();
    let new: String = (0..30_000).map(|line| format!("{}\n", line * 7 % 30_000)).collect();
    let (place, lines) = explained("a.txt", old.as_bytes(), new.as_bytes());
    assert_eq!(place, "the lines from 1 on differ, 30000 rebuilt and 30000 published");
    assert_eq!(lines[2..4], ["@@ -1,30000 +1,30000 @@", "-0"]);
    assert_eq!(lines[lines.len() - 2..], ["+49", "+… (29992 more lines)"]);
}

#[test]
fn one_byte_of_code_has_a_section_and_a_symbol() {
    let old = elf(&[0x90; 32], b"text in it", &[7; 16]);
    let mut text = [0x90; 32];
    text[18] = 0xcc;
    let (place, lines) = explained("demo/native.so", &old, &elf(&text, b"text in it", &[7; 16]));
    assert_eq!(place, "1 byte differs at offset 0x52, in .text at 0x1012, symbol second+0x2");
    assert_eq!(lines, ["offset 0x52, in .text at 0x1012, symbol second+0x2, 1 byte: rebuilt 90, published cc"]);
}

#[test]
fn a_build_id_is_named_and_a_change_beside_it_too() {
    let old = elf(&[0x90; 32], b"/build/demo/a.c\0", &[7; 16]);
    let (place, _) = explained("native.so", &old, &elf(&[0x90; 32], b"/build/demo/a.c\0", &[8; 16]));
    assert!(place.ends_with(", in .note.gnu.build-id at 0x3000: only the build id"), "{place}");
    let (place, lines) = explained("native.so", &old, &elf(&[0x90; 32], b"/tmp/x/demo/a.c\0", &[8; 16]));
    let expected =
        "21 bytes differ in 2 runs, the first at offset 0x61, in .rodata, .note.gnu.build-id; they differ in paths";
    assert_eq!(place, expected);
    let string = "  a string that looks like a path: \"/build/demo/a.c\" became \"/tmp/x/demo/a.c\"";
    assert!(lines.iter().any(|line| line == string), "{lines:?}");
}

#[test]
fn code_right_after_a_build_id_is_not_taken_for_it() {
    // The note ends where the symbol table begins.
    let old = elf(&[0x90; 32], b"x", &[7; 16]);
    let mut new = elf(&[0x90; 32], b"x", &[8; 16]);
    let symbols = new.windows(24).position(|window| *window == [0; 24]).unwrap();
    new[symbols] = 1;
    let (place, _) = explained("native.so", &old, &new);
    assert_eq!(place, "17 bytes differ in 2 runs, the first at offset 0x61, in .note.gnu.build-id, .symtab");
}

#[test]
fn sections_that_grew_are_compared_by_name() {
    let old = elf(&[0x90; 32], b"short", &[7; 16]);
    let (place, lines) = explained("native.so", &old, &elf(&[0x90; 32], b"longer than that", &[7; 16]));
    let outside = "the headers, or between sections";
    assert_eq!(place, format!("in .rodata, {outside}; first at offset 0x60, in .rodata at 0x2000"));
    assert_eq!(lines[0], ".rodata: 16 bytes published, 5 bytes rebuilt, first at offset 0x60, in .rodata at 0x2000");
}

#[test]
fn a_compiled_module_has_a_header_and_code() {
    let pyc = |time: u32, code: &[u8]| {
        [&3495_u16.to_le_bytes(), &b"\r\n\0\0\0\0"[..], &time.to_le_bytes(), &7_u32.to_le_bytes(), code].concat()
    };
    let (place, lines) = explained("a.pyc", &pyc(1, b"\xe3code"), &pyc(2, b"\xe3code"));
    assert_eq!(place, "only in the header (source time): the known noise pyc-source-time, which is no pass");
    assert_eq!(lines, ["source time: 1 seconds rebuilt, 2 seconds published"]);
    let (place, _) = explained("a.pyc", &pyc(1, b"\xe3code"), &pyc(2, b"\xe3cody"));
    assert_eq!(place, "in the header (source time) and in the code behind the header, 1 byte differs at offset 0x4");
}

#[test]
fn archives_inside_of_archives_are_looked_into() {
    let pack = |code: &[u8]| {
        let inner = zipped(&[("a/b.py", code), ("same.py", b"same\n")]);
        gzipped(&tarred(&[("data/inner.zip", &inner)]))
    };
    let (place, lines) = explained("demo/data.tar.gz", &pack(b"a = 1\n"), &pack(b"a = 2\n"));
    assert_eq!(place, "inside of it, in data/inner.zip");
    assert!(lines[0].ends_with(": inside of it, in a/b.py"), "{lines:?}");
    assert_eq!(
        lines[1..],
        [
            "  a/b.py (both 6 bytes): 1 line differs, line 1",
            "    --- rebuilt",
            "    +++ published",
            "    @@ -1 +1 @@",
            "    -a = 1",
            "    +a = 2",
        ]
    );
}

#[test]
fn members_only_one_archive_has_are_listed() {
    let (place, lines) =
        explained("a.zip", &zipped(&[("a", b"1"), ("b", b"2")]), &zipped(&[("a", b"1"), ("c", b"345")]));
    assert_eq!(place, "inside of it, in c, b");
    assert_eq!(lines, ["c: only published, 3 bytes", "b: only rebuilt"]);
    let (place, _) = explained("a.zip", &zipped(&[("a", b"1"), ("b", b"2")]), &zipped(&[("b", b"2"), ("a", b"1")]));
    assert!(place.starts_with("its members are the same, and what differs is the order of its members"), "{place}");
}

#[test]
fn what_an_inner_archive_hides_between_its_members_is_said() {
    let honest = zipped(&[("a", b"1")]);
    let mut commented = honest.clone();
    let end = commented.len() - 2;
    commented[end] = 4;
    commented.extend_from_slice(b"evil");
    let (place, lines) = explained("a.zip", &honest, &commented);
    assert_eq!(place, "its members are the same, and what differs is zip-comment");
    assert_eq!(lines, ["zip-comment, which only the published one has, or has more often"]);
}

#[test]
fn a_compressed_page_is_compared_by_line() {
    let (place, lines) = explained("demo.1.gz", &gzipped(b".TH demo\nold\n"), &gzipped(b".TH demo\nnew\n"));
    assert_eq!(place, "in what it holds (both 13 bytes): 1 line differs, line 2");
    assert_eq!(lines[3..], [" .TH demo", "-old", "+new"]);
    let mut other_level = gzipped(b"same");
    other_level[9] = 7;
    let (place, _) = explained("a.gz", &gzipped(b"same"), &other_level);
    assert!(place.starts_with("what it holds is the same, and its header or compression differs"), "{place}");
}

#[test]
fn a_broken_archive_is_said_to_be_one() {
    let honest = zipped(&[("a", b"1")]);
    let mut broken = honest.clone();
    broken[30] = b'b';
    let (place, lines) = explained("a.zip", &honest, &broken);
    assert!(place.starts_with("the published one is no zip archive that can be read; 1 byte differs"), "{place}");
    assert!(lines[0].starts_with("the published one cannot be read as a zip archive: "), "{lines:?}");
}

#[test]
fn nesting_ends() {
    let nest = |core: &[u8]| (0..8).fold(core.to_vec(), |inner, _| zipped(&[("n.zip", &inner)]));
    let (place, lines) = explained("n.zip", &nest(b"one"), &nest(b"two"));
    assert_eq!(place, "inside of it, in n.zip");
    assert!((4..=10).contains(&lines.len()), "{lines:?}");
}

#[test]
fn contents_of_two_kinds_are_named() {
    let (place, _) = explained("demo/tool", b"#!/bin/sh\n", &elf(&[0; 32], b"x", &[0; 16]));
    assert!(place.starts_with("it is text rebuilt and a program or library published; "), "{place}");
    let (place, _) = explained("demo/data", b"", b"\0\x01");
    assert!(place.starts_with("it is empty rebuilt and binary published; "), "{place}");
}

const NAMES: [&str; 9] = [
    "a.py",
    "d.dist-info/METADATA",
    "d.dist-info/RECORD",
    "d.dist-info/entry_points.txt",
    "package.json",
    "Cargo.toml",
    "a.pyc",
    "a.zip",
    "native.so",
];

/// What comes out of any contents: something, of bounded size, without control characters.
fn check(path: &str, old: &[u8], new: &[u8]) {
    let (place, lines) = explained(path, old, new);
    assert!(!place.is_empty() && place.len() < 3000 && !place.contains(char::is_control), "{place}");
    assert!(lines.len() <= 40 && lines.iter().map(String::len).sum::<usize>() <= 4096, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(char::is_control)), "{lines:?}");
}

fn mutated(base: &[u8], changes: &[(usize, u8)], length: usize) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for (at, byte) in changes {
        let at = at % bytes.len();
        bytes[at] = *byte;
    }
    bytes.truncate(length);
    bytes
}

proptest! {
    #[test]
    fn any_two_contents_are_explained(
        name in 0..NAMES.len(),
        old in proptest::collection::vec(any::<u8>(), 0..300),
        new in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        check(NAMES[name], &old, &new);
    }

    #[test]
    fn any_two_texts_are_explained(name in 0..NAMES.len(), old in "(\\PC|[\\n\\r\\t:=\\[\\]{}\",.#]){0,200}", new in "(\\PC|[\\n\\r\\t:=\\[\\]{}\",.#]){0,200}") {
        check(NAMES[name], old.as_bytes(), new.as_bytes());
    }

    #[test]
    fn broken_libraries_are_explained(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..20),
        length in 0_usize..1200,
    ) {
        let base = elf(&[0x90; 32], b"/build/demo/a.c\0", &[7; 16]);
        let broken = mutated(&base, &changes, length.max(4));
        check("native.so", &base, &broken);
        check("native.so", &broken, &base);
        check("native.so", &broken, &mutated(&base, &changes[..changes.len() / 2], 1200));
    }

    #[test]
    fn broken_archives_are_explained(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8),
        length in 0_usize..2000,
    ) {
        let inner = zipped(&[("a.py", b"a = 1\n"), ("native.so", &elf(&[0; 32], b"x", &[0; 16]))]);
        for base in [zipped(&[("inner.zip", &inner)]), gzipped(&inner), gzipped(&tarred(&[("inner.zip", &inner)]))] {
            check("a.zip", &base, &mutated(&base, &changes, length.max(4)));
        }
    }
}

#[test]
fn what_a_build_made_of_an_sdist_is_what_the_source_has_not_in_its_place() {
    use twinbuild_archive::{Format, Limits, read};
    use twinbuild_subject::Sha256;

    use crate::{Side, SourceIndex};

    let source = |path: &str, content: &[u8]| (MemberPath::from(path), Sha256::of(content));
    let index = SourceIndex::new([source("demo/a.py", b"a"), source("tests/payload.py", b"payload")]);
    let made = |members: &[(&str, &[u8])], setup_cfg: Option<&[u8]>| {
        let zip = zipped(members);
        let archive = read(&zip[..], Format::Zip, &Limits::default()).unwrap();
        let side = Side { archive: &archive, bytes: &&zip[..], sha256: Sha256::of(&zip) };
        let made = made_by_build(&side, &index, setup_cfg).unwrap();
        made.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let own: &[u8] = b"[egg_info]\ntag_build = \ntag_date = 0\n\n";
    let honest: [(&str, &[u8]); 4] =
        [("d/PKG-INFO", b""), ("d/demo/a.py", b"a"), ("d/demo.egg-info/SOURCES.txt", b""), ("d/setup.cfg", own)];
    assert!(made(&honest, Some(b"")).is_empty());
    assert_eq!(made(&honest, None), ["d/setup.cfg"]);
    assert!(made(&honest, Some(b"# nothing\n")).is_empty());
    assert_eq!(made(&honest, Some(b"[options]\nzip_safe = 1\n")), ["d/setup.cfg"]);
    let redirects: &[u8] = b"[options]\npackage_dir =\n  = demo.egg-info\n";
    let hostile: [(&str, &[u8]); 5] = [
        ("d/PKG-INFO", b""),
        ("d/demo.egg-info/evil.py", b"evil"),
        ("d/demo/PKG-INFO", b""),
        ("d/demo/payload.py", b"payload"),
        ("d/setup.cfg", redirects),
    ];
    assert_eq!(made(&hostile, Some(b"")), hostile[1..].iter().map(|(path, _)| *path).collect::<Vec<_>>());
    assert_eq!(made(&hostile[1..2], Some(b"")), ["d/demo.egg-info/evil.py"]);
}
