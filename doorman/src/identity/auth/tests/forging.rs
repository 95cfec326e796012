//! Tokens that nobody may pass with, whatever they are signed with.

use aws_lc_rs::hmac;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{
    signer::{ED25519, P256, P384, RSA, encoded},
    *,
};

#[tokio::test]
async fn s07_every_algorithm_with_a_public_key_verifies() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    issuer.publish(&[RSA.jwk("rsa"), P256.jwk("p256"), P384.jwk("p384"), ED25519.jwk("ed")]);
    let claims = claims(&issuer, json!({}));
    for (signer, kid, algorithms) in [
        (&*RSA, "rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        (&P256, "p256", &["ES256"]),
        (&P384, "p384", &["ES384"]),
        (&ED25519, "ed", &["EdDSA", "Ed25519"]),
    ] {
        for algorithm in algorithms {
            for header in [json!({ "alg": algorithm, "kid": kid }), json!({ "alg": algorithm })] {
                assert_eq!(outcome(&auth, &signer.token_of(&header, &claims), now).await, ada(), "{header}");
            }
            let one = Auth::jwt(issuer.name(), HERE).allow_loopback_http().algorithms([Algorithm::Es256]);
            let found = outcome(&one, &signer.token_of(&json!({ "alg": algorithm, "kid": kid }), &claims), now).await;
            assert_eq!(found.is_ok(), *algorithm == "ES256", "{algorithm}");
        }
    }
    assert_eq!(issuer.count(issuer::KEYS), 2);
}

#[tokio::test]
async fn s07_a_token_that_says_something_else_than_was_signed_is_refused() {
    let now = Moment::now();
    for signer in [&*RSA, &P256, &P384, &ED25519] {
        let (issuer, auth) = world(signer).await;
        let good = signer.token(&claims(&issuer, json!({})));
        assert_eq!(outcome(&auth, &good, now).await, ada());
        let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
        let other = encoded(claims(&issuer, json!({ "sub": "eve" })).to_string());
        assert_eq!(outcome(&auth, &format!("{header}.{other}.{signature}"), now).await, refused("signature"));
        // Each bit of the signature counts.
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signed = &good[..good.len() - signature.len()];
        for place in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            assert_eq!(outcome(&auth, &format!("{signed}{}", encoded(bytes)), now).await, refused("signature"));
        }
        for garbage in [
            vec![0; bytes.len()],
            vec![0xff; bytes.len()],
            bytes[..bytes.len() - 1].to_vec(),
            [&bytes[..], &[0]].concat(),
            [&[0], &bytes[..]].concat(),
            vec![1],
            vec![7; 8000],
        ] {
            let found = outcome(&auth, &format!("{signed}{}", encoded(garbage)), now).await;
            assert_eq!(found, refused("signature"));
        }
        assert_eq!(issuer.count(issuer::KEYS), 1, "nothing was fetched for any of these");
    }
}

#[tokio::test]
async fn s07_no_algorithm_and_no_signature_is_refused() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    let claims = claims(&issuer, json!({}));
    for algorithm in ["none", "None", "NONE", "nOnE", "", "NoNe "] {
        let signed = format!(
            "{}.{}",
            encoded(json!({ "alg": algorithm, "kid": "k1" }).to_string()),
            encoded(claims.to_string())
        );
        for token in [format!("{signed}."), format!("{signed}.AA"), signed.clone()] {
            assert!(matches!(outcome(&auth, &token, now).await, Err(Unverified::Refused(_))), "{algorithm}");
        }
    }
    assert!(issuer.requests().is_empty(), "no key was looked for");
}

#[tokio::test]
async fn s07_a_public_key_is_no_secret_for_hmac() {
    let now = Moment::now();
    for signer in [&*RSA, &P256, &ED25519] {
        let (issuer, auth) = world(signer).await;
        let der = signer.der();
        let lines: Vec<_> = BASE64_STANDARD.encode(&der).as_bytes().chunks(64).map(<[u8]>::to_vec).collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
            String::from_utf8(lines.join(&b'\n')).unwrap()
        );
        let jwk = signer.jwk("k1");
        let number = |name| jwk[name].as_str().map(|it: &str| BASE64_URL_SAFE_NO_PAD.decode(it).unwrap());
        let secrets = [
            pem.clone().into_bytes(),
            format!("{pem}\n").into_bytes(),
            der,
            jwk.to_string().into_bytes(),
            number("n").or_else(|| number("x")).unwrap(),
            Vec::new(),
        ];
        let claims = claims(&issuer, json!({}));
        for (name, algorithm) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            for secret in &secrets {
                // Also under the name of the key's own algorithm: then it's a signature that the key doesn't verify.
                for named in [name, signer.algorithm()] {
                    let header = json!({ "alg": named, "typ": "JWT", "kid": "k1" });
                    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
                    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
                    let found = outcome(&auth, &format!("{signed}.{}", encoded(tag)), now).await;
                    let word = if named == name { "algorithm not allowed" } else { "signature" };
                    assert_eq!(found, refused(word), "{named}");
                }
            }
        }
        // A key for HMAC that the issuer publishes by mistake is left out.
        issuer.publish(&[json!({ "kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256" }), signer.jwk("k2")]);
    }
}

