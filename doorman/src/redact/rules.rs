//! Which keys hold secrets: the built-in rules, the application's, and a tool's `redact` and `reveal`.

use super::keys::{Glob, InvalidGlob, Name, letter};

/// What a key says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The value is masked whole, whatever it is.
    Mask,
    /// The value is masked if it looks like the secret that such a key may hold.
    Suspect(Suspicion),
    /// The author vouches for the value: no detectors.
    Reveal,
    /// The key says nothing.
    Scan,
}

/// What a value must look like to be the secret of a key that may hold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// One word with a digit in it: `session=9f3a61c2`, but not `"session": "Keynote"`.
    Opaque,
    /// A long random text: `signing-key: q83vEjRW…`, but not `"sort_key": "created_at"`.
    Random,
}

/// Parts that make a key secret wherever they occur, even within a word: `userpassword`, `passwordHash`.
static STEMS: [Literal; 14] = [
    Literal::new(b"password"),
    Literal::new(b"passwd"),
    Literal::new(b"passphrase"),
    Literal::new(b"passcode"),
    Literal::new(b"apikey"),
    Literal::new(b"accesskey"),
    Literal::new(b"secretkey"),
    Literal::new(b"privatekey"),
    Literal::new(b"clientsecret"),
    Literal::new(b"accesstoken"),
    Literal::new(b"refreshtoken"),
    Literal::new(b"authtoken"),
    Literal::new(b"creditcard"),
    Literal::new(b"cardnumber"),
];

/// Whole words (or runs of words) that make a key secret: `x_auth_cookie`, but not `secretary`.
static WORDS: [Literal; 19] = [
    Literal::new(b"pwd"),
    Literal::new(b"dbpass"),
    Literal::new(b"userpass"),
    Literal::new(b"secret"),
    Literal::new(b"secrets"),
    Literal::new(b"authorization"),
    Literal::new(b"cookie"),
    Literal::new(b"cookies"),
    Literal::new(b"sessionid"),
    Literal::new(b"sessiontoken"),
    Literal::new(b"bearer"),
    Literal::new(b"idtoken"),
    Literal::new(b"signingkey"),
    Literal::new(b"encryptionkey"),
    Literal::new(b"ssn"),
    Literal::new(b"socialsecuritynumber"),
    Literal::new(b"cardno"),
    Literal::new(b"cvv"),
    Literal::new(b"cvc"),
];

/// Tokens are secret unless a word beside them says that they are positions or counts.
static TOKENS: [Literal; 2] = [Literal::new(b"token"), Literal::new(b"tokens")];

const NOT_A_CREDENTIAL: &[&[u8]] = &[
    b"next",
    b"prev",
    b"previous",
    b"page",
    b"pagination",
    b"continuation",
    b"continue",
    b"cursor",
    b"progress",
    b"sync",
    b"start",
    b"starting",
    b"max",
    b"min",
    b"total",
    b"count",
    b"counts",
    b"num",
    b"number",
    b"limit",
    b"usage",
    b"used",
    b"budget",
    b"remaining",
    b"per",
    b"prompt",
    b"completion",
    b"input",
    b"output",
    b"cached",
    b"reasoning",
    b"in",
    b"out",
    b"type",
    b"size",
];

/// First and last words of keys that are about a secret without holding one: `has_password`, `token_endpoint`.
const ABOUT_FIRST: &[&[u8]] = &[b"has", b"is", b"requires", b"needs"];
const ABOUT_LAST: &[&[u8]] = &[
    b"required",
    b"enabled",
    b"disabled",
    b"expires",
    b"expiry",
    b"policy",
    b"length",
    b"strength",
    b"count",
    b"at",
    b"endpoint",
    b"servers",
    b"supported",
];

/// Words that make a key hold something opaque or nothing.
const OPAQUE: &[&[u8]] = &[
    b"session",
    b"sessions",
    b"sess",
    b"sid",
    b"sessid",
    b"phpsessid",
    b"jsessionid",
    b"auth",
    b"credential",
    b"credentials",
    b"cred",
    b"creds",
    b"pass",
    b"jwt",
    b"csrf",
    b"xsrf",
    b"otp",
    b"totp",
];

/// Words that make a key hold a key.
const RANDOM: &[&[u8]] = &[b"key", b"keys", b"signature", b"sig", b"salt", b"hmac", b"seed", b"webhook"];

/// Words beside these that say that the key isn't secret.
const HARMLESS: &[&[u8]] = &[
    b"public",
    b"pub",
    b"primary",
    b"foreign",
    b"sort",
    b"partition",
    b"cache",
    b"object",
    b"row",
    b"map",
    b"id",
    b"ids",
    b"idempotency",
    b"name",
    b"names",
    b"type",
    b"translation",
    b"issue",
    b"project",
    b"count",
    b"number",
    b"url",
    b"uri",
    b"status",
    b"state",
    b"time",
    b"date",
    b"start",
    b"end",
    b"duration",
    b"title",
    b"method",
    b"mode",
    b"provider",
    b"rate",
];

/// The rules that one plan goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct Globs(Vec<Glob>);

