//! Names that mean different files to different readers, and members that are not what they look like.

use crate::project::{CORE, INIT, SCRIPT, Wheel, wheel};
use crate::raw::zip::Entry;
use crate::{Case, Expected, case, finding, rejected};

const UNSAFE: Expected = rejected("name-unsafe");

/// Names that no tree holds, or that two members share.
pub(crate) fn wheels() -> Vec<Case> {
    let named = |name: &[u8]| wheel(|zip| zip.entries.push(Entry::new(name, b"import os\n")));
    let utf8 = |name: &[u8]| {
        wheel(|zip| zip.entries.push(Entry::new(name, b"import os\n").both(|header| header.flags |= 1 << 11)))
    };
    let listed = |name: &str| Wheel::honest().with(name, b"import os\n").zip_utf8();
    let twice = |name: &str| wheel(|zip| zip.entries.push(Entry::new(name, b"import os\n")));
    vec![
        case("name-parent.whl", UNSAFE, named(b"../evil.py")),
        case("name-parent-inside.whl", UNSAFE, named(b"demo/../../evil.py")),
        case("name-parent-that-stays-inside.whl", UNSAFE, named(b"demo/x/../evil.py")),
        case("name-absolute.whl", UNSAFE, named(b"/etc/cron.d/evil")),
        case("name-backslash.whl", UNSAFE, named(b"demo\\evil.py")),
        case("name-backslash-parent.whl", UNSAFE, named(b"..\\..\\evil.py")),
        case("name-network-share.whl", UNSAFE, named(b"\\\\host\\share\\evil.py")),
        case("name-drive.whl", UNSAFE, named(b"C:/evil.py")),
        case("name-drive-relative.whl", UNSAFE, named(b"c:evil.py")),
        case("name-nul.whl", UNSAFE, named(b"demo/evil.py\0.txt")),
        case("name-escape-sequence.whl", UNSAFE, named(b"demo/\x1b[2J\x1b[1;31mverified.py")),
        case("name-newline.whl", UNSAFE, named(b"demo/a\nreproduced.py")),
        case("name-delete-character.whl", UNSAFE, named(b"demo/a\x7f.py")),
        case("name-empty.whl", UNSAFE, named(b"")),
        case("name-dot.whl", UNSAFE, named(b".")),
        case("name-empty-component.whl", UNSAFE, named(b"demo//evil.py")),
        case("name-dot-component.whl", UNSAFE, named(b"demo/./evil.py")),
        case("name-not-utf8.whl", rejected("zip-name-encoding"), named(b"demo/\xff\xfe.py")),
        case("name-not-utf8-though-flagged.whl", rejected("zip-name-encoding"), utf8(b"demo/\xff\xfe.py")),
        case("name-overlong-utf8.whl", rejected("zip-name-encoding"), utf8(b"demo/\xc0\xae\xc0\xae/evil.py")),
        case("name-utf8-without-its-flag.whl", rejected("zip-name-encoding"), named("demo/müll.py".as_bytes())),
        case("name-right-to-left-override.whl", finding("unsourced-member"), listed("demo/\u{202e}yp.live")),
        case("name-duplicate.whl", rejected("name-duplicate"), twice(CORE)),
        case("name-duplicate-with-a-leading-dot.whl", rejected("name-same-file"), twice("./demo/core.py")),
        case("name-file-and-directory.whl", rejected("name-same-file"), {
            wheel(|zip| zip.entries.push(Entry::stored("demo/core.py/", b"").mode(0o040_755)))
        }),
        case("name-case-collision.whl", finding("name-case-collision"), listed("demo/Core.py")),
        case("name-case-collision-of-a-folder.whl", finding("name-case-collision"), listed("DEMO/core.py")),
        case("name-case-collision-in-unicode.whl", finding("name-case-collision"), {
            Wheel::honest().with("demo/stra\u{df}e.py", b"a = 1\n").with("demo/STRASSE.py", b"a = 2\n").zip_utf8()
        }),
        case("name-unicode-forms-collide.whl", finding("name-case-collision"), {
            Wheel::honest().with("demo/\u{e9}.py", b"a = 1\n").with("demo/e\u{301}.py", b"a = 2\n").zip_utf8()
        }),
        case("name-compatible-forms-collide.whl", finding("name-case-collision"), {
            // Python reads identifiers by NFKC, and so imports the one where the other is named.
            Wheel::honest().with("demo/ﬁle.py", b"a = 1\n").with("demo/file.py", b"a = 2\n").zip_utf8()
        }),
        case("name-file-is-a-parent-folder.whl", rejected("name-parent-is-no-directory"), {
            listed("demo/core.py/evil.py")
        }),
        case("name-link-is-a-parent-folder.whl", rejected("name-parent-is-no-directory"), {
            wheel(|zip| {
                zip.entries.push(Entry::stored("link", b"/tmp").mode(0o120_777));
                zip.entries.push(Entry::new("link/evil.py", b"import os\n"));
            })
        }),
        case("name-of-5000-bytes.whl", Expected::Limit, named(&[b"demo/".to_vec(), vec![b'a'; 5000]].concat())),
        case("name-of-65535-bytes.whl", Expected::Limit, named(&vec![b'a'; 65_535])),
        case("name-of-2000-folders.whl", finding("unsourced-member"), listed(&format!("{}a", "a/".repeat(2000)))),
    ]
}

