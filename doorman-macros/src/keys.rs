//! The keys of an attribute: `#[expose(read_only, scopes = ["invoices:read"], …)]`. What comes in are tokens and the
//! forms that are legal; what goes out are values with their tokens. Unknown keys, a key said twice and values of the wrong
//! kind are reported here.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Expr, ExprArray, ExprLit, Ident, Lit, LitInt, LitStr, Path, Token, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::errors::Errors;

/// A key, and how it is written.
pub(crate) struct Form {
    key: &'static str,
    legal: &'static str,
    is_type: bool,
}

impl Form {
    /// A key with an expression as its value, or without a value.
    pub(crate) const fn new(key: &'static str, legal: &'static str) -> Self {
        Self { key, legal, is_type: false }
    }

    /// How it is written.
    pub(crate) const fn legal(&self) -> &'static str {
        self.legal
    }

    /// A key with a type as its value.
    pub(crate) const fn with_type(key: &'static str, legal: &'static str) -> Self {
        Self { key, legal, is_type: true }
    }
}

enum Value {
    None,
    Expr(Expr),
    Type(Type),
}

struct Key {
    name: Ident,
    form: &'static Form,
    value: Value,
}

impl Key {
    /// What is underlined if the value is wrong.
    fn place(&self) -> TokenStream {
        match &self.value {
            Value::None => self.name.to_token_stream(),
            Value::Expr(expr) => expr.to_token_stream(),
            Value::Type(ty) => ty.to_token_stream(),
        }
    }
}

/// What was said in an attribute. Each accessor takes the key's value, or reports that it is of the wrong kind.
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// Reads `key`, `key = value`, …; reports what isn't one of the forms and goes on behind the next comma.
    pub(crate) fn parse(tokens: TokenStream, forms: &'static [Form], errors: &mut Errors) -> Self {
        let read = |input: ParseStream<'_>| {
            let mut keys: Vec<Key> = Vec::new();
            while !input.is_empty() {
                match key(input, forms) {
                    Ok(key) if keys.iter().any(|it| it.name == key.name) => {
                        errors.at(&key.name, format_args!("`{}` is said twice", key.name));
                    }
                    Ok(key) => keys.push(key),
                    Err(error) => {
                        errors.push(error);
                        while !input.is_empty() && !input.peek(Token![,]) {
                            input.parse::<TokenTree>()?;
                        }
                    }
                }
                if input.parse::<Option<Token![,]>>()?.is_none() && !input.is_empty() {
                    errors.at_span(input.span(), "expected a comma before this");
                }
            }
            Ok(Self(keys))
        };
        match read.parse2(tokens) {
            Ok(keys) => keys,
            Err(error) => {
                errors.push(error);
                Self(Vec::new())
            }
        }
    }

    fn find(&self, key: &str) -> Option<&Key> {
        self.0.iter().find(|it| it.form.key == key)
    }

    /// The key itself, if it was said, with or without a value.
    pub(crate) fn said(&self, key: &str) -> Option<&Ident> {
        self.find(key).map(|key| &key.name)
    }

    /// The keys that were said, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.0.iter().map(|key| &key.name)
    }

    fn read<'a, T>(&'a self, key: &str, errors: &mut Errors, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let key = self.find(key)?;
        let value = read(&key.value);
        if value.is_none() {
            errors.at(key.place(), format_args!("expected {}", key.form.legal));
        }
        value
    }

    /// `key`, alone.
    pub(crate) fn word(&self, key: &str, errors: &mut Errors) -> Option<Ident> {
        let name = self.said(key)?.clone();
        self.read(key, errors, |value| matches!(value, Value::None).then_some(name))
    }

    /// `key`, `key = true` or `key = false`.
    pub(crate) fn flag(&self, key: &str, errors: &mut Errors) -> Option<bool> {
        self.read(key, errors, |value| match value {
            Value::None => Some(true),
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Bool(it), .. })) => Some(it.value),
            _ => None,
        })
    }

    /// `key = "text"`.
    pub(crate) fn text(&self, key: &str, errors: &mut Errors) -> Option<LitStr> {
        self.read(key, errors, |value| match value {
            Value::Expr(expr) => text(expr),
            _ => None,
        })
    }

    /// `key = ["text", …]`.
    pub(crate) fn texts(&self, key: &str, errors: &mut Errors) -> Option<Vec<LitStr>> {
        let elements = self.read(key, errors, |value| match value {
            Value::Expr(Expr::Array(ExprArray { elems, .. })) => Some(elems),
            _ => None,
        })?;
        let mut texts = Vec::new();
        for element in elements {
            match text(element) {
                Some(text) => texts.push(text),
                None => errors.at(element, "expected a text: \"…\""),
            }
        }
        Some(texts)
    }

    /// `key = 5`.
    pub(crate) fn integer(&self, key: &str, errors: &mut Errors) -> Option<LitInt> {
        self.read(key, errors, |value| match value {
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Int(it), .. })) => Some(it.clone()),
            _ => None,
        })
    }

    /// `key = some::path`.
    pub(crate) fn path(&self, key: &str, errors: &mut Errors) -> Option<Path> {
        self.read(key, errors, |value| match value {
            Value::Expr(Expr::Path(it)) if it.qself.is_none() => Some(it.path.clone()),
            _ => None,
        })
    }

    /// `key = expression`.
    pub(crate) fn expr(&self, key: &str, errors: &mut Errors) -> Option<Expr> {
        self.read(key, errors, |value| match value {
            Value::Expr(expr) => Some(expr.clone()),
            _ => None,
        })
    }

    /// `key = Type`.
    pub(crate) fn ty(&self, key: &str, errors: &mut Errors) -> Option<Type> {
        self.read(key, errors, |value| match value {
            Value::Type(ty) => Some(ty.clone()),
            _ => None,
        })
    }

    /// Whether the key was said without a value.
    pub(crate) fn is_bare(&self, key: &str) -> bool {
        self.find(key).is_some_and(|key| matches!(key.value, Value::None))
    }
}

