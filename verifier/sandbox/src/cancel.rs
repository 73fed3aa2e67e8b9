//! Stopping sandboxes from elsewhere.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

use crate::Error;

/// A switch that stops every sandbox started with it, or with a clone of it, once and for good.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Switch>);

#[derive(Debug)]
struct Switch {
    thrown: AtomicBool,
    /// Never read, so that once written it wakes every waiter, now and later.
    bell: OwnedFd,
}

impl Cancel {
    /// A switch that is off.
    ///
    /// # Errors
    /// [`Error::Io`] when the process has no file descriptor left.
    pub fn new() -> Result<Self, Error> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| Error::io("making the event by which sandboxes are cancelled", errno))?;
        Ok(Self(Arc::new(Switch { thrown: AtomicBool::new(false), bell })))
    }

    /// Stops the sandboxes that run and those that are started later. May be called from any thread and any number of times.
    pub fn cancel(&self) {
        self.0.thrown.store(true, Ordering::SeqCst);
        // The only possible failure is an overflow of the counter, and then the event is set already.
        let _ = rustix::io::write(&self.0.bell, &1_u64.to_ne_bytes());
    }

    /// Whether [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.thrown.load(Ordering::SeqCst)
    }
}

impl AsFd for Cancel {
    /// Readable once cancelled; for `poll`, not to be read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }
}
