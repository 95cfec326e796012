//! Quick.
use doorman::prelude::*;
#[derive(Serialize, JsonSchema)]
struct Invoice {
    id: String,
}
async fn get_invoice(id: String, limit: Option<u32>, who: Caller) -> ToolResult<Invoice> {
    let _ = (limit, who);
    Ok(Invoice { id })
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
struct get_invoice {}
impl get_invoice {
    pub const __TOOL: &'static doorman::__private::ToolSpec = {
        use doorman::__private as p;
        static PARAMS: &[p::ParamSpec] = &[
            p::ParamSpec::of::<String>("id"),
            p::ParamSpec::of::<Option<u32>>("limit"),
            p::ParamSpec::of::<Caller>("who"),
        ];
        fn reply(r: ToolResult<Invoice>) -> p::Result<p::Reply, p::ToolError> {
            #[allow(unused_imports)]
            use p::{RetExact as _, RetPlain as _, RetResult as _};
            (&&&p::Ret::<ToolResult<Invoice>>(::core::marker::PhantomData)).__doorman_reply(r)
        }
        fn schema(g: &mut p::SchemaGenerator) -> p::Option<p::Schema> {
            #[allow(unused_imports)]
            use p::{RetExact as _, RetPlain as _, RetResult as _};
            (&&&p::Ret::<ToolResult<Invoice>>(::core::marker::PhantomData)).__doorman_schema(g)
        }
        fn bind(call: &p::Call, arguments: &p::Arguments) -> p::Result<p::Bound, p::Refused> {
            let (id, limit, who) = p::Params::take(PARAMS, arguments, call)?;
            p::run_async(get_invoice(id, limit, who), reply)
        }
        &p::ToolSpec::new("get_invoice", p::Effect::ReadOnly, p::Access::Scopes(&["a:b"]), PARAMS, schema, bind)
    };
}
#[test]
fn it() {
    let _ = get_invoice::__TOOL;
}
#[tokio::main]
async fn main() -> doorman::Result {
    Doorman::new("quick").tools(&[get_invoice::__TOOL]).run().await
}
