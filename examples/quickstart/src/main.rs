//! A few annotated functions, served so that an AI agent can be let loose on them: tools, a resource, a prompt, and a tool
//! that asks the user first.
//!
//! `cargo run -p quickstart` shows what two callers see and can do. With options it is the server itself:
//! `cargo run -p quickstart -- --http 127.0.0.1:8080 --tokens FILE`, or `-- --stdio`.

use std::{collections::HashMap, sync::Mutex};

use doorman::{manifest::Manifest, prelude::*};

#[derive(Clone, Serialize, JsonSchema)]
struct Invoice {
    id: String,
    customer: String,
    email: String,
    iban: String,
    amount: f64,
}

#[derive(Serialize, JsonSchema)]
struct Refund {
    invoice: String,
    refunded: f64,
    left: f64,
}

/// Look up one invoice.
#[expose(read_only, scopes = ["invoices:read"], redact = ["iban"])]
async fn get_invoice(
    /// The invoice's number, as in INV-1.
    id: String,
    ledger: State<Ledger>,
) -> ToolResult<Invoice> {
    ledger.invoice(&id)
}

/// Refund an invoice, wholly or in part.
#[expose(destructive, scopes = ["invoices:write"], rate = "3/min", cost = 25)]
async fn refund(
    /// The invoice's number, as in INV-1.
    id: String,
    /// How much, in the invoice's currency.
    #[arg(range = 0.01..=10_000.0)]
    amount: f64,
    ledger: State<Ledger>,
    caller: Caller,
) -> ToolResult<Refund> {
    let agent = caller.require_agent()?;
    ledger.refund(&id, amount, agent.id())
}

/// Say whether the billing system is open.
#[expose(read_only, public)]
fn opening_hours() -> String {
    "Monday to Friday, 8 to 18 h".to_owned()
}

/// What the user is asked.
#[derive(Deserialize, JsonSchema)]
struct Confirm {
    /// Whether to cancel it.
    sure: bool,
}

/// Cancel an invoice, once the user agrees.
#[expose(destructive, scopes = ["invoices:write"])]
async fn cancel(
    /// The invoice's number, as in INV-1.
    id: String,
    call: Call,
    ledger: State<Ledger>,
) -> ToolResult<String> {
    let invoice = ledger.invoice(&id)?;
    let confirm: Confirm = call.elicit(format!("Really cancel {id}, of {}?", invoice.amount)).await?;
    if !confirm.sure {
        return Err(ToolError::user("the user keeps it"));
    }
    // What can't be undone comes after the last question.
    ledger.cancel(&id)
}

/// An invoice as a page.
#[expose(resource = "invoice://{id}", read_only, scopes = ["invoices:read"], mime = "text/markdown")]
async fn page(#[arg(complete = invoice_ids)] id: String, ledger: State<Ledger>) -> ToolResult<String> {
    let invoice = ledger.invoice(&id)?;
    Ok(format!("# {id}\n\n{} <{}> owes {}.\n", invoice.customer, invoice.email, invoice.amount))
}

async fn invoice_ids(partial: Partial, call: Call) -> Vec<String> {
    let ids = call.state::<Ledger>().map(|ledger| ledger.ids()).unwrap_or_default();
    ids.into_iter().filter(|id| id.starts_with(partial.text())).collect()
}

/// How a reminder sounds.
#[derive(Argument)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Kind,
    Firm,
}

/// Write a reminder.
#[expose(prompt, read_only, scopes = ["invoices:read"])]
fn remind(#[arg(complete = invoice_ids)] id: String, tone: Tone) -> Vec<Message> {
    let tone = match tone {
        Tone::Kind => "kind",
        Tone::Firm => "firm",
    };
    vec![Message::user(format!("Write a {tone} reminder of the invoice {id}."))]
}

fn billing() -> doorman::Result<Doorman> {
    Ok(Doorman::new("billing")
        .version(env!("CARGO_PKG_VERSION"))
        .tools(tools![get_invoice, refund, cancel, opening_hours])
        .resources(resources![page])
        .prompts(prompts![remind])
        .state(Ledger::example())
        .rate("600/min per_caller")
        .grant(Manifest::parse("support.yaml", include_str!("../manifests/support.yaml"))?)
        .grant(Manifest::parse("clerk.yaml", include_str!("../manifests/clerk.yaml"))?))
}

#[tokio::main]
async fn main() -> doorman::Result {
    match std::env::args().len() {
        0 | 1 => demo::show(billing()?).await,
        _ => billing()?.run().await,
    }
}

/// Stands for a database.
struct Ledger(Mutex<HashMap<String, Invoice>>);

impl Ledger {
    fn example() -> Self {
        let invoice = |id: &str, customer: &str, amount| Invoice {
            id: id.to_owned(),
            customer: customer.to_owned(),
            email: format!("{}@example.com", customer.to_lowercase()),
            iban: "DE02120300000000202051".to_owned(),
            amount,
        };
        let invoices = [invoice("INV-1", "Ada", 120.0), invoice("INV-2", "Grace", 80.0)];
        Self(Mutex::new(invoices.into_iter().map(|invoice| (invoice.id.clone(), invoice)).collect()))
    }

    fn invoice(&self, id: &str) -> ToolResult<Invoice> {
        let invoices = self.0.lock().map_err(|_| ToolError::user("the ledger is closed"))?;
        invoices.get(id).cloned().ok_or_else(|| ToolError::user("there is no such invoice"))
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.0.lock().map(|it| it.keys().cloned().collect()).unwrap_or_default();
        ids.sort_unstable();
        ids
    }

    fn cancel(&self, id: &str) -> ToolResult<String> {
        let mut invoices = self.0.lock().map_err(|_| ToolError::user("the ledger is closed"))?;
        invoices.remove(id).ok_or_else(|| ToolError::user("there is no such invoice"))?;
        Ok(format!("{id} is cancelled"))
    }

    fn refund(&self, id: &str, amount: f64, agent: &str) -> ToolResult<Refund> {
        let mut invoices = self.0.lock().map_err(|_| ToolError::user("the ledger is closed"))?;
        let invoice = invoices.get_mut(id).ok_or_else(|| ToolError::user("there is no such invoice"))?;
        if amount > invoice.amount {
            return Err(ToolError::user(format!("{agent} can refund {} at most", invoice.amount)));
        }
        invoice.amount -= amount;
        Ok(Refund { invoice: id.to_owned(), refunded: amount, left: invoice.amount })
    }
}
