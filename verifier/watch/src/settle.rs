//! From what a list asks for to its subjects: what indexes are asked, and what becomes of their answers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pep440_rs::Version;
use twinbuild_registry::{ProjectPage, PypiIndex, RegistryError};
use twinbuild_subject::{DistributionFileName, PackageName, Sha256};

use crate::draft::Draft;
use crate::want::{Answer, Asked, Item, ListedFile, Pinned, Want};
use crate::{Asking, FileChoice, Pages, Trouble, WatchState, WatchTarget, Watched};

/// How many pages are asked for at once. PyPI answers from a cache near by, and one page of many takes some 100 ms.
const AT_ONCE: usize = 8;

/// An entry that an index is asked about, and what is known of it so far.
struct Question {
    want: Want,
    /// For digests: those that were found.
    found: BTreeMap<Sha256, (PypiIndex, ListedFile)>,
    /// For releases: the chosen files.
    chosen: Option<(PypiIndex, Vec<ListedFile>)>,
    other_bytes: BTreeSet<Sha256>,
    unfit: Vec<Version>,
    /// What is wrong, whatever other indexes say.
    troubles: Vec<Trouble>,
    /// Why an index did not answer.
    failures: Vec<Trouble>,
    /// Indexes have no such project or release: no trouble where another one has it.
    unknown: Vec<Trouble>,
    is_over: bool,
}

enum Entry {
    Ready(Box<Watched>),
    Question(Box<Question>),
}

/// One page to ask for.
struct Task {
    /// Which entry it is about.
    at: usize,
    index: PypiIndex,
    name: PackageName,
    asked: Asked,
    /// The page that was read before, and what was chosen of it.
    known: Option<(Sha256, Vec<ListedFile>)>,
}

/// What came of it.
enum Reply {
    Unchanged,
    Read { page: Sha256, serial: Option<u64>, answer: Answer },
    Failed(RegistryError),
}

/// Asks what is to be asked. The subjects come in the order of the entries, each once.
pub(crate) fn settle(
    draft: &mut Draft<'_>,
    choice: &FileChoice,
    state: &mut WatchState,
    pages: &mut Pages,
) -> Vec<Watched> {
    let items = std::mem::take(&mut draft.items).into_iter();
    let mut entries: Vec<Entry> = items
        .map(|item| match item {
            Item::Ready(watched) => Entry::Ready(watched),
            Item::Want(want) => Entry::Question(Box::new(Question::new(want, state))),
        })
        .collect();
    for round in 0.. {
        let tasks = tasks(&mut entries, round, choice, state);
        if tasks.is_empty() && entries.iter().all(|entry| entry.is_over_by(round)) {
            break;
        }
        let asking = draft.asking;
        let replies = some_at_once(&tasks, |task| ask(asking, task, choice));
        for (task, reply) in tasks.into_iter().zip(replies) {
            if let Some(Entry::Question(question)) = entries.get_mut(task.at) {
                pages.asked += 1;
                pages.unchanged += usize::from(matches!(reply, Reply::Unchanged));
                question.take(task, reply, choice, state);
            }
        }
    }
    let mut seen = HashSet::new();
    let mut subjects = Vec::new();
    for entry in entries {
        let watched = match entry {
            Entry::Ready(watched) => vec![*watched],
            Entry::Question(question) => question.settle(draft, choice),
        };
        subjects.extend(watched.into_iter().filter(|watched| seen.insert(watched.key())));
    }
    subjects
}

/// What is to be asked of the index that comes at this place among those of each entry.
fn tasks(entries: &mut [Entry], round: usize, choice: &FileChoice, state: &mut WatchState) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (at, entry) in entries.iter_mut().enumerate() {
        let Entry::Question(question) = entry else { continue };
        let Some(index) = question.want.indexes.get(round).filter(|_| !question.is_over).cloned() else { continue };
        let name = question.want.name.clone();
        let known = question.want.asked.key(choice).and_then(|key| {
            let (files, was_asked) = state.choice(&index, &name, &key)?;
            if was_asked {
                state.use_choice(&index, &name, &key);
                question.chosen = Some((index.clone(), files));
                question.is_over = true;
                return None;
            }
            Some((state.page(&index, &name)?, files))
        });
        if !question.is_over {
            tasks.push(Task { at, index, name, asked: question.open(), known });
        }
    }
    tasks
}

