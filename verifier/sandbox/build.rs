//! Compiles `src/clock.c` into a shared library that is linked against no version of a C library, and takes it apart where the offset
//! of the clock goes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a build script fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/clock.c";
/// Older C libraries have `dlsym` in it, and the others a file of that name with nothing in it.
const LIBDL: &str = "libdl.so.2";
/// What stands before the offset in the library.
const MARKER: &[u8] = b"the offset of the clock:";
/// The offset's size in bytes.
const OFFSET_SIZE: usize = size_of::<i64>();

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let empty = out.join("empty.c");
    std::fs::write(&empty, "typedef int nothing;\n").expect("the output folder can be written to");
    let libdl = out.join(LIBDL);
    link(&[&empty], &libdl, LIBDL);
    let library = out.join("clock.so");
    link(&[Path::new(SOURCE), &libdl], &library, "libtwinbuild-clock.so");
    let library = std::fs::read(library).expect("the library was just made");
    let (before, after) = around_the_offset(&library);
    for (name, part) in [("clock-before-offset", before), ("clock-after-offset", after)] {
        std::fs::write(out.join(name), part).expect("the output folder can be written to");
    }
}

fn around_the_offset(library: &[u8]) -> (&[u8], &[u8]) {
    let places: Vec<usize> =
        library.windows(MARKER.len()).enumerate().filter(|(_, bytes)| *bytes == MARKER).map(|(at, _)| at).collect();
    let [place] = places[..] else {
        panic!("the marker of the offset is in the library {} times, not once", places.len())
    };
    let (before, rest) = library.split_at(place + MARKER.len());
    let (offset, after) = rest.split_at(OFFSET_SIZE);
    assert!(offset == [0; OFFSET_SIZE], "the offset in the library is not behind its marker: {offset:?}");
    (before, after)
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
