//! The small grammars that are read twice: by the macros at compile time and by manifests at run time.
//!
//! What comes in is text that a developer or an operator wrote; what goes out is a type that can't be wrong, or a
//! [`GrammarError`] that says which form was expected. One file per grammar, no dependencies, no I/O.
//!
//! ```
//! use doorman_grammar::{duration, rate};
//!
//! assert_eq!(rate::parse("60/min per_caller; 5/s global")?.rules().len(), 2);
//! assert_eq!(duration::parse("500ms")?.as_millis(), 500);
//! assert!(rate::parse("60/fortnight").is_err());
//! # Ok::<(), doorman_grammar::GrammarError>(())
//! ```

pub mod breaker;
pub mod duration;
mod error;
pub mod glob;
pub mod name;
mod number;
pub mod rate;
pub mod scope;
pub mod size;
pub mod uri;

pub use error::GrammarError;
