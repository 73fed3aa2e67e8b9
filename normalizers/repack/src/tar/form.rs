//! The values that a tar may add to its members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which dialect a header's magic and version say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `ustar`, version `00`; that of PAX headers too.
    Ustar,
    /// `ustar` and two spaces.
    Gnu,
    /// No magic.
    V7,
}

/// All that is enumerated in the header of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TarHeaderForm {
    /// Its dialect.
    pub dialect: Dialect,
    /// The type flag of a file or directory is NUL, as in version 7.
    pub has_old_type: bool,
    /// How the name stands there.
    pub name: NameForm,
    /// How the target of a link stands there.
    pub link: NameForm,
    /// How the numbers stand there.
    pub numbers: NumberForms,
}

/// How a name, or the target of a link, stands in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum NameForm {
    /// As it is.
    Whole,
    /// In two fields, cut at one of its slashes.
    Split {
        /// Where the slash is.
        prefix_bytes: u8,
    },
    /// Its first bytes; an extension has all of it.
    Truncated {
        /// 99 or 100.
        length: u8,
    },
    /// The same, with a question mark for each character that is not ASCII: CPython.
    Replaced,
    /// An extension has it, and here stands what the header of the rebuilt member has, which no reader takes.
    AsBuilt,
}

/// How each number of a header stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberForms {
    /// The mode.
    pub mode: NumberForm,
    /// The user id.
    pub uid: NumberForm,
    /// The group id.
    pub gid: NumberForm,
    /// The size.
    pub size: NumberForm,
    /// The time.
    pub modified: NumberForm,
    /// The checksum, unsigned.
    pub checksum: NumberForm,
    /// The major number of a device, which is always zero or blank.
    pub device_major: NumberForm,
    /// The minor number.
    pub device_minor: NumberForm,
}

/// How a number stands in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NumberForm {
    /// Octal digits behind zeros.
    Zeros(NumberEnd),
    /// Octal digits behind spaces.
    Spaces(NumberEnd),
    /// Two's complement behind a mark (GNU), for numbers that have too many octal digits.
    Base256,
    /// No number, but NULs.
    Blank,
    /// No number, but spaces.
    BlankSpaces,
}

/// What stands behind the digits of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberEnd {
    /// A NUL.
    Nul,
    /// A space.
    Space,
    /// A space, then a NUL.
    SpaceNul,
    /// A NUL, then a space.
    NulSpace,
    /// Nothing.
    Nothing,
}

/// The mode of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TarMode {
    /// The 12 permission bits. Which of them may differ from the rebuilt member's is checked when it is written.
    #[schemars(range(max = 0o7777))]
    pub permissions: u16,
    /// Whether the type bits of its kind are there.
    pub has_type: bool,
}

/// Whose a member is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TarOwner {
    /// User id, as in the header.
    pub uid: Option<u32>,
    /// Group id, as in the header.
    pub gid: Option<u32>,
    /// The user's name.
    pub user: OwnerName,
    /// The group's name.
    pub group: OwnerName,
}

/// The name of a user or group: at most 32 ASCII letters, digits, `.`, `_`, `-`, `+`, `@`, `$` and spaces within.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct OwnerName(#[schemars(regex(pattern = r"^[A-Za-z0-9._+@$ -]{0,32}$"))] String);

/// A header in front of a member's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TarExtensionForm {
    /// What it holds.
    pub kind: ExtensionKind,
    /// What it is called, which no reader takes.
    pub name: ExtensionName,
    /// Its dialect.
    pub dialect: Dialect,
    /// How its numbers stand there.
    pub numbers: NumberForms,
    /// Its mode, which says nothing.
    #[schemars(range(max = 0o7777))]
    pub mode: Option<u16>,
    /// Its time, in Unix seconds.
    pub modified: Option<i64>,
    /// Its owner.
    pub owner: TarOwner,
}

