//! Questions as functions ask them: built, awaited, and read by type. The same code in both generations of the protocol.

use std::{
    any::TypeId,
    borrow::Cow,
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use futures::future::BoxFuture;
#[expect(deprecated, reason = "SEP-2577 deprecates sampling and roots; clients of today have them")]
use rmcp::model::{CreateMessageRequestParams, CreateMessageResult, ListRootsResult, SamplingMessage};
use rmcp::model::{ElicitResult, ElicitationAction, Role};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Form, InputError, Outlet, Question};

/// How often a client of the earlier generation is asked again after an answer that doesn't fit.
const ATTEMPTS: usize = 3;

/// A question on its way.
struct Asking {
    outlet: Arc<dyn Outlet>,
    key: Option<Cow<'static, str>>,
}

impl Asking {
    /// `read` gives `None` for an answer that doesn't fit: then it is asked again.
    async fn answer<T>(
        self,
        question: Question,
        read: impl Fn(Value) -> Option<Result<T, InputError>>,
    ) -> Result<T, InputError> {
        let key = self.outlet.key(question.ability(), self.key);
        for attempt in 0..ATTEMPTS {
            let answer = self.outlet.ask(&key, &question, attempt > 0).await?;
            if let Some(read) = read(answer) {
                return read;
            }
        }
        Err(InputError::Misfit)
    }
}

macro_rules! keyed {
    ($([$($generics:tt)*] $name:ty;)*) => {$(
        impl<$($generics)*> $name {
            /// Names the question on the wire. Without, it is named by its kind and its number in the call, which works as
            /// long as the function asks the same questions in the same order in each round.
            pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
                self.asking.key = Some(key.into());
                self
            }
        }
    )*};
}

keyed! {
    [T] Elicit<T>;
    [] ElicitUrl;
    [] Sample;
    [] Roots;
}

/// A form for the user; await it. See [`Call::elicit`](crate::Call::elicit).
#[must_use = "nothing is asked until this is awaited"]
pub struct Elicit<T> {
    asking: Asking,
    message: String,
    of: PhantomData<fn() -> T>,
}

impl<T> Elicit<T> {
    pub(crate) fn new(outlet: Arc<dyn Outlet>, message: String) -> Self {
        Self { asking: Asking { outlet, key: None }, message, of: PhantomData }
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> IntoFuture for Elicit<T> {
    type Output = Result<T, InputError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let form = form::<T>()?;
            let question = Question::Form { message: self.message, schema: Arc::clone(form.schema()) };
            let read = |answer| accepted(answer, |content| form.read(&content?).ok());
            self.asking.answer(question, read).await
        })
    }
}

/// The form of a type, made once.
fn form<T: DeserializeOwned + JsonSchema + 'static>() -> Result<Arc<Form>, InputError> {
    static FORMS: LazyLock<RwLock<HashMap<TypeId, Arc<Form>>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<T>();
    if let Some(known) = FORMS.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Arc::clone(known));
    }
    let unfit = |reason| InputError::NotAForm(format!("`{}`: {reason}", std::any::type_name::<T>()));
    let made = Arc::new(Form::of::<T>().map_err(unfit)?);
    FORMS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&made));
    Ok(made)
}

/// An answer of the user; `None` if it doesn't fit.
fn accepted<T>(answer: Value, read: impl FnOnce(Option<Value>) -> Option<T>) -> Option<Result<T, InputError>> {
    let answer: ElicitResult = serde_json::from_value(answer).ok()?;
    match answer.action {
        ElicitationAction::Accept => read(answer.content).map(Ok),
        ElicitationAction::Decline => Some(Err(InputError::Declined)),
        _ => Some(Err(InputError::Cancelled)),
    }
}

/// A page for the user; await it. See [`Call::elicit_url`](crate::Call::elicit_url).
#[must_use = "nothing is asked until this is awaited"]
pub struct ElicitUrl {
    asking: Asking,
    message: String,
    url: String,
}

impl ElicitUrl {
    pub(crate) fn new(outlet: Arc<dyn Outlet>, message: String, url: String) -> Self {
        Self { asking: Asking { outlet, key: None }, message, url }
    }
}

