//! The honest project: a wheel and an sdist with one of everything that an attack may change.

use sha2::{Digest as _, Sha256};

use crate::raw::zip::{Entry, Zip};
use crate::raw::{gzip::Gzip, tar};

pub(crate) const INIT: &str = "demo/__init__.py";
pub(crate) const CORE: &str = "demo/core.py";
pub(crate) const SCRIPT: &str = "demo-1.0.data/scripts/demo";
pub(crate) const METADATA: &str = "demo-1.0.dist-info/METADATA";
pub(crate) const WHEEL: &str = "demo-1.0.dist-info/WHEEL";
pub(crate) const ENTRY_POINTS: &str = "demo-1.0.dist-info/entry_points.txt";
pub(crate) const RECORD: &str = "demo-1.0.dist-info/RECORD";

/// A wheel before it is written.
#[derive(Clone)]
pub(crate) struct Wheel {
    /// Name, content and mode bits, without `RECORD`.
    pub(crate) files: Vec<(String, Vec<u8>, u32)>,
}

impl Wheel {
    pub(crate) fn honest() -> Self {
        let core = "\"\"\"What demo does.\"\"\"\n\n\ndef answer(question):\n    return 42 if question else None\n\n\n"
            .repeat(3);
        let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: A demo\nLicense: MIT\n\
            Requires-Python: >=3.8\nRequires-Dist: six (>=1.16)\nRequires-Dist: attrs\n\nA demo of nothing.\n";
        let file = |name: &str, content: &str, mode: u32| (name.to_owned(), content.as_bytes().to_vec(), mode);
        Self {
            files: vec![
                file(INIT, "from demo.core import answer\n\n__all__ = [\"answer\"]\n", 0o644),
                file(CORE, &core, 0o644),
                file(SCRIPT, "#!python\nimport demo\n\nprint(demo.answer(True))\n", 0o755),
                file(METADATA, metadata, 0o644),
                file(WHEEL, "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n", 0o644),
                file(ENTRY_POINTS, "[console_scripts]\ndemo = demo.core:answer\n", 0o644),
            ],
        }
    }

    /// Adds a file.
    pub(crate) fn with(mut self, name: &str, content: &[u8]) -> Self {
        self.files.push((name.to_owned(), content.to_vec(), 0o644));
        self
    }

    /// Changes the text of a file.
    pub(crate) fn replaced(mut self, name: &str, old: &str, new: &str) -> Self {
        let file = self.files.iter_mut().find(|file| file.0 == name).expect("it is a file of the project");
        let text = std::str::from_utf8(&file.1).expect("the project is text");
        assert!(text.contains(old), "{name} has no {old}");
        file.1 = text.replace(old, new).into_bytes();
        self
    }

    /// Removes a file.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.files.retain(|file| file.0 != name);
        self
    }

    /// The true row of each file.
    pub(crate) fn rows(&self) -> Vec<String> {
        let row = |(name, content, _): &(String, Vec<u8>, u32)| {
            format!("{name},sha256={},{}\n", url_safe_base64(&Sha256::digest(content)), content.len())
        };
        self.files.iter().map(row).chain([format!("{RECORD},,\n")]).collect()
    }

    /// With a true `RECORD` at the end.
    pub(crate) fn zip(&self) -> Zip {
        self.with_record(&self.rows().concat())
    }

    /// With a true `RECORD`, all names declared as UTF-8, and written.
    pub(crate) fn zip_utf8(&self) -> Vec<u8> {
        let mut zip = self.zip();
        zip.entries = zip.entries.into_iter().map(|entry| entry.both(|header| header.flags |= 1 << 11)).collect();
        zip.write()
    }

    /// With this `RECORD`.
    pub(crate) fn with_record(&self, record: &str) -> Zip {
        let mut zip = self.without_record();
        zip.entries.push(Entry::new(RECORD, record.as_bytes()));
        zip
    }

    /// Without one.
    pub(crate) fn without_record(&self) -> Zip {
        let entry =
            |(name, content, mode): &(String, Vec<u8>, u32)| Entry::new(name.as_str(), content).mode(0o100_000 | mode);
        Zip { entries: self.files.iter().map(entry).collect(), ..Zip::default() }
    }
}

/// The honest wheel, to compare wheels with.
#[must_use]
pub fn honest_wheel() -> Vec<u8> {
    Wheel::honest().zip().write()
}

/// The honest wheel's zip with one thing changed.
pub(crate) fn wheel(edit: impl FnOnce(&mut Zip)) -> Vec<u8> {
    let mut zip = Wheel::honest().zip();
    edit(&mut zip);
    zip.write()
}

/// The honest sdist's members, each with its headers; as in an archive made by git, a commit stands in front.
pub(crate) fn sdist_parts() -> Vec<Vec<u8>> {
    const SCRIPT_TEXT: &[u8] = b"#!/bin/sh\nexec python setup.py \"$@\"\n";
    let setup = "from setuptools import setup\n\nsetup(name=\"demo\", version=\"1.0\", py_modules=[\"demo\"])\n";
    let mut script = tar::Header::new("demo-1.0/run.sh", b'0', SCRIPT_TEXT.len());
    script.mode = 0o755;
    vec![
        tar::extension(b'g', &tar::record("comment", &"0123456789abcdef0123".repeat(2))),
        tar::directory("demo-1.0/"),
        tar::file("demo-1.0/PKG-INFO", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        tar::file("demo-1.0/setup.py", setup.as_bytes()),
        tar::file("demo-1.0/demo.py", b"VALUE = 42\n"),
        tar::entry(&script, SCRIPT_TEXT),
        tar::extension(b'x', &tar::record("path", &format!("demo-1.0/{}/long.py", "folder".repeat(20)))),
        tar::file("demo-1.0/long.py", b"LONG = True\n"),
    ]
}

/// The honest sdist's tar.
pub(crate) fn sdist_tar() -> Vec<u8> {
    [sdist_parts().concat(), tar::end()].concat()
}

/// The honest sdist, to compare sdists with.
#[must_use]
pub fn honest_sdist() -> Vec<u8> {
    gzipped(&sdist_tar())
}

/// The honest sdist with more behind its last member.
pub(crate) fn sdist_with(more: &[u8]) -> Vec<u8> {
    gzipped(&[sdist_parts().concat(), more.to_vec(), tar::end()].concat())
}

/// A tar in gzip as an honest tool writes it.
pub(crate) fn gzipped(tar: &[u8]) -> Vec<u8> {
    Gzip::of(tar).write()
}

/// RFC 4648 section 5, without padding.
fn url_safe_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_usize, |word, (i, byte)| word | usize::from(*byte) << (16 - 8 * i));
        (0..=chunk.len()).for_each(|i| text.push(char::from(ALPHABET[word >> (18 - 6 * i) & 63])));
    }
    text
}
