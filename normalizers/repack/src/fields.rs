//! The values that a zip file may add to its members: numbers and enumerations, never text or bytes (law 7).
//!
//! Sections in brackets are those of APPNOTE 6.3.10 (PKWARE).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// "Version made by" (4.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Creator {
    /// Its upper byte.
    pub system: System,
    /// Its lower byte: the version of the specification in tenths, at most 63.
    #[schemars(range(max = 63))]
    pub version: u8,
}

/// The system whose attributes the directory has. The four that archives of packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// 0; CPython's zipfile on Windows.
    Dos,
    /// 3; nearly all others.
    Unix,
    /// 10.
    Ntfs,
    /// 19.
    Darwin,
}

/// "Version needed to extract" (4.4.3): the three that stored and deflated members can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VersionNeeded {
    /// 10, a stored file.
    #[serde(rename = "1.0")]
    V10,
    /// 20, a directory or deflate.
    #[serde(rename = "2.0")]
    V20,
    /// 45, zip64.
    #[serde(rename = "4.5")]
    V45,
}

/// General purpose bits 1 and 2 (4.4.4), what deflate claims to have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Neither.
    Normal,
    /// Bit 1.
    Maximum,
    /// Bit 2.
    Fast,
    /// Both.
    SuperFast,
}

/// General purpose bit 3 and the data descriptor (4.3.9). Its width follows from the sizes and the zip64 field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Descriptor {
    /// It begins with the optional signature.
    pub has_signature: bool,
    /// CRC-32 and sizes stand in the local header too, where zeros are usual.
    pub is_redundant: bool,
}

/// Last modified (4.4.6), as MS-DOS packs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DosTime {
    /// Bits 0–4 the day from 1, 5–8 the month from 1, 9–15 the years since 1980.
    pub date: u16,
    /// Bits 0–4 the seconds halved, 5–10 the minute, 11–15 the hour.
    pub time: u16,
}

/// The upper half of the external attributes (4.4.15). The type itself is the member's own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mode {
    /// The 12 permission bits. Which of them may differ from the rebuilt member's is checked when it is written.
    #[schemars(range(max = 0o7777))]
    pub permissions: u16,
    /// Whether the type bits are there.
    pub has_type: bool,
}

/// Where a member's bytes in the file come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Compressed {
    /// Method 8, and the very bytes that the archive of the members has: they are copied from the rebuild, so no encoder
    /// needs to be known.
    AsBuilt,
    /// The contents are compressed again.
    By(Encoder),
}

/// How contents are compressed (4.4.5) and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Encoder {
    /// Method 0.
    Stored,
    /// Method 8 by stock zlib: raw, window 15, default strategy.
    Zlib(ZlibSettings),
    /// Method 8 by zlib-rs as the crate `flate2` drives it: maturin and other tools in Rust.
    ZlibRs(ZlibRsSettings),
}

/// What zlib's `deflateInit2` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZlibSettings {
    /// 1 to 9.
    #[schemars(range(min = 1, max = 9))]
    pub level: u8,
    /// 8, zlib's own default, or 9.
    #[schemars(range(min = 8, max = 9))]
    pub mem_level: u8,
}

/// What decides the bytes of zlib-rs beside the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZlibRsSettings {
    /// 1 to 9.
    #[schemars(range(min = 1, max = 9))]
    pub level: u8,
    /// In which pieces it gets the contents: unlike zlib's, its bytes depend on that.
    pub feed: Feed,
    /// The stream was flushed (`Z_SYNC_FLUSH`) before it was finished.
    pub has_flush: bool,
}

/// In which pieces contents are written to an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// 8 KiB each, the buffer of `std::io::copy`.
    Copied,
    /// All at once.
    Whole,
}

/// An extra field (4.5): times, and 64-bit sizes, which are the member's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Extra {
    /// 0x0001.
    Zip64(Zip64Form),
    /// 0x5455: Unix seconds.
    Timestamp {
        /// Bit 0 modified, 1 accessed, 2 created; those of the local header, so not all that are set must follow.
        #[schemars(range(max = 7))]
        flags: u8,
        /// Modified.
        modified: Option<i32>,
        /// Accessed.
        accessed: Option<i32>,
        /// Created.
        created: Option<i32>,
    },
    /// 0x000a: ticks of 100 ns since 1601-01-01 UTC.
    Ntfs {
        /// Modified.
        modified: u64,
        /// Accessed.
        accessed: u64,
        /// Created.
        created: u64,
    },
}