/// A string literal; a macro's fragment may have wrapped it in a group.
fn text(expr: &Expr) -> Option<LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        Expr::Group(group) => text(&group.expr),
        _ => None,
    }
}

fn key(input: ParseStream<'_>, forms: &'static [Form]) -> syn::Result<Key> {
    let Ok(name) = Ident::parse_any(input) else {
        return Err(syn::Error::new(input.span(), format_args!("expected a key: {}", list(forms))));
    };
    let Some(form) = forms.iter().find(|form| name == form.key) else {
        let meant = nearest(&name.to_string(), forms).map(|key| format!("did you mean `{key}`? "));
        let meant = meant.unwrap_or_default();
        return Err(syn::Error::new(name.span(), format_args!("unknown key `{name}`; {meant}legal: {}", list(forms))));
    };
    let expected = |span: Span| syn::Error::new(span, format_args!("expected {}", form.legal));
    if input.is_empty() || input.peek(Token![,]) || input.peek(Ident::peek_any) {
        return Ok(Key { name, form, value: Value::None });
    }
    if !input.peek(Token![=]) {
        return Err(expected(input.span()));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new_spanned(quote!(#name #equals), format_args!("expected {}", form.legal)));
    }
    let span = input.span();
    let value = match form.is_type {
        true => input.parse().map(Value::Type),
        false => input.parse().map(Value::Expr),
    };
    match value {
        Ok(value) if input.is_empty() || input.peek(Token![,]) || input.peek(Ident::peek_any) => {
            Ok(Key { name, form, value })
        }
        _ => Err(expected(span)),
    }
}

fn list(forms: &[Form]) -> String {
    forms.iter().map(|form| form.key).collect::<Vec<_>>().join(", ")
}

/// The legal key that differs least, if it differs little.
fn nearest(name: &str, forms: &[Form]) -> Option<&'static str> {
    let distance = |form: &&Form| distance(name, form.key);
    let form = forms.iter().min_by_key(distance)?;
    (distance(&form) * 3 <= name.len().max(3)).then_some(form.key)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::{Form, nearest};

    #[test]
    fn suggests_what_was_meant() {
        const FORMS: &[Form] = &[Form::new("rate", ""), Form::new("scopes", ""), Form::new("read_only", "")];
        for (said, meant) in [
            ("rates", Some("rate")),
            ("scope", Some("scopes")),
            ("readonly", Some("read_only")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(said, FORMS), meant, "{said}");
        }
    }
}
