//! Several issuers side by side: each speaks for its own tokens, and for nothing else.

use serde_json::json;

use super::{admitted, refused, trusting, unknown};
use crate::harness::{Authority, Era, Fixture, INTROSPECTOR, Request};

#[test]
fn s07_no_issuer_speaks_for_another() {
    let (one, two) = (Authority::shared(), Authority::start_at("/realms/acme"));
    let mut limited = two.entry();
    let agents = json!({"ada": {"agent_id": "guest", "agent_type": "reader"}});
    limited["agents"] = json!({"claim": "sub", "table": agents});
    let server = Fixture::new().auth(&trusting([one.entry(), limited])).serve();
    let same = json!({"sub": "ada", "agent_id": "root", "agent_type": "admin", "scope": "invoices:write"});
    let who = admitted(&server, "one", &one.token(same.clone()));
    assert_eq!((&who["subject"], &who["agent_id"]), (&json!("ada"), &json!("root")));
    // The same subject, and whatever it says, this issuer's are guests.
    let guest = two.token(same.clone());
    let who = admitted(&server, "two", &guest);
    assert_eq!((&who["subject"], &who["agent_id"]), (&json!("ada"), &json!("guest")));
    assert_eq!(server.bearing(&guest, Era::Modern).call("purge", json!({})).code(), -32602);
    // Signed by one in the name of the other.
    for (signer, name) in [(one, &two), (&two, one)] {
        let mut forged = same.clone();
        forged["issuer"] = json!(name.issuer);
        refused(&server, "in another's name", &signer.token(forged.clone()));
        forged["kid"] = json!(name.kid("RS256"));
        refused(&server, "in another's name, and key's", &signer.token(forged));
    }
    let third = Authority::start();
    refused(&server, "of an issuer that isn't there", &third.token(same));
    assert_eq!((third.seen("metadata"), third.seen("jwks")), ((0, 0), (0, 0)), "which isn't even asked");
    let metadata = Request::new("GET", "/.well-known/oauth-protected-resource/mcp").send(server.address).value();
    assert_eq!(metadata["authorization_servers"], json!([one.issuer, two.issuer]));
}

/// One issuer signs, another is asked: tokens of both are taken, and each is judged by its own.
#[test]
fn s07_an_opaque_token_goes_to_the_issuer_that_is_asked() {
    let (signing, answering) = (Authority::start(), Authority::start());
    let fixture = Fixture::new();
    let asked = answering.asked(&fixture.private("secret", INTROSPECTOR));
    let server = fixture.auth(&trusting([signing.entry(), asked])).serve();
    admitted(&server, "signed", &signing.token(json!({})));
    assert_eq!(answering.seen("introspection").0, 0, "it isn't asked about what another has signed");
    admitted(&server, "asked about", &answering.token(json!({"format": "opaque"})));
    refused(&server, "another's", &signing.token(json!({"format": "opaque"})));
    // Neither lends the other its way: a signed token isn't asked about, and what is asked about needs no signature.
    let posed = json!({"issuer": answering.issuer});
    refused(&server, "in the name of the one that is asked", &signing.token(posed));
    answering.close();
    admitted(&server, "signed, while the other is down", &signing.token(json!({})));
    unknown(&server, "asked about, while it is down", &answering.token(json!({"format": "opaque", "sub": "bea"})));
}
