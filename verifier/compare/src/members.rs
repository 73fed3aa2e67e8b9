//! What became of each member of the published file.

use std::io::Read as _;

use twinbuild_archive::{MemberKind, open};
use twinbuild_subject::MemberPath;

use crate::comparison::{FileCounts, MemberOrigin, MemberRelation, MemberResult};
use crate::explain::{NATIVE_HEAD_BYTES, Sdist, begins_like_native};
use crate::pair::{Change, Pair};
use crate::side::Side;
use crate::tiles::{Fate, fates};
use crate::trace::SourceIndex;

/// Counts the members, and lists those that are not identical or are native code, and of an sdist those that are not a file of
/// the source in its place.
pub(crate) fn judge(
    published: &Side<'_>,
    rebuilt: &Side<'_>,
    pair: &Pair,
    source: &SourceIndex,
) -> (FileCounts, Vec<MemberResult>) {
    let members = &published.archive.members;
    let sdist = Sdist::find(rebuilt);
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
        let file = verbatim(published, index, source);
        let origin = match (&file, result) {
            (Some(_), _) => MemberOrigin::Verbatim,
            (None, MemberRelation::OnlyPublished) if members[index].kind != MemberKind::Directory => {
                MemberOrigin::Nowhere
            }
            (None, _) => MemberOrigin::Generated,
        };
        match origin {
            MemberOrigin::Verbatim => counts.verbatim += 1,
            MemberOrigin::Generated => counts.generated += 1,
            MemberOrigin::Nowhere => counts.unsourced += 1,
        }
        let is_native = is_native(published, index);
        let is_out_of_place = sdist.as_ref().is_some_and(|sdist| {
            members[index].kind != MemberKind::Directory && !sdist.is_in_place(&members[index], source)
        });
        if is_native || is_out_of_place || result != MemberRelation::Identical {
            let (path, source) = (members[index].path.clone(), file.cloned());
            results.push(MemberResult { path, result, origin, source, is_native });
        }
    }
    for change in &pair.changes {
        if let Change::OnlyRight(index) = *change {
            counts.only_rebuilt += 1;
            let path = rebuilt.member(index).path.clone();
            let (file, is_native) = (verbatim(rebuilt, index, source), is_native(rebuilt, index));
            let origin = if file.is_some() { MemberOrigin::Verbatim } else { MemberOrigin::Generated };
            let (result, source) = (MemberRelation::OnlyRebuilt, file.cloned());
            results.push(MemberResult { path, result, origin, source, is_native });
        }
    }
    (counts, results)
}

/// The file of the source that a member is the same bytes as.
fn verbatim<'a>(side: &Side<'_>, index: usize, source: &'a SourceIndex) -> Option<&'a MemberPath> {
    let member = side.member(index);
    member.sha256.as_ref().and_then(|sha256| source.verbatim(&member.path, sha256))
}

/// Whether a member is a program or library. Of a zip file only: elsewhere each look would expand what lies before it. One
/// that cannot be opened again is none: this is for a reader of the verdict, and decides nothing.
fn is_native(side: &Side<'_>, index: usize) -> bool {
    let Some(contents) = open(side.bytes, side.archive, index) else { return false };
    let mut head = Vec::new();
    contents.take(NATIVE_HEAD_BYTES).read_to_end(&mut head).is_ok() && begins_like_native(&head)
}
