//! Resources and prompts, and tools that run as tasks.

use doorman::{identity::Agent, prelude::*, scope::Namespace};

use super::{assert_says, shown};

struct Notes(Vec<&'static str>);

/// A note.
#[expose(
    resource = "notes://{owner}/{+type}",
    read_only,
    scopes = ["notes:read"],
    mime = "text/markdown",
    title = "A note",
    redact = ["iban"],
    rate = "5/min",
    cost = 2,
    timeout = "3s",
    max_result = "1KiB"
)]
async fn note(
    notes: State<Notes>,
    /// What kind.
    #[arg(length = 1..=9, complete = kinds)]
    r#type: String,
    caller: Caller,
    #[arg(complete = ["ada", "grace"])] owner: String,
) -> ToolResult<String> {
    Ok(format!("{owner}:{type}:{}:{:?}", notes.0.len(), caller.subject(), type = r#type))
}

async fn kinds(partial: Partial, _: Call) -> Vec<String> {
    vec![partial.text().to_uppercase()]
}

#[expose(resource = "test://logo", read_only, public, mime = "image/png", size = 3, name = "the-logo")]
fn logo() -> Contents {
    Contents::blob([1, 2, 3])
}

#[test]
fn a_resource_has_a_uri() {
    let listed: &'static [&'static doorman::exposure::ResourceSpec] = resources![note, logo];
    assert_says(
        listed[0],
        &[
            r#"ResourceSpec(CapabilitySpec { name: "note""#,
            r#"exposed: Resource { uri: "notes://{owner}/{+type}", mime: Some("text/markdown"), size: None }"#,
            r#"title: Some("A note"), description: "A note.", effect: ReadOnly"#,
            r#"access: Scopes(["notes:read"]), redact: ["iban"]"#,
            r#"rate: Some("5/min"), breaker: None, cost: 2, timeout: Some(3s), max_result: Some(1024)"#,
            r#"params: [Extractor(notes), Argument { name: "type", description: "What kind.""#,
            r#"header: None, complete: By(..) }, Extractor(caller), Argument { name: "owner""#,
            r#"complete: Among(["ada", "grace"]) }]"#,
            "structured: false",
        ],
    );
    assert_says(
        listed[1],
        &[
            r#"name: "the-logo", exposed: Resource { uri: "test://logo", mime: Some("image/png"), size: Some(3) }"#,
            "params: []",
        ],
    );
    assert!(resources![].is_empty());
}

/// Reviews code.
#[expose(prompt, read_only, scopes = ["code:read"], name = "review-code")]
fn review(
    /// The language.
    #[arg(complete = ["rust", "python"])]
    language: String,
    #[arg(default = 3)] depth: u32,
    caller: Caller,
) -> Vec<Message> {
    vec![Message::user(format!("{language}{depth}{}", caller.subject().is_some()))]
}

#[test]
fn a_prompt_has_arguments() {
    let listed: &'static [&'static doorman::exposure::PromptSpec] = prompts![review];
    assert_says(
        listed[0],
        &[
            r#"PromptSpec(CapabilitySpec { name: "review-code", exposed: Prompt, title: None, description: "Reviews code.""#,
            r#"Argument { name: "language", description: "The language.", default: None, constraints: [], header: None, complete: Among"#,
            r#"Argument { name: "depth", description: "", default: Some(Number(3)), constraints: [], header: None }, Extractor(caller)"#,
        ],
    );
    assert!(prompts![].is_empty());
}

#[test]
fn a_tool_may_run_as_a_task() {
    #[expose(write, public, task)]
    fn sometimes() {}
    #[expose(write, public, task = "required")]
    async fn always() {}

    assert_says(tools![sometimes][0], &["exposed: Tool(Where)"]);
    assert_says(tools![always][0], &["exposed: Tool(Required)"]);
}

#[tokio::test]
async fn functions_are_called_directly() {
    let caller = || Caller::new(doorman::identity::Principal::anonymous(None));
    let text = note(State::new(Notes(vec!["a"])), "x".into(), caller(), "ada".into()).await;
    assert_eq!(text.expect("a note"), "ada:x:1:None");
    let Contents { .. } = logo();
    assert_eq!(review("rust".into(), 3, caller()).len(), 1);
}

