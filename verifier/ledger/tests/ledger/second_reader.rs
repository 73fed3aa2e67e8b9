//! A reader that shares no code with this one agrees: `tests/second_reader.py`, in Python's standard library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use twinbuild_ledger::{Kind, View};
use twinbuild_signature::{Sign as _, VerifierKey};
use twinbuild_subject::Sha256;

use crate::world::{ORIGIN, World, files_below, name};

/// 629 entries of 6 publications, on 611 files, and what it takes to check it.
struct Published {
    world: World,
    vkey: String,
    verdict_key: PathBuf,
}

impl Published {
    fn new() -> Self {
        let world = World::new();
        let about = |from: u32, to: u32, text: &str| -> Vec<_> {
            (from..to).map(|number| world.signed(Kind::Verdict, &format!("file {number}"), text)).collect()
        };
        world.publish(&about(0, 10, "fine"));
        world.publish(&about(10, 300, "fine"));
        world.publish(&[
            world.signed(Kind::Retracted, "file 5", "a mistake"),
            world.signed(Kind::Summary, "file 6", "in short"),
        ]);
        world.publish(&about(290, 310, "not fine"));
        world.publish(&about(310, 610, "fine"));
        let (statement, installed) = world.of_wheel();
        assert_eq!(statement.logged.installed, Some(installed));
        world.publish(&[statement]);
        let verdict_key = world.temporary.path().join("verdict.pub");
        fs::write(&verdict_key, world.verdict.public_key().to_pem().unwrap()).unwrap();
        let vkey = VerifierKey::new(name(ORIGIN), world.log.public_key()).unwrap().to_string();
        Self { world, vkey, verdict_key }
    }

    fn read(&self, arguments: &[&Path]) -> Output {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/second_reader.py");
        let mut command = Command::new("python3");
        command.arg("-B").arg(program).arg(self.world.path()).arg(&self.vkey).args(arguments);
        command.output().expect("this test runs the program `python3`")
    }

    #[track_caller]
    fn refused(&self, arguments: &[&Path], expected: &str) {
        let output = self.read(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{expected}: {said}");
        assert!(said.starts_with("second_reader: ") && said.contains(expected), "{expected}: {said}");
    }

    /// A bit of a file the other way round, in its first byte, in the middle, and in the last; each is to be refused, by a message that has
    /// `expected`.
    #[track_caller]
    fn each_bit_counts(&self, path: &Path, arguments: &[&Path], expected: &str) {
        let honest = fs::read(path).unwrap();
        for part in 0..3 {
            let mut altered = honest.clone();
            altered[(honest.len() - 1) * part / 2] ^= 1 << part;
            fs::write(path, altered).unwrap();
            self.refused(arguments, expected);
        }
        fs::write(path, honest).unwrap();
    }
}

#[test]
fn a_second_reader_agrees_and_sees_each_altered_bit() {
    let published = Published::new();
    let Published { world, verdict_key, .. } = &published;
    let folder = world.temporary.path();
    let keys = world.keys();
    let ledger = world.folder();
    let mut view = View::open(&ledger, &keys, None).unwrap();
    let digest = Sha256::of(b"file 295");
    let found = view.find(&digest).unwrap();
    let proof = view.prove(&digest, found.as_ref()).unwrap();
    let statement = proof.statement.unwrap();
    let files = [("entry", statement.entry), ("entry.tlog-proof", statement.proof.into_bytes())];
    let [entry, entry_proof] = files.map(|(name, content)| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    });
    let proven = [Path::new("--proof"), &entry, &entry_proof];

    let honest = published.read(&[&proven[..], &[Path::new("--verdict-key"), verdict_key]].concat());
    let said = String::from_utf8_lossy(&[honest.stdout, honest.stderr].concat()).into_owned();
    assert_eq!(said, "629 entries, 611 subjects, 0 files that nothing leads to\n");

    for name in [
        "checkpoint",
        // Full, partial, and of an earlier checkpoint.
        "tile/entries/000",
        "tile/entries/002.p/117",
        "tile/entries/000.p/11",
        "tile/0/001",
        "tile/0/002.p/117",
        "tile/0/001.p/49",
        "tile/1/000.p/2",
        "tile/1/000.p/1",
    ] {
        // Of entries it is the root that tells, which does not tell which.
        let named = if name == "tile/entries/000" || name.ends_with("entries/002.p/117") { "entries" } else { name };
        published.each_bit_counts(&world.file(name), &[], named);
    }
    // Of a part its last byte is of a page or of the place of one, and its first of a length.
    let parts = files_below(&world.file("index"));
    assert!(parts.len() >= 6, "{parts:?}");
    for part in &parts {
        published.each_bit_counts(part, &[], "index/");
    }
    let with_key = [Path::new("--verdict-key"), verdict_key];
    let envelope = world.envelope_of("file 0", "fine");
    published.each_bit_counts(&envelope, &with_key, ".dsse.json");
    let bundle = PathBuf::from(envelope.to_str().unwrap().replace(".dsse.json", ".sigstore.json"));
    published.each_bit_counts(&bundle, &with_key, ".sigstore.json");
    published.each_bit_counts(&entry, &proven, "entry.tlog-proof");
    published.each_bit_counts(&entry_proof, &proven, "entry.tlog-proof");

    for name in ["tile/0/000", "tile/1/000.p/2", "index/0/628-0", "index/0/626-1"] {
        let aside = folder.join("aside");
        fs::rename(world.file(name), &aside).unwrap();
        published.refused(&[], name);
        fs::rename(&aside, world.file(name)).unwrap();
    }
    // What a cut off publication leaves does not count, and partial tiles need not stay.
    fs::write(world.file("tile/0/002.p/118"), b"left").unwrap();
    fs::write(world.file(".unfinished"), b"left").unwrap();
    fs::remove_file(world.file("tile/0/000.p/11")).unwrap();
    let output = published.read(&[]);
    assert!(String::from_utf8_lossy(&output.stdout).contains(", 1 files that nothing leads to"), "{output:?}");
}
