use doorman::prelude::*;

use doorman::scope::{Confined, Namespace};

#[derive(Argument)]
struct Name(String);

impl Confined<Namespace> for Name {}

fn main() {}
