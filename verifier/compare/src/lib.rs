//! Three-way comparison: the published file with the first and the second rebuild, and these with each other.
//!
//! [`compare`] takes three [`Side`]s, each an archive read by `twinbuild_archive` with its bytes at hand, and a
//! [`SourceIndex`]; it gives a [`ThreeWay`]: how the files relate, what every byte of the published one is, and the
//! findings. Members are compared by kind, content and mode. The container is compared field by field; what may differ
//! there is a closed list, and what is not on it is a finding. `compare` decides nothing: the crate `verdict` does.
//!
//! [`relate`] is the same for two files.
//!
//! A finding about contents says what changed in them, by their kind, and shows it in a bounded excerpt: lines of text, fields,
//! values, sections and symbols, members of inner archives, or bytes. This only explains; it makes no difference a pass.
//!
//! [`trace`] says of each member of a wheel which file of the source it is, or that the build made it, and [`departures`] where a
//! wheel departs from one that other releases of the build requirements made of the same source.
//!
//! Where a rebuild is equivalent, the published file is written again from the rebuild's members with the published
//! container parameters, and held against the published bytes.
//!
//! Contents that differ are compared again after the normalizers of `twinbuild_rules`, unless the caller says
//! [`Normalizing::No`]; one that fails leaves them different. The rows of `RECORD` are normalized here, and only where both
//! files' `RECORD` were verified row by row. Programs and libraries are never normalized.
#![forbid(unsafe_code)]

mod closeness;
mod comparison;
mod departures;
mod explain;
mod finding;
mod members;
mod mode;
mod pair;
mod python_form;
mod record;
mod side;
mod three_way;
mod tiles;
mod trace;
mod tracing;

pub use closeness::closeness;
pub use comparison::{
    ByteCounts, Comparison, ContainerDifferences, FileCounts, MemberOrigin, MemberRelation, MemberResult, Mismatch,
    Normalization, Relation,
};
pub use departures::{DETERMINED_CODE, decisive, departures};
pub use explain::made_by_build;
pub use finding::{Finding, Severity, sort_findings};
pub use pair::{Change, Normalizing, Pair, relate};
pub use record::{RecordFault, verify_record};
pub use side::{CompareError, Side};
pub use three_way::{TWINS_DIFFER, ThreeWay, compare};
pub use trace::SourceIndex;
pub use tracing::{ContentKind, GeneratedMember, MovedMember, TracedMember, TracedOrigin, Tracing, trace};
pub use twinbuild_repack::Parameters;
