//! Nothing: this package is its `fixture` binary and its `suite` of tests.
