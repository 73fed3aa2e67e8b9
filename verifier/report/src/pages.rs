//! The pages about a verdict, a comparison of two files, and a file that could not be read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twinbuild_compare::{
    ByteCounts, ContentKind, FileCounts, Finding, GeneratedMember, MemberRelation, MemberResult, MovedMember,
    Normalization, Relation, Tracing,
};
use twinbuild_recipe::FrontEnd;
use twinbuild_subject::{MemberPath, Origin};
use twinbuild_verdict::{
    AddressRecord, AttestationRecord, CallRecord, Container, CrossBuild, CrossChecks, CrossEnd, InputRecord, Outcome,
    OverrideRecord, Reason, Rebuild, RecipeRecord, Source, SourceKind, Verdict,
};

use crate::page::{Block, Inline, Page, Section, Table, Tone, count_of, counted, grouped, name, word, words};
use crate::search;
use crate::{ComparedFile, FileComparison, Report, UnreadFile, WhyUnread, meaning};

/// Inputs of one kind, up to this many, are named; more are a count.
const NAMED_INPUTS: usize = 12;

pub(crate) fn page(report: Report<'_>) -> Page<'_> {
    match report {
        Report::Verdict(verdict) => about_verdict(verdict),
        Report::Comparison(comparison) => about_comparison(comparison),
        Report::Unread(unread) => about_unread(unread),
        Report::Corpus(report) => crate::corpus::page(report),
        Report::Night(report) => crate::night::page(report),
        Report::History(history) => crate::history::page(history),
    }
}

fn about_verdict(verdict: &Verdict) -> Page<'_> {
    let mut sections = Vec::new();
    sections.extend(reason(verdict));
    sections.extend(findings(&verdict.findings));
    sections.extend(comparison(verdict));
    sections.extend(verdict.tracing.as_ref().map(tracing));
    sections.extend(verdict.cross_checks.as_ref().map(cross_checks));
    sections.extend(normalizers(&verdict.normalizers_applied));
    sections.push(subject(verdict));
    sections.extend(verdict.source.as_ref().map(source));
    sections.extend(verdict.chain.as_deref().map(chain));
    sections.extend(verdict.recipe.as_ref().map(recipe));
    sections.extend(verdict.search.as_ref().map(search::section));
    sections.extend(twins(verdict));
    sections.extend(verdict.container.as_ref().and_then(|of| container(of, "the first rebuild")));
    let mut footer = Vec::new();
    if let Some(digest) = &verdict.verdict_digest {
        footer.extend([words("Verdict "), name(&format!("sha256:{digest}")), words(". ")]);
    }
    footer.extend([words("Written by "), name(&format!("{} {}", verdict.tool.name, verdict.tool.version))]);
    if let Some(started) = &verdict.run.started {
        footer.extend([words(" in a run that began at "), name(started)]);
    }
    footer.push(words("."));
    Page {
        word: verdict.outcome.name().into(),
        tone: match verdict.outcome {
            // With an alert, not even `reproduced` is good news.
            Outcome::Reproduced if verdict.exit_code() == 0 => Tone::Good,
            Outcome::Rejected | Outcome::NotReproduced => Tone::Bad,
            Outcome::Reproduced
            | Outcome::Nondeterministic
            | Outcome::Unsupported
            | Outcome::SourceMissing
            | Outcome::Inconclusive
            | Outcome::Unbuildable => Tone::Undecided,
        },
        qualities: meaning::qualities(verdict),
        about: vec![verdict.subject.file_name.clone()],
        meaning: meaning::of_verdict(verdict),
        sections,
        footer,
    }
}

