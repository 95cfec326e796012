//! The macros of `doorman`, which re-exports them; use them through it.
//!
//! `#[expose]` makes a tool, a resource or a prompt of a function, `#[tool_module]` a module of them of an `impl` block,
//! `#[derive(Argument)]` an argument of a type, and `tools![…]`, `resources![…]` and `prompts![…]` list them for a server. Each goes the same way: parse the tokens, make a
//! model of what was said, check it, expand. Every mistake of an item is reported at once, at its token; what a type may
//! be is left to traits, so that the type decides and not its spelling. The item itself is always given back as it was
//! written.

mod argument;
mod attributes;
mod docs;
mod errors;
mod expose;
mod keys;
mod lists;
mod tokens;
mod tool_module;

use proc_macro::TokenStream;

/// Makes a tool of a function; or a resource, or a prompt.
///
/// Say what it does to the world (`read_only`, `write` or `destructive`) and who may call it
/// (`scopes = ["invoices:read"]`, or `public`). The function stays as it is and can be called directly; `tools![name]`
/// finds what was said of it (`resources![name]` and `prompts![name]` that of the other two kinds).
///
/// | key | meaning |
/// |---|---|
/// | `read_only`, `write`, `destructive` | the effect: exactly one |
/// | `scopes = ["invoices:read"]`, `public` | the scopes that a caller must hold, all of them; or none needed |
/// | `name = "…"`, `title = "…"`, `description = "…"` | default: the function's name, no title, the doc comment |
/// | `idempotent`, `open_world` | MCP's hints; also `= true` or `= false` |
/// | `redact = ["iban"]`, `reveal = ["id"]` | keys of the output that are redacted, or not, beyond the defaults |
/// | `redact_patterns = ["EMP-[0-9]+"]` | regular expressions whose matches are redacted in every text of the output |
/// | `detect = ["ip", "mac"]` | what is looked for only where asked |
/// | `rate = "5/min"` | how often a caller may call it; also `per_tool`, and several rules separated by `;` |
/// | `cost = 25` | what a call takes from the caller's budget; default 1 |
/// | `timeout = "30s"`, `max_result = "64KiB"` | bounds of one call |
/// | `schema = path` | of a tool, an own input schema: a `fn() -> serde_json::Value` |
/// | `task`, `task = "required"` | a tool that runs as a task for clients that know tasks; or for no others |
/// | `task = "after_input"` | as `"required"`; the questions of its first round are asked before there is a task |
/// | `resource = "notes://{id}"` | it is a resource with this URI, or a template of resources |
/// | `mime = "text/plain"`, `size = 70` | of a resource: its MIME type; its size in bytes, if it is a single one |
/// | `prompt` | it is a prompt |
///
/// A resource is read and a prompt gives messages, so both say `read_only`; `idempotent`, `open_world`, `schema` and `task`
/// are for tools. A variable of a URI stands for one piece without `/`, `{+name}` at the end for the rest; each names a
/// parameter, and every other parameter is an extractor. In a module the text is what follows `SCHEME://`: it begins with
/// `/`, and the scheme is the instance's name.
///
/// A parameter is what its type is: an extractor from the server, or an argument from the model. An argument may say
/// more: `#[arg(default, default = EXPR, description = "…", range = 1..=100, length = 1..=64, pattern = "…", serde,
/// header = "X-Name", complete = …)]`; its doc comment is its description. In a scoped module, `#[data]` marks an argument
/// that never addresses a resource.
///
/// `complete` is for arguments of resources and prompts: what they may be, while they are typed. It is a list of texts, or
/// the path of an `async fn(Partial, Call) -> Vec<String>` (or `ToolResult<Vec<String>>`). In a module, `Self::name` is a
/// function of the same block: `async fn name(&self, partial: Partial, call: Call) -> …`, or the same without `&self`. A
/// fieldless enum that derives `Argument` completes by itself.
///
/// ```text
/// /// A note.
/// #[expose(resource = "notes://{id}", read_only, scopes = ["notes:read"], mime = "text/plain")]
/// async fn note(#[arg(complete = note_ids)] id: String, notes: State<Notes>) -> ToolResult<String> { … }
///
/// async fn note_ids(partial: Partial, call: Call) -> Vec<String> { … }
///
/// /// Reviews code.
/// #[expose(prompt, read_only, public)]
/// fn review(#[arg(complete = ["rust", "python"])] language: String) -> Vec<Message> { … }
/// ```
///
/// On a method it works inside `#[tool_module] impl …` only. There `scopes` may be left out.
#[proc_macro_attribute]
pub fn expose(keys: TokenStream, item: TokenStream) -> TokenStream {
    expose::expand(keys.into(), &item.into()).into()
}

/// Makes a module of tools, resources and prompts of an `impl` block, out of its methods with `#[expose(…)]`.
///
/// Say which resources they are confined to: `scope = Prefix` (or another resource scope), or `unscoped`. In a
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
    lists::TOOLS.expand(paths.into()).into()
}

/// The resources, and templates of resources, of these functions, by path: `resources![note, billing::statement]`.
#[proc_macro]
pub fn resources(paths: TokenStream) -> TokenStream {
    lists::RESOURCES.expand(paths.into()).into()
}

/// The prompts of these functions, by path: `prompts![review, billing::dunning]`.
#[proc_macro]
pub fn prompts(paths: TokenStream) -> TokenStream {
    lists::PROMPTS.expand(paths.into()).into()
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
