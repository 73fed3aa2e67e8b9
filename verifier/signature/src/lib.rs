//! Keys, and what is signed with them.
//!
//! A [`PrivateKey`] is Ed25519 or ECDSA P-256, has one [`Role`], and lies on disk encrypted only; a [`CommandSigner`]
//! reaches one in hardware or with a service. Both [`Sign`]. A [`PublicKey`] verifies, and is named by its [`KeyId`].
//!
//! What is signed has four forms: an [`Envelope`] (DSSE) around a statement, a [`Bundle`] (Sigstore) around an
//! envelope, a [`Note`] (C2SP) that a log signs and witnesses cosign, and a [`Rotation`], by which a key names its
//! successor. Each is read strictly and gives out what was signed only once a signature held. A verdict key signs no
//! note, and a log or witness key no statement.
//!
//! The crate asks the clock only for how long a command may take, opens no connection, and never writes a secret as it
//! is.
//!
//! ```
//! use twinbuild_signature::{Envelope, KeyKind, PayloadType, PrivateKey, Role, Sign};
//!
//! let key = PrivateKey::generate(KeyKind::default(), Role::Verdict)?;
//! let signed = Envelope::sign(PayloadType::Statement, b"{}".to_vec(), &[&key])?.to_json();
//!
//! let read = Envelope::parse(signed.as_bytes())?;
//! let verified = read.verify(&[key.public_key().clone()])?;
//! assert_eq!(verified.payload, b"{}");
//! assert!(verified.keys.contains(&key.public_key().id()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod base64;
mod bundle;
mod command;
mod envelope;
mod error;
mod excerpt;
mod file;
mod json;
mod kind;
mod label;
mod note;
mod passphrase;
mod pkcs8_form;
mod private_key;
mod public_key;
mod rotation;
mod sign;
mod vkey;

pub use bundle::{BUNDLE_MEDIA_TYPE, Bundle, BundleError};
pub use command::CommandSigner;
pub use envelope::{ENVELOPE_LIMIT_BYTES, Envelope, EnvelopeError, PayloadType, Verified};
pub use error::{KeyError, KeyFileError};
pub use json::JsonError;
pub use kind::{KeyKind, Role};
pub use note::{NOTE_LIMIT_BYTES, Note, NoteError, NoteSignature, NoteSigner, VerifiedNote};
pub use passphrase::Passphrase;
pub use private_key::PrivateKey;
pub use public_key::{BadSignature, KeyId, PublicKey};
pub use rotation::{Rotation, RotationError};
pub use sign::{Sign, SignError, Signature};
pub use vkey::{KeyHash, KeyName, SignatureType, VerifierKey, VerifierKeyError};
