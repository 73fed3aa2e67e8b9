//! The library that shows programs a real-time clock that is ahead; see `clock.c`.

use crate::spec::{SkeletonFile, Spec};

const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock.so"));
/// Where it stands inside.
const PATH: &str = "/usr/lib/twinbuild/clock.so";

/// The library as a file of the sandbox, if the clock is to be ahead.
pub(super) fn file(spec: &Spec) -> Option<SkeletonFile> {
    (spec.clock_offset_secs != 0).then(|| SkeletonFile { path: PATH.into(), content: LIBRARY.to_vec(), mode: 0o755 })
}

/// The variables by which programs load it and know the offset.
pub(super) fn variables(spec: &Spec) -> Vec<String> {
    match spec.clock_offset_secs {
        0 => Vec::new(),
        offset => vec![format!("LD_PRELOAD={PATH}"), format!("TWINBUILD_CLOCK_OFFSET_SECS={offset}")],
    }
}
