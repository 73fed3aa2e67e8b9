//! What is under test, and the words that name it.
//!
//! A [`Subject`] is one published file: its package URL, file name, digests, size and upload time. The other types are
//! its parts, each parsed once and never again carried as a string: [`Sha256`], [`PackageName`], [`WheelFileName`],
//! [`SdistFileName`] and [`MemberPath`] (bytes, as archives hold them).
//!
//! The crate does no I/O and never fails on hostile text other than with a typed error.
//!
//! ```
//! use twinbuild_subject::{DistributionFileName, Request};
//!
//! let request: Request = "pypi:Six@1.16.0".parse()?;
//! assert_eq!(request.to_string(), "pkg:pypi/six@1.16.0");
//! let file: DistributionFileName = "six-1.16.0-py2.py3-none-any.whl".parse()?;
//! assert!(matches!(file, DistributionFileName::Wheel(wheel) if wheel.is_pure()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod base64;
mod digest;
mod file_name;
mod member_path;
mod misleading;
mod name;
mod near;
mod object_id;
mod request;
mod subject;

pub use digest::{Digests, ParseDigestError, Sha256, Sha256Hasher};
pub use file_name::{DistributionFileName, FileNameError, SdistFileName, SdistFormat, WheelFileName};
pub use member_path::{MemberPath, UnsafePath};
pub use misleading::is_misleading;
pub use name::{PackageName, PackageNameError};
pub use near::{did_you_mean, edits, near};
pub use object_id::{ObjectFormat, ObjectId, ParseObjectIdError};
pub use request::{Request, RequestError};
pub use subject::{Origin, Subject};
