//! Archives as tools write them come out byte for byte; what is no container parameter is refused by name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod members;
mod properties;
mod raw_zip;
mod refusals;
mod tar_tools;
mod tars;
mod tools;

use twinbuild_archive::{Archive, Format, Limits, read};
use twinbuild_repack::{
    ContainerParameters, Exactness, InferError, PARAMETERS_VERSION, Parameters, Reason, ZipParameters, infer, is_exact,
    repack,
};

fn archive(bytes: &Vec<u8>) -> Archive {
    read(bytes, Format::Zip, &Limits::default()).unwrap()
}

fn parameters(bytes: &Vec<u8>) -> ZipParameters {
    infer(&archive(bytes), bytes).unwrap().zip().unwrap().clone()
}

fn of_zip(parameters: &ZipParameters) -> Parameters {
    let container = ContainerParameters::Zip(Box::new(parameters.clone()));
    Parameters { version: PARAMETERS_VERSION, container }
}

/// Writes the members of `bytes` with `parameters`.
fn written(parameters: &ZipParameters, bytes: &Vec<u8>) -> Vec<u8> {
    let archive = archive(bytes);
    let mut out = Vec::new();
    repack(&of_zip(parameters), &archive, bytes, &mut out).unwrap();
    out
}

/// Infers the parameters, passes them through JSON, and writes the same bytes with them.
#[track_caller]
fn round_trip(bytes: &Vec<u8>) -> ZipParameters {
    let found = of_zip(&parameters(bytes));
    let json = serde_json::to_string(&found).unwrap();
    let found: Parameters = serde_json::from_str(&json).unwrap();
    let found = found.zip().unwrap();
    assert!(written(found, bytes) == *bytes, "other bytes were written");
    found.clone()
}

/// Why there are no parameters, and of which member.
#[track_caller]
fn refusal(bytes: &Vec<u8>) -> (String, Reason) {
    match infer(&archive(bytes), bytes) {
        Err(InferError::NotRepackable(refused)) => {
            (refused.path.map(|path| path.to_string()).unwrap_or_default(), refused.reason)
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The parameters of a published file that comes out of the rebuild.
#[track_caller]
fn exact(published: &Vec<u8>, rebuilt: &Vec<u8>) -> ZipParameters {
    match exactness(published, rebuilt) {
        Exactness::Exact(found) => found.zip().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn exactness(published: &Vec<u8>, rebuilt: &Vec<u8>) -> Exactness {
    is_exact(&archive(published), published, &archive(rebuilt), rebuilt).unwrap()
}
