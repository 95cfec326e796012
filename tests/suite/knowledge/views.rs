//! Listed ⇔ readable ⇔ gettable ⇔ callable ⇔ completable ⇔ subscribable, for random grants in random catalogs; and what
//! isn't, gives the bytes and the record of what was never there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::KNOWN;
use crate::harness::{Caller, Cast, Door, Era, Fixture, Numbers, Tail, completing};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Resource,
    Template,
    Prompt,
}

/// Something that the fixture exposes.
#[derive(Clone, Copy)]
pub(super) struct Known {
    kind: Kind,
    /// Its function; nothing where a module has it.
    function: &'static str,
    name: &'static str,
    /// One of its URIs.
    uri: &'static str,
    scopes: &'static [&'static str],
}

impl Known {
    pub(super) const fn resource(function: &'static str, uri: &'static str, scopes: &'static [&'static str]) -> Self {
        Self { kind: Kind::Resource, function, name: uri, uri, scopes }
    }

    pub(super) const fn template(
        function: &'static str,
        name: &'static str,
        uri: &'static str,
        scopes: &'static [&'static str],
    ) -> Self {
        Self { kind: Kind::Template, function, name, uri, scopes }
    }

    pub(super) const fn prompt(function: &'static str, name: &'static str, scopes: &'static [&'static str]) -> Self {
        Self { kind: Kind::Prompt, function, name, uri: "", scopes }
    }

    pub(super) const fn function(&self) -> &'static str {
        self.function
    }

    /// Every way to reach it under a name, in one generation.
    fn ways(self, era: Era, twin: bool) -> Vec<(&'static str, Value, String)> {
        let called = |name: &str| if twin { format!("z{}", &name[1..]) } else { name.to_owned() };
        let name = called(self.name);
        match self.kind {
            Kind::Prompt => vec![
                ("prompts/get", json!({"name": name, "arguments": {"none": "x"}}), name.clone()),
                ("completion/complete", completing(&name, "none", "x"), name),
            ],
            Kind::Resource | Kind::Template => {
                let uri = called(self.uri);
                let mut ways = vec![("resources/read", json!({ "uri": uri }), uri.clone())];
                if era == Era::Session {
                    ways.push(("resources/subscribe", json!({ "uri": uri }), uri));
                }
                if self.kind == Kind::Template {
                    ways.push(("completion/complete", completing(&name, "none", "x"), name));
                }
                ways
            }
        }
    }
}

/// What everybody's grants are drawn from; some tools are never left out, so that something asks for each.
const SCOPES: [&str; 8] =
    ["invoices:read", "invoices:write", "admin:all", "misc:use", "docs:read", "docs:write", "work:read", "work:write"];
const KEPT: [&str; 6] = ["hello", "touch", "relist", "get_invoice", "create_invoice", "purge"];

/// A catalog, and what each of some agents is granted.
struct World {
    left_out: Vec<&'static str>,
    grants: Vec<Vec<&'static str>>,
    tools: BTreeSet<String>,
}

impl World {
    fn random(numbers: &mut Numbers, agents: usize, tools: &BTreeSet<String>) -> Self {
        let functions: Vec<&str> = KNOWN.iter().map(|it| it.function).filter(|it| !it.is_empty()).collect();
        let mut left_out = numbers.some(&functions, 3);
        if numbers.next(2) == 0 {
            // So that some see nothing of a feature.
            left_out.extend(["welcome", "greet_somebody"]);
        }
        let others: Vec<&String> = tools.iter().filter(|it| !KEPT.contains(&&***it)).collect();
        left_out.extend(numbers.some(&others, 4).into_iter().map(|tool| &*tool.clone().leak()));
        let grants = (0..agents).map(|_| {
            let one_in = 1 + numbers.next(12);
            let mut grant = numbers.some(&SCOPES, one_in);
            grant.push(SCOPES[numbers.next(SCOPES.len())]);
            grant.sort_unstable();
            grant.dedup();
            grant
        });
        Self { grants: grants.collect(), left_out, tools: tools.clone() }
    }

    fn cast(agent: usize) -> Cast {
        Cast::named(format!("agent-{agent}"), format!("kind-{agent}"))
    }

