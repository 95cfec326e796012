//! Issuers that are asked about tokens (RFC 7662).

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use serde_json::json;

use super::{
    issuer::{ASK, METADATA},
    signer::P256,
    *,
};
use crate::{
    credentials::Secret,
    identity::{
        TokenVerifier,
        auth::introspection::{AT_A_TIME, UNKNOWN},
    },
};

const OPAQUE: &str = "opaque-Canary_~+/x==";
const TICK: Duration = Duration::from_millis(1);

fn active(issuer: &Issuer, change: Value) -> Reply {
    let mut claims = claims(issuer, change);
    if claims.get("active").is_none() {
        claims["active"] = json!(true);
    }
    Reply::json(&claims)
}

async fn world() -> (Issuer, Auth) {
    let issuer = Issuer::start().await;
    issuer.tell(ASK, active(&issuer, json!({})));
    let auth = auth_of(&issuer);
    (issuer, auth)
}

fn auth_of(issuer: &Issuer) -> Auth {
    let auth = Auth::introspection(issuer.name(), HERE, "a client:ä", Secret::new("s3cr&t +"));
    auth.allow_loopback_http().patience(Duration::from_millis(500))
}

#[tokio::test]
async fn an_issuer_is_asked_once_with_the_clients_credentials() {
    let now = Moment::now();
    let (issuer, auth) = world().await;
    for _ in 0..100 {
        assert_eq!(outcome(&auth, OPAQUE, now).await, ada());
    }
    assert_eq!((issuer.count(METADATA), issuer.count(ASK)), (1, 1));
    let request = issuer.requests().pop().unwrap();
    assert_eq!(request.body, "token=opaque-Canary_%7E%2B%2Fx%3D%3D&token_type_hint=access_token");
    // RFC 6749 §2.3.1: both form-encoded, then joined.
    let basic = BASE64_STANDARD.encode("a+client%3A%C3%A4:s3cr%26t+%2B");
    assert!(request.head.starts_with(&format!("POST {ASK} ")));
    assert!(request.head.to_lowercase().contains("content-type: application/x-www-form-urlencoded"));
    assert!(request.head.contains(&format!("uthorization: Basic {basic}")), "{}", request.head);
}

#[tokio::test]
async fn s07_what_an_issuer_says_is_held_to_the_same_rules() {
    let now = Moment::now();
    let seconds = seconds(now);
    for (change, expected) in [
        (json!({}), ada()),
        (json!({ "aud": [HERE, "other"] }), ada()),
        (json!({ "iss": null, "exp": null }), ada()),
        (json!({ "sub": null }), Ok("app".to_owned())),
        (json!({ "active": false }), refused("not active")),
        (json!({ "active": "true" }), unavailable("its answer says nothing of active")),
        (json!({ "active": 1 }), unavailable("its answer says nothing of active")),
        (json!({ "aud": null }), refused("wrong audience")),
        (json!({ "aud": format!("{HERE}/") }), refused("wrong audience")),
        (json!({ "aud": [] }), refused("wrong audience")),
        (json!({ "iss": "https://other.example" }), refused("wrong issuer")),
        (json!({ "exp": seconds - 31 }), refused("expired")),
        (json!({ "exp": "soon" }), refused("exp is no date")),
        (json!({ "nbf": seconds + 31 }), refused("not yet valid")),
        (json!({ "token_use": "refresh_token" }), refused("no access token")),
        (json!({ "token_type": "DPoP" }), refused("no bearer token")),
        (json!({ "cnf": { "x5t#S256": "x" } }), refused("bound to a key")),
        (json!({ "agent_id": "a b", "agent_type": "t" }), refused("illegal agent")),
        (json!({ "sub": null, "client_id": null }), refused("no sub")),
    ] {
        let (issuer, auth) = world().await;
        issuer.tell(ASK, active(&issuer, change.clone()));
        assert_eq!(outcome(&auth, OPAQUE, now).await, expected, "{change}");
    }
    let (issuer, auth) = world().await;
    issuer.tell(ASK, Reply::json(&json!({ "active": true, "aud": null, "sub": "ada", "exp": null, "scope": null })));
    assert_eq!(outcome(&auth, OPAQUE, now).await, refused("wrong audience"));
    let auth = auth.audience_by_issuer();
    assert_eq!(outcome(&auth, OPAQUE, now).await, refused("no token_type"), "it may be a refresh token");
    for kind in [json!({ "token_type": "Bearer" }), json!({ "token_use": "access_token" })] {
        let auth = auth_of(&issuer);
        let mut said = json!({ "active": true, "sub": "ada" });
        said.as_object_mut().unwrap().extend(kind.as_object().cloned().unwrap());
        issuer.tell(ASK, Reply::json(&said));
        assert_eq!(outcome(&auth.audience_by_issuer(), OPAQUE, now).await, ada(), "{said}");
    }
    issuer.tell(ASK, active(&issuer, json!({ "aud": "https://other.example" })));
    assert_eq!(outcome(&auth, "another", now).await, refused("wrong audience"));
}