/// What an extension holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExtensionKind {
    /// Records of a PAX header, in their order.
    Pax(Vec<PaxField>),
    /// The member's name (GNU).
    GnuName,
    /// The target of the link (GNU).
    GnuLink,
}

/// A record of a PAX header. Names, targets and sizes are the member's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PaxField {
    /// `path`
    Path,
    /// `linkpath`
    LinkPath,
    /// `size`
    Size,
    /// `mtime`
    Modified(PaxTime),
    /// `atime`
    Accessed(PaxTime),
    /// `ctime`
    Changed(PaxTime),
    /// `uid`, of more than seven octal digits.
    Uid(u32),
    /// `gid`, of more than seven octal digits.
    Gid(u32),
}

/// A time as decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaxTime {
    /// Whole seconds since 1970-01-01 UTC; not negative where there is a fraction.
    pub seconds: i64,
    /// What follows the point.
    pub fraction: Option<PaxFraction>,
}

/// The digits behind a decimal point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaxFraction {
    /// How many, 1 to 9. CPython writes a time as the shortest decimal that is the same double: seven for present times.
    #[schemars(range(min = 1, max = 9))]
    pub digits: u8,
    /// Their value.
    pub value: u32,
}

/// What an extension's own header has as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExtensionName {
    /// `././@PaxHeader`: CPython.
    AtPaxHeader,
    /// `././@LongLink`: GNU, CPython and others.
    AtLongLink,
    /// `PaxHeaders` in the member's folder, and the member's name in that: GNU.
    PaxHeaders,
    /// What the same extension of the rebuilt member has.
    AsBuilt,
}

impl NumberForm {
    /// Each form, the most usual ones first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use NumberEnd::{Nothing, Nul, NulSpace, Space, SpaceNul};
        let ends = [Nul, SpaceNul, Space, NulSpace, Nothing];
        ends.map(Self::Zeros).into_iter().chain(ends.map(Self::Spaces)).chain([
            Self::Base256,
            Self::Blank,
            Self::BlankSpaces,
        ])
    }

    /// A number, or none, in a field of this width; `None` where the form has no room for it, or is not needed.
    pub(crate) fn encode(self, value: Option<i64>, width: usize) -> Option<Vec<u8>> {
        match (self, value) {
            (Self::Blank, None) => Some(vec![0; width]),
            (Self::BlankSpaces, None) => Some(vec![b' '; width]),
            (Self::Zeros(end), Some(value)) => octal(value, b'0', end, width),
            (Self::Spaces(end), Some(value)) => octal(value, b' ', end, width),
            (Self::Base256, Some(value)) if octal(value, b'0', NumberEnd::Nul, width).is_none() => {
                let bytes = value.to_be_bytes();
                let (mark, fill) = if value < 0 { (0xff, 0xff) } else { (0x80, 0) };
                let room = width.checked_sub(1)?;
                let kept = bytes.get(bytes.len().saturating_sub(room)..)?;
                let cut = bytes.get(..bytes.len() - kept.len())?;
                let is_whole = cut.iter().all(|byte| *byte == fill);
                is_whole.then(|| [&[mark], &*vec![fill; room - kept.len()], kept].concat())
            }
            _ => None,
        }
    }

    /// The form in which `field` has this value; the most usual of several.
    pub(crate) fn of(field: &[u8], value: Option<i64>) -> Option<Self> {
        Self::all().find(|form| form.encode(value, field.len()).as_deref() == Some(field))
    }
}

fn octal(value: i64, padding: u8, end: NumberEnd, width: usize) -> Option<Vec<u8>> {
    let end: &[u8] = match end {
        NumberEnd::Nul => b"\0",
        NumberEnd::Space => b" ",
        NumberEnd::SpaceNul => b" \0",
        NumberEnd::NulSpace => b"\0 ",
        NumberEnd::Nothing => b"",
    };
    let digits = format!("{:o}", u64::try_from(value).ok()?).into_bytes();
    let room = width.checked_sub(end.len())?.checked_sub(digits.len())?;
    Some([&*vec![padding; room], &digits, end].concat())
}

