//! Wheels whose container is in order, and whose contents are not what the source gives.

use crate::project::{CORE, ENTRY_POINTS, INIT, METADATA, RECORD, WHEEL, Wheel};
use crate::raw::deflate::{repeated, repetition};
use crate::raw::zip::Entry;
use crate::{Case, case, finding};

/// `RECORD`, `.pth` files, entry points, metadata, code.
pub(crate) fn wheels() -> Vec<Case> {
    let honest = Wheel::honest();
    let rows = honest.rows();
    let record = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut rows = rows.clone();
        edit(&mut rows);
        honest.with_record(&rows.concat()).write()
    };
    let changed = |name: &str, old: &str, new: &str| Wheel::honest().replaced(name, old, new).zip().write();
    let added = |name: &str, content: &[u8]| Wheel::honest().with(name, content).zip().write();
    let mismatch = finding("record-mismatch");
    let dependencies = finding("dependencies-changed");
    vec![
        case(
            "record-with-a-wrong-hash.whl",
            mismatch,
            record(&|rows| rows[1] = rows[1].replacen("sha256=", "sha256=A", 1)),
        ),
        case("record-with-the-hash-of-another-file.whl", mismatch, {
            record(&|rows| rows[1] = rows[0].replace(INIT, CORE))
        }),
        case("record-with-a-wrong-size.whl", mismatch, record(&|rows| rows[1] = rows[1].replace('\n', "0\n"))),
        case("record-with-a-size-of-another-spelling.whl", mismatch, {
            record(&|rows| {
                let (rest, size) = rows[1].rsplit_once(',').expect("a row has a size");
                rows[1] = format!("{rest},+{size}");
            })
        }),
        case("record-with-a-weak-hash.whl", mismatch, {
            record(&|rows| rows[1] = format!("{CORE},md5=1B2M2Y8AsgTpgAmY7PhCfg,279\n"))
        }),
        case("record-without-hash-and-size.whl", mismatch, record(&|rows| rows[1] = format!("{CORE},,\n"))),
        case("record-with-a-missing-row.whl", mismatch, record(&|rows| drop(rows.remove(1)))),
        case("record-with-an-extra-row.whl", mismatch, record(&|rows| rows.insert(1, "demo/gone.py,,\n".to_owned()))),
        case("record-with-a-row-outside-the-tree.whl", mismatch, {
            record(&|rows| rows.insert(1, "../../../bin/sh,,\n".to_owned()))
        }),
        case("record-with-a-duplicate-row.whl", mismatch, record(&|rows| rows.push(rows[1].clone()))),
        case("record-with-a-row-of-four-fields.whl", mismatch, {
            record(&|rows| rows[1] = rows[1].replace('\n', ",more\n"))
        }),
        case("record-with-an-open-quote.whl", mismatch, record(&|rows| rows[1] = format!("\"{}", rows[1]))),
        case("record-that-is-no-text.whl", mismatch, {
            let mut zip = honest.without_record();
            zip.entries.push(Entry::new(RECORD, &[0, 0xff, 0xfe, b'"', 0, b'\n'].repeat(30)));
            zip.write()
        }),
        case("record-empty.whl", mismatch, record(&Vec::clear)),
        case("record-with-crlf.whl", finding("record-changed"), {
            record(&|rows| rows.iter_mut().for_each(|row| *row = row.replace('\n', "\r\n")))
        }),
        case("record-with-quoted-fields.whl", finding("record-changed"), {
            record(&|rows| rows[1] = rows[1].replace(CORE, &format!("\"{CORE}\"")))
        }),
        case("record-with-blank-lines.whl", finding("record-changed"), record(&|rows| rows[1].push_str("\n\n"))),
        case("record-without-its-last-newline.whl", finding("record-changed"), {
            let text = rows.concat();
            honest.with_record(text.trim_end()).write()
        }),
        case("record-missing.whl", finding("record-missing"), honest.without_record().write()),
        case("record-in-two-folders.whl", finding("record-missing"), {
            added("evil-1.0.dist-info/RECORD", b"demo/core.py,,\n")
        }),
        case("record-does-not-list-an-added-file.whl", mismatch, {
            let mut zip = honest.zip();
            zip.entries.push(Entry::new("demo/evil.py", b"import os\n"));
            zip.write()
        }),
        case("path-file-added.whl", finding("path-file-added"), added("demo.pth", b"import os; os.system('id')\n")),
        case("path-file-in-other-case-added.whl", finding("path-file-added"), added("demo.PTH", b"import os\n")),
        case("path-file-added-through-data.whl", finding("path-file-added"), {
            added("demo-1.0.data/purelib/demo.pth", b"import os\n")
        }),
        case("path-file-in-metadata-folder.whl", finding("path-file-added"), {
            added("demo-1.0.dist-info/demo.pth", b"import os\n")
        }),
        case("module-added.whl", finding("unsourced-member"), added("demo/evil.py", b"import os\n")),
        case("module-shadows-the-standard-library.whl", finding("unsourced-member"), added("json.py", b"import os\n")),
        case("module-site-customization-added.whl", finding("path-file-added"), {
            added("sitecustomize.py", b"import os\n")
        }),
        case("bytecode-added.whl", finding("unsourced-member"), {
            added("demo/__pycache__/core.cpython-311.pyc", b"\xa7\x0d\x0d\x0a\0\0\0\0\0\0\0\0\0\0\0\0\xe3")
        }),
        case("bytecode-beside-its-source-added.whl", finding("unsourced-member"), {
            added("demo/core.pyc", b"\xa7\x0d\x0d\x0a\0\0\0\0\0\0\0\0\0\0\0\0\xe3")
        }),
        case(
            "native-library-added.whl",
            finding("unsourced-member"),
            added("demo/core.abi3.so", b"\x7fELF\x02\x01\x01\0"),
        ),
        case("script-added.whl", finding("unsourced-member"), added("demo-1.0.data/scripts/pip", b"#!python\n")),
        case("header-added-through-data.whl", finding("unsourced-member"), {
            added("demo-1.0.data/headers/evil.h", b"#define malloc evil\n")
        }),
        case("code-changed-by-one-byte.whl", finding("content-changed"), changed(CORE, "42", "43")),
        case("code-with-crlf.whl", finding("content-changed"), changed(CORE, "\n", "\r\n")),
        case("code-with-a-byte-order-mark.whl", finding("content-changed"), changed(INIT, "from", "\u{feff}from")),
        case("code-removed.whl", finding("not-published"), Wheel::honest().without(CORE).zip().write()),
        case("script-interpreter-changed.whl", finding("content-changed"), {
            changed("demo-1.0.data/scripts/demo", "#!python", "#!/tmp/python")
        }),
        case("entry-points-changed.whl", finding("entry-points-changed"), {
            changed(ENTRY_POINTS, "demo.core:answer", "os:system")
        }),
        case("entry-points-added.whl", finding("entry-points-changed"), {
            changed(ENTRY_POINTS, "answer\n", "answer\n[pytest11]\nevil = demo.core\n")
        }),
        case("entry-points-removed.whl", finding("not-published"), Wheel::honest().without(ENTRY_POINTS).zip().write()),
        case("requires-dist-changed.whl", dependencies, changed(METADATA, "attrs", "atttrs")),
        case("requires-dist-added.whl", dependencies, changed(METADATA, "attrs\n", "attrs\nRequires-Dist: evil\n")),
        case("requires-dist-removed.whl", dependencies, changed(METADATA, "Requires-Dist: attrs\n", "")),
        case("requires-dist-marker-changed.whl", dependencies, {
            changed(METADATA, "attrs\n", "attrs ; python_version < '3'\n")
        }),
        case("requires-dist-in-other-case-added.whl", dependencies, {
            changed(METADATA, "attrs\n", "attrs\nREQUIRES-dist: evil\n")
        }),
        case("requires-dist-pushed-into-the-description.whl", dependencies, {
            changed(METADATA, "Requires-Dist: attrs\n", "\nRequires-Dist: attrs\n")
        }),
        case(
            "requires-dist-continued-on-another-line.whl",
            dependencies,
            changed(METADATA, "attrs\n", "attrs\n  , evil\n"),
        ),
        case("requires-dist-after-a-lone-carriage-return.whl", dependencies, {
            // Python's email parser ends a line at a lone CR; others do not.
            changed(METADATA, "License: MIT\n", "License: MIT\rRequires-Dist: evil\n")
        }),
        case("requires-python-changed.whl", dependencies, changed(METADATA, ">=3.8", ">=2.7")),
        case("provides-extra-added.whl", dependencies, changed(METADATA, "attrs\n", "attrs\nProvides-Extra: all\n")),
        case("metadata-name-changed.whl", dependencies, changed(METADATA, "Name: demo", "Name: demos")),
        case("metadata-version-changed.whl", dependencies, changed(METADATA, "\nVersion: 1.0", "\nVersion: 1.1")),
        case("metadata-line-that-is-no-field.whl", dependencies, changed(METADATA, "License: MIT", "License MIT")),
        case("metadata-summary-changed.whl", finding("metadata-changed"), changed(METADATA, "A demo\n", "The demo\n")),
        case("metadata-licence-changed.whl", finding("metadata-changed"), changed(METADATA, "MIT", "GPL")),
        case("metadata-description-changed.whl", finding("metadata-changed"), changed(METADATA, "nothing", "all")),
        case("metadata-missing.whl", finding("not-published"), Wheel::honest().without(METADATA).zip().write()),
        case("wheel-tag-changed.whl", finding("wheel-tags-changed"), changed(WHEEL, "py3-none-any", "py2-none-any")),
        case("wheel-tag-added.whl", finding("wheel-tags-changed"), changed(WHEEL, "any\n", "any\nTag: py2-none-any\n")),
        case("wheel-purelib-changed.whl", finding("wheel-tags-changed"), changed(WHEEL, "true", "false")),
        case("wheel-build-number-added.whl", finding("metadata-changed"), {
            changed(WHEEL, "Root-Is", "Build: 7\nRoot-Is")
        }),
        case("second-metadata-folder-added.whl", finding("unsourced-member"), {
            added("evil-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        }),
        case("record-of-four-million-rows.whl", finding("record-unverified"), {
            // 16 MiB is where the expansion ratio begins to count.
            huge(RECORD, b"a,b\n")
        }),
        case("metadata-of-four-million-fields.whl", dependencies, huge(METADATA, b"a:b\n")),
        case("entry-points-of-16-mib.whl", finding("entry-points-changed"), huge(ENTRY_POINTS, b"a=b\n")),
        case("metadata-of-30000-field-names.whl", finding("dependencies-changed"), {
            let fields: String = (0..30_000_u32).map(|number| format!("{:x}:\n", 0x10000 + number)).collect();
            changed(METADATA, "License: MIT\n", &format!("License: MIT\n{fields}"))
        }),
    ]
}

/// The honest wheel with four bytes repeated over 16 MiB in place of one of its files.
fn huge(name: &str, line: &[u8; 4]) -> Vec<u8> {
    let count = (16 << 20) / 258 - 1;
    let entry = Entry::compressed(name, &repeated(line, 4, count), 8, repetition(line, 4, count));
    let mut zip = Wheel::honest().zip();
    let place = zip
        .entries
        .iter_mut()
        .find(|other| other.central.as_ref().is_some_and(|central| central.name == name.as_bytes()));
    *place.expect("a file of the project") = entry;
    zip.write()
}