#[tokio::test]
async fn s07_keys_that_a_token_brings_or_points_at_are_not_looked_at() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    let eve = Signer::p256();
    let evil = Issuer::start().await;
    evil.publish(&[eve.jwk("k1")]);
    let claims = claims(&issuer, json!({}));
    let there = format!("{}{}", evil.name(), issuer::KEYS);
    for pointer in [
        json!({ "jwk": eve.jwk("k1") }),
        json!({ "jku": there }),
        json!({ "x5u": there }),
        json!({ "x5c": [BASE64_STANDARD.encode(eve.der())] }),
        json!({ "kid": there }),
        json!({ "kid": "../../../../dev/null" }),
        json!({ "kid": "k1' OR '1'='1" }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "k1" });
        header.as_object_mut().unwrap().extend(pointer.as_object().unwrap().clone());
        assert_eq!(outcome(&auth, &eve.token_of(&header, &claims), now).await, refused("unknown key"), "{header}");
    }
    assert!(evil.requests().is_empty());
}

#[tokio::test]
async fn s07_a_key_is_for_what_it_says_and_of_the_kind_that_the_algorithm_needs() {
    let now = Moment::now();
    let with = |mut jwk: Value, change: Value| {
        jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        jwk
    };
    let zeros = format!("AA{}", RSA.jwk("k1")["n"].as_str().unwrap());
    for (jwk, algorithm, good) in [
        (RSA.jwk("k1"), "RS256", true),
        (with(RSA.jwk("k1"), json!({ "alg": "RS256", "use": "sig", "key_ops": ["verify"] })), "RS256", true),
        (with(RSA.jwk("k1"), json!({ "alg": "PS256" })), "PS256", true),
        (with(RSA.jwk("k1"), json!({ "alg": "RS256" })), "PS256", false),
        (with(RSA.jwk("k1"), json!({ "alg": "RS512" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "alg": "ES256" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "alg": "HS256" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "alg": "none" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "alg": 1 })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "use": "enc" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "use": "" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "key_ops": ["encrypt", "wrapKey"] })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "key_ops": "verify" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "kty": "rsa" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "kty": "oct", "k": "AA" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "d": "AQAB" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "kid": 1 })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "n": encoded([0xc1; 128]) })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "n": encoded([0xc1; 1025]) })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "e": "AQ" })), "RS256", false),
        (with(RSA.jwk("k1"), json!({ "n": zeros.chars().rev().collect::<String>() })), "RS256", false),
        (P256.jwk("k1"), "ES256", true),
        (with(P256.jwk("k1"), json!({ "crv": "P-384" })), "ES256", false),
        (with(P256.jwk("k1"), json!({ "crv": "secp256k1" })), "ES256", false),
        (with(P256.jwk("k1"), json!({ "x": encoded([1; 32]) })), "ES256", false),
        (with(P256.jwk("k1"), json!({ "x": encoded([0; 32]), "y": encoded([0; 32]) })), "ES256", false),
        (with(P256.jwk("k1"), json!({ "alg": "ES384" })), "ES256", false),
        (with(ED25519.jwk("k1"), json!({ "alg": "Ed25519" })), "EdDSA", true),
        (with(ED25519.jwk("k1"), json!({ "alg": "EdDSA" })), "Ed25519", true),
        (with(ED25519.jwk("k1"), json!({ "crv": "X25519" })), "EdDSA", false),
        (with(ED25519.jwk("k1"), json!({ "x": encoded([0; 32]) })), "EdDSA", false),
        (with(ED25519.jwk("k1"), json!({ "x": encoded([1; 31]) })), "EdDSA", false),
    ] {
        let (issuer, auth) = world(&RSA).await;
        // Another good key, so that the set is never empty.
        issuer.publish(&[jwk.clone(), P384.jwk("other")]);
        let signer = match algorithm {
            "ES256" => &*P256,
            "EdDSA" | "Ed25519" => &ED25519,
            _ => &RSA,
        };
        let token = signer.token_of(&json!({ "alg": algorithm, "kid": "k1" }), &claims(&issuer, json!({})));
        assert_eq!(outcome(&auth, &token, now).await.is_ok(), good, "{algorithm} {jwk}");
    }
}

