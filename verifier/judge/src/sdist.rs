//! Sdists as subjects: what is read of them, how they are built again, and by which recipe.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use twinbuild_archive::{Archive, ArchiveFile, Container, Format, Member, MemberKind, Modified, ReadError, contents};
use twinbuild_compare::{Finding, Severity, Side, SourceIndex, made_by_build};
use twinbuild_environment::Ground;
use twinbuild_rebuild::{Product, SdistArchive};
use twinbuild_recipe::{Inference, SdistEvidence, Unsupported, infer_sdist};
use twinbuild_source::SourceTree;
use twinbuild_subject::{DistributionFileName, MemberPath, SdistFileName, SdistFormat};
use twinbuild_verdict::Outcome;

use crate::JudgeError;
use crate::checkout::of_commit;
use crate::cross_check::UNCHECKED;
use crate::judge::Judge;
use crate::subject::{Prepared, PreparedSource};
use crate::walk::{LaidOut, Step, chain, end, made_at};

/// `PKG-INFO` holds a description, which is as long as a project's page.
const PKG_INFO_LIMIT_BYTES: u64 = 4 << 20;

/// How many files a finding names.
const MOST_NAMED: usize = 10;

/// How a subject is read and built, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The format of its archive.
    pub(crate) format: Format,
    /// What a build makes.
    pub(crate) product: Product,
    /// What the verdict calls its container.
    pub(crate) container: &'static str,
}

impl Kind {
    /// Of a file of that name; `None` of an sdist in an archive that is not read.
    pub(crate) fn of(name: &DistributionFileName) -> Option<Self> {
        let sdist = |format, archive, container| Some(Self { format, product: Product::Sdist(archive), container });
        match name {
            DistributionFileName::Wheel(_) => {
                Some(Self { format: Format::Zip, product: Product::Wheel, container: "zip" })
            }
            DistributionFileName::Sdist(name) => match name.format {
                SdistFormat::TarGz => sdist(Format::TarGz, SdistArchive::TarGz, "tar.gz"),
                SdistFormat::Zip => sdist(Format::Zip, SdistArchive::Zip, "zip"),
                SdistFormat::TarBz2 | SdistFormat::TarXz | SdistFormat::TarZ | SdistFormat::Tar => None,
            },
        }
    }
}

/// A link of an sdist that leads out of what is unpacked, where some unpackers follow it and others refuse the file.
pub(crate) fn check_links(archive: &Archive, findings: &mut Vec<Finding>) -> Step<()> {
    let leads_out = |member: &&Member| member.escapes() && matches!(member.kind, MemberKind::Symlink { .. });
    let Some(link) = archive.members.iter().find(leads_out) else { return Step::Next(()) };
    let detail = format!("{} is a symbolic link that leads out of the sdist", link.path);
    findings.push(Finding::of("sdist-link", Severity::Alert, &link.path, detail.clone()));
    end(Outcome::Rejected, "sdist-link", None, detail)
}

/// What an sdist says of its own making.
fn evidence(name: &SdistFileName, archive: &Archive, bytes: &ArchiveFile) -> Result<SdistEvidence, ReadError> {
    let is_pkg_info = |member: &Member| {
        let slashes = member.path.as_bytes().iter().filter(|byte| **byte == b'/').count();
        member.is_file() && slashes == 1 && member.path.file_name() == b"PKG-INFO"
    };
    let index = archive.members.iter().position(is_pkg_info);
    let content = index.map(|index| contents(bytes, archive, index, PKG_INFO_LIMIT_BYTES)).transpose()?;
    let times = archive.members.iter().filter(|member| member.is_file()).map(|member| match member.modified {
        Modified::Unix { seconds, .. } => {
            let time = Timestamp::from_second(seconds).ok().filter(|_| seconds > 0);
            time.map(|time| time.to_zoned(TimeZone::UTC).datetime())
        }
        Modified::Dos { .. } | Modified::None => member.modified.civil(),
    });
    let gzip_seconds = match &archive.container {
        Container::TarGz { gzip, .. } => Some(gzip.modified),
        _ => None,
    };
    Ok(SdistEvidence::read(name, content.as_deref(), times, gzip_seconds))
}