fn ask(asking: &dyn Asking, task: &Task, choice: &FileChoice) -> Reply {
    let known = task.known.as_ref().map(|(page, _)| page);
    match asking.project(&task.index, &task.name, known) {
        Ok(ProjectPage::Unchanged) => Reply::Unchanged,
        Ok(ProjectPage::Changed { sha256, project }) => {
            Reply::Read { page: sha256, serial: project.serial, answer: Answer::of(&project, &task.asked, choice) }
        }
        Err(error) => Reply::Failed(error),
    }
}

/// What `each` makes of the tasks, in their order.
fn some_at_once<T: Sync, R: Send>(tasks: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, each) = (AtomicUsize::new(0), &each);
    let mut replies: Vec<(usize, R)> = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(at) else { return done };
                done.push((at, each(task)));
            }
        };
        let workers: Vec<_> = (0..AT_ONCE.min(tasks.len())).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    replies.sort_by_key(|(at, _)| *at);
    replies.into_iter().map(|(_, reply)| reply).collect()
}

impl Entry {
    /// Whether no index is left to ask after those before `round`.
    fn is_over_by(&self, round: usize) -> bool {
        match self {
            Self::Ready(_) => true,
            Self::Question(question) => question.is_over || question.want.indexes.len() <= round,
        }
    }
}

impl Question {
    fn new(want: Want, state: &mut WatchState) -> Self {
        let mut question = Self {
            want,
            found: BTreeMap::new(),
            chosen: None,
            other_bytes: BTreeSet::new(),
            unfit: Vec::new(),
            troubles: Vec::new(),
            failures: Vec::new(),
            unknown: Vec::new(),
            is_over: false,
        };
        if let Asked::Digests { pinned, .. } = &question.want.asked {
            for Pinned { sha256, .. } in pinned {
                let known = question
                    .want
                    .indexes
                    .iter()
                    .find_map(|index| Some((index.clone(), state.file(index, &question.want.name, *sha256)?)));
                question.found.extend(known.map(|known| (*sha256, known)));
            }
            question.is_over = pinned.iter().all(|pinned| question.found.contains_key(&pinned.sha256));
        }
        question
    }

    /// What is still asked.
    fn open(&self) -> Asked {
        match &self.want.asked {
            Asked::Digests { version, pinned } => {
                let is_open = |pinned: &&Pinned| !self.found.contains_key(&pinned.sha256);
                let pinned = pinned.iter().filter(is_open).cloned().collect();
                Asked::Digests { version: version.clone(), pinned }
            }
            other => other.clone(),
        }
    }

    fn take(&mut self, task: Task, reply: Reply, choice: &FileChoice, state: &mut WatchState) {
        let Task { index, name, asked, known, .. } = task;
        let key = asked.key(choice);
        match reply {
            Reply::Unchanged => {
                state.unchanged(&index, &name);
                if let (Some(key), Some((_, files))) = (key, known) {
                    state.use_choice(&index, &name, &key);
                    self.chosen = Some((index, files));
                    self.is_over = true;
                }
            }
            Reply::Read { page, serial, mut answer } => {
                if let (Some(before), Some(found)) = (state.changed(&index, &name, page, serial), serial) {
                    let index = index.to_string();
                    answer.troubles.insert(0, Trouble::OlderPage { name: name.clone(), index, before, found });
                }
                match key {
                    Some(key) if answer.is_plain() => state.keep_choice(&index, &name, &key, &answer.files),
                    Some(_) => {}
                    None => state.keep_files(&index, &name, &answer.files),
                }
                self.take_answer(index, answer);
            }
            Reply::Failed(error) => {
                let is_unknown = matches!(error, RegistryError::UnknownProject { .. });
                let trouble = Trouble::Index { name, reason: with_causes(&error) };
                if is_unknown {
                    self.unknown.push(trouble);
                } else {
                    self.failures.push(trouble);
                    // Who could not be asked may have it: another one of the same name is not taken for it. A digest is the same
                    // wherever it is found.
                    self.is_over = !matches!(asked, Asked::Digests { .. });
                }
            }
        }
    }

    fn take_answer(&mut self, index: PypiIndex, mut answer: Answer) {
        if answer.is_unknown {
            self.unknown.extend(answer.troubles.pop());
            self.troubles.extend(answer.troubles);
            return;
        }
        self.troubles.extend(answer.troubles);
        self.unfit.extend(answer.unfit);
        self.other_bytes.extend(answer.other_bytes);
        if let Asked::Digests { .. } = self.want.asked {
            self.is_over = answer.missing.is_empty();
            for file in answer.files {
                self.found.extend(file.sha256.map(|sha256| (sha256, (index.clone(), file.clone()))));
            }
        } else {
            self.chosen = Some((index, answer.files));
            self.is_over = true;
        }
    }

