//! Reads the watch lists of a `twinbuild.toml` and prints what they mean today.
//!
//! `cargo run -p twinbuild-watch --example watch -- twinbuild.toml CACHE`: `CACHE` is a folder for answers of indexes and for the watch
//! state, so that a second run shows what is asked again.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use twinbuild_registry::PypiIndex;
use twinbuild_store::{Network, PlainHttp, Store, Transport};
use twinbuild_watch::{Indexes, WatchState, WatchTable, read};

#[derive(Deserialize)]
struct File {
    watch: Vec<WatchTable>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(settings), Some(cache)) = (arguments.next(), arguments.next()) else {
        return Err("two arguments are expected: a twinbuild.toml and a folder".into());
    };
    let File { watch } = toml::from_str(&fs::read_to_string(&settings)?)?;
    let is_plain = watch.iter().flat_map(WatchTable::indexes).any(|index| index.url().scheme() == "http");
    let plain_http = if is_plain { PlainHttp::Allowed } else { PlainHttp::Refused };
    let store = Store::open_with(&cache, Network::Online, Transport { plain_http, ..Transport::default() })?;
    let indexes = Indexes::new(store, PypiIndex::discover(None, |name| std::env::var(name).ok())?);
    let kept = cache.join("watch.json");
    let mut state = match fs::read(&kept) {
        Ok(bytes) => WatchState::from_json(&bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => WatchState::default(),
        Err(error) => return Err(error.into()),
    };
    let started = Instant::now();
    let reading = read(&watch, settings.parent().unwrap_or(Path::new("")), &indexes, &mut state)?;
    let took = started.elapsed();
    fs::write(&kept, state.to_json()?)?;
    for list in &reading.lists {
        println!("{}: {} subjects", list.name, list.subjects.len());
        list.subjects.iter().for_each(|subject| println!("  {subject}"));
        list.notes.iter().for_each(|note| println!("  note: {note}"));
        list.problems.iter().for_each(|problem| println!("  problem: {problem}"));
    }
    println!("{} pages asked for, {} unchanged, {took:.1?}", reading.pages.asked, reading.pages.unchanged);
    Ok(())
}
