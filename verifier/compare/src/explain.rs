//! What differences are: what each means for those who install the file, and what exactly it is.
//!
//! `meaning` gives every change a code, a severity and a kind of mismatch; it looks at no more of a content than that takes.
//! `content` explains two contents of one member by their kind, and never weakens what `meaning` said. A `Draft` is a
//! finding whose contents were not compared yet: `report` does so for the first ones, most severe first, so that what a
//! comparison costs does not grow with how many members differ.

mod archive;
mod binary;
mod content;
mod draft;
mod excerpt;
mod fields;
mod meaning;
mod native;
mod pyc;
mod sdist;
mod stream;
mod text;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use draft::{Draft, report};
pub(crate) use excerpt::Excerpt;
pub(crate) use meaning::{CODE_ENDINGS, Meaning, Role, top};
pub(crate) use native::{NATIVE_HEAD_BYTES, begins_like_native};
pub(crate) use sdist::Sdist;
pub use sdist::made_by_build;
