//! What a build without the feature has.

use super::{Object, Upload};
use crate::DepotError;
use crate::place::Place;

/// A place in an object store, of which a program without the feature `object-store` has none.
#[derive(Debug)]
pub enum ObjectPlace {}

impl ObjectPlace {
    /// Says that there is none.
    ///
    /// # Errors
    /// [`DepotError::WithoutObjectStores`], always.
    pub fn open(address: &str) -> Result<Self, DepotError> {
        Err(DepotError::WithoutObjectStores { address: address.to_owned() })
    }

    /// The address that it was opened by.
    #[must_use]
    pub fn address(&self) -> &str {
        match *self {}
    }

    /// All objects of the place.
    ///
    /// # Errors
    /// None, as there is no such place.
    pub fn list(&self) -> Result<Vec<Object>, DepotError> {
        match *self {}
    }

    /// Sends files.
    ///
    /// # Errors
    /// None, as there is no such place.
    pub fn send(&self, _: &[Upload]) -> Result<(), DepotError> {
        match *self {}
    }

    pub(crate) fn into_results(self) -> Box<dyn Place> {
        match self {}
    }
}
