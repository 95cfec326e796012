//! What an issuer may serve, and what becomes of servers that misbehave.

use serde_json::json;

use super::{
    issuer::{KEYS, METADATA, OPENID},
    signer::{P256, RSA},
    *,
};

/// What becomes of a good token.
async fn found(issuer: &Issuer, auth: &Auth) -> Result<String, Unverified> {
    outcome(auth, &P256.token(&claims(issuer, json!({}))), Moment::now()).await
}

fn metadata(issuer: &Issuer, change: Value) -> Reply {
    let name = issuer.name();
    let mut metadata = json!({ "issuer": name, "jwks_uri": format!("{name}{KEYS}") });
    for (name, value) in change.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    Reply::json(&metadata)
}

#[tokio::test]
async fn s07_key_sets_are_bounded_in_size_count_and_time() {
    let jwk = P256.jwk("k1");
    let keys = |more: usize| {
        let mut keys = vec![jwk.clone()];
        keys.extend((0..more).map(|it| P256.jwk(&format!("more-{it}"))));
        json!({ "keys": keys })
    };
    let padded = |size: usize| {
        let text = json!({ "keys": [jwk.clone()] }).to_string();
        format!("{}{text}", " ".repeat(size - text.len()))
    };
    let kib = 1024;
    for (reply, expected) in [
        (Reply::json(&keys(99)), ada()),
        (Reply::json(&keys(100)), unavailable("too many keys")),
        (Reply::body(padded(256 * kib)), ada()),
        (Reply::body(padded(256 * kib + 1)), unavailable("too large")),
        (Reply::body(padded(256 * kib + 1)).unmeasured(), unavailable("too large")),
        (Reply::body(padded(64 * kib * kib)).unmeasured(), unavailable("too large")),
        (Reply::json(&keys(0)).delayed(Duration::from_secs(60)), unavailable("too slow")),
        (Reply::json(&keys(0)).dripping(Duration::from_millis(50)), unavailable("too slow")),
        (Reply::json(&json!({ "keys": [] })), unavailable("no key for signatures")),
        (Reply::json(&json!({ "keys": {} })), unavailable("the keys are no JWK set")),
        (Reply::json(&json!({})), unavailable("the keys are no JWK set")),
        (Reply::json(&json!([jwk])), unavailable("the keys are no JSON object")),
        (Reply::json(&json!({ "keys": [jwk, 1] })), unavailable("a key is no JSON object")),
        (Reply::body(format!("{{\"keys\":[],\"keys\":[{jwk}]}}")), unavailable("the keys are no JSON object")),
        (Reply::body(format!("{{\"keys\":[{jwk}]}}x")), unavailable("the keys are no JSON object")),
        (Reply::body("<html>"), unavailable("the keys are no JSON object")),
        (Reply::body(""), unavailable("the keys are no JSON object")),
        (Reply::status(500, ""), unavailable("an error's status")),
        (Reply::status(204, ""), unavailable("an error's status")),
        (Reply::status(404, ""), unavailable("nothing is there")),
    ] {
        let (issuer, auth) = world(&P256).await;
        issuer.tell(KEYS, reply);
        assert_eq!(found(&issuer, &auth).await, expected);
    }
}

#[tokio::test]
async fn s07_redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Issuer::start().await;
        elsewhere.publish(&[P256.jwk("k1")]);
        let (issuer, auth) = world(&RSA).await;
        let to = |path: &str| Reply::status(status, &format!("location: {}{path}\r\n", elsewhere.name()));
        issuer.tell(KEYS, to(KEYS));
        assert_eq!(found(&issuer, &auth).await, unavailable("a redirect, which is not followed"));
        let (issuer, auth) = world(&RSA).await;
        issuer.tell(METADATA, to(METADATA));
        issuer.tell(OPENID, metadata(&issuer, json!({})));
        assert_eq!(found(&issuer, &auth).await, unavailable("a redirect, which is not followed"));
        assert!(elsewhere.requests().is_empty());
    }
}

#[tokio::test]
async fn s07_metadata_is_the_issuers_own_and_keys_are_where_it_may_say() {
    for (change, word) in [
        (json!({ "issuer": "http://127.0.0.1" }), "its metadata is another issuer's"),
        (json!({ "issuer": null }), "its metadata is another issuer's"),
        (json!({ "issuer": 1 }), "its metadata is another issuer's"),
        (json!({ "jwks_uri": "http://keys.example/keys" }), "an address in its metadata isn't https"),
        (json!({ "jwks_uri": "http://169.254.169.254/latest" }), "an address in its metadata isn't https"),
        (json!({ "jwks_uri": "https://10.0.0.1/keys" }), "an address in its metadata is on another network"),
        (json!({ "jwks_uri": "http://127.0.0.2/keys" }), "an address in its metadata is on another network"),
        (json!({ "jwks_uri": "file:///etc/passwd" }), "expected a URL with a host, and without user and fragment"),
        (json!({ "jwks_uri": 1 }), "an address in its metadata is no text"),
        (json!({ "jwks_uri": null }), "no metadata that names what is needed"),
    ] {
        let (issuer, auth) = world(&P256).await;
        issuer.tell(METADATA, metadata(&issuer, change.clone()));
        assert_eq!(found(&issuer, &auth).await, unavailable(word), "{change}");
        assert_eq!(issuer.count(KEYS), 0);
    }
    // An issuer with a slash more is another one, in metadata as in tokens.
    let (issuer, _) = world(&P256).await;
    let slash = Auth::jwt(format!("{}/", issuer.name()), HERE).allow_loopback_http();
    let token = P256.token(&claims(&issuer, json!({ "iss": slash.issuer() })));
    let word = "its metadata is another issuer's";
    assert_eq!(outcome(&slash, &token, Moment::now()).await, unavailable(word));
}

