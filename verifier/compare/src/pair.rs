//! How two files relate, member by member.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use twinbuild_archive::{Anomaly, Format};
use twinbuild_repack::{
    InferError, NotRepackable, Parameters, Reason, Shared, explain_gzip_header, infer_for, owners_read_alike,
};
use twinbuild_rules::{Equality, applicable, equal_after_rules};
use twinbuild_subject::{MemberPath, Sha256};

use crate::comparison::{ContainerDifferences, Normalization, Relation};
use crate::explain::begins_like_native;
use crate::mode::{ModeRelation, all_world_writable, relate_modes};
use crate::record::{differing_rows, record_index, same_lines, verify_record};
use crate::side::{CompareError, Side};
use crate::tiles::{DataRelation, relate_data, relate_headers, relate_tars};

/// One way in which two files differ that is no container parameter. Members are given by index, the left file's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Only the left file has it.
    OnlyLeft(usize),
    /// Only the right file has it.
    OnlyRight(usize),
    /// One is a file and the other a directory or link, or they link elsewhere.
    Kind(usize, usize),
    /// Their contents differ.
    Content(usize, usize),
    /// `RECORD` differs in the rows of members that differ, and tells the truth in both files.
    ImpliedRecord(usize, usize),
    /// The same content is compressed to other bytes, by an encoder that is not identified.
    Data(usize, usize),
    /// Their modes differ in bits that matter.
    Mode(usize, usize),
    /// They run as their owner or group, and those differ.
    Owner(usize, usize),
    /// A header value differs that is no container parameter.
    Header(usize, usize, String),
    /// The containers differ, in a format of which no container parameters are known; the sentence says how.
    Container(&'static str, String),
    /// The left file has an anomaly that the right has not.
    AnomalyLeft(Anomaly),
    /// The right file has an anomaly that the left has not.
    AnomalyRight(Anomaly),
}

/// The normalizers of `RECORD`, which need the whole archive, and so are not among those of `twinbuild_rules`: its rows in
/// another order, and the rows of members that were normalized.
const RECORD_ROW_ORDER: &str = "wheel-record-row-order";
const RECORD_NORMALIZED_ROWS: &str = "wheel-record-normalized-rows";

/// How two files relate.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The relation.
    pub relation: Relation,
    /// What is different, in the order of the left file's members.
    pub changes: Vec<Change>,
    /// What is permitted to differ, and does.
    pub container: ContainerDifferences,
    /// The normalizers that made members equal.
    pub normalizations: Vec<Normalization>,
    /// The partner of each member of the left file.
    pub(crate) partners: Vec<Option<usize>>,
    /// Of each member of the left file whether its compressed bytes are those of its partner.
    pub(crate) same_data: Vec<bool>,
    /// The left file's container parameters for the right file's members, where they were needed so far.
    pub(crate) parameters: Inferred,
    /// Whether all files of the left file may be written by anybody.
    pub world_writable: bool,
}

/// Whether contents that differ are compared again after the normalizers of `twinbuild_rules` have rewritten both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalizing {
    /// They are; what a normalizer hid is reported.
    Yes,
    /// They are not: contents are equal as they are, or not at all.
    No,
}

