//! What must not compile, and what the developer is told: a folder per mistake. `TRYBUILD=overwrite` writes the
//! `.stderr` files anew; read each that changes: every mistake once, at its token, in our words, without follow-ups.

#[test]
fn diagnostics() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*/*.rs");
    cases.pass("ui/pass/*.rs");
}
