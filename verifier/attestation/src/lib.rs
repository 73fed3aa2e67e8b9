//! A publisher's attestation: which commit of which repository a published file was uploaded from.
//!
//! An index may offer a provenance object beside a file (PEP 740, PyPA "Index hosted attestations"). [`Provenance::read`] takes it
//! as bytes, and finds the one attestation of the kind "publish" in it and whose it is to be. [`Provenance::verify`], which the
//! feature `sigstore` adds, gives a [`Claim`] where all of this holds: its statement names the file and its SHA-256; the certificate was issued
//! by Sigstore's authority, and logged; the transparency log has the signature, of a time at which the certificate was valid; the
//! signature is that of the certificate's key; and the certificate is that of the publisher which the index names. The roots
//! of trust are those that the Sigstore library ships: nothing is asked for.
//!
//! A claim says on which commit the publisher's workflow ran, as the host of the repository certified. It doesn't say what the
//! workflow did there, and so it is where to look for a source, and no proof that the file comes from it.
//!
//! ```no_run
//! # #[cfg(feature = "sigstore")] {
//! use twinbuild_attestation::Provenance;
//! use twinbuild_subject::Sha256;
//!
//! let (provenance, file) = (std::fs::read("demo.provenance")?, std::fs::read("demo-1.0.tar.gz")?);
//! let claim = Provenance::read(&provenance)?.verify(&"demo-1.0.tar.gz".parse()?, &Sha256::of(&file))?;
//! println!("{} at {}", claim.repository, claim.commit);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod provenance;
mod publisher;
mod statement;
#[cfg(feature = "sigstore")]
mod verify;

pub use error::AttestationError;
pub use provenance::{PROVENANCE_LIMIT_BYTES, Provenance};
pub use publisher::{Claim, Publisher};
