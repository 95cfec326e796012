//! Keys over time: fetched once for all, renewed, rotated, missed, and served by an issuer that isn't always there.

use futures::future::join_all;
use serde_json::json;

use super::{
    issuer::{KEYS, METADATA},
    signer::{P256, encoded},
    *,
};
use crate::identity::{
    TokenVerifier,
    auth::keyring::{COOLDOWN, FRESH, OLDEST, PAUSE},
};

const TICK: Duration = Duration::from_millis(1);

/// A token under a key id.
fn token(signer: &Signer, kid: &str, issuer: &Issuer) -> String {
    signer.token_of(&json!({ "alg": "ES256", "kid": kid }), &claims(issuer, json!({})))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s07_a_thousand_first_uses_fetch_once() {
    let (issuer, auth) = world(&P256).await;
    issuer.tell(KEYS, Reply::json(&json!({ "keys": [P256.jwk("k1")] })).delayed(Duration::from_millis(100)));
    let auth = std::sync::Arc::new(auth);
    let calls = (0..1000).map(|it| {
        let token = P256.token(&claims(&issuer, json!({ "sub": "ada", "jti": it })));
        let auth = std::sync::Arc::clone(&auth);
        tokio::spawn(async move { auth.verify(&token).await.map(|it| it.identity.subject.clone()) })
    });
    for found in join_all(calls).await {
        assert_eq!(found.unwrap(), ada());
    }
    assert_eq!((issuer.count(METADATA), issuer.count(KEYS)), (1, 1));
}

#[tokio::test]
async fn s07_who_hangs_up_does_not_have_the_fetch_begun_again() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    issuer.tell(KEYS, Reply::json(&json!({ "keys": [P256.jwk("k1")] })).delayed(Duration::from_millis(100)));
    let good = token(&P256, "k1", &issuer);
    for _ in 0..20 {
        assert!(tokio::time::timeout(TICK, outcome(&auth, &good, now)).await.is_err());
    }
    assert_eq!(outcome(&auth, &good, now).await, ada());
    assert_eq!(issuer.count(KEYS), 1);
}

#[tokio::test]
async fn s07_an_unknown_key_is_looked_for_once_and_then_not_for_a_while() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let eve = Signer::p256();
    assert_eq!(outcome(&auth, &token(&P256, "k1", &issuer), start).await, ada());
    let mut now = start.after(TICK);
    for it in 0..1000 {
        // Time passes, and the tries don't put the next fetch off.
        now = now.after(Duration::from_millis(20));
        let forged = token(&eve, &format!("unknown-{it}"), &issuer);
        assert_eq!(outcome(&auth, &forged, now).await, refused("unknown key"));
    }
    assert_eq!(issuer.count(KEYS), 2);
    // The good ones aren't held up, and a forged one under a known key fetches nothing.
    assert_eq!(outcome(&auth, &token(&P256, "k1", &issuer), now).await, ada());
    let later = start.after(COOLDOWN + TICK * 22);
    assert_eq!(outcome(&auth, &token(&eve, "k1", &issuer), later).await, refused("signature"));
    assert_eq!(issuer.count(KEYS), 2);
    assert_eq!(outcome(&auth, &token(&eve, "unknown", &issuer), later).await, refused("unknown key"));
    assert_eq!(issuer.count(KEYS), 3);
    assert_eq!(issuer.count(METADATA), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s07_a_thousand_unknown_keys_at_once_fetch_once() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let eve = Signer::p256();
    assert_eq!(outcome(&auth, &token(&P256, "k1", &issuer), start).await, ada());
    let forged: Vec<_> = (0..1000).map(|it| token(&eve, &format!("unknown-{it}"), &issuer)).collect();
    let now = start.after(TICK);
    for found in join_all(forged.iter().map(|it| outcome(&auth, it, now))).await {
        assert_eq!(found, refused("unknown key"));
    }
    assert_eq!(issuer.count(KEYS), 2);
}

#[tokio::test]
async fn s07_a_rotation_is_seen_at_the_first_token_with_the_new_key() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let next = Signer::p256();
    let old = token(&P256, "k1", &issuer);
    assert_eq!(outcome(&auth, &old, start).await, ada());
    issuer.publish(&[P256.jwk("k1"), next.jwk("k2")]);
    let now = start.after(TICK);
    assert_eq!(outcome(&auth, &token(&next, "k2", &issuer), now).await, ada());
    assert_eq!(outcome(&auth, &old, now).await, ada());
    assert_eq!(issuer.count(KEYS), 2);
}