impl IntoFuture for ElicitUrl {
    type Output = Result<(), InputError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let question = Question::Url { message: self.message, url: self.url };
        Box::pin(self.asking.answer(question, |answer| accepted(answer, |_| Some(()))))
    }
}

/// What the client's model is asked.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// Who says what.
    pub(crate) messages: Vec<(Role, String)>,
    pub(crate) system: Option<String>,
    pub(crate) max_tokens: u32,
    pub(crate) temperature: Option<f32>,
}

impl Sampling {
    /// The user says this. At most 1,000 tokens are asked for, unless another number is said.
    pub fn user(text: impl Into<String>) -> Self {
        Self { messages: vec![(Role::User, text.into())], system: None, max_tokens: 1_000, temperature: None }
    }

    /// Then the model says this.
    #[must_use]
    pub fn then_assistant(mut self, text: impl Into<String>) -> Self {
        self.messages.push((Role::Assistant, text.into()));
        self
    }

    /// Then the user says this.
    #[must_use]
    pub fn then_user(mut self, text: impl Into<String>) -> Self {
        self.messages.push((Role::User, text.into()));
        self
    }

    /// With a system prompt.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// At most so many tokens.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// At this temperature.
    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// In the words of the protocol.
    #[expect(deprecated, reason = "SEP-2577 deprecates sampling; clients of today have it")]
    pub(crate) fn to_params(&self) -> CreateMessageRequestParams {
        let message = |(role, text): &(Role, String)| match role {
            Role::Assistant => SamplingMessage::assistant_text(text),
            Role::User => SamplingMessage::user_text(text),
        };
        let messages = self.messages.iter().map(message).collect();
        let mut params = CreateMessageRequestParams::new(messages, self.max_tokens);
        params.system_prompt = self.system.clone();
        params.temperature = self.temperature;
        params
    }
}

/// A question to the client's model; await it. See [`Call::sample`](crate::Call::sample).
#[must_use = "nothing is asked until this is awaited"]
pub struct Sample {
    asking: Asking,
    sampling: Sampling,
}

/// What the client's model said.
#[derive(Debug, Clone)]
pub struct Sampled {
    text: String,
    model: String,
}

impl Sampled {
    /// The text; what it said beside texts isn't in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The model that said it.
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl Sample {
    pub(crate) fn new(outlet: Arc<dyn Outlet>, sampling: Sampling) -> Self {
        Self { asking: Asking { outlet, key: None }, sampling }
    }
}

impl IntoFuture for Sample {
    type Output = Result<Sampled, InputError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    #[expect(deprecated, reason = "SEP-2577 deprecates sampling; clients of today have it")]
    fn into_future(self) -> Self::IntoFuture {
        let read = |answer| {
            let said: CreateMessageResult = serde_json::from_value(answer).ok()?;
            let texts = said.message.content.iter().filter_map(|block| block.as_text());
            let text = texts.map(|text| &*text.text).collect::<Vec<_>>().join("\n");
            Some(Ok(Sampled { text, model: said.model }))
        };
        Box::pin(self.asking.answer(Question::Sample(self.sampling), read))
    }
}

/// A place where the client works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its URI: `file://…`. The client says it; it grants nothing.
    pub uri: String,
    /// What the client calls it.
    pub name: Option<String>,
}

/// A question where the client works; await it. See [`Call::roots`](crate::Call::roots).
#[must_use = "nothing is asked until this is awaited"]
pub struct Roots {
    asking: Asking,
}

impl Roots {
    pub(crate) fn new(outlet: Arc<dyn Outlet>) -> Self {
        Self { asking: Asking { outlet, key: None } }
    }
}

impl IntoFuture for Roots {
    type Output = Result<Vec<Root>, InputError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    #[expect(deprecated, reason = "SEP-2577 deprecates roots; clients of today have them")]
    fn into_future(self) -> Self::IntoFuture {
        let read = |answer| {
            let listed: ListRootsResult = serde_json::from_value(answer).ok()?;
            Some(Ok(listed.roots.into_iter().map(|root| Root { uri: root.uri, name: root.name }).collect()))
        };
        Box::pin(self.asking.answer(Question::Roots, read))
    }
}
