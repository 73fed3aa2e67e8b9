//! Nights of one machine: what is judged, told and published, and what becomes of a night that is stopped.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fleet::{Fleet, PASSPHRASE, packages, wait, wheel};
use crate::local_index::hex;
use crate::support::run;

const ORIGIN: &str = "verdicts.example/log";
const FORMS: [&str; 6] = ["html", "md", "json", "txt", "junit.xml", "sarif"];

/// A receiver of webhooks on loopback, and what it was sent.
fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/told", listener.local_addr().unwrap());
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let into = Arc::clone(&told);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                let lower = line.to_ascii_lowercase();
                length = lower.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            into.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"); // a client may hang up
        }
    });
    (url, told)
}

/// A line of a lock file that pins a wheel of the index by its digest.
fn pinned(fleet: &Fleet, name: &str, version: &str) -> String {
    let digest = hex(&Sha256::digest(fleet.file(&wheel(name, version))));
    format!("{name}=={version} --hash=sha256:{digest}\n")
}

#[test]
fn a_second_night_judges_nothing_and_asks_for_nothing_that_is_pinned() {
    let mut fleet = Fleet::new();
    fleet.release(&["pinned==1.0", "other==2.0", "free==1.0"]);
    let lock = "[[watch]]\nkind = \"requirements\"\npath = \"requirements.txt\"\n";
    fleet.write("requirements.txt", &(pinned(&fleet, "pinned", "1.0") + &pinned(&fleet, "other", "2.0")));
    fleet.configure(&(lock.to_owned() + &packages(&["free"], "")));
    let said = fleet.run(&["nightly", "--dry-run"]);
    assert!(said.code == 0 && said.out.ends_with("3 of 3 watched files would be judged\n"), "{said}");
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(fleet.report()["ofTonight"]["total"], 3, "{said}");
    assert_eq!(fleet.report()["results"]["kinds"], json!({ "bit-for-bit": 3 }));
    for form in FORMS {
        assert!(!fleet.read(&format!("reports/report.{form}")).is_empty());
    }
    let before = fleet.asked().len();
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 0, "{said}");
    let report = fleet.report();
    assert_eq!((&report["ofTonight"]["total"], &report["results"]["total"]), (&json!(0), &json!(3)), "{said}");
    // Whether there is a newer release is the one thing to be known.
    assert_eq!(fleet.asked()[before..], ["/simple/free/"]);
    assert_eq!(fleet.count("verdicts"), 3);
    // A list that cannot be read keeps no other from being judged, and is told of each night.
    fleet.release(&["free==1.1"]);
    let missing = "[[watch]]\nname = \"gone\"\nkind = \"requirements\"\npath = \"gone.txt\"\n";
    fleet.configure(&(lock.to_owned() + &packages(&["free"], "") + missing));
    for judged in [1, 0] {
        let said = fleet.run(&["nightly"]);
        assert!(said.code == 2 && said.err.contains("gone.txt"), "{said}");
        let report = fleet.report();
        assert_eq!(
            (&report["ofTonight"]["total"], &report["news"][0]["kind"]),
            (&judged.into(), &"list-unreadable".into())
        );
        assert_eq!(report["problems"][0]["list"], "gone");
    }
    // A wheel that does not come from its source is what weighs most.
    fleet.release_with("free==1.2", &json!({ "onlyWheel": { "planted.py": "import os\n" } }));
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 1, "{said}");
}

