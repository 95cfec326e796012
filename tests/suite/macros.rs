//! scratch
use doorman::prelude::*;
#[derive(Serialize, JsonSchema)]
struct Invoice {
    id: String,
}
/// Looks.
#[expose(read_only, scopes = ["a:b"], rate = "5/min", redact = ["x*"])]
async fn get_invoice(
    /// The id.
    id: String,
    #[arg(default = Some(3), range = 1..=5)] limit: Option<u32>,
    who: Caller,
    filter: Filter,
) -> ToolResult<Invoice> {
    let _ = (limit, who, filter);
    Ok(Invoice { id })
}
#[derive(doorman::Argument)]
struct Filter {
    /// a
    #[arg(range = 1..=9, default = 4)]
    a: u32,
    b: Option<Vec<Kind>>,
    #[arg(serde)]
    c: Option<Vec<u32>>,
}
#[derive(doorman::Argument, Debug)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Fast,
    Slow,
}
#[derive(doorman::Argument)]
#[serde(tag = "type")]
enum Shape {
    Fast,
    Slow { k: Kind },
    Other(Filter),
}
#[test]
fn it() {
    let t = tools![get_invoice];
    assert_eq!(t.len(), 1);
    println!("{}", serde_json::to_string_pretty(&schemars::schema_for!(Shape)).unwrap());
    println!("{}", serde_json::to_string_pretty(&schemars::schema_for!(Filter)).unwrap());
    println!("{:?}", serde_json::from_str::<Shape>(r#"{"type":"Fast","x":1}"#).map(|_| ()));
}
