//! From a rebuild to a published verdict, and to a consumer who checks a file against it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::repositories::serve_files;
use crate::support::{Said, folder, run, text, twinbuild};

const ORIGIN: &str = "verdicts.example/log";

/// A publisher and a consumer.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: folder() };
        for (role, name) in [("verdict", "v.key"), ("log", "l.key")] {
            let made = world.command(&["key", "generate", "--role", role, "--out", text(&world.at(name))]);
            assert_eq!(made.code, 0, "{made}");
        }
        let shown = world.command(&["key", "show", "--name", ORIGIN, text(&world.at("l.key.pub"))]);
        let log_key = shown.out.lines().last().unwrap();
        let verdict_key = fs::read_to_string(world.at("v.key.pub")).unwrap();
        let at = world.at("ledger");
        let policy = format!(
            "[[ledger]]\nat = \"{}\"\nlog-key = \"{log_key}\"\nverdict-keys = [\"\"\"{verdict_key}\"\"\"]\n",
            text(&at)
        );
        fs::write(world.at("policy.toml"), policy).unwrap();
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Said {
        self.command_of("state", arguments)
    }

    /// By somebody who has seen other things.
    fn command_of(&self, state: &str, arguments: &[&str]) -> Said {
        let mut command = twinbuild();
        command.env("TWINBUILD_KEY_PASSPHRASE", "a passphrase").env("XDG_STATE_HOME", self.at(state));
        run(command.args(arguments))
    }

    /// Rebuilds a subject, and keeps all of it.
    fn rebuilt(&self, subject: &str, more: &[&str], name: &str) -> PathBuf {
        let kept = self.at(name);
        let said = self.command(&[&["rebuild", subject, "--trials", "0", "--keep", text(&kept)], more].concat());
        assert!([0, 1].contains(&said.code), "{said}");
        kept
    }

    fn publish(&self, kept: &Path, more: &[&str]) -> Said {
        self.publish_as("state", kept, more)
    }

    fn publish_as(&self, state: &str, kept: &Path, more: &[&str]) -> Said {
        self.publish_all(state, &[more, &[text(&kept.join("verdict.json"))]].concat())
    }

    fn publish_all(&self, state: &str, more: &[&str]) -> Said {
        let (ledger, key, log_key) = (self.at("ledger"), self.at("v.key"), self.at("l.key"));
        let own = ["publish", "--ledger", text(&ledger), "--key", text(&key), "--log-key", text(&log_key)];
        let ids = ["--verifier-id", "https://verdicts.example/", "--builder-id", "https://verdicts.example/builder"];
        self.command_of(state, &[own.as_slice(), &["--origin", ORIGIN], &ids, more].concat())
    }

    fn retract(&self, digest: &str, more: &[&str]) -> Said {
        let (ledger, key, log_key) = (self.at("ledger"), self.at("v.key"), self.at("l.key"));
        let own = ["retract", "--ledger", text(&ledger), "--key", text(&key), "--log-key", text(&log_key)];
        self.command(&[own.as_slice(), &["--origin", ORIGIN, "--reason", "a mistake"], more, &[digest]].concat())
    }

    fn verify(&self, file: &Path, more: &[&str]) -> Said {
        let policy = self.at("policy.toml");
        self.command(&[&["verify", text(file), "--policy", text(&policy)], more].concat())
    }
}

fn copy_folder(from: &Path, into: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(into).status().unwrap();
    assert!(copied.success());
}

