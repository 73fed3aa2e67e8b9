//! Reports for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use twinbuild_compare::{Finding, MemberResult, Severity};
use twinbuild_verdict::{CrossBuild, CrossEnd, Outcome, Verdict};

use crate::escape::{escape, on_one_line};
use crate::page::LineKind;
use crate::pages::{Normalized, by_normalizer};
use crate::search;
use crate::{FileComparison, ResultKind, UnreadFile, meaning};

/// At most this many findings of one severity are shown; the JSON form has all.
const SHOWN_FINDINGS: usize = 20;

/// At most this many lines of an excerpt are shown.
const SHOWN_LINES: usize = 12;

/// Whether there is colour. Nothing essential is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours.
    Colour,
    /// None.
    Plain,
}

/// The news first, with a line end behind each line.
pub(crate) fn verdict(verdict: &Verdict, style: Style) -> String {
    let mut out = headline(verdict, style);
    for sentence in meaning::of_verdict(verdict) {
        out.push_str(&wrapped(sentence));
    }
    if let Some(reason) = &verdict.reason {
        line(&mut out, "reason", &format!("{}: {}", reason.class, reason.detail));
    }
    out.push_str(&findings(&verdict.findings, style));
    subject_and_source(&mut out, verdict);
    if let Some(summary) = search::summary(verdict) {
        line(&mut out, "search", &summary);
    }
    twins(&mut out, verdict);
    if let Some(comparison) = &verdict.comparison {
        let (files, bytes) = (&comparison.files, &comparison.bytes);
        let mut parts = vec![format!("{} of {} identical", files.identical, files.total)];
        let counts = [
            (files.normalized, "normalized"),
            (files.differing, "differing"),
            (files.only_published, "only published"),
            (files.only_rebuilt, "only rebuilt"),
        ];
        parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        parts.push(format!("{} verbatim from the source, {} generated", files.verbatim, files.generated));
        parts.extend((files.unsourced > 0).then(|| format!("{} from nowhere", files.unsourced)));
        line(&mut out, "files", &parts.join(", "));
        let mut parts = vec![format!("{} of {} identical", bytes.identical, bytes.total)];
        let counts = [
            (bytes.container, "container parameters"),
            (bytes.normalized, "normalized"),
            (bytes.differing, "differing"),
        ];
        parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        line(&mut out, "bytes", &parts.join(", "));
        natives(&mut out, &comparison.members);
    }
    cross_builds(&mut out, verdict);
    for ((name, version), Normalized { members, bytes }) in by_normalizer(&verdict.normalizers_applied) {
        let place = match members.as_slice() {
            [path] => path.to_string(),
            paths => format!("{} members", paths.len()),
        };
        line(&mut out, "normalized", &format!("{name} v{version}: {place}, {bytes} bytes"));
    }
    if let Some(digest) = &verdict.verdict_digest {
        line(&mut out, "verdict", &format!("sha256:{digest}"));
    }
    if let Some(tail) = &verdict.run.log_tail {
        let _ = writeln!(out, "  the end of the build's log:"); // writing to a String cannot fail
        for log_line in tail.lines() {
            let _ = writeln!(out, "    | {}", escape(log_line));
        }
    }
    out
}

/// What was built with other releases of the build requirements.
fn cross_builds(out: &mut String, verdict: &Verdict) {
    for CrossBuild { exchanged, end } in verdict.cross_checks.iter().flat_map(|checks| &checks.builds) {
        let others: Vec<String> = exchanged.iter().map(ToString::to_string).collect();
        let became = match end {
            CrossEnd::Same => "what is run and required is the same".to_owned(),
            CrossEnd::Differs { .. } => "what is run or required differs".to_owned(),
            CrossEnd::Failed { reason } => format!("nothing to compare: {reason}"),
        };
        line(out, "built with", &format!("{}: {became}", others.join(", ")));
    }
}

/// What became of each program and library.
fn natives(out: &mut String, members: &[MemberResult]) {
    let natives: Vec<&MemberResult> = members.iter().filter(|member| member.is_native).collect();
    for MemberResult { path, result, origin, .. } in natives.iter().take(SHOWN_FINDINGS) {
        line(out, "native code", &format!("{path}: {}, {}", meaning::member(*result), meaning::origin(*origin)));
    }
    if natives.len() > SHOWN_FINDINGS {
        line(out, "", &format!("{} more: see --format html or json", natives.len() - SHOWN_FINDINGS));
    }
}

/// The relation, and what differs.
pub(crate) fn comparison(comparison: &FileComparison, style: Style) -> String {
    format!("{}\n{}", meaning::relation(comparison.relation), findings(&comparison.findings, style))
}

