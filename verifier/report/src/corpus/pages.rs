//! The page about a list.

use super::{Change, Changes, CorpusReport, Cost, Group, ResultFinding, ResultKind, Spread, SubjectResult, Tally};
use crate::Picture;
use crate::page::{Block, Entry, Inline, Page, Section, Table, Tone, count_of, counted, grouped, name, share, words};
use crate::picture::{Bar, Form, Length};

pub(crate) fn page(report: &CorpusReport) -> Page<'_> {
    let Tally { total, .. } = report.results;
    let (reproduced, exact) = (report.results.reproduced(), report.results.exact());
    let mut sections = vec![results(&report.results)];
    sections.extend(alerts(report));
    sections.extend(report.changes.as_ref().map(changes));
    sections.extend(groups("By year of upload", "year", &report.by_year, Some(by_year(report))));
    sections.extend(groups("By generator", "generator", &report.by_generator, Some(by_generator(report))));
    sections.extend(groups("By ground", "ground", &report.by_ground, None));
    sections.extend(groups("By origin of the recipe", "recipe", &report.by_recipe, None));
    sections.extend(groups("By trust in the source", "trust", &report.by_trust, None));
    sections.extend(rest(report));
    sections.extend(given(report));
    sections.push(cost(report));
    Page {
        word: format!("{} of {} reproduced", grouped(reproduced), grouped(total)).into(),
        tone: if reproduced == total && report.alerts().next().is_none() { Tone::Good } else { Tone::Undecided },
        qualities: vec![share(reproduced, total).into(), format!("{} byte for byte", share(exact, total)).into()],
        about: vec![report.about.list.clone()],
        meaning: vec![
            "Each file of the list was rebuilt twice from its source, and compared three ways.",
            "Byte for byte means bit-for-bit or repacked: from the source, the published file's SHA-256 comes out, without any \
             normalizer. What is not reproduced is no accusation: most such files are honest builds under conditions that were \
             guessed wrong.",
        ],
        sections,
        footer: vec![words("Written by twinbuild "), name(&report.about.tool_version), words(".")],
    }
}

pub(super) fn pictures(report: &CorpusReport) -> Vec<Picture> {
    vec![report.results.picture(), by_year(report), by_generator(report)]
}

fn by_year(report: &CorpusReport) -> Picture {
    shares("years", "Results by the year of upload", &report.by_year)
}

fn by_generator(report: &CorpusReport) -> Picture {
    shares("generators", "Results by the tool that wrote the file", &report.by_generator)
}

/// What became of the subjects of each group, as a picture.
pub(crate) fn shares(name: &'static str, title: &'static str, groups: &[Group]) -> Picture {
    let bars = groups.iter().map(bar).collect();
    Picture { name, title, form: Form::Bars { bars, length: Length::Share } }
}

fn bar(group: &Group) -> Bar {
    let results = &group.results;
    Bar {
        name: group.name.clone(),
        segments: results.kinds.iter().map(|(kind, count)| (*kind, *count)).collect(),
        note: format!("{} of {}", grouped(results.reproduced()), grouped(results.total)),
    }
}

/// How many became what, as a picture and a table.
pub(crate) fn results<'a>(results: &Tally) -> Section<'a> {
    let row = |(kind, count): (&ResultKind, &u64)| {
        vec![vec![words(kind.words())], vec![words(grouped(*count))], vec![words(share(*count, results.total))]]
    };
    let table = Table::new(vec!["result", "files", "share"], results.kinds.iter().map(row));
    Section { title: "Results", blocks: vec![Block::Picture(results.picture()), Block::Table(table)] }
}

/// What is reproduced and is no good news all the same.
fn alerts(report: &CorpusReport) -> Option<Section<'_>> {
    let entries: Vec<Entry> = report.alerts().map(entry).collect();
    (!entries.is_empty()).then(|| Section { title: "Reproduced, with an alert", blocks: vec![Block::Entries(entries)] })
}

