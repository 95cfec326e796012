//! The macros of `doorman`.