fn about_comparison(found: &FileComparison) -> Page<'_> {
    let FileComparison { relation, mismatch, comparison, left, right, normalizers_applied, container: of, .. } = found;
    let file = |what: &str, ComparedFile { name: called, size_bytes, sha256 }: &ComparedFile| {
        vec![
            vec![words(what.to_owned())],
            vec![name(called)],
            vec![words(grouped(*size_bytes))],
            vec![name(&format!("sha256:{sha256}"))],
        ]
    };
    let files = Table::new(vec!["", "file", "bytes", "digest"], [file("first", left), file("second", right)]);
    let mut blocks = vec![Block::Table(files)];
    blocks.push(Block::Paragraph(vec![words(format!("Members: {}.", members(&comparison.files, false).join(", ")))]));
    blocks.extend(bytes(&comparison.bytes, "the first file"));
    blocks.extend(each_member(&comparison.members, false));
    let mut sections = Vec::from_iter(findings(&found.findings));
    sections.push(Section { title: "Comparison", blocks });
    sections.extend(normalizers(normalizers_applied));
    sections.extend(container(of, "the second file"));
    Page {
        word: meaning::relation(*relation).into(),
        tone: if *relation == Relation::Different { Tone::Bad } else { Tone::Good },
        qualities: mismatch.map(|kind| kind.name().into()).into_iter().collect(),
        about: vec![left.name.clone(), right.name.clone()],
        meaning: vec![meaning::of_comparison(*relation, *mismatch)],
        sections,
        footer: vec![words("Written by twinbuild compare, which builds nothing and says nothing of any source.")],
    }
}

fn about_unread(unread: &UnreadFile) -> Page<'_> {
    let is_found = unread.findings.iter().any(|finding| finding.detail == unread.detail);
    let detail = Block::Paragraph(vec![Inline::Sentence(unread.detail.clone())]);
    let why = (!is_found).then(|| Section { title: "Reason", blocks: vec![detail] });
    Page {
        word: meaning::why_unread(unread.why).into(),
        tone: match unread.why {
            WhyUnread::Rejected => Tone::Bad,
            WhyUnread::Unsupported | WhyUnread::Inconclusive => Tone::Undecided,
        },
        qualities: Vec::new(),
        about: vec![unread.file.clone()],
        meaning: vec![meaning::of_unread(unread.why)],
        sections: why.into_iter().chain(findings(&unread.findings)).collect(),
        footer: vec![words("Written by twinbuild compare.")],
    }
}

fn reason(verdict: &Verdict) -> Option<Section<'_>> {
    let mut blocks = Vec::new();
    let is_found = |Reason { class, stage, detail }: &Reason| {
        stage.is_none() && verdict.findings.iter().any(|finding| finding.code == *class && finding.detail == *detail)
    };
    if let Some(reason) = verdict.reason.as_ref().filter(|reason| !is_found(reason)) {
        let mut line = vec![name(&reason.class)];
        if let Some(stage) = &reason.stage {
            line.extend([words(" at the stage "), name(stage)]);
        }
        blocks.push(Block::Paragraph(line));
        if reason.detail.contains('\n') {
            blocks.push(Block::Foreign(reason.detail.as_str().into()));
        } else {
            blocks.push(Block::Paragraph(vec![Inline::Sentence(reason.detail.clone())]));
        }
    }
    if let Some(tail) = &verdict.run.log_tail {
        blocks.push(Block::Paragraph(vec![words("The end of the build's log:")]));
        blocks.push(Block::Foreign(tail.as_str().into()));
        for (twin, log) in &verdict.run.logs {
            let size = counted(log.bytes, "byte", "bytes");
            let line = vec![
                words("The whole log of "),
                name(twin),
                words(format!(": {size}, ")),
                name(&format!("sha256:{}", log.sha256)),
            ];
            blocks.push(Block::Paragraph(line));
        }
    }
    (!blocks.is_empty()).then_some(Section { title: "Reason", blocks })
}

fn findings(findings: &[Finding]) -> Option<Section<'_>> {
    (!findings.is_empty()).then(|| Section { title: "Findings", blocks: vec![Block::Findings(findings)] })
}

fn comparison(verdict: &Verdict) -> Option<Section<'_>> {
    let comparison = verdict.comparison.as_ref()?;
    let row = |what: &'static str, relation: Relation, is_exact: Option<bool>| {
        let exact = match is_exact {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        vec![vec![words(what)], vec![words(meaning::relation(relation))], vec![words(exact)]]
    };
    let rows = [
        row("first twin and second twin", comparison.twins, None),
        row("published file and first twin", comparison.first, Some(comparison.repacked_first)),
        row("published file and second twin", comparison.second, Some(comparison.repacked_second)),
    ];
    let pairs = Table::new(vec!["pair", "relation", "written again, byte for byte"], rows);
    let mut blocks = vec![Block::Table(pairs)];
    blocks.push(Block::Paragraph(vec![words(format!("Members: {}.", members(&comparison.files, true).join(", ")))]));
    blocks.extend(bytes(&comparison.bytes, "the published file"));
    blocks.extend(each_member(&comparison.members, true));
    Some(Section { title: "Comparison", blocks })
}