/// Rates by something, with a picture of them where there is one.
pub(crate) fn groups<'a>(
    title: &'static str,
    of: &'static str,
    groups: &[Group],
    picture: Option<Picture>,
) -> Option<Section<'a>> {
    let row = |Group { name: of, results }: &Group| {
        let [reproduced, exact] = [results.reproduced(), results.exact()].map(|count| share(count, results.total));
        vec![vec![name(of)], vec![words(grouped(results.total))], vec![words(reproduced)], vec![words(exact)]]
    };
    let table = Table::new(vec![of, "files", "reproduced", "byte for byte"], groups.iter().map(row));
    let mut blocks: Vec<Block<'a>> = picture.into_iter().map(Block::Picture).collect();
    blocks.push(Block::Table(table));
    (!groups.is_empty()).then_some(Section { title, blocks })
}

/// What kept those that were not reproduced: causes, then each file with the command that comes to its verdict again.
fn rest(report: &CorpusReport) -> Option<Section<'_>> {
    if report.causes.is_empty() {
        return None;
    }
    let row = |cause: &super::Cause| {
        let code = if cause.code.is_empty() { Vec::new() } else { vec![name(&cause.code)] };
        vec![vec![words(cause.kind.words())], code, vec![words(grouped(cause.count))]]
    };
    let head = vec!["result", "most severe finding, or reason", "files"];
    let mut blocks = vec![Block::Table(Table::new(head, report.causes.iter().map(row)))];
    blocks.push(Block::Paragraph(vec![words(
        "Each file, with what was found first, and the command that comes to its verdict again. The verdict has all findings.",
    )]));
    for kind in ResultKind::ALL.into_iter().filter(|kind| !kind.is_reproduced()) {
        let entries: Vec<Entry> = report.subjects.iter().filter(|result| result.kind() == kind).map(entry).collect();
        if !entries.is_empty() {
            let summary = format!("{}: {}", kind.words(), counted(count_of(&entries), "file", "files"));
            blocks.push(Block::Folded { summary, blocks: vec![Block::Entries(entries)] });
        }
    }
    Some(Section { title: "What kept the rest", blocks })
}

fn entry(result: &SubjectResult) -> Entry {
    let mut lines = Vec::new();
    if let Some(reason) = &result.reason {
        lines.push(vec![name(&reason.class), words(": "), Inline::Sentence(reason.detail.clone())]);
    }
    lines.extend(findings(&result.findings, result.more_findings));
    lines.extend(result.error.as_ref().map(|error| vec![Inline::Sentence(error.clone())]));
    lines.extend(result.command().map(|command| vec![name(&command)]));
    Entry { severity: None, head: vec![name(&result.shown())], lines }
}

/// A line a finding, and how many more there are.
pub(crate) fn findings(findings: &[ResultFinding], more: u64) -> Vec<Vec<Inline>> {
    let line = |ResultFinding { code, path, detail }: &ResultFinding| {
        let mut line = vec![name(code)];
        if let Some(path) = path {
            line.extend([words(" in "), name(path)]);
        }
        line.extend([words(": "), Inline::Sentence(detail.clone())]);
        line
    };
    let mut lines: Vec<Vec<Inline>> = findings.iter().map(line).collect();
    lines.extend((more > 0).then(|| vec![words(counted(more, "more finding", "more findings"))]));
    lines
}

/// Recipes that were given in part.
fn given(report: &CorpusReport) -> Option<Section<'_>> {
    let entry = |result: &SubjectResult| {
        let given = result.given.as_ref()?;
        let line = vec![name(&given.file), words(": "), Inline::Sentence(given.reason.clone())];
        Some(Entry {
            severity: None,
            head: vec![name(&result.shown()), words(", "), words(result.kind().words())],
            lines: vec![line],
        })
    };
    let entries: Vec<Entry> = report.subjects.iter().filter_map(entry).collect();
    (!entries.is_empty()).then(|| Section { title: "Recipes that were given", blocks: vec![Block::Entries(entries)] })
}

