//! Routes and connections, with less patience than an operator has.

mod connections;
mod room;
mod routes;