#[tokio::test]
async fn s07_tokens_that_name_no_key_follow_a_rotation_too() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let next = Signer::p256();
    let bare = |signer: &Signer| signer.token_of(&json!({ "alg": "ES256" }), &claims(&issuer, json!({})));
    assert_eq!(outcome(&auth, &bare(&P256), start).await, ada());
    issuer.publish(&[next.jwk("k1")]);
    assert_eq!(outcome(&auth, &bare(&next), start.after(TICK)).await, ada());
    assert_eq!(outcome(&auth, &bare(&P256), start.after(TICK)).await, refused("unknown key"));
    assert_eq!(issuer.count(KEYS), 2);
}

/// Remembered tokens included: a key that was taken back vouches for nothing after the time that keys are fresh.
#[tokio::test]
async fn s07_a_key_that_was_taken_back_holds_no_longer_than_keys_are_fresh() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let next = Signer::p256();
    let old = token(&P256, "k1", &issuer);
    assert_eq!(outcome(&auth, &old, start).await, ada());
    issuer.publish(&[next.jwk("k2")]);
    assert_eq!(outcome(&auth, &old, start.after(FRESH - TICK)).await, ada(), "the fetch ahead is under way");
    for later in [FRESH, FRESH + TICK, FRESH * 10] {
        assert_eq!(outcome(&auth, &old, start.after(later)).await, refused("unknown key"));
    }
    assert_eq!(outcome(&auth, &token(&next, "k2", &issuer), start.after(FRESH * 10)).await, ada());
    // A key of the same name is another key, too.
    issuer.publish(&[P256.jwk("k2")]);
    let later = start.after(FRESH * 20);
    assert_eq!(outcome(&auth, &token(&next, "k2", &issuer), later).await, refused("signature"));
}

#[tokio::test]
async fn keys_are_renewed_while_they_serve() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let good = token(&P256, "k1", &issuer);
    assert_eq!(outcome(&auth, &good, start).await, ada());
    issuer.tell(KEYS, Reply::json(&json!({ "keys": [P256.jwk("k1")] })).delayed(Duration::from_millis(50)));
    let ahead = start.after(Duration::from_secs(4 * 60));
    let before = std::time::Instant::now();
    assert_eq!(outcome(&auth, &good, ahead).await, ada());
    assert!(before.elapsed() < Duration::from_millis(50), "nobody waits");
    // Whoever comes when it must be done waits for the same fetch.
    assert_eq!(outcome(&auth, &good, start.after(FRESH)).await, ada());
    assert_eq!(issuer.count(KEYS), 2);
}

#[tokio::test]
async fn s07_s24_an_issuer_that_is_not_there_at_the_start_denies_until_it_is() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let good = token(&P256, "k1", &issuer);
    issuer.stop().await;
    assert_eq!(auth.trouble(), Some("no keys yet"));
    assert_eq!(outcome(&auth, &good, start).await, unavailable("no connection"));
    assert_eq!(auth.trouble(), Some("no connection"));
    issuer.restart().await;
    let soon = start.after(PAUSE - TICK);
    assert_eq!(outcome(&auth, &good, soon).await, unavailable("no connection"), "not tried again so soon");
    assert!(issuer.requests().is_empty());
    assert_eq!(outcome(&auth, &good, start.after(PAUSE)).await, ada());
    assert_eq!(auth.trouble(), None);
}

#[tokio::test]
async fn s24_an_issuer_that_fails_is_left_alone_for_a_while() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    issuer.tell(KEYS, Reply::status(500, ""));
    let good = token(&P256, "k1", &issuer);
    for _ in 0..100 {
        assert_eq!(outcome(&auth, &good, start).await, unavailable("an error's status"));
    }
    assert_eq!(issuer.count(KEYS), 1);
}

#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_few() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let signers: Vec<_> = (0..5).map(|_| Signer::p256()).collect();
    issuer.publish(&signers.iter().map(|it| it.jwk("k1")).collect::<Vec<_>>());
    for (place, signer) in signers.iter().enumerate() {
        let token = signer.token_of(&json!({ "alg": "ES256" }), &claims(&issuer, json!({})));
        assert_eq!(outcome(&auth, &token, now).await.is_ok(), place < 4, "{place}");
    }
}

