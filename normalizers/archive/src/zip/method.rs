//! Compression methods (APPNOTE 4.4.5).

use std::fmt;

/// The methods that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZipMethod {
    /// 0: as it is.
    Stored,
    /// 8: RFC 1951.
    Deflate,
    /// 12: as the program bzip2 writes it.
    Bzip2,
    /// 14: LZMA with its properties in front (5.8).
    Lzma,
    /// 93: one frame of RFC 8878.
    Zstd,
    /// 95: one stream of the .xz file format 1.2.1.
    Xz,
}

impl ZipMethod {
    /// The method of that number; `None` for what is not read.
    #[must_use]
    pub fn of(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Stored,
            8 => Self::Deflate,
            12 => Self::Bzip2,
            14 => Self::Lzma,
            93 => Self::Zstd,
            95 => Self::Xz,
            _ => return None,
        })
    }

    /// The codes of a stream that cannot be decoded, and of bytes that follow its end.
    pub(crate) fn codes(self) -> (&'static str, &'static str) {
        match self {
            // Nothing follows what is stored, and nothing is decoded of it.
            Self::Stored => ("zip-stored", "zip-stored-tail"),
            Self::Deflate => ("zip-deflate", "zip-deflate-tail"),
            Self::Bzip2 => ("zip-bzip2", "zip-bzip2-tail"),
            Self::Lzma => ("zip-lzma", "zip-lzma-tail"),
            Self::Zstd => ("zip-zstd", "zip-zstd-tail"),
            Self::Xz => ("zip-xz", "zip-xz-tail"),
        }
    }

    /// Whether its decoder needs little memory, whatever the stream asks for.
    pub(super) fn is_frugal(self) -> bool {
        matches!(self, Self::Stored | Self::Deflate)
    }
}

impl fmt::Display for ZipMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "stored",
            Self::Deflate => "deflate",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "LZMA",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        })
    }
}

/// What APPNOTE calls a method that is not read.
pub(super) fn foreign_name(number: u16) -> &'static str {
    match number {
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        9 => "deflate64",
        10 => "PKWARE implode",
        97 => "WavPack",
        98 => "PPMd",
        99 => "AES encryption",
        _ => "of no known kind",
    }
}
