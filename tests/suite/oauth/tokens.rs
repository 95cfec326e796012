//! Each way in which a token can be wrong, beside the same token without the fault (S07).

use serde_json::{Value, json};

use super::{admitted, refused, seconds, status, taking, trusting};
use crate::harness::{Authority, Cast, Fixture, RESOURCE, Server};

/// Refuses each token, and admits its twin, which differs in nothing else; none of the first reaches the guard.
#[track_caller]
fn judge(authority: &Authority, server: &Server, pairs: impl IntoIterator<Item = (Value, Value)>) {
    let (wrong, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let twins = authority.tokens(right.clone());
    for (what, token) in wrong.iter().zip(authority.tokens(wrong.clone())) {
        refused(server, &what.to_string(), &token);
    }
    assert_eq!(server.fixture.calls("whoami").len(), 0, "who is refused calls nothing");
    for (what, token) in right.iter().zip(&twins) {
        admitted(server, &what.to_string(), token);
    }
    assert_eq!(server.fixture.calls("whoami").len(), twins.len());
}

#[test]
fn s07_a_token_for_somebody_else_is_refused() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let twin = json!({"audience": ["https://other.example", RESOURCE]});
    let mut pairs: Vec<_> = [
        // A part of it, more than it, and what only looks alike.
        json!("https://mcp.example"),
        json!("https://mcp.example/"),
        json!("https://mcp.example/mc"),
        json!("https://mcp.example/mcp/"),
        json!("https://mcp.example/mcp2"),
        json!("https://mcp.example/mcp/mcp"),
        json!("https://mcp.example/mcp?a=b"),
        json!("https://mcp.example/mcp#"),
        json!("https://mcp.example:443/mcp"),
        json!("https://MCP.example/mcp"),
        json!("https://mcp.example/MCP"),
        json!("http://mcp.example/mcp"),
        json!("mcp.example/mcp"),
        json!(" https://mcp.example/mcp"),
        json!("https://mcp.example/%6Dcp"),
        // Texts with it in them: no list is made of one.
        json!("https://other.example/?https://mcp.example/mcp"),
        json!("https://other.example https://mcp.example/mcp"),
        json!("https://other.example,https://mcp.example/mcp"),
        json!("[\"https://mcp.example/mcp\"]"),
        json!("*"),
        json!(""),
        // Lists without it, and what is no list of texts.
        json!([]),
        json!([""]),
        json!(["https://other.example", "https://mcp.example/mcp/"]),
        json!([["https://mcp.example/mcp"]]),
        json!([7, "https://mcp.example/mcp"]),
        json!({"https://mcp.example/mcp": true}),
        json!(7),
        json!(true),
        json!(null),
    ]
    .into_iter()
    .map(|audience| (json!({ "audience": audience }), twin.clone()))
    .collect();
    pairs.push((json!({"audience": "https://other.example"}), json!({"audience": [RESOURCE]})));
    judge(authority, &server, pairs);
}

#[test]
fn s07_a_token_of_another_issuer_is_refused() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let issuer = &authority.issuer;
    let wrong = [
        json!(format!("{issuer}/")),
        json!(format!("{issuer}/mcp")),
        json!(format!("{issuer}#")),
        json!(format!("{issuer} ")),
        json!(issuer.to_uppercase()),
        json!(issuer.replace("http:", "HTTP:")),
        json!(issuer.replace("http:", "https:")),
        json!(issuer.replace("127.0.0.1", "localhost")),
        json!(issuer.replace("127.0.0.1", "127.1")),
        json!(issuer[..issuer.len() - 1]),
        json!(issuer.trim_start_matches("http://")),
        json!("https://other.example"),
        json!([issuer]),
        json!(""),
        json!(7),
        json!(null),
    ];
    judge(authority, &server, wrong.into_iter().map(|wrong| (json!({ "issuer": wrong }), json!({ "issuer": issuer }))));
}

