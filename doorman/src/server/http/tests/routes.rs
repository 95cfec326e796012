//! Each route is classed, and what isn't public asks for a token (S12).

use std::{fs, path::Path};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::super::routes::{Class, ROUTES};
use crate::{Doorman, credentials::Secret, identity::Tokens};

/// A new route fails this until it is classed here, too.
const CLASSED: &[(&str, Class)] = &[
    ("/mcp", Class::Callers),
    ("/health", Class::Public),
    ("/ready", Class::Public),
    ("/.well-known/oauth-protected-resource", Class::Public),
    ("/.well-known/oauth-protected-resource/{*path}", Class::Public),
    #[cfg(feature = "telemetry")]
    ("/metrics", Class::Operators),
];

#[tokio::test]
async fn s12_every_route_is_classed() {
    let routes = ROUTES.iter().map(|route| (route.path.unwrap_or("/mcp"), route.class));
    assert_eq!(routes.collect::<Vec<_>>(), CLASSED);
    let tokens = Tokens::default().with_bearer(&Secret::new("s3cr3t"), "somebody");
    let app = Doorman::new("routes").tokens(tokens).start().await.unwrap();
    let router = TowerToHyperService::new(app.router().unwrap());
    for &(path, class) in CLASSED {
        let path = path.replace("{*path}", "mcp");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            for bearer in [None, Some("Bearer no-such-token")] {
                let mut request = Request::builder().method(&method).uri(&path).header(header::HOST, "localhost");
                if let Some(bearer) = bearer {
                    request = request.header(header::AUTHORIZATION, bearer);
                }
                let Ok(response) = router.call(request.body(Body::empty()).unwrap()).await;
                match class {
                    Class::Callers => assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}"),
                    #[cfg(feature = "telemetry")]
                    Class::Operators => assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {path}"),
                    Class::Public => assert_ne!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}"),
                }
            }
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_is_not_ready() {
    let app = Doorman::new("stopping").start().await.unwrap();
    let router = TowerToHyperService::new(app.router().unwrap());
    let ready = || async {
        let Ok(response) = router.call(Request::get("/ready").body(Body::empty()).unwrap()).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    };
    assert_eq!(ready().await, (200, r#"{"status":"ready"}"#.to_owned()));
    app.stop().await;
    assert_eq!(ready().await, (503, r#"{"status":"not ready","parts":["stopping"]}"#.to_owned()));
}

#[test]
fn s12_the_table_is_the_only_way_to_a_route() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/http");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map_while(Result::ok) {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        for way in [".route(", ".route_service(", ".nest(", ".nest_service(", ".merge(", ".fallback("] {
            found.extend(text.matches(way).map(|way| (entry.file_name(), way.to_owned())));
        }
    }
    assert_eq!(found, [("routes.rs".into(), ".route(".to_owned())]);
}
