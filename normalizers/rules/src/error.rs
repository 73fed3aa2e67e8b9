//! Why a rule could not be applied.

use twinbuild_subject::MemberPath;

use crate::ar_headers::ArFault;
use crate::gettext_dates::CatalogFault;
use crate::gzip_header::GzipFault;
use crate::headers::HeaderFault;
use crate::metadata_json_member_order::JsonFault;
use crate::png_time::PngFault;
use crate::wheel_file_generator::GeneratorFault;

/// A rule that met content of its kind that it cannot read in one way only. Members on which a rule fails differ; to make
/// them equal, build them in the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the normalizer {rule} cannot be applied to `{path}`: {fault}")]
pub struct RuleError {
    /// The rule's name.
    pub rule: &'static str,
    /// The member.
    pub path: MemberPath,
    /// What was found.
    pub fault: Fault,
}

/// What a rule found wrong with a content. Offsets count from its start, after the rules that ran before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// In the fields of `METADATA` or `WHEEL`.
    #[error(transparent)]
    Headers(#[from] HeaderFault),
    /// In the field `Generator` of `WHEEL`.
    #[error(transparent)]
    Generator(#[from] GeneratorFault),
    /// In a PNG image.
    #[error(transparent)]
    Png(#[from] PngFault),
    /// In a compiled gettext catalogue.
    #[error(transparent)]
    Catalog(#[from] CatalogFault),
    /// In a gzip file.
    #[error(transparent)]
    Gzip(#[from] GzipFault),
    /// In an ar archive.
    #[error(transparent)]
    Ar(#[from] ArFault),
    /// In `metadata.json` or `pydist.json`.
    #[error(transparent)]
    Json(#[from] JsonFault),
}

impl Fault {
    /// Whether a limit of this tool was reached, which says nothing about the content's honesty.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::Gzip(GzipFault::Limit { .. }) | Self::Json(JsonFault::Size { .. } | JsonFault::Depth { .. })
        )
    }
}
