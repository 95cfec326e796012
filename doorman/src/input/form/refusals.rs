//! Types that are no forms.

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Form,
    tests::{Choices, Legacy, Plain, Titled},
};

fn refused<T: DeserializeOwned + JsonSchema>() -> String {
    Form::of::<T>().err().expect("no form")
}

/// A type with this one member, as it is refused.
macro_rules! refused {
    ($(#[$attribute:meta])* $ty:ty) => {{
        #[derive(Deserialize, JsonSchema)]
        #[allow(dead_code)]
        struct One {
            $(#[$attribute])*
            one: $ty,
        }
        refused::<One>()
    }};
}

#[test]
fn what_a_form_cannot_say_is_refused_by_name() {
    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    enum Data {
        A { b: u32 },
        C,
    }
    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Recursive {
        one: Option<Box<Recursive>>,
    }
    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Either {
        Text(String),
        Number(u32),
    }
    type Map = std::collections::BTreeMap<String, String>;
    let kinds = [
        refused!(Choices),
        refused!(Option<Choices>),
        refused!(Map),
        refused!(Vec<String>),
        refused!(Vec<u32>),
        refused!(Vec<Choices>),
        refused!(Vec<Vec<Plain>>),
        refused!(Vec<Option<String>>),
        refused!((u32, u32)),
        refused!(Value),
        refused!(()),
        refused!(Data),
        refused!(Vec<Data>),
        refused!(Either),
        refused::<Recursive>(),
    ];
    for said in kinds {
        assert!(said.starts_with("`one`: expected a text, a number, a bool, an enum without data"), "{said}");
    }
    let words = [
        (
            refused!(
                #[schemars(regex(pattern = "^a"))]
                String
            ),
            "`pattern`",
        ),
        (
            refused!(
                #[schemars(extend("format" = "uuid"))]
                String
            ),
            "expected email, uri, date or date-time",
        ),
        (
            refused!(
                #[schemars(extend("multipleOf" = 2))]
                u32
            ),
            "`multipleOf`",
        ),
        (
            refused!(
                #[schemars(extend("exclusiveMinimum" = 2))]
                f64
            ),
            "`exclusiveMinimum`",
        ),
        (refused!(std::num::NonZeroI32), "`not`"),
        (
            refused!(
                #[schemars(extend("maximum" = u64::MAX))]
                u64
            ),
            "its `maximum` isn't a number of 64 bits",
        ),
        (
            refused!(
                #[schemars(extend("enumNames" = ["a"]))]
                Plain
            ),
            "expected 3 texts as `enumNames`",
        ),
        (
            refused!(
                #[schemars(extend("enumNames" = ["a", "b", "c"]))]
                Titled
            ),
            "`enumNames`",
        ),
        (refused!(Vec<Legacy>), "`enumNames`"),
        (
            refused!(
                #[schemars(extend("enum" = []))]
                String
            ),
            "expected something to choose from",
        ),
        (
            refused!(
                #[schemars(extend("enum" = [1]))]
                String
            ),
            "expected texts to choose from",
        ),
        (
            refused!(
                #[schemars(extend("default" = "z"))]
                Plain
            ),
            "its default isn't legal",
        ),
        (
            refused!(
                #[schemars(extend("default" = 11), range(max = 10))]
                u32
            ),
            "its default isn't legal",
        ),
        (
            refused!(
                #[schemars(extend("default" = "x"))]
                u32
            ),
            "`default`",
        ),
        (
            refused!(
                #[schemars(extend("default" = "x"))]
                bool
            ),
            "its default isn't legal",
        ),
    ];
    for (said, word) in words {
        assert!(said.starts_with("`one`: ") && said.contains(word), "{word}: {said}");
    }
}

#[test]
fn what_is_no_struct_with_fields_is_no_form() {
    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Open {
        one: String,
        #[serde(flatten)]
        more: std::collections::BTreeMap<String, Value>,
    }
    #[derive(Deserialize, JsonSchema)]
    struct Unit;
    let kinds = [
        refused::<String>(),
        refused::<Plain>(),
        refused::<Vec<Plain>>(),
        refused::<Option<Choices>>(),
        refused::<Unit>(),
        refused::<Open>(),
        refused::<Value>(),
        refused::<std::collections::BTreeMap<String, String>>(),
    ];
    for said in kinds {
        assert!(said.starts_with("expected a struct with named fields"), "{said}");
    }
}
