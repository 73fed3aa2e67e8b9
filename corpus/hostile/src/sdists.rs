//! Tars in gzip that lie.

use crate::project::{gzipped, honest_sdist, sdist_parts, sdist_tar, sdist_with};
use crate::raw::deflate::{EMPTY_BLOCK, deflate};
use crate::raw::gzip::Gzip;
use crate::raw::tar::{Header, directory, end, entry, extension, file, octal, padded, record, special};
use crate::{Case, Expected, case, finding, rejected};

const EVIL: &str = "demo-1.0/evil.py";

/// The gzip around the tar.
pub(crate) fn gzips() -> Vec<Case> {
    let tar = sdist_tar();
    let honest = honest_sdist();
    let gzip = |edit: &dyn Fn(&mut Gzip)| {
        let mut gzip = Gzip::of(&tar);
        edit(&mut gzip);
        gzip.write()
    };
    let second = gzipped(&[file(EVIL, b"import os\n"), end()].concat());
    vec![
        case("gzip-second-member.tar.gz", rejected("gzip-several-members"), [honest.clone(), second].concat()),
        case("gzip-second-member-empty.tar.gz", rejected("gzip-several-members"), {
            [honest.clone(), gzipped(b"")].concat()
        }),
        case("gzip-split-in-two-members.tar.gz", rejected("tar-truncated"), {
            // Whoever joins the members reads the honest tar.
            let (first, second) = tar.split_at(1700);
            [gzipped(first), gzipped(second)].concat()
        }),
        case("gzip-trailing-bytes.tar.gz", rejected("gzip-trailing-bytes"), [&*honest, b"#!/bin/sh\n"].concat()),
        case("gzip-trailing-zeros.tar.gz", finding("gzip-trailing-zeros"), [&*honest, &[0; 512]].concat()),
        case("gzip-second-member-after-zeros.tar.gz", rejected("gzip-trailing-bytes"), {
            [&*honest, &[0; 4], &gzipped(b"x")].concat()
        }),
        case("gzip-extra-field.tar.gz", finding("gzip-extra"), gzip(&|gzip| gzip.extra = Some(b"AP\x02\0hi".to_vec()))),
        case("gzip-comment.tar.gz", finding("gzip-comment"), gzip(&|gzip| gzip.comment = Some(b"curl | sh".to_vec()))),
        case("gzip-header-crc.tar.gz", finding("gzip-header-crc"), gzip(&|gzip| gzip.header_crc_error = Some(0))),
        case("gzip-header-crc-wrong.tar.gz", rejected("gzip-header-crc"), {
            gzip(&|gzip| gzip.header_crc_error = Some(1))
        }),
        case("gzip-text-flag.tar.gz", finding("gzip-text-flag"), gzip(&|gzip| gzip.flags = 1)),
        case("gzip-reserved-flag.tar.gz", rejected("gzip-header"), gzip(&|gzip| gzip.flags = 0x40)),
        case("gzip-method-unknown.tar.gz", rejected("gzip-header"), gzip(&|gzip| gzip.method = 7)),
        case("gzip-wrong-crc.tar.gz", rejected("gzip-crc"), gzip(&|gzip| gzip.crc32 ^= 1)),
        case("gzip-wrong-size.tar.gz", rejected("gzip-size"), gzip(&|gzip| gzip.size += 512)),
        case("gzip-stuffed-with-empty-blocks.tar.gz", finding("compressed-data-differs"), {
            gzip(&|gzip| gzip.deflated = [EMPTY_BLOCK.repeat(100), deflate(&tar)].concat())
        }),
        case("gzip-stuffed-in-padding-bits.tar.gz", finding("compressed-data-differs"), {
            let secret = b"five bits each".map(|byte| [byte << 3, 0, 0, 0xff, 0xff]).concat();
            gzip(&|gzip| gzip.deflated = [&*secret, &deflate(&tar)].concat())
        }),
        case("gzip-name-of-8-kb.tar.gz", Expected::Limit, gzip(&|gzip| gzip.name = Some(vec![b'a'; 8192]))),
        case("gzip-name-that-does-not-end.tar.gz", rejected("gzip-header"), {
            [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3][..], &[b'a'; 2000]].concat()
        }),
        case("gzip-cut-in-the-header.tar.gz", rejected("gzip-header"), honest[..7].to_vec()),
        case("gzip-cut-in-the-middle.tar.gz", rejected("gzip-deflate"), honest[..honest.len() / 2].to_vec()),
        case("gzip-cut-before-the-trailer.tar.gz", rejected("gzip-trailer"), honest[..honest.len() - 8].to_vec()),
        case("gzip-cut-in-the-trailer.tar.gz", rejected("gzip-trailer"), honest[..honest.len() - 3].to_vec()),
        case("gzip-empty-file.tar.gz", rejected("gzip-header"), Vec::new()),
        case("gzip-of-nothing.tar.gz", rejected("tar-empty"), gzipped(b"")),
        case("gzip-around-a-gzip.tar.gz", rejected("tar-truncated"), gzipped(&honest[..300])),
        case("gzip-is-a-zip.tar.gz", rejected("gzip-header"), crate::project::honest_wheel()),
    ]
}