#[test]
fn a_regression_is_the_first_line_of_every_report_and_of_the_webhook() {
    let mut fleet = Fleet::new();
    let (url, told) = receiver();
    fleet.configure(&(packages(&["small", "bad"], "newest = 5") + &format!("[nightly.webhook]\nurl = \"{url}\"\n")));
    fleet.release(&["small==1.0", "small==2.0", "small==3.0", "small==4.0"]);
    // What was bad from the first is no regression.
    fleet.release_with("bad==1.0", &json!({ "onlyWheel": { "planted.py": "import os\n" } }));
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 1, "{said}");
    fleet.release_with("small==5.0", &json!({ "onlyWheel": { "planted.py": "import os\n" } }));
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 1, "{said}");
    let words = "the last 4 versions reproduced, this one does not";
    let news = &fleet.report()["news"];
    assert_eq!((news.as_array().unwrap().len(), &news[0]["kind"]), (1, &"regression".into()), "{news:#}");
    assert_eq!(news[0]["about"], wheel("small", "5.0"));
    assert_eq!(news[0]["alerts"], json!(["unsourced-member small/planted.py"]));
    let webhook = told.lock().unwrap()[1].clone();
    let text = webhook["text"].as_str().unwrap();
    for said in [&fleet.read("reports/report.txt"), &fleet.read("reports/report.md"), text] {
        let first = said.lines().next().unwrap();
        assert!(first.contains(words) && first.contains(&wheel("small", "5.0")), "{first}");
    }
    let first = said.out.lines().find(|line| line.contains(words)).unwrap();
    assert!(first.starts_with("alert: ") && fleet.read("reports/report.html").contains(words), "{said}");
    assert_eq!(webhook["news"][0]["kind"], "regression");
    // It is told once, though it is as bad as before.
    let said = fleet.run(&["nightly"]);
    assert_eq!((said.code, &fleet.report()["news"]), (1, &json!([])), "{said}");
    let told = told.lock().unwrap();
    assert!(told.len() == 3 && !told[2]["text"].as_str().unwrap().contains(words), "{told:?}");
    assert_eq!(fleet.report()["results"]["kinds"], json!({ "bit-for-bit": 4, "unsourced": 2 }));
}

#[test]
fn a_night_that_is_killed_goes_on_with_what_is_left() {
    let mut fleet = Fleet::new();
    let names = ["one", "two", "three", "four"];
    fleet.configure(&packages(&names, ""));
    for name in names {
        fleet.release_with(&format!("{name}==1.0"), &json!({ "wait": 1 }));
    }
    let mut night = fleet.start_night(&[]);
    let has_begun =
        |fleet: &Fleet| fleet.at("queue.sqlite").is_file() && fleet.count("sqlite_master WHERE name = 'kept'") == 1;
    wait("a verdict, and a job in the middle", || {
        has_begun(&fleet) && fleet.count("verdicts") > 0 && fleet.count("jobs WHERE state = 'leased'") == 1
    });
    night.kill();
    let before = fleet.ask("SELECT id, subject, digest, judged_ms FROM verdicts ORDER BY id");
    assert!((1..4).contains(&before.len()), "{before:?}");
    assert_eq!(fleet.count("jobs WHERE state = 'leased'"), 1);
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 0, "{said}");
    let after = fleet.ask("SELECT id, subject, digest, judged_ms FROM verdicts ORDER BY id");
    assert_eq!(after[..before.len()], before);
    let mut subjects: Vec<&str> = after.iter().map(|row| row[1].as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!((after.len(), subjects.len()), (4, 4), "{after:?}");
    assert_eq!((fleet.count("jobs WHERE state = 'done'"), fleet.count("jobs"), fleet.count("nights")), (4, 4, 1));
    // What was in the middle was taken back, and done once more; nothing else was. That it was lost is none of its attempts.
    assert_eq!(fleet.ask("SELECT SUM(lost), SUM(attempts) FROM jobs"), [["1", "4"]]);
    assert_eq!(fleet.report()["ofTonight"]["total"], 4);
}

