//! What other releases of the build requirements make of the same source: where code, or what metadata decides, is another.

use twinbuild_archive::{Member, MemberKind};
use twinbuild_recipe::{Decisive, DecisiveFiles};
use twinbuild_subject::MemberPath;

use crate::explain::{Draft, Role, report};
use crate::finding::{Finding, Severity};
use crate::pair::{Change, Normalizing, relate};
use crate::python_form::meaningful_lines;
use crate::side::{CompareError, Side};
use crate::trace::SourceIndex;
use crate::tracing::{Roles, TracedOrigin, trace};

/// Code or decisive metadata is what it is because of the releases that it was built with.
pub const DETERMINED_CODE: &str = "environment-determined-code";
/// Code has other comments with other releases, and means the same.
const DETERMINED_COMMENTS: &str = "environment-determined-comments";
/// Other releases put files into the wheel that it lacks.
const OMITTED: &str = "environment-omitted-member";

/// What the metadata of a wheel decides; `None` where that is more than is read, or stands in two files of one name.
///
/// # Errors
/// When the wheel cannot be read again.
pub fn decisive(wheel: &Side<'_>) -> Result<Option<Decisive>, CompareError> {
    let roles = Roles::of_wheel(wheel.archive);
    let mut contents =
        [Role::Metadata, Role::EntryPoints, Role::WheelFile, Role::DependencyLinks].map(|role| (role, None));
    for (role, content) in &mut contents {
        let members = wheel.archive.members.iter().enumerate();
        let found: Vec<usize> =
            members.filter(|(_, member)| roles.of(&member.path) == *role).map(|(index, _)| index).collect();
        match found.as_slice() {
            [] => continue,
            [index] => *content = wheel.content(*index)?,
            // Names in upper and lower case, of which each reader takes another one.
            _ => return Ok(None),
        }
        if content.is_none() {
            return Ok(None);
        }
    }
    let [metadata, entry_points, wheel_file, dependency_links] =
        contents.each_ref().map(|(_, content)| content.as_deref());
    Ok(Some(Decisive::of_wheel(DecisiveFiles { metadata, entry_points, wheel: wheel_file, dependency_links })))
}

/// Where `built` departs from `other`, which was built from the same source with other releases of the build requirements, in
/// what is run or what decides what is installed: an alert each. Metadata is compared by value, as releases write it in
/// their own ways. What has other comments only, and what only `other` has, is a warning. A file that is in `built` where
/// the source has it is no matter of releases.
///
/// # Errors
/// When one of the files cannot be read again.
pub fn departures(
    built: &Side<'_>,
    other: &Side<'_>,
    source: &SourceIndex,
    normalizing: Normalizing,
) -> Result<Vec<Finding>, CompareError> {
    use Severity::{Alert, Warning};
    let traced = trace(built, source);
    let is_in_place = |index: usize| {
        let own = traced.iter().find(|member| member.index == index);
        own.is_some_and(|member| member.origin == TracedOrigin::InPlace && !member.is_of_build())
    };
    let roles = Roles::of_wheel(built.archive);
    let others_roles = Roles::of_wheel(other.archive);
    let by_value = decisive(built)?.zip(decisive(other)?);
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for change in &relate(built, other, normalizing)?.changes {
        let draft = match *change {
            Change::OnlyLeft(index) => {
                let member = built.member(index);
                let detail = "other releases do not make it".to_owned();
                let is_unread = by_value.is_none() && is_decisive(roles.of(&member.path));
                let is_matter = is_unread || is_installed(member, roles) && !is_in_place(index);
                is_matter.then(|| Finding::of(DETERMINED_CODE, Alert, &member.path, detail).into())
            }
            Change::OnlyRight(index) => {
                let member = other.member(index);
                let detail = "other releases put it into the wheel".to_owned();
                is_installed(member, others_roles).then(|| Finding::of(OMITTED, Warning, &member.path, detail).into())
            }
            Change::Content(index, partner) if is_installed(built.member(index), roles) => {
                let is_comment = is_in_comments((built, index), (other, partner))?;
                let (code, severity, detail) = if is_comment {
                    (DETERMINED_COMMENTS, Warning, "other releases write other comments into it")
                } else {
                    (DETERMINED_CODE, Alert, "other releases make another file of it")
                };
                Some(Draft::of_releases(code, severity, (*built, index), (*other, partner), detail))
            }
            Change::Content(index, _) if by_value.is_none() && is_decisive(roles.of(&built.member(index).path)) => {
                let detail =
                    "other releases write it otherwise, and it is too large to be compared by value".to_owned();
                Some(Finding::of(DETERMINED_CODE, Alert, &built.member(index).path, detail).into())
            }
            Change::Kind(index, _) => {
                let detail = "other releases make something else than a file of it".to_owned();
                Some(Finding::of(DETERMINED_CODE, Alert, &built.member(index).path, detail).into())
            }
            Change::Mode(index, partner) => {
                let bits = |member: &Member| member.mode.unwrap_or(0) & 0o7111;
                let (own, others) = (bits(built.member(index)), bits(other.member(partner)));
                let detail = "other releases give it other executable bits".to_owned();
                let is_more = own & !others != 0;
                is_more.then(|| Finding::of(DETERMINED_CODE, Alert, &built.member(index).path, detail).into())
            }
            // Metadata, which is compared by value below, and the container.
            Change::Content(..)
            | Change::ImpliedRecord(..)
            | Change::Data(..)
            | Change::Owner(..)
            | Change::Header(..)
            | Change::Container(..)
            | Change::AnomalyLeft(_)
            | Change::AnomalyRight(_) => None,
        };
        drafts.extend(draft);
    }
    let (own, others) = by_value.unwrap_or_default();
    let only = |a: &Decisive, b: &Decisive| a.beyond(b).map(ToString::to_string).collect::<Vec<_>>();
    for (facts, what) in [(only(&own, &others), "the wheel has"), (only(&others, &own), "other releases write")] {
        for fact in facts {
            let detail =
                format!("its metadata depends on the releases: only {what} {}", MemberPath::from(fact.as_str()));
            drafts.push(Finding::whole(DETERMINED_CODE, Alert, detail).into());
        }
    }
    report(drafts)
}

/// Whether a member is installed to be read, run or imported; metadata that decides something is compared by value.
fn is_installed(member: &Member, roles: Roles<'_>) -> bool {
    matches!(roles.of(&member.path), Role::Content | Role::PathFile) && member.kind != MemberKind::Directory
}

fn is_decisive(role: Role) -> bool {
    matches!(role, Role::Metadata | Role::EntryPoints | Role::WheelFile | Role::DependencyLinks)
}

/// Whether two Python sources differ in what the interpreter does not read.
fn is_in_comments(
    (built, index): (&Side<'_>, usize),
    (other, partner): (&Side<'_>, usize),
) -> Result<bool, CompareError> {
    if !built.member(index).path.as_bytes().ends_with(b".py") {
        return Ok(false);
    }
    let (Some(a), Some(b)) = (built.content(index)?, other.content(partner)?) else { return Ok(false) };
    let lines = meaningful_lines(&a);
    Ok(lines.is_some() && lines == meaningful_lines(&b))
}