/// Ends, padding, checksums and numbers of a tar.
pub(crate) fn structure() -> Vec<Case> {
    let parts = sdist_parts().concat();
    let evil = file(EVIL, b"import os\n");
    let tar = |more: &[&[u8]]| gzipped(&[parts.clone(), more.concat()].concat());
    let header = |edit: &dyn Fn(&mut Header)| {
        let mut header = Header::new(EVIL, b'0', 10);
        edit(&mut header);
        sdist_with(&entry(&header, b"import os\n"))
    };
    let number = rejected("tar-number");
    vec![
        case("tar-member-after-the-end.tar.gz", rejected("tar-hidden-entry"), tar(&[&end(), &evil, &end()])),
        case(
            "tar-member-after-one-zero-block.tar.gz",
            rejected("tar-lone-zero-block"),
            tar(&[&[0; 512], &evil, &end()]),
        ),
        case("tar-data-after-the-end.tar.gz", finding("tar-trailer"), tar(&[&end(), &[b'x'; 512]])),
        case("tar-few-bytes-after-the-end.tar.gz", finding("tar-trailer"), tar(&[&end(), b"x"])),
        case("tar-without-end-blocks.tar.gz", finding("tar-no-end"), tar(&[])),
        case("tar-with-one-end-block.tar.gz", finding("tar-one-end-block"), tar(&[&[0; 512]])),
        case("tar-cut-in-a-header.tar.gz", rejected("tar-truncated"), gzipped(&parts[..1024 + 100])),
        case("tar-cut-in-contents.tar.gz", rejected("tar-truncated"), tar(&[&evil[..515]])),
        case("tar-cut-in-padding.tar.gz", rejected("tar-truncated"), tar(&[&evil[..600]])),
        case(
            "tar-cut-in-an-extension.tar.gz",
            rejected("tar-truncated"),
            tar(&[&extension(b'x', b"30 path=x")[..515]]),
        ),
        case("tar-padding-with-contents.tar.gz", finding("tar-padding"), {
            let mut hidden = evil.clone();
            hidden[900..906].copy_from_slice(b"hidden");
            tar(&[&hidden, &end()])
        }),
        case("tar-header-field-tail.tar.gz", finding("tar-field-tail"), {
            header(&|header| header.name.extend(b"\0hidden"))
        }),
        case("tar-bad-checksum.tar.gz", rejected("tar-checksum"), header(&|header| header.checksum_error = 1)),
        case("tar-unknown-magic.tar.gz", finding("tar-magic"), header(&|header| header.magic = b"foobar00")),
        case("tar-prefix-in-a-gnu-header.tar.gz", rejected("tar-prefix"), {
            header(&|header| (header.magic, header.prefix) = (b"ustar  \0", b"../..".to_vec()))
        }),
        case("tar-size-not-octal.tar.gz", number, header(&|header| header.size = b"0000000000x\0".to_vec())),
        case("tar-size-with-digits-after-its-end.tar.gz", number, {
            header(&|header| header.size = b"12\x00777777777".to_vec())
        }),
        case("tar-size-negative.tar.gz", number, header(&|header| header.size = vec![0xff; 12])),
        case("tar-size-blank.tar.gz", number, header(&|header| header.size = vec![0; 12])),
        case("tar-size-blank-of-a-directory.tar.gz", number, {
            let mut folder = Header::new("demo-1.0/folder/", b'5', 0);
            folder.size = vec![b' '; 12];
            sdist_with(&entry(&folder, b""))
        }),
        case("tar-size-base-256-that-overflows.tar.gz", number, {
            header(&|header| header.size = [&[0x80][..], &[0xff; 11]].concat())
        }),
        case("tar-size-base-256-with-another-mark.tar.gz", number, {
            header(&|header| header.size = [&[0x81][..], &[0; 10], &[10]].concat())
        }),
        case("tar-size-base-256-of-8-eib.tar.gz", Expected::Limit, {
            header(&|header| header.size = [&[0x80, 0, 0, 0, 0x7f][..], &[0xff; 7]].concat())
        }),
        case("tar-size-base-256-of-a-small-file.tar.gz", finding("container-field"), {
            let (mut all, mut changed) = (sdist_parts(), Header::new("demo-1.0/demo.py", b'0', 11));
            changed.size = [&[0x80][..], &[0; 10], &[11]].concat();
            all[4] = entry(&changed, b"VALUE = 42\n");
            gzipped(&[all.concat(), end()].concat())
        }),
        case("tar-size-beyond-the-file.tar.gz", rejected("tar-truncated"), {
            header(&|header| header.size = octal(100_000))
        }),
    ]
}