impl OwnerName {
    /// The longest name, in bytes: the field.
    const MOST_BYTES: usize = 32;

    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let is_plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@' | b'$' | b' ');
        if bytes.len() > Self::MOST_BYTES || !bytes.iter().all(is_plain) {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(|text| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OwnerName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::of(text.as_bytes()).ok_or("the name of an owner has at most 32 letters, digits and . _ - + @ $")
    }
}

impl PaxTime {
    /// From the text of a record.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let seconds: i64 = whole.parse().ok()?;
        let fraction = match fraction {
            None => None,
            Some(digits) => Some(PaxFraction { digits: u8::try_from(digits.len()).ok()?, value: digits.parse().ok()? }),
        };
        let time = Self { seconds, fraction };
        (time.is_valid() && time.text() == text).then_some(time)
    }

    pub(crate) fn text(&self) -> String {
        let Self { seconds, fraction } = self;
        match fraction {
            None => seconds.to_string(),
            Some(PaxFraction { digits, value }) => format!("{seconds}.{value:0width$}", width = usize::from(*digits)),
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.fraction.is_none_or(|PaxFraction { digits, value }| {
            self.seconds >= 0 && (1..=9).contains(&digits) && value < 10_u32.pow(digits.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_as_tools_write_them() {
        use NumberEnd::{Nul, NulSpace, SpaceNul};
        for (field, value, form) in [
            (b"0000644\0".as_slice(), Some(0o644), NumberForm::Zeros(Nul)),
            (b"000644 \0", Some(0o644), NumberForm::Zeros(SpaceNul)),
            (b"   644 \0", Some(0o644), NumberForm::Spaces(SpaceNul)),
            (b"010004\0 ", Some(0o10_004), NumberForm::Zeros(NulSpace)),
            (b"77777777", Some(0o77_777_777), NumberForm::Zeros(NumberEnd::Nothing)),
            (b"\0\0\0\0\0\0\0\0", None, NumberForm::Blank),
            (b"\x80\0\0\0\0\x20\0\0", Some(0x20_0000), NumberForm::Base256),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1), NumberForm::Base256),
        ] {
            assert_eq!(NumberForm::of(field, value), Some(form), "{}", field.escape_ascii());
        }
        assert_eq!(NumberForm::of(b"\x80\0\0\0\0\0\0\x01", Some(1)), None, "octal digits would do");
        assert_eq!(NumberForm::of(b"0000645\0", Some(0o644)), None);
        assert_eq!(NumberForm::of(b"\0\0\0\0\0\0\0\0", Some(0)), None);
    }

    #[test]
    fn times_are_numbers_with_their_digits() {
        let fraction = |seconds, digits, value| PaxTime { seconds, fraction: Some(PaxFraction { digits, value }) };
        for (text, time) in [
            ("1795378894.0919647", fraction(1_795_378_894, 7, 919_647)),
            ("1700000000.0", fraction(1_700_000_000, 1, 0)),
            ("0.000000001", fraction(0, 9, 1)),
            ("-5", PaxTime { seconds: -5, fraction: None }),
        ] {
            assert_eq!(PaxTime::parse(text.as_bytes()), Some(time), "{text}");
        }
        for text in ["01", "1.", "1.0000000001", "-1.5", "+1", "1e3", "-0.5", "", "-0", "1.+5"] {
            assert_eq!(PaxTime::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_of_owners_are_short_and_plain() {
        assert_eq!(OwnerName::of(b"runner").unwrap().as_str(), "runner");
        assert!(OwnerName::of(&[b'a'; 33]).is_none() && OwnerName::of(b"a\nb").is_none());
        assert!(serde_json::from_str::<OwnerName>("\"\u{1b}[31m\"").is_err());
    }
}
