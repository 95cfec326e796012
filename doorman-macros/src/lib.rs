//! The macros of `doorman`, which re-exports them; use them through it.
//!
//! `#[expose]` makes a tool of a function, `#[tool_module]` a module of tools of an `impl` block, `#[derive(Argument)]` an
//! argument of a type, and `tools![…]` lists tools for a server. Each goes the same way: parse the tokens, make a
//! model of what was said, check it, expand. Every mistake of an item is reported at once, at its token; what a type may
//! be is left to traits, so that the type decides and not its spelling. The item itself is always given back as it was
//! written.

mod argument;
mod attributes;
mod docs;
mod errors;
mod expose;
mod keys;
mod tokens;
mod tool_module;
mod tools;

use proc_macro::TokenStream;

/// Makes a tool of a function.
///
/// Say what the tool does to the world (`read_only`, `write` or `destructive`) and who may call it
/// (`scopes = ["invoices:read"]`, or `public`). The function stays as it is and can be called directly; `tools![name]`
/// finds what was said of it.
///
/// | key | meaning |
/// |---|---|
/// | `read_only`, `write`, `destructive` | the effect: exactly one |
/// | `scopes = ["invoices:read"]`, `public` | the scopes that a caller must hold, all of them; or none needed |
/// | `name = "…"`, `title = "…"`, `description = "…"` | default: the function's name, no title, the doc comment |
/// | `idempotent`, `open_world` | MCP's hints; also `= true` or `= false` |
/// | `redact = ["iban"]`, `reveal = ["id"]` | keys of the output that are redacted, or not, beyond the defaults |
/// | `rate = "5/min"` | how often a caller may call it; also `per_tool`, and several rules separated by `;` |
/// | `cost = 25` | what a call takes from the caller's budget; default 1 |
/// | `timeout = "30s"`, `max_result = "64KiB"` | bounds of one call |
/// | `schema = path` | an own input schema: a `fn() -> serde_json::Value` |
///
/// A parameter is what its type is: an extractor from the server, or an argument from the model. An argument may say
/// more: `#[arg(default, default = EXPR, description = "…", range = 1..=100, length = 1..=64, pattern = "…", serde,
/// header = "X-Name")]`; its doc comment is its description. In a scoped module, `#[data]` marks an argument that never
/// addresses a resource.
///
/// On a method it works inside `#[tool_module] impl …` only. There `scopes` may be left out.
#[proc_macro_attribute]
pub fn expose(keys: TokenStream, item: TokenStream) -> TokenStream {
    expose::expand(keys.into(), &item.into()).into()
}

/// Makes a module of tools of an `impl` block, out of its methods with `#[expose(…)]`.
///
/// Say which resources the tools are confined to: `scope = Prefix` (or another resource scope), or `unscoped`. In a
/// scoped module every argument is `Scoped<S>`, can't address a resource by its type, or is marked `#[data]`.
///
/// | key | meaning |
/// |---|---|
/// | `scope = Type`, `unscoped` | the resource scope: exactly one of the two |
/// | `name = "notes"` | the name of an instance unless the application gives another; default: the type's, in snake case |
/// | `config = Type` | the configuration, which derives `Argument` |
/// | `credentials = ["token"]` | the credentials that the module may take |
///
/// Methods without `#[expose]` that it knows: `fn scope(&self) -> &S` (with `scope`),
/// `fn configure(config: C, credentials: &Credentials) -> Result<Self, E>` (with `config`),
/// `async fn start(&self) -> Result<(), E>` and `async fn stop(&self)`. All else in the block stays as it is.
#[proc_macro_attribute]
pub fn tool_module(keys: TokenStream, item: TokenStream) -> TokenStream {
    tool_module::expand(keys.into(), &item.into()).into()
}

/// The tools of these functions, by path: `tools![get_invoice, billing::refund]`.
#[proc_macro]
pub fn tools(paths: TokenStream) -> TokenStream {
    tools::expand(paths.into()).into()
}

/// Makes a type an argument: something that the model may fill in.
///
/// For structs with named fields, newtypes, and enums. It writes `Deserialize` and `JsonSchema` (don't derive them
/// beside it), so that unknown fields are refused and say so in the schema. Every field is an argument in turn, or marked
/// `#[arg(serde)]`. A fieldless enum can't hold an address, so scoped modules take it.
///
/// Fields take `#[arg(default, default = EXPR, description = "…", range = …, length = …, pattern = "…", serde)]`, and of
/// serde's attributes those that don't weaken the promise (`rename`, `rename_all`, `tag`, `content`, `default`, …).
#[proc_macro_derive(Argument, attributes(arg, serde, schemars))]
pub fn derive_argument(item: TokenStream) -> TokenStream {
    argument::expand(item.into()).into()
}