/// RFC 8725 §3.1: the header's algorithm is held against the key, so a token can't have its signature read as another's.
#[tokio::test]
async fn s07_a_header_cannot_choose_another_kind_of_key() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    issuer.publish(&[P256.jwk("k1"), P384.jwk("k2")]);
    for (algorithm, kid) in [("RS256", "k1"), ("PS256", "k1"), ("EdDSA", "k1"), ("ES384", "k1"), ("ES256", "k2")] {
        let header = json!({ "alg": algorithm, "kid": kid });
        for signer in [&*P256, &P384] {
            let found = outcome(&auth, &signer.token_of(&header, &claims(&issuer, json!({}))), now).await;
            assert_eq!(found, refused("unknown key"), "{header}");
        }
    }
}

/// CVE-2022-21449 and its like. `(r, n - s)` is as good a signature as `(r, s)` by the standard; it says the same.
#[tokio::test]
async fn s07_signatures_of_curves_have_one_form_and_no_zeros() {
    let now = Moment::now();
    let (issuer, auth) = world(&P256).await;
    let token = P256.token(&claims(&issuer, json!({})));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = bytes.split_at(32);
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let n: Vec<u8> = (0..32).map(|it| u8::from_str_radix(&order[it * 2..it * 2 + 2], 16).unwrap()).collect();
    let der = |number: &[u8]| {
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        [&[2, (number.len() + sign.len()) as u8], sign, number].concat()
    };
    let sequence = [der(r), der(s)].concat();
    let of = |bytes: Vec<u8>| format!("{signed}.{}", encoded(bytes));
    for forged in [
        [&[0; 32], s].concat(),
        [r, &[0; 32]].concat(),
        [&n[..], s].concat(),
        [r, &n].concat(),
        [&n[..], &n].concat(),
        [s, r].concat(),
        [&[0x30, sequence.len() as u8], &sequence[..]].concat(),
        [&[0][..], r, &[0], s].concat(),
    ] {
        assert_eq!(outcome(&auth, &of(forged), now).await, refused("signature"));
    }
    let mut mirrored = n.clone();
    let mut borrow = 0;
    for (n, s) in mirrored.iter_mut().zip(s).rev() {
        let rest = i32::from(*n) - i32::from(*s) - borrow;
        borrow = i32::from(rest < 0);
        *n = rest.rem_euclid(256) as u8;
    }
    assert_eq!(outcome(&auth, &of([r, &mirrored].concat()), now).await, ada());
}

#[tokio::test]
async fn s07_what_is_no_token_reaches_no_issuer() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    let good = RSA.token(&claims(&issuer, json!({})));
    let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let twice = encoded(claims(&issuer, json!({})).to_string().replacen('{', r#"{"aud":"https://other.example","#, 1));
    for token in [
        String::new(),
        "x".repeat(64 << 10),
        format!("{header}.{}.{signature}", "A".repeat(64 << 10)),
        format!("{header}.{body}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}\0"),
        good.replace('.', ".."),
        format!("{header}.{body}.{}", signature.replace(['-', '_'], "+")) + "+",
        format!("{header}.{twice}.{signature}"),
        RSA.token_of(
            &json!({ "alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": false }),
            &claims(&issuer, json!({})),
        ),
        "not-a-token".into(),
        "é".into(),
    ] {
        let found = outcome(&auth, &token, now).await;
        assert!(matches!(found, Err(Unverified::Refused(_))), "{found:?} {}", &token[..token.len().min(40)]);
    }
    assert!(issuer.requests().is_empty());
}

/// What is wrong is seen before any key is fetched, and a signature doesn't make up for it.
#[tokio::test]
async fn s07_signed_claims_that_are_not_good_here_are_refused() {
    let now = Moment::now();
    let (issuer, auth) = world(&RSA).await;
    let (name, seconds) = (issuer.name(), seconds(now));
    for (change, word) in [
        (json!({ "aud": null }), "wrong audience"),
        (json!({ "aud": format!("{HERE}/") }), "wrong audience"),
        (json!({ "aud": [format!("{HERE}-staging")] }), "wrong audience"),
        (json!({ "aud": 1 }), "wrong audience"),
        (json!({ "iss": null }), "wrong issuer"),
        (json!({ "iss": format!("{name}/") }), "wrong issuer"),
        (json!({ "iss": name.to_uppercase() }), "wrong issuer"),
        (json!({ "exp": null }), "no exp"),
        (json!({ "exp": seconds - 31 }), "expired"),
        (json!({ "nbf": seconds + 60 }), "not yet valid"),
        (json!({ "iat": seconds + 60 }), "issued in the future"),
        (json!({ "sub": null }), "no sub"),
        (json!({ "agent_id": "../a", "agent_type": "clerk" }), "illegal agent"),
        (json!({ "agent_id": "a-1" }), "illegal agent"),
        (json!({ "at_hash": "x" }), "no access token"),
        (json!({ "cnf": {} }), "bound to a key"),
    ] {
        assert_eq!(outcome(&auth, &RSA.token(&claims(&issuer, change.clone())), now).await, refused(word), "{change}");
    }
    assert!(issuer.requests().is_empty());
}
