//! Ctrl-C and SIGTERM.

use std::time::Duration;

use twinbuild_nightly::Stop;
use twinbuild_sandbox::Cancel;

use crate::failure::Failure;

/// How long the command may take to stop by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long workers may take to give their jobs back.
const STOP_GRACE: Duration = Duration::from_secs(15);
/// 128 and the number of SIGINT, as shells report it.
pub(crate) const INTERRUPTED: i32 = 130;

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

/// What the first signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstSignal {
    /// What is at work is finished; the second one stops it.
    Drains,
    /// What is at work is stopped, and its jobs are given back.
    Stops,
}

/// Drains or stops workers on signals. A command that does not come to its end soon after it was stopped is left where it is: its leases pass.
pub(crate) fn stop_on_signal(stop: Stop, first: FirstSignal) -> Result<(), Failure> {
    ctrlc::set_handler(move || {
        if first == FirstSignal::Drains && !stop.is_draining() {
            stop.drain();
            tracing::warn!(
                "draining: what is at work is finished, and nothing more is begun; a second signal stops it"
            );
            return;
        }
        if stop.is_stopped() {
            std::process::exit(INTERRUPTED);
        }
        stop.stop();
        std::thread::sleep(STOP_GRACE);
        std::process::exit(INTERRUPTED);
    })
    .map_err(Failure::internal)
}