/// Members that are no ordinary files, and names.
pub(crate) fn members() -> Vec<Case> {
    let more = |parts: &[Vec<u8>]| sdist_with(&parts.concat());
    let named = |name: &str| sdist_with(&file(name, b"import os\n"));
    let with_mode = |mode: u32| {
        let mut parts = sdist_parts();
        let mut header = Header::new("demo-1.0/demo.py", b'0', 11);
        header.mode = mode;
        parts[4] = entry(&header, b"VALUE = 42\n");
        gzipped(&[parts.concat(), end()].concat())
    };
    let unsafe_name = rejected("name-unsafe");
    let device = rejected("tar-device");
    let target = rejected("tar-hardlink-target");
    vec![
        case("tar-hard-link-to-a-later-file.tar.gz", target, {
            more(&[special("demo-1.0/link.py", b'1', EVIL), file(EVIL, b"import os\n")])
        }),
        case(
            "tar-hard-link-to-an-absolute-file.tar.gz",
            target,
            more(&[special("demo-1.0/link.py", b'1', "/etc/passwd")]),
        ),
        case(
            "tar-hard-link-out-of-the-tree.tar.gz",
            target,
            more(&[special("demo-1.0/link.py", b'1', "../../etc/passwd")]),
        ),
        case("tar-hard-link-to-itself.tar.gz", target, more(&[special("demo-1.0/link.py", b'1', "demo-1.0/link.py")])),
        case("tar-hard-link-to-a-directory.tar.gz", target, more(&[special("demo-1.0/link", b'1', "demo-1.0")])),
        case("tar-hard-link-with-contents.tar.gz", rejected("tar-size-without-contents"), {
            let mut link = Header::new("demo-1.0/link.py", b'1', 10);
            link.link = b"demo-1.0/demo.py".to_vec();
            more(&[entry(&link, b"import os\n")])
        }),
        case("tar-hard-link-added.tar.gz", finding("unsourced-member"), {
            more(&[special("demo-1.0/link.py", b'1', "demo-1.0/demo.py")])
        }),
        case("tar-symlink-to-an-absolute-file.tar.gz", finding("unsourced-member"), {
            more(&[special("demo-1.0/link", b'2', "/etc/passwd")])
        }),
        case("tar-symlink-out-of-the-tree.tar.gz", finding("unsourced-member"), {
            more(&[special("demo-1.0/link", b'2', "../../etc")])
        }),
        case("tar-symlink-in-place-of-a-file.tar.gz", finding("kind-changed"), {
            let mut parts = sdist_parts();
            parts[4] = special("demo-1.0/demo.py", b'2', "setup.py");
            gzipped(&[parts.concat(), end()].concat())
        }),
        case("tar-symlink-as-a-parent-folder.tar.gz", rejected("name-parent-is-no-directory"), {
            more(&[special("demo-1.0/link", b'2', "/tmp"), file("demo-1.0/link/evil.py", b"import os\n")])
        }),
        case(
            "tar-symlink-without-a-target.tar.gz",
            rejected("tar-link-target"),
            more(&[special("demo-1.0/link", b'2', "")]),
        ),
        case("tar-character-device.tar.gz", device, more(&[special("demo-1.0/null", b'3', "")])),
        case("tar-block-device.tar.gz", device, more(&[special("demo-1.0/disk", b'4', "")])),
        case("tar-fifo.tar.gz", device, more(&[special("demo-1.0/fifo", b'6', "")])),
        case("tar-contiguous-file.tar.gz", finding("tar-contiguous"), {
            more(&[entry(&Header::new(EVIL, b'7', 10), b"import os\n")])
        }),
        case("tar-type-of-no-known-kind.tar.gz", rejected("tar-type-flag"), more(&[special("demo-1.0/x", b'Z', "")])),
        case("tar-multi-volume-member.tar.gz", rejected("tar-type-flag"), more(&[special("demo-1.0/x", b'M', "")])),
        case("tar-volume-label.tar.gz", rejected("tar-type-flag"), more(&[special("label", b'V', "")])),
        case("tar-sparse-file.tar.gz", Expected::Unsupported, more(&[special("demo-1.0/sparse", b'S', "")])),
        case("tar-sparse-file-by-pax.tar.gz", Expected::Unsupported, {
            more(&[extension(b'x', &record("GNU.sparse.major", "1")), file("demo-1.0/sparse", b"0\n")])
        }),
        case("tar-directory-with-contents.tar.gz", rejected("tar-size-without-contents"), {
            more(&[entry(&Header::new("demo-1.0/folder/", b'5', 10), b"import os\n")])
        }),
        case("tar-file-whose-name-ends-in-a-slash.tar.gz", rejected("tar-kind"), {
            more(&[entry(&Header::new("demo-1.0/folder/", b'0', 10), b"import os\n")])
        }),
        case("tar-old-directory-with-a-ustar-header.tar.gz", rejected("tar-kind"), {
            more(&[special("demo-1.0/folder/", 0, "")])
        }),
        case("tar-duplicate-member.tar.gz", rejected("name-duplicate"), named("demo-1.0/demo.py")),
        case("tar-duplicate-with-a-leading-dot.tar.gz", rejected("name-same-file"), named("./demo-1.0/demo.py")),
        case("tar-case-collision.tar.gz", finding("name-case-collision"), named("demo-1.0/Demo.py")),
        case(
            "tar-file-is-a-parent-folder.tar.gz",
            rejected("name-parent-is-no-directory"),
            named("demo-1.0/demo.py/evil.py"),
        ),
        case("tar-name-parent.tar.gz", unsafe_name, named("demo-1.0/../../evil.py")),
        case("tar-name-absolute.tar.gz", unsafe_name, named("/etc/cron.d/evil")),
        case("tar-name-backslash.tar.gz", unsafe_name, named("demo-1.0\\evil.py")),
        case("tar-name-drive.tar.gz", unsafe_name, named("C:/evil.py")),
        case("tar-name-control-character.tar.gz", unsafe_name, named("demo-1.0/\u{1b}[31m.py")),
        case(
            "tar-name-not-utf8.tar.gz",
            finding("tar-name-encoding"),
            sdist_with(&file(b"demo-1.0/\xff.py", b"import os\n")),
        ),
        case("tar-root-as-a-file.tar.gz", unsafe_name, named(".")),
        case("tar-member-added.tar.gz", finding("unsourced-member"), named(EVIL)),
        case("tar-directory-added.tar.gz", finding("only-published"), more(&[directory("demo-1.0/empty/")])),
        case("tar-member-removed.tar.gz", finding("not-published"), {
            let mut parts = sdist_parts();
            parts.remove(3);
            gzipped(&[parts.concat(), end()].concat())
        }),
        case("tar-mode-setuid.tar.gz", finding("mode-changed"), with_mode(0o4755)),
        case("tar-mode-executable-bit-added.tar.gz", finding("mode-changed"), with_mode(0o755)),
        case("tar-mode-world-writable-one-member.tar.gz", finding("mode-changed"), with_mode(0o666)),
    ]
}

