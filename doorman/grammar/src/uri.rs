//! The URIs of resources: fixed ones, and templates with variables (RFC 6570, levels 1 and 2).
//!
//! `notes://{id}` has a variable that is one piece of the URI: `{id}` stands for unreserved characters (RFC 3986 §2.3),
//! everything else percent-encoded. `docs:///{+path}` has one that may hold `/` and other reserved characters; it is the
//! last thing in its template. What a URI says of the variables is found in one pass, and there is one answer: the text
//! after a variable begins with a character that the variable can't hold.

use std::fmt::Write as _;

use crate::GrammarError;

const WHOLE: &str = "a resource's URI such as \"notes://{id}\" or \"test://logo\": a scheme, ':' and URI characters, \
                     with variables in braces, `{name}`, or `{+name}` for a last one that may hold '/'";
const WITHIN: &str = "a path such as \"/{id}\" or \"/{+path}\": in a module the scheme is the instance's name, and the \
                      text is what follows \"SCHEME://\"";
const BETWEEN: &str = "a character between two variables that neither can hold, such as '/': \"notes://{owner}/{id}\"";
const LAST: &str = "`{+name}` at the end of the template: \"docs:///{+path}\"";
const ONCE: &str = "each variable once";

/// The longest URI that is looked at, in bytes.
pub const LONGEST: usize = 8192;

/// A URI with variables, or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String, Reach),
}

/// What a variable can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Unreserved characters.
    Piece,
    /// Those and reserved ones, up to a query or a fragment.
    Rest,
}

impl Reach {
    /// Whether the character stands for itself.
    fn holds(self, c: char) -> bool {
        // Beyond ASCII a URI has no characters (RFC 3986); who sends an IRI (RFC 3987) means the same.
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '.' | '_' | '~')
            || (!c.is_ascii() && !c.is_control())
            || (self == Self::Rest
                && matches!(c, '/' | ':' | '@' | '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '='))
    }
}

/// Parses a whole URI or template.
///
/// # Errors
/// A text that isn't one, a variable that is said twice, two variables with nothing between that could part them.
pub fn parse(text: &str) -> Result<Template, GrammarError> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
    };
    if !scheme.is_some_and(is_scheme) {
        return Err(GrammarError::new(WHOLE, text));
    }
    parts(text, WHOLE)
}

/// Parses what follows the scheme in a module: it begins with `/`.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(text: &str) -> Result<Template, GrammarError> {
    if !text.starts_with('/') {
        return Err(GrammarError::new(WITHIN, text));
    }
    parts(text, WITHIN)
}

/// The whole template of a module's resource: the scheme is the instance's name, with `.` for `_`, which no scheme has.
#[must_use]
pub fn of_instance(instance: &str, within: &str) -> String {
    format!("{}://{within}", instance.replace('_', "."))
}

fn parts(text: &str, expected: &'static str) -> Result<Template, GrammarError> {
    let fail = |expected| GrammarError::new(expected, text);
    if text.len() > LONGEST {
        return Err(fail(expected));
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(Part::Variable(_, Reach::Rest)) = parts.last() {
            return Err(fail(LAST));
        }
        if let Some(inside) = rest.strip_prefix('{') {
            let (name, after) = inside.split_once('}').ok_or_else(|| fail(expected))?;
            let (name, reach) = name.strip_prefix('+').map_or((name, Reach::Piece), |name| (name, Reach::Rest));
            if !is_variable(name) {
                return Err(fail(expected));
            }
            if matches!(parts.last(), Some(Part::Variable(..))) {
                return Err(fail(BETWEEN));
            }
            if parts.iter().any(|part| matches!(part, Part::Variable(known, _) if known == name)) {
                return Err(fail(ONCE));
            }
            parts.push(Part::Variable(name.to_owned(), reach));
            rest = after;
        } else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (literal, after) = rest.split_at(end);
            if !literal.bytes().all(is_uri_byte) || !encodings_are_whole(literal) {
                return Err(fail(expected));
            }
            let parts_a_variable = |c: char| !Reach::Piece.holds(c) && c != '%';
            if matches!(parts.last(), Some(Part::Variable(..))) && !literal.starts_with(parts_a_variable) {
                return Err(fail(BETWEEN));
            }
            parts.push(Part::Text(literal.to_owned()));
            rest = after;
        }
    }
    Ok(Template { parts })
}

/// A name that can be a parameter's.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 64
}

fn is_uri_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b)
}

fn encodings_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