/// The one file in a folder.
fn only(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// A wheel with one file more than its source, which is a folder's only sdist.
fn planted(world: &World, honest: &Path) -> PathBuf {
    let planted = world.at("planted").join(honest.file_name().unwrap());
    fs::create_dir_all(planted.parent().unwrap()).unwrap();
    let script = "import sys, zipfile\nold = zipfile.ZipFile(sys.argv[1])\nnew = zipfile.ZipFile(sys.argv[2], 'w')\n\
                  [new.writestr(i, old.read(i)) for i in old.infolist()]\nnew.writestr('planted.py', 'import os\\n')\nnew.close()\n";
    let made = std::process::Command::new("python3").args(["-c", script]).arg(honest).arg(&planted).status().unwrap();
    assert!(made.success());
    planted
}

#[test]
fn what_was_reproduced_is_trusted_from_a_plain_web_server_and_offline() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    let published = world.publish(&kept, &[]);
    assert_eq!(published.code, 0, "{published}");
    let kinds: Vec<&str> = published.out.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    assert_eq!(kinds, ["verdict (reproduced)", "summary (reproduced)", "provenance (reproduced)"]);
    let wheel = only(&kept.join("published"));
    let said = world.verify(&wheel, &[]);
    assert!(said.code == 0 && said.out.starts_with("trusted  ") && said.out.contains("same-upload"), "{said}");
    // From a server that knows nothing of ledgers, and from a file without any.
    let address = serve_files(&world.at("ledger"));
    let proof = world.at("six.proof");
    let said = world.verify(&wheel, &["--ledger", &address, "--save-bundle", text(&proof)]);
    assert_eq!(said.code, 0, "{said}");
    let away = world.at("away");
    fs::rename(world.at("ledger"), &away).unwrap();
    assert_eq!(world.verify(&wheel, &["--bundle", text(&proof)]).code, 0);
    let said = world.verify(&wheel, &[]);
    assert!(said.code == 1 && said.out.contains("no checkpoint"), "{said}");
    fs::rename(&away, world.at("ledger")).unwrap();
    // Of what was not published nothing is known, which is no.
    let said = world.verify(&world.at("v.key.pub"), &[]);
    assert!(said.code == 2 && said.out.starts_with("not known  "), "{said}");
    let said = world.verify(&only(&kept.join("source")), &["--bundle", text(&proof)]);
    assert_eq!(said.code, 1, "{said}");
    // By a lock file.
    let digest = twinbuild_sha256(&wheel);
    let lock = world.at("requirements.txt");
    fs::write(&lock, format!("six==1.16.0 --hash=sha256:{digest}\n")).unwrap();
    let policy = world.at("policy.toml");
    let said = world.command(&["verify", "--requirements", text(&lock), "--policy", text(&policy)]);
    assert!(said.code == 0 && said.out.starts_with("trusted  six 1.16.0"), "{said}");
    fs::write(&lock, format!("six==1.16.0 --hash=sha256:{digest}\nother==1.0 --hash=sha256:{}\n", "0".repeat(64)))
        .unwrap();
    let said = world.command(&["verify", "--requirements", text(&lock), "--policy", text(&policy)]);
    assert_eq!(said.code, 2, "{said}");
    // A file of the package that nobody knows may be the one that is installed.
    fs::write(&lock, format!("six==1.16.0 --hash=sha256:{digest} --hash=sha256:{}\n", "0".repeat(64))).unwrap();
    let said = world.command(&["verify", "--requirements", text(&lock), "--policy", text(&policy)]);
    assert!(said.code == 2 && said.out.starts_with("not known  six 1.16.0"), "{said}");
    fs::write(&lock, "six\n").unwrap();
    let said = world.command(&["verify", "--requirements", text(&lock), "--policy", text(&policy)]);
    assert!(said.code == 64 && said.err.contains("not all of it is pinned"), "{said}");
    // Neither is one that names nothing, and what comes from a repository nobody has judged.
    let uv = world.at("uv.lock");
    fs::write(&uv, "version = 1\n").unwrap();
    let said = world.command(&["verify", "--requirements", text(&uv), "--policy", text(&policy)]);
    assert_eq!(said.code, 64, "{said}");
    let git =
        "[[package]]\nname = \"six\"\nversion = \"1.16.0\"\nsource = { git = \"https://git.example/six#COMMIT\" }\n";
    let git = git.replace("COMMIT", &"0123456789".repeat(4));
    fs::write(&uv, format!("version = 1\n{git}")).unwrap();
    let said = world.command(&["verify", "--requirements", text(&uv), "--policy", text(&policy)]);
    assert!(said.code == 2 && said.out.starts_with("not known  six"), "{said}");
    // The pages say so, too.
    let front = fs::read_to_string(world.at("ledger/index.html")).unwrap();
    assert!(front.contains("six"), "{front}");
    let audit = world.command(&["audit", "--policy", text(&policy)]);
    assert!(audit.code == 0 && audit.out.contains("about 1 files"), "{audit}");
    // A policy that demands more.
    let strict = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, format!("trust = [\"repository\"]\n{strict}")).unwrap();
    let said = world.verify(&wheel, &[]);
    assert!(said.code == 1 && said.out.contains("not enough"), "{said}");
    fs::write(&policy, format!("levle = \"repacked\"\n{strict}")).unwrap();
    let said = world.verify(&wheel, &[]);
    assert!(said.code == 64 && said.err.contains("levle"), "{said}");
    fs::write(&policy, strict).unwrap();
    // Nothing new, and still kept.
    let said = world.publish_all("state", &["--refresh"]);
    assert!(said.code == 0 && said.out.is_empty(), "{said}");
    assert_eq!(world.verify(&wheel, &[]).code, 0);
    // What is taken back is not trusted any more, and not put back by mistake. What was disputed before is the same verdict still.
    for (more, says) in [(&["--dispute"][..], "disputed: a mistake"), (&[], "retracted: a mistake")] {
        let said = world.retract(&digest, more);
        assert_eq!(said.code, 0, "{said}");
        let said = world.verify(&wheel, &[]);
        assert!(said.code == 1 && said.out.contains(says), "{says}: {said}");
        let said = world.publish(&kept, &[]);
        assert!(said.code == 64 && said.err.contains("--supersede"), "{said}");
    }
    // Neither is it trusted by a proof of before, for who has seen what came after.
    let said = world.verify(&wheel, &["--bundle", text(&proof)]);
    assert!(said.code == 1 && said.out.contains("asked again"), "{said}");
    let said = world.publish(&kept, &["--supersede"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(world.verify(&wheel, &[]).code, 0);
    // A publisher does not go on from an older copy, and a consumer who saw more refuses what another one made of it.
    fs::remove_dir_all(world.at("ledger")).unwrap();
    let said = world.publish(&kept, &[]);
    assert!(said.code == 64 && said.err.contains("cannot be continued"), "{said}");
    assert_eq!(world.publish_as("another state", &kept, &[]).code, 0);
    let said = world.verify(&wheel, &[]);
    assert!(said.code == 1 && said.out.contains("rolled back"), "{said}");
}

#[test]
fn a_witness_signs_what_only_grew() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    assert_eq!(world.publish(&kept, &[]).code, 0);
    let name = "witness.example/twinbuild";
    let made = world.command(&["key", "generate", "--role", "witness", "--out", text(&world.at("w.key"))]);
    assert_eq!(made.code, 0, "{made}");
    let shown = world.command(&["key", "show", "--name", name, text(&world.at("w.key.pub"))]);
    let witness_key = shown.out.lines().last().unwrap().to_owned();
    let policy = world.at("policy.toml");
    let sign = |key: &str, more: &[&str]| {
        let key = world.at(key);
        let own = ["witness", "sign", "--policy", text(&policy), "--key", text(&key), "--name", name];
        world.command_of("state of the witness", &[&own, more].concat())
    };
    let (ledger, line) = (world.at("ledger"), world.at("cosignature"));
    let add =
        || world.command(&["witness", "add", "--ledger", text(&ledger), "--witness-key", &witness_key, text(&line)]);
    // Who demands a witness is content once it signed.
    let demanding =
        fs::read_to_string(&policy).unwrap() + &format!("witness-keys = [\"{witness_key}\"]\nwitnesses = 1\n");
    let strict = world.at("strict.toml");
    fs::write(&strict, demanding).unwrap();
    let wheel = only(&kept.join("published"));
    let verify = || world.command(&["verify", text(&wheel), "--policy", text(&strict)]);
    let said = verify();
    assert!(said.code == 1 && said.out.contains("witness"), "{said}");
    assert_eq!(sign("v.key", &["--first"]).code, 64, "a verdict key is no witness");
    // Who knows of nothing before signs no history by mistake.
    let said = sign("w.key", &[]);
    assert!(said.code == 64 && said.err.contains("--first"), "{said}");
    let signed = sign("w.key", &["--first"]);
    assert!(signed.code == 0 && signed.out.contains(name), "{signed}");
    fs::write(&line, &signed.out).unwrap();
    for _ in 0..2 {
        let said = add();
        assert!(said.code == 0 && said.out.contains("is cosigned by"), "{said}");
    }
    let note = fs::read_to_string(ledger.join("checkpoint")).unwrap();
    assert_eq!(note.matches(name).count(), 1, "{note}");
    assert_eq!(verify().code, 0);
    // It is of one checkpoint, and nothing else is a cosignature.
    let digest = twinbuild_sha256(&wheel);
    assert_eq!(world.retract(&digest, &[]).code, 0);
    let said = add();
    assert!(said.code == 1 && said.err.contains("not of the checkpoint"), "{said}");
    fs::write(&line, "nothing\n").unwrap();
    assert_eq!(add().code, 64);
    // A log that was begun anew gets no signature of one who saw another.
    assert_eq!(sign("w.key", &[]).code, 0);
    fs::remove_dir_all(&ledger).unwrap();
    assert_eq!(world.publish_as("another state", &kept, &[]).code, 0);
    let said = sign("w.key", &[]);
    assert!(said.code == 1 && said.err.contains("rolled back"), "{said}");
}

