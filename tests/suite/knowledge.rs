//! Resources, prompts, completion and updates: what a caller may is what it sees, in all of them.

mod completion;
mod declared;
mod masked;
mod modules;
mod pages;
mod prompts;
mod resources;
mod updates;
pub(crate) mod views;

use views::Known;

/// All resources, templates and prompts of the fixture.
const KNOWN: [Known; 22] = [
    Known::resource("welcome", "memo://welcome", &[]),
    Known::resource("counter", "memo://counter", &["misc:use"]),
    Known::resource("contact_memo", "memo://contact", &["misc:use"]),
    Known::resource("contact_bytes", "memo://contact.bin", &["misc:use"]),
    Known::resource("noise", "memo://noise", &["misc:use"]),
    Known::resource("essay", "memo://essay", &["misc:use"]),
    Known::resource("ledger", "memo://ledger", &["admin:all"]),
    Known::template("invoice", "invoice://{id}", "invoice://7", &["invoices:read"]),
    Known::template("page", "pages://{book}/{number}", "pages://b/3", &["misc:use"]),
    Known::template("faulty", "faulty://{how}", "faulty://x", &["misc:use"]),
    Known::template("ledger_page", "ledger://{page}", "ledger://1", &["admin:all"]),
    Known::template("", "docs:///{+path}", "docs:///a", &["docs:read"]),
    Known::template("", "work:///{+path}", "work:///a", &["work:read"]),
    Known::prompt("greet_somebody", "greet_somebody", &[]),
    Known::prompt("remind", "remind", &["invoices:read"]),
    Known::prompt("introduce", "introduce", &["misc:use"]),
    Known::prompt("interview", "interview", &["misc:use"]),
    Known::prompt("close_books", "close_books", &["admin:all"]),
    Known::prompt("open_book", "open_book", &["misc:use"]),
    Known::prompt("stumble", "stumble", &["misc:use"]),
    Known::prompt("", "docs_summarize", &["docs:read"]),
    Known::prompt("", "work_summarize", &["work:read"]),
];
