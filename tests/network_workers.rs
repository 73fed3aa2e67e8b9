//! Workers of other machines, as far as they say so: killed, drained, spread over hosts, and not taken on their word.

#[path = "../verifier/queue/tests/server/mod.rs"]
mod server;

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use twinbuild_depot::{Depot, ResultName};
use twinbuild_signature::{Envelope, Passphrase, PayloadType, PrivateKey, Sign as _};
use twinbuild_subject::Sha256;

use crate::fleet::{Fleet, PASSPHRASE, packages, wait, wheel};
use crate::support::text;

use self::server::Server;

/// A list of these releases, each published with this.
fn watch(fleet: &mut Fleet, names: &[&str], more: &Value) -> String {
    for name in names {
        fleet.release_with(&format!("{name}==1.0"), more);
    }
    packages(names, "")
}

/// Who stands behind the verdict on the only release of a project, by the report.
fn workers(fleet: &Fleet, name: &str) -> Vec<String> {
    let workers = fleet.reported(&wheel(name, "1.0"))["workers"].clone();
    serde_json::from_value(workers).unwrap()
}

#[test]
fn all_verdicts_are_there_though_a_worker_and_the_database_are_killed() {
    let mut server = Server::start();
    let mut fleet = Fleet::with_queue(&server.url());
    let names = ["one", "two", "three", "four", "five", "six"];
    let list = watch(&mut fleet, &names, &json!({ "wait": 1 }));
    fleet.configure(&(list + &fleet.enroll("w1", "host-1") + &fleet.enroll("w2", "host-2")));
    let mut night = fleet.start_coordinator(&[]);
    let mut killed = fleet.start_worker("w1", "host-1");
    let _other = fleet.start_worker("w2", "host-2");
    let has = |worker: &str| fleet.jobs().iter().any(|job| job["worker"] == worker && job["state"] == "leased");
    wait("a job of the first worker", || has("w1"));
    killed.kill();
    wait("a job of the second worker", || has("w2"));
    server.stop(true);
    server.start_again();
    assert_eq!(night.end(), 0, "{}", night.said());
    let report = fleet.report();
    assert_eq!(report["results"], json!({ "total": 6, "kinds": { "bit-for-bit": 6 } }));
    for name in names {
        assert_eq!(workers(&fleet, name).len(), 1);
    }
    let jobs = fleet.jobs();
    assert!(jobs.len() == 6 && jobs.iter().all(|job| job["state"] == "done"), "{jobs:?}");
    assert_eq!(jobs.iter().map(|job| job["lost"].as_u64().unwrap()).sum::<u64>(), 1, "{jobs:?}");
    let status = fleet.run(&["--format", "json", "status"]).json();
    assert_eq!((&status["verdicts"], &status["workers"][0]["lost"]), (&json!({ "reproduced": 6 }), &1.into()));
}

#[test]
fn a_worker_that_is_told_to_end_finishes_what_it_has() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["one", "two"], &json!({ "wait": 2 }));
    fleet.configure(&(list + &fleet.enroll("w1", "host-1")));
    fleet.plan(&[]);
    let mut worker = fleet.start_worker("w1", "host-1");
    wait("a job at work", || fleet.count("jobs WHERE state = 'leased'") == 1);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), 0, "{}", worker.said());
    assert!(worker.said().contains("draining"), "{}", worker.said());
    assert_eq!(fleet.ask("SELECT state, attempts FROM jobs ORDER BY id"), [["returned", "1"], ["queued", "0"]]);
    // What it has finished counts, and the night does the other.
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(workers(&fleet, "one"), ["w1"]);
    assert!(workers(&fleet, "two")[0].starts_with("nightly@"));
}

