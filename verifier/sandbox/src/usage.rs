//! What this program itself uses up.

use std::time::Duration;

use crate::syscalls;

/// User and system time of this process and of all processes that it started and that have ended, those of sandboxes among them:
/// with [`Run::cpu`](crate::Run::cpu), which is a part of it, it tells what runs cost beside their commands.
#[must_use]
pub fn processor_time() -> Duration {
    syscalls::cpu_of_self() + syscalls::cpu_of_children()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_this_process_and_its_children_do_counts() {
        let before = processor_time();
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(60) {
            black_box((0..1000_u64).sum::<u64>());
        }
        let own = processor_time() - before;
        assert!(own > Duration::ZERO);
        let loops = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
        assert!(Command::new("/bin/sh").args(["-c", loops]).status().unwrap().success());
        assert!(processor_time() - before > own);
    }
}
