//! Findings in the making.

use std::collections::BTreeMap;

use twinbuild_archive::Anomaly;
use twinbuild_subject::MemberPath;

use super::binary::Tally;
use super::content::{self, Explanation, Names, OTHER_RELEASES, PUBLISHED, TWINS};
use super::excerpt::{Excerpt, counted, cut};
use super::fields::named;
use super::stream;
use crate::finding::{Finding, Severity, order};
use crate::side::{CompareError, Side};

/// Excerpts of one report.
const EXCERPTS: usize = 100;
/// Bytes of all of them.
const EXCERPT_BYTES: usize = 256 << 10;
/// Contents up to this size are held in memory to explain them, in bytes.
const HELD_BYTES: u64 = 32 << 20;
/// Bytes of contents that are read again to explain differences, of both sides and of all members together.
const READ_BYTES: u64 = 1 << 30;
/// Lines of text that are compared with each other for one report: in the worst case the time grows with the square of those
/// of one member, so not all members may have the most.
const COMPARED_LINES: usize = 400_000;
/// What is said of the place of a difference, in bytes.
const PLACE_BYTES: usize = 1000;
/// Anomalies of one code and wording are one finding where there are so many.
const MERGED: usize = 4;

/// A finding whose contents are not compared yet.
pub(crate) struct Draft<'a> {
    finding: Finding,
    cause: Cause<'a>,
}

/// What a finding comes from, if there is more to say about it.
enum Cause<'a> {
    /// Nothing more is to be said.
    Plain,
    /// Two contents.
    Contents(Contents<'a>),
    /// An anomaly of an archive, which others may have too.
    Anomaly(Anomaly, &'static str),
}

/// Two members that differ.
#[derive(Clone, Copy)]
struct Contents<'a> {
    old: Side<'a>,
    partner: usize,
    new: Side<'a>,
    index: usize,
    names: Names,
}

impl From<Finding> for Draft<'_> {
    fn from(finding: Finding) -> Self {
        Self { finding, cause: Cause::Plain }
    }
}

impl<'a> Draft<'a> {
    /// The content of the published member `index` differs from that of the rebuilt member `partner`.
    pub(crate) fn of_published(
        code: &'static str,
        severity: Severity,
        published: Side<'a>,
        index: usize,
        rebuilt: Side<'a>,
        partner: usize,
    ) -> Self {
        let contents = Contents { old: rebuilt, partner, new: published, index, names: PUBLISHED };
        let detail = format!("its content differs from the rebuild's ({})", contents.sizes());
        let finding = Finding::of(code, severity, &published.member(index).path, detail);
        Self { finding, cause: Cause::Contents(contents) }
    }

    /// The content of a member differs between the twins.
    pub(crate) fn of_twins(
        code: &'static str,
        severity: Severity,
        first: Side<'a>,
        index: usize,
        second: Side<'a>,
        partner: usize,
    ) -> Self {
        let contents = Contents { old: first, partner: index, new: second, index: partner, names: TWINS };
        let detail = format!("its content differs between the rebuilds ({})", contents.sizes());
        let finding = Finding::of(code, severity, &first.member(index).path, detail);
        Self { finding, cause: Cause::Contents(contents) }
    }

