//! Normalizers: rules that rewrite one known kind of build noise in the content of one member.
//!
//! [`RULES`] is all there are, in the order in which they run: a [`Rule`] has a name, a version, a [`Stage`], a kind of
//! file, and one sentence that says what it rewrites. [`normalize`] runs those that concern a member and says how many bytes
//! each of them hid; [`equal_after_rules`] does so to two contents and says whether they are the same then, and which rules
//! it took. [`table`] is the table in the documentation.
//!
//! A rule is a pure function of the content. It never sees, and so never changes, a name, a mode or a link. It touches no
//! code, no `.pth`, no entry points, no dependency field, no `Tag`, `Build` or `Root-Is-Purelib`, nothing below
//! `*.data/scripts`, and never `RECORD`. Running it twice is running it once. What it cannot read in one way only is a
//! [`RuleError`], and then the two members differ; content that is none of its business stays as it is. A rule whose
//! [`Effect`] is [`Effect::Explains`] makes nothing equal; it only says what the difference is. `metadata.json` and
//! `pydist.json` repeat dependencies and entry points, where pip, uv and importlib.metadata do not look for them: of
//! these files only the order of the members of objects, blanks and escapes change, and no value or list.
//!
//! ```
//! use twinbuild_rules::{Equality, equal_after_rules};
//! use twinbuild_subject::MemberPath;
//!
//! let path = MemberPath::from("demo-1.0.dist-info/WHEEL");
//! let published = b"Wheel-Version: 1.0\nGenerator: bdist_wheel (0.37.1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
//! let rebuilt = b"Wheel-Version: 1.0\nGenerator: setuptools (80.9.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
//! let Equality::Equal { a, .. } = equal_after_rules(&path, published, rebuilt) else { panic!("not equal") };
//! assert_eq!((a[0].name, a[0].bytes), ("wheel-file-generator", 20));
//!
//! let other_tag = b"Wheel-Version: 1.0\nGenerator: setuptools (80.9.0)\nRoot-Is-Purelib: true\nTag: py2-none-any\n";
//! assert_eq!(equal_after_rules(&path, published, other_tag), Equality::Different);
//! ```
#![forbid(unsafe_code)]

mod ar_headers;
mod dates;
mod equality;
mod error;
mod gettext_dates;
mod gzip_header;
mod headers;
mod metadata_field_order;
mod metadata_json_member_order;
mod metadata_line_endings;
mod normalize;
mod paths;
mod png_time;
mod pyc_source_time;
mod rule;
mod table;
mod wheel_file_generator;

pub use ar_headers::ArFault;
pub use equality::{Equality, equal_after_rules};
pub use error::{Fault, RuleError};
pub use gettext_dates::CatalogFault;
pub use gzip_header::GzipFault;
pub use headers::HeaderFault;
pub use metadata_json_member_order::JsonFault;
pub use normalize::{Applied, Normalized, applicable, normalize, normalize_passing};
pub use png_time::PngFault;
pub use rule::{Effect, Rule, Stage};
pub use table::table;
pub use wheel_file_generator::GeneratorFault;

/// All rules, in the order in which they run.
pub static RULES: &[Rule] = &[
    metadata_line_endings::RULE,
    wheel_file_generator::RULE,
    pyc_source_time::RULE,
    png_time::RULE,
    gettext_dates::RULE,
    gzip_header::RULE,
    ar_headers::RULE,
    metadata_field_order::RULE,
    metadata_json_member_order::RULE,
];
