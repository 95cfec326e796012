//! What credentials of clouds, forges and services begin with, and what must follow.

use super::kind::Kind;

/// What must follow a prefix.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// At least so many of `A–Z a–z 0–9 _ -`.
    Token(usize),
    /// At least so many letters and digits, some of each, and nothing else.
    Mixed(usize),
    /// Exactly so many of `A–Z 0–9`.
    Upper(usize),
    /// Exactly so many hexadecimal digits.
    Hex(usize),
    /// At least so many token characters with dots, slashes and `=` in between.
    Dotted(usize),
    /// Two more base64url parts behind dots.
    Jwt,
    /// A PEM block whose label names a private key.
    Pem,
    /// The token of a `Bearer` header.
    Bearer,
    /// Base64 of `user:password`.
    Basic,
}

/// A prefix and what follows it.
pub(super) struct Form {
    pub(super) prefix: &'static str,
    /// The part of the prefix that is searched for: rare in prose, and the same for as many prefixes as possible.
    pub(super) anchor: &'static str,
    pub(super) body: Body,
    pub(super) kind: Kind,
}

/// A prefix that is searched for by its last three characters; a short one as it is.
const fn secret(prefix: &'static str, body: Body) -> Form {
    let anchor = if prefix.len() <= 5 { prefix } else { prefix.split_at(prefix.len() - 3).1 };
    Form { prefix, anchor, body, kind: Kind::Secret }
}

const fn form(prefix: &'static str, anchor: &'static str, body: Body, kind: Kind) -> Form {
    Form { prefix, anchor, body, kind }
}

use Body::{Dotted, Hex, Mixed, Token, Upper};

/// All forms.
pub(super) static FORMS: [Form; 82] = [
    form("-----BEGIN ", "EGI", Body::Pem, Kind::Pem),
    form("eyJ", "eyJ", Body::Jwt, Kind::Jwt),
    form("Bearer ", "rer", Body::Bearer, Kind::Bearer),
    form("bearer ", "rer", Body::Bearer, Kind::Bearer),
    form("BEARER ", "RER", Body::Bearer, Kind::Bearer),
    form("Basic ", "sic", Body::Basic, Kind::Basic),
    form("basic ", "sic", Body::Basic, Kind::Basic),
    form("BASIC ", "SIC", Body::Basic, Kind::Basic),
    // Amazon Web Services
    secret("AKIA", Upper(16)),
    secret("ASIA", Upper(16)),
    // Google
    secret("AIza", Token(35)),
    secret("ya29.", Token(20)),
    secret("GOCSPX-", Token(20)),
    // GitHub
    secret("ghp_", Token(30)),
    secret("gho_", Token(30)),
    secret("ghu_", Token(30)),
    secret("ghs_", Token(30)),
    secret("ghr_", Token(30)),
    secret("github_pat_", Token(30)),
    // GitLab
    secret("glpat-", Token(20)),
    form("gldt-", "dt-", Token(20), Kind::Secret),
    form("glrt-", "rt-", Token(20), Kind::Secret),
    form("glcbt-", "bt-", Token(20), Kind::Secret),
    form("glptt-", "tt-", Token(20), Kind::Secret),
    form("glagent-", "nt-", Token(20), Kind::Secret),
    secret("glsoat-", Token(20)),
    secret("glsa_", Token(32)),
    secret("glc_", Token(32)),
    // Atlassian
    secret("ATATT3", Dotted(40)),
    // Slack
    form("xoxb-", "xox", Token(16), Kind::Secret),
    form("xoxp-", "xox", Token(16), Kind::Secret),
    form("xoxa-", "xox", Token(16), Kind::Secret),
    form("xoxr-", "xox", Token(16), Kind::Secret),
    form("xoxs-", "xox", Token(16), Kind::Secret),
    form("xoxo-", "xox", Token(16), Kind::Secret),
    form("xoxe-", "xox", Token(16), Kind::Secret),
    form("xoxe.", "xox", Dotted(16), Kind::Secret),
    secret("xapp-", Token(16)),
    form("hooks.slack.com/services/", "k.com/s", Dotted(20), Kind::Secret),
    // Stripe, Shopify
    secret("sk_live_", Token(16)),
    secret("sk_test_", Token(16)),
    secret("rk_live_", Token(16)),
    secret("rk_test_", Token(16)),
    secret("whsec_", Dotted(24)),
    form("shpat_", "shp", Hex(32), Kind::Secret),
    form("shpca_", "shp", Hex(32), Kind::Secret),
    form("shppa_", "shp", Hex(32), Kind::Secret),
    form("shpss_", "shp", Hex(32), Kind::Secret),
    // Model providers: OpenAI and those that write keys like it, Groq, Hugging Face, Replicate, xAI, Perplexity, …
    secret("sk-", Token(20)),
    secret("gsk_", Token(30)),
    secret("hf_", Token(30)),
    secret("r8_", Token(30)),
    secret("xai-", Token(40)),
    secret("pplx-", Token(30)),
    secret("nvapi-", Token(30)),
    // Package registries
    secret("npm_", Token(30)),
    form("pypi-", "pi-", Token(30), Kind::Secret),
    secret("dckr_pat_", Token(20)),
    // HashiCorp; the short form (`s.…`) is that of Vault before 1.10
    secret("hvs.", Token(20)),
    secret("hvb.", Token(20)),
    secret("hvr.", Token(20)),
    secret(" s.", Mixed(24)),
    secret("\"s.", Mixed(24)),
    secret("=s.", Mixed(24)),
    // Hosts and other services
    secret("SG.", Dotted(40)),
    secret("dop_v1_", Hex(64)),
    secret("doo_v1_", Hex(64)),
    secret("dor_v1_", Hex(64)),
    secret("dapi", Hex(32)),
    secret("lin_api_", Token(30)),
    secret("ntn_", Token(30)),
    secret("figd_", Token(30)),
    form("dp.pt.", "dp.", Token(30), Kind::Secret),
    form("dp.st.", "dp.", Dotted(30), Kind::Secret),
    form("PMAK-", "AK-", Token(50), Kind::Secret),
    secret("sntrys_", Dotted(40)),
    secret("sbp_", Hex(40)),
    secret("tskey-", Token(20)),
    secret("pscale_", Dotted(30)),
    form("NRAK-", "AK-", Upper(27), Kind::Secret),
    secret("AGE-SECRET-KEY-1", Upper(58)),
    form("key-", "ey-", Hex(32), Kind::Secret),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_parts_of_prefixes() {
        for (i, form) in FORMS.iter().enumerate() {
            assert!(form.prefix.contains(form.anchor) && form.anchor.len() >= 3, "{}", form.prefix);
            assert!(FORMS[..i].iter().all(|before| form.prefix != before.prefix), "{}", form.prefix);
        }
    }
}