#[test]
fn results_of_who_is_not_enrolled_are_refused_and_the_job_is_done_by_another() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["small"], &json!({}));
    fleet.configure(&(list + &fleet.enroll("w1", "host-1")));
    fleet.make_key("worker", "other.key");
    let mut night = fleet.start_coordinator(&[]);
    let mut refused = |name: &str, host: &str, reason: &str| {
        let mut worker = fleet.start(name, &mut fleet.worker(name, host, "other.key", &[]));
        wait("a refusal", || night.said().contains(reason) || !night.is_running());
        worker.kill();
        let said = fleet.run(&["jobs", "show", "1"]);
        assert!(said.out.contains("class         refused\n") && said.out.contains(reason), "{said}");
        assert!(said.out.contains("state         queued\n"), "{said}");
    };
    refused("stranger", "host-2", "no worker of that name is enrolled");
    refused("w1", "host-3", "it is not signed by the key that is enrolled for the worker");
    let _enrolled = fleet.start_worker("w1", "host-1");
    assert_eq!(night.end(), 0, "{}", night.said());
    assert_eq!(workers(&fleet, "small"), ["w1"]);
    let refused = fleet.ask("SELECT worker, state FROM results ORDER BY fence");
    assert_eq!(refused, [["stranger", "refused"], ["w1", "refused"], ["w1", "accepted"]]);
    let news = &fleet.report()["news"];
    assert_eq!((&news[0]["kind"], &news[0]["severity"]), (&"results-refused".into(), &"alert".into()), "{news:#}");
}

/// What a worker that knows its key says of a wheel: another verdict than it came to, or the same with other fields.
fn sign_another(fleet: &Fleet, job: &str, change: impl FnOnce(&mut Value)) {
    let row = fleet.ask(&format!("SELECT envelope, stored FROM results WHERE job = {job}")).remove(0);
    let (envelope, stored) = (&row[0], &row[1]);
    let key = PrivateKey::read_file(&fleet.at("w1.key"), &Passphrase::new(PASSPHRASE.to_owned()).unwrap()).unwrap();
    let signed = Envelope::parse(envelope.as_bytes()).unwrap();
    let keys = [key.public_key().clone()];
    let mut payload: Value = serde_json::from_slice(signed.verify(&keys).unwrap().payload).unwrap();
    let (name, depot): (ResultName, _) = (stored.parse().unwrap(), Depot::open(text(&fleet.at("depot"))).unwrap());
    let folder = fleet.at(&format!("other-{job}"));
    let manifest: Sha256 = payload["manifest"].as_str().unwrap().parse().unwrap();
    depot.get(&name, manifest, &folder).unwrap();
    let mut verdict: Value = serde_json::from_slice(&fs::read(folder.join("verdict.json")).unwrap()).unwrap();
    change(&mut verdict);
    seal(&mut verdict);
    fs::write(folder.join("verdict.json"), verdict.to_string()).unwrap();
    depot.remove(&name).unwrap();
    payload["manifest"] = depot.put(&name, &folder).unwrap().sha256().to_string().into();
    payload["outcome"] = verdict["outcome"].clone();
    payload["verdictDigest"] = verdict["verdictDigest"].clone();
    let envelope = Envelope::sign(PayloadType::WorkerResult, payload.to_string().into_bytes(), &[&key]).unwrap();
    let envelope = envelope.to_json().replace('\'', "''");
    fleet.ask(&format!("UPDATE results SET envelope = '{envelope}' WHERE job = {job}"));
}

/// Says that the file came out.
fn as_reproduced(verdict: &mut Value) {
    verdict["outcome"] = "reproduced".into();
    verdict["level"] = "bit-for-bit".into();
    verdict["findings"] = json!([]);
    verdict.as_object_mut().unwrap().remove("mismatch");
}

/// Gives a verdict the digest of what it says by now, which covers all but two of its keys.
fn seal(verdict: &mut Value) {
    let mut covered = verdict.clone();
    for key in ["run", "verdictDigest"] {
        covered.as_object_mut().unwrap().remove(key);
    }
    verdict["verdictDigest"] = Sha256::of(covered.to_string().as_bytes()).to_string().into();
}

/// Changes the document of a result in the queue, by which nobody signed anything, into one that says that the file came out.
fn change_document(fleet: &Fleet, job: &str) {
    let document = fleet.ask(&format!("SELECT document FROM results WHERE job = {job}"))[0][0].clone();
    let mut document: Value = serde_json::from_str(&document).unwrap();
    as_reproduced(&mut document);
    seal(&mut document);
    let document = document.to_string().replace('\'', "''");
    fleet.ask(&format!("UPDATE results SET document = '{document}' WHERE job = {job}"));
}