#[tokio::test]
async fn s07_s24_an_issuer_that_stops_at_a_rotation_denies_the_new_key_and_keeps_the_old_for_an_hour() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let next = Signer::p256();
    let (old, new) = (token(&P256, "k1", &issuer), token(&next, "k2", &issuer));
    assert_eq!(outcome(&auth, &old, start).await, ada());
    issuer.publish(&[P256.jwk("k1"), next.jwk("k2")]);
    issuer.stop().await;
    let now = start.after(TICK);
    assert_eq!(outcome(&auth, &new, now).await, unavailable("no connection"));
    assert_eq!(outcome(&auth, &new, now.after(TICK)).await, unavailable("no connection"), "in the cooldown");
    assert_eq!(outcome(&auth, &old, now).await, ada());
    assert_eq!(auth.trouble(), None, "the keys at hand serve");
    assert_eq!(outcome(&auth, &old, start.after(OLDEST - TICK)).await, ada());
    assert_eq!(outcome(&auth, &token(&P256, "k1", &issuer), start.after(OLDEST - TICK)).await, ada());
    assert_eq!(outcome(&auth, &old, start.after(OLDEST)).await, unavailable("no connection"), "remembered ones, too");
    issuer.restart().await;
    let back = start.after(OLDEST + PAUSE);
    assert_eq!(outcome(&auth, &new, back).await, ada());
    assert_eq!(outcome(&auth, &old, back).await, ada());
    assert_eq!(auth.trouble(), None);
}

/// An issuer that takes connections and says nothing holds nobody up whose key is known.
#[tokio::test]
async fn keys_that_cannot_be_renewed_serve_without_waiting() {
    let start = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let good = token(&P256, "k1", &issuer);
    assert_eq!(outcome(&auth, &good, start).await, ada());
    issuer.tell(KEYS, Reply::body("").delayed(Duration::from_secs(60)));
    assert_eq!(outcome(&auth, &good, start.after(FRESH)).await, ada(), "the first waits in vain");
    assert_eq!(auth.trouble(), None);
    let before = std::time::Instant::now();
    for it in 1..10 {
        assert_eq!(outcome(&auth, &good, start.after(FRESH + PAUSE * it)).await, ada());
    }
    assert!(before.elapsed() < Duration::from_millis(400));
}

#[tokio::test]
async fn s07_a_remembered_token_expires_on_time() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let expires = seconds(now) + 10;
    let short = P256.token(&claims(&issuer, json!({ "exp": expires })));
    let bearer = auth.verify_at(&short, now).await.unwrap();
    assert_eq!(bearer.expires, SystemTime::UNIX_EPOCH + Duration::from_secs(expires + 30));
    let at = |wall| Moment { wall, ..now };
    assert_eq!(outcome(&auth, &short, at(bearer.expires - Duration::from_nanos(1))).await, ada());
    assert_eq!(outcome(&auth, &short, at(bearer.expires)).await, refused("expired"));
    assert_eq!(outcome(&auth, &short, at(bearer.expires + TICK)).await, refused("expired"));
    assert_eq!(issuer.count(KEYS), 1);
}

#[tokio::test]
async fn keys_can_be_fetched_before_the_first_token() {
    let (issuer, auth) = world(&P256).await;
    auth.prepare().await;
    assert_eq!(auth.trouble(), None);
    assert_eq!((issuer.count(METADATA), issuer.count(KEYS)), (1, 1));
    assert_eq!(auth.verify(&token(&P256, "k1", &issuer)).await.map(|it| it.identity.subject.clone()), ada());
    assert_eq!(issuer.count(KEYS), 1);
    issuer.stop().await;
    let (issuer, auth) = world(&P256).await;
    issuer.stop().await;
    auth.prepare().await;
    assert_eq!(auth.trouble(), Some("no connection"));
}

/// S08: neither tokens nor what they say leave in a request for keys.
#[tokio::test]
async fn s08_nothing_of_a_token_goes_to_the_issuer_of_keys() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let claims = claims(&issuer, json!({ "sub": "canary-subject" }));
    let token = P256.token_of(&json!({ "alg": "ES256", "kid": "canary-key" }), &claims);
    assert_eq!(outcome(&auth, &token, now).await, refused("unknown key"));
    let sent = format!("{:?}", issuer.requests());
    assert!(!sent.contains("canary") && !sent.contains(&token[..40]) && !sent.contains(&encoded("canary")), "{sent}");
    assert!(!sent.to_lowercase().contains("authorization:") && !sent.to_lowercase().contains("referer:"), "{sent}");
}
