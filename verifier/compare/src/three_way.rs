//! The comparison of a published file with its two rebuilds.

use std::collections::HashSet;

use twinbuild_archive::{Anomaly, Fields, Member};
use twinbuild_repack::{Exactness, FREE_BYTES_ALLOWED, Parameters, writes_exactly};

use crate::comparison::{Comparison, ContainerDifferences, Mismatch, Normalization, Relation};
use crate::explain::{Draft, Meaning, report};
use crate::finding::{Finding, Severity};
use crate::members::judge;
use crate::pair::{Change, Normalizing, Pair, relate};
use crate::record::{RecordFault, record_index, verify_record};
use crate::side::{CompareError, Side};
use crate::tiles::count_bytes;
use crate::trace::SourceIndex;

/// What a three-way comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreeWay {
    /// The relations and the counts.
    pub comparison: Comparison,
    /// The most serious kind of difference between the published file and a rebuild; `None` where there is none.
    pub mismatch: Option<Mismatch>,
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
    /// The normalizers that made members equal.
    pub normalizations: Vec<Normalization>,
    /// Permitted differences of the container.
    pub container: ContainerDifferences,
    /// The published file's container parameters, where they were needed to write it again and are all known.
    pub parameters: Option<Parameters>,
    /// Whether the source holds the published file itself, or one of the rebuilds.
    pub source_embeds_subject: bool,
}

/// Compares the published file with the first and the second rebuild, and these with each other. Counts and findings are
/// against the rebuild that is closer to the published file, the first when they are equally close.
///
/// # Errors
/// When one of the files cannot be read again.
pub fn compare(
    published: &Side<'_>,
    first: &Side<'_>,
    second: &Side<'_>,
    source: &SourceIndex,
    normalizing: Normalizing,
) -> Result<ThreeWay, CompareError> {
    let twins = relate(first, second, normalizing)?;
    let to_first = relate(published, first, normalizing)?;
    // A second rebuild that is the first one again relates as that does.
    let is_same_rebuild = twins.relation == Relation::Identical;
    let to_second = if is_same_rebuild { to_first.clone() } else { relate(published, second, normalizing)? };
    let relations = (twins.relation, to_first.relation, to_second.relation);
    let second_is_closer = to_second.relation < to_first.relation;
    let (repacked_first, of_first) = repacked(published, first, &to_first)?;
    let (repacked_second, of_second) =
        if is_same_rebuild { (repacked_first, None) } else { repacked(published, second, &to_second)? };
    let parameters = of_first.or(of_second);
    let (pair, rebuilt, other, other_rebuilt) =
        if second_is_closer { (to_second, second, to_first, first) } else { (to_first, first, to_second, second) };

    let mut findings: Vec<Draft<'_>> = Vec::new();
    let mut mismatch = None;
    let meaning = Meaning::new(published, rebuilt, source);
    for change in &pair.changes {
        if let Some((finding, kind)) = meaning.of(change)? {
            findings.push(finding);
            mismatch = mismatch.max(Some(kind));
        } else {
            mismatch = mismatch.max(Some(Mismatch::Packaging));
        }
    }
    // Equal to one twin and not to the other, though the twins are equal: what separates them is named too.
    if pair.changes.is_empty() && twins.relation != Relation::Different {
        let meaning = Meaning::new(published, other_rebuilt, source);
        for change in &other.changes {
            if let Some((finding, kind)) = meaning.of(change)? {
                findings.push(finding);
                mismatch = mismatch.max(Some(kind));
            }
        }
    }
    findings.extend(twin_findings(&twins, first, second));
    findings.extend(record_findings(published)?.into_iter().map(Draft::from));
    // Anomalies that the rebuild has too are reproduced, and worth knowing all the same.
    let place = |anomaly: &Anomaly| (anomaly.code, anomaly.offset, anomaly.length);
    let changes = pair.changes.iter();
    let changed: HashSet<_> = changes
        .filter_map(|change| match change {
            Change::AnomalyLeft(anomaly) => Some(place(anomaly)),
            _ => None,
        })
        .collect();
    let shared = published.archive.anomalies.iter().filter(|anomaly| !changed.contains(&place(anomaly)));
    findings.extend(shared.map(|anomaly| Draft::of_anomaly(anomaly, Severity::Note, "the published file")));
    if let Some(parameters) = &parameters {
        findings.extend(channel_findings(published, parameters).into_iter().map(Draft::from));
    } else if pair.relation == Relation::Equivalent {
        let detail =
            "its container has what the rebuild's has too, and what is no container parameter: what its parameters \
                      could carry is not known"
                .to_owned();
        findings.push(Finding::whole("parameters-unknown", Severity::Warning, detail).into());
    }
    let is_open = |member: &Member| member.mode.is_some_and(|mode| mode & 0o002 != 0);
    let open = published.archive.members.iter().filter(|member| is_open(member)).count();
    if open > 0 && !pair.world_writable {
        let detail = format!("{open} of its files may be written by anybody once it is unpacked");
        findings.push(Finding::whole("world-writable", Severity::Warning, detail).into());
    }
    if pair.world_writable {
        let detail = "every file in it may be written by anybody once it is unpacked".to_owned();
        findings.push(Finding::whole("world-writable", Severity::Warning, detail).into());
    }
    let source_embeds_subject = [published, first, second].iter().any(|side| source.contains(&side.sha256));
    if source_embeds_subject {
        let detail =
            "a file of the source is the published file or a rebuild of it, so nothing needs to have been built"
                .to_owned();
        findings.push(Finding::whole("source-embeds-artifact", Severity::Alert, detail).into());
    }
    let findings = report(findings)?;
    let (files, members) = judge(published, rebuilt, &pair, source);
    let comparison = Comparison {
        twins: relations.0,
        first: relations.1,
        second: relations.2,
        repacked_first,
        repacked_second,
        files,
        bytes: count_bytes(published, rebuilt, &pair)?,
        members,
    };
    let Pair { container, normalizations, .. } = pair;
    Ok(ThreeWay { comparison, mismatch, findings, normalizations, container, parameters, source_embeds_subject })
}