    fn fixture(&self) -> Fixture {
        let casts: Vec<Cast> = (0..self.grants.len()).map(Self::cast).collect();
        let fixture = Fixture::bare().tokens(&casts).env("DOORMAN_LOG", "off");
        let granted = casts.iter().zip(&self.grants);
        let fixture = granted
            .fold(fixture, |fixture, (cast, scopes)| fixture.manifest(cast.kind, &format!("[{}]", scopes.join(", "))));
        fixture.env("FIXTURE_LEFT_OUT", self.left_out.join(","))
    }

    /// Whether an agent may see it, by the words of its manifest.
    fn opens(&self, agent: usize, known: &Known) -> bool {
        let is_there = !self.left_out.contains(&known.function);
        is_there && known.scopes.iter().all(|scope| self.grants[agent].contains(scope))
    }

    /// Holds one agent's view against all ways to reach what is in it; returns how many were looked at.
    fn check(&self, agent: usize, era: Era, caller: &mut Caller, tail: &mut Tail) -> usize {
        let said = |what: &str| format!("{what} of {:?}, without {:?}, {era:?}", self.grants[agent], self.left_out);
        let sees = |kinds: &[Kind]| KNOWN.iter().any(|it| kinds.contains(&it.kind) && self.opens(agent, it));
        let (prompts, resources) = (sees(&[Kind::Prompt]), sees(&[Kind::Resource, Kind::Template]));
        let listed = listed(caller);
        for (at, there) in [(0, resources), (1, resources), (2, prompts)] {
            assert_eq!(listed[at].is_some(), there, "{}", said("the lists"));
        }
        let capabilities = caller.greeting()["capabilities"].clone();
        for (feature, there) in
            [("prompts", prompts), ("resources", resources), ("completions", prompts || resources), ("tools", true)]
        {
            assert_eq!(capabilities.get(feature).is_some(), there, "{}: {capabilities}", said(feature));
        }
        for known in &KNOWN {
            let opened = self.opens(agent, known);
            let shown = listed[known.kind as usize].as_ref().is_some_and(|names| names.contains(known.name));
            assert_eq!(shown, opened, "{}", said(known.name));
            let feature = if known.kind == Kind::Prompt { prompts } else { resources };
            for ((method, params, name), (_, twin, absent)) in
                known.ways(era, false).into_iter().zip(known.ways(era, true))
            {
                tail.calls();
                let (told, unknown) = told(caller, tail, "there", method, params, &name);
                let declared = if method == "completion/complete" { prompts || resources } else { feature };
                let expected = match (opened, declared) {
                    (true, _) => None,
                    (false, true) => Some("unknown"),
                    (false, false) => Some("no such method"),
                };
                assert_eq!(unknown, expected, "{}: {told}", said(&format!("{method} {name}")));
                if !opened {
                    let (absent, _) = self::told(caller, tail, "never", method, twin, &absent);
                    assert_eq!(told, absent, "{}", said(&format!("{method} {name}")));
                }
            }
        }
        self.check_tools(caller, tail, &said("tools"));
        KNOWN.len() + self.tools.len()
    }

    fn check_tools(&self, caller: &mut Caller, tail: &mut Tail, said: &str) {
        let listed: BTreeSet<String> = caller.names().into_iter().collect();
        for tool in &self.tools {
            tail.calls();
            let params = |name: &str| json!({"name": name, "arguments": {"none": 1}});
            let (told, unknown) = told(caller, tail, "there", "tools/call", params(tool), tool);
            assert_eq!(unknown.is_none(), listed.contains(tool), "{said}: {told}");
            if unknown.is_some() {
                let twin = format!("z{}", &tool[1..]);
                let (absent, _) = self::told(caller, tail, "never", "tools/call", params(&twin), &twin);
                assert_eq!(told, absent, "{said}");
            }
        }
    }
}

/// The names in the lists of resources, templates and prompts.
fn listed(caller: &mut Caller) -> [Option<BTreeSet<String>>; 3] {
    [("resources/list", "uri"), ("resources/templates/list", "uriTemplate"), ("prompts/list", "name")].map(
        |(method, field)| {
            let listed = caller.listed(method)?;
            Some(listed.iter().map(|it| it[field].as_str().unwrap_or_default().to_owned()).collect())
        },
    )
}