/// Directories with contents, links, and mode bits.
pub(crate) fn kinds_and_modes() -> Vec<Case> {
    let with_mode = |name: &str, mode: u32| {
        wheel(|zip| {
            let entry = zip
                .entries
                .iter_mut()
                .find(|entry| entry.central.as_ref().is_some_and(|central| central.name == name.as_bytes()));
            entry.expect("a file of the project").attributes = mode << 16;
        })
    };
    let pushed = |entry: Entry| wheel(|zip| zip.entries.push(entry));
    let linked = |target: &[u8]| wheel(|zip| zip.entries[1] = Entry::stored(CORE, target).mode(0o120_777));
    vec![
        case("directory-with-data.whl", rejected("zip-directory-data"), {
            pushed(Entry::stored("demo/folder/", b"hidden").mode(0o040_755))
        }),
        case("directory-with-deflated-data.whl", rejected("zip-directory-data"), {
            pushed(Entry::new("demo/folder/", b"hidden").mode(0o040_755))
        }),
        case("directory-with-compressed-bytes-of-nothing.whl", finding("zip-deflate-tail"), {
            pushed(Entry::compressed("demo/folder/", b"", 8, b"\x03\0hidden".to_vec()).mode(0o040_755))
        }),
        case(
            "directory-by-its-mode-only.whl",
            rejected("zip-kind"),
            pushed(Entry::stored("demo/x", b"").mode(0o040_755)),
        ),
        case("directory-by-its-dos-attribute-only.whl", rejected("zip-kind"), {
            pushed(Entry { creator: 20, attributes: 0x10, ..Entry::stored("demo/x", b"") })
        }),
        case("directory-by-its-name-and-file-by-its-mode.whl", finding("zip-directory-attributes"), {
            pushed(Entry::stored("demo/folder/", b""))
        }),
        case("directory-added.whl", finding("only-published"), {
            pushed(Entry::stored("demo/folder/", b"").mode(0o040_755))
        }),
        case("symlink-in-place-of-a-file.whl", finding("kind-changed"), linked(b"__init__.py")),
        case("symlink-to-an-absolute-path.whl", finding("zip-symlink"), linked(b"/etc/passwd")),
        case("symlink-out-of-the-tree.whl", finding("zip-symlink"), linked(b"../../../.ssh/id_rsa")),
        case("symlink-without-a-target.whl", rejected("zip-link-target"), linked(b"")),
        case("symlink-with-a-nul.whl", rejected("zip-link-target"), linked(b"core\0/etc/passwd")),
        case("symlink-with-a-target-of-60-kb.whl", Expected::Limit, linked(&vec![b'a'; 60_000])),
        case("symlink-written-by-dos.whl", rejected("zip-kind"), {
            pushed(Entry { creator: 20, ..Entry::stored("demo/link", b"core.py").mode(0o120_777) })
        }),
        case("symlink-whose-name-ends-in-a-slash.whl", rejected("zip-kind"), {
            pushed(Entry::stored("demo/link/", b"core.py").mode(0o120_777))
        }),
        case("character-device.whl", rejected("zip-kind"), pushed(Entry::stored("demo/null", b"").mode(0o020_666))),
        case("fifo.whl", rejected("zip-kind"), pushed(Entry::stored("demo/fifo", b"").mode(0o010_644))),
        case("socket.whl", rejected("zip-kind"), pushed(Entry::stored("demo/socket", b"").mode(0o140_644))),
        case("mode-setuid.whl", finding("mode-changed"), with_mode(SCRIPT, 0o104_755)),
        case("mode-setgid.whl", finding("mode-changed"), with_mode(SCRIPT, 0o102_755)),
        case("mode-sticky.whl", finding("mode-changed"), with_mode(SCRIPT, 0o101_755)),
        case("mode-executable-bit-removed.whl", finding("mode-changed"), with_mode(SCRIPT, 0o100_644)),
        case("mode-executable-bit-added.whl", finding("mode-changed"), with_mode(INIT, 0o100_755)),
        case("mode-executable-without-a-type.whl", finding("mode-changed"), with_mode(SCRIPT, 0o755)),
        case("mode-executable-for-the-group-only.whl", finding("mode-changed"), with_mode(INIT, 0o100_654)),
        case("mode-unreadable-for-its-owner.whl", finding("mode-changed"), with_mode(INIT, 0o100_244)),
        case("mode-missing-from-a-script.whl", finding("mode-changed"), with_mode(SCRIPT, 0)),
        case("mode-world-writable-one-member.whl", finding("mode-changed"), with_mode(INIT, 0o100_666)),
    ]
}