fn tracing<'a>(traced: &Tracing) -> Section<'a> {
    let Tracing { in_place, moved, generated, unlisted } = traced;
    let counts = format!(
        "Members: {} in the place that they have in the source, {} of another place there, {} made by the build.",
        grouped(*in_place),
        grouped(count_of(moved)),
        grouped(count_of(generated))
    );
    let mut blocks = vec![Block::Paragraph(vec![words(counts)])];
    if *unlisted > 0 {
        blocks.push(Block::Paragraph(vec![words(format!("{} more are not listed.", grouped(*unlisted)))]));
    }
    let rows = moved.iter().map(|MovedMember { path, source }| vec![vec![name(path)], vec![name(source)]]);
    let table = Table::of_names(vec!["member", "file of the source"], rows);
    if !moved.is_empty() {
        blocks.push(Block::Folded { summary: "Of another place".to_owned(), blocks: vec![Block::Table(table)] });
    }
    let rows = generated.iter().map(|GeneratedMember { path, kind }| {
        let kind = match kind {
            ContentKind::Code => "code",
            ContentKind::Data => "data",
            ContentKind::Metadata => "metadata",
        };
        vec![vec![name(path)], vec![words(kind)]]
    });
    let table = Table::new(vec!["member", "kind"], rows);
    if !generated.is_empty() {
        blocks.push(Block::Folded { summary: "Made by the build".to_owned(), blocks: vec![Block::Table(table)] });
    }
    Section { title: "Origin of the members", blocks }
}

fn cross_checks<'a>(checks: &CrossChecks) -> Section<'a> {
    let rows = checks.builds.iter().map(|CrossBuild { exchanged, end }| {
        let others: Vec<String> = exchanged.iter().map(ToString::to_string).collect();
        let became = match end {
            CrossEnd::Same => vec![words("the same")],
            CrossEnd::Differs { members } => {
                vec![words(counted(count_of(members), "member differs", "members differ"))]
            }
            CrossEnd::Failed { reason } => vec![words("nothing to compare: "), name(reason)],
        };
        vec![vec![name(&others.join(", "))], became]
    });
    let table = Table::new(vec!["releases", "what is run and required"], rows);
    let mut blocks = vec![Block::Table(table)];
    for (what, releases) in
        [("What is run or required follows from ", &checks.determined_by), ("No build did without ", &checks.unchecked)]
    {
        if !releases.is_empty() {
            blocks.push(Block::Paragraph(vec![words(what), name(&releases.join(", ")), words(".")]));
        }
    }
    Section { title: "Built with other releases", blocks }
}

/// The members that are listed, one a row.
fn each_member<'a>(members: &[MemberResult], is_traced: bool) -> Option<Block<'a>> {
    let rows = members.iter().map(|MemberResult { path, result, origin, source, is_native }| {
        let result = match result {
            MemberRelation::OnlyPublished if !is_traced => "only in the first file",
            MemberRelation::OnlyRebuilt if !is_traced => "only in the second file",
            result => meaning::member(*result),
        };
        let mut row = vec![vec![name(path)], vec![words(result)]];
        let file = source.iter().flat_map(|file| [words(", "), name(file)]);
        row.extend(is_traced.then(|| std::iter::once(words(meaning::origin(*origin))).chain(file).collect()));
        row.push(vec![words(if *is_native { "native" } else { "" })]);
        row
    });
    let head = if is_traced { vec!["member", "result", "origin", "code"] } else { vec!["member", "result", "code"] };
    let is_news = |member: &MemberResult| member.is_native || member.result != MemberRelation::Identical;
    let what = if members.iter().all(is_news) {
        "not identical, or native code"
    } else {
        "not identical, native code, or no file of the source in its place"
    };
    let summary = format!("{}: {what}", counted(count_of(members), "member", "members"));
    let table = Table::new(head, rows);
    (!members.is_empty()).then(|| Block::Folded { summary, blocks: vec![Block::Table(table)] })
}