fn job_of(fleet: &Fleet, name: &str) -> String {
    fleet.ask(&format!("SELECT id FROM jobs WHERE subject LIKE 'pkg:pypi/{name}@%'"))[0][0].clone()
}

#[test]
fn what_an_enrolled_worker_returns_is_not_taken_on_its_word() {
    let mut fleet = Fleet::new();
    let planted = json!({ "onlyWheel": { "planted.py": "import os\n" } });
    let list = watch(&mut fleet, &["honest", "copied", "changed", "raised", "given"], &json!({}))
        + &watch(&mut fleet, &["lied", "claimed"], &planted).replace("\"packages\"\nkind", "\"planted\"\nkind");
    fleet.configure(&(list + &fleet.enroll("w1", "host-1")));
    fleet.plan(&[]);
    let mut worker = fleet.start("w1", &mut fleet.worker("w1", "host-1", "w1.key", &["--idle-exit", "1s"]));
    assert_eq!(worker.end(), 0, "{}", worker.said());
    assert_eq!(fleet.count("results WHERE state = 'returned'"), 7);
    let [honest, copied, changed, raised, given, lied, claimed] =
        ["honest", "copied", "changed", "raised", "given", "lied", "claimed"].map(|name| job_of(&fleet, name));
    let of_honest = |column: &str| format!("(SELECT {column} FROM results WHERE job = {honest})");
    let (envelope, stored) = (of_honest("envelope"), of_honest("stored"));
    fleet.ask(&format!("UPDATE results SET envelope = {envelope}, stored = {stored} WHERE job = {copied}"));
    let name = &fleet.ask(&format!("SELECT stored FROM results WHERE job = {changed}"))[0][0];
    let result = fleet.at(&format!("depot/files/{name}"));
    fs::write(fs::read_dir(result).unwrap().next().unwrap().unwrap().path(), "something else").unwrap();
    sign_another(&fleet, &lied, as_reproduced);
    sign_another(&fleet, &given, |verdict| verdict["source"]["trust"] = "user".into());
    sign_another(&fleet, &raised, |verdict| verdict["source"]["trust"] = "repository".into());
    change_document(&fleet, &claimed);
    let said = fleet.run(&["nightly"]);
    assert_eq!(said.code, 1, "{said}");
    for (name, reason) in [
        ("copied", "it was signed for another job than the one that it was returned for"),
        ("changed", "is not what its manifest says"),
        ("lied", "its verdict does not follow from its files"),
        ("raised", "its verdict contradicts itself"),
        ("given", "its source is said to be given, and nobody gave it"),
    ] {
        let line = said.err.lines().find(|line| line.contains("is refused") && line.contains(&format!("pypi/{name}@")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{name}: {said}");
        assert!(workers(&fleet, name)[0].starts_with("nightly@"), "{name}");
    }
    // Nothing of the row is taken but who returned it: the document is that of the signed files.
    assert_eq!((workers(&fleet, "honest"), workers(&fleet, "claimed")), (vec!["w1".to_owned()], vec!["w1".to_owned()]));
    for name in ["honest", "copied", "changed", "raised", "given"] {
        assert_eq!(fleet.reported(&wheel(name, "1.0"))["result"]["outcome"], "reproduced", "{name}");
    }
    for name in ["lied", "claimed"] {
        assert_eq!(fleet.reported(&wheel(name, "1.0"))["result"]["outcome"], "not-reproduced", "{name}");
    }
    assert_eq!(fleet.count("results WHERE state = 'refused'"), 5);
    assert_eq!((fleet.count("verdicts"), fleet.count("jobs WHERE state = 'done'")), (7, 7));
}

#[test]
fn a_verdict_of_two_hosts_names_both_workers() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["small"], &json!({}));
    fleet.configure(&(list + &fleet.enroll("w1", "host-1") + &fleet.enroll("w2", "host-2")));
    let mut night = fleet.start_coordinator(&["--spread"]);
    let _workers = [fleet.start_worker("w1", "host-1"), fleet.start_worker("w2", "host-2")];
    assert_eq!(night.end(), 0, "{}", night.said());
    let mut behind = workers(&fleet, "small");
    behind.sort();
    assert_eq!(behind, ["w1", "w2"]);
    assert_eq!(fleet.count("results WHERE state = 'accepted'"), 2);
}

