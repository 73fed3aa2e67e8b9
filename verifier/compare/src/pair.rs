//! How two files relate, member by member.

use std::collections::HashMap;

use twinbuild_archive::{Anomaly, Format};
use twinbuild_repack::{InferError, infer};
use twinbuild_subject::Sha256;

use crate::comparison::{ContainerDifferences, Normalization, Relation};
use crate::mode::{ModeRelation, all_world_writable, relate_modes};
use crate::record::{differing_rows, record_index, same_lines, verify_record};
use crate::side::{CompareError, Side};
use crate::tiles::{DataRelation, relate_data, relate_headers};

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
    /// A header value differs that is no container parameter.
    Header(usize, usize, String),
    /// The left file has an anomaly that the right has not.
    AnomalyLeft(Anomaly),
    /// The right file has an anomaly that the left has not.
    AnomalyRight(Anomaly),
}

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
    /// Whether all files of the left file may be written by anybody.
    pub world_writable: bool,
}

/// Relates two files.
///
/// # Errors
/// When one of them cannot be read again.
pub fn relate(left: &Side<'_>, right: &Side<'_>) -> Result<Pair, CompareError> {
    let by_path: HashMap<&[u8], usize> =
        right.archive.members.iter().enumerate().map(|(index, member)| (member.path.as_bytes(), index)).collect();
    let partners: Vec<Option<usize>> =
        left.archive.members.iter().map(|member| by_path.get(member.path.as_bytes()).copied()).collect();
    let world_writable = all_world_writable(left.archive);
    let may_be_writable = world_writable || all_world_writable(right.archive);
    let mut pair = Pair {
        relation: Relation::Different,
        changes: Vec::new(),
        container: ContainerDifferences::default(),
        normalizations: Vec::new(),
        partners,
        world_writable,
    };
    if left.sha256 == right.sha256 && left.archive.size_bytes == right.archive.size_bytes {
        pair.relation = Relation::Identical;
        return Ok(pair);
    }
    let mut record = None;
    let mut encoders = Encoders(None);
    for (index, partner) in pair.partners.iter().enumerate() {
        let Some(partner) = *partner else {
            pair.changes.push(Change::OnlyLeft(index));
            continue;
        };
        let (a, b) = (left.member(index), right.member(partner));
        if a.kind != b.kind {
            pair.changes.push(Change::Kind(index, partner));
        } else if (a.size_bytes, a.sha256) != (b.size_bytes, b.sha256) {
            if record_index(left.archive) == Some(index) && record_index(right.archive) == Some(partner) {
                record = Some((index, partner));
            } else {
                pair.changes.push(Change::Content(index, partner));
            }
        }
        match relate_modes(a, b, may_be_writable) {
            ModeRelation::Same => {}
            ModeRelation::Permitted => pair.container.modes += 1,
            ModeRelation::Different => pair.changes.push(Change::Mode(index, partner)),
        }
        let headers = relate_headers(a, b);
        pair.changes.extend(headers.different.map(|what| Change::Header(index, partner, what)));
        pair.container.times += u64::from(headers.times);
        pair.container.creator += u64::from(headers.creator);
        if a.kind == b.kind && a.sha256 == b.sha256 {
            match relate_data(left, index, right, partner)? {
                DataRelation::Same => {}
                DataRelation::Stored => pair.container.compression += 1,
                DataRelation::Other if encoders.are_known(left)? => pair.container.compression += 1,
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
    if pair.changes.is_empty() {
        pair.relation = Relation::Equivalent;
    }
    Ok(pair)
}

/// Whether the encoders of a file are known, found out when it is first asked.
struct Encoders(Option<bool>);

impl Encoders {
    fn are_known(&mut self, side: &Side<'_>) -> Result<bool, CompareError> {
        if let Some(known) = self.0 {
            return Ok(known);
        }
        let known = match infer(side.archive, side.bytes) {
            Ok(_) => true,
            Err(InferError::NotRepackable(_)) => false,
            Err(InferError::Failed(failure)) => return Err(failure.into()),
        };
        self.0 = Some(known);
        Ok(known)
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
        if are_true && same_lines(&a, &b) {
            self.normalizations.push(Normalization {
                name: "wheel-record-row-order",
                version: 1,
                path: left.member(index).path.clone(),
                bytes: left.member(index).size_bytes,
            });
            return Ok(());
        }
        let is_implied = are_true
            && differing_rows(&a, &b).iter().all(|path| {
                self.changes.iter().any(|change| match change {
                    Change::OnlyLeft(i) | Change::Content(i, _) | Change::Kind(i, _) => left.member(*i).path == *path,
                    Change::OnlyRight(i) => right.member(*i).path == *path,
                    _ => false,
                })
            })
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
        let mut unmatched = Vec::new();
        for anomaly in &right.archive.anomalies {
            unmatched.push((identify(right, anomaly)?, anomaly));
        }
        for anomaly in &left.archive.anomalies {
            let identity = identify(left, anomaly)?;
            match unmatched.iter().position(|(other, _)| *other == identity) {
                Some(position) => drop(unmatched.swap_remove(position)),
                None => self.changes.push(Change::AnomalyLeft(anomaly.clone())),
            }
        }
        self.changes.extend(unmatched.into_iter().map(|(_, anomaly)| Change::AnomalyRight(anomaly.clone())));
        Ok(())
    }
}