/// Relates two files.
///
/// # Errors
/// When one of them cannot be read again.
pub fn relate(left: &Side<'_>, right: &Side<'_>, normalizing: Normalizing) -> Result<Pair, CompareError> {
    let by_path: HashMap<&[u8], usize> =
        right.archive.members.iter().enumerate().map(|(index, member)| (member.path.as_bytes(), index)).collect();
    let partners: Vec<Option<usize>> =
        left.archive.members.iter().map(|member| by_path.get(member.path.as_bytes()).copied()).collect();
    let world_writable = all_world_writable(left.archive);
    let mut pair = Pair {
        relation: Relation::Different,
        changes: Vec::new(),
        container: ContainerDifferences::default(),
        normalizations: Vec::new(),
        same_data: vec![false; partners.len()],
        partners,
        parameters: Inferred::default(),
        world_writable,
    };
    if left.sha256 == right.sha256 && left.archive.size_bytes == right.archive.size_bytes {
        pair.relation = Relation::Identical;
        return Ok(pair);
    }
    let records = (record_index(left.archive), record_index(right.archive));
    let mut record = None;
    let shared = Shared::find(left.archive, left.bytes, right.archive, right.bytes)?;
    let mut parameters = Inferred::default();
    for (index, partner) in pair.partners.iter().enumerate() {
        let Some(partner) = *partner else {
            pair.changes.push(Change::OnlyLeft(index));
            continue;
        };
        let (a, b) = (left.member(index), right.member(partner));
        if a.kind != b.kind {
            pair.changes.push(Change::Kind(index, partner));
        } else if (a.size_bytes, a.sha256) != (b.size_bytes, b.sha256) {
            if records == (Some(index), Some(partner)) {
                record = Some((index, partner));
            } else {
                let applied = normalized(left, index, right, partner, normalizing)?;
                if applied.is_empty() {
                    pair.changes.push(Change::Content(index, partner));
                }
                pair.normalizations.extend(applied);
            }
        }
        match relate_modes(a, b, world_writable) {
            ModeRelation::Same => {}
            ModeRelation::Permitted => pair.container.modes += 1,
            ModeRelation::Different => pair.changes.push(Change::Mode(index, partner)),
        }
        if !owners_read_alike(a, b) {
            pair.changes.push(Change::Owner(index, partner));
        }
        let headers = relate_headers(a, b, left.archive.format);
        pair.changes.extend(headers.different.map(|what| Change::Header(index, partner, what)));
        pair.container.times += u64::from(headers.times);
        pair.container.creator += u64::from(headers.creator);
        pair.container.owners += u64::from(headers.owners);
        pair.container.dialect += u64::from(headers.dialect);
        if a.kind == b.kind && a.sha256 == b.sha256 {
            match relate_data(a, b, shared.is_shared(index)) {
                DataRelation::Same => pair.same_data[index] = true,
                DataRelation::Stored => pair.container.compression += 1,
                DataRelation::Other if parameters.find(left, &shared)?.is_ok() => pair.container.compression += 1,
                DataRelation::Other => pair.changes.push(Change::Data(index, partner)),
            }
        }
    }
    let mut has_partner = vec![false; right.archive.members.len()];
    for partner in pair.partners.iter().flatten() {
        has_partner[*partner] = true;
    }
    let lonely = has_partner.iter().enumerate().filter(|(_, has_partner)| !**has_partner);
    pair.changes.extend(lonely.map(|(index, _)| Change::OnlyRight(index)));
    pair.container.member_order =
        pair.partners.iter().flatten().zip(pair.partners.iter().flatten().skip(1)).any(|(a, b)| a > b);
    if let Some((index, partner)) = record {
        pair.relate_records(left, index, right, partner)?;
    }
    pair.relate_anomalies(left, right)?;
    if left.archive.format != right.archive.format {
        let detail = "the files are of different formats".to_owned();
        pair.changes.push(Change::Container("container-field", detail));
    }
    let has_parameters = matches!(left.archive.format, Format::Zip | Format::Tar | Format::TarGz);
    if has_parameters && pair.changes.is_empty() {
        // What else differs has to be a container parameter, or both zip files have it.
        let refusal = parameters.refusal(left, &shared, &pair.partners)?;
        let is_common = refusal.is_some() && left.archive.format == Format::Zip && parameters.is_refused_too(right)?;
        pair.changes.extend(refusal.filter(|_| !is_common));
    }
    if matches!(left.archive.format, Format::Tar | Format::TarGz) && left.archive.format == right.archive.format {
        relate_tars(&left.archive.container, &right.archive.container, &mut pair.container);
        for (one, other) in [(left, right), (right, left)] {
            if !pair.changes.is_empty() {
                break;
            }
            let refused = explain_gzip_header(one.archive, one.bytes, other.archive)?;
            let refused = refused.map(|reason| Change::Container("container-field", format!("it {reason}")));
            pair.changes.extend(refused);
        }
    } else if left.archive.format != Format::Zip && pair.changes.is_empty() {
        // Not the same bytes, and nothing among the members explains it.
        let (code, detail) = if left.archive.container == right.archive.container {
            ("compressed-data-differs", "the members and headers are the same, and are compressed to other bytes")
        } else {
            ("container-field", "the headers of the container differ")
        };
        pair.changes.push(Change::Container(code, detail.to_owned()));
    }
    if pair.changes.is_empty() {
        pair.relation = Relation::Equivalent;
    }
    pair.parameters = parameters;
    Ok(pair)
}

