//! Compiles `src/clock.c` into a shared library that is linked against no version of a C library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a build script fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/clock.c";
/// Older C libraries have `dlsym` in it, and the others a file of that name with nothing in it.
const LIBDL: &str = "libdl.so.2";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let empty = out.join("empty.c");
    std::fs::write(&empty, "typedef int nothing;\n").expect("the output folder can be written to");
    let libdl = out.join(LIBDL);
    link(&[&empty], &libdl, LIBDL);
    link(&[Path::new(SOURCE), &libdl], &out.join("clock.so"), "libtwinbuild-clock.so");
}

fn link(inputs: &[&Path], output: &Path, name: &str) {
    let mut command: Command = cc::Build::new().cargo_warnings(false).get_compiler().to_command();
    command
        .args([
            "-std=c11",
            "-O2",
            "-fPIC",
            "-ffreestanding",
            "-fno-builtin",
            "-fno-stack-protector",
            "-shared",
            "-nostdlib",
        ])
        .arg(format!("-Wl,-soname,{name}"))
        .args(["-Wl,--hash-style=both", "-Wl,--no-as-needed", "-Wl,-s", "-o"])
        .arg(output)
        .args(inputs);
    let status = command.status().unwrap_or_else(|error| panic!("the C compiler cannot be started: {error}"));
    assert!(status.success(), "the C compiler failed: {command:?}");
}
