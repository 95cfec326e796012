//! Schemas of an application's own: a tool's input in full JSON Schema 2020-12, and forms with defaults and choices.

use doorman::prelude::*;
use serde_json::{Value, json};

/// A place.
#[derive(Argument)]
pub(crate) struct Address {
    street: Option<String>,
    city: Option<String>,
}

fn person() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

/// Tool with JSON Schema 2020-12 features.
#[expose(read_only, scopes = ["schemas:use"], schema = person)]
#[allow(non_snake_case, reason = "arguments are named as their parameters are")]
pub(crate) async fn json_schema_2020_12_tool(
    name: Option<String>,
    address: Option<Address>,
    contactMethod: Option<String>,
    phone: Option<String>,
    email: Option<String>,
) -> String {
    let reached = [phone, email].iter().flatten().count();
    let place = address.and_then(|it| it.city.or(it.street)).unwrap_or_else(|| "nowhere".to_owned());
    let name = name.as_deref().unwrap_or("somebody");
    format!("{name} in {place}, {reached} ways, by {}", contactMethod.as_deref().unwrap_or("any"))
}

/// A form whose fields all have a default.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Profile {
    #[serde(default = "Profile::name")]
    name: String,
    #[serde(default = "Profile::age")]
    age: i64,
    #[serde(default = "Profile::score")]
    score: f64,
    #[serde(default)]
    status: Status,
    #[serde(default = "Profile::verified")]
    verified: bool,
}

impl Profile {
    fn name() -> String {
        "John Doe".to_owned()
    }

    fn age() -> i64 {
        30
    }

    fn score() -> f64 {
        95.5
    }

    fn verified() -> bool {
        true
    }
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Status {
    #[default]
    Active,
    Inactive,
    Pending,
}

/// Asks with a form whose fields have defaults.
#[expose(read_only, scopes = ["schemas:use"])]
pub(crate) async fn test_elicitation_sep1034_defaults(call: Call) -> ToolResult<String> {
    let profile: Profile = call.elicit("Please review and update the form fields with defaults").await?;
    completed(&profile)
}

/// A form with every way to write a choice.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Choices {
    untitled_single: Plain,
    titled_single: Titled,
    legacy_enum: Legacy,
    untitled_multi: Vec<Plain>,
    titled_multi: Vec<TitledItem>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Plain {
    Option1,
    Option2,
    Option3,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, extend("type" = "string"))]
enum Titled {
    #[schemars(title = "First Option")]
    Value1,
    #[schemars(title = "Second Option")]
    Value2,
    #[schemars(title = "Third Option")]
    Value3,
}

/// Titles as clients up to 2025-06-18 read them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, extend("enumNames" = ["Option One", "Option Two", "Option Three"]))]
enum Legacy {
    Opt1,
    Opt2,
    Opt3,
}

/// Choices of which several are taken: MCP writes `anyOf` for them, where schemars writes `oneOf`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, transform = any_of)]
enum TitledItem {
    #[schemars(title = "First Choice")]
    Value1,
    #[schemars(title = "Second Choice")]
    Value2,
    #[schemars(title = "Third Choice")]
    Value3,
}

fn any_of(schema: &mut schemars::Schema) {
    if let Some(choices) = schema.remove("oneOf") {
        schema.insert("anyOf".to_owned(), choices);
    }
}

/// Asks with a form of choices.
#[expose(read_only, scopes = ["schemas:use"])]
pub(crate) async fn test_elicitation_sep1330_enums(call: Call) -> ToolResult<String> {
    let choices: Choices = call.elicit("Please select options from the enum fields").await?;
    completed(&choices)
}

fn completed(form: &impl Serialize) -> ToolResult<String> {
    Ok(format!("Elicitation completed: action=accept, content={}", serde_json::to_string(form)?))
}
