use doorman::prelude::*;

struct Notes;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    path: String,
}

#[tool_module(unscoped, config = Settings)]
impl Notes {
    fn configure(settings: Settings, _: &Credentials) -> Result<Self, ModuleError> {
        drop(settings.path);
        Ok(Self)
    }

    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