#[test]
fn what_is_installed_is_known_by_its_files() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    assert_eq!(world.publish(&kept, &[]).code, 0);
    let environment = world.at("environment");
    let python = |arguments: &[&str]| {
        let program =
            if arguments.contains(&"venv") { PathBuf::from("python3") } else { environment.join("bin/python") };
        let said = std::process::Command::new(program).arg("-m").args(arguments).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    python(&["venv", text(&environment)]);
    python(&["pip", "install", "--no-index", "--no-deps", text(&only(&kept.join("published")))]);
    let policy = world.at("policy.toml");
    let verify = |format: &str| {
        let own = ["verify", "--format", format, "--policy", text(&policy), "--installed", text(&environment)];
        world.command(&own)
    };
    // Another wheel that leaves the same does not go in beside it: the last of the two would speak for both.
    let built = world.at("built").join("six-1.16.0-py2.py3-none-any.whl");
    fs::create_dir(built.parent().unwrap()).unwrap();
    let script = "import sys, zipfile\nold = zipfile.ZipFile(sys.argv[1])\nnew = zipfile.ZipFile(sys.argv[2], 'w')\n\
                  [new.writestr(i.filename, old.read(i)) for i in old.infolist()]\nnew.close()\n";
    let mut copy = std::process::Command::new("python3");
    copy.args(["-c", script]).arg(only(&kept.join("published"))).arg(&built);
    assert!(copy.status().unwrap().success());
    let sdist = only(&kept.join("source"));
    let other = world.rebuilt(text(&built), &["--source", text(&sdist), "--as-of", "2021-05-06T00:00:00Z"], "other");
    let said = world.publish(&kept, &["--allow-local", text(&other.join("verdict.json"))]);
    assert!(said.code == 64 && said.err.contains("one after the other"), "{said}");
    // What came with the environment is not in the ledger, and is named so.
    let said = verify("text");
    assert!(said.code == 2 && said.out.contains("not known  pip "), "{said}");
    assert!(said.out.lines().any(|line| line.starts_with("trusted  six 1.16.0: reproduced")), "{said}");
    python(&["pip", "uninstall", "--yes", "setuptools", "pip"]);
    let said = verify("text");
    assert!(said.code == 0 && said.out.lines().count() == 1, "{said}");

    let folder = only(&environment.join("lib")).join("site-packages");
    let (module, record) = (folder.join("six.py"), folder.join("six-1.16.0.dist-info/RECORD"));
    let [honest, listed] = [&module, &record].map(|path| fs::read_to_string(path).unwrap());
    let altered = format!("{honest}\nimport os\n");
    fs::write(&module, &altered).unwrap();
    let said = verify("text");
    assert!(said.code == 1 && said.out.starts_with("refused  six 1.16.0") && said.out.contains("six.py"), "{said}");
    let said = verify("github");
    assert!(
        said.code == 1 && said.out.starts_with("::error file=") && said.out.contains("title=six 1.16.0 is refused::"),
        "{said}"
    );
    // Whoever changes the list along with the file has another wheel, of which nobody knows.
    let digest = |text: &str| {
        use sha2::Digest as _;
        let script =
            "import base64,sys;print(base64.urlsafe_b64encode(bytes.fromhex(sys.argv[1])).decode().rstrip('='))";
        let hex: String = sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let said = std::process::Command::new("python3").args(["-c", script, &hex]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let row = |text: &str| format!("six.py,sha256={},{}", digest(text), text.len());
    assert!(listed.contains(&row(&honest)), "{listed}");
    fs::write(&record, listed.replace(&row(&honest), &row(&altered))).unwrap();
    let said = verify("text");
    assert!(said.code == 2 && said.out.starts_with("not known  six 1.16.0"), "{said}");
    fs::write(&module, &honest).unwrap();
    fs::write(&record, &listed).unwrap();
    // What nothing has brought.
    fs::write(folder.join("evil.pth"), "import os\n").unwrap();
    let said = verify("text");
    assert!(said.code == 2 && said.out.contains("not known  evil.pth: a file there that no RECORD names"), "{said}");
    let said = verify("sarif");
    let log: Value = serde_json::from_str(&said.out).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        (said.code, result["ruleId"].as_str(), result["level"].as_str()),
        (2, Some("not-known"), Some("warning")),
        "{said}"
    );
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(1));
    fs::remove_file(folder.join("evil.pth")).unwrap();
    assert_eq!(verify("json").code, 0);
    // A package that Python takes before the module of that name, and a link to one elsewhere.
    fs::create_dir(folder.join("six")).unwrap();
    fs::write(folder.join("six/__init__.py"), "import os\n").unwrap();
    std::os::unix::fs::symlink(world.at("six"), folder.join("link")).unwrap();
    let said = verify("text");
    assert!(
        said.code == 2 && said.out.contains("not known  six: a file") && said.out.contains("not known  link:"),
        "{said}"
    );
    fs::remove_dir_all(folder.join("six")).unwrap();
    fs::remove_file(folder.join("link")).unwrap();
    // An environment that is not the whole of what its programs import.
    let settings = environment.join("pyvenv.cfg");
    let own = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, own.replace("include-system-site-packages = false", "include-system-site-packages = true"))
        .unwrap();
    let said = verify("text");
    assert!(said.code == 64 && said.err.contains("takes what the system has installed"), "{said}");
    fs::write(&settings, own).unwrap();
    // A format that a command has not is refused before it does anything.
    assert_eq!(verify("html").code, 64);
    assert_eq!(world.command(&["rebuild", "pypi:six@1.16.0", "--format", "sarif"]).code, 64);
}

