//! Host ids for commands started by root.
//!
//! A command that root starts runs, on the host, under an id that owns nothing and that no other process has, so that
//! limits on processes bind and a file of another build, or of root, stays closed to it. The id is reserved by an abstract socket
//! named after it, which the kernel frees when the last process of the sandbox is gone, however it died.

use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::error::Failure;

/// The user and group ids that commands started by root have on the host: 4096 ids that no distribution hands out (systemd's
/// table of ids leaves 1879048192 to 2147352575 unallocated).
///
/// Where root is itself confined to a user namespace without these ids (a container), 50000 to 54095 are used.
pub const HOST_IDS: Range<u32> = 1_950_000_000..1_950_004_096;
const CONTAINER_IDS: Range<u32> = 50_000..54_096;

/// A host id that is ours as long as this value, or a copy of its socket in a child, lives.
pub(crate) struct HostId {
    pub(crate) id: u32,
    _reservation: UnixDatagram,
}

impl HostId {
    /// Reserves an id. To be called in the host's network namespace.
    pub(crate) fn reserve() -> Result<Self, Failure> {
        let uid_map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let gid_map = std::fs::read_to_string("/proc/self/gid_map").unwrap_or_default();
        let range = [HOST_IDS, CONTAINER_IDS]
            .into_iter()
            .find(|range| maps(&uid_map, range) && maps(&gid_map, range))
            .ok_or_else(|| Failure::Host {
                what: format!("root here owns neither the ids {HOST_IDS:?} nor {CONTAINER_IDS:?} to run builds under"),
                remedy: "map 65536 ids into the container, or run as an unprivileged user".to_owned(),
            })?;
        let count = range.len();
        let first = usize::try_from(std::process::id()).unwrap_or(0) % count;
        for id in range.clone().cycle().skip(first).take(count) {
            let name = format!("twinbuild-sandbox/{id}");
            let socket = SocketAddr::from_abstract_name(name).and_then(|name| UnixDatagram::bind_addr(&name));
            if let Ok(reservation) = socket {
                return Ok(Self { id, _reservation: reservation });
            }
        }
        Err(Failure::Host {
            what: format!("all {count} ids from {} are in use by sandboxes", range.start),
            remedy: "wait for some to end; `ss -xa` lists them as @twinbuild-sandbox/ID".to_owned(),
        })
    }
}

/// Whether a `/proc/self/uid_map` covers a range by one of its lines.
fn maps(map: &str, range: &Range<u32>) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(inside)), Some(Ok(_)), Some(Ok(count))) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        inside <= u64::from(range.start) && u64::from(range.end) <= inside + count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_with_few_ids_has_only_the_low_range() {
        let map = "         0     100000      65536\n";
        assert!(!maps(map, &HOST_IDS));
        assert!(maps(map, &CONTAINER_IDS));
        assert!(!maps("0 1000 1\n", &CONTAINER_IDS));
        assert!(maps("0 0 4294967295\n", &HOST_IDS));
    }
}
