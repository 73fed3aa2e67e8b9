//! Container parameters of tars (POSIX pax and ustar interchange formats; GNU tar manual, "Basic Tar Format").

mod channel;
mod expanded;
mod form;
mod header;
mod owner;
mod parameters;
mod stream;
mod values;

pub(crate) use expanded::Expanded;
pub use form::{
    Dialect, ExtensionKind, ExtensionName, NameForm, NumberEnd, NumberForm, NumberForms, OwnerName, PaxField,
    PaxFraction, PaxTime, TarExtensionForm, TarHeaderForm, TarMode, TarOwner,
};
pub use owner::owners_read_alike;
pub use parameters::TarParameters;
pub(crate) use parameters::infer;
pub(crate) use stream::Plan;
pub use values::explain_header;
