//! Stopping workers from elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use twinbuild_sandbox::Cancel;

/// Two switches: one after which no further job is taken, and one that also stops those that are at work.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    is_draining: AtomicBool,
    is_now: AtomicBool,
    at_work: Mutex<Vec<Cancel>>,
    children: Mutex<Vec<Stop>>,
}

impl Stop {
    /// No further job is taken; what is at work is finished.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::SeqCst);
        self.children().iter().for_each(Self::drain);
    }

    /// Switches that are thrown with these, and can be thrown alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::default();
        self.children().push(child.clone());
        // They may have been thrown before it was in the list.
        if self.is_stopped() {
            child.stop();
        } else if self.is_draining() {
            child.drain();
        }
        child
    }

    fn children(&self) -> std::sync::MutexGuard<'_, Vec<Self>> {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No further job is taken, and what is at work is stopped.
    pub fn stop(&self) {
        self.drain();
        self.0.is_now.store(true, Ordering::SeqCst);
        for cancel in self.at_work().iter() {
            cancel.cancel();
        }
        self.children().iter().for_each(Self::stop);
    }

    /// Whether no further job is taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::SeqCst)
    }

    /// Whether what is at work is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_now.load(Ordering::SeqCst)
    }

    /// Stops another switch with this one.
    pub fn watch(&self, cancel: &Cancel) {
        let mut at_work = self.at_work();
        at_work.push(cancel.clone());
        // The switch may have been thrown before it was in the list.
        if self.is_stopped() {
            cancel.cancel();
        }
    }

    /// Forgets those that are over.
    pub(crate) fn forget(&self, cancel: &Cancel) {
        use std::os::fd::{AsFd as _, AsRawFd as _};
        let own = cancel.as_fd().as_raw_fd();
        self.at_work().retain(|other| other.as_fd().as_raw_fd() != own);
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, Vec<Cancel>> {
        self.0.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_stopped_with_its_parent_and_alone() {
        let parent = Stop::default();
        let [one, other] = [parent.child(), parent.child()];
        one.stop();
        assert!(one.is_stopped() && !parent.is_draining() && !other.is_draining());
        parent.drain();
        assert!(other.is_draining() && !other.is_stopped());
        parent.stop();
        assert!(other.is_stopped() && parent.child().is_stopped());
    }

    #[test]
    fn what_is_at_work_is_stopped_whenever_it_began() {
        let stop = Stop::default();
        let [early, over, late] = [(); 3].map(|()| Cancel::new().unwrap());
        stop.watch(&early);
        stop.watch(&over);
        stop.forget(&over);
        stop.drain();
        assert!(stop.is_draining() && !stop.is_stopped() && !early.is_cancelled());
        stop.stop();
        stop.watch(&late);
        assert!(early.is_cancelled() && late.is_cancelled() && !over.is_cancelled());
    }
}