/// Why there is nothing to compare.
pub(crate) fn unread(unread: &UnreadFile, style: Style) -> String {
    let UnreadFile { why, file, detail, findings } = unread;
    let detail = indented(detail, 2);
    format!("{}  {}\n  {detail}\n{}", meaning::why_unread(*why), on_one_line(file), self::findings(findings, style))
}

/// A line with a name in front. Further lines of the value are indented, so that none can pass for a line of ours.
fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<11} {}", indented(value, 14)); // writing to a String cannot fail
}

/// A sentence of ours as indented lines of at most 100 columns.
fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in sentence.split(' ') {
        let is_first = text.is_empty();
        if is_first || column + 1 + word.len() > 100 {
            text.push_str(if is_first { " " } else { "\n " });
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + word.len();
    }
    text + "\n"
}

/// Escaped text, with the lines after the first one indented by `width`.
fn indented(text: &str, width: usize) -> String {
    escape(text).replace('\n', &format!("\n{:width$}", ""))
}

fn paint(out: &mut String, style: Style, ansi: Ansi, text: &str) {
    match style {
        Style::Colour => {
            let _ = write!(out, "{ansi}{text}{ansi:#}"); // writing to a String cannot fail
        }
        Style::Plain => out.push_str(text),
    }
}

/// What became of a file, in the colour of its outcome; an alert takes the colour of good news away.
pub(crate) fn paint_kind(out: &mut String, style: Style, kind: ResultKind, is_good: bool) {
    let colour = match kind {
        ResultKind::BitForBit | ResultKind::Repacked | ResultKind::Normalized if is_good => AnsiColor::Green,
        ResultKind::Packaging | ResultKind::Code | ResultKind::Unsourced | ResultKind::Rejected => AnsiColor::Red,
        ResultKind::BitForBit
        | ResultKind::Repacked
        | ResultKind::Normalized
        | ResultKind::Nondeterministic
        | ResultKind::Unbuildable
        | ResultKind::Inconclusive
        | ResultKind::Unsupported
        | ResultKind::SourceMissing
        | ResultKind::NoVerdict => AnsiColor::Yellow,
    };
    paint(out, style, Ansi::new().bold().fg_color(Some(colour.into())), kind.words());
}

