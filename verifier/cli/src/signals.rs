//! Ctrl-C and SIGTERM.

use std::time::Duration;

use twinbuild_sandbox::Cancel;

use crate::failure::Failure;

/// How long the command may take to stop by itself.
const GRACE: Duration = Duration::from_secs(2);
/// 128 and the number of SIGINT, as shells report it.
const INTERRUPTED: i32 = 130;

/// Stops the sandboxes on the first signal. What does not stop soon, such as a download, is left where it is: nothing
/// half written is ever part of the cache, and the next run removes it.
pub(crate) fn cancel_on_signal() -> Result<Cancel, Failure> {
    let cancel = Cancel::new().map_err(Failure::internal)?;
    let switch = cancel.clone();
    ctrlc::set_handler(move || {
        switch.cancel();
        std::thread::sleep(GRACE);
        std::process::exit(INTERRUPTED);
    })
    .map_err(Failure::internal)?;
    Ok(cancel)
}
