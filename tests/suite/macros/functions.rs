//! `#[expose]` and `tools!`.

use std::collections::BTreeMap;

use doorman::{__private::ToolSpec, identity::Principal, prelude::*};

use super::{assert_says, shown};

#[derive(Serialize, JsonSchema)]
struct Invoice {
    id: String,
    amount: f64,
}

struct Db(u32);
type Shared = State<Db>;

/// Where a call comes from; an extractor of the application's own.
struct Tenant(String);

impl FromCall for Tenant {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(Self(call.principal().tenant().unwrap_or("nobody's").to_owned()))
    }
}

/// Look up one invoice.
///
/// By its number.
#[expose(
    read_only,
    scopes = ["invoices:read", "billing"],
    title = "Get an invoice",
    idempotent,
    open_world = false,
    redact = ["iban", "*_token"],
    reveal = ["id"],
    redact_patterns = ["EMP-[0-9]+"],
    detect = ["mac", "ip"],
    rate = "5/min; 100/h per_tool",
    cost = 25,
    timeout = "30s",
    max_result = "64KiB",
    schema = own_schema
)]
#[must_use]
#[allow(clippy::double_must_use)]
async fn get_invoice(
    /// The invoice's number,
    /// as in INV-1.
    id: String,
    #[arg(default = 2.5, range = -1..=9.5, description = "How much.", header = "X-Amount")] amount: f64,
    #[arg(default, length = 1..=3, pattern = "^[a-z]+$")] tags: Vec<String>,
    db: Shared,
    tenant: Tenant,
    who: Caller,
) -> ToolResult<Invoice> {
    let known = u32::from(who.subject().is_some()) + db.0;
    Ok(Invoice { id: format!("{id}{}{}{known}", tags.concat(), tenant.0), amount })
}

fn own_schema() -> serde_json::Value {
    serde_json::json!({"type": "object"})
}

#[test]
fn everything_that_was_said_is_in_the_spec() {
    let [spec] = tools![get_invoice] else { panic!("one tool") };
    assert_says(
        spec,
        &[
            r#"name: "get_invoice", exposed: Tool(Never), title: Some("Get an invoice"), description: "Look up one invoice.\n\nBy its number.""#,
            r#"effect: ReadOnly, idempotent: true, open_world: Some(false), access: Scopes(["invoices:read", "billing"])"#,
            r#"redact: ["iban", "*_token"], reveal: ["id"], redact_patterns: ["EMP-[0-9]+"], detect: [Mac, Ip], rate: Some("5/min; 100/h per_tool"), breaker: None, cost: 25"#,
            r#"timeout: Some(30s), max_result: Some(65536)"#,
            r#"Argument { name: "id", description: "The invoice's number,\nas in INV-1.", default: None, constraints: [], header: None }"#,
            r#"name: "amount", description: "How much.", default: Some(Number(2.5)), constraints: [Range { min: Some(-1.0), max: Some(9.5) }], header: Some("X-Amount")"#,
            r#"name: "tags", description: "", default: Some(Array []), constraints: [Length { min: Some(1), max: Some(3) }, Pattern("^[a-z]+$")]"#,
            r#"Extractor(db), Extractor(tenant), Extractor(who)"#,
            "schema: true, structured: true",
        ],
    );
}

#[test]
fn what_was_not_said_is_not_there() {
    #[expose(write, public)]
    fn nothing() {}

    assert_says(
        tools![nothing][0],
        &[
            r#"title: None, description: "", effect: Write, idempotent: false, open_world: None, access: Public"#,
            "redact: [], reveal: [], redact_patterns: [], detect: [], rate: None, breaker: None, cost: 1, timeout: None, max_result: None, params: [], schema: false",
        ],
    );
}

#[tokio::test]
async fn a_tool_is_called_like_the_function_that_it_is() {
    let caller = || Caller::new(Principal::anonymous(None));
    let tags = vec!["a".to_owned()];
    let call = get_invoice("INV".into(), 1.5, tags, State::new(Db(7)), Tenant("t".into()), caller());
    let invoice = call.await.expect("an invoice");
    assert_eq!((invoice.id.as_str(), invoice.amount), ("INVat7", 1.5));
}

mod elsewhere {
    use doorman::prelude::*;

    #[expose(destructive, public)]
    pub(crate) async fn refund(id: u64) -> u64 {
        id
    }

    pub(crate) mod deeper {
        #[doorman::expose(read_only, public, description = "Deep.")]
        pub(crate) fn count() -> usize {
            3
        }

        /// Not this.
        #[doorman::expose(read_only, public, name = "deep-2.x", description = "This.")]
        pub(crate) fn other() -> usize {
            count()
        }
    }

    pub(crate) use self::deeper::count as counted;
}

use elsewhere::refund as give_back;

#[test]
#[allow(unused_qualifications)]
fn tools_are_found_by_path() {
    #[expose(read_only, public)]
    async fn local() {}

    #[expose(read_only, public)]
    fn r#move() -> &'static str {
        "moved"
    }

    let listed: &'static [&'static ToolSpec] = tools![
        give_back,
        elsewhere::refund,
        crate::macros::functions::elsewhere::deeper::other,
        elsewhere::counted,
        local,
        r#move,
    ];
    let names: Vec<String> = listed.iter().map(shown).collect();
    for (spec, name) in names.iter().zip(["refund", "refund", "deep-2.x", "count", "local", "move"]) {
        assert!(spec.starts_with(&format!("ToolSpec(CapabilitySpec {{ name: {name:?},")), "{spec}");
    }
    assert!(names[2].contains("This.") && !names[2].contains("Not this."), "{}", names[2]);
    assert!(tools![].is_empty());
    assert_eq!(r#move(), "moved");
}

