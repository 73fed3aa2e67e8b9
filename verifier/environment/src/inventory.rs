//! What a store holds of environments.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use twinbuild_registry::tools;
use twinbuild_store::{Store, Sweep, SweptThing};
use twinbuild_subject::Sha256;

use crate::{EnvironmentError, EnvironmentLock, Layer, LayerCondition};

/// The kind of records that hold the locks that were realized here.
const LOCKS: &str = "environment-lock";

/// A lock that was realized here once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLock {
    /// Its digest.
    pub digest: Sha256,
    /// When it was last used, to the day.
    pub last_used: Timestamp,
    /// The lock.
    pub lock: EnvironmentLock,
}

/// Remembers that a lock is used here.
pub(crate) fn remember(store: &Store, lock: &EnvironmentLock) -> Result<(), EnvironmentError> {
    let digest = lock.digest()?;
    // To read it notes that it was used.
    if store.record::<EnvironmentLock>(LOCKS, &digest)?.is_none() {
        store.put_record(LOCKS, &digest, lock)?;
    }
    Ok(())
}

/// The locks that were realized in this store, those used last first.
///
/// # Errors
/// [`EnvironmentError::Store`]
pub fn known_locks(store: &Store) -> Result<Vec<KnownLock>, EnvironmentError> {
    let mut known = Vec::new();
    for (digest, last_used, lock) in store.records::<EnvironmentLock>(LOCKS)? {
        known.push(KnownLock { digest, last_used: Timestamp::try_from(last_used).unwrap_or(Timestamp::MIN), lock });
    }
    known.sort_by(|a, b| b.last_used.cmp(&a.last_used).then_with(|| a.digest.cmp(&b.digest)));
    Ok(known)
}

/// Hashes every layer of the store again, or those of the given digests.
///
/// # Errors
/// [`EnvironmentError`] when one cannot be read.
pub fn verify_layers(store: &Store, only: &[Sha256]) -> Result<Vec<(Sha256, LayerCondition)>, EnvironmentError> {
    let held: Vec<Sha256> = store.layers()?.iter().filter_map(|name| name.parse().ok()).collect();
    let wanted = if only.is_empty() { held } else { only.to_vec() };
    wanted.into_iter().map(|digest| Ok((digest, Layer::inspect(store, digest)?))).collect()
}

/// Removes what was not used for some time, or, as a rehearsal, says what that would be. What the locks name that were used
/// since then stays, their files included, so that their layers can be made again without a network.
///
/// # Errors
/// [`EnvironmentError::Store`]
pub fn sweep(store: &Store, unused_for: Duration, is_rehearsal: bool) -> Result<Vec<SweptThing>, EnvironmentError> {
    let mut sweep = Sweep { unused_for, is_rehearsal, ..Sweep::default() };
    let since = Timestamp::now().saturating_sub(unused_for).unwrap_or(Timestamp::MIN);
    let live: Vec<KnownLock> = known_locks(store)?.into_iter().filter(|known| known.last_used > since).collect();
    for KnownLock { lock, .. } in &live {
        sweep.kept_blobs.extend(lock.files.iter().map(|file| file.sha256));
        sweep.kept_blobs.insert(lock.release.index);
        sweep.kept_layers.extend(lock.held(store)?.into_iter().map(|layer| layer.digest.to_string()));
    }
    if !live.is_empty() {
        sweep.kept_layers.extend(tool_layer());
        sweep.kept_blobs.extend(tools::uv_wheel().ok().map(|wheel| wheel.sha256));
    }
    Ok(store.sweep(&sweep)?)
}

/// The name of the layer that the resolver's program is in, on platforms that have one.
fn tool_layer() -> BTreeSet<String> {
    tools::uv_digest().ok().map(tools::layer_name).into_iter().collect()
}