/// Which values a zip64 field (4.5.3) has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Zip64Form {
    /// Those that the header has as all ones.
    Saturated {
        /// The expanded size.
        size: bool,
        /// The compressed size.
        compressed_size: bool,
        /// The offset of the local header; in the directory only.
        local_offset: bool,
    },
    /// Both sizes, which the header has too.
    Repeated {
        /// And the offset of the local header; in the directory only.
        local_offset: bool,
    },
}

/// The zip64 end record and its locator (4.3.14, 4.3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zip64EndForm {
    /// "Version made by".
    pub creator: Creator,
    /// "Version needed to extract".
    pub version_needed: VersionNeeded,
    /// The classic record has all ones as the number of members.
    pub saturated_members: bool,
    /// And as the size of the directory.
    pub saturated_size: bool,
    /// And as its offset.
    pub saturated_offset: bool,
}

impl Creator {
    pub(crate) fn of(system: u8, version: u8) -> Option<Self> {
        let system = [System::Dos, System::Unix, System::Ntfs, System::Darwin]
            .into_iter()
            .find(|candidate| candidate.number() == system)?;
        let creator = Self { system, version };
        creator.is_valid().then_some(creator)
    }

    pub(crate) fn is_valid(self) -> bool {
        self.version <= 63
    }
}

impl System {
    /// As 4.4.2.2 numbers it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Dos => 0,
            Self::Unix => 3,
            Self::Ntfs => 10,
            Self::Darwin => 19,
        }
    }
}

impl VersionNeeded {
    pub(crate) fn of(number: u16) -> Option<Self> {
        [Self::V10, Self::V20, Self::V45].into_iter().find(|candidate| candidate.number() == number)
    }

    /// As it is stored.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::V10 => 10,
            Self::V20 => 20,
            Self::V45 => 45,
        }
    }
}

impl Effort {
    pub(crate) fn of(flags: u16) -> Self {
        match flags & 0b110 {
            0 => Self::Normal,
            0b010 => Self::Maximum,
            0b100 => Self::Fast,
            _ => Self::SuperFast,
        }
    }

    pub(crate) fn flags(self) -> u16 {
        match self {
            Self::Normal => 0,
            Self::Maximum => 0b010,
            Self::Fast => 0b100,
            Self::SuperFast => 0b110,
        }
    }
}

impl Encoder {
    /// zlib at level 6 with `memLevel` 8: what CPython's zipfile and most tools take.
    pub const DEFAULT: Self = Self::Zlib(ZlibSettings { level: 6, mem_level: 8 });

    /// Compression method as it is stored (4.4.5).
    #[must_use]
    pub fn method(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Zlib(_) | Self::ZlibRs(_) => 8,
        }
    }

    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::Stored => true,
            Self::Zlib(ZlibSettings { level, mem_level }) => (1..=9).contains(&level) && (8..=9).contains(&mem_level),
            Self::ZlibRs(ZlibRsSettings { level, .. }) => (1..=9).contains(&level),
        }
    }
}

impl Compressed {
    /// Compression method as it is stored (4.4.5).
    #[must_use]
    pub fn method(self) -> u16 {
        match self {
            Self::AsBuilt => 8,
            Self::By(encoder) => encoder.method(),
        }
    }

    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::AsBuilt => true,
            Self::By(encoder) => encoder.is_valid(),
        }
    }
}

impl Extra {
    /// Whether a header may have it: flags that mean something, times that the flags announce, no offset in a local one.
    pub(crate) fn is_valid(&self, is_local: bool) -> bool {
        match *self {
            Self::Zip64(Zip64Form::Saturated { local_offset, .. } | Zip64Form::Repeated { local_offset }) => {
                !(is_local && local_offset)
            }
            Self::Timestamp { flags, modified, accessed, created } => {
                flags <= 7
                    && [(1, modified), (2, accessed), (4, created)]
                        .iter()
                        .all(|(bit, time)| time.is_none() || flags & bit != 0)
            }
            Self::Ntfs { .. } => true,
        }
    }
}
