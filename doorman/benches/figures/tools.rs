//! The tools that are measured: one invoice of 268 bytes with an e-mail address, and a thousand names for it.

use doorman::{
    __private::{CapabilitySpec, Unscoped},
    prelude::*,
};

/// The argument of every call.
pub(crate) const ID: &str = "INV-2026-0042";

/// What a call returns.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Invoice {
    id: String,
    customer: String,
    email: String,
    currency: String,
    total_cents: u64,
    paid: bool,
    issued: String,
    due: String,
    lines: Vec<Line>,
    note: String,
}

#[derive(Serialize, JsonSchema)]
struct Line {
    item: String,
    quantity: u32,
    cents: u64,
}

/// The work itself, the same behind every server.
pub(crate) fn invoice(id: String) -> Invoice {
    Invoice {
        id,
        customer: "Ada Lovelace Ltd".into(),
        email: "ada@example.com".into(),
        currency: "EUR".into(),
        total_cents: 129_900,
        paid: false,
        issued: "2026-10-31".into(),
        due: "2026-11-30".into(),
        lines: vec![Line { item: "Analytical engine, hire".into(), quantity: 1, cents: 129_900 }],
        note: "Due in 30 days.".into(),
    }
}

/// Look up one invoice.
#[expose(read_only, scopes = ["invoices:read"])]
pub(crate) async fn get_invoice(
    /// The invoice's number.
    id: String,
) -> ToolResult<Invoice> {
    Ok(invoice(id))
}

/// What the user is asked.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Confirm {
    /// Whether to show it.
    sure: bool,
}

/// Look up one invoice, once the user agrees.
#[expose(read_only, scopes = ["invoices:read"])]
pub(crate) async fn confirm_invoice(
    /// The invoice's number.
    id: String,
    call: Call,
) -> ToolResult<Invoice> {
    let confirm: Confirm = call.elicit("Show it?").key("confirm").await?;
    if confirm.sure { Ok(invoice(id)) } else { Err(ToolError::user("not sure")) }
}

/// Look up one invoice.
#[expose(read_only, public, name = "get_invoice")]
pub(crate) async fn get_public_invoice(
    /// The invoice's number.
    id: String,
) -> ToolResult<Invoice> {
    Ok(invoice(id))
}

/// Look up one invoice of somebody else.
#[expose(read_only, scopes = ["others:read"], name = "get_invoice")]
async fn get_other_invoice(
    /// The invoice's number.
    id: String,
) -> ToolResult<Invoice> {
    Ok(invoice(id))
}

/// An instance with a tool for whoever has `invoices:read`.
pub(crate) struct Visible;
/// An instance with a tool for somebody else.
pub(crate) struct Hidden;

impl ToolModule for Visible {
    const NAME: &'static str = "visible";
    const CAPABILITIES: &'static [&'static CapabilitySpec] = &[tools![get_invoice][0].capability()];
    type Scope = Unscoped;

    fn resource_scope(&self) -> Option<&Unscoped> {
        None
    }
}

impl ToolModule for Hidden {
    const NAME: &'static str = "hidden";
    const CAPABILITIES: &'static [&'static CapabilitySpec] = &[tools![get_other_invoice][0].capability()];
    type Scope = Unscoped;

    fn resource_scope(&self) -> Option<&Unscoped> {
        None
    }
}

/// So many tools, of which a caller with `invoices:read` sees five.
pub(crate) fn many(mut application: Doorman, count: usize) -> Doorman {
    for i in 0..count {
        application = match i {
            0..5 => application.module_as(&format!("visible-{i}"), Visible),
            _ => application.module_as(&format!("hidden-{i}"), Hidden),
        };
    }
    application
}