/// Whether a rebuild's members with the published container parameters are the published file, and these parameters. A
/// rebuild that is the file already needs none; one that differs in more than the container is not tried.
fn repacked(published: &Side<'_>, rebuilt: &Side<'_>, pair: &Pair) -> Result<(bool, Option<Parameters>), CompareError> {
    match (pair.relation, pair.parameters.get()) {
        (Relation::Identical, _) => Ok((true, None)),
        (Relation::Different, _) | (Relation::Equivalent, None) => Ok((false, None)),
        (Relation::Equivalent, Some(parameters)) => {
            let written = writes_exactly(parameters.clone(), published.bytes, rebuilt.archive, rebuilt.bytes)?;
            Ok(match written {
                Exactness::Exact(parameters) => (true, Some(*parameters)),
                Exactness::Different { parameters, .. } => (false, Some(*parameters)),
                // They are said all the same, and what they could carry.
                Exactness::NotRepackable(_) | Exactness::Unfit(_) => (false, Some(parameters.clone())),
            })
        }
    }
}

/// Members whose container parameters could carry a message.
fn channel_findings(published: &Side<'_>, parameters: &Parameters) -> Vec<Finding> {
    let mut in_file_order: Vec<&Member> = published.archive.members.iter().collect();
    in_file_order.sort_by_key(|member| match &member.fields {
        Fields::Zip(fields) => fields.local_offset,
        _ => 0,
    });
    let free = parameters.free_bytes_of_all();
    let finding = |(member, free_bytes): (&&Member, u64)| {
        let detail = format!("its container parameters have room for {free_bytes} bytes that follow from nothing");
        Finding::of("parameter-channel", Severity::Warning, &member.path, detail)
    };
    let over = in_file_order.iter().zip(free).filter(|(_, free_bytes)| *free_bytes > FREE_BYTES_ALLOWED);
    over.map(finding).collect()
}

/// The code of the findings that say in what the twins differ.
pub const TWINS_DIFFER: &str = "twins-differ";

/// One finding a member in which the twins differ.
fn twin_findings<'a>(twins: &Pair, first: &Side<'a>, second: &Side<'a>) -> Vec<Draft<'a>> {
    let find = |change: &Change| {
        let of = |index: &usize, what: &str| {
            Finding::of(TWINS_DIFFER, Severity::Warning, &first.member(*index).path, what.to_owned())
        };
        let finding = match change {
            Change::OnlyLeft(index) => of(index, "only the first rebuild has it"),
            Change::OnlyRight(index) => {
                let path = &second.member(*index).path;
                Finding::of(TWINS_DIFFER, Severity::Warning, path, "only the second rebuild has it".to_owned())
            }
            Change::Kind(index, _) => of(index, "it is of another kind in each rebuild"),
            Change::Data(index, _) => of(index, "its compressed bytes differ between the rebuilds"),
            Change::Content(index, partner) => {
                return Some(Draft::of_twins(TWINS_DIFFER, Severity::Warning, *first, *index, *second, *partner));
            }
            Change::Mode(index, _) => of(index, "its mode differs between the rebuilds"),
            Change::Owner(index, _) => {
                of(index, "it runs as its owner or group, and those differ between the rebuilds")
            }
            Change::Header(index, _, what) => of(index, what),
            Change::Container(_, detail) => Finding::whole(TWINS_DIFFER, Severity::Warning, detail.clone()),
            Change::AnomalyLeft(anomaly) | Change::AnomalyRight(anomaly) => {
                Finding::new(TWINS_DIFFER, Severity::Warning, anomaly.path.clone(), anomaly.detail.clone())
            }
            Change::ImpliedRecord(..) => return None,
        };
        Some(finding.into())
    };
    twins.changes.iter().filter_map(find).collect()
}

/// Where the published `RECORD` does not tell the truth.
fn record_findings(published: &Side<'_>) -> Result<Vec<Finding>, CompareError> {
    let Some(index) = record_index(published.archive) else {
        let is_wheel = published.archive.members.iter().any(|member| member.path.ends_with(".dist-info/WHEEL"));
        let detail = "the wheel has no RECORD of its files".to_owned();
        return Ok(is_wheel.then(|| Finding::whole("record-missing", Severity::Warning, detail)).into_iter().collect());
    };
    let Some(content) = published.content(index)? else {
        let detail = "it is too large to be verified".to_owned();
        return Ok(vec![Finding::of("record-unverified", Severity::Warning, &published.member(index).path, detail)]);
    };
    let faults = verify_record(published.archive, index, &content);
    let finding = |fault: RecordFault| Finding::of("record-mismatch", Severity::Warning, &fault.path, fault.detail);
    Ok(faults.into_iter().map(finding).collect())
}
