//! `#[tool_module]`.

use std::sync::atomic::{AtomicU32, Ordering};

use doorman::{
    __private::ConfiguredModule,
    ToolModule,
    credentials::Secret,
    identity::Agent,
    prelude::*,
    scope::{Allowlist, Namespace},
};

use super::{assert_says, shown};

/// A scope of the application's own, over numbers.
struct Rows {
    last: u64,
}

impl ResourceScope for Rows {
    type Raw = u64;
    type Resource = u64;

    fn resolve(&self, raw: &u64, _: &Agent) -> Result<u64, ScopeViolation> {
        if *raw <= self.last { Ok(*raw) } else { Err(ScopeViolation::new(&raw.to_string(), "a row that exists")) }
    }
}

#[derive(Argument)]
struct Settings {
    #[arg(default = 9)]
    last: u64,
}

#[derive(Argument, Clone, Copy)]
enum Order {
    Up,
    Down,
}

struct SqlTable {
    rows: Rows,
    token: Secret,
    started: AtomicU32,
}

/// Documented, and with an attribute.
#[tool_module(scope = Rows, config = Settings, credentials = ["token", "other_token"])]
#[allow(clippy::unused_async)]
impl SqlTable {
    const STEP: u32 = 10;

    fn configure(settings: Settings, credentials: &Credentials) -> Result<Self, ModuleError> {
        let token = credentials.require("token")?;
        Ok(Self { rows: Rows { last: settings.last }, token, started: AtomicU32::new(0) })
    }

    fn scope(&self) -> &Rows {
        &self.rows
    }

    async fn start(&self) -> Result<(), std::num::ParseIntError> {
        let step: u32 = self.token.expose().parse()?;
        self.started.fetch_add(step, Ordering::Relaxed);
        Ok(())
    }

    async fn stop(&self) {
        self.started.fetch_add(Self::STEP, Ordering::Relaxed);
    }

    /// Read rows.
    #[allow(clippy::too_many_arguments)]
    #[expose(read_only)]
    async fn read(
        &self,
        /// Which.
        row: Scoped<Rows>,
        more: Option<Vec<Scoped<Rows>>>,
        order: Option<Order>,
        reverse: bool,
        #[data] limit: u64,
        #[data]
        #[arg(serde, default)]
        tags: Vec<String>,
        who: Caller,
    ) -> ToolResult<u64> {
        let _ = (reverse, tags, who);
        let sum = *row + more.iter().flatten().map(|row| **row).sum::<u64>() + limit;
        Ok(match order {
            Some(Order::Up) | None => sum,
            Some(Order::Down) => 0,
        })
    }

    #[doorman::expose(destructive, name = "remove", scopes = ["tables:admin"], idempotent)]
    fn delete(&self, row: Scoped<Rows>) -> ToolResult<Outcome> {
        let _ = self.helper();
        Ok(Outcome { row: row.into_inner() })
    }

    /// Of no instance.
    #[expose(write, public)]
    async fn count(
        flag: bool,
        #[data]
        #[arg(default = Self::STEP)]
        step: u32,
        #[data] other: Option<Vec<Order>>,
    ) -> Option<u32> {
        other.map(|it| it.len() as u32 + u32::from(flag) + step)
    }

    #[cfg(any())]
    #[expose(read_only)]
    async fn absent(&self, no: NoSuchType) {}

    fn helper(&self) -> u32 {
        self.started.load(Ordering::Relaxed)
    }
}

#[derive(Serialize, JsonSchema)]
struct Outcome {
    row: u64,
}