#[test]
fn an_interrupted_night_gives_its_jobs_back_and_the_next_one_goes_on() {
    let mut fleet = Fleet::new();
    fleet.configure(&packages(&["one", "two"], ""));
    for name in ["one==1.0", "two==1.0"] {
        fleet.release_with(name, &json!({ "wait": 2 }));
    }
    let mut night = fleet.start_night(&["--jobs", "2"]);
    wait("both jobs at work", || night.said().matches("building ").count() == 2);
    // A second one is turned away.
    let said = fleet.run(&["nightly"]);
    assert!(said.code == 64 && said.err.contains("another nightly run is at work"), "{said}");
    night.signal(Signal::INT);
    assert_eq!(night.end(), 130, "{}", night.said());
    assert_eq!(fleet.ask("SELECT state, attempts, lost FROM jobs"), [["queued", "0", "0"], ["queued", "0", "0"]]);
    assert_eq!((&fleet.report()["end"], &fleet.report()["left"]), (&"interrupted".into(), &2.into()));
    let said = fleet.run(&["nightly", "--jobs", "2"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!((fleet.count("verdicts"), fleet.count("nights")), (2, 1));
}

/// How many entries a ledger has: the second line of its checkpoint (C2SP tlog-checkpoint).
fn entries(fleet: &Fleet) -> u64 {
    fleet.read("ledger/checkpoint").lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_night_publishes_each_verdict_once_by_a_command_that_alone_has_the_keys() {
    let mut fleet = Fleet::new();
    fleet.release(&["one==1.0", "two==1.0", "three==1.0"]);
    fleet.make_key("verdict", "v.key");
    fleet.make_key("log", "l.key");
    let command =
        ["twinbuild", "publish", "--ledger", "ledger", "--key", "v.key", "--log-key", "l.key", "--origin", ORIGIN];
    let publish = format!(
        "[nightly]\nkeep-artifacts = true\n[nightly.publish]\ncommand = {command:?}\nenvironment-file = \"publish.env\"\n"
    );
    fleet.write("publish.env", &format!("TWINBUILD_KEY_PASSPHRASE='{PASSPHRASE}'\n"));
    fleet.configure(&(packages(&["one", "two", "three"], "") + &publish));
    let said = fleet.run(&["nightly", "--no-publish"]);
    assert!(said.code == 0 && !fleet.at("ledger").exists(), "{said}");
    // The file of one is damaged in the depot: it is not published, and holds up no other.
    let damaged = fleet.ask("SELECT stored FROM verdicts WHERE project = 'two'")[0][0].clone();
    let result = fleet.at("depot/files").join(damaged.split(' ').next().unwrap());
    let file = fs::read_dir(result).unwrap().next().unwrap().unwrap().path();
    let intact = fs::read(&file).unwrap();
    fs::write(&file, "something else").unwrap();
    let said = fleet.run(&["nightly"]);
    assert!(said.code == 2 && said.err.contains("pypi/two@1.0") && said.err.contains("was not published"), "{said}");
    assert!(fleet.at("reports/report.json").is_file());
    let shown = fleet.run(&["key", "show", "--name", ORIGIN, "l.key.pub"]);
    let (log_key, verdict_key) = (shown.out.lines().last().unwrap(), fleet.read("v.key.pub"));
    let ledger = format!("at = \"ledger\"\nlog-key = \"{log_key}\"\nverdict-keys = ['''{verdict_key}''']\n");
    fleet.write("policy.toml", &format!("[[ledger]]\n{ledger}"));
    let verify = |name: &str| {
        let file = wheel(name, "1.0");
        fs::write(fleet.at(&file), fleet.file(&file)).unwrap();
        fleet.run(&["verify", &file, "--policy", "policy.toml"])
    };
    for (name, code) in [("one", 0), ("three", 0), ("two", 2)] {
        let said = verify(name);
        assert_eq!(said.code, code, "{name}: {said}");
    }
    let published = entries(&fleet);
    assert_eq!(fleet.count("verdicts WHERE published_ms > 0 AND stored = ''"), 2);
    // The next night publishes what is left, and nothing twice.
    fs::write(&file, intact).unwrap();
    let said = fleet.run(&["nightly"]);
    assert!(said.code == 0 && verify("two").code == 0, "{said}");
    assert_eq!(entries(&fleet), published / 2 * 3);
    let said = fleet.run(&["nightly"]);
    assert_eq!((said.code, entries(&fleet)), (0, published / 2 * 3), "{said}");
    // The command has no variable of the night's but a few. Without the passphrase nothing is signed, and what was judged stands.
    fleet.release(&["one==1.1"]);
    fleet.write("publish.env", "");
    let said = run(fleet.command(&["nightly"]).env("TWINBUILD_KEY_PASSPHRASE", PASSPHRASE));
    assert!(said.code == 2 && said.err.contains("pypi/one@1.1") && said.err.contains("was not published"), "{said}");
    assert_eq!((entries(&fleet), fleet.count("verdicts")), (published / 2 * 3, 4));
}

#[test]
fn what_became_of_each_job_is_shown_and_can_be_changed() {
    let mut fleet = Fleet::new();
    fleet.configure(&(packages(&["slow", "quick"], "") + &fleet.enroll("w1", "host-1")));
    fleet.release_with("slow==1.0", &json!({ "wait": 4 }));
    fleet.release(&["quick==1.0"]);
    // Two jobs, of which one is given up and one is cancelled.
    fleet.plan(&["--budget", "1s"]);
    let said = fleet.run(&["jobs", "list", "--state", "queued"]);
    assert!(said.code == 0 && said.out.lines().count() == 2, "{said}");
    let said = fleet.run(&["jobs", "cancel", "2"]);
    assert_eq!((said.code, said.out.as_str()), (0, "job 2: cancelled\n"), "{said}");
    let said = fleet.run(&["jobs", "cancel", "2"]);
    assert_eq!((said.code, said.out.as_str()), (64, "job 2 is at its end\n"), "{said}");
    let said = fleet.run(&["nightly", "--budget", "1s"]);
    assert_eq!(said.code, 2, "{said}");
    let jobs = fleet.jobs();
    let states: Vec<_> = jobs.iter().map(|job| (job["id"].as_i64().unwrap(), job["state"].as_str().unwrap())).collect();
    assert_eq!(states, [(2, "cancelled"), (1, "dead")]);
    assert_eq!(jobs[1]["class"], "budget");
    let report = fleet.report();
    assert_eq!((&report["givenUp"][0]["job"], &report["news"][0]["kind"]), (&1.into(), &"job-given-up".into()));
    let said = fleet.run(&["jobs", "show", "1"]);
    assert!(said.out.contains("state         dead\n") && said.out.contains("its budget of 1 s"), "{said}");
    let said = fleet.run(&["jobs", "show", "7"]);
    assert!(said.code == 64 && said.err.contains("the queue has no job 7"), "{said}");
    let said = fleet.run(&["jobs", "retry", "2"]);
    assert_eq!((said.code, said.out.as_str()), (0, "job 2: queued again\n"), "{said}");
    // What is queued again is done by the next night, and so is what the night before gave up.
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(fleet.report()["results"]["kinds"], json!({ "bit-for-bit": 2 }));
    assert_eq!(fleet.ask("SELECT state FROM jobs ORDER BY id"), [["dead"], ["done"], ["done"]]);
    let said = fleet.run(&["status"]);
    assert!(said.out.contains("subjects  2 reproduced\n") && said.out.contains("night     2 ended"), "{said}");
    let status = fleet.run(&["--format", "json", "status"]).json();
    assert_eq!((&status["jobs"]["done"], &status["workers"][0]["jobs"]), (&2.into(), &2.into()), "{status:#}");
    let said = fleet.run(&["history", "pypi:slow"]);
    assert!(said.code == 0 && said.out.contains(&wheel("slow", "1.0")) && !said.out.contains("quick"), "{said}");
    let said = fleet.run(&["history", "pypi:other"]);
    assert!(said.code == 64 && said.err.contains("\n  next: "), "{said}");
}

#[test]
fn artifacts_stay_until_they_are_published_whatever_the_limit_is() {
    let mut fleet = Fleet::new();
    fleet.configure(&(packages(&["one", "two"], "") + "[nightly]\nkeep-artifacts = true\n"));
    fleet.release(&["one==1.0", "two==1.0"]);
    assert_eq!(fleet.run(&["nightly"]).code, 0);
    let results = || fs::read_dir(fleet.at("depot/manifests")).unwrap().count();
    // A cache of its own: what others use meanwhile is not to be removed.
    let gc = |more: &[&str]| {
        let command = [&["--format", "json", "gc"], more].concat();
        let said = run(fleet.command(&command).env("TWINBUILD_CACHE_DIR", fleet.at("cache")));
        assert_eq!(said.code, 0, "{said}");
        said.json()["depot"]["removed"].clone()
    };
    assert_eq!((gc(&["--max-size", "0"]), results()), (json!([]), 2));
    fleet.ask("UPDATE verdicts SET published_ms = judged_ms WHERE project = 'one'");
    let one = fleet.ask("SELECT stored FROM verdicts WHERE project = 'one'")[0][0].clone();
    let one = json!([one.split(' ').next().unwrap()]);
    assert_eq!((gc(&[]), results()), (json!([]), 2));
    assert_eq!((gc(&["--max-size", "0", "--dry-run"]), results()), (one.clone(), 2));
    assert_eq!((gc(&["--max-size", "0"]), results()), (one, 1));
    assert_eq!(fleet.ask("SELECT project FROM verdicts WHERE stored <> ''"), [["two"]]);
    // What no verdict and no job knows may be about to be returned, and is of no use to anybody after a day.
    fleet.ask("UPDATE verdicts SET stored = ''");
    assert_eq!((gc(&["--max-size", "0"]), results()), (json!([]), 1));
    let manifest = fs::read_dir(fleet.at("depot/manifests")).unwrap().next().unwrap().unwrap().path();
    let long_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    fs::File::options().write(true).open(manifest).unwrap().set_modified(long_ago).unwrap();
    assert_eq!((gc(&[]).as_array().unwrap().len(), results()), (1, 0));
}

#[test]
fn a_mistake_in_the_settings_is_told_with_what_to_do() {
    let fleet = Fleet::new();
    let list = packages(&["small"], "");
    let cases = [
        ("", "write a [[watch]] table"),
        ("[[watch]]\nkind = \"requirments\"\npath = \"requirements.txt\"\n", "did you mean `requirements`?"),
        ("[[watch]]\nkind = \"requirements\"\npth = \"requirements.txt\"\n", "did you mean `path`?"),
        ("[[watch]]\nkind = \"requirements\"\n", "has no `path`"),
        ("[nightly]\nmax-duraton = \"6h\"\n", "did you mean `max-duration`?"),
        ("[nightly]\nmax-duration = \"soon\"\n", "`max-duration` of [nightly]: \"soon\""),
        ("[nightly]\nlease = \"1s\"\n", "shorter than 4 s"),
        ("[nightly]\nmemory = \"much\"\n", "no size such as 20GB"),
        ("[nightly]\nfrom = \"pypi\"\n", "sdist, git or either"),
        ("[[worker]]\nname = \"w\"\nkey = \"none.pub\"\n", "cannot open none.pub"),
    ];
    for (text, expected) in cases {
        let is_list = text.is_empty() || text.starts_with("[[watch]]");
        fleet.configure(&if is_list { text.to_owned() } else { list.clone() + text });
        let said = fleet.run(&["nightly"]);
        assert!(said.code == 64 && said.err.contains(expected) && said.err.contains("\n  next: "), "{text}{said}");
    }
    // What no night has made yet.
    fleet.configure(&list);
    for command in [&["status"][..], &["jobs", "list"], &["history", "pypi:small"], &["gc"]] {
        let said = fleet.run(command);
        assert!(said.code == 64 && said.err.contains("run `twinbuild nightly`"), "{said}");
    }
}

#[test]
fn an_older_program_leaves_the_queue_of_a_newer_one_alone() {
    let fleet = Fleet::new();
    fleet.configure(&(packages(&["small"], "") + &fleet.enroll("w1", "w1")));
    assert_eq!(fleet.run(&["nightly", "--dry-run"]).code, 0);
    fleet.ask(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'of another time', 1, x'00', 0)",
    );
    let before = fs::read(fleet.at("queue.sqlite")).unwrap();
    let worker = ["worker", "--name", "w1", "--key", "w1.key"];
    for command in [&["nightly"][..], &["nightly", "--dry-run"], &["jobs", "list"], &["status"], &["gc"], &worker] {
        let said = run(fleet.command(command).env("TWINBUILD_KEY_PASSPHRASE", PASSPHRASE));
        let is_told = said.err.contains("written by a newer version") && said.err.contains("version 99");
        assert!(said.code != 0 && is_told && said.err.contains("use that version"), "{command:?}: {said}");
    }
    assert_eq!(fs::read(fleet.at("queue.sqlite")).unwrap(), before);
}
