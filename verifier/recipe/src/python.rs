//! The CPythons of the last years, and which setuptools they run.

use jiff::Timestamp;
use pep440_rs::Version;

use crate::Interpreter;

/// When setuptools 41.1.0 was uploaded: those before use `HTMLParser.unescape`, which CPython 3.9 has no more.
pub(crate) const FIRST_FOR_NEW_PYTHONS: Timestamp = Timestamp::constant(1_565_740_800, 0);

/// When the first release of each minor version was published (PEP 373, PEP 494 and their successors).
const FIRST_RELEASES: [((u32, u32), i64); 9] = [
    ((2, 7), 1_278_115_200),
    ((3, 6), 1_482_451_200),
    ((3, 7), 1_530_057_600),
    ((3, 8), 1_571_011_200),
    ((3, 9), 1_601_856_000),
    ((3, 10), 1_633_305_600),
    ((3, 11), 1_666_569_600),
    ((3, 12), 1_696_204_800),
    ((3, 13), 1_728_259_200),
];

/// When an interpreter's minor version was first released, where that is known here.
pub(crate) fn first_release(interpreter: &Interpreter) -> Option<Timestamp> {
    let numbers = interpreter.numbers()?;
    let (_, seconds) = FIRST_RELEASES.iter().find(|(version, _)| *version == numbers)?;
    Timestamp::from_second(*seconds).ok()
}

/// Whether an interpreter runs no setuptools from before [`FIRST_FOR_NEW_PYTHONS`].
pub(crate) fn is_new(interpreter: &Interpreter) -> bool {
    interpreter.numbers().is_some_and(|numbers| numbers >= (3, 9))
}

/// Whether a release of setuptools runs on an interpreter, as far as is known here: those before 41.1 not on CPython 3.9, and those
/// before 66.1 not on CPython 3.12, which has no `distutils` and no `pkgutil.ImpImporter`.
pub(crate) fn runs_on(setuptools: &Version, interpreter: &Interpreter) -> bool {
    let is_before = |major: u64, minor: u64| setuptools.release() < [major, minor].as_slice();
    let has_no_distutils = interpreter.numbers().is_some_and(|numbers| numbers >= (3, 12));
    let is_too_old = (is_new(interpreter) && is_before(41, 1)) || (has_no_distutils && is_before(66, 1));
    !is_too_old
}

impl Interpreter {
    /// The major and minor number.
    #[must_use]
    pub fn numbers(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }
}
