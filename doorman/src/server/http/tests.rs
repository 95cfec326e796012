//! Routes and connections.