#[test]
fn the_spec_of_a_module() {
    assert_eq!(SqlTable::NAME, "sql_table");
    let [read, remove, count] = SqlTable::CAPABILITIES else { panic!("three tools") };
    assert_says(
        read,
        &[
            r#"name: "read", exposed: Tool(Never), title: None, description: "Read rows.", effect: ReadOnly"#,
            "access: Instance",
            r#"Argument { name: "row", description: "Which.""#,
            r#"name: "tags", description: "", default: Some(Array [])"#,
            "Extractor(who)",
        ],
    );
    assert_says(remove, &[r#"name: "remove""#, "idempotent: true", r#"access: Scopes(["tables:admin"])"#]);
    assert_says(count, &["access: Public", "effect: Write", "default: Some(Number(10))"]);
    assert_eq!(shown(read).matches("Argument {").count(), 6);
}

#[tokio::test]
async fn a_module_is_configured_started_and_stopped() {
    assert_eq!(SqlTable::CREDENTIALS, ["token", "other_token"]);
    let settings = || Settings { last: 9 };
    let missing = SqlTable::configure_module(settings(), &Credentials::none()).err().expect("no token");
    assert_eq!(missing.to_string(), "the credential `token` is missing");

    let with = |token: &str| Credentials::none().with("token", Secret::new(token));
    let bad = SqlTable::configure_module(settings(), &with("x")).expect("configured");
    assert!(bad.start_module().await.expect_err("no number").to_string().contains("invalid digit"));

    let table = SqlTable::configure_module(settings(), &with("3")).expect("configured");
    assert_eq!(table.resource_scope().map(|rows| rows.last), Some(9));
    table.start_module().await.expect("started");
    table.stop_module().await;
    assert_eq!(table.helper(), 13);
}

#[tokio::test]
async fn methods_are_called_directly() {
    let credentials = Credentials::none().with("token", Secret::new("1"));
    let table = SqlTable::configure(Settings { last: 9 }, &credentials).expect("configured");
    let agent = Agent::new("a-1", "clerk").expect("an agent");
    let row = |raw: u64| Scoped::check(&table.rows, &raw, &agent);
    let who = || Caller::new(doorman::identity::Principal::anonymous(None));
    let (one, two) = (row(1).expect("a row"), row(2).expect("a row"));
    let sum = table.read(one, Some(vec![two]), Some(Order::Up), false, 3, Vec::new(), who()).await;
    assert_eq!(sum.expect("a sum"), 6);
    let down = table.read(row(9).expect("a row"), None, Some(Order::Down), true, 0, Vec::new(), who()).await;
    assert_eq!(down.expect("a sum"), 0);
    assert!(row(10).is_err());
    assert_eq!(table.delete(row(4).expect("a row")).expect("deleted").row, 4);
    assert_eq!(SqlTable::count(true, 10, Some(vec![Order::Up])).await, Some(12));
}

struct Clock;

#[tool_module(unscoped, name = "clock")]
impl Clock {
    #[expose(read_only)]
    async fn now(&self, zone: String, #[arg(serde)] at: Option<std::time::Duration>) -> ToolResult<String> {
        Ok(format!("{zone}{at:?}"))
    }

    #[expose(read_only)]
    fn twin(&self, other: Option<bool>) -> Option<bool> {
        other
    }
}

struct Shelf<S> {
    scope: S,
}

/// Modules of a type with arguments, by alias.
type Books = Shelf<Namespace>;

#[tool_module(scope = Namespace)]
impl Books {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn read(&self, book: Scoped<Namespace>) -> ToolResult<Vec<String>> {
        Ok(vec![book.key().to_owned()])
    }
}

struct Names {
    names: Allowlist,
}

#[tool_module(scope = Allowlist)]
impl Names {
    fn scope(&self) -> &Allowlist {
        &self.names
    }
}

#[tokio::test]
async fn other_modules() {
    assert_eq!((Clock::NAME, Books::NAME, Names::NAME), ("clock", "books", "names"));
    assert_eq!((Clock::CAPABILITIES.len(), Books::CAPABILITIES.len(), Names::CAPABILITIES.len()), (2, 1, 0));
    assert!(Clock.resource_scope().is_none());
    Clock.start_module().await.expect("started");
    Clock.stop_module().await;
    assert_eq!(Clock.now("utc".into(), None).await.expect("a time"), "utcNone");
    assert_eq!(Clock.twin(Some(true)), Some(true));
    let books = Books { scope: Namespace };
    let agent = Agent::new("a-1", "clerk").expect("an agent");
    let book = Scoped::check(&books.scope, &"b".to_owned(), &agent).expect("a book");
    assert_eq!(books.read(book).await.expect("a list"), ["b"]);
    let names = Names { names: Allowlist::new(["a"]) };
    assert!(names.resource_scope().is_some());
}

/// Imports that only a module uses are used.
#[deny(unused_imports)]
mod imported {
    use doorman::{expose, tool_module};

    pub(super) struct Clock;

    #[tool_module(unscoped)]
    impl Clock {
        #[expose(read_only)]
        fn now() -> u32 {
            0
        }
    }
}

#[test]
fn a_module_with_imports() {
    assert_eq!(imported::Clock::CAPABILITIES.len(), 1);
}
