//! Keys, and what is signed with them.
//!
//! A [`PrivateKey`] is Ed25519 or ECDSA P-256, has one [`Role`], and lies on disk encrypted only; a [`CommandSigner`]
//! reaches one in hardware or with a service. Both [`Sign`]. A [`PublicKey`] verifies, and is named by its [`KeyId`].
//!
//! The crate asks the clock only for how long a command may take, opens no connection, and never writes a secret as it
//! is.
#![forbid(unsafe_code)]

mod base64;
mod command;
mod error;
mod excerpt;
mod file;
mod kind;
mod label;
mod passphrase;
mod pkcs8_form;
mod private_key;
mod public_key;
mod sign;

pub use command::CommandSigner;
pub use error::{KeyError, KeyFileError};
pub use kind::{KeyKind, Role};
pub use passphrase::Passphrase;
pub use private_key::PrivateKey;
pub use public_key::{BadSignature, KeyId, PublicKey};
pub use sign::{Sign, SignError, Signature};
