//! A signed token taken apart: three parts, one header, no trust. Nothing here says that the signature holds.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    Algorithm,
    json::{self, Object, text},
};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 << 10;
/// The longest key id.
const LONGEST_KID: usize = 512;

/// A token that may be signed.
pub(super) struct Jws<'t> {
    /// What the signature is over.
    pub(super) signed: &'t [u8],
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) signature: Vec<u8>,
    /// What it says, and who says so is to be found out.
    pub(super) claims: Object,
}

/// What a token looks like.
pub(super) enum Form {
    /// Only its issuer can read it.
    Opaque,
    /// A JWT that names an issuer.
    Of(String),
}

/// Whether the text can be a bearer token at all (RFC 6750 §2.1, `b64token`).
pub(super) fn is_token(token: &str) -> bool {
    let legal = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let text = token.trim_end_matches('=');
    !text.is_empty() && token.len() <= LONGEST && text.bytes().all(legal)
}

/// Whose token this claims to be. What begins like a JWT and isn't a readable one is an error: it is nobody's opaque token.
pub(super) fn form(token: &str) -> Result<Form, &'static str> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Ok(Form::Opaque);
    };
    match decode(header) {
        Some(header) if header.trim_ascii_start().starts_with(b"{") => {
            let claims = decode(claims).and_then(|it| json::object(&it)).ok_or("claims are no JSON object")?;
            text(&claims, "iss").map(|issuer| Form::Of(issuer.to_owned())).ok_or("no issuer")
        }
        _ => Ok(Form::Opaque),
    }
}

impl<'t> Jws<'t> {
    /// Takes a token apart. Headers that point at keys (`jwk`, `jku`, `x5u`, `x5c`) aren't looked at: keys come from the
    /// issuer only.
    pub(super) fn parse(token: &'t str, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("no JWT")?;
        let (header, claims) = signed.split_once('.').ok_or("no JWT")?;
        if claims.contains('.') {
            return Err("no JWT");
        }
        let header = decode(header).and_then(|it| json::object(&it)).ok_or("header is no JSON object")?;
        let algorithm = text(&header, "alg").and_then(Algorithm::named).filter(|it| allowed.contains(it));
        let algorithm = algorithm.ok_or("algorithm not allowed")?;
        // We know no extensions (RFC 7515 §4.1.11), and what is encrypted isn't signed.
        if ["crit", "enc", "zip", "b64"].iter().any(|name| header.contains_key(*name)) {
            return Err("header asks for an extension");
        }
        if let Some(kind) = header.get("typ") {
            let kind = kind.as_str().ok_or("typ is no text")?;
            // RFC 9068 §2.1; those who don't follow it say JWT.
            let access = ["at+jwt", "application/at+jwt", "jwt"].iter().any(|it| kind.eq_ignore_ascii_case(it));
            if !access {
                return Err("typ is no access token's");
            }
        }
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => {
                Some(kid.as_str().filter(|it| it.len() <= LONGEST_KID).ok_or("kid is no short text")?.to_owned())
            }
        };
        let claims = decode(claims).and_then(|it| json::object(&it)).ok_or("claims are no JSON object")?;
        let signature = decode(signature).filter(|it| !it.is_empty()).ok_or("signature is no base64url")?;
        Ok(Self { signed: signed.as_bytes(), algorithm, kid, signature, claims })
    }
}

