use doorman::prelude::*;

struct Trouble;
struct Notes;

#[derive(Argument)]
struct Settings {
    path: String,
}

#[tool_module(unscoped, config = Settings)]
impl Notes {
    fn configure(settings: Settings, _: &Credentials) -> Result<Self, Trouble> {
        drop(settings.path);
        Ok(Self)
    }

    async fn start(&self) -> Result<(), Trouble> {
        Ok(())
    }

    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
