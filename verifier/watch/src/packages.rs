//! Packages by name.

use crate::draft::Draft;
use crate::want::Asked;
use crate::{Newest, Trouble, WatchedPackage};

pub(crate) fn draft(draft: &mut Draft<'_>, packages: &[WatchedPackage], newest: Newest) -> Result<(), Trouble> {
    for WatchedPackage { name, version } in packages {
        let asked = version.clone().map_or(Asked::Newest(newest), Asked::Version);
        draft.want(name.clone(), vec![draft.own_index.clone()], asked, None)?;
    }
    Ok(())
}
