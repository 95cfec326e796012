use doorman::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Claims {
    subject: String,
}

#[expose(read_only, public)]
async fn whoami(claims: Claims) -> String {
    claims.subject
}

fn main() {}
