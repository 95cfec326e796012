//! What `#[tool_module(…)]` says of a module.

use doorman_grammar::name;
use proc_macro2::{Span, TokenStream};
use syn::{LitStr, Type, spanned::Spanned};

use crate::{
    errors::Errors,
    expose::legal,
    keys::{Form, Keys},
};

const FORMS: &[Form] = &[
    Form::new("name", "a text: `name = \"notes\"`"),
    Form::with_type("scope", "a type: `scope = Prefix`"),
    Form::new("unscoped", "`unscoped`, alone"),
    Form::with_type("config", "a type: `config = NotesConfig`"),
    Form::new("credentials", "a list: `credentials = [\"token\"]`"),
];

/// The keys of a module. Where a key was wrong it is as if it hadn't been said.
pub(super) struct ModuleKeys {
    pub(super) name: String,
    pub(super) scope: Option<Type>,
    /// Whether `unscoped` was said, and nothing else.
    pub(super) is_unscoped: bool,
    pub(super) config: Option<Type>,
    pub(super) credentials: Vec<LitStr>,
}

impl ModuleKeys {
    pub(super) fn parse(tokens: TokenStream, ty: &Type, errors: &mut Errors) -> Self {
        let keys = Keys::parse(tokens, FORMS, errors);
        let unscoped = keys.word("unscoped", errors);
        let scope = keys.ty("scope", errors);
        match (keys.said("scope"), keys.said("unscoped")) {
            (Some(_), Some(second)) => {
                errors.at(second, "a module with `scope` is not `unscoped`; say one of the two");
            }
            (None, None) => errors.at_span(
                Span::call_site(),
                "say which resources the tools are confined to: `scope = Prefix` (or another resource scope), or `unscoped`",
            ),
            _ => {}
        }
        let config = keys.ty("config", errors);
        let credentials = keys.texts("credentials", errors).unwrap_or_default();
        if let (Some(said), None) = (keys.said("credentials"), keys.said("config")) {
            errors.at(said, "credentials are given when a module is configured; say `config = Type` as well");
        }
        for (index, credential) in credentials.iter().enumerate() {
            credential_name(credential, &credentials[..index], errors);
        }
        let is_unscoped = unscoped.is_some() && scope.is_none();
        Self { name: name(&keys, ty, errors), scope, is_unscoped, config, credentials }
    }
}

fn name(keys: &Keys, ty: &Type, errors: &mut Errors) -> String {
    if let Some(text) = keys.text("name", errors) {
        legal(&text, name::instance, errors);
        return text.value();
    }
    let last = match ty {
        Type::Path(path) => path.path.segments.last().map(|it| it.ident.to_string()),
        _ => None,
    };
    let name = snake_case(&last.unwrap_or_default());
    if keys.said("name").is_none() && name::instance(&name).is_err() {
        errors.at_span(ty.span(), format_args!("`{name}` can't be a module's name; say `name = \"notes\"`"));
    }
    name
}

fn credential_name(text: &LitStr, before: &[LitStr], errors: &mut Errors) {
    let name = text.value();
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(legal) {
        errors.at(text, "expected a credential's name such as \"token\": 1 to 64 of a-z, 0-9 and '_'");
    } else if before.contains(text) {
        errors.at(text, format_args!("the credential \"{name}\" is said twice"));
    }
}

/// `HttpProxy` → `http_proxy`, `SMTPRelay` → `smtp_relay`.
fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut snake = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).map(|it| chars[it]);
        let after = chars.get(index + 1);
        let begins = before.is_some_and(|it| it.is_lowercase() || it.is_ascii_digit())
            || before.is_some_and(char::is_uppercase) && after.is_some_and(|it| it.is_lowercase());
        if c.is_uppercase() && begins {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn types_as_instances() {
        for (ty, name) in [
            ("Notes", "notes"),
            ("HttpProxy", "http_proxy"),
            ("SMTPRelay", "smtp_relay"),
            ("S3", "s3"),
            ("V2Api", "v2_api"),
        ] {
            assert_eq!(snake_case(ty), name);
        }
    }
}
