//! What verifying costs: `cargo test --release -p doorman --features oauth --lib figures -- --ignored --nocapture`.

use std::time::Instant;

use serde_json::json;

use super::{
    signer::{ED25519, P256, P384, RSA},
    *,
};
use crate::identity::{Issuers, TokenVerifier};

const ROUNDS: u32 = 2000;

#[tokio::test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
async fn figures_of_first_and_remembered_tokens() {
    for (name, signer) in [("RS256", &*RSA), ("ES256", &P256), ("ES384", &P384), ("EdDSA", &ED25519)] {
        let (issuer, auth) = world(signer).await;
        let tokens: Vec<_> = (0..ROUNDS).map(|it| signer.token(&claims(&issuer, json!({ "jti": it })))).collect();
        auth.prepare().await;
        let mut took = [Duration::ZERO; 2];
        for took in &mut took {
            let before = Instant::now();
            for token in &tokens {
                auth.verify(token).await.unwrap();
            }
            *took = before.elapsed() / ROUNDS;
        }
        let issuers = Issuers::new([auth]).unwrap();
        let before = Instant::now();
        for token in &tokens {
            issuers.verify(token).await.unwrap();
        }
        let several = before.elapsed() / ROUNDS;
        let length = tokens[0].len();
        println!("{name}: first {:?}, remembered {:?} ({several:?} of several), {length} bytes", took[0], took[1]);
    }
}
