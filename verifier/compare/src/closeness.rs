//! How far a rebuild is from the published file, as a number to search by.

use std::collections::HashMap;

use twinbuild_recipe::Closeness;

use crate::comparison::Relation;
use crate::pair::{Change, Normalizing, relate};
use crate::side::{CompareError, Side};
use crate::trace::SourceIndex;

/// How far a rebuild is from the published wheel, and whether all that differs lies in a metadata folder. It only tells a search
/// where to go on: whether the two agree is decided by [`crate::compare`].
///
/// # Errors
/// When one of the files cannot be read again.
pub fn closeness(
    published: &Side<'_>,
    rebuilt: &Side<'_>,
    source: &SourceIndex,
    normalizing: Normalizing,
) -> Result<(Closeness, bool), CompareError> {
    let pair = relate(published, rebuilt, normalizing)?;
    if pair.relation != Relation::Different {
        return Ok((Closeness::SAME, true));
    }
    let mut closeness = Closeness::SAME;
    let mut is_metadata_only = true;
    for change in &pair.changes {
        let member = match change {
            Change::OnlyLeft(index) => {
                let member = published.member(*index);
                let is_sourced = member.sha256.is_some_and(|sha256| source.verbatim(&member.path, &sha256).is_some());
                *(if is_sourced { &mut closeness.missing } else { &mut closeness.unsourced }) += 1;
                member
            }
            Change::OnlyRight(index) => {
                closeness.missing += 1;
                rebuilt.member(*index)
            }
            Change::Content(index, partner) => {
                closeness.differing += 1;
                closeness.bytes += differing_bytes(published, *index, rebuilt, *partner)?;
                published.member(*index)
            }
            // It follows from the others.
            Change::ImpliedRecord(..) => continue,
            Change::Kind(index, _)
            | Change::Data(index, _)
            | Change::Mode(index, _)
            | Change::Owner(index, _)
            | Change::Header(index, ..) => {
                closeness.differing += 1;
                published.member(*index)
            }
            Change::Container(..) | Change::AnomalyLeft(_) | Change::AnomalyRight(_) => {
                closeness.differing += 1;
                continue;
            }
        };
        let top = member.path.as_bytes().split(|byte| *byte == b'/').next().unwrap_or_default();
        is_metadata_only &= top.ends_with(b".dist-info");
    }
    // What differs in nothing that is counted differs all the same.
    if closeness == Closeness::SAME {
        closeness.differing = 1;
    }
    Ok((closeness, is_metadata_only))
}

/// The bytes of the lines that only one of two members has; all bytes of those that are too large to be read.
fn differing_bytes(left: &Side<'_>, a: usize, right: &Side<'_>, b: usize) -> Result<u64, CompareError> {
    let (Some(one), Some(other)) = (left.content(a)?, right.content(b)?) else {
        return Ok(left.member(a).size_bytes.saturating_add(right.member(b).size_bytes));
    };
    let mut counts: HashMap<&[u8], i64> = HashMap::new();
    for (content, step) in [(&one, 1), (&other, -1)] {
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            *counts.entry(line).or_default() += step;
        }
    }
    let weigh = |(line, count): (&[u8], i64)| (line.len() as u64).saturating_mul(count.unsigned_abs());
    Ok(counts.into_iter().map(weigh).sum())
}