/// Members in words, without the counts that are zero.
fn members(files: &FileCounts, is_traced: bool) -> Vec<String> {
    let mut parts = vec![format!("{} of {} identical", grouped(files.identical), grouped(files.total))];
    let counts = [
        (files.normalized, "normalized"),
        (files.differing, "differing"),
        (files.only_published, if is_traced { "only published" } else { "only in the first file" }),
        (files.only_rebuilt, if is_traced { "only rebuilt" } else { "only in the second file" }),
    ];
    parts.extend(
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", grouped(*count))),
    );
    if is_traced {
        parts.push(format!("{} verbatim from the source", grouped(files.verbatim)));
        parts.push(format!("{} generated by the build", grouped(files.generated)));
        parts.extend((files.unsourced > 0).then(|| format!("{} from nowhere", grouped(files.unsourced))));
    }
    parts
}

fn bytes<'a>(bytes: &ByteCounts, of: &'static str) -> [Block<'a>; 2] {
    [Block::Paragraph(vec![words(format!("Bytes of {of}:"))]), Block::Bytes(*bytes)]
}

/// What one normalizer did.
#[derive(Default)]
pub(crate) struct Normalized<'a> {
    pub(crate) members: Vec<&'a MemberPath>,
    pub(crate) bytes: u64,
}

/// What was normalized, by the name and version of the normalizer.
pub(crate) fn by_normalizer(applied: &[Normalization]) -> BTreeMap<(&str, u32), Normalized<'_>> {
    let mut by_normalizer: BTreeMap<(&str, u32), Normalized<'_>> = BTreeMap::new();
    for Normalization { name, version, path, bytes } in applied {
        let all = by_normalizer.entry((name, *version)).or_default();
        all.members.push(path);
        all.bytes = all.bytes.saturating_add(*bytes);
    }
    by_normalizer
}

fn normalizers(applied: &[Normalization]) -> Option<Section<'_>> {
    if applied.is_empty() {
        return None;
    }
    let rules = by_normalizer(applied).into_iter().map(|((rule, version), Normalized { members, bytes })| {
        vec![
            vec![name(rule)],
            vec![words(version.to_string())],
            vec![words(grouped(count_of(&members)))],
            vec![words(grouped(bytes))],
        ]
    });
    let each = applied.iter().map(|Normalization { name: rule, path, bytes, .. }| {
        vec![vec![name(path)], vec![name(rule)], vec![words(grouped(*bytes))]]
    });
    let blocks = vec![
        Block::Table(Table::new(vec!["normalizer", "version", "members", "bytes"], rules)),
        Block::Folded {
            summary: counted(count_of(applied), "member", "members"),
            blocks: vec![Block::Table(Table::of_names(vec!["member", "normalizer", "bytes"], each))],
        },
    ];
    Some(Section { title: "Normalizers", blocks })
}

fn subject(verdict: &Verdict) -> Section<'_> {
    let subject = &verdict.subject;
    // The page is headed by the file's name, and the package URL ends in it.
    let mut facts = Vec::from_iter(subject.purl.as_ref().map(|purl| ("package", vec![name(purl)])));
    facts.extend(subject.digests.as_ref().map(|digests| ("digest", vec![name(&format!("sha256:{}", digests.sha256))])));
    let mut received = Vec::new();
    received.extend(subject.size.map(|size| words(counted(size, "byte", "bytes") + ", ")));
    received.push(words(match subject.origin {
        Origin::Index => "from the index that publishes it",
        Origin::Local => "a local file",
    }));
    if let Some(time) = &subject.upload_time {
        received.extend([words(", uploaded at "), name(time)]);
    }
    facts.push(("received", received));
    Section { title: "Subject", blocks: vec![Block::Facts(facts)] }
}