#[test]
fn s07_a_token_of_another_time_is_refused() {
    let authority = Authority::shared();
    let mut entry = authority.entry();
    entry["leeway"] = "60s".into();
    let server = Fixture::new().auth(&trusting([entry])).serve();
    let claim = |name: &str, value: Value| json!({"claims": {name: value}});
    judge(
        authority,
        &server,
        [
            (claim("exp", json!(seconds(-62))), claim("exp", json!(seconds(-30)))),
            (claim("exp", json!(seconds(-3600))), claim("exp", json!(seconds(3600)))),
            (claim("exp", json!(0)), claim("exp", json!(seconds(3600) as f64 + 0.5))),
            (claim("exp", json!(null)), json!({})),
            (claim("exp", json!(-seconds(3600))), json!({})),
            (claim("exp", json!(seconds(3600).to_string())), json!({})),
            // Milliseconds.
            (claim("exp", json!(seconds(3600) * 1000)), json!({})),
            (claim("exp", json!(1e300)), json!({})),
            (claim("exp", json!(true)), json!({})),
            (claim("exp", json!([seconds(3600)])), json!({})),
            (claim("nbf", json!(seconds(120))), claim("nbf", json!(seconds(30)))),
            (claim("nbf", json!("tomorrow")), claim("nbf", json!(seconds(-30)))),
            (claim("iat", json!(seconds(120))), claim("iat", json!(seconds(30)))),
            (claim("iat", json!({})), claim("iat", json!(null))),
        ],
    );
}

#[test]
fn s07_a_token_that_the_issuer_did_not_sign_is_refused() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let (rsa, curve) = (authority.kid("RS256"), authority.kid("ES256"));
    let mut pairs = Vec::new();
    // No signature.
    for spelling in ["none", "None", "NONE", "nOnE", ""] {
        pairs.push((json!({"alg": "none", "header": {"alg": spelling}}), json!({"alg": "RS256"})));
        pairs.push((json!({"header": {"alg": spelling}}), json!({"header": {"alg": "RS256"}})));
    }
    pairs.push((json!({"header": {"alg": null}}), json!({"header": {"alg": "RS256"}})));
    // The public key as an HMAC's secret, in all its spellings.
    for hmac in ["HS256", "HS384", "HS512"] {
        for secret in ["pem", "der", "jwk"] {
            for key in ["RS256", "ES256", "EdDSA"] {
                pairs.push((json!({"alg": hmac, "key": key, "secret": secret}), json!({ "alg": key })));
            }
        }
    }
    // A key of nobody's, under the name of the issuer's, or brought along.
    for (alg, kid) in [("RS256", &rsa), ("ES256", &curve)] {
        let twin = json!({"alg": alg, "kid": kid});
        pairs.push((json!({"alg": alg, "key": "foreign", "kid": kid}), twin.clone()));
        pairs.push((json!({"alg": alg, "key": "foreign", "kid": kid, "embed": true}), twin.clone()));
        pairs.push((
            json!({"alg": alg, "key": "foreign", "kid": null, "embed": true}),
            json!({"alg": alg, "kid": null}),
        ));
        let place = json!({"jku": format!("{}/jwks", authority.issuer), "x5u": "https://other.example/cert"});
        pairs.push((json!({"alg": alg, "key": "foreign", "kid": kid, "header": place}), twin.clone()));
        pairs.push((json!({"alg": alg, "key": "foreign"}), twin.clone()));
        pairs.push((json!({"alg": alg, "kid": "of-nobody"}), twin.clone()));
        pairs.push((json!({"alg": alg, "kid": ""}), twin.clone()));
        pairs.push((json!({"alg": alg, "header": {"kid": 7}}), twin));
    }
    // An algorithm that isn't the key's, or isn't the one that signed.
    pairs.extend([
        (json!({"alg": "RS256", "kid": curve}), json!({"alg": "RS256"})),
        (json!({"alg": "RS256", "header": {"alg": "PS256"}}), json!({"alg": "PS256"})),
        (json!({"alg": "RS256", "header": {"alg": "RS512"}}), json!({"alg": "RS512"})),
        (json!({"alg": "ES256", "header": {"alg": "ES384"}}), json!({"alg": "ES384"})),
        (json!({"alg": "ES512"}), json!({"alg": "ES256"})),
        (json!({"alg": "RS384", "key": "RS256"}), json!({"alg": "RS384"})),
    ]);
    judge(authority, &server, pairs);
}