/// Base64url without padding and with nothing in its spare bits, so that a token has one spelling.
fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    fn refused(token: &str) -> Option<&'static str> {
        Jws::parse(token, &Algorithm::ALL).err()
    }

    #[test]
    fn s07_only_three_readable_parts_with_a_plain_header_are_a_token() {
        let header = part(r#"{"alg":"ES256","typ":"at+jwt","kid":"k"}"#);
        let claims = part(r#"{"iss":"i"}"#);
        assert!(refused(&format!("{header}.{claims}.c2ln")).is_none());
        for token in [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            header.clone(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}."),
            format!("{header}..c2ln"),
            format!(".{claims}.c2ln"),
            format!("{header}.{claims}.c2ln.c2ln"),
            format!("{header}.{claims}.c2ln="),
            format!("{header}.{claims}.c2l+"),
            // The last two bits of `bg` are zero; `bh` would decode to the same byte.
            format!("{header}.{claims}.bh"),
            format!("{header}=.{claims}.c2ln"),
            format!("{header}.{}.c2ln", part("[]")),
            format!("{header}.{}.c2ln", part(r#"{"iss":"i","iss":"i"}"#)),
            format!("{header}.{}.c2ln", part(r#"{"iss":"i"}{}"#)),
        ] {
            assert!(refused(&token).is_some(), "{token}");
        }
    }

    #[test]
    fn s07_headers_that_are_refused_before_any_key_is_looked_for() {
        for (header, why) in [
            (r#"{"alg":"none"}"#, "algorithm not allowed"),
            (r#"{"alg":"None"}"#, "algorithm not allowed"),
            (r#"{"alg":"NONE"}"#, "algorithm not allowed"),
            (r#"{"alg":"nOnE"}"#, "algorithm not allowed"),
            (r#"{"alg":""}"#, "algorithm not allowed"),
            (r#"{"alg":null}"#, "algorithm not allowed"),
            (r#"{"alg":["RS256"]}"#, "algorithm not allowed"),
            (r#"{}"#, "algorithm not allowed"),
            (r#"{"alg":"HS256"}"#, "algorithm not allowed"),
            (r#"{"alg":"HS384"}"#, "algorithm not allowed"),
            (r#"{"alg":"HS512"}"#, "algorithm not allowed"),
            (r#"{"alg":"rs256"}"#, "algorithm not allowed"),
            (r#"{"alg":"RS256 "}"#, "algorithm not allowed"),
            (r#"{"alg":"RS1"}"#, "algorithm not allowed"),
            (r#"{"alg":"ES256K"}"#, "algorithm not allowed"),
            (r#"{"alg":"RSA-OAEP"}"#, "algorithm not allowed"),
            (r#"{"alg":"RS256","alg":"RS256"}"#, "header is no JSON object"),
            (r#"{"alg":"RS256","kid":"a","kid":"b"}"#, "header is no JSON object"),
            (r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, "header asks for an extension"),
            (r#"{"alg":"RS256","crit":[]}"#, "header asks for an extension"),
            (r#"{"alg":"RS256","b64":false}"#, "header asks for an extension"),
            (r#"{"alg":"RS256","zip":"DEF"}"#, "header asks for an extension"),
            (r#"{"alg":"RS256","enc":"A128GCM"}"#, "header asks for an extension"),
            (r#"{"alg":"RS256","typ":"id_token"}"#, "typ is no access token's"),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, "typ is no access token's"),
            (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, "typ is no access token's"),
            (r#"{"alg":"RS256","typ":"xat+jwt"}"#, "typ is no access token's"),
            (r#"{"alg":"RS256","typ":1}"#, "typ is no text"),
            (r#"{"alg":"RS256","kid":1}"#, "kid is no short text"),
            (r#"{"alg":"RS256","kid":null}"#, "kid is no short text"),
        ] {
            assert_eq!(refused(&format!("{}.{}.c2ln", part(header), part("{}"))), Some(why), "{header}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(LONGEST_KID + 1));
        assert_eq!(refused(&format!("{}.{}.c2ln", part(&long), part("{}"))), Some("kid is no short text"));
        for kind in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"] {
            let header = format!(r#"{{"alg":"RS256","typ":"{kind}"}}"#);
            assert_eq!(refused(&format!("{}.{}.c2ln", part(&header), part("{}"))), None, "{kind}");
        }
    }

    #[test]
    fn s07_an_algorithm_that_the_operator_left_out_is_refused() {
        let token = format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part("{}"));
        assert!(Jws::parse(&token, &[Algorithm::Rs256]).is_ok());
        assert_eq!(Jws::parse(&token, &[Algorithm::Ps256, Algorithm::Es256]).err(), Some("algorithm not allowed"));
        assert!(Jws::parse(&token, &[]).is_err());
    }

    #[test]
    fn tokens_have_a_grammar_and_a_length() {
        for token in ["a", "abc.def-_~+/", "abc==", &"x".repeat(LONGEST)] {
            assert!(is_token(token));
        }
        for token in ["", "=", "a b", "a=b", "a\n", "é", "a\0", "{}", &"x".repeat(LONGEST + 1), &"x".repeat(64 << 10)]
        {
            assert!(!is_token(token), "{}", &token[..token.len().min(8)]);
        }
    }

    #[test]
    fn the_form_of_a_token_says_whose_it_claims_to_be() {
        let of = |header: &str, claims: &str| form(&format!("{}.{}.x", part(header), part(claims)));
        assert!(matches!(of("{}", r#"{"iss":"https://i"}"#), Ok(Form::Of(issuer)) if issuer == "https://i"));
        for token in ["opaque", "a.b", "a.b.c", "a.b.c.d.e", "v4.public.abc", "..", ""] {
            assert!(matches!(form(token), Ok(Form::Opaque)), "{token}");
        }
        for claims in ["{}", "[]", "", r#"{"iss":1}"#, r#"{"iss":["i"]}"#, r#"{"iss":"i","iss":"j"}"#] {
            assert!(of("{}", claims).is_err(), "{claims}");
            assert!(of(" {", claims).is_err(), "{claims}");
        }
    }
}