/// The normalizers that make two contents of the same name equal, as far as they rewrote the left one; none where they are
/// not allowed, where one of the contents is native code, where a normalizer fails, or where the contents differ all the same.
fn normalized(
    left: &Side<'_>,
    index: usize,
    right: &Side<'_>,
    partner: usize,
    normalizing: Normalizing,
) -> Result<Vec<Normalization>, CompareError> {
    let path = &left.member(index).path;
    if normalizing == Normalizing::No || applicable(path).next().is_none() {
        return Ok(Vec::new());
    }
    let (Some(a), Some(b)) = (left.content(index)?, right.content(partner)?) else { return Ok(Vec::new()) };
    // Whatever it is named: a rule that took native code for something else would hide what runs.
    if begins_like_native(&a) || begins_like_native(&b) {
        return Ok(Vec::new());
    }
    Ok(match equal_after_rules(path, &a, &b) {
        Equality::Equal { a, b } => {
            // What only the right one needed is a normalizer that was applied all the same.
            let only_right = b.iter().filter(|rule| !a.iter().any(|other| other.name == rule.name));
            let all = a.iter().map(|rule| (rule, rule.bytes)).chain(only_right.map(|rule| (rule, 0)));
            all.map(|(rule, bytes)| Normalization {
                name: rule.name.into(),
                version: rule.version,
                path: path.clone(),
                bytes,
            })
            .collect()
        }
        Equality::Identical | Equality::Explained { .. } | Equality::Different | Equality::RuleFailed(_) => Vec::new(),
    })
}

/// The container parameters of the left file for the members of the right one, found when they are first asked for; or
/// what is no container parameter, such as an encoder that is not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Inferred(Option<Result<Box<Parameters>, NotRepackable>>);

impl Inferred {
    fn find(
        &mut self,
        left: &Side<'_>,
        shared: &Shared<'_>,
    ) -> Result<Result<&Parameters, &NotRepackable>, CompareError> {
        let found = match self.0.take() {
            Some(found) => found,
            None => match infer_for(left.archive, left.bytes, shared) {
                Ok(parameters) => Ok(Box::new(parameters)),
                Err(InferError::NotRepackable(refused)) => Err(refused),
                Err(InferError::Failed(failure)) => return Err(failure.into()),
            },
        };
        Ok(self.0.insert(found).as_ref().map(|parameters| &**parameters))
    }

    /// The change that makes a tar different whose members are all the same; none where every byte is explained.
    fn refusal(
        &mut self,
        left: &Side<'_>,
        shared: &Shared<'_>,
        partners: &[Option<usize>],
    ) -> Result<Option<Change>, CompareError> {
        let Err(NotRepackable { path, reason }) = self.find(left, shared)? else { return Ok(None) };
        let code = match reason {
            Reason::Encoder { .. } | Reason::Effort => "compressed-data-differs",
            _ => "container-field",
        };
        let detail = format!("it {reason}");
        let member = path.as_ref().and_then(|path| left.archive.index_of(path.as_bytes()));
        let partner = member.and_then(|index| partners.get(index).copied().flatten());
        Ok(Some(match member.zip(partner) {
            Some((index, partner)) => Change::Header(index, partner, detail),
            None => Change::Container(code, detail),
        }))
    }

