//! Tracing: where each member of a wheel comes from, and what it is.

use std::io::Read as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_archive::{Archive, open};
use twinbuild_subject::MemberPath;

use crate::explain::{CODE_ENDINGS, NATIVE_HEAD_BYTES, Role, begins_like_native, top};
use crate::side::Side;
use crate::trace::SourceIndex;

/// So many members of each kind are listed in a document.
const MOST_LISTED: usize = 1000;

/// Where one member comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedMember {
    /// The index of the member.
    pub index: usize,
    /// Its name.
    pub path: MemberPath,
    /// Where its content comes from.
    pub origin: TracedOrigin,
    /// What it is.
    pub kind: ContentKind,
    role: Role,
}

/// What the members of one wheel are to those who install it: a `*.dist-info` of another name than the wheel's own is another
/// project's, and installed to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roles<'a> {
    own: &'a [u8],
}

/// Where the content of a member comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracedOrigin {
    /// It is the same bytes as the file of the source of that path, or of that path below `src/`.
    InPlace,
    /// It is the same bytes as this file of the source, so the build decided where it stands.
    Moved(MemberPath),
    /// The build made it.
    Generated,
}

/// What a member is to those who install the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContentKind {
    /// It is imported, loaded or run, by its name, its mode or its first bytes.
    Code,
    /// Anything else that is installed, and that code can read.
    Data,
    /// It describes the wheel.
    Metadata,
}

/// Where the members of a file come from, for a reader. Of each list the first 1000 are here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tracing {
    /// Members that are the same bytes as the file of the source of their own path, or of that path below `src/`.
    pub in_place: u64,
    /// Members that are the same bytes as a file of the source of another path.
    pub moved: Vec<MovedMember>,
    /// Members that the build made.
    pub generated: Vec<GeneratedMember>,
    /// Members that are in neither list, as there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
}

/// A member that is the same bytes as a file of the source of another path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovedMember {
    /// The member.
    #[serde(flatten)]
    pub path: MemberPath,
    /// The file of the source; of several the one whose name is most like the member's.
    pub source: MemberPath,
}

/// A member that the build made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedMember {
    /// The member.
    #[serde(flatten)]
    pub path: MemberPath,
    /// What it is.
    pub kind: ContentKind,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Traces the members of a wheel, directories left out, in its order.
#[must_use]
pub fn trace(wheel: &Side<'_>, source: &SourceIndex) -> Vec<TracedMember> {
    let roles = Roles::of_wheel(wheel.archive);
    let members = wheel.archive.members.iter().enumerate().filter(|(_, member)| member.is_file());
    let traced = members.map(|(index, member)| {
        let path = member.path.clone();
        let verbatim = member.sha256.as_ref().and_then(|sha256| source.verbatim(&path, sha256));
        let origin = match verbatim {
            Some(file) if is_in_place(&path, file) => TracedOrigin::InPlace,
            Some(file) => TracedOrigin::Moved(file.clone()),
            None => TracedOrigin::Generated,
        };
        let role = roles.of(&path);
        let kind = kind(wheel, index, role);
        TracedMember { index, path, origin, kind, role }
    });
    traced.collect()
}

impl TracedMember {
    /// Whether the build decided what it does to those who install the wheel: by making it, or by where it put it. Files that
    /// run at every start of the interpreter always count, as it is enough for a build to put them there.
    #[must_use]
    pub fn is_of_build(&self) -> bool {
        match (&self.origin, self.role) {
            (_, Role::PathFile) => true,
            (TracedOrigin::InPlace, _) => false,
            // What these decide is compared by value.
            (_, Role::Metadata | Role::WheelFile | Role::EntryPoints | Role::DependencyLinks) => false,
            (_, role) => !role.is_packaging(),
        }
    }
}

impl<'a> Roles<'a> {
    /// Those of a wheel, whose own folder is the one with `WHEEL`.
    pub(crate) fn of_wheel(archive: &'a Archive) -> Self {
        let wheel_file = archive.members.iter().find(|member| Role::of(&member.path) == Role::WheelFile);
        Self { own: wheel_file.map_or(&[], |member| top(&member.path)) }
    }

    pub(crate) fn of(&self, path: &MemberPath) -> Role {
        match Role::of(path) {
            role @ (Role::Content | Role::PathFile) => role,
            role if top(path) == self.own => role,
            _ => Role::Content,
        }
    }
}

impl Tracing {
    /// The document of a trace.
    #[must_use]
    pub fn of(members: &[TracedMember]) -> Self {
        let mut tracing = Self::default();
        for TracedMember { path, origin, kind, .. } in members {
            let path = path.clone();
            match origin {
                TracedOrigin::InPlace => tracing.in_place += 1,
                TracedOrigin::Moved(source) if tracing.moved.len() < MOST_LISTED => {
                    tracing.moved.push(MovedMember { path, source: source.clone() });
                }
                TracedOrigin::Generated if tracing.generated.len() < MOST_LISTED => {
                    tracing.generated.push(GeneratedMember { path, kind: *kind });
                }
                TracedOrigin::Moved(_) | TracedOrigin::Generated => tracing.unlisted += 1,
            }
        }
        tracing
    }
}

/// Whether this is where a member of that name is expected in a source.
fn is_in_place(path: &MemberPath, file: &MemberPath) -> bool {
    let file = file.as_bytes();
    file == path.as_bytes() || file.strip_prefix(b"src/") == Some(path.as_bytes())
}

fn kind(wheel: &Side<'_>, index: usize, role: Role) -> ContentKind {
    let member = wheel.member(index);
    match role {
        Role::PathFile => return ContentKind::Code,
        Role::Content => {}
        _ => return ContentKind::Metadata,
    }
    let name = member.path.as_bytes().to_ascii_lowercase();
    let is_script = name.split(|byte| *byte == b'/').nth(1) == Some(b"scripts");
    let is_executable = member.mode.is_some_and(|mode| mode & 0o111 != 0);
    if is_script || is_executable || CODE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return ContentKind::Code;
    }
    let Some(contents) = open(wheel.bytes, wheel.archive, index) else { return ContentKind::Data };
    let mut head = Vec::new();
    let is_code = contents.take(NATIVE_HEAD_BYTES).read_to_end(&mut head).is_ok()
        && (begins_like_native(&head) || head.starts_with(b"#!"));
    if is_code { ContentKind::Code } else { ContentKind::Data }
}