#[test]
fn every_output_of_a_resource() {
    #[derive(Serialize)]
    struct Row {
        id: u64,
    }

    #[expose(resource = "x:text", read_only, public)]
    fn text() -> &'static str {
        "x"
    }
    #[expose(resource = "x:contents", read_only, public)]
    async fn contents() -> Result<Contents, std::io::Error> {
        Ok(Contents::text("x"))
    }
    #[expose(resource = "x:json", read_only, public)]
    async fn json() -> Vec<Row> {
        vec![Row { id: 3 }]
    }
    #[expose(resource = "x:result", read_only, public)]
    fn result() -> ToolResult<Option<Row>> {
        Ok(None)
    }
    #[expose(prompt, read_only, public)]
    fn one() -> std::borrow::Cow<'static, str> {
        "x".into()
    }
    #[expose(prompt, read_only, public)]
    async fn message() -> ToolResult<Message> {
        Ok(Message::user(ContentBlock::text("x")))
    }
    #[expose(prompt, read_only, public)]
    fn messages() -> std::io::Result<Vec<Message>> {
        Ok(Vec::new())
    }

    assert_eq!(resources![text, contents, json, result].len(), 4);
    assert_eq!(prompts![one, message, messages].len(), 3);
}

/// A module with something of each kind.
struct Shelf {
    scope: Namespace,
    books: Vec<String>,
}

#[tool_module(scope = Namespace)]
impl Shelf {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    fn read(&self, book: Scoped<Namespace>) -> String {
        book.key().to_owned()
    }

    /// A page.
    #[expose(resource = "/{book}/{page}/{+rest}", read_only, mime = "text/plain")]
    async fn page(
        &self,
        #[arg(complete = Self::books)] book: Scoped<Namespace>,
        #[arg(range = 1.., complete = Self::pages)] page: u64,
        #[data] rest: String,
        shelved: State<Shelved>,
    ) -> ToolResult<String> {
        Ok(format!("{}/{page}/{rest}/{}", book.key(), shelved.0))
    }

    /// Of the same name as the tool.
    #[expose(prompt, read_only, name = "read", scopes = ["books:ask"])]
    fn ask(&self, #[arg(complete = Self::books)] book: Scoped<Namespace>) -> Message {
        Message::user(book.key())
    }

    async fn books(&self, partial: Partial, _: Call) -> ToolResult<Vec<String>> {
        Ok(self.books.iter().filter(|it| it.starts_with(partial.text())).cloned().collect())
    }

    async fn pages(_: Partial, _: Call) -> Vec<String> {
        vec!["1".to_owned()]
    }

    #[cfg(any())]
    #[expose(resource = "/absent", read_only)]
    fn absent(&self) -> NoSuchType {}
}

struct Shelved(u32);

#[tokio::test]
async fn a_module_exposes_all_kinds() {
    let [read, page, ask] = Shelf::CAPABILITIES else { panic!("three capabilities") };
    assert_says(read, &[r#"name: "read", exposed: Tool(Never)"#]);
    assert_says(
        page,
        &[
            r#"name: "page", exposed: Resource { uri: "/{book}/{page}/{+rest}", mime: Some("text/plain"), size: None }"#,
            r#"description: "A page.", effect: ReadOnly"#,
            "access: Instance",
            r#"Argument { name: "rest""#,
            "Extractor(shelved)",
        ],
    );
    assert_eq!(shown(page).matches("complete: By(..)").count(), 2);
    assert_says(ask, &[r#"name: "read", exposed: Prompt"#, r#"access: Scopes(["books:ask"])"#, "complete: By(..)"]);

    let shelf = Shelf { scope: Namespace, books: vec!["emma".to_owned()] };
    let agent = Agent::new("a-1", "clerk").expect("an agent");
    let book = || Scoped::check(&shelf.scope, &"emma".to_owned(), &agent).expect("a book");
    let page = shelf.page(book(), 3, "r".to_owned(), State::new(Shelved(7))).await;
    assert_eq!(page.expect("a page"), "emma/3/r/7");
    assert_eq!(shelf.read(book()), "emma");
    let _: Message = shelf.ask(book());
}

/// A macro of the application's own that makes prompts.
macro_rules! asks {
    ($name:ident, $completer:path, $text:literal) => {
        #[expose(prompt, read_only, public, description = $text)]
        fn $name(#[arg(complete = $completer)] a: String, #[arg(complete = [$text])] b: String) -> String {
            a + &b
        }
    };
}
asks!(ask_for_a_kind, kinds, "kind");

#[test]
fn macros_can_make_prompts() {
    assert_says(prompts![ask_for_a_kind][0], &["complete: By(..)", r#"complete: Among(["kind"])"#]);
    assert_eq!(ask_for_a_kind("a".into(), "b".into()), "ab");
}
