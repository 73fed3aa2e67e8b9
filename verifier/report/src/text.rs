//! A verdict for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use twinbuild_compare::{Finding, Mismatch, Relation, Severity};
use twinbuild_subject::is_misleading;
use twinbuild_verdict::{Level, Matches, Outcome, Trust, Verdict};

/// At most this many findings of one severity are shown; the JSON form has all.
const SHOWN_FINDINGS: usize = 20;

/// Whether there is colour. Nothing essential is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours.
    Colour,
    /// None.
    Plain,
}

/// A verdict as lines of text, the news first, with a line end behind each.
#[must_use]
pub fn text(verdict: &Verdict, style: Style) -> String {
    let mut out = headline(verdict, style);
    if let Some(reason) = &verdict.reason {
        line(&mut out, "reason", &format!("{}: {}", reason.class, reason.detail));
    }
    out.push_str(&findings(&verdict.findings, style));
    subject_and_source(&mut out, verdict);
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
        line(&mut out, "files", &parts.join(", "));
        let mut parts = vec![format!("{} of {} identical", bytes.identical, bytes.total)];
        let counts = [
            (bytes.container, "container parameters"),
            (bytes.normalized, "normalized"),
            (bytes.differing, "differing"),
        ];
        parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        line(&mut out, "bytes", &parts.join(", "));
    }
    for normalization in &verdict.normalizers_applied {
        let what = format!(
            "{} v{}: {}, {} bytes",
            normalization.name, normalization.version, normalization.path, normalization.bytes
        );
        line(&mut out, "normalized", &what);
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

/// `text` with everything that could steer a terminal written out; line ends stay.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            _ if is_misleading(c) => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    out
}

/// A line with a name in front. Further lines of the value are indented, so that none can pass for a line of ours.
fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<11} {}", indented(value, 14)); // writing to a String cannot fail
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

/// The outcome, its qualities and the file's name, as one line.
#[must_use]
pub fn headline(verdict: &Verdict, style: Style) -> String {
    let mut line = String::new();
    let out = &mut line;
    let (word, colour) = match verdict.outcome {
        Outcome::Reproduced => ("reproduced", AnsiColor::Green),
        Outcome::Rejected => ("rejected", AnsiColor::Red),
        Outcome::NotReproduced => ("not-reproduced", AnsiColor::Red),
        Outcome::Nondeterministic => ("nondeterministic", AnsiColor::Yellow),
        Outcome::Unsupported => ("unsupported", AnsiColor::Yellow),
        Outcome::SourceMissing => ("source-missing", AnsiColor::Yellow),
        Outcome::Inconclusive => ("inconclusive", AnsiColor::Yellow),
        Outcome::Unbuildable => ("unbuildable", AnsiColor::Yellow),
    };
    let mut qualities = Vec::new();
    qualities.extend(verdict.level.map(|level| match level {
        Level::BitForBit => "bit-for-bit",
        Level::Repacked => "repacked",
        Level::Normalized => "normalized",
    }));
    qualities.extend(verdict.mismatch.map(|mismatch| match mismatch {
        Mismatch::Packaging => "packaging",
        Mismatch::Code => "code",
        Mismatch::Unsourced => "unsourced",
    }));
    qualities.extend(verdict.matches.map(|matches| match matches {
        Matches::None => "neither twin is the published file",
        Matches::First => "the first twin is the published file",
        Matches::Second => "the second twin is the published file",
    }));
    let trust =
        verdict.source.as_ref().filter(|_| verdict.outcome == Outcome::Reproduced).map(|source| match source.trust {
            Trust::SameUpload => "source: same upload",
            Trust::User => "source: given by the user",
        });
    qualities.extend(trust);
    paint(out, style, Ansi::new().bold().fg_color(Some(colour.into())), word);
    if !qualities.is_empty() {
        out.push_str(&format!(" ({})", qualities.join("; ")));
    }
    out.push_str(&format!("  {}\n", escape(&verdict.subject.file_name)));
    line
}

/// Findings as lines of text, the most severe first, at most 20 of each severity.
#[must_use]
pub fn findings(findings: &[Finding], style: Style) -> String {
    let mut out = String::new();
    for severity in [Severity::Alert, Severity::Warning, Severity::Note] {
        let (word, colour) = match severity {
            Severity::Alert => ("alert", AnsiColor::Red),
            Severity::Warning => ("warning", AnsiColor::Yellow),
            Severity::Note => ("note", AnsiColor::Cyan),
        };
        let of_severity: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
        for finding in of_severity.iter().take(SHOWN_FINDINGS) {
            out.push_str("  ");
            paint(&mut out, style, Ansi::new().bold().fg_color(Some(colour.into())), word);
            let path = finding.path.as_ref().map(|path| format!(" {path}:")).unwrap_or_default();
            out.push_str(&format!(" [{}]{path} {}\n", finding.code, indented(&finding.detail, 6)));
        }
        if of_severity.len() > SHOWN_FINDINGS {
            out.push_str(&format!(
                "  {} more of this severity: see --format json\n",
                of_severity.len() - SHOWN_FINDINGS
            ));
        }
    }
    out
}

fn subject_and_source(out: &mut String, verdict: &Verdict) {
    let subject = &verdict.subject;
    if let Some(purl) = &subject.purl {
        line(out, "subject", purl);
    }
    if let Some(digests) = &subject.digests {
        line(out, "", &format!("sha256:{}", digests.sha256));
    }
    if let Some(source) = &verdict.source {
        line(out, "source", source.uri.as_deref().unwrap_or(&source.file_name));
        line(out, "", &format!("sha256:{}", source.digests.sha256));
    }
}

fn twins(out: &mut String, verdict: &Verdict) {
    if let Some(recipe) = &verdict.recipe {
        line(out, "recipe", &format!("sha256:{} ({})", recipe.digest, recipe.origin));
    }
    for rebuild in &verdict.rebuilds {
        let effective = rebuild.variations.iter().filter(|variation| variation.effective).count();
        let mut parts = vec![match &rebuild.artifact {
            Some(artifact) => format!("sha256:{}", artifact.digests.sha256),
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
        let relation = |relation: Relation| match relation {
            Relation::Identical => "identical",
            Relation::Equivalent => "equivalent",
            Relation::Different => "different",
        };
        let what = format!(
            "twins {}, published and first {}, published and second {}",
            relation(comparison.twins),
            relation(comparison.first),
            relation(comparison.second)
        );
        line(out, "three-way", &what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(escape("a\x1b[2J\u{202e}b\r\n"), "a\\u{1b}[2J\\u{202e}b\n");
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
        assert!(shown.lines().nth(1).unwrap().contains("news"), "{shown}");
        assert!(shown.lines().count() < 40);
    }
}