/// Values that look like container parameters and are none, or are ones that carry a message.
pub(crate) fn parameters() -> Vec<Case> {
    const CONTENTS: &[u8] = b"VALUE = 42\n";
    let with_both = |extensions: &[u8], edit: &dyn Fn(&mut Header)| {
        let mut parts = sdist_parts();
        let mut header = Header::new("demo-1.0/demo.py", b'0', CONTENTS.len());
        edit(&mut header);
        parts[4] = [extensions, &entry(&header, CONTENTS)].concat();
        gzipped(&[parts.concat(), end()].concat())
    };
    let header = |edit: &dyn Fn(&mut Header)| with_both(b"", edit);
    // With the name that CPython gives it, so that nothing but its records is out of order.
    let pax = |body: &[u8]| with_both(&entry(&Header::new("././@PaxHeader", b'x', body.len()), body), &|_| ());
    let gzip = |edit: &dyn Fn(&mut Gzip)| {
        let mut gzip = Gzip::of(&sdist_tar());
        edit(&mut gzip);
        gzip.write()
    };
    let channel = Expected::Equivalent { warning: Some("parameter-channel") };
    let field = finding("container-field");
    vec![
        case("tar-owner-name-as-a-channel.tar.gz", channel, {
            header(&|header| header.owner_name = b"meet-me-at-dawn-by-the-old-mill")
        }),
        case("tar-owner-name-with-control-characters.tar.gz", field, {
            header(&|header| header.owner_name = b"root\x1b[31m\nPasswd: 1")
        }),
        case("tar-owner-name-of-no-ascii.tar.gz", field, header(&|header| header.owner_name = b"\xff\xfe\xfd")),
        case("pax-time-digits-as-a-channel.tar.gz", channel, {
            pax(&[record("mtime", "1580653096.123456789"), record("atime", "271828182.845904523")].concat())
        }),
        case("pax-time-of-20-digits.tar.gz", field, pax(&record("mtime", "1580653096.14159265358979323846"))),
        case("pax-time-without-digits.tar.gz", field, pax(&record("mtime", "1580653096."))),
        case("pax-time-is-not-the-headers.tar.gz", field, pax(&record("mtime", "1600000000.5"))),
        case("pax-owner-of-huge-size.tar.gz", field, pax(&record("uid", "99999999999999"))),
        case("pax-owner-that-is-not-needed.tar.gz", field, pax(&record("uid", "0"))),
        case("pax-owner-name.tar.gz", field, pax(&record("uname", "root"))),
        case("pax-size-that-is-not-needed.tar.gz", field, pax(&record("size", "11"))),
        case("pax-path-of-a-short-name.tar.gz", field, pax(&record("path", "demo-1.0/demo.py"))),
        case("pax-without-a-record.tar.gz", finding("container-field"), pax(b"")),
        case("pax-unknown-key-of-an-honest-member.tar.gz", finding("pax-unknown-key"), {
            pax(&record("SCHILY.xattr.user.payload", "x"))
        }),
        case("pax-header-twice-of-an-honest-member.tar.gz", rejected("tar-stacked-extensions"), {
            let time = extension(b'x', &record("mtime", "1580653096.5"));
            with_both(&[time.clone(), time].concat(), &|_| ())
        }),
        case("pax-header-with-a-name-as-a-channel.tar.gz", field, {
            let body = record("mtime", "1580653096.5");
            with_both(&entry(&Header::new("meet me at dawn", b'x', body.len()), &body), &|_| ())
        }),
        case("pax-name-in-the-header-as-a-channel.tar.gz", field, {
            let mut parts = sdist_parts();
            parts[7] = file("demo-1.0/meet-me-at-dawn", b"LONG = True\n");
            gzipped(&[parts.concat(), end()].concat())
        }),
        case("gnu-long-name-of-a-short-name.tar.gz", field, {
            with_both(&extension(b'L', b"demo-1.0/demo.py\0"), &|_| ())
        }),
        case("tar-mode-setuid-behind-another-umask.tar.gz", finding("mode-changed"), {
            header(&|header| header.mode = 0o4664)
        }),
        case("tar-mode-sticky-behind-another-umask.tar.gz", finding("mode-changed"), {
            header(&|header| header.mode = 0o1640)
        }),
        case("tar-mode-executable-by-others.tar.gz", finding("mode-changed"), header(&|header| header.mode = 0o645)),
        case("tar-mode-of-a-directory.tar.gz", field, header(&|header| header.mode = 0o040_644)),
        case("tar-link-target-of-a-file.tar.gz", field, header(&|header| header.link = b"meet me at dawn".to_vec())),
        case("gzip-name-as-a-channel.tar.gz", field, gzip(&|gzip| gzip.name = Some(b"meet-me-at-dawn".to_vec()))),
        case("gzip-name-with-control-characters.tar.gz", field, {
            gzip(&|gzip| gzip.name = Some(b"demo-1.0.tar\x1b[31m".to_vec()))
        }),
        case("gzip-system-of-no-known-number.tar.gz", field, gzip(&|gzip| gzip.system = 77)),
    ]
}

