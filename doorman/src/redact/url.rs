//! Secrets in URLs: user information, and parameters of signed links.

use super::entropy;
use super::rules::Suspicion;

/// The user information in `scheme://user:password@host`, whose `//` ends at `start`. A user without a password is masked
/// if it looks like a token: `git@host` is an account.
pub(super) fn user_info(text: &str, start: usize) -> Option<(usize, usize)> {
    /// Longer user information doesn't occur; the bound keeps many `://` in one word linear.
    const LONGEST: usize = 512;
    /// Accounts without a password are names; from this length on, with digits among the letters, they are tokens.
    const TOKEN: usize = 16;
    let rest = &text.as_bytes()[start..];
    let rest = &rest[..rest.len().min(LONGEST)];
    let length = rest.iter().position(|b| b.is_ascii_whitespace() || b"/?#\"'<>\\`".contains(b)).unwrap_or(rest.len());
    let at = memchr::memrchr(b'@', &rest[..length])?;
    let info = &rest[..at];
    // A mask isn't user information: its colon separates nothing.
    if memchr::memmem::find(info, "«".as_bytes()).is_some() {
        return None;
    }
    let secret = match memchr::memchr(b':', info) {
        Some(colon) => colon + 1 < info.len() || colon >= TOKEN,
        None => info.len() >= TOKEN && info.iter().any(u8::is_ascii_digit) && info.iter().any(u8::is_ascii_alphabetic),
    };
    secret.then_some((start, start + at))
}

/// Whether a parameter is secret in a URL, though such a name says nothing elsewhere: signatures always are, what may be
/// a key if it looks like one.
pub(super) fn is_secret_parameter(name: &str, value: &str) -> bool {
    const SIGNATURES: [&str; 9] = [
        "sig",
        "signature",
        "x-amz-signature",
        "x-amz-security-token",
        "x-amz-credential",
        "x-goog-signature",
        "x-goog-credential",
        "awsaccesskeyid",
        "sas",
    ];
    const KEYS: [&str; 5] = ["auth", "key", "code", "jwt", "otp"];
    let named = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    named(&SIGNATURES) || named(&KEYS) && entropy::is_secret(value, Suspicion::Opaque)
}

/// Which part of a text is a URL, told from left to right so that every byte is looked at once.
#[derive(Default)]
pub(super) struct Links {
    /// Up to where the URL that began last is known to go on.
    within: Option<usize>,
}

impl Links {
    /// A URL has its `://` at this position.
    pub(super) fn begins(&mut self, at: usize) {
        self.within = Some(at);
    }

    /// Whether a position after those asked for before is in a URL.
    pub(super) fn reaches(&mut self, text: &str, at: usize) -> bool {
        let Some(from) = self.within else { return false };
        let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'<>`\\".contains(b);
        let goes_on = from <= at && !text.as_bytes()[from..at].iter().any(ends);
        self.within = goes_on.then_some(at);
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information() {
        let found = |text: &str| user_info(text, text.find("://")? + 3).map(|(start, end)| text[start..end].to_owned());
        assert_eq!(found("postgres://u:p@w@db/x").as_deref(), Some("u:p@w"));
        assert_eq!(found("https://x-access-token:abc@host/a").as_deref(), Some("x-access-token:abc"));
        assert_eq!(found("https://0123456789abcdef0123@sentry.example/1").as_deref(), Some("0123456789abcdef0123"));
        assert_eq!(found("redis://:pw@host").as_deref(), Some(":pw"));
        for text in
            ["https://example.com/a:b@c", "https://example.com:8080/", "ssh://git@host/x", "ftp://u:@h", "x://«a:b»@h"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