#[test]
fn s07_a_token_that_is_no_access_token_is_refused() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let header = |name: &str, value: Value| json!({"header": {name: value}});
    let claim = |name: &str, value: Value| json!({"claims": {name: value}});
    let mut pairs = vec![
        (header("typ", json!("id_token")), header("typ", json!("JWT"))),
        (header("typ", json!("logout+jwt")), header("typ", json!("at+jwt"))),
        (header("typ", json!("dpop+jwt")), header("typ", json!("application/at+jwt"))),
        (header("typ", json!(["at+jwt"])), header("typ", json!(null))),
        (header("crit", json!(["exp"])), json!({})),
        (json!({"header": {"b64": false, "crit": ["b64"]}}), json!({})),
        (header("zip", json!("DEF")), json!({})),
        // The proof that goes with such a token isn't looked at, so that a stolen one would do.
        (claim("cnf", json!({"jkt": "x"})), json!({})),
        (claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})), json!({})),
        (claim("at_hash", json!("x")), json!({})),
        (claim("token_use", json!("id")), claim("token_use", json!("access"))),
        (claim("sub", json!(null)), json!({})),
        (claim("sub", json!("")), json!({})),
        (claim("sub", json!(7)), json!({})),
        (claim("sub", json!("ada\nroot")), json!({})),
        (claim("sub", json!("a".repeat(4096))), json!({})),
        (claim("scope", json!(7)), json!({})),
        (claim("scope", json!(["mcp"])), json!({})),
    ];
    // Half an agent, or one whose name is a path.
    for agent in [
        json!({"agent_id": null}),
        json!({"agent_type": null}),
        json!({"agent_id": "../ada"}),
        json!({"agent_id": "ada/x"}),
        json!({"agent_id": "Ada"}),
        json!({"agent_id": ""}),
        json!({"agent_type": ".."}),
        json!({"agent_type": "reader\n"}),
    ] {
        pairs.push((agent, json!({"agent_id": null, "agent_type": null})));
    }
    judge(authority, &server, pairs);
}

#[test]
fn s07_text_that_is_no_token_of_the_issuer_is_refused() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let tokens = authority.tokens([json!({}), json!({"agent_id": "root", "agent_type": "admin"})]);
    let [ada, root] = [&tokens[0], &tokens[1]].map(|it| it.split('.').collect::<Vec<_>>());
    let flipped = |part: &str, at: usize| {
        let mut bytes = part.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    for (what, token) in [
        ("another's claims", [ada[0], root[1], ada[2]].join(".")),
        ("another's signature", [ada[0], ada[1], root[2]].join(".")),
        ("a letter of the signature", [ada[0], ada[1], &flipped(ada[2], 10)].join(".")),
        ("a letter of the claims", [ada[0], &flipped(ada[1], 20), ada[2]].join(".")),
        ("no signature", format!("{}.{}.", ada[0], ada[1])),
        ("two parts", format!("{}.{}", ada[0], ada[1])),
        ("four parts", format!("{}.x", tokens[0])),
        ("five parts", format!("{}.x.y", tokens[0])),
        ("padding", format!("{}=", tokens[0])),
        ("cut off", tokens[0][..tokens[0].len() - 1].to_owned()),
        ("upper case", tokens[0].to_uppercase()),
        ("twice", format!("{0}{0}", tokens[0])),
        ("a comma", format!("{},x", tokens[0])),
        ("dots", "..".to_owned()),
        ("opaque", "Zm9vYmFy".to_owned()),
        ("long", "x".repeat(15_000)),
        ("nested", format!("e30.{}.x", "W1tb".repeat(3_000))),
    ] {
        refused(&server, what, &token);
    }
    assert_eq!(server.fixture.calls("whoami").len(), 0);
    assert_eq!(admitted(&server, "whole", &tokens[0])["agent_id"], "ada");
}

#[test]
fn each_algorithm_that_is_allowed_is_good_and_no_other() {
    let authority = Authority::shared();
    let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    let tokens = authority.tokens(all.map(|alg| json!({ "alg": alg })));
    let server = taking(authority).serve();
    for (alg, token) in all.iter().zip(&tokens) {
        assert_eq!(admitted(&server, alg, token)["subject"], "ada");
    }
    let mut entry = authority.entry();
    entry["algorithms"] = json!(["PS256", "ES384"]);
    let server = Fixture::new().auth(&trusting([entry])).serve();
    for (alg, token) in all.iter().zip(&tokens) {
        let expected = if ["PS256", "ES384"].contains(alg) { 200 } else { 401 };
        assert_eq!(status(&server, token), expected, "{alg}");
    }
}

#[test]
fn static_tokens_are_as_good_beside_an_issuers() {
    let authority = Authority::shared();
    let server = taking(authority).serve();
    assert_eq!(admitted(&server, "static", &Cast::BOB.token())["agent_id"], "bob");
    assert_eq!(admitted(&server, "signed", &authority.token(json!({})))["agent_id"], "ada");
    refused(&server, "neither", "token-of-mallory");
}