fn source(source: &Source) -> Section<'_> {
    let Source { kind, trust, uri, file_name, digests, git, attestation } = source;
    let kind = match kind {
        SourceKind::Sdist => "a source distribution (sdist)",
        SourceKind::Git => "a commit of a git repository",
    };
    let mut facts = vec![match uri {
        Some(uri) if git.is_some() => ("repository", vec![name(uri)]),
        Some(uri) => ("package", vec![name(uri)]),
        None if git.is_some() => ("repository", vec![words("one of the machine that judged it")]),
        None => ("file", vec![name(file_name)]),
    }];
    if let Some(git) = git {
        facts.push(("commit", vec![name(&git.commit.to_string())]));
        facts.push((
            "tree",
            vec![name(&git.tree.to_string()), words(", as laid out "), name(&format!("sha256:{}", git.tree_sha256))],
        ));
        facts.extend(git.tag.as_ref().map(|tag| ("tag", vec![name(&tag.name)])));
    }
    facts.push(("digest", vec![name(&format!("sha256:{}", digests.sha256))]));
    if let Some(AttestationRecord { workflow, issuer, sha256, .. }) = attestation {
        let by = vec![name(workflow), words(", to "), name(issuer), words(", as "), name(&format!("sha256:{sha256}"))];
        facts.push(("attested by", by));
    }
    facts.push(("trust", vec![words(format!("{}, {kind}", trust.name()))]));
    Section { title: "Source", blocks: vec![Block::Facts(facts)] }
}

/// What became of the source, where that was held against what it was made from.
fn chain(link: &Verdict) -> Section<'_> {
    let mut outcome = vec![words(link.outcome.name())];
    outcome.extend(meaning::qualities(link).into_iter().map(|quality| words(format!(", {quality}"))));
    let mut facts = vec![("sdist", vec![name(&link.subject.file_name)]), ("outcome", outcome)];
    if let Some(source) = &link.source {
        facts.push(("made from", vec![name(source.uri.as_deref().unwrap_or(&source.file_name))]));
        facts.push(("digest", vec![name(&format!("sha256:{}", source.digests.sha256))]));
    }
    facts.extend(link.verdict_digest.map(|digest| ("verdict", vec![name(&format!("sha256:{digest}"))])));
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(reason(link).into_iter().flat_map(|section| section.blocks));
    blocks.extend(findings(&link.findings).into_iter().flat_map(|section| section.blocks));
    Section { title: "Chain", blocks }
}

fn recipe(record: &RecipeRecord) -> Section<'_> {
    let RecipeRecord { recipe, origin, given, digest } = record;
    let mut build = vec![words("CPython "), name(&recipe.interpreter.version), words(", ")];
    match &recipe.front_end {
        FrontEnd::Pep517 { backend, .. } => build.extend([words("the backend "), name(backend)]),
        FrontEnd::SetupPy { options, .. } => {
            let command: Vec<_> = std::iter::once("setup.py".to_owned()).chain(options.arguments()).collect();
            build.push(words(command.join(" ")));
        }
    }
    build.push(words(match &recipe.requirements.locked {
        Some(locked) => format!(", {} uploaded before ", counted(count_of(locked), "wheel", "wheels")),
        None => ", requirements uploaded before ".to_owned(),
    }));
    build.push(name(&recipe.requirements.cutoff));
    let mut facts = vec![
        ("digest", vec![name(&format!("sha256:{digest}")), words(" ("), word(origin), words(")")]),
        ("build", build),
    ];
    if let Some(OverrideRecord { file, sha256, reason }) = given {
        let digest = name(&format!("sha256:{sha256}"));
        let reason = Inline::Sentence(reason.clone());
        facts.push(("given", vec![name(file), words(" ("), digest, words("): "), reason]));
    }
    let toml = Block::Foreign(recipe.to_toml(&[]).into());
    let folded = Block::Folded { summary: "The recipe as TOML".to_owned(), blocks: vec![toml] };
    Section { title: "Recipe", blocks: vec![Block::Facts(facts), folded] }
}

fn twins(verdict: &Verdict) -> Option<Section<'_>> {
    if verdict.rebuilds.is_empty() {
        return None;
    }
    let built = |rebuild: &Rebuild| match verdict.run.artifacts.get(&*rebuild.name) {
        Some(digests) => vec![name(&format!("sha256:{}", digests.sha256))],
        None => vec![words("nothing")],
    };
    let rows = verdict
        .rebuilds
        .iter()
        .map(|rebuild| vec![vec![word(&rebuild.name)], built(rebuild), vec![words(grouped(rebuild.network_attempts))]]);
    let mut blocks = vec![Block::Table(Table::new(vec!["twin", "built", "network attempts"], rows))];
    blocks.extend(attempts(&verdict.rebuilds));
    blocks.extend(programs(&verdict.rebuilds));
    blocks.extend(variations(&verdict.rebuilds));
    blocks.extend(shared(verdict));
    Some(Section { title: "Twins", blocks })
}

