//! What becomes of what a worker found.

use std::path::Path;

use serde_json::Value;
use twinbuild_depot::Depot;
use twinbuild_queue::{Lease, Queue, QueueError};
use twinbuild_signature::PrivateKey;
use twinbuild_verdict::RecordedVerdict;

use crate::asked::Asked;
use crate::kept::{Stored, new_verdict, result_name};
use crate::returned::{Finding, WorkerResult};
use crate::worker::{Ended, WorkerError, internal};

/// The folder of a result that has the published file.
const PUBLISHED: &str = "published";

/// What becomes of what a worker found.
pub enum Delivery<'a> {
    /// It is kept at once, as the worker is part of the coordinator's own process; but what another host is to come to, too, is returned as any other.
    Own {
        /// Where artifacts are kept, where they are.
        artifacts: Option<&'a Depot>,
        /// Where what is returned goes.
        depot: &'a Depot,
        /// By what the process is known for as long as it lives.
        key: &'a PrivateKey,
    },
    /// It is returned, signed, for the coordinator to look at.
    Returned {
        /// Where artifacts go.
        depot: &'a Depot,
        /// By what the worker is known.
        key: &'a PrivateKey,
    },
}

impl Delivery<'_> {
    /// Whether the files of a job are to be kept.
    pub(crate) fn needs_files(&self, asked: &Asked) -> bool {
        match self {
            Self::Own { artifacts, .. } => artifacts.is_some() || asked.hosts > 1,
            Self::Returned { .. } => true,
        }
    }

    /// Keeps or returns a verdict, and what is in the folder.
    pub(crate) fn deliver(
        &self,
        queue: &Queue,
        lease: &Lease,
        asked: &Asked,
        (document, folder): (&Value, &Path),
    ) -> Result<(), Ended> {
        match self {
            Self::Own { artifacts, .. } if asked.hosts < 2 => keep(queue, lease, asked, *artifacts, (document, folder)),
            Self::Own { depot, key, .. } | Self::Returned { depot, key } => {
                give_back(queue, lease, (depot, key), (document, folder))
            }
        }
    }
}

fn keep(
    queue: &Queue,
    lease: &Lease,
    asked: &Asked,
    artifacts: Option<&Depot>,
    (document, folder): (&Value, &Path),
) -> Result<(), Ended> {
    let stored = match artifacts {
        // Without the published file there is nothing to publish.
        Some(depot) if folder.join(PUBLISHED).is_dir() => {
            let name = result_name(lease).map_err(internal)?;
            let manifest = depot.put(&name, folder)?.sha256();
            Some((depot, Stored { name, manifest }))
        }
        _ => None,
    };
    let place = stored.as_ref().map(|(_, place)| place);
    let workers = std::slice::from_ref(&lease.worker);
    let verdict = new_verdict((&lease.job.subject, asked), document, workers, place).map_err(internal)?;
    let kept = queue.complete(lease, &verdict);
    if let (Err(QueueError::Stale { .. }), Some((depot, place))) = (&kept, &stored)
        && let Err(error) = depot.remove(&place.name)
    {
        tracing::warn!("what is of no use stays in the depot: {error}");
    }
    Ok(kept?)
}

fn give_back(
    queue: &Queue,
    lease: &Lease,
    (depot, key): (&Depot, &PrivateKey),
    (document, folder): (&Value, &Path),
) -> Result<(), Ended> {
    let name = result_name(lease).map_err(internal)?;
    let manifest = depot.put(&name, folder)?;
    let recorded = RecordedVerdict::of_document(document.clone()).map_err(internal)?;
    let finding = Finding {
        outcome: recorded.outcome.name(),
        recipe_digest: recorded.recipe.as_ref().map(|recipe| recipe.recipe.digest()),
        verdict_digest: recorded.verdict_digest,
        result: name.as_str(),
        manifest: manifest.sha256(),
    };
    let envelope = WorkerResult::sign(lease, &finding, key).map_err(WorkerError::from)?;
    Ok(queue.give_back(lease, &document.to_string(), &envelope, name.as_str())?)
}
