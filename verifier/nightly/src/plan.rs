//! What a night is to do: the watched subjects, and of those that are due a job each.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use twinbuild_queue::{Needs, NewJob, VerdictRow};
use twinbuild_report::{DueWhy, ListProblem, SubjectResult, WatchedList};
use twinbuild_subject::DistributionFileName;
use twinbuild_watch::{List, Reading, WatchTarget, Watched};

use crate::asked::{Asked, SourceChoice};
use crate::due::{MadeWith, Terms, due};

/// What is asked of all subjects of a night where their list says nothing else.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// From what they are built.
    pub from: SourceChoice,
    /// How many recipes may be tried for one.
    pub most_trials: u32,
    /// How long one may take, in seconds.
    pub budget_secs: u64,
    /// The memory that one twin may take, in bytes.
    pub memory_bytes: u64,
    /// Whether no normalizer is used.
    pub is_strict: bool,
    /// On how many hosts each is built: 1 or 2.
    pub hosts: u32,
    /// The most jobs; the others stay due.
    pub most_jobs: Option<u64>,
}

/// What a night is to do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Each watched subject once, in the order of the lists.
    pub subjects: Vec<PlannedSubject>,
    /// Those that are due, in the order in which they are put into the queue.
    pub jobs: Vec<NewJob>,
    /// How many more are due than may be done.
    pub left_out: u64,
    /// The lists.
    pub lists: Vec<WatchedList>,
    /// What of the lists could not be read.
    pub problems: Vec<ListProblem>,
}

/// A watched subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSubject {
    /// By what queue and verdicts know it: its package URL, with the index where it is another one, or its path.
    pub key: String,
    /// The lists that it is in.
    pub lists: Vec<String>,
    /// The project, where it is of one.
    pub project: String,
    /// The version, where it has one.
    pub version: String,
    /// Why it is due; `None` where its verdict stands.
    pub why: Option<DueWhy>,
}

/// What is known of subjects already.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The newest verdict on each.
    pub verdicts: HashMap<String, VerdictRow>,
    /// Those with a job that was given up.
    pub given_up: HashSet<String>,
}

impl Known {
    /// What the newest verdict on a subject says, with when and with what it was made.
    fn standing(&self, key: &str) -> Option<(SubjectResult, MadeWith, &VerdictRow)> {
        let row = self.verdicts.get(key)?;
        // What cannot be read stands for nothing, and is judged again.
        Some((serde_json::from_str(&row.result).ok()?, serde_json::from_str(&row.made_with).ok()?, row))
    }

    /// The newest files of each environment that any verdict was made with, of those that are given, by what was asked for.
    #[must_use]
    pub fn environments(&self) -> BTreeMap<String, String> {
        let mut newest: BTreeMap<String, (i64, String)> = BTreeMap::new();
        for row in self.verdicts.values() {
            let Ok(made) = serde_json::from_str::<MadeWith>(&row.made_with) else { continue };
            if !made.environment.is_empty() && newest.get(&made.environment).is_none_or(|(id, _)| *id < row.id) {
                newest.insert(made.environment, (row.id, made.environment_files));
            }
        }
        newest.into_iter().map(|(environment, (_, files))| (environment, files)).collect()
    }
}

/// A watched file, and what its lists say of it.
struct Entry<'a> {
    key: String,
    watched: &'a Watched,
    asked: Asked,
    lists: Vec<String>,
    /// The list in whose turn it is judged.
    list: &'a str,
    priority: u32,
    max_age: SignedDuration,
}