/// Everything that a request leaves, but for the name that it was about; and how it says that there is no such thing.
fn told(
    caller: &mut Caller,
    tail: &mut Tail,
    id: &str,
    method: &str,
    params: Value,
    name: &str,
) -> (String, Option<&'static str>) {
    let (head, mut message) = caller.told(id, method, params);
    let mut records = tail.calls();
    for record in &mut records {
        for varies in ["ts", "seq", "duration_us"] {
            record[varies] = Value::Null;
        }
    }
    let text = message["error"]["message"].as_str().unwrap_or_default();
    let unknown = match message["error"]["code"].as_i64() {
        Some(-32601) => Some("no such method"),
        Some(_) if text.starts_with("Unknown ") || text == "Resource not found" => Some("unknown"),
        _ => None,
    };
    message["id"] = Value::Null;
    (format!("{head} {message} {records:?}").replace(name, "NAME"), unknown)
}

/// So many worlds of so many agents, through HTTP in both generations and one of them on stdio.
pub(crate) fn hold(seed: u64, worlds: usize, agents: usize) -> usize {
    let tools: BTreeSet<String> =
        Fixture::new().caller(Door::Http(Era::Modern), Cast::ROOT).names().into_iter().collect();
    let mut numbers = Numbers::new(seed);
    let (mut looked_at, mut undeclared) = (0, 0);
    for _ in 0..worlds {
        let world = World::random(&mut numbers, agents, &tools);
        let fixture = world.fixture();
        let server = fixture.serve();
        let mut tail = fixture.tail();
        for agent in 0..agents {
            undeclared += usize::from(!KNOWN.iter().any(|it| it.kind == Kind::Prompt && world.opens(agent, it)));
            for era in [Era::Session, Era::Modern] {
                let mut caller = server.caller(World::cast(agent), era);
                looked_at += world.check(agent, era, &mut caller, &mut tail);
            }
            world.check_heard(agent, &mut server.caller(World::cast(agent), Era::Modern));
        }
        for era in [Era::Session, Era::Modern] {
            let agent = numbers.next(agents);
            let fixture = world.fixture();
            let mut caller = fixture.caller(Door::Stdio(era), World::cast(agent));
            let mut tail = fixture.tail();
            looked_at += world.check(agent, era, &mut caller, &mut tail);
        }
    }
    assert!(undeclared > 0 && undeclared < worlds * agents, "{undeclared} see no prompts: not a fair mixture");
    looked_at
}

impl World {
    /// A subscription may name what it likes, and hears of what its caller sees.
    fn check_heard(&self, agent: usize, caller: &mut Caller) {
        let all: Vec<&Known> = KNOWN.iter().filter(|it| it.kind != Kind::Prompt).collect();
        let (may, hidden): (Vec<&Known>, Vec<&Known>) = all.iter().partition(|it| self.opens(agent, it));
        let uris: Vec<&str> = all.iter().map(|it| it.uri).collect();
        let wanted = json!({"toolsListChanged": true, "resourceSubscriptions": uris});
        let (mut ear, _) = caller.subscribe(&wanted);
        let Some(last) = may.first() else { return };
        let mut touch = |known: &Known| assert!(!caller.call("touch", json!({ "uri": known.uri })).is_error());
        let mut next = || ear.event().and_then(|it| it["params"]["uri"].as_str().map(str::to_owned));
        hidden.iter().chain(&may).for_each(|known| touch(known));
        let heard: BTreeSet<String> = may.iter().map_while(|_| next()).collect();
        assert_eq!(heard, may.iter().map(|it| it.uri.to_owned()).collect(), "{:?}", self.grants[agent]);
        touch(last);
        assert_eq!(next().as_deref(), Some(last.uri));
    }
}

#[test]
fn s02_listed_is_readable_gettable_completable_and_subscribable() {
    let looked_at = hold(1, 3, 4);
    assert!(looked_at > 1_000, "{looked_at}");
}
