//! For maintainers: writes a site of made-up verdicts of every outcome into a folder, to look at it.
//!
//! `cargo run -p twinbuild-site --example site -- DIR`, and serve it: `python3 -m http.server -b 127.0.0.1 -d DIR`

#[path = "../../../report/examples/pages/samples.rs"]
#[expect(dead_code, reason = "one file of samples for the reports and the pages: each takes its own")]
mod samples;
#[allow(clippy::unwrap_used, reason = "all of it is made up here")]
mod sites;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "site".into());
    let folder = Path::new(&folder);
    let site = sites::every_outcome();
    let files = twinbuild_site::pages(&site).chain(sites::statements(&site));
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}