fn changes(changes: &Changes) -> Section<'_> {
    let Changes { before, now, only_before, only_now, .. } = changes;
    let row = |what: &'static str, of: &dyn Fn(&Tally) -> u64| {
        let cell = |tally: &Tally| vec![words(format!("{}, {}", grouped(of(tally)), share(of(tally), tally.total)))];
        vec![vec![words(what)], cell(before), cell(now)]
    };
    let rows = [row("reproduced", &Tally::reproduced), row("byte for byte", &Tally::exact)];
    let mut blocks = vec![Block::Table(Table::new(vec!["", "before", "now"], rows))];
    let mut scope = format!("Of the {} that both runs have.", counted(now.total, "file", "files"));
    if only_before + only_now > 0 {
        scope.push_str(&format!(
            " Only the older run has {}, and only this one {}.",
            grouped(*only_before),
            grouped(*only_now)
        ));
    }
    blocks.push(Block::Paragraph(vec![words(scope)]));
    for (what, changed) in named(changes) {
        let entry = |Change { shown, before, now, .. }: &Change| Entry {
            severity: None,
            head: vec![name(shown)],
            lines: vec![vec![Inline::Sentence(before.clone()), words(" before, now "), Inline::Sentence(now.clone())]],
        };
        if !changed.is_empty() {
            let summary = format!("{what}: {}", counted(count_of(changed), "file", "files"));
            let entries = Block::Entries(changed.iter().map(entry).collect());
            blocks.push(Block::Folded { summary, blocks: vec![entries] });
        }
    }
    Section { title: "Changes since the older run", blocks }
}

/// The kinds of changes, the most important first.
pub(super) fn named(changes: &Changes) -> [(&'static str, &[Change]); 4] {
    [
        ("no longer reproduced", &changes.no_longer_reproduced),
        ("newly reproduced", &changes.newly_reproduced),
        ("another level", &changes.other_level),
        ("another cause", &changes.other_cause),
    ]
}

fn cost(report: &CorpusReport) -> Section<'_> {
    let (cost, about, total) = (&report.cost, &report.about, report.results.total);
    let mut of_run: Vec<_> = facts(cost, total).into_iter().map(|(of, text)| (of, vec![words(text)])).collect();
    of_run.push(("command", vec![name(&about.command)]));
    of_run.push(("machine", vec![words(counted(about.processors, "processor", "processors"))]));
    let mut blocks = vec![Block::Facts(of_run)];
    let trials = cost.trials.distribution.iter().map(|(trials, files)| {
        vec![vec![words(grouped(*trials))], vec![words(grouped(*files))], vec![words(share(*files, total))]]
    });
    blocks.push(Block::Table(Table::new(vec!["recipes tried", "files", "share"], trials)));
    let steps = cost.steps.iter().map(|(step, spread)| {
        let Spread { total_ms, median_ms, ninth_decile_ms, longest_ms, .. } = *spread;
        let durations = [median_ms, ninth_decile_ms, longest_ms, total_ms].map(|millis| vec![words(duration(millis))]);
        std::iter::once(vec![name(step)]).chain(durations).collect()
    });
    blocks.push(Block::Table(Table::new(vec!["step", "median", "nine of ten", "longest", "in all"], steps)));
    Section { title: "Cost", blocks }
}

/// What a run took, in words of ours.
pub(super) fn facts(cost: &Cost, total: u64) -> Vec<(&'static str, String)> {
    let mean = cost.trials.mean_of_misses_in_hundredths();
    let trials = format!(
        "{}.{:02} on average, for the {} that the first one did not reproduce",
        mean / 100,
        mean % 100,
        counted(cost.trials.misses, "file", "files")
    );
    if cost.measured == 0 {
        return vec![("recipes tried", trials)];
    }
    let of =
        if cost.measured == total { String::new() } else { format!(", for {} of the files", grouped(cost.measured)) };
    // Tenths of a percent, rounded up: a cost is never said to be lower than it is.
    let outside = cost.outside_builds_ms();
    let tenths = outside.saturating_mul(1000).div_ceil(cost.processor_ms.max(1));
    vec![
        ("whole run", duration(cost.wall_ms) + &of),
        ("recipes tried", trials),
        (
            "processor time",
            format!(
                "{}, of which {} in builds; {}.{} % outside of them",
                duration(cost.processor_ms),
                duration(cost.build_processor_ms),
                tenths / 10,
                tenths % 10
            ),
        ),
    ]
}

/// A duration for a reader, rounded up.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis.div_ceil(1000);
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => {
            let tenths = millis.div_ceil(100);
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_at_once() {
        let shown = [0, 999, 1000, 59_940, 60_000, 599_001, 3_661_000].map(duration);
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "60.0 s", "1 min 0 s", "10 min 0 s", "1 h 1 min"]);
    }
}
