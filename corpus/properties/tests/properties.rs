//! Every property on its seeds, on seeds with a few changes, and on arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use proptest::prelude::*;
use twinbuild_properties::{PROPERTIES, Property};

/// Other numbers of cases by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 64 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Seeds longer than this take long, and changes seldom hit what matters in them; they are tried as they are.
const CHANGED_BYTES: usize = 20_000;

#[test]
fn every_property_holds_for_its_seeds() {
    for property in &PROPERTIES {
        for (name, bytes) in (property.seeds)() {
            assert!(catch_unwind(|| (property.holds)(&bytes)).is_ok(), "{} does not hold for {name}", property.name);
        }
    }
}

#[test]
fn every_property_has_a_fuzz_target_of_its_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let properties = PROPERTIES.iter().map(|property| format!("{}.rs", property.name));
    assert_eq!(files.collect::<BTreeSet<_>>(), properties.collect());
}

fn property(name: &str) -> &'static Property {
    PROPERTIES.iter().find(|property| property.name == name).unwrap()
}

/// A seed with bytes over it, put into it, and taken out of it; positions are taken modulo the size.
fn changed_seed(property: &'static Property) -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> =
        (property.seeds)().into_iter().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() <= CHANGED_BYTES).collect();
    let change = (any::<usize>(), prop::collection::vec(any::<u8>(), 0..5), 0..5_usize);
    (prop::sample::select(seeds), prop::collection::vec(change, 0..5)).prop_map(|(mut bytes, changes)| {
        for (at, with, without) in changes {
            let at = at % (bytes.len() + 1);
            let end = (at + without).min(bytes.len());
            drop(bytes.splice(at..end, with));
        }
        bytes
    })
}

macro_rules! holds {
    ($($name:ident)*) => {
        mod changed_seeds {
            use super::*;
            proptest! {
                #![proptest_config(config())]
                $(#[test]
                fn $name(bytes in changed_seed(property(stringify!($name)))) {
                    (property(stringify!($name)).holds)(&bytes);
                })*
            }
        }

        mod arbitrary_bytes {
            use super::*;
            proptest! {
                #![proptest_config(config())]
                $(#[test]
                fn $name(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
                    (property(stringify!($name)).holds)(&bytes);
                })*
            }
        }

        #[test]
        fn every_property_is_tested() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(PROPERTIES.map(|property| property.name), tested);
        }
    };
}

holds! {
    read_zip read_tar read_tar_gz read_tar_xz read_tar_bz2 read_tar_zst read_compressed read_ar read_deb normalize
    equal_after_rules repack_zip repack_tar normalize_zip container_parameters compare_zip verify_record metadata_headers file_names recipe_file source_files
}
