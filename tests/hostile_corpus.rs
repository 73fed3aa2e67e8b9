//! The hostile corpus through `twinbuild compare`: every case has the outcome that it must have, in bounded memory and
//! time, and none makes the program fail.
//!
//! The case stands for the published file, as hostile files do. The other way round, where the honest file is the
//! published one, a difference may have another name, but nothing passes that must not.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use twinbuild_hostile_corpus::{Case, Expected, cases, honest_sdist, honest_wheel};

use crate::support::{folder, twinbuild};

/// What a case may take. It is a limit on private writable memory, which is a little more than what is resident.
const MEMORY_BYTES: u64 = 64 << 20;
/// Far more than a report of a small file needs, and enough to see that it was exceeded.
const OUTPUT_BYTES: u64 = 32 << 20;
/// Against hangs alone: a release build needs less than 2 seconds for each case, see `scripts/hostile-limits`.
const WALL: Duration = Duration::from_secs(20);

/// How one run ended.
struct Ended {
    /// `None` where a signal ended it, which is what a failed allocation leads to.
    code: Option<i32>,
    out: String,
    err: String,
    wall: Duration,
    is_killed: bool,
}

#[test]
fn every_hostile_file_has_its_outcome() {
    let folder = folder();
    for (name, bytes) in [("honest.whl", honest_wheel()), ("honest.tar.gz", honest_sdist())] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let path = folder.path().join(&case.name);
        fs::write(&path, &case.bytes).unwrap();
        let honest = folder.path().join(if case.name.ends_with(".whl") { "honest.whl" } else { "honest.tar.gz" });
        let as_published = compare(folder.path(), &path, &honest);
        let as_rebuild = compare(folder.path(), &honest, &path);
        wrong.extend(judge(case, &as_published).err().map(|why| format!("{}: {why}", case.name)));
        wrong.extend(judge_rebuild(case, &as_rebuild).err().map(|why| format!("{} as the rebuild: {why}", case.name)));
        fs::remove_file(&path).unwrap();
    }
    assert!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Runs the comparison under limits.
fn compare(folder: &Path, left: &Path, right: &Path) -> Ended {
    let (out, err) = (folder.join("out"), folder.join("err"));
    let mut command = twinbuild();
    command.args(["--format", "json", "compare"]).args([left, right]).stdin(Stdio::null());
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for (resource, limit) in [(Resource::Data, MEMORY_BYTES), (Resource::Fsize, OUTPUT_BYTES), (Resource::Core, 0)] {
        // A child that has ended already needs no limits.
        let _ = prlimit(pid, resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
    let mut is_killed = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > WALL && !is_killed {
            is_killed = true;
            child.kill().unwrap();
        }
        sleep(Duration::from_millis(1));
    };
    let text = |path: &Path| String::from_utf8(fs::read(path).unwrap()).unwrap();
    Ended { code: status.code(), out: text(&out), err: text(&err), wall: started.elapsed(), is_killed }
}

/// Whether the program did its work at all.
fn judge_run(ended: &Ended) -> Result<(), String> {
    if ended.is_killed {
        return Err(format!("it hangs: no answer in {} s", WALL.as_secs()));
    }
    let Some(code) = ended.code else {
        return Err(format!(
            "it needs more than {} MiB of memory or prints more than {} MiB ({} ms): {}",
            MEMORY_BYTES >> 20,
            OUTPUT_BYTES >> 20,
            ended.wall.as_millis(),
            shortened(&ended.err)
        ));
    };
    if !matches!(code, 0..=2) {
        return Err(format!("the program failed with {code}: {}", shortened(&ended.err)));
    }
    let is_raw = |c: char| c.is_control() && c != '\n';
    if ended.out.contains(is_raw) || ended.err.contains(is_raw) {
        return Err("it prints control characters of the file as they are".to_owned());
    }
    Ok(())
}

/// Holds what came out against what must come out.
fn judge(case: &Case, ended: &Ended) -> Result<(), String> {
    judge_run(ended)?;
    let result: Value = serde_json::from_str(&ended.out).map_err(|error| format!("no JSON: {error}"))?;
    let codes: Vec<&str> = result["findings"]
        .as_array()
        .map(|findings| findings.iter().filter_map(|finding| finding["code"].as_str()).collect())
        .unwrap_or_default();
    let (relation, code, needed) = match case.expected {
        Expected::Rejected { code } => ("rejected", 1, Some(code)),
        Expected::Limit => ("inconclusive", 2, None),
        Expected::Unsupported => ("unsupported", 2, None),
        Expected::Finding { code } => ("different", 1, Some(code)),
        Expected::Equivalent { warning } => ("equivalent", 0, warning),
    };
    let has_needed = needed.is_none_or(|needed| codes.contains(&needed));
    if result["relation"] == relation && ended.code == Some(code) && has_needed {
        return Ok(());
    }
    let mut found = codes;
    found.dedup();
    found.truncate(5);
    Err(format!(
        "{:?} expected, {} with {found:?} and exit code {:?} found",
        case.expected, result["relation"], ended.code
    ))
}

/// Where the honest file is the published one, only what a rebuild may be is left open.
fn judge_rebuild(case: &Case, ended: &Ended) -> Result<(), String> {
    judge_run(ended)?;
    match (case.expected, ended.code) {
        (Expected::Rejected { .. } | Expected::Finding { .. }, Some(1))
        | (Expected::Limit | Expected::Unsupported, Some(2))
        | (Expected::Equivalent { .. }, Some(0 | 1))
        // An ordinary published file can be written again from contents that a rebuild compressed in its own way.
        | (Expected::Finding { code: "compressed-data-differs" }, Some(0)) => Ok(()),
        (expected, code) => Err(format!("{expected:?} expected, exit code {code:?} found")),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