fn twinbuild_sha256(path: &Path) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_was_not_reproduced_is_published_and_refused() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    let honest = only(&kept.join("published"));
    let sdist = only(&kept.join("source"));
    let bad = planted(&world, &honest);
    let of_bad = world.rebuilt(text(&bad), &["--source", text(&sdist), "--as-of", "2021-05-06T00:00:00Z"], "bad");
    let said = world.publish(&of_bad, &[]);
    assert!(said.code == 64 && said.err.contains("--allow-local"), "{said}");
    // Which of two verdicts about one file is the newer is not left to their order.
    let two = world.at("bad again");
    copy_folder(&of_bad, &two);
    let said = world.publish(&of_bad, &["--allow-local", text(&two.join("verdict.json"))]);
    assert!(said.code == 64 && said.err.contains("one after the other"), "{said}");
    // Whoever it concerns is told first; what has no alert is not kept back.
    let said = world.publish(&of_bad, &["--allow-local", "--hold", "14d"]);
    assert!(said.code == 0 && said.out.starts_with("held until ") && said.out.lines().count() == 1, "{said}");
    assert!(!world.at("ledger").exists());
    assert_eq!(world.publish(&of_bad, &["--allow-local", "--hold", "-1d"]).code, 64);
    let said = world.publish(&kept, &["--hold", "14d"]);
    assert!(said.code == 0 && said.out.starts_with("entry 0 "), "{said}");
    let said = world.publish(&of_bad, &["--allow-local", "--hold", "0s"]);
    assert!(said.code == 0 && said.out.contains("verdict (not-reproduced)"), "{said}");
    let said = world.verify(&bad, &[]);
    assert!(said.code == 1 && said.out.contains("not-reproduced, with an alert"), "{said}");
}

