//! `twinbuild gc`

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use twinbuild_depot::{Depot, ResultName};
use twinbuild_environment::sweep;
use twinbuild_nightly::Stored;
use twinbuild_queue::Queue;

use super::print;
use crate::arguments::{Gc, Global, PlainFormat};
use crate::failure::Failure;
use crate::settings::Settings;

/// How old what nobody knows of has to be to be of nobody.
const PARTIAL: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn run(global: &Global, arguments: &Gc) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let depot = settings.fleet.depot(&arguments.places)?;
    let queue = settings.fleet.existing_queue(&arguments.places)?;
    let (results, depot_bytes) = sweep_depot(&queue, &depot, arguments)?;
    let store = settings.store()?;
    let unused_for = Duration::from_secs(u64::from(arguments.unused_for) * 24 * 60 * 60);
    let swept = sweep(&store, unused_for, arguments.dry_run).map_err(Failure::inconclusive)?;
    if !arguments.dry_run {
        twinbuild_sandbox::sweep_roots();
    }
    let cache_bytes: u64 = swept.iter().map(|thing| thing.size_bytes).sum();
    print(&match format {
        PlainFormat::Json => {
            let document = serde_json::json!({
                "isDryRun": arguments.dry_run,
                "depot": { "removed": results.iter().map(ToString::to_string).collect::<Vec<_>>(), "sizeBytes": depot_bytes },
                "cache": { "removed": swept.len(), "sizeBytes": cache_bytes },
            });
            document.to_string() + "\n"
        }
        PlainFormat::Text => {
            let said = if arguments.dry_run { "would be removed" } else { "removed" };
            format!(
                "depot: {} results {said}, {depot_bytes} bytes\ncache: {} things {said}, {cache_bytes} bytes\n",
                results.len(),
                swept.len()
            )
        }
    })?;
    Ok(0)
}

/// Removes what no verdict or job needs, and beyond the size limit what is published, the oldest first.
fn sweep_depot(queue: &Queue, depot: &Depot, arguments: &Gc) -> Result<(Vec<ResultName>, u64), Failure> {
    let inconclusive = |error: twinbuild_depot::DepotError| Failure::inconclusive(error);
    let mut listed = depot.list().map_err(inconclusive)?;
    let needed = needed(queue)?;
    // The newest first.
    listed.sort_by_key(|result| std::cmp::Reverse(result.put));
    let (mut removed, mut removed_bytes, mut kept_bytes) = (Vec::new(), 0_u64, 0_u64);
    for result in listed {
        let size_bytes = depot.size_bytes(&result.name).map_err(inconclusive)?;
        let is_needed = needed.unpublished.contains(result.name.as_str());
        let is_known = is_needed || needed.others.contains(result.name.as_str());
        let fits = arguments.max_size.is_none_or(|most| kept_bytes.saturating_add(size_bytes) <= most);
        // What nobody knows of may be a worker's that is just about to return it.
        let is_new = Timestamp::now().duration_since(result.put).unsigned_abs() < PARTIAL;
        if is_needed || (is_known && fits) || (!is_known && is_new) {
            kept_bytes = kept_bytes.saturating_add(size_bytes);
            continue;
        }
        if !arguments.dry_run {
            if let Some(stored) = needed.stored.get(result.name.as_str()) {
                queue.set_removed(stored).map_err(Failure::inconclusive)?;
            }
            depot.remove(&result.name).map_err(inconclusive)?;
        }
        removed_bytes = removed_bytes.saturating_add(size_bytes);
        removed.push(result.name);
    }
    if !arguments.dry_run {
        removed.extend(depot.sweep_partial(PARTIAL).map_err(inconclusive)?);
    }
    Ok((removed, removed_bytes))
}

/// The results that are still of use.
struct Needed {
    /// Those of verdicts that are to be published, and those that nobody has decided on.
    unpublished: HashSet<String>,
    /// Those of other verdicts.
    others: HashSet<String>,
    /// What the queue says of where they stand, by name.
    stored: std::collections::HashMap<String, String>,
}

fn needed(queue: &Queue) -> Result<Needed, Failure> {
    let mut needed = Needed { unpublished: HashSet::new(), others: HashSet::new(), stored: Default::default() };
    for stored in queue.undecided_results().map_err(Failure::inconclusive)? {
        needed.unpublished.insert(stored);
    }
    for row in queue.stored_verdicts().map_err(Failure::inconclusive)? {
        let Ok(Stored { name, .. }) = row.stored.parse() else { continue };
        needed.stored.insert(name.to_string(), row.stored.clone());
        needed.others.insert(name.to_string());
    }
    for row in queue.unpublished().map_err(Failure::inconclusive)? {
        let Ok(Stored { name, .. }) = row.stored.parse() else { continue };
        needed.unpublished.insert(name.to_string());
    }
    Ok(needed)
}