/// What the build of a reproduced sdist made, which no other releases of its requirements were asked to make.
pub(crate) fn unchecked(
    rebuilt: &Side<'_>,
    index: &SourceIndex,
    tree: &SourceTree,
) -> Result<Option<Finding>, JudgeError> {
    // One that is too large to be read has no settings that are known.
    let setup_cfg = tree.root_file("setup.cfg").ok().map(Option::unwrap_or_default);
    let made = made_by_build(rebuilt, index, setup_cfg.as_deref())
        .map_err(|error| JudgeError::Internal { what: chain(&error) })?;
    if made.is_empty() {
        return Ok(None);
    }
    let detail = format!(
        "the build made {}, and nothing is known of what its requirements had to do with it: sdists are not built with other \
         releases of them",
        named(made.iter())
    );
    Ok(Some(Finding::whole(UNCHECKED, Severity::Warning, detail)))
}

/// The first of some paths, and how many more there are.
pub(crate) fn named<'a>(paths: impl ExactSizeIterator<Item = &'a MemberPath>) -> String {
    let more = paths.len().saturating_sub(MOST_NAMED);
    let named: Vec<String> = paths.take(MOST_NAMED).map(ToString::to_string).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The files of a source by content, each by its path below the project's folder, as an sdist has it, or below the top folder where
/// it stands elsewhere.
pub(crate) fn index_of(tree: &SourceTree) -> SourceIndex {
    let project = tree.project();
    let below = project.strip_prefix(tree.top()).and_then(|path| path.strip_prefix('/')).map(|path| format!("{path}/"));
    let files = tree.files().iter().map(|(path, sha256)| {
        let own = below.as_ref().and_then(|below| path.strip_prefix(below.as_bytes()));
        (own.unwrap_or_else(|| path.clone()), *sha256)
    });
    SourceIndex::new(files)
}

impl Judge {
    /// The recipe that the evidence speaks for, by which a tree becomes the sdist `name`.
    pub(crate) fn infer_sdist(
        &self,
        prepared: &Prepared,
        name: &SdistFileName,
        (published, bytes): (&Archive, &ArchiveFile),
        source: &PreparedSource,
        laid_out: &LaidOut,
    ) -> Result<Step<(Inference, &'static str)>, JudgeError> {
        let evidence = match evidence(name, published, bytes) {
            Ok(evidence) => evidence,
            Err(ReadError::Limit(limit)) => {
                return Ok(end(Outcome::Inconclusive, "limit", Some("archive"), limit.to_string()));
            }
            Err(error) => return Err(JudgeError::Internal { what: chain(&error) }),
        };
        let first_upload = made_at(prepared, &evidence.times)?;
        let offer = Ground::offer(&self.options.hosts);
        match infer_sdist(name, first_upload, &evidence, &laid_out.evidence, &offer) {
            Ok(inference) => {
                Ok(Step::Next((of_commit(inference, prepared, (published, bytes), source, &laid_out.tree), "inferred")))
            }
            Err(error) => Ok(no_recipe(&error)),
        }
    }
}

/// The end of a walk for which no recipe can be inferred.
pub(crate) fn no_recipe<T>(error: &Unsupported) -> Step<T> {
    let detail = MemberPath::from(error.to_string().as_str()).to_string();
    let class = match error {
        Unsupported::SelfHosted { .. } => {
            return end(Outcome::Unbuildable, "self-hosted", Some("requirements"), detail);
        }
        Unsupported::Generator { .. } => "generator",
        Unsupported::Interpreter { .. } | Unsupported::Python { .. } => "interpreter",
        Unsupported::Platform { .. } => "platform",
    };
    end(Outcome::Unsupported, class, None, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_follows_from_the_name() {
        let of = |name: &str| Kind::of(&name.parse().unwrap()).map(|kind| (kind.format, kind.product));
        assert_eq!(of("a-1-py3-none-any.whl"), Some((Format::Zip, Product::Wheel)));
        assert_eq!(of("a-1.tar.gz"), Some((Format::TarGz, Product::Sdist(SdistArchive::TarGz))));
        assert_eq!(of("a-1.zip"), Some((Format::Zip, Product::Sdist(SdistArchive::Zip))));
        assert_eq!(of("a-1.tar.bz2"), None);
    }
}