#[test]
fn a_verdict_that_does_not_follow_from_its_files_is_not_published() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    let path = kept.join("verdict.json");
    let honest = fs::read_to_string(&path).unwrap();
    let refuse = |verdict: &str, expected: &str| {
        fs::write(&path, verdict).unwrap();
        let said = world.publish(&kept, &[]);
        assert!(said.code != 0 && said.err.contains(expected), "{expected}: {said}");
        assert!(!world.at("ledger/checkpoint").exists());
        fs::write(&path, &honest).unwrap();
    };
    // Edited by hand, and so well that its digest is right.
    refuse(&honest.replacen("\"repacked\"", "\"bit-for-bit\"", 1), "was changed after it was written");
    refuse(&resealed(&honest, |verdict| verdict["level"] = "bit-for-bit".into()), "");
    refuse(&resealed(&honest, |verdict| verdict["comparison"]["files"]["identical"] = 0.into()), "");
    refuse(&honest[..honest.len() / 2], "JSON");
    // Of other files.
    for (folder, expected) in [("published", "is not the file that the verdict names"), ("source", "is not the file")] {
        let file = only(&kept.join(folder));
        let content = fs::read(&file).unwrap();
        fs::write(&file, [content.as_slice(), b"\0"].concat()).unwrap();
        refuse(&honest, expected);
        fs::write(&file, content).unwrap();
    }
    let first = only(&kept.join("first"));
    let content = fs::read(&first).unwrap();
    fs::write(&first, fs::read(only(&kept.join("published"))).unwrap()).unwrap();
    // That one twin is the published file makes it another level.
    refuse(&honest, "level");
    fs::remove_file(&first).unwrap();
    refuse(&honest, "one file is expected");
    // What is elsewhere on the machine is not read.
    std::os::unix::fs::symlink(world.at("v.key"), &first).unwrap();
    refuse(&honest, "not a file");
    fs::remove_file(&first).unwrap();
    fs::write(&first, content).unwrap();
    assert_eq!(world.publish(&kept, &[]).code, 0);
}

