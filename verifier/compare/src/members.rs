//! What became of each member of the published file.

use std::io::Read as _;

use twinbuild_archive::open;

use crate::comparison::{FileCounts, MemberOrigin, MemberRelation, MemberResult};
use crate::explain::{NATIVE_HEAD_BYTES, begins_like_native};
use crate::pair::{Change, Pair};
use crate::side::Side;
use crate::tiles::{Fate, fates};
use crate::trace::SourceIndex;

/// Counts the members, and lists those that are not identical or are native code.
pub(crate) fn judge(
    published: &Side<'_>,
    rebuilt: &Side<'_>,
    pair: &Pair,
    source: &SourceIndex,
) -> (FileCounts, Vec<MemberResult>) {
    let members = &published.archive.members;
    let mut counts = FileCounts { total: members.len() as u64, ..FileCounts::default() };
    let mut results = Vec::new();
    for (index, fate) in fates(published, pair).into_iter().enumerate() {
        let (result, count) = match fate {
            Fate::Same => (MemberRelation::Identical, &mut counts.identical),
            Fate::Normalized => (MemberRelation::Normalized, &mut counts.normalized),
            Fate::Changed | Fate::HeaderChanged => (MemberRelation::Differing, &mut counts.differing),
            Fate::Lonely => (MemberRelation::OnlyPublished, &mut counts.only_published),
        };
        *count += 1;
        let origin = origin(published, index, source);
        match origin {
            MemberOrigin::Verbatim => counts.verbatim += 1,
            MemberOrigin::Generated => counts.generated += 1,
        }
        let is_native = is_native(published, index);
        if is_native || result != MemberRelation::Identical {
            results.push(MemberResult { path: members[index].path.clone(), result, origin, is_native });
        }
    }
    for change in &pair.changes {
        if let Change::OnlyRight(index) = *change {
            counts.only_rebuilt += 1;
            let path = rebuilt.member(index).path.clone();
            let (origin, is_native) = (origin(rebuilt, index, source), is_native(rebuilt, index));
            results.push(MemberResult { path, result: MemberRelation::OnlyRebuilt, origin, is_native });
        }
    }
    (counts, results)
}

fn origin(side: &Side<'_>, index: usize, source: &SourceIndex) -> MemberOrigin {
    let member = side.member(index);
    let verbatim = member.sha256.as_ref().and_then(|sha256| source.verbatim(&member.path, sha256));
    if verbatim.is_some() { MemberOrigin::Verbatim } else { MemberOrigin::Generated }
}

/// Whether a member is a program or library. Of a zip file only: elsewhere each look would expand what lies before it. One
/// that cannot be opened again is none: this is for a reader of the verdict, and decides nothing.
fn is_native(side: &Side<'_>, index: usize) -> bool {
    let Some(contents) = open(side.bytes, side.archive, index) else { return false };
    let mut head = Vec::new();
    contents.take(NATIVE_HEAD_BYTES).read_to_end(&mut head).is_ok() && begins_like_native(&head)
}