#[tokio::test]
async fn s07_a_token_that_the_issuer_isnt_asked_about_is_refused() {
    let (issuer, auth) = world().await;
    issuer.tell(ASK, Reply::json(&json!({ "error": "unsupported_token_type" })).with_status(400));
    assert_eq!(outcome(&auth, OPAQUE, Moment::now()).await, refused("of a type that isn't asked about"));
    assert_eq!(auth.trouble(), None, "others are told apart from it");
}

#[tokio::test]
async fn s07_answers_that_are_none_deny() {
    let (issuer, _) = world().await;
    let good = claims(&issuer, json!({ "active": true })).to_string();
    for (reply, word) in [
        (Reply::status(401, ""), "it refuses this server"),
        (Reply::status(403, ""), "it refuses this server"),
        (Reply::status(404, ""), "nothing is there"),
        (Reply::status(500, ""), "an error's status"),
        (Reply::status(400, ""), "it objects to the question"),
        (Reply::json(&json!({ "error": "invalid_request" })).with_status(400), "it objects to the question"),
        (Reply::status(307, "location: https://other.example/\r\n"), "a redirect, which is not followed"),
        (Reply::body(format!("{}{good}", " ".repeat(64 << 10))), "too large"),
        (Reply::body(format!("{}{good}", " ".repeat(64 << 10))).unmeasured(), "too large"),
        (Reply::body(good.clone()).delayed(Duration::from_secs(60)), "too slow"),
        (Reply::body(good.clone()).dripping(Duration::from_millis(50)), "too slow"),
        (Reply::body(good.replacen('{', r#"{"active":true,"#, 1)), "its answer is no JSON object"),
        (Reply::body("true"), "its answer is no JSON object"),
        (Reply::body(""), "its answer is no JSON object"),
        (Reply::json(&json!({})), "its answer says nothing of active"),
    ] {
        let (issuer, auth) = world().await;
        issuer.tell(ASK, reply);
        // One such answer may be the token's own doing, three in a row are the issuer's.
        for trouble in [None, None, Some(word)] {
            assert_eq!(outcome(&auth, OPAQUE, Moment::now()).await, unavailable(word));
            assert_eq!(auth.trouble(), trouble);
        }
        // It isn't remembered: the next gets the next answer.
        issuer.tell(ASK, active(&issuer, json!({})));
        assert_eq!(outcome(&auth, OPAQUE, Moment::now()).await, ada());
        assert_eq!(auth.trouble(), None);
    }
}

#[tokio::test]
async fn s07_a_revocation_is_seen_within_the_stated_time() {
    let start = Moment::now();
    let minute = Duration::from_secs(60);
    for (auth, issuer, bound) in {
        let ((a, b), (c, d)) = (world().await, world().await);
        [(b, a, minute), (d.revocation_within(minute / 4), c, minute / 4)]
    } {
        let bearer = auth.verify_at(OPAQUE, start).await.unwrap();
        assert_eq!(bearer.expires, start.wall + bound);
        issuer.tell(ASK, Reply::json(&json!({ "active": false })));
        assert_eq!(outcome(&auth, OPAQUE, start.after(bound - TICK)).await, ada());
        assert_eq!(outcome(&auth, OPAQUE, start.after(bound)).await, refused("not active"));
        assert_eq!(issuer.count(ASK), 2);
    }
    // A clock that is put back gives a token no longer life.
    let (issuer, auth) = world().await;
    assert_eq!(outcome(&auth, OPAQUE, start).await, ada());
    issuer.tell(ASK, Reply::json(&json!({ "active": false })));
    let back = Moment { wall: start.wall - minute, steady: start.steady + minute };
    assert_eq!(outcome(&auth, OPAQUE, back).await, refused("not active"));
}

#[tokio::test]
async fn s07_an_answer_holds_no_longer_than_the_token() {
    let start = Moment::now();
    let (issuer, auth) = world().await;
    let expires = seconds(start) + 1;
    issuer.tell(ASK, active(&issuer, json!({ "exp": expires })));
    let auth = auth.leeway(Duration::from_secs(5));
    let bearer = auth.verify_at(OPAQUE, start).await.unwrap();
    assert_eq!(bearer.expires, SystemTime::UNIX_EPOCH + Duration::from_secs(expires + 5));
    let then = Moment { wall: bearer.expires, ..start };
    assert_eq!(outcome(&auth, OPAQUE, then).await, refused("expired"));
    assert_eq!(issuer.count(ASK), 2);
}

#[tokio::test]
async fn with_no_time_for_revocations_each_request_asks() {
    let now = Moment::now();
    let (issuer, auth) = world().await;
    let auth = auth.revocation_within(Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(outcome(&auth, OPAQUE, now).await, ada());
    }
    assert_eq!(issuer.count(ASK), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_uses_of_a_token_ask_once() {
    let (issuer, auth) = world().await;
    issuer.tell(ASK, active(&issuer, json!({})).delayed(Duration::from_millis(100)));
    let auth = Arc::new(auth);
    let calls = (0..1000).map(|_| {
        let auth = Arc::clone(&auth);
        tokio::spawn(async move { auth.verify(OPAQUE).await.map(|it| it.identity.subject.clone()) })
    });
    for found in join_all(calls).await {
        assert_eq!(found.unwrap(), ada());
    }
    assert_eq!((issuer.count(METADATA), issuer.count(ASK)), (1, 1));
}

#[tokio::test]
async fn questions_at_a_time_are_bounded() {
    let now = Moment::now();
    let (issuer, auth) = world().await;
    issuer.tell(ASK, active(&issuer, json!({})).delayed(Duration::from_millis(100)));
    let tokens: Vec<_> = (0..AT_A_TIME + 10).map(|it| format!("token-{it}")).collect();
    let found = join_all(tokens.iter().map(|it| outcome(&auth, it, now))).await;
    let (good, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| *it == ada());
    assert_eq!(good.len(), AT_A_TIME);
    assert!(rest.iter().all(|it| *it == unavailable("too many questions")));
    // They are over when they are answered, also if nobody waits any more.
    issuer.tell(ASK, active(&issuer, json!({})).delayed(Duration::from_millis(20)));
    for it in 0..AT_A_TIME {
        drop(tokio::time::timeout(TICK, outcome(&auth, &format!("gone-{it}"), now)).await);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(outcome(&auth, "next", now).await, ada());
}

#[tokio::test]
async fn garbage_asks_once_in_a_while_and_displaces_no_good_token() {
    let now = Moment::now();
    let (issuer, auth) = world().await;
    assert_eq!(outcome(&auth, OPAQUE, now).await, ada());
    issuer.tell(ASK, Reply::json(&json!({ "active": false })));
    for _ in 0..100 {
        assert_eq!(outcome(&auth, "garbage", now).await, refused("not active"));
    }
    assert_eq!(issuer.count(ASK), 2);
    assert_eq!(outcome(&auth, "garbage", now.after(UNKNOWN)).await, refused("not active"));
    assert_eq!(issuer.count(ASK), 3);
    for it in 0..200 {
        assert_eq!(outcome(&auth, &format!("garbage-{it}"), now).await, refused("not active"));
    }
    assert_eq!(outcome(&auth, OPAQUE, now).await, ada());
}

#[tokio::test]
async fn s24_an_issuer_that_is_not_there_denies_what_is_not_known() {
    let start = Moment::now();
    let (issuer, auth) = world().await;
    assert_eq!(outcome(&auth, OPAQUE, start).await, ada());
    issuer.stop().await;
    for another in ["another", "one-more", "a-third"] {
        assert_eq!(outcome(&auth, another, start).await, unavailable("no connection"));
    }
    assert_eq!(auth.trouble(), Some("no connection"));
    assert_eq!(outcome(&auth, OPAQUE, start.after(Duration::from_secs(60))).await, unavailable("no connection"));
    issuer.restart().await;
    assert_eq!(outcome(&auth, OPAQUE, start.after(Duration::from_secs(61))).await, ada());
    assert_eq!(auth.trouble(), None);
    auth.prepare().await;
    assert_eq!(auth.trouble(), None);
}

#[tokio::test]
async fn s08_a_token_is_not_shown_to_an_issuer_that_did_not_issue_it() {
    let now = Moment::now();
    let (issuer, auth) = world().await;
    let other = P256.token(&claims(&issuer, json!({ "iss": "https://other.example" })));
    assert_eq!(outcome(&auth, &other, now).await, refused("wrong issuer"));
    let none = P256.token(&claims(&issuer, json!({ "iss": null })));
    assert_eq!(outcome(&auth, &none, now).await, refused("no issuer"));
    assert_eq!(outcome(&auth, &"x".repeat(64 << 10), now).await, refused("no token"));
    assert_eq!(outcome(&auth, "a b", now).await, refused("no token"));
    assert!(issuer.requests().is_empty());
    // Its own are, whatever they look like.
    assert_eq!(outcome(&auth, &P256.token(&claims(&issuer, json!({}))), now).await, ada());
}

#[tokio::test]
async fn s08_s17_nothing_shows_the_secret_the_token_or_what_it_says() {
    let (issuer, _) = world().await;
    issuer.tell(ASK, active(&issuer, json!({ "sub": "canary", "tenant": "canary", "scope": "canary" })));
    let secret = Secret::new("canary-secret");
    let auth = Auth::introspection(issuer.name(), HERE, "canary-client", secret).allow_loopback_http();
    let bearer = auth.verify("canary-token").await.unwrap();
    assert_eq!(bearer.identity.subject, "canary");
    let mut shown = format!("{auth:?} {bearer:?} {:?} {:?}", bearer.identity, auth.trouble());
    issuer.stop().await;
    shown += &format!("{:?} {:?}", auth.verify("canary-other").await, auth.trouble());
    let bad = Auth::introspection("", HERE, "canary-client", Secret::new("canary-secret"));
    shown += &format!("{bad:?} {:?} {}", bad.check(), bad.check().unwrap_err());
    assert!(!shown.contains("canary"), "{shown}");
}
