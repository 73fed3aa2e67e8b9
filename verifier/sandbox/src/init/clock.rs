//! The library that shows programs a real-time clock that is ahead; see `clock.c`.
//!
//! The dynamic linker is told of it by a file and not by the environment, so that programs get it whatever their environment is, and
//! so that a build that depends on its environment is not taken for one that depends on the clock.

use crate::spec::{SkeletonFile, Spec};

const BEFORE_OFFSET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock-before-offset"));
const AFTER_OFFSET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock-after-offset"));
/// Where it stands inside.
const PATH: &str = "/usr/lib/twinbuild/clock.so";
/// What the dynamic linker loads into every program, see ld.so(8).
pub(super) const PRELOADED: &str = "/etc/ld.so.preload";

/// The files of the sandbox that make the clock be ahead, if it is to be.
pub(super) fn files(spec: &Spec) -> Vec<SkeletonFile> {
    match spec.clock_offset_secs {
        0 => Vec::new(),
        offset => {
            let library = [BEFORE_OFFSET, &i64::from(offset).to_ne_bytes(), AFTER_OFFSET].concat();
            let list = format!("{PATH}\n").into_bytes();
            vec![
                SkeletonFile { path: PATH.into(), content: library, mode: 0o755 },
                SkeletonFile { path: PRELOADED.into(), content: list, mode: 0o644 },
            ]
        }
    }
}
