//! What may be called: the specs that the macros write, and the deny-by-default catalog built from those that the
//! application lists. A spec goes in with its grammar already checked at compile time; out come, for each set of granted
//! scopes, the capabilities that a caller sees, finds and calls, all from one table.

mod arguments;
mod catalog;
mod config;
mod module;
mod output;
mod spec;
mod view;

pub use catalog::CatalogError;
pub use config::{AbsolutePath, ByteSize};
pub use module::{Configuration, ConfiguredModule, Credentials, ModuleError, ToolModule, Unscoped};
pub use spec::{Access, CapabilitySpec, Effect, PromptSpec, ResourceSpec, TaskUse, ToolSpec};

pub(crate) use arguments::{describe, mistakes};
pub(crate) use catalog::{Capability, Catalog, Grant, Kind, Listed, World};
pub(crate) use module::{Instance, ModuleType, configured};
pub(crate) use output::OutputShape;
pub(crate) use spec::Exposed;
pub(crate) use view::View;