/// The verdict with another value, and the digest that it then has.
fn resealed(verdict: &str, change: impl FnOnce(&mut Value)) -> String {
    use sha2::Digest as _;
    let mut document: Value = serde_json::from_str(verdict).unwrap();
    change(&mut document);
    let mut covered = document.clone();
    let object = covered.as_object_mut().unwrap();
    object.remove("verdictDigest");
    object.remove("run");
    // RFC 8785: the names of a verdict are ASCII and its numbers integers, so sorted and compact JSON is its form.
    let digest = sha2::Sha256::digest(serde_json::to_string(&covered).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    document["verdictDigest"] = digest.into();
    document.to_string()
}

#[test]
fn keys_that_are_no_secret_or_for_something_else_sign_nothing() {
    let world = World::new();
    let kept = world.rebuilt("pypi:six@1.16.0", &[], "six");
    let key = world.at("v.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = world.publish(&kept, &[]);
    assert!(said.code == 64 && said.err.contains("0644"), "{said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // In the place of the other.
    let (log_key, away) = (world.at("l.key"), world.at("away"));
    fs::rename(&key, &away).unwrap();
    fs::copy(&log_key, &key).unwrap();
    let said = world.publish(&kept, &[]);
    assert!(said.code == 64 && said.err.contains("verdict"), "{said}");
    fs::remove_file(&key).unwrap();
    let said = world.publish(&kept, &[]);
    assert!(said.code == 64 && said.err.contains("v.key"), "{said}");
    fs::rename(&away, &key).unwrap();
    let (ledger, verdict) = (world.at("ledger"), kept.join("verdict.json"));
    let said = run(twinbuild()
        .env("TWINBUILD_KEY_PASSPHRASE", "another")
        .args(["publish", "--ledger", text(&ledger), "--key", text(&key), "--log-key", text(&log_key)])
        .args(["--origin", ORIGIN, text(&verdict)]));
    assert!(said.code == 64 && said.err.contains("passphrase"), "{said}");
    assert!(!ledger.join("checkpoint").exists());
    // None is written over, and a rotation names the one that follows.
    assert_eq!(world.command(&["key", "generate", "--out", text(&key)]).code, 64);
    let next = world.at("next.key");
    let rotated = world.command(&["key", "rotate", "--key", text(&key), "--out", text(&next)]);
    assert!(rotated.code == 0 && world.at("next.key.rotation.json").is_file(), "{rotated}");
    // What the old one signed is known by its public half.
    assert_eq!(world.publish(&kept, &[]).code, 0);
    let former = world.at("former.pub");
    fs::rename(world.at("v.key.pub"), &former).unwrap();
    fs::rename(&next, &key).unwrap();
    let said = world.publish(&kept, &[]);
    assert!(said.code != 0 && said.err.contains("--former-key"), "{said}");
    let said = world.publish(&kept, &["--former-key", text(&former)]);
    assert_eq!(said.code, 0, "{said}");
    // What it signed is there still, and so for a consumer who knows of that one alone.
    assert_eq!(world.verify(&only(&kept.join("published")), &[]).code, 0);
}
