//! The result of a comparison, as it stands in a verdict.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::MemberPath;

/// How two files relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// They are the same bytes.
    Identical,
    /// They differ in permitted container parameters, or in what a named normalizer rewrites, and in nothing else.
    Equivalent,
    /// They differ.
    Different,
}

/// What kind of difference a published file has from a rebuild; the most serious one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mismatch {
    /// Metadata and container only.
    Packaging,
    /// What is installed or run: contents, executable bits, entry points, dependencies.
    Code,
    /// Members that no source has.
    Unsourced,
}

impl Mismatch {
    /// Its name, as in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Packaging => "packaging",
            Self::Code => "code",
            Self::Unsourced => "unsourced",
        }
    }
}

/// The three-way comparison in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The first rebuild and the second.
    pub twins: Relation,
    /// The published file and the first rebuild.
    pub first: Relation,
    /// The published file and the second rebuild.
    pub second: Relation,
    /// Whether the first rebuild's members, written with the published file's container parameters, are the published
    /// file, byte for byte.
    pub repacked_first: bool,
    /// The same of the second rebuild.
    pub repacked_second: bool,
    /// The members of the published file.
    pub files: FileCounts,
    /// The bytes of the published file.
    pub bytes: ByteCounts,
    /// What became of each member, where it is not identical or is native code, and in an sdist where it is not a file of the source
    /// in its place: in the order of the published file, then those that only the rebuild has. The others are identical.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberResult>,
}

/// What became of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberResult {
    /// The member.
    #[serde(flatten)]
    pub path: MemberPath,
    /// How it relates to the rebuild's.
    pub result: MemberRelation,
    /// Where its content comes from; of one that only the rebuild has, the rebuilt content.
    pub origin: MemberOrigin,
    /// The file of the source that its content is, where there is one; of several the one whose name is most like its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<MemberPath>,
    /// Whether it is a program or library, by its first bytes: ELF, PE or Mach-O.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_native: bool,
}

/// How a member of the published file relates to the rebuild's of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemberRelation {
    /// They have the same kind, content and mode.
    Identical,
    /// They are equal after a named normalizer, which native code never passes.
    Normalized,
    /// They differ.
    Differing,
    /// The rebuild does not have it.
    OnlyPublished,
    /// Only the rebuild has it.
    OnlyRebuilt,
}

/// Where the content of a member comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemberOrigin {
    /// It is the same bytes as a file of the source.
    Verbatim,
    /// The build made it.
    Generated,
    /// Neither the source has it, nor does the build make a file of that name.
    Nowhere,
}

/// The members of the published file, against the first rebuild.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileCounts {
    /// All members of the published file.
    pub total: u64,
    /// Those whose content and kind the rebuild has too.
    pub identical: u64,
    /// Those that are the same bytes as a file of the source.
    pub verbatim: u64,
    /// Those that the build generated.
    pub generated: u64,
    /// The others, which come from nowhere: neither the source nor the rebuild has them.
    pub unsourced: u64,
    /// Those that are equal after a named normalizer.
    pub normalized: u64,
    /// Those that differ.
    pub differing: u64,
    /// Those that the rebuild does not have.
    pub only_published: u64,
    /// Members of the rebuild that the published file does not have; not part of `total`.
    pub only_rebuilt: u64,
}

/// The bytes of the published file, against the first rebuild. All but `total` add up to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByteCounts {
    /// The file's size.
    pub total: u64,
    /// Reproduced as they are.
    pub identical: u64,
    /// Permitted container parameters.
    pub container: u64,
    /// Rewritten by a named normalizer.
    pub normalized: u64,
    /// In a finding.
    pub differing: u64,
}

/// Permitted container parameters in which the published file differs from the first rebuild; the numbers count members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDifferences {
    /// Whether the members stand in another order.
    pub member_order: bool,
    /// Members with another time.
    pub times: u64,
    /// Members with other permitted mode bits.
    pub modes: u64,
    /// Members with another creator system or version.
    pub creator: u64,
    /// Members with another compression of the same content; 1 for a tar that is compressed as a whole.
    pub compression: u64,
    /// Members with another owner or group.
    pub owners: u64,
    /// Members whose header, or what stands in front of it, is of another dialect or form.
    pub dialect: u64,
    /// Whether another number of zero blocks ends the tar.
    pub blocking_factor: bool,
    /// Whether the header of the gzip file has another time, system, level or file name.
    pub gzip_header: bool,
}

/// A normalizer that made two members equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Normalization {
    /// The normalizer's name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: u32,
    /// The member of the published file.
    #[serde(flatten)]
    pub path: MemberPath,
    /// How many bytes of the published member it rewrote.
    pub bytes: u64,
}