/// Plans a night. Lists of a lower priority number come first; among those of one number, the first subject of each list, then the second of each.
///
/// # Errors
/// Where what is asked cannot be written as JSON.
pub fn plan(reading: &Reading, known: &Known, terms: &Terms, wishes: &Wishes) -> Result<Plan, serde_json::Error> {
    let mut plan = Plan::default();
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for list in &reading.lists {
        plan.lists.push(WatchedList {
            name: list.name.clone(),
            subjects: u64::try_from(list.subjects.len()).unwrap_or(u64::MAX),
            path: None,
        });
        let problem = |place: Option<String>, what: String, next: Option<&str>| ListProblem {
            list: list.name.clone(),
            place,
            what,
            next: next.map(str::to_owned),
        };
        plan.problems
            .extend(list.problems.iter().map(|found| problem(found.place.clone(), found.what(), found.next())));
        if list.subjects.is_empty() && list.problems.is_empty() {
            let what = match list.notes.first() {
                Some(note) => format!("nothing of it is watched: {note}"),
                None => "nothing of it is watched".to_owned(),
            };
            plan.problems.push(problem(None, what, Some("take other `platforms` or `files`, or remove the list")));
        }
        let (from, max_age) = match wishes_of(list, wishes, terms) {
            Ok(own) => own,
            Err(what) => {
                plan.problems.push(problem(None, what, Some("correct it in twinbuild.toml: the list is not judged")));
                continue;
            }
        };
        for watched in &list.subjects {
            let key = key(watched);
            let asked = asked(watched, from, wishes);
            let Some(known) = at.get(&key).and_then(|index| entries.get_mut(*index)) else {
                at.insert(key.clone(), entries.len());
                let lists = vec![list.name.clone()];
                entries.push(Entry { key, watched, asked, lists, list: &list.name, priority: list.priority, max_age });
                continue;
            };
            match (&known.asked.promised, asked.promised) {
                (Some(one), Some(other)) if *one != other => {
                    let what = format!("it promises another digest for {watched} than {} does", known.lists.join(", "));
                    let next = "one of the two is not the file that is published: look which";
                    plan.problems.push(problem(None, what, Some(next)));
                    continue;
                }
                (None, promised) => known.asked.promised = promised,
                (Some(_), _) => {}
            }
            // Of what lists say of one file, what asks more of it holds.
            known.max_age = known.max_age.min(max_age);
            if list.priority < known.priority {
                (known.priority, known.list) = (list.priority, &list.name);
            }
            if !known.lists.contains(&list.name) {
                known.lists.push(list.name.clone());
            }
        }
    }
    let mut turns: HashMap<&str, i64> = HashMap::new();
    let mut jobs: Vec<NewJob> = Vec::new();
    for Entry { key, watched, asked, lists, list, priority, max_age } in entries {
        let why = why(&key, known, &asked, &Terms { max_age, ..terms.clone() });
        let (project, version) = release(watched);
        plan.subjects.push(PlannedSubject { key: key.clone(), lists, project, version, why });
        let Some(why) = why else { continue };
        let turn = turns.entry(list).or_default();
        jobs.push(NewJob {
            subject: key,
            list: list.to_owned(),
            why: why_name(why),
            asked: asked.to_json()?,
            priority: i64::from(priority),
            turn: *turn,
            needs: needs(watched, wishes),
        });
        *turn += 1;
    }
    jobs.sort_by_key(|job| (job.priority, job.turn));
    let most = wishes.most_jobs.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    plan.left_out = u64::try_from(jobs.len().saturating_sub(most)).unwrap_or(u64::MAX);
    jobs.truncate(most);
    plan.jobs = jobs;
    Ok(plan)
}

/// The name of a reason in the queue.
fn why_name(why: DueWhy) -> String {
    serde_json::to_value(why).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn why(key: &str, known: &Known, asked: &Asked, terms: &Terms) -> Option<DueWhy> {
    match known.standing(key) {
        Some((result, made_with, row)) => due(&result, &made_with, row.judged, (asked, terms)),
        None if known.given_up.contains(key) || known.verdicts.contains_key(key) => Some(DueWhy::FailedBefore),
        None => Some(DueWhy::New),
    }
}

/// What a list asks for itself.
fn wishes_of(list: &List, wishes: &Wishes, terms: &Terms) -> Result<(SourceChoice, SignedDuration), String> {
    let from = match &list.from {
        Some(text) => SourceChoice::named(text).map_err(|error| format!("its key `from`: {error}"))?,
        None => wishes.from,
    };
    let max_age = match &list.max_age {
        Some(text) => duration(text).map_err(|error| format!("its key `max-age`: {error}"))?,
        None => terms.max_age,
    };
    Ok((from, max_age))
}

/// A duration as people write it, such as `30d` or `6h 30min` (the friendly format of the crate jiff); days have 24 hours.
///
/// # Errors
/// What is expected.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let expected = |error: jiff::Error| format!("{text:?} is no duration such as 30d or 6h: {error}");
    let span: Span = text.parse().map_err(expected)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(expected)?;
    if duration.is_negative() { Err(format!("{text:?} is negative")) } else { Ok(duration) }
}

/// By what queue and verdicts know a subject. The same release of another index is another subject.
#[must_use]
pub fn key(watched: &Watched) -> String {
    match (&watched.target, &watched.index_url) {
        (WatchTarget::Release(request), None) => request.to_string(),
        (WatchTarget::Release(request), Some(index)) => {
            // A qualifier of package URLs (purl specification, "Known qualifiers").
            let separator = if request.file_name.is_some() { '&' } else { '?' };
            let index: String = url_escaped(index);
            format!("{request}{separator}repository_url={index}")
        }
        (WatchTarget::Local { path, .. }, _) => path.display().to_string(),
    }
}

fn url_escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~');
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn release(watched: &Watched) -> (String, String) {
    match &watched.target {
        WatchTarget::Release(request) => (request.name.to_string(), request.version.to_string()),
        WatchTarget::Local { path, .. } => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name.parse::<DistributionFileName>() {
                Ok(name) => (name.name().to_string(), name.version().to_string()),
                Err(_) => (name.to_owned(), String::new()),
            }
        }
    }
}