#[tokio::test]
async fn metadata_of_openid_will_do() {
    let (issuer, auth) = world(&P256).await;
    issuer.tell(METADATA, Reply::status(404, ""));
    issuer.tell(OPENID, metadata(&issuer, json!({})));
    assert_eq!(found(&issuer, &auth).await, ada());
    assert_eq!((issuer.count(METADATA), issuer.count(OPENID)), (1, 1));
    // Also where the first has no keys.
    let (issuer, auth) = world(&P256).await;
    issuer.tell(METADATA, metadata(&issuer, json!({ "jwks_uri": null })));
    issuer.tell(OPENID, metadata(&issuer, json!({})));
    assert_eq!(found(&issuer, &auth).await, ada());
}

#[tokio::test]
async fn metadata_is_bounded_and_read_strictly() {
    let (issuer, _) = world(&P256).await;
    let good = json!({ "issuer": issuer.name(), "jwks_uri": format!("{}{KEYS}", issuer.name()) }).to_string();
    for (reply, expected) in [
        (Reply::body(format!("{}{good}", " ".repeat(60 << 10))), ada()),
        (Reply::body(format!("{}{good}", " ".repeat(64 << 10))), unavailable("too large")),
        (Reply::body(good.clone()).delayed(Duration::from_secs(60)), unavailable("too slow")),
        (Reply::body(good.replacen('{', r#"{"issuer":"x","#, 1)), unavailable("its metadata is no JSON object")),
        (Reply::body("[]"), unavailable("its metadata is no JSON object")),
        (Reply::status(500, ""), unavailable("an error's status")),
        (Reply::status(403, ""), unavailable("it refuses this server")),
    ] {
        let auth = Auth::jwt(issuer.name(), HERE).allow_loopback_http().patience(Duration::from_millis(500));
        issuer.tell(METADATA, reply);
        assert_eq!(found(&issuer, &auth).await, expected);
    }
}

#[tokio::test]
async fn an_issuer_may_move_its_keys() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    assert_eq!(found(&issuer, &auth).await, ada());
    issuer.tell(KEYS, Reply::status(404, ""));
    issuer.tell("/moved", Reply::json(&json!({ "keys": [P256.jwk("k1")] })));
    issuer.tell(METADATA, metadata(&issuer, json!({ "jwks_uri": format!("{}/moved", issuer.name()) })));
    let token = P256.token(&claims(&issuer, json!({})));
    // The old address first, then the metadata again.
    let later = start.after(Duration::from_secs(600));
    assert_eq!(outcome(&auth, &token, later).await, ada());
    assert_eq!(issuer.count("/moved"), 0);
    assert_eq!(outcome(&auth, &token, later.after(Duration::from_secs(5))).await, ada());
    eventually(|| issuer.count("/moved") == 1).await;
}

#[test]
fn settings_that_would_let_more_in_are_refused() {
    let good = || Auth::jwt("https://issuer.example", HERE);
    assert_eq!(good().check(), Ok(()));
    let asked = |id: &str, secret: &str| {
        Auth::introspection("https://issuer.example", HERE, id, crate::credentials::Secret::new(secret))
    };
    assert_eq!(asked("id", "s").check(), Ok(()));
    for auth in [
        Auth::jwt("", HERE),
        Auth::jwt("issuer.example", HERE),
        Auth::jwt("http://issuer.example", HERE).allow_loopback_http(),
        Auth::jwt("http://127.0.0.1:9000", HERE),
        Auth::jwt("https://issuer.example?a", HERE),
        // D14: an empty resource would be anybody's.
        Auth::jwt("https://issuer.example", ""),
        Auth::jwt("https://issuer.example", "mcp"),
        Auth::jwt("https://issuer.example", "https://mcp.example/#a"),
        Auth::jwt("https://issuer.example", " https://mcp.example/"),
        good().leeway(Duration::from_secs(61)),
        good().algorithms([]),
        good().required_scopes(["a b"]),
        good().scopes_supported(["*"]),
        good().implies("admin", ["x:*"]),
        asked("", "s"),
        asked("id", ""),
        asked("id", "s").revocation_within(Duration::from_secs(3601)),
    ] {
        let error = auth.check().expect_err("refused").to_string();
        assert!(error.contains("expected"), "{error}");
        let found = futures::executor::block_on(auth.verify_at("token", Moment::now()));
        assert!(matches!(found, Err(Unverified::Unavailable(_))), "{error}");
    }
}
