//! Several issuers, agents, tenants and scopes.

use serde_json::json;

use super::{
    issuer::{ASK, KEYS, METADATA},
    signer::{P256, RSA},
    *,
};
use crate::{
    credentials::Secret,
    identity::{Agent, Issuers, TokenVerifier},
};

#[tokio::test]
async fn s07_a_token_is_looked_at_by_the_issuer_that_it_names_and_no_other() {
    let now = Moment::now();
    let ((a, at_a), (b, at_b)) = (world(&P256).await, world(&RSA).await);
    let asked = Issuer::start().await;
    asked.tell(ASK, Reply::json(&claims(&asked, json!({ "active": true, "sub": "opaque" }))));
    let ask = Auth::introspection(asked.name(), HERE, "id", Secret::new("secret")).allow_loopback_http();
    let issuers = Issuers::new([at_a, ask, at_b]).unwrap();
    let verify = async |token: &str| issuers.verify_at(token, now).await.map(|it| it.identity.subject.clone());
    assert_eq!(verify(&P256.token(&claims(&a, json!({})))).await, ada());
    assert_eq!((b.requests().len(), asked.requests().len()), (0, 0));
    assert_eq!(verify(&RSA.token(&claims(&b, json!({})))).await, ada());
    assert_eq!(verify("opaque").await, Ok("opaque".into()));
    assert_eq!(verify("opaque").await, Ok("opaque".into()));
    assert_eq!((a.count(KEYS), b.count(KEYS), asked.count(ASK)), (1, 1, 1));
    // One issuer's key signs nothing for another.
    assert_eq!(verify(&P256.token(&claims(&b, json!({})))).await, refused("unknown key"));
    assert_eq!(verify(&RSA.token(&claims(&a, json!({})))).await, refused("unknown key"));
    for name in [format!("{}/", a.name()), a.name().to_uppercase(), "https://other.example".into(), String::new()] {
        assert_eq!(verify(&P256.token(&claims(&a, json!({ "iss": name })))).await, refused("nobody's token"), "{name}");
    }
    assert_eq!(verify(&P256.token(&claims(&a, json!({ "iss": [a.name()] })))).await, refused("no issuer"));
    assert_eq!(verify(&P256.token(&claims(&a, json!({ "iss": null })))).await, refused("no issuer"));
    assert_eq!(verify(&"x".repeat(64 << 10)).await, refused("no token"));
    assert_eq!(asked.count(ASK), 1, "none of these was shown to the issuer that is asked");
    // A JWT of the issuer that is asked goes there, too.
    assert_eq!(verify(&P256.token(&claims(&asked, json!({})))).await, Ok("opaque".into()));
    assert_eq!(issuers.trouble(), None);
    b.stop().await;
    let later = now.after(Duration::from_secs(7000));
    let token = RSA.token(&claims(&b, json!({})));
    assert_eq!(
        issuers.verify_at(&token, later).await.map(|it| it.identity.subject.clone()),
        unavailable("no connection")
    );
}

#[tokio::test]
async fn opaque_tokens_are_nobodys_where_no_issuer_is_asked() {
    let (issuer, auth) = world(&P256).await;
    let issuers = Issuers::new([auth]).unwrap();
    let found = issuers.verify("opaque").await.map(|it| it.identity.subject.clone());
    assert_eq!(found, refused("nobody's token"));
    assert_eq!(issuer.count(METADATA), 0);
}

#[test]
fn issuers_that_cannot_be_told_apart_are_refused() {
    let jwt = |name: &str| Auth::jwt(name, HERE);
    let ask = |name: &str| Auth::introspection(name, HERE, "id", Secret::new("secret"));
    let error = |issuers: Vec<Auth>| Issuers::new(issuers).err().map(|it| it.to_string());
    assert_eq!(error(vec![]), None);
    assert_eq!(error(vec![jwt("https://a.example"), ask("https://b.example"), jwt("https://a.example/")]), None);
    let twice = error(vec![jwt("https://a.example"), ask("https://a.example")]).unwrap();
    assert!(twice.contains("each issuer once"), "{twice}");
    let asked = error(vec![ask("https://a.example"), ask("https://b.example")]).unwrap();
    assert!(asked.contains("one issuer with introspection"), "{asked}");
    let bad = error(vec![jwt("https://a.example"), jwt("http://b.example")]).unwrap();
    assert!(bad.contains("http://b.example") && bad.contains("https"), "{bad}");
}

#[tokio::test]
async fn agents_tenants_and_scopes_come_from_claims() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let auth = auth
        .agent_claims("https://example/id", "role")
        .tenant_claim("org")
        .implies("admin", ["write"])
        .implies("write", ["read"])
        .required_scopes(["read", "mcp"]);
    let with = |change| P256.token(&claims(&issuer, change));
    let all = json!({ "https://example/id": "a-1", "role": "clerk", "org": "acme", "scope": "mcp admin" });
    let bearer = auth.verify_at(&with(all), now).await.unwrap();
    let agent = bearer.identity.agent.clone().unwrap();
    assert_eq!((agent.id(), agent.kind()), ("a-1", "clerk"));
    assert_eq!(bearer.identity.tenant.as_deref(), Some("acme"));
    assert_eq!(bearer.identity.client.as_deref(), Some("app"));
    assert_eq!(bearer.identity.issuer, Some(issuer.name()));
    assert_eq!(bearer.identity.scopes.clone().unwrap(), ["mcp", "admin", "write", "read"]);
    // The default's claims name nobody then.
    let token = with(json!({ "agent_id": "a-1", "agent_type": "clerk", "org": "acme", "scope": "mcp read" }));
    assert_eq!(auth.verify_at(&token, now).await.unwrap().identity.agent, None);
    assert_eq!(outcome(&auth, &with(json!({ "scope": "mcp read" })), now).await, refused("no tenant"));
    // Each time, also of a token that is remembered; and only of one that is signed.
    let lacking = with(json!({ "org": "acme", "scope": "admins" }));
    for _ in 0..2 {
        let found = outcome(&auth, &lacking, now).await;
        assert_eq!(found, Err(Unverified::Lacking(vec!["read".into(), "mcp".into()])));
    }
    let forged = Signer::p256().token(&claims(&issuer, json!({ "org": "acme", "scope": "admins" })));
    assert_eq!(outcome(&auth, &forged, now).await, refused("signature"));
}

#[tokio::test]
async fn agents_come_from_a_table() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let auth = auth.agent_of("client_id", [("app", Agent::new("a-1", "clerk").unwrap())]);
    let agent = async |change| {
        let token = P256.token(&claims(&issuer, change));
        auth.verify_at(&token, now).await.map(|it| it.identity.agent.as_ref().map(|it| it.id().to_owned()))
    };
    assert_eq!(agent(json!({})).await, Ok(Some("a-1".into())));
    assert_eq!(agent(json!({ "client_id": "other", "agent_id": "a-1", "agent_type": "clerk" })).await, Ok(None));
}
