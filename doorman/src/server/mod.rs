//! The wire: builder, stdio, HTTP.

#[allow(dead_code)]
mod scan;
