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
    pub(super) body: Body,
    pub(super) kind: Kind,
}

impl Form {
    /// Where in the prefix its last mark (`_`, `-` or `.`) is, by which it is found.
    pub(super) fn mark(&self) -> Option<usize> {
        self.prefix.rfind(['_', '-', '.'])
    }
}

const fn secret(prefix: &'static str, body: Body) -> Form {
    Form { prefix, body, kind: Kind::Secret }
}

const fn form(prefix: &'static str, body: Body, kind: Kind) -> Form {
    Form { prefix, body, kind }
}

use Body::{Dotted, Hex, Mixed, Token, Upper};

/// All forms.
pub(super) static FORMS: [Form; 91] = [
    form("BEGIN ", Body::Pem, Kind::Pem),
    form("Bearer ", Body::Bearer, Kind::Bearer),
    form("bearer ", Body::Bearer, Kind::Bearer),
    form("BEARER ", Body::Bearer, Kind::Bearer),
    form("Basic ", Body::Basic, Kind::Basic),
    form("basic ", Body::Basic, Kind::Basic),
    form("BASIC ", Body::Basic, Kind::Basic),
    // Amazon Web Services
    secret("AKIA", Upper(16)),
    secret("ASIA", Upper(16)),
    // Google
    secret("AIza", Token(35)),
    secret("ya29.", Token(20)),
    secret("GOCSPX-", Token(20)),
    // Alibaba
    secret("LTAI", Mixed(12)),
    // GitHub
    secret("ghp_", Token(30)),
    secret("gho_", Token(30)),
    secret("ghu_", Token(30)),
    secret("ghs_", Token(30)),
    secret("ghr_", Token(30)),
    secret("github_pat_", Token(30)),
    // GitLab
    secret("glpat-", Token(20)),
    secret("gldt-", Token(20)),
    secret("glrt-", Token(20)),
    secret("glcbt-", Token(20)),
    secret("glptt-", Token(20)),
    secret("glft-", Token(20)),
    secret("glimt-", Token(20)),
    secret("glagent-", Token(20)),
    secret("glsoat-", Token(20)),
    secret("glsa_", Token(32)),
    secret("glc_", Token(32)),
    // Atlassian
    secret("ATATT3", Dotted(40)),
    // Slack
    secret("xoxb-", Token(16)),
    secret("xoxp-", Token(16)),
    secret("xoxa-", Token(16)),
    secret("xoxr-", Token(16)),
    secret("xoxs-", Token(16)),
    secret("xoxo-", Token(16)),
    secret("xoxe-", Token(16)),
    secret("xoxe.", Dotted(16)),
    secret("xapp-", Token(16)),
    secret("hooks.slack.com/services/", Dotted(20)),
    // Discord
    secret("discord.com/api/webhooks/", Dotted(20)),
    secret("discordapp.com/api/webhooks/", Dotted(20)),
    // Stripe, Square, Shopify
    secret("sk_live_", Token(16)),
    secret("sk_test_", Token(16)),
    secret("rk_live_", Token(16)),
    secret("rk_test_", Token(16)),
    secret("whsec_", Dotted(24)),
    secret("sq0atp-", Token(22)),
    secret("sq0csp-", Token(40)),
    secret("shpat_", Hex(32)),
    secret("shpca_", Hex(32)),
    secret("shppa_", Hex(32)),
    secret("shpss_", Hex(32)),
    // Model providers: OpenAI and those that write keys like it, Groq, Hugging Face, Replicate, xAI, Perplexity, …
    secret("sk-", Token(20)),
    secret("gsk_", Token(30)),
    secret("hf_", Token(30)),
    secret("r8_", Token(30)),
    secret("xai-", Token(40)),
    secret("pplx-", Token(30)),
    secret("nvapi-", Token(30)),
    secret("tgp_v1_", Token(30)),
    secret("api_org_", Token(30)),
    // Package registries
    secret("npm_", Token(30)),
    secret("pypi-", Token(30)),
    secret("rubygems_", Hex(48)),
    secret("dckr_pat_", Token(20)),
    // HashiCorp; the short form (`s.…`) is that of Vault before 1.10
    secret("hvs.", Token(20)),
    secret("hvb.", Token(20)),
    secret("hvr.", Token(20)),
    secret("s.", Mixed(24)),
    secret("b.", Mixed(24)),
    secret("r.", Mixed(24)),
    // Hosts and other services
    secret("SG.", Dotted(40)),
    secret("dop_v1_", Hex(64)),
    secret("doo_v1_", Hex(64)),
    secret("dor_v1_", Hex(64)),
    secret("dapi", Hex(32)),
    secret("lin_api_", Token(30)),
    secret("ntn_", Token(30)),
    secret("figd_", Token(30)),
    secret("dp.pt.", Token(30)),
    secret("dp.st.", Dotted(30)),
    secret("PMAK-", Token(50)),
    secret("sntrys_", Dotted(40)),
    secret("sbp_", Hex(40)),
    secret("tskey-", Token(20)),
    secret("pscale_", Dotted(30)),
    secret("NRAK-", Upper(27)),
    secret("AGE-SECRET-KEY-", Upper(59)),
    secret("key-", Hex(32)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_told_apart() {
        for (i, form) in FORMS.iter().enumerate() {
            assert!(FORMS[..i].iter().all(|before| form.prefix != before.prefix), "{}", form.prefix);
            assert!(form.mark().is_some() || form.prefix.len() >= 4, "{}", form.prefix);
        }
    }
}