/// How much something matters, in a word, in its colour.
pub(crate) fn paint_severity(out: &mut String, style: Style, severity: Severity) {
    let colour = match severity {
        Severity::Alert => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    paint(out, style, Ansi::new().bold().fg_color(Some(colour.into())), meaning::severity(severity));
}

/// The outcome, its qualities and the file's name, as one line.
#[must_use]
pub fn headline(verdict: &Verdict, style: Style) -> String {
    let mut line = String::new();
    let out = &mut line;
    let colour = match verdict.outcome {
        Outcome::Reproduced => AnsiColor::Green,
        Outcome::Rejected | Outcome::NotReproduced => AnsiColor::Red,
        Outcome::Nondeterministic
        | Outcome::Unsupported
        | Outcome::SourceMissing
        | Outcome::Inconclusive
        | Outcome::Unbuildable => AnsiColor::Yellow,
    };
    let qualities = meaning::qualities(verdict);
    paint(out, style, Ansi::new().bold().fg_color(Some(colour.into())), verdict.outcome.name());
    if !qualities.is_empty() {
        out.push_str(&format!(" ({})", qualities.join("; ")));
    }
    out.push_str(&format!("  {}\n", on_one_line(&verdict.subject.file_name)));
    line
}

/// Findings as lines of text, the most severe first, at most 20 of each severity.
#[must_use]
pub fn findings(findings: &[Finding], style: Style) -> String {
    let mut out = String::new();
    for severity in [Severity::Alert, Severity::Warning, Severity::Note] {
        let of_severity: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
        for finding in of_severity.iter().take(SHOWN_FINDINGS) {
            out.push_str("  ");
            paint_severity(&mut out, style, severity);
            let path = finding.path.as_ref().map(|path| format!(" {path}:")).unwrap_or_default();
            out.push_str(&format!(" [{}]{path} {}\n", on_one_line(&finding.code), indented(&finding.detail, 6)));
            excerpt(&mut out, &finding.excerpt, style);
        }
        if of_severity.len() > SHOWN_FINDINGS {
            out.push_str(&format!(
                "  {} more of this severity: see --format html or json\n",
                of_severity.len() - SHOWN_FINDINGS
            ));
        }
    }
    out
}

/// What differs, behind bars, so that no line of it can pass for a line of ours.
fn excerpt(out: &mut String, lines: &[String], style: Style) {
    for line in lines.iter().take(SHOWN_LINES) {
        out.push_str("      | ");
        let ansi = match LineKind::of(line) {
            LineKind::Added => Ansi::new().fg_color(Some(AnsiColor::Green.into())),
            LineKind::Removed => Ansi::new().fg_color(Some(AnsiColor::Red.into())),
            LineKind::Other => Ansi::new(),
        };
        paint(out, style, ansi, &on_one_line(line));
        out.push('\n');
    }
    if lines.len() > SHOWN_LINES {
        let _ = writeln!(out, "      | .. {} more lines", lines.len() - SHOWN_LINES); // writing to a String cannot fail
    }
}

fn subject_and_source(out: &mut String, verdict: &Verdict) {
    let subject = &verdict.subject;
    if let Some(purl) = &subject.purl {
        line(out, "subject", purl);
    }
    if let Some(digests) = &subject.digests {
        line(out, "", &format!("sha256:{}", digests.sha256));
    }
    if let Some(link) = &verdict.chain {
        let made_from = link.source.as_ref().map(|source| source.uri.as_deref().unwrap_or(&source.file_name));
        let made_from = made_from.map(|source| format!(" from {source}")).unwrap_or_default();
        let qualities = meaning::qualities(link).join("; ");
        let qualities = if qualities.is_empty() { qualities } else { format!(" ({qualities})") };
        let outcome = link.outcome.name();
        line(out, "chain", &format!("{}: {outcome}{qualities}{made_from}", link.subject.file_name));
    }
    if let Some(source) = &verdict.source {
        line(out, "source", source.uri.as_deref().unwrap_or(&source.file_name));
        line(out, "", &format!("sha256:{}", source.digests.sha256));
        if let Some(git) = &source.git {
            let tag = git.tag.as_ref().map_or_else(String::new, |tag| format!(", the tag {}", tag.name));
            line(out, "", &format!("commit {}{tag}", git.commit));
        }
        if let Some(attestation) = &source.attestation {
            line(out, "", &format!("attested by {}", attestation.workflow));
        }
    }
}

fn twins(out: &mut String, verdict: &Verdict) {
    if let Some(recipe) = &verdict.recipe {
        line(out, "recipe", &format!("sha256:{} ({})", recipe.digest, recipe.origin));
        if let Some(given) = &recipe.given {
            line(out, "given", &format!("{}: {}", given.file, given.reason));
        }
    }
    for rebuild in &verdict.rebuilds {
        let effective = rebuild.variations.iter().filter(|variation| variation.effective).count();
        let mut parts = vec![match verdict.run.artifacts.get(&*rebuild.name) {
            Some(digests) => format!("sha256:{}", digests.sha256),
            None => "built nothing".to_owned(),
        }];
        if rebuild.network_attempts > 0 {
            parts.push(format!("{} network attempts", rebuild.network_attempts));
        }
        if rebuild.name == "second" {
            parts.push(format!("{effective} of {} variations effective", rebuild.variations.len()));
        }
        line(out, &format!("{} twin", rebuild.name), &parts.join(", "));
    }
    if let Some(comparison) = &verdict.comparison {
        let what = format!(
            "twins {}, published and first {}, published and second {}",
            meaning::relation(comparison.twins),
            meaning::relation(comparison.first),
            meaning::relation(comparison.second)
        );
        line(out, "three-way", &what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;
    use twinbuild_compare::sort_findings;
    use twinbuild_subject::{Origin, Sha256, Subject};

    fn verdict() -> Verdict {
        let subject = Subject {
            origin: Origin::Local,
            purl: None,
            file_name: "a-1-py3-none-any.whl".to_owned(),
            size: Some(1),
            digests: Some(Sha256::of(b"a").into()),
            upload_time: None,
        };
        Verdict::about(subject, "0.0.0")
    }

    #[test]
    fn hostile_text_cannot_steer_a_terminal() {
        let mut verdict = verdict();
        let path = "a\x1b[31m".into();
        verdict.findings.push(Finding::of("x", Severity::Alert, &path, "\x1b]0;".to_owned()));
        verdict.reason = Some(twinbuild_verdict::Reason {
            class: "x".to_owned(),
            stage: None,
            detail: "\x1b[2J\nreproduced (bit-for-bit)".to_owned(),
        });
        let shown = text(&verdict, Style::Plain);
        assert!(!shown.contains('\x1b'));
        assert!(!shown.lines().any(|line| line.starts_with("reproduced")), "{shown}");
    }

    #[test]
    fn the_news_comes_first_and_the_noise_is_bounded() {
        let mut verdict = verdict();
        for index in 0..500 {
            verdict.findings.push(Finding::whole("noise", Severity::Note, format!("{index}")));
        }
        verdict.findings.push(Finding::whole("news", Severity::Alert, "here".to_owned()));
        sort_findings(&mut verdict.findings);
        let shown = text(&verdict, Style::Plain);
        assert!(shown.lines().nth(3).unwrap().contains("news"), "{shown}");
        assert!(shown.lines().count() < 40);
    }
}
