//! The wire: builder, stdio, HTTP.
