//! What can be wrong with a key, one variant a cause.

use std::io;
use std::path::PathBuf;

use crate::{KeyId, KeyKind, Role};

/// What is wrong with a key or its passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {reason}")]
    Randomness {
        /// Its answer.
        reason: String,
    },
    /// A passphrase of no bytes.
    #[error("the passphrase is empty: a key in a file is always encrypted")]
    EmptyPassphrase,
    /// A passphrase that other programs cannot be given.
    #[error("the passphrase has {bytes} bytes, and OpenSSL takes at most {limit}")]
    LongPassphrase {
        /// Its length in bytes.
        bytes: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// Logs and witnesses have Ed25519 keys only.
    #[error("a {role} key is an ed25519 key, and this is {kind}")]
    KindForRole {
        /// Of which kind the key is.
        kind: KeyKind,
        /// The role that it was to have.
        role: Role,
    },
    /// A private key that anybody who reads the file can use.
    #[error(
        "the key is not encrypted ({label}): encrypt it with `openssl pkcs8 -topk8 -scrypt -in FILE -out NEW`, remove \
         FILE, and import NEW with a role"
    )]
    Unencrypted {
        /// The label of the block that was found.
        label: String,
    },
    /// Text that holds no key.
    #[error("there is no key: a block `{expected}` is expected, and found was {found}")]
    NoKey {
        /// The label that the PEM block should have.
        expected: &'static str,
        /// What is there instead.
        found: String,
    },
    /// A key file whose parts contradict each other, or that is cut off or changed.
    #[error("the key is damaged: {reason}; take it from a backup")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// The passphrase does not decrypt the key.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Another encryption than those that are read.
    #[error("the key is encrypted in a way that is not read: {found}; PBES2 with scrypt or PBKDF2 and AES-CBC is")]
    Encryption {
        /// What was found.
        found: String,
    },
    /// A key of another program, which says nothing of a role.
    #[error("the key has no role: it was made by another program; import it with a role (verdict, log or witness)")]
    NoRole,
    /// A key that is used for something else than what it is for.
    #[error("key {id} is a {found} key, and a {expected} key is needed: a key has one role")]
    WrongRole {
        /// The key.
        id: KeyId,
        /// What it is for.
        found: Role,
        /// What it was used for.
        expected: Role,
    },
    /// One key under two roles.
    #[error("key {id} is listed as a {first} key and as a {second} key: a key has one role")]
    TwoRoles {
        /// The key.
        id: KeyId,
        /// One role.
        first: Role,
        /// The other.
        second: Role,
    },
    /// A key of another scheme or curve, or one under which anything could be signed.
    #[error("the key cannot be used: {reason}; ed25519 and ECDSA P-256 keys can")]
    Unsupported {
        /// What was found.
        reason: String,
    },
}

/// What is wrong with the file of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// An operation on the file or its folder failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as it follows "cannot".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A key is never written over a file.
    #[error("{} exists, and a key is never written over a file: choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A link, folder, pipe or device in its place.
    #[error("{} is {kind}, and a key is read from a regular file only", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// Others may read or write the private key.
    #[error(
        "{} has mode {mode:04o}, which lets others at the private key: `chmod 600` it, and replace the key if others can \
         have been there", path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The private key belongs to somebody else.
    #[error(
        "{} belongs to user {owner}, and this process runs as user {user}: a private key is its user's own",
        path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is, as a number.
        owner: u32,
        /// The effective user of this process.
        user: u32,
    },
    /// More than a key can have.
    #[error("{} has more than {limit_bytes} bytes, and no key has", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// The file was read, and what it holds is wrong.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
}
