//! Runs one command hermetically on Linux.
//!
//! [`run`] takes a [`Spec`] (read-only layers, writable scratch, one command and its limits) and gives a [`Run`]: how the
//! command ended, what it printed, what it reported, and the files it left in the directories that were to be collected.
//! The command sees the layers, its scratch, a bare `/dev` and its own `/proc`, and nothing else of the host: it has its own user,
//! mount, pid, network, ipc, uts, cgroup and time namespaces, no route to anywhere, no capability, no way to gain one,
//! and a seccomp filter. Nothing of it, no process and no mount, outlives [`run`] or the death of the calling process.
//!
//! The program that calls [`run`] must call [`init_if_requested`] as the very first thing in `main`, because the
//! sandbox is set up by the same program, started again, before it has threads:
//!
//! ```no_run
//! use std::time::Duration;
//! use twinbuild_sandbox::{Cancel, Limits, Processors, Spec, init_if_requested, run};
//!
//! fn main() -> Result<(), twinbuild_sandbox::Error> {
//!     init_if_requested();
//!     let spec = Spec {
//!         layers: vec!["/var/cache/twinbuild/layers/bookworm".into()],
//!         scratch: vec!["/build".into()],
//!         argv: vec!["/usr/bin/make".into()],
//!         cwd: "/build".into(),
//!         limits: Limits { wall: Duration::from_secs(60), ..Limits::default() },
//!         processors: Processors::Count(1),
//!         ..Spec::default()
//!     };
//!     let run = run(&spec, &Cancel::new()?)?;
//!     println!("{:?} after {:?}", run.end, run.wall);
//!     Ok(())
//! }
//! ```
//!
//! # Who the command is
//! Inside, it has [`Spec::uid`] and [`Spec::gid`], which are never 0. On the host it is the calling user when that is an
//! unprivileged one. When the caller is root it is an id that nobody else has, from [`HOST_IDS`], a different one for each sandbox
//! that runs at the same time. Files of layers and binds belong to the inside user (called unprivileged) or to an
//! unmapped id, 65534 (called as root); a file that only root may read cannot be read inside. An unprivileged caller cannot give up its supplementary groups, so the command
//! keeps them; it meets no file of theirs but in layers and binds.
//!
//! # Where only bubblewrap may make namespaces
//! [`choose`] lets commands run in a sandbox that bubblewrap puts up: always, or where the host lets it and does not let this program.
//! The root is a merged copy of the layers then, which the command sees through a read-only mount, and process 1, the filter, limits,
//! evidence and collecting are the same, without any privilege. What is not in force then stands in [`InForce::weaker`]; limits say as always
//! by what they are held.
//!
//! # What is left to the caller
//! Layers, binds and copied trees are trusted to stay as they are while the command runs.
//!
//! # Limits
//! Memory, processes and processor time are limited for all processes together: by control groups where the host lets the caller make
//! them, else by a watchdog and resource limits; [`InForce`] says by what. The command is also the first choice of the host's
//! out-of-memory killer. A limit that the command meets as an error and survives is none that it ended at.
//!
//! # Evidence
//! Where the kernel tells of the command's calls, [`Run::evidence`] lists what it executed, which addresses it tried to reach, and which
//! privileged calls it was refused. Nothing is allowed or refused by what such a call has in its memory.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)] // fork, capset and other calls that no safe wrapper offers; all in `syscalls`, each with its reason.

mod bubblewrap;
mod cancel;
mod choice;
mod collect;
mod error;
mod evidence;
mod forbidden;
mod host;
mod host_id;
mod init;
mod limit;
mod log;
mod run;
mod spec;
mod syscalls;
mod usage;
mod wire;

pub use bubblewrap::probe_bubblewrap;
pub use cancel::Cancel;
pub use choice::{Choice, Chosen, choose, chosen, ids_inside, sweep_roots};
pub use collect::{Collected, CollectedKind};
pub use error::{CollectReason, Error, Refused};
pub use evidence::{Connection, Evidence, Execution, MAX_EVIDENCE, Program, Refusal};
pub use host::{HostCheck, probe_host};
pub use host_id::HOST_IDS;
pub use init::init_if_requested;
pub use limit::{Held, Limit, Mechanism};
pub use log::Log;
pub use run::{End, Run, run};
pub use spec::{
    Bind, Collect, Copy, Insertion, KernelName, Limits, Network, Processors, ScratchFileSystem, SkeletonFile,
    SkeletonLink, Spec,
};
pub use usage::processor_time;
pub use wire::{InForce, Weaker};