/// PAX and GNU extensions.
pub(crate) fn extensions() -> Vec<Case> {
    let evil = file(EVIL, b"import os\n");
    let before = |type_flag: u8, body: &[u8]| sdist_with(&[extension(type_flag, body), evil.clone()].concat());
    let pax = |body: &[u8]| before(b'x', body);
    let global = |key: &str, value: &str| {
        let mut parts = sdist_parts();
        parts[0] = extension(b'g', &[record("comment", "x"), record(key, value)].concat());
        gzipped(&[parts.concat(), end()].concat())
    };
    let broken = rejected("pax-record");
    let stacked = rejected("tar-stacked-extensions");
    vec![
        case("pax-newline-within-a-value.tar.gz", finding("unsourced-member"), {
            // Readers that split at newlines see a second record, and with it another name.
            pax(&record("comment", "a\n26 path=demo-1.0/other.py"))
        }),
        case("pax-newline-hides-a-path.tar.gz", rejected("name-unsafe"), {
            pax(&[record("comment", "a\n"), record("path", "../evil.py")].concat())
        }),
        case("pax-length-too-long.tar.gz", broken, pax(b"99 path=demo-1.0/other.py\n")),
        case("pax-length-too-short.tar.gz", broken, pax(b"9 path=demo-1.0/other.py\n")),
        case("pax-length-with-a-leading-zero.tar.gz", broken, pax(b"028 path=demo-1.0/other.py\n")),
        case("pax-length-of-zero.tar.gz", broken, pax(b"0 path=x\n")),
        case("pax-length-that-overflows.tar.gz", broken, pax(b"18446744073709551617 path=x\n")),
        case("pax-record-without-equals.tar.gz", broken, pax(b"8 path.\n")),
        case("pax-record-without-a-key.tar.gz", broken, pax(b"5 =x\n")),
        case("pax-body-of-nul.tar.gz", broken, pax(&[0; 40])),
        case("pax-key-twice.tar.gz", rejected("pax-duplicate"), {
            pax(&[record("path", "demo-1.0/a.py"), record("path", "demo-1.0/b.py")].concat())
        }),
        case("pax-path-empty.tar.gz", rejected("pax-value"), pax(&record("path", ""))),
        case("pax-path-with-a-nul.tar.gz", rejected("name-unsafe"), pax(&record("path", "demo-1.0/a\0b"))),
        case("pax-path-absolute.tar.gz", rejected("name-unsafe"), pax(&record("path", "/etc/passwd"))),
        case("pax-size-differs.tar.gz", rejected("tar-size"), pax(&record("size", "512"))),
        case("pax-size-negative.tar.gz", rejected("pax-value"), pax(&record("size", "-10"))),
        case("pax-size-that-overflows.tar.gz", rejected("pax-value"), pax(&record("size", "99999999999999999999"))),
        case("pax-time-that-is-none.tar.gz", rejected("pax-value"), pax(&record("mtime", "yesterday"))),
        case("pax-charset.tar.gz", rejected("pax-value"), pax(&record("hdrcharset", "EBCDIC"))),
        case("pax-unknown-key.tar.gz", finding("pax-unknown-key"), pax(&record("SCHILY.xattr.user.payload", "x"))),
        case("pax-link-path-of-a-hard-link.tar.gz", rejected("tar-hardlink-target"), {
            let link = special("demo-1.0/link.py", b'1', "demo-1.0/demo.py");
            sdist_with(&[extension(b'x', &record("linkpath", "/etc/passwd")), link].concat())
        }),
        case("pax-global-path.tar.gz", rejected("pax-global"), global("path", "demo-1.0/evil.py")),
        case("pax-global-size.tar.gz", rejected("pax-global"), global("size", "0")),
        case("pax-global-link-path.tar.gz", rejected("pax-global"), global("linkpath", "/etc/passwd")),
        case("pax-global-owner.tar.gz", finding("pax-global-key"), global("uname", "root")),
        case("pax-global-unknown-key.tar.gz", finding("pax-unknown-key"), global("x.payload", "x")),
        case("pax-global-in-the-midst.tar.gz", finding("pax-global-position"), {
            sdist_with(&extension(b'g', &record("comment", "late")))
        }),
        case("pax-global-comment-changed.tar.gz", finding("container-field"), {
            // Of the same length, so that nothing else moves: the archive claims to be of another commit.
            let mut parts = sdist_parts();
            parts[0] = extension(b'g', &record("comment", &"fedcba9876543210fedc".repeat(2)));
            gzipped(&[parts.concat(), end()].concat())
        }),
        case("pax-header-twice.tar.gz", stacked, {
            let headers = ["demo-1.0/a.py", "demo-1.0/b.py"].map(|path| extension(b'x', &record("path", path)));
            sdist_with(&[headers.concat(), evil.clone()].concat())
        }),
        case("pax-header-and-gnu-name.tar.gz", stacked, {
            let both = [extension(b'L', b"demo-1.0/a.py\0"), extension(b'x', &record("path", "demo-1.0/b.py"))];
            sdist_with(&[both.concat(), evil.clone()].concat())
        }),
        case("pax-header-without-a-magic.tar.gz", rejected("tar-extension-dialect"), {
            let body = record("path", "demo-1.0/a.py");
            let mut header = Header::new("PaxHeaders/0", b'x', body.len());
            header.magic = &[0; 8];
            sdist_with(&[entry(&header, &body), evil.clone()].concat())
        }),
        case("pax-header-without-a-member.tar.gz", rejected("tar-dangling-extension"), {
            sdist_with(&extension(b'x', &record("path", "demo-1.0/a.py")))
        }),
        case("pax-header-with-padding.tar.gz", rejected("tar-extension-padding"), {
            let mut header = extension(b'x', &record("path", "demo-1.0/a.py"));
            header[600..620].copy_from_slice(b"20 path=demo-1.0/b.p");
            sdist_with(&[header, evil.clone()].concat())
        }),
        case("gnu-long-name-twice.tar.gz", stacked, {
            let names = [extension(b'L', b"demo-1.0/a.py\0"), extension(b'L', b"demo-1.0/b.py\0")];
            sdist_with(&[names.concat(), evil.clone()].concat())
        }),
        case("gnu-long-name-unsafe.tar.gz", rejected("name-unsafe"), before(b'L', b"../../evil.py\0")),
        case("gnu-long-name-with-a-tail.tar.gz", finding("tar-field-tail"), before(b'L', b"demo-1.0/a.py\0hidden\0")),
        case("gnu-long-name-with-padding.tar.gz", rejected("tar-extension-padding"), {
            let mut name = extension(b'L', b"demo-1.0/a.py\0");
            name[700] = b'x';
            sdist_with(&[name, evil.clone()].concat())
        }),
        case("gnu-long-name-without-a-member.tar.gz", rejected("tar-dangling-extension"), {
            sdist_with(&extension(b'L', b"demo-1.0/a.py\0"))
        }),
        case("gnu-long-name-empty.tar.gz", rejected("name-unsafe"), before(b'L', b"\0")),
        case("gnu-long-name-of-8-kb.tar.gz", Expected::Limit, before(b'L', &padded(&[b'a'; 8192]))),
        case(
            "gnu-long-name-of-a-directory-for-a-file.tar.gz",
            rejected("tar-kind"),
            before(b'L', b"demo-1.0/folder/\0"),
        ),
        case("gnu-long-link-to-an-absolute-file.tar.gz", rejected("tar-hardlink-target"), {
            let link = special("demo-1.0/link.py", b'1', "demo-1.0/demo.py");
            sdist_with(&[extension(b'K', b"/etc/passwd\0"), link].concat())
        }),
    ]
}