impl Globs {
    /// Compiles all of them, or says everything that is wrong.
    pub(super) fn parse<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<InvalidGlob>> {
        let mut compiled = Self::default();
        let errors: Vec<_> = globs.into_iter().filter_map(|glob| compiled.push(glob).err()).collect();
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    pub(super) fn push(&mut self, glob: &str) -> Result<(), InvalidGlob> {
        Glob::parse(glob).map(|glob| self.0.push(glob))
    }

    pub(super) fn extend(&mut self, others: &Globs) {
        self.0.extend_from_slice(&others.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, name: &Name) -> bool {
        self.0.iter().any(|glob| glob.matches(name))
    }

    /// Whether some rule may match a name with these letters.
    pub(super) fn may_match(&self, letters: u32) -> bool {
        self.0.iter().any(|glob| glob.may_match(letters))
    }
}

/// Whether some built-in rule that masks may match a name with these letters.
pub(super) fn may_be_built_in(letters: u32) -> bool {
    STEMS.iter().chain(&WORDS).chain(&TOKENS).any(|literal| literal.letters & !letters == 0)
}

/// Whether a built-in rule says that the key holds a secret.
pub(super) fn built_in(name: &Name) -> bool {
    let within = STEMS.iter().any(|stem| stem.occurs(name, Fit::Anywhere));
    let word = || WORDS.iter().any(|word| word.occurs(name, Fit::Words));
    let token = || {
        TOKENS.iter().any(|word| word.occurs(name, Fit::Words)) && !name.words().any(|w| NOT_A_CREDENTIAL.contains(&w))
    };
    (within || word() || token()) && !only_about(name)
}

/// What a value must look like to be masked, if a built-in rule says that the key may hold a secret.
pub(super) fn suspicion(name: &Name) -> Option<Suspicion> {
    let has = |words: &[&[u8]]| name.words().any(|word| words.contains(&word));
    if only_about(name) || has(HARMLESS) || has(NOT_A_CREDENTIAL) {
        return None;
    }
    match () {
        () if has(OPAQUE) => Some(Suspicion::Opaque),
        () if has(RANDOM) => Some(Suspicion::Random),
        () => None,
    }
}

fn only_about(name: &Name) -> bool {
    let first = name.words().next().unwrap_or_default();
    let last = name.words().last().unwrap_or_default();
    ABOUT_FIRST.contains(&first) || ABOUT_LAST.contains(&last) || name.words().any(|w| w == b"expires")
}

#[derive(Clone, Copy)]
enum Fit {
    Anywhere,
    Words,
}

/// A run of letters to look for in a name, whatever separators the name has between them.
struct Literal {
    text: &'static [u8],
    letters: u32,
}

impl Literal {
    const fn new(text: &'static [u8]) -> Self {
        let mut letters = 0;
        let mut i = 0;
        while i < text.len() {
            letters |= letter(text[i]);
            i += 1;
        }
        Self { text, letters }
    }

    fn occurs(&self, name: &Name, fit: Fit) -> bool {
        if self.letters & !name.letters() != 0 {
            return false;
        }
        let key = name.as_bytes();
        // Digits bound a word as separators do: `ssn4`, `password2`.
        let bound = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_lowercase());
        (0..key.len()).filter(|&start| key[start] == self.text[0]).any(|start| match (self.end(key, start), fit) {
            (Some(_), Fit::Anywhere) => true,
            (Some(end), Fit::Words) => bound(start.checked_sub(1).and_then(|i| key.get(i))) && bound(key.get(end)),
            (None, _) => false,
        })
    }

    /// Where the literal ends if it begins at `start`.
    fn end(&self, key: &[u8], start: usize) -> Option<usize> {
        let mut i = start;
        for &b in self.text {
            while i > start && key.get(i) == Some(&b'_') {
                i += 1;
            }
            if key.get(i) != Some(&b) {
                return None;
            }
            i += 1;
        }
        Some(i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(key: &str) -> bool {
        built_in(&Name::new(key))
    }

    #[test]
    fn keys_that_hold_secrets() {
        for key in "password Password PASSWORD passwd pwd passphrase user_password userpassword passWord passwordHash \
            PASSWORD_HASH password2 secret secrets client_secret clientSecret token access_token accessToken access-token \
            refresh_token id_token idToken auth_token bearer_token token_value session_token api_token page_access_token \
            csrf_token api_key apikey apiKey api-key APIKey x-api-key X-Api-Key API_KEY_PROD stripe_api_key access_key \
            secret_key private_key privateKey authorization proxy-authorization Authorization cookie set-cookie cookies \
            session_id sessionId ssn ssn_last4 SSN userSSN credit_card creditCard credit-card-number card_number \
            cardNumber cvv cvc cvv2 CVC ｐａｓｓｗｏｒｄ pass\u{200b}word password\u{a0} tOkEn aPiKeY"
            .split(' ')
        {
            assert!(secret(key), "{key}");
        }
    }

    #[test]
    fn keys_that_do_not() {
        for key in "id name email amount status next_page_token nextPageToken page_token next_token nextToken \
            continuation_token cursor progress_token progressToken max_tokens maxTokens token_count total_tokens \
            prompt_tokens output_tokens tokens_used token_type token_endpoint token_expires_in secretary tokenizer author \
            authorized keyboard monkey cvs classname has_password password_required password_changed_at expires_at \
            authorization_endpoint authorization_servers cookie_policy card cards session key keys public_key \
            passenger compass assn lesson passed"
            .split_whitespace()
        {
            assert!(!secret(key), "{key}");
        }
        assert!(!secret(""));
    }
}
