//! All routes, in one table: there is no other way to get one, and each says who may ask for it (S12).

use std::sync::Arc;

use axum::{
    Router,
    routing::{MethodRouter, any, get},
};

#[cfg(feature = "telemetry")]
use super::scrape;
use super::{Server, endpoint, health, metadata};

/// Who may ask for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Everybody.
    Public,
    /// Who is let in.
    Callers,
    /// Who looks after the server, if anybody may: there is no such route unless the operator says to whom.
    #[cfg(feature = "telemetry")]
    Operators,
}

/// A route.
pub(super) struct Route {
    /// `None` for the MCP endpoint, which has the path that the application gives it.
    pub(super) path: Option<&'static str>,
    #[cfg_attr(
        not(any(test, feature = "telemetry")),
        expect(dead_code, reason = "the test that walks the table asks")
    )]
    pub(super) class: Class,
    serve: fn() -> MethodRouter<Arc<Server>>,
}

pub(super) const ROUTES: &[Route] = &[
    Route { path: None, class: Class::Callers, serve: || any(endpoint) },
    Route { path: Some("/health"), class: Class::Public, serve: || get(health::report) },
    Route { path: Some("/ready"), class: Class::Public, serve: || get(health::ready) },
    Route { path: Some(metadata::WELL_KNOWN), class: Class::Public, serve: || get(metadata::describe) },
    Route { path: Some(metadata::BENEATH), class: Class::Public, serve: || get(metadata::describe) },
    #[cfg(feature = "telemetry")]
    Route { path: Some(METRICS), class: Class::Operators, serve: || get(scrape::show) },
];

/// Where Prometheus looks.
#[cfg(feature = "telemetry")]
pub(super) const METRICS: &str = "/metrics";

/// Whether a path can be the endpoint's.
pub(super) fn is_free(path: &str) -> bool {
    !path.starts_with(metadata::WELL_KNOWN) && ROUTES.iter().all(|route| route.path != Some(path))
}

/// The routes, with the endpoint at a path.
pub(super) fn router(endpoint: &str, server: Arc<Server>) -> Router {
    #[cfg(feature = "telemetry")]
    let there = |route: &&Route| route.class != Class::Operators || server.shows_metrics();
    #[cfg(not(feature = "telemetry"))]
    let there = |_: &&Route| true;
    let routes: Vec<_> = ROUTES.iter().filter(there).collect();
    of(routes, endpoint, server)
}

/// The routes of those who look after the server, where these have an address of their own.
#[cfg(feature = "telemetry")]
pub(super) fn operators(server: Arc<Server>) -> Router {
    of(ROUTES.iter().filter(|route| route.class == Class::Operators).collect(), "", server)
}

fn of(routes: Vec<&Route>, endpoint: &str, server: Arc<Server>) -> Router {
    let add = |router: Router<_>, route: &Route| router.route(route.path.unwrap_or(endpoint), (route.serve)());
    routes.into_iter().fold(Router::new(), add).with_state(server)
}