fn asked(watched: &Watched, from: SourceChoice, wishes: &Wishes) -> Asked {
    let (subject, source) = match &watched.target {
        WatchTarget::Release(request) => (request.to_string(), None),
        WatchTarget::Local { path, source } => (path.display().to_string(), source.clone()),
    };
    Asked {
        subject,
        source,
        // What the index lists binds a worker as what a lock file promises does.
        promised: watched.promised.or(watched.listed),
        index_url: watched.index_url.clone(),
        from,
        most_trials: wishes.most_trials,
        budget_secs: wishes.budget_secs,
        is_strict: wishes.is_strict,
        hosts: wishes.hosts,
    }
}

/// What a worker has to have, as far as the file's name says. A worker without it would say `unsupported`.
fn needs(watched: &Watched, wishes: &Wishes) -> Needs {
    let file_name = match &watched.target {
        WatchTarget::Release(request) => request.file_name.clone(),
        WatchTarget::Local { path, .. } => path.file_name().and_then(|name| name.to_str()?.parse().ok()),
    };
    let mut needs = Needs { memory_bytes: wishes.memory_bytes, ..Needs::default() };
    let Some(DistributionFileName::Wheel(wheel)) = file_name else { return needs };
    let is_for = |machine: &str| wheel.platform_tags.iter().any(|tag| tag.contains("linux") && tag.ends_with(machine));
    needs.architecture = match (is_for("x86_64"), is_for("aarch64")) {
        (true, false) => "amd64",
        (false, true) => "arm64",
        _ => "",
    }
    .to_owned();
    let is_2 = |tag: &String| tag.starts_with("py2") || tag.starts_with("cp2");
    if wheel.python_tags.iter().all(is_2) {
        needs.interpreter = "2.7".to_owned();
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use twinbuild_subject::Sha256;
    use twinbuild_watch::Pages;

    fn watched(file: &str) -> Watched {
        let name: DistributionFileName = file.parse().unwrap();
        let request = twinbuild_subject::Request {
            name: name.name().clone(),
            version: name.version().clone(),
            file_name: Some(name),
        };
        Watched {
            target: WatchTarget::Release(request),
            index_url: None,
            promised: None,
            listed: None,
            uploaded: None,
            size_bytes: None,
        }
    }

    fn list(name: &str, priority: u32, files: &[&str]) -> List {
        List {
            name: name.to_owned(),
            priority,
            from: None,
            max_age: None,
            subjects: files.iter().map(|file| watched(file)).collect(),
            problems: Vec::new(),
            notes: Vec::new(),
            indexes: Vec::new(),
        }
    }

    fn wishes() -> Wishes {
        Wishes {
            from: SourceChoice::Sdist,
            most_trials: 24,
            budget_secs: 60,
            memory_bytes: 1,
            is_strict: false,
            hosts: 1,
            most_jobs: None,
        }
    }

    fn terms() -> Terms {
        Terms {
            now: Timestamp::now(),
            max_age: SignedDuration::from_hours(24),
            made_with: MadeWith::now(),
            environments: BTreeMap::new(),
        }
    }

    fn planned(lists: Vec<List>, known: &Known, wishes: &Wishes) -> Plan {
        let reading = Reading { lists, pages: Pages::default() };
        plan(&reading, known, &terms(), wishes).unwrap()
    }

    fn order(plan: &Plan) -> Vec<&str> {
        plan.jobs.iter().map(|job| job.subject.rsplit('=').next().unwrap()).collect()
    }

    #[test]
    fn lists_take_turns_behind_those_of_higher_priority() {
        let lists = vec![
            list("a", 100, &["a-1.tar.gz", "a-2.tar.gz", "a-3.tar.gz"]),
            list("b", 100, &["b-1.tar.gz"]),
            list("c", 1, &["c-1.tar.gz", "a-3.tar.gz"]),
        ];
        let plan = planned(lists, &Known::default(), &wishes());
        assert_eq!(order(&plan), ["a-3.tar.gz", "c-1.tar.gz", "a-1.tar.gz", "b-1.tar.gz", "a-2.tar.gz"]);
        let of_two = plan.subjects.iter().find(|subject| subject.version == "3").unwrap();
        assert_eq!(of_two.lists, ["a", "c"]);
        assert!(plan.jobs.iter().all(|job| job.why == "new"));
    }

    #[test]
    fn a_subject_with_a_verdict_that_stands_is_left_alone() {
        let row = |result: &str| VerdictRow {
            id: 1,
            job: 1,
            night: 1,
            subject: "pkg:pypi/a@1?file_name=a-1.tar.gz".to_owned(),
            project: "a".to_owned(),
            list: "a".to_owned(),
            why: "new".to_owned(),
            outcome: "reproduced".to_owned(),
            digest: String::new(),
            result: result.to_owned(),
            made_with: {
                let asked = asked(&watched("a-1.tar.gz"), SourceChoice::Sdist, &wishes());
                serde_json::to_string(&MadeWith { question: asked.question(), ..MadeWith::now() }).unwrap()
            },
            workers: "[]".to_owned(),
            stored: String::new(),
            judged: Timestamp::now(),
            published: None,
        };
        let known = |result: &str| Known {
            verdicts: HashMap::from([(row(result).subject, row(result))]),
            given_up: HashSet::new(),
        };
        let lists = || vec![list("a", 1, &["a-1.tar.gz", "a-2.tar.gz"])];
        let plan = planned(lists(), &known("{\"subject\":\"x\",\"outcome\":\"reproduced\"}"), &wishes());
        assert_eq!(order(&plan), ["a-2.tar.gz"]);
        assert_eq!(plan.subjects.len(), 2);
        // One that no longer can be read is judged again.
        let plan = planned(lists(), &known("?"), &wishes());
        assert_eq!(plan.jobs[0].why, "failed-before");
    }

    #[test]
    fn no_more_jobs_than_wanted() {
        let wishes = Wishes { most_jobs: Some(2), ..wishes() };
        let plan = planned(vec![list("a", 1, &["a-1.tar.gz", "a-2.tar.gz", "a-3.tar.gz"])], &Known::default(), &wishes);
        assert_eq!((plan.jobs.len(), plan.left_out, plan.subjects.len()), (2, 1, 3));
    }

    #[test]
    fn two_digests_for_one_file_are_a_problem() {
        let pinned = |name: &str, digest: &[u8]| {
            let mut list = list(name, 1, &["a-1.tar.gz"]);
            list.subjects[0].promised = Some(Sha256::of(digest));
            list
        };
        let plan = planned(vec![pinned("a", b"1"), pinned("b", b"2"), pinned("c", b"1")], &Known::default(), &wishes());
        assert_eq!(plan.subjects[0].lists, ["a", "c"]);
        assert_eq!(plan.problems.len(), 1);
        assert!(plan.problems[0].list == "b" && plan.problems[0].what.contains("another digest"));
    }

    #[test]
    fn a_list_without_anything_to_watch_is_a_problem() {
        let plan = planned(vec![list("a", 1, &[])], &Known::default(), &wishes());
        assert_eq!(plan.problems.len(), 1);
    }

    #[test]
    fn a_list_that_asks_for_what_there_is_not_is_a_problem_of_its_own() {
        let wrong = List { max_age: Some("soon".to_owned()), ..list("a", 1, &["a-1.tar.gz"]) };
        let other = List { from: Some("either".to_owned()), ..list("b", 1, &["b-1.tar.gz"]) };
        let plan = planned(vec![wrong, other], &Known::default(), &wishes());
        assert_eq!(plan.problems.len(), 1);
        assert!(plan.problems[0].what.contains("\"soon\""), "{}", plan.problems[0].what);
        assert_eq!(Asked::parse(&plan.jobs[0].asked).unwrap().from, SourceChoice::Either);
    }

    #[test]
    fn a_name_says_what_a_worker_needs() {
        let of = |file: &str| {
            let needs = needs(&watched(file), &wishes());
            (needs.architecture, needs.interpreter)
        };
        let are = |architecture: &str, interpreter: &str| (architecture.to_owned(), interpreter.to_owned());
        assert_eq!(of("a-1-py3-none-any.whl"), are("", ""));
        assert_eq!(of("a-1-py2.py3-none-any.whl"), are("", ""));
        assert_eq!(of("a-1-py2-none-any.whl"), are("", "2.7"));
        assert_eq!(of("a-1-cp311-cp311-manylinux_2_17_aarch64.whl"), are("arm64", ""));
        assert_eq!(of("a-1-cp311-cp311-musllinux_1_1_x86_64.whl"), are("amd64", ""));
        assert_eq!(of("a-1-cp311-cp311-win_amd64.whl"), are("", ""));
        assert_eq!(of("a-1.tar.gz"), are("", ""));
    }

    #[test]
    fn the_same_release_of_another_index_is_another_subject() {
        let own = watched("a-1.tar.gz");
        let other = Watched { index_url: Some("https://index.example/simple/".to_owned()), ..own.clone() };
        assert_ne!(key(&own), key(&other));
        let key = key(&other);
        assert_eq!(key, "pkg:pypi/a@1?file_name=a-1.tar.gz&repository_url=https%3A%2F%2Findex.example%2Fsimple%2F");
        assert!(key.parse::<twinbuild_subject::Request>().is_ok());
    }
}