#[test]
fn a_night_that_is_killed_between_two_hosts_goes_on() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["small"], &json!({}));
    fleet.configure(&(list + &fleet.enroll("w2", "host-2")));
    let mut night = fleet.start_night(&["--spread"]);
    wait("the first host's word", || night.said().contains("one host has come to a verdict") || !night.is_running());
    night.kill();
    let mut night = fleet.start_night(&["--spread"]);
    let _worker = fleet.start_worker("w2", "host-2");
    assert_eq!(night.end(), 0, "{}", night.said());
    let mut behind = workers(&fleet, "small");
    behind.sort();
    assert!(behind.len() == 2 && behind[0].starts_with("nightly@") && behind[1] == "w2", "{behind:?}");
    // Nothing was wrong with what it had returned before.
    assert_eq!(fleet.report()["news"], json!([]));
}

#[test]
fn a_night_that_nobody_could_do_is_not_begun() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["small"], &json!({}));
    fleet.configure(&list);
    let said = fleet.run(&["nightly", "--jobs", "0"]);
    assert!(said.code == 64 && said.err.contains("no [[worker]] table enrolls one"), "{said}");
    fleet.configure(&(list + &fleet.enroll("w1", "host-1") + &fleet.enroll("w2", "host-1")));
    let said = fleet.run(&["nightly", "--jobs", "0", "--spread"]);
    assert!(said.code == 64 && said.err.contains("enroll workers of others"), "{said}");
    assert_eq!(fleet.count("jobs"), 0);
}

/// Lets the time pass for which a second host is waited for.
fn pass_the_wait(fleet: &Fleet) {
    wait("the first host's word", || fleet.count("results WHERE state = 'accepted'") == 1);
    fleet.ask("UPDATE jobs SET queued_ms = queued_ms - 3600000");
}

#[test]
fn two_workers_of_one_host_are_one() {
    // As both workers say it, and as the operator alone does.
    for second in ["host-1", "host-2"] {
        let mut fleet = Fleet::new();
        let list = watch(&mut fleet, &["small"], &json!({}));
        let absent = fleet.enroll("w3", "host-3");
        fleet.configure(&(list + &fleet.enroll("w1", "host-1") + &fleet.enroll("w2", "host-1") + &absent));
        let mut night = fleet.start_coordinator(&["--spread"]);
        let _workers = [fleet.start_worker("w1", "host-1"), fleet.start_worker("w2", second)];
        if second == "host-2" {
            wait("a refusal", || night.said().contains("it is of the same host as the first"));
        }
        pass_the_wait(&fleet);
        assert_eq!(night.end(), 0, "{second}: {}", night.said());
        assert_eq!(workers(&fleet, "small").len(), 1, "{second}");
        assert_eq!(fleet.reported(&wheel("small", "1.0"))["result"]["outcome"], "reproduced");
    }
}

#[test]
fn what_stands_alone_is_what_was_looked_at() {
    let mut fleet = Fleet::new();
    let list = watch(&mut fleet, &["small"], &json!({ "onlyWheel": { "planted.py": "import os\n" } }));
    fleet.configure(&(list + &fleet.enroll("w1", "host-1") + &fleet.enroll("w2", "host-2")));
    fleet.plan(&["--spread"]);
    let mut worker = fleet.start("w1", &mut fleet.worker("w1", "host-1", "w1.key", &["--idle-exit", "1s"]));
    assert_eq!(worker.end(), 0, "{}", worker.said());
    change_document(&fleet, "1");
    let mut night = fleet.start_coordinator(&["--spread"]);
    pass_the_wait(&fleet);
    assert_eq!(night.end(), 1, "{}", night.said());
    let told = fleet.reported(&wheel("small", "1.0"));
    assert_eq!((&told["result"]["outcome"], &told["workers"]), (&"not-reproduced".into(), &json!(["w1"])));
}