/// What the twins tried that no honest build needs.
fn attempts<'a>(rebuilds: &[Rebuild]) -> Option<Block<'a>> {
    let by = |program: &Option<String>| match program {
        Some(program) => vec![name(program)],
        None => vec![words("one of the build's own making")],
    };
    let mut rows = Vec::new();
    for rebuild in rebuilds {
        let Some(evidence) = &rebuild.evidence else { continue };
        for AddressRecord { address, port, program, .. } in &evidence.connections {
            let what = vec![words("to reach "), name(address), words(format!(" port {port}"))];
            rows.push(vec![vec![word(&rebuild.name)], what, by(program)]);
        }
        for CallRecord { call, program } in &evidence.refused_calls {
            rows.push(vec![vec![word(&rebuild.name)], vec![words("to call "), name(call)], by(program)]);
        }
    }
    let summary = format!("{}, in vain", counted(count_of(&rows), "kind of attempt", "kinds of attempts"));
    let table = Table::new(vec!["twin", "tried", "program"], rows);
    (!table.rows.is_empty()).then(|| Block::Folded { summary, blocks: vec![Block::Table(table)] })
}

/// The programs of the environment that a twin executed.
fn programs<'a>(rebuilds: &[Rebuild]) -> Option<Block<'a>> {
    let evidence = rebuilds.iter().filter_map(|rebuild| rebuild.evidence.as_ref());
    let programs: BTreeSet<&String> = evidence.flat_map(|evidence| &evidence.programs).collect();
    let mut line = Vec::new();
    for program in &programs {
        line.extend([words(if line.is_empty() { "" } else { ", " }), name(*program)]);
    }
    let count = u64::try_from(programs.len()).unwrap_or(u64::MAX);
    let summary = format!("{} of the environment executed", counted(count, "program", "programs"));
    (count > 0).then(|| Block::Folded { summary, blocks: vec![Block::Paragraph(line)] })
}

/// What differed between the twins; a condition that took no effect is named.
fn variations<'a>(rebuilds: &[Rebuild]) -> Vec<Block<'a>> {
    let Some(first) = rebuilds.first().filter(|first| !first.variations.is_empty()) else { return Vec::new() };
    let effective = first.variations.iter().filter(|variation| variation.effective).count();
    let mut blocks = Vec::new();
    let ineffective: Vec<_> = first.variations.iter().filter(|variation| !variation.effective).collect();
    if !ineffective.is_empty() {
        let mut line = vec![words("Without effect, so that twins cannot speak about it:")];
        for variation in ineffective {
            line.extend([words(" "), name(&variation.name)]);
        }
        blocks.push(Block::Paragraph(line));
    }
    let rows = first.variations.iter().map(|variation| {
        let mut row = vec![vec![name(&variation.name)]];
        for rebuild in rebuilds {
            let value = rebuild.variations.iter().find(|other| other.name == variation.name);
            row.push(value.map(|other| vec![name(&other.value)]).unwrap_or_default());
        }
        if effective < first.variations.len() {
            row.push(vec![words(if variation.effective { "yes" } else { "no" })]);
        }
        row
    });
    let twins = rebuilds.iter().map(|rebuild| match &*rebuild.name {
        "first" => "first",
        "second" => "second",
        _ => "another",
    });
    let column = (effective < first.variations.len()).then_some("effective");
    let head = std::iter::once("variation").chain(twins).chain(column).collect();
    blocks.push(Block::Folded {
        summary: format!(
            "{effective} of {} effective",
            counted(count_of(&first.variations), "variation", "variations")
        ),
        blocks: vec![Block::Table(Table::of_names(head, rows))],
    });
    blocks
}