    /// Tells what is wrong, and gives what is watched.
    fn settle(mut self, draft: &mut Draft<'_>, choice: &FileChoice) -> Vec<Watched> {
        let place = self.want.place.clone();
        for trouble in std::mem::take(&mut self.troubles) {
            draft.problem(place.clone(), trouble);
        }
        match self.want.asked.clone() {
            Asked::Digests { version, pinned } => self.settle_digests(draft, choice, version.as_ref(), pinned),
            Asked::Version(_) | Asked::Newest(_) => {
                let Some((index, files)) = self.chosen.take() else {
                    for trouble in self.failures.into_iter().chain(self.unknown) {
                        draft.problem(place.clone(), trouble);
                    }
                    return Vec::new();
                };
                for version in &self.unfit {
                    draft.nothing_fits(&self.want.name, version, choice);
                }
                let named = |file: ListedFile| Some((file.file_name.parse().ok()?, file));
                let files = files.into_iter().filter_map(named);
                files.map(|(file_name, file)| draft.on_index(&index, file_name).listed_as(&file)).collect()
            }
        }
    }

    fn settle_digests(
        self,
        draft: &mut Draft<'_>,
        choice: &FileChoice,
        version: Option<&Version>,
        pinned: Vec<Pinned>,
    ) -> Vec<Watched> {
        let Self { want: Want { name, indexes, place, .. }, found, other_bytes, failures, unknown, .. } = self;
        let of = version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"));
        let (mut files, mut others, mut missing) = (Vec::new(), 0_usize, Vec::new());
        for pinned in pinned {
            // One digest may be pinned twice.
            let Some((index, file)) = found.get(&pinned.sha256).cloned() else {
                missing.push(pinned);
                continue;
            };
            match file.file_name.parse::<DistributionFileName>() {
                Ok(file_name) if *file_name.name() == name && version.is_none_or(|of| of == file_name.version()) => {
                    files.push((file_name, index, file));
                }
                Ok(_) => {
                    let file_name = file.file_name;
                    draft.problem(place.clone(), Trouble::OtherRelease { of: of.clone(), file_name });
                }
                Err(_) => others += 1,
            }
        }
        if others > 0 {
            draft.note(&format!(
                "{name} pins {others} files that are neither wheels nor sdists, which no installer takes"
            ));
        }
        let is_any = !files.is_empty();
        let chosen = choice.choose(files, |(file_name, ..)| file_name);
        if let (true, true, Some(version)) = (is_any, chosen.is_empty(), version) {
            draft.nothing_fits(&name, version, choice);
        }
        let each = |(file_name, index, file): (DistributionFileName, PypiIndex, ListedFile)| Watched {
            promised: file.sha256,
            ..draft.on_index(&index, file_name).listed_as(&file)
        };
        let mut watched: Vec<Watched> = chosen.into_iter().map(each).collect();
        let (was_answered, unknown_by_all) = (failures.is_empty(), unknown.len() == indexes.len());
        if !missing.is_empty() {
            for failure in failures {
                draft.problem(place.clone(), failure);
            }
        }
        // That no index has such a project says it of all its digests.
        let mut unknown = unknown.into_iter().filter(|_| unknown_by_all);
        for Pinned { sha256, file_name, local } in missing.into_iter().filter(|_| was_answered) {
            let index = indexes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            if let Some(file_name) = file_name.as_ref().filter(|_| other_bytes.contains(&sha256)) {
                let file_name = file_name.text().to_owned();
                draft.problem(place.clone(), Trouble::OtherBytes { file_name, sha256, index });
            } else if local.is_none() {
                match unknown.next() {
                    Some(unknown) => {
                        draft.problem(place, unknown);
                        return watched;
                    }
                    None => {
                        let of = of.clone();
                        draft.problem(place.clone(), Trouble::NotListed { of, sha256, index });
                    }
                }
            }
            watched.extend(local.map(|local| Watched {
                target: WatchTarget::Local { path: local.path, source: local.source },
                index_url: None,
                promised: Some(sha256),
                listed: None,
                uploaded: None,
                size_bytes: Some(local.size_bytes),
            }));
        }
        watched
    }
}

/// An error with what caused it, in one line.
fn with_causes(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
