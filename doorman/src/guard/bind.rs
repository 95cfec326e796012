//! A function with its arguments: decoded, held to the schema, resolved; or what completes one of them.

use serde_json::Value;

use super::Stop;
use crate::{
    call::{Bound, Call, Completer, Partial, Refused, Reply, beginning_with},
    exposure::{Capability, describe},
};

/// Decodes the arguments, enforces what the published schema says, resolves scopes, takes what comes from the server.
pub(super) fn bind(capability: &Capability, arguments: &Value, call: &Call) -> Result<Bound, Stop> {
    /// No function has so many parameters; an own schema may have some more.
    const MOST_ARGUMENTS: usize = 1000;
    let schema = &capability.arguments;
    if arguments.as_object().is_some_and(|object| object.len() > MOST_ARGUMENTS) {
        return Err(Stop::Invalid(format!("arguments: expected {MOST_ARGUMENTS} at most")));
    }
    schema.check(arguments).map_err(|mistakes| Stop::Invalid(describe(&mistakes)))?;
    let Some(object) = arguments.as_object() else {
        return Err(Stop::Invalid("arguments: expected an object".to_owned()));
    };
    (capability.spec.bind)(call, object).map_err(|refused| refuse(capability, arguments, refused))
}

fn refuse(capability: &Capability, arguments: &Value, refused: Refused) -> Stop {
    match refused {
        Refused::Invalid(bad) => Stop::Invalid(describe(&capability.arguments.explain(arguments, bad))),
        Refused::Outside { argument, violation } => Stop::Outside(format!("{argument}: {violation}")),
        Refused::Extract(error) => Stop::Failed(error),
    }
}

/// What completes an argument: its completer, or the choices that its type has.
pub(super) fn complete(capability: &Capability, argument: &str, partial: &Partial, call: Call) -> Result<Bound, Stop> {
    let params = capability.spec.params;
    let Some(param) = params.iter().find(|param| param.is_argument() && param.name() == argument) else {
        return Ok(Bound::values(Vec::new()));
    };
    let among = |texts: &[&str]| beginning_with(partial.text(), texts.iter().map(|&text| text.into()));
    match param.completer() {
        None => {
            let choices = capability.arguments.choices(argument);
            Ok(Bound::values(beginning_with(partial.text(), choices.into_iter().map(Into::into))))
        }
        Some(Completer::Among(texts)) => Ok(Bound::values(among(texts))),
        Some(Completer::By(complete)) => {
            let completing =
                complete(call, partial.clone()).map_err(|refused| refuse(capability, &Value::Null, refused))?;
            Ok(Bound::Async(Box::pin(async move { completing.await.map(Reply::Values) })))
        }
    }
}