impl Template {
    /// Whether it has no variables: it is one URI.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.variables().next().is_none()
    }

    /// The variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name, _) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// The template with nameless variables: two that are alike fit the same URIs.
    #[must_use]
    pub fn form(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(_, Reach::Piece) => "{}".to_owned(),
            Part::Variable(_, Reach::Rest) => "{+}".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// How many bytes it fixes: of two templates that fit a URI, the one that fixes more says more of it.
    #[must_use]
    pub fn fixed_bytes(&self) -> usize {
        self.parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum()
    }

    /// What a URI says of the variables, decoded; `None` if it isn't one of this template's.
    #[must_use]
    pub fn read(&self, uri: &str) -> Option<Vec<(&str, String)>> {
        if uri.len() > LONGEST {
            return None;
        }
        let mut rest = uri;
        let mut found = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(&**text)?,
                Part::Variable(name, reach) => {
                    let end = rest.find(|c: char| !reach.holds(c) && c != '%').unwrap_or(rest.len());
                    let (value, after) = rest.split_at(end);
                    if value.is_empty() && *reach == Reach::Piece {
                        return None;
                    }
                    found.push((&**name, decoded(value)?));
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(found)
    }

    /// The URI with these values of the variables, in order: the one spelling that stands for all that read alike.
    pub fn expand<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> String {
        let mut values = values.into_iter();
        let mut uri = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => uri.push_str(text),
                Part::Variable(_, reach) => encode(values.next().unwrap_or_default(), *reach, &mut uri),
            }
        }
        uri
    }
}

fn encode(value: &str, reach: Reach, into: &mut String) {
    for c in value.chars() {
        if c.is_ascii() && reach.holds(c) {
            into.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a text can't fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut hex = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (hex()?, hex()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_legal() {
        for text in
            ["test://logo", "notes://{id}", "docs:///{+path}", "a+b.c:{x}", "x://{a}/{b}?v={c}", "x://%20/{a}", "x:y"]
        {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
        for (text, why) in [
            ("notes", "a scheme"),
            ("Notes://x", "a scheme"),
            ("{x}://y", "a scheme"),
            ("1a://x", "a scheme"),
            ("x://a b", "URI characters"),
            ("x://é", "URI characters"),
            ("x://%2", "URI characters"),
            ("x://%zz", "URI characters"),
            ("x://{", "braces"),
            ("x://{}", "braces"),
            ("x://{a-b}", "braces"),
            ("x://{?q}", "braces"),
            ("x://}", "braces"),
            ("x://{a}{b}", "neither can hold"),
            ("x://{a}b", "neither can hold"),
            ("x://{a}.txt", "neither can hold"),
            ("x://{a}%20", "neither can hold"),
            ("x://{+a}/b", "at the end"),
            ("x://{a}/{a}", "once"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let form = |text: &str| parse(text).map(|template| template.form()).expect("a template");
        assert_eq!(form("x://{a}/{b}"), form("x://{b}/{c}"));
        assert_ne!(form("x://a/{b}"), form("x://a/{+b}"));
        assert!(parse_within("/{+path}").is_ok());
        assert!(parse_within("notes://{id}").is_err());
        assert_eq!(of_instance("my_docs-2", "/{+path}"), "my.docs-2:///{+path}");
    }

    #[test]
    fn a_uri_says_what_its_variables_are() {
        let read = |template: &str, uri: &str| {
            let template = parse(template).expect("a template");
            template.read(uri).map(|found| found.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join("|"))
        };
        for (template, uri, values) in [
            ("test://logo", "test://logo", Some("")),
            ("test://logo", "test://logo/", None),
            ("test://logo", "test://log", None),
            ("notes://{id}", "notes://7", Some("7")),
            ("notes://{id}", "notes://a%2Fb", Some("a/b")),
            ("notes://{id}", "notes://a%c3%a9", Some("aé")),
            ("notes://{id}", "notes://aé", Some("aé")),
            ("notes://{id}", "notes://", None),
            ("notes://{id}", "notes://a/b", None),
            ("notes://{id}", "notes://a?b", None),
            ("notes://{id}", "notes://%ff", None),
            ("notes://{id}", "notes://%4", None),
            ("notes://{id}", "notes://%+1", None),
            ("notes://{id}", "Notes://7", None),
            ("n://{a}/x/{b}", "n://1/x/2", Some("1|2")),
            ("n://{a}/x/{b}", "n://1/y/2", None),
            ("docs:///{+path}", "docs:///a/b%20c.txt", Some("a/b c.txt")),
            ("docs:///{+path}", "docs:///", Some("")),
            ("docs:///{+path}", "docs:///a?b", None),
            ("docs:///{+path}", "docs:///a#b", None),
            ("docs:///{+path}", "docs:///..%2f..%2fetc", Some("../../etc")),
        ] {
            assert_eq!(read(template, uri).as_deref(), values, "{template} {uri}");
        }
        assert_eq!(parse("x://{a}").expect("a template").read(&format!("x://{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn expanding_gives_the_one_spelling() {
        let template = parse("n://{a}/{+b}").expect("a template");
        let expanded = template.expand(["a/é 1", "x/y?z"]);
        assert_eq!(expanded, "n://a%2F%C3%A9%201/x/y%3Fz");
        let read = template.read(&expanded).expect("fits");
        assert_eq!(read, [("a", "a/é 1".to_owned()), ("b", "x/y?z".to_owned())]);
        let other = template.read("n://%61%2fé%201/x%2Fy%3Fz").expect("fits");
        assert_eq!(template.expand(other.iter().map(|(_, value)| &**value)), expanded);
    }
}