    /// The content of the rebuilt member `index` differs from what other releases of the build requirements make of it.
    pub(crate) fn of_releases(
        code: &'static str,
        severity: Severity,
        (built, index): (Side<'a>, usize),
        (other, partner): (Side<'a>, usize),
        detail: &str,
    ) -> Self {
        let contents = Contents { old: other, partner, new: built, index, names: OTHER_RELEASES };
        let detail = format!("{detail} ({})", contents.sizes());
        let finding = Finding::of(code, severity, &built.member(index).path, detail);
        Self { finding, cause: Cause::Contents(contents) }
    }

    /// An anomaly of `of`, such as "the published file".
    pub(crate) fn of_anomaly(anomaly: &Anomaly, severity: Severity, of: &'static str) -> Self {
        let Anomaly { code, offset, length, path, detail } = anomaly;
        let detail = format!("{detail} (in {of}, {length} bytes at offset {offset})");
        let finding = Finding::new(code, severity, path.clone(), detail);
        Self { finding, cause: Cause::Anomaly(anomaly.clone(), of) }
    }
}

/// The findings, sorted for a reader, with what exactly differs in the first of them.
pub(crate) fn report(drafts: Vec<Draft<'_>>) -> Result<Vec<Finding>, CompareError> {
    let mut drafts = merged(drafts);
    drafts.sort_by(|(a, _), (b, _)| order(a, b));
    let (mut excerpts_left, mut excerpt_bytes_left, mut read_bytes_left) = (EXCERPTS, EXCERPT_BYTES, READ_BYTES);
    let mut lines_left = COMPARED_LINES;
    let mut findings = Vec::with_capacity(drafts.len());
    for (mut finding, source) in drafts {
        let excerpt = match source {
            Source::None => Excerpt::default(),
            Source::Excerpt(excerpt) => excerpt,
            Source::Contents(contents) => {
                let Explanation { place, excerpt } =
                    contents.explain(excerpts_left > 0 && lines_left > 0, &mut read_bytes_left)?;
                if !place.is_empty() {
                    finding.detail = format!("{}: {}", finding.detail, cut(place, PLACE_BYTES));
                }
                lines_left = lines_left.saturating_sub(excerpt.compared_lines());
                excerpt
            }
        };
        let excerpt = excerpt.finish();
        let bytes: usize = excerpt.iter().map(String::len).sum();
        if excerpts_left > 0 && !excerpt.is_empty() && bytes <= excerpt_bytes_left {
            excerpts_left -= 1;
            excerpt_bytes_left -= bytes;
            finding.excerpt = excerpt;
        }
        findings.push(finding);
    }
    findings.sort_by(order);
    Ok(findings)
}

/// Where the excerpt of a finding comes from.
enum Source<'a> {
    None,
    Excerpt(Excerpt),
    Contents(Contents<'a>),
}

/// Makes one finding of anomalies that say the same, and keeps all else.
fn merged(drafts: Vec<Draft<'_>>) -> Vec<(Finding, Source<'_>)> {
    type Same = (&'static str, Severity, &'static str, String);
    let mut found = Vec::new();
    let mut groups: BTreeMap<Same, Vec<(Finding, Anomaly)>> = BTreeMap::new();
    for Draft { finding, cause } in drafts {
        match cause {
            Cause::Plain => found.push((finding, Source::None)),
            Cause::Contents(contents) => found.push((finding, Source::Contents(contents))),
            Cause::Anomaly(anomaly, of) => {
                let same = (anomaly.code, finding.severity, of, anomaly.detail.clone());
                groups.entry(same).or_default().push((finding, anomaly));
            }
        }
    }
    for ((code, severity, of, detail), group) in groups {
        if group.len() < MERGED {
            found.extend(group.into_iter().map(|(finding, _)| (finding, Source::None)));
            continue;
        }
        let mut anomalies: Vec<Anomaly> = group.into_iter().map(|(_, anomaly)| anomaly).collect();
        anomalies.sort_by(|a, b| (a.offset, &a.path).cmp(&(b.offset, &b.path)));
        let mut paths: Vec<&MemberPath> = anomalies.iter().filter_map(|anomaly| anomaly.path.as_ref()).collect();
        paths.dedup();
        let first: Vec<String> = paths.iter().take(3).map(ToString::to_string).collect();
        let places = counted(anomalies.len() as u64, "time");
        let members = match paths.len() as u64 {
            0 => String::new(),
            count => format!(", of {}: {}", counted(count, "member"), named(&first, count, "member")),
        };
        let mut excerpt = Excerpt::default();
        for Anomaly { offset, length, path, .. } in &anomalies {
            let path = path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
            excerpt.push(format!("{path}{} at offset {offset}", counted(*length, "byte")));
        }
        let finding = Finding::whole(code, severity, format!("{detail} (in {of}, {places}{members})"));
        found.push((finding, Source::Excerpt(excerpt)));
    }
    found
}

impl Contents<'_> {
    fn sizes(&self) -> String {
        let (old, new) = (self.old.member(self.partner), self.new.member(self.index));
        content::sizes(old.size_bytes, new.size_bytes, self.names)
    }

    /// What exactly differs; nothing where too much was read already. Without `in_full`, only the first difference.
    fn explain(&self, in_full: bool, read_bytes_left: &mut u64) -> Result<Explanation, CompareError> {
        let Self { old, partner, new, index, names } = *self;
        let (was, is) = (old.member(partner), new.member(index));
        let needed = was.size_bytes.saturating_add(is.size_bytes);
        let nothing = Explanation { place: String::new(), excerpt: Excerpt::default() };
        if !was.is_file() || !is.is_file() || needed > *read_bytes_left {
            return Ok(nothing);
        }
        *read_bytes_left -= needed;
        // Expanding is most of the work.
        let (a, b) = std::thread::scope(|scope| {
            let other = scope.spawn(move || new.content_up_to(index, HELD_BYTES));
            let content = old.content_up_to(partner, HELD_BYTES);
            (content, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        if let (Some(a), Some(b)) = (a?, b?) {
            if in_full {
                return Ok(content::explain(&is.path, &a, &b, names, 0));
            }
            let at = super::binary::common_prefix(&a, &b);
            return Ok(Explanation { place: format!("the first difference at offset {at:#x}"), ..nothing });
        }
        let tally = stream::tally(&old, partner, &new, index)?;
        let common = was.size_bytes.min(is.size_bytes);
        let place = match (tally.runs, was.size_bytes == is.size_bytes) {
            (0, _) => format!("the first {} are the same", counted(common, "byte")),
            (_, true) => tally.sentence(),
            (_, false) => format!("{} of the first {common}", Tally::sentence(&tally)),
        };
        Ok(Explanation { place, ..nothing })
    }
}