/// What both twins stood on: few of a kind by name, and many as a count; JSON has the digest of each.
fn shared(verdict: &Verdict) -> Option<Block<'_>> {
    let mut by_kind: BTreeMap<&str, Vec<&InputRecord>> = BTreeMap::new();
    for input in &verdict.shared_inputs {
        by_kind.entry(&input.kind).or_default().push(input);
    }
    let mut rows = Vec::new();
    for (kind, inputs) in by_kind {
        let mut line = Vec::new();
        if inputs.len() > NAMED_INPUTS {
            line.push(words(format!("{} of them", grouped(count_of(&inputs)))));
        } else {
            for input in inputs {
                line.extend([words(if line.is_empty() { "" } else { ", " }), name(&input.name)]);
            }
        }
        rows.push(vec![vec![name(kind)], line]);
    }
    let mut digests: Vec<_> = verdict.rebuilds.iter().map(|rebuild| &rebuild.environment.digest).collect();
    digests.dedup();
    rows.extend(
        digests.into_iter().map(|digest| vec![vec![words("environment")], vec![name(&format!("sha256:{digest}"))]]),
    );
    let summary =
        format!("{} of both twins", counted(count_of(&verdict.shared_inputs), "shared input", "shared inputs"));
    let table = Table::new(vec!["kind", "inputs"], rows);
    (!verdict.shared_inputs.is_empty()).then(|| Block::Folded { summary, blocks: vec![Block::Table(table)] })
}

/// The container, where the published one differs from a rebuild's.
fn container<'a>(container: &Container, beside: &str) -> Option<Section<'a>> {
    let Container { kind, differences, parameters } = container;
    let counts = [
        (differences.times, "time"),
        (differences.modes, "permitted mode bits"),
        (differences.creator, "creator"),
        (differences.owners, "owner"),
        (differences.dialect, "dialect of tar"),
        (differences.compression, "compression"),
    ];
    let mut parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} with another {what}", counted(*count, "member", "members")))
        .collect();
    if differences.member_order {
        parts.insert(0, "the members stand in another order".to_owned());
    }
    if differences.blocking_factor {
        parts.push("another blocking factor".to_owned());
    }
    if differences.gzip_header {
        parts.push("another gzip header".to_owned());
    }
    if parts.is_empty() && parameters.is_none() {
        return None;
    }
    if parts.is_empty() {
        parts.push("no difference".to_owned());
    }
    let line = vec![name(kind), words(format!(", beside {beside}: {}.", parts.join(", ")))];
    let mut blocks = vec![Block::Paragraph(line)];
    if let Some(Ok(parameters)) = parameters.as_ref().map(|parameters| serde_json::to_value(&parameters.container)) {
        let summary = "Container parameters, by which a rebuild is written as the published file".to_owned();
        blocks.push(Block::Folded { summary, blocks: vec![Block::Paragraph(parameters_in_a_line(&parameters))] });
    }
    Some(Section { title: "Container", blocks })
}

/// Parameters, which are numbers and enumerations: one that is the same for all members is shown, one that has runs of
/// members is counted, and one that says that there is nothing is left out.
fn parameters_in_a_line(parameters: &Value) -> Vec<Inline> {
    let mut line = Vec::new();
    for (key, value) in columns(parameters).into_iter().filter(|(key, _)| *key != "names") {
        let runs = value.get("runs").unwrap_or(value).as_array();
        let shown = match (runs, value.get("all").unwrap_or(value)) {
            (Some(runs), _) => counted(count_of(runs), "run", "runs"),
            (None, Value::Null | Value::Bool(false)) => continue,
            (None, Value::Array(items)) if items.is_empty() => continue,
            (None, value) => in_words(value),
        };
        line.extend([words(if line.is_empty() { "" } else { "; " }), name(&format!("{key} {shown}"))]);
    }
    line
}

/// The parameters by name, those of a container within a container after its own.
fn columns(parameters: &Value) -> Vec<(&String, &Value)> {
    const CONTAINERS: [&str; 6] = ["zip", "tar", "tarGz", "stream", "written", "container"];
    let Value::Object(parameters) = parameters else { return Vec::new() };
    let (inner, own): (Vec<_>, Vec<_>) =
        parameters.iter().partition(|(key, value)| CONTAINERS.contains(&key.as_str()) && value.is_object());
    own.into_iter().chain(inner.into_iter().flat_map(|(_, value)| columns(value))).collect()
}

/// A value without the marks of JSON.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(values) => {
            let parts = values.iter().map(|(key, value)| format!("{key} {}", in_words(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}
