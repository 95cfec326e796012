//! `#[arg(…)]` on a parameter or a field.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, ExprRange, ExprUnary, Ident, Lit, LitStr, RangeLimits, UnOp};

use super::complete::{self, Complete};
use crate::{
    errors::Errors,
    keys::{Form, Keys},
};

const FORMS: &[Form] = &[
    Form::new("default", "`default`, or `default = 20`"),
    Form::new("description", "a text: `description = \"The invoice's id.\"`"),
    Form::new("range", "a range of numbers: `range = 1..=100`, `range = 1..` or `range = ..=100`"),
    Form::new("length", "a range of whole numbers: `length = 1..=64`, `length = 1..` or `length = ..=64`"),
    Form::new("pattern", "a regular expression: `pattern = \"^[a-z]+$\"`"),
    Form::new("serde", "`serde`, alone"),
    Form::new("header", "a header's name: `header = \"X-Tenant\"`"),
    Form::new("complete", complete::LEGAL),
];

/// What was said of an argument.
#[derive(Default)]
pub(crate) struct Arg {
    pub(crate) default: Option<Fallback>,
    pub(crate) description: Option<LitStr>,
    pub(crate) range: Option<Bounds<f64>>,
    pub(crate) length: Option<Bounds<u64>>,
    pub(crate) pattern: Option<LitStr>,
    pub(crate) serde: Option<Ident>,
    pub(crate) header: Option<LitStr>,
    pub(crate) complete: Option<Complete>,
}

/// What stands for an argument that is left out.
pub(crate) enum Fallback {
    /// `default`: the type's own.
    OfType(Ident),
    /// `default = …`.
    Is(Expr),
}

impl ToTokens for Fallback {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::OfType(word) => word.to_tokens(tokens),
            Self::Is(expr) => expr.to_tokens(tokens),
        }
    }
}

/// The ends of an inclusive range; at least one.
pub(crate) struct Bounds<N> {
    pub(crate) min: Option<N>,
    pub(crate) max: Option<N>,
}

impl Arg {
    /// Reads all `#[arg(…)]` of one parameter or field.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut tokens = TokenStream::new();
        for attribute in attributes {
            match attribute.meta.require_list() {
                Ok(list) if tokens.is_empty() => tokens = list.tokens.clone(),
                Ok(list) => errors.at(list, "say all in one `#[arg(…)]`"),
                Err(_) => errors.at(attribute, "expected `#[arg(…)]`, such as `#[arg(default = 20, range = 1..=100)]`"),
            }
        }
        let keys = Keys::parse(tokens, FORMS, errors);
        Self {
            default: default(&keys, errors),
            description: keys.text("description", errors),
            range: keys.expr("range", errors).and_then(|it| bounds(&it, float, FORMS[2].legal(), errors)),
            length: keys.expr("length", errors).and_then(|it| bounds(&it, whole, FORMS[3].legal(), errors)),
            pattern: keys.text("pattern", errors),
            serde: keys.word("serde", errors),
            header: keys.text("header", errors).filter(|text| is_header(text, errors)),
            complete: Complete::parse(&keys, errors),
        }
    }

    /// Whether something was said that only an argument can have.
    pub(crate) fn is_about_an_argument(&self) -> bool {
        let Self { default, description: _, range, length, pattern, serde, header, complete } = self;
        default.is_some()
            || range.is_some()
            || length.is_some()
            || pattern.is_some()
            || serde.is_some()
            || header.is_some()
            || complete.is_some()
    }

    /// The constraints, as a list's elements.
    pub(crate) fn constraints(&self) -> Vec<TokenStream> {
        let range = self.range.iter().map(|bounds| bounds.constraint(&quote!(Range)));
        let length = self.length.iter().map(|bounds| bounds.constraint(&quote!(Length)));
        let pattern = self.pattern.iter().map(|text| quote!(__doorman::Constraint::Pattern(#text)));
        range.chain(length).chain(pattern).collect()
    }
}

impl<N: ToTokens> Bounds<N> {
    fn constraint(&self, kind: &TokenStream) -> TokenStream {
        let [min, max] = [&self.min, &self.max].map(|end| match end {
            Some(end) => quote!(__doorman::Some(#end)),
            None => quote!(__doorman::None),
        });
        quote!(__doorman::Constraint::#kind { min: #min, max: #max })
    }
}

fn default(keys: &Keys, errors: &mut Errors) -> Option<Fallback> {
    let said = keys.said("default")?;
    if keys.is_bare("default") {
        return Some(Fallback::OfType(said.clone()));
    }
    keys.expr("default", errors).map(Fallback::Is)
}

/// A range with literal ends; `number` reads one of them, with its sign, and makes the value that is compared.
fn bounds<N: PartialOrd>(
    expr: &Expr,
    number: fn(&Lit, bool) -> Option<N>,
    legal: &str,
    errors: &mut Errors,
) -> Option<Bounds<N>> {
    let Expr::Range(ExprRange { start, limits, end, .. }) = expr else {
        errors.at(expr, format_args!("expected {legal}"));
        return None;
    };
    if let (RangeLimits::HalfOpen(_), Some(_)) = (limits, end) {
        errors.at(expr, format_args!("the end is included, so it is written `..=`; expected {legal}"));
        return None;
    }
    let mut read = |end: &Option<Box<Expr>>| match end.as_deref() {
        None => Some(None),
        Some(end) => {
            let value = literal(end, number);
            if value.is_none() {
                errors.at(end, format_args!("expected {legal}"));
            }
            value.map(Some)
        }
    };
    let (min, max) = (read(start)?, read(end)?);
    match (&min, &max) {
        (None, None) => errors.at(expr, format_args!("expected {legal}")),
        (Some(low), Some(high)) if low > high => errors.at(expr, "nothing is in this range"),
        _ => return Some(Bounds { min, max }),
    }
    None
}

fn literal<N>(expr: &Expr, number: fn(&Lit, bool) -> Option<N>) -> Option<N> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => number(lit, false),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit, .. }) => number(lit, true),
            _ => None,
        },
        _ => None,
    }
}

/// Bounds are compared as JSON numbers are; beyond 2⁵³ not every integer is one.
fn float(lit: &Lit, negative: bool) -> Option<f64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = match lit {
        Lit::Int(it) => it.base10_digits().parse().ok().filter(|value: &f64| *value <= EXACT)?,
        Lit::Float(it) => it.base10_digits().parse().ok().filter(|value: &f64| value.is_finite())?,
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

fn whole(lit: &Lit, negative: bool) -> Option<u64> {
    match lit {
        Lit::Int(it) if !negative => it.base10_digits().parse().ok(),
        _ => None,
    }
}

/// A field name as RFC 9110 §5.6.2 has it: a token.
fn is_header(text: &LitStr, errors: &mut Errors) -> bool {
    let name = text.value();
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let legal = (1..=128).contains(&name.len()) && name.bytes().all(is_token);
    if !legal {
        errors.at(text, "expected a header's name such as \"X-Tenant\": 1 to 128 letters, digits and '-'");
    }
    legal
}
