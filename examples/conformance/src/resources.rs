//! Resources: text and binary, fixed and from a template, and one to watch.

use doorman::prelude::*;

use crate::tools::PIXEL;

/// A text that never changes.
#[expose(resource = "test://static-text", read_only, scopes = ["resources:read"], mime = "text/plain")]
pub(crate) fn static_text() -> &'static str {
    "This is the content of the static text resource."
}

/// A pixel that never changes.
#[expose(resource = "test://static-binary", read_only, scopes = ["resources:read"], mime = "image/png", size = 69)]
pub(crate) fn static_binary() -> Contents {
    Contents::blob(PIXEL)
}

/// A text to subscribe to.
#[expose(resource = "test://watched-resource", read_only, scopes = ["resources:read"], mime = "text/plain")]
pub(crate) fn watched_resource() -> &'static str {
    "This is the content of the watched resource."
}

/// What the template is filled with.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filled {
    id: String,
    template_test: bool,
    data: String,
}

/// The data of an id.
#[expose(
    resource = "test://template/{id}/data",
    read_only,
    scopes = ["resources:read"],
    mime = "application/json"
)]
pub(crate) async fn template_data(
    /// Any id.
    id: String,
) -> Filled {
    let data = format!("Data for ID: {id}");
    Filled { id, template_test: true, data }
}