#[expose(read_only, public)]
#[cfg(any())]
async fn absent(id: NoSuchType) {}

#[cfg_attr(all(), cfg(any()), must_use)]
#[expose(read_only, public)]
async fn absent_too(id: NoSuchType) {}

#[expose(read_only, public)]
#[cfg_attr(all(), must_use)]
async fn present() -> u32 {
    1
}

#[tokio::test]
async fn conditions_hold_for_all_that_is_generated() {
    // A free name: the hidden type of the absent function is absent too.
    #[allow(dead_code, non_camel_case_types)]
    struct absent;
    assert_eq!(tools![present].len(), 1);
    assert_eq!(present().await, 1);
}

#[expose(read_only, public)]
#[allow(clippy::too_many_arguments, clippy::many_single_char_names)]
#[rustfmt::skip]
async fn sixteen(
    a: u8, b: u16, c: u32, d: u64, e: i8, f: i16, g: i32, h: i64, i: usize, j: isize, k: bool, l: char, m: String,
    mut n: Vec<Option<u8>>, o: BTreeMap<String, f32>, p: (bool, String),
) -> String {
    n.clear();
    format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n:?}{o:?}{p:?}")
}

#[test]
fn sixteen_parameters() {
    let spec = shown(tools![sixteen][0]);
    assert_eq!(spec.matches("Argument {").count(), 16, "{spec}");
}

#[test]
fn every_output_has_its_kind() {
    use doorman::content::ContentBlock;

    #[derive(Debug)]
    struct Trouble;

    impl std::fmt::Display for Trouble {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("trouble")
        }
    }

    impl std::error::Error for Trouble {}

    #[expose(read_only, public)]
    async fn unit() {}
    #[expose(read_only, public)]
    fn text() -> String {
        String::new()
    }
    #[expose(read_only, public)]
    async fn fixed() -> Result<&'static str, Trouble> {
        Err(Trouble)
    }
    #[expose(read_only, public)]
    async fn block() -> ContentBlock {
        ContentBlock::text("x")
    }
    #[expose(read_only, public)]
    fn blocks() -> ToolResult<Vec<ContentBlock>> {
        Ok(Vec::new())
    }
    #[expose(read_only, public)]
    async fn number() -> u32 {
        3
    }
    #[expose(read_only, public)]
    fn list() -> std::io::Result<Vec<Invoice>> {
        Ok(Vec::new())
    }
    #[expose(read_only, public)]
    async fn maybe() -> Result<Option<Invoice>, Trouble> {
        Ok(None)
    }

    for (spec, structured) in
        tools![unit, text, fixed, block, blocks, number, list, maybe].iter().zip([0, 0, 0, 0, 0, 1, 1, 1])
    {
        assert_says(spec, &[if structured == 1 { "structured: true" } else { "structured: false" }]);
    }
}

/// Names that expansions could collide with.
mod collisions {
    use doorman::prelude::*;

    pub(super) struct Value;
    pub(super) struct Result;
    #[allow(dead_code)]
    trait Everything {
        fn __doorman(&self) {}
        fn take(&self) {}
        fn spec(&self) {}
    }
    impl<T> Everything for T {}

    #[expose(read_only, public)]
    pub(super) fn reply(call: u32, arguments: u32, value: u32) -> u32 {
        call + arguments + value
    }

    #[expose(read_only, public)]
    pub(super) async fn bind(p: bool, instance: bool) -> bool {
        p & instance
    }
}

#[tokio::test]
async fn names_do_not_collide() {
    let _ = (collisions::Value, collisions::Result);
    assert_eq!(collisions::reply(1, 2, 3) + u32::from(collisions::bind(true, true).await), 7);
    assert_eq!(tools![collisions::reply, collisions::bind].len(), 2);
}

/// A macro of the application's own that makes tools.
macro_rules! getter {
    ($name:ident, $ty:ty, $text:literal, $scope:expr) => {
        #[expose(read_only, scopes = [$text], cost = 2)]
        #[doc = $text]
        async fn $name(#[arg(default = $scope)] it: $ty) -> $ty {
            it
        }
    };
}
getter!(get_number, u32, "numbers:read", 3);
getter!(get_list, Option<Vec<u32>>, "lists:read", None);

#[test]
fn macros_can_make_tools() {
    assert_says(tools![get_number][0], &[r#"description: "numbers:read""#, r#"Scopes(["numbers:read"])"#, "Number(3)"]);
    assert_says(tools![get_list][0], &["default: Some(Null)"]);
}

mod foreign {
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
    pub(super) struct Point {
        pub(super) x: i32,
        pub(super) y: Option<i32>,
    }
}

#[expose(read_only, public)]
async fn at(
    #[arg(serde, default)] point: foreign::Point,
    #[arg(serde)]
    /// Also this.
    other: Option<foreign::Point>,
) -> i32 {
    point.x + other.and_then(|it| it.y).unwrap_or(0)
}

#[tokio::test]
async fn foreign_types_are_taken_as_they_are() {
    assert_eq!(at(foreign::Point { x: 3, y: None }, Some(foreign::Point { x: 0, y: Some(4) })).await, 7);
    assert_says(
        tools![at][0],
        &[r#"default: Some(Object {"x": Number(0), "y": Null})"#, r#"description: "Also this.""#],
    );
}
