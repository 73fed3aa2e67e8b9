//! All container parameters of one zip file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::Sha256;

use crate::column::Column;
use crate::error::Unfit;
use crate::fields::{Compressed, Creator, Descriptor, DosTime, Effort, Extra, Mode, VersionNeeded, Zip64EndForm};
use crate::permutation::Permutation;

/// The container parameters of one zip file: all that its bytes have beyond its members (law 7), as numbers and
/// enumerations. Names, kinds, contents, DOS and internal attributes are the members' own and do not occur.
///
/// Columns are in the order in which the members lie in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZipParameters {
    /// How many members there are.
    pub members: u32,
    /// The SHA-256 of the members' names in sorted order, each preceded by its length as 64 bits, least significant byte
    /// first. Nothing is written from it: it says for which members the parameters are.
    pub names: Sha256,
    /// The members, sorted by the bytes of their names, in the order of the file.
    pub order: Permutation,
    /// The lines of a wheel's `RECORD`, sorted by their bytes, in the order of the file.
    pub record: Option<Permutation>,
    /// Made by.
    pub creator: Column<Creator>,
    /// Needed to extract.
    pub version_needed: Column<VersionNeeded>,
    /// General purpose bits 1 and 2.
    pub effort: Column<Effort>,
    /// General purpose bit 11: the name is UTF-8.
    pub is_utf8: Column<bool>,
    /// General purpose bit 3.
    pub descriptor: Column<Option<Descriptor>>,
    /// DOS times.
    pub modified: Column<DosTime>,
    /// Modes; none where the upper half of the external attributes is zero.
    pub mode: Column<Option<Mode>>,
    /// Where the bytes of members come from.
    pub compressed: Column<Compressed>,
    /// Extra fields of local headers, in their order.
    pub local_extra: Column<Vec<Extra>>,
    /// Extra fields of the directory, in their order.
    pub central_extra: Column<Vec<Extra>>,
    /// The zip64 end record, where there is one.
    pub zip64_end: Option<Zip64EndForm>,
}

/// The parameters of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) creator: Creator,
    pub(crate) version_needed: VersionNeeded,
    pub(crate) effort: Effort,
    pub(crate) is_utf8: bool,
    pub(crate) descriptor: Option<Descriptor>,
    pub(crate) modified: DosTime,
    pub(crate) mode: Option<Mode>,
    pub(crate) compressed: Compressed,
    pub(crate) local_extra: Vec<Extra>,
    pub(crate) central_extra: Vec<Extra>,
}

impl ZipParameters {
    /// The parameters of the members one by one; [`Self::members`] of them if [`Self::validate`] holds.
    pub(crate) fn values(&self) -> impl Iterator<Item = Values> {
        let mut creator = self.creator.iter();
        let mut version_needed = self.version_needed.iter();
        let mut effort = self.effort.iter();
        let mut is_utf8 = self.is_utf8.iter();
        let mut descriptor = self.descriptor.iter();
        let mut modified = self.modified.iter();
        let mut mode = self.mode.iter();
        let mut compressed = self.compressed.iter();
        let mut local_extra = self.local_extra.iter();
        let mut central_extra = self.central_extra.iter();
        (0..self.members).map_while(move |_| {
            Some(Values {
                creator: *creator.next()?,
                version_needed: *version_needed.next()?,
                effort: *effort.next()?,
                is_utf8: *is_utf8.next()?,
                descriptor: *descriptor.next()?,
                modified: *modified.next()?,
                mode: *mode.next()?,
                compressed: *compressed.next()?,
                local_extra: local_extra.next()?.clone(),
                central_extra: central_extra.next()?.clone(),
            })
        })
    }

    /// Checks what the types alone do not: parameters may come from a stranger's verdict.
    ///
    /// # Errors
    /// [`Unfit::Invalid`], which names the first value that is out of its range.
    pub fn validate(&self) -> Result<(), Unfit> {
        let invalid = |what: &'static str| Err(Unfit::Invalid { what });
        let count = self.members;
        for (what, is_covering) in [
            ("creator", self.creator.covers(count)),
            ("versionNeeded", self.version_needed.covers(count)),
            ("effort", self.effort.covers(count)),
            ("isUtf8", self.is_utf8.covers(count)),
            ("descriptor", self.descriptor.covers(count)),
            ("modified", self.modified.covers(count)),
            ("mode", self.mode.covers(count)),
            ("compressed", self.compressed.covers(count)),
            ("localExtra", self.local_extra.covers(count)),
            ("centralExtra", self.central_extra.covers(count)),
        ] {
            if !is_covering {
                return invalid(what);
            }
        }
        if !self.creator.distinct().all(|creator| creator.is_valid()) {
            return invalid("creator");
        }
        if self.mode.distinct().flatten().any(|mode| mode.permissions > 0o7777) {
            return invalid("mode");
        }
        if !self.compressed.distinct().all(|compressed| compressed.is_valid()) {
            return invalid("compressed");
        }
        for (what, column, is_local) in
            [("localExtra", &self.local_extra, true), ("centralExtra", &self.central_extra, false)]
        {
            if !column.distinct().all(|extra| are_valid(extra, is_local)) {
                return invalid(what);
            }
        }
        if self.zip64_end.is_some_and(|end| !end.creator.is_valid()) {
            return invalid("zip64End");
        }
        Ok(())
    }
}

/// The parameters of all members, not yet in columns.
pub(crate) struct Columns(pub(crate) Vec<Values>);

impl Columns {
    pub(crate) fn column<T: PartialEq>(&self, pick: impl Fn(&Values) -> T) -> Column<T> {
        self.0.iter().map(pick).collect()
    }
}

/// Each kind of extra field at most once, and each lawful by itself.
pub(crate) fn are_valid(extra: &[Extra], is_local: bool) -> bool {
    let has_twice = extra.iter().enumerate().any(|(at, field)| {
        extra[..at].iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(field))
    });
    !has_twice && extra.iter().all(|field| field.is_valid(is_local))
}