    /// Whether the right file has the same kind of thing that is no container parameter.
    fn is_refused_too(&self, right: &Side<'_>) -> Result<bool, CompareError> {
        let Some(Err(NotRepackable { reason, .. })) = &self.0 else { return Ok(false) };
        // Compressed as it is: only what its headers say is of interest.
        let shared = Shared::find(right.archive, right.bytes, right.archive, right.bytes)?;
        match infer_for(right.archive, right.bytes, &shared) {
            Ok(_) => Ok(false),
            Err(InferError::NotRepackable(other)) => Ok(other.reason == *reason),
            Err(InferError::Failed(failure)) => Err(failure.into()),
        }
    }

    /// What was found.
    pub(crate) fn get(&self) -> Option<&Parameters> {
        self.0.as_ref()?.as_deref().ok()
    }
}

impl Pair {
    /// Two `RECORD`s of other content: a permutation of verified rows, implied by members that differ, or a difference.
    fn relate_records(
        &mut self,
        left: &Side<'_>,
        index: usize,
        right: &Side<'_>,
        partner: usize,
    ) -> Result<(), CompareError> {
        let changed = Change::Content(index, partner);
        let (Some(a), Some(b)) = (left.content(index)?, right.content(partner)?) else {
            self.changes.push(changed);
            return Ok(());
        };
        let are_true =
            verify_record(left.archive, index, &a).is_empty() && verify_record(right.archive, partner, &b).is_empty();
        let record = |name| Normalization {
            name: Cow::Borrowed(name),
            version: 1,
            path: left.member(index).path.clone(),
            bytes: left.member(index).size_bytes,
        };
        if are_true && same_lines(&a, &b) {
            self.normalizations.push(record(RECORD_ROW_ORDER));
            return Ok(());
        }
        // A row follows from its member: where that was normalized, its row is too.
        let rows = differing_rows(&a, &b);
        let normalized: HashSet<&MemberPath> = self.normalizations.iter().map(|other| &other.path).collect();
        if are_true && !rows.is_empty() && rows.iter().all(|path| normalized.contains(path)) {
            self.normalizations.push(record(RECORD_NORMALIZED_ROWS));
            return Ok(());
        }
        let different: HashSet<&MemberPath> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::OnlyLeft(i) | Change::Content(i, _) | Change::Kind(i, _) => Some(&left.member(*i).path),
                Change::OnlyRight(i) => Some(&right.member(*i).path),
                _ => None,
            })
            .collect();
        let is_implied = are_true
            && rows.iter().all(|path| normalized.contains(path) || different.contains(path))
            && !self.changes.is_empty();
        self.changes.push(if is_implied { Change::ImpliedRecord(index, partner) } else { changed });
        Ok(())
    }

    /// Anomalies that both files have, on the same member and with the same bytes, are reproduced; others are changes.
    fn relate_anomalies(&mut self, left: &Side<'_>, right: &Side<'_>) -> Result<(), CompareError> {
        let identify = |side: &Side<'_>, anomaly: &Anomaly| -> Result<_, CompareError> {
            // In other formats the offsets may be those of an expanded tar; there the text holds what was found.
            let digest = match side.archive.format {
                Format::Zip => side.range_digest(anomaly.offset, anomaly.length)?,
                _ => Sha256::of(anomaly.detail.as_bytes()),
            };
            Ok((anomaly.code, anomaly.path.clone(), anomaly.length, digest))
        };
        let mut unmatched: HashMap<_, Vec<&Anomaly>> = HashMap::new();
        for anomaly in &right.archive.anomalies {
            unmatched.entry(identify(right, anomaly)?).or_default().push(anomaly);
        }
        for anomaly in &left.archive.anomalies {
            let partner = unmatched.get_mut(&identify(left, anomaly)?).and_then(Vec::pop);
            if partner.is_none() {
                self.changes.push(Change::AnomalyLeft(anomaly.clone()));
            }
        }
        let mut lonely: Vec<&Anomaly> = unmatched.into_values().flatten().collect();
        lonely.sort_by_key(|anomaly| (anomaly.offset, anomaly.code));
        self.changes.extend(lonely.into_iter().map(|anomaly| Change::AnomalyRight(anomaly.clone())));
        Ok(())
    }
}
