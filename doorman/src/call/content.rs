//! What resources and prompts give: contents, and messages.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use rmcp::model::{ContentBlock, PromptMessage, Resource, ResourceContents, Role};

/// What a resource holds: a text or bytes, with a MIME type if it isn't the one that the annotation says.
///
/// ```
/// use doorman::content::Contents;
/// let page = Contents::text("# Notes").mime("text/markdown");
/// let logo = Contents::blob(vec![0x89, 0x50, 0x4e, 0x47]).mime("image/png");
/// ```
#[derive(Debug, Clone)]
pub struct Contents {
    pub(crate) held: Held,
    pub(crate) mime: Option<Cow<'static, str>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Held {
    Text(Cow<'static, str>),
    Blob(Vec<u8>),
}

impl Contents {
    /// A text.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self { held: Held::Text(text.into()), mime: None }
    }

    /// Bytes. They are sent in base64; what is text in them is redacted like any other.
    pub fn blob(bytes: impl Into<Vec<u8>>) -> Self {
        Self { held: Held::Blob(bytes.into()), mime: None }
    }

    /// Of this MIME type, whatever the annotation says.
    #[must_use]
    pub fn mime(mut self, mime: impl Into<Cow<'static, str>>) -> Self {
        self.mime = Some(mime.into());
        self
    }
}

impl Contents {
    /// As a content block, for a tool's result or a message: the resource with this URI, as it is now.
    ///
    /// ```
    /// use doorman::content::Contents;
    /// let block = Contents::text("# Notes").mime("text/markdown").embedded("notes://7");
    /// ```
    pub fn embedded(self, uri: impl Into<String>) -> ContentBlock {
        let (uri, mime) = (uri.into(), self.mime.map(Cow::into_owned));
        let (contents, default) = match self.held {
            Held::Text(text) => (ResourceContents::text(text.into_owned(), uri), "text/plain"),
            Held::Blob(bytes) => (ResourceContents::blob(STANDARD.encode(bytes), uri), "application/octet-stream"),
        };
        ContentBlock::resource(contents.with_mime_type(mime.unwrap_or_else(|| default.to_owned())))
    }
}

/// A content block that names a resource, for a tool's result or a message. Whoever follows it needs the resource's scopes.
pub fn link(uri: impl Into<String>, name: impl Into<String>) -> ContentBlock {
    ContentBlock::resource_link(Resource::new(uri, name))
}

/// A message of a prompt.
///
/// ```
/// use doorman::content::Message;
/// let talk = vec![Message::user("What is 6 × 7?"), Message::assistant("42")];
/// ```
#[derive(Debug, Clone)]
pub struct Message(pub(crate) PromptMessage);

impl Message {
    /// What the user says.
    pub fn user(content: impl IntoContent) -> Self {
        Self(PromptMessage::new(Role::User, content.into_content()))
    }

    /// What the model says.
    pub fn assistant(content: impl IntoContent) -> Self {
        Self(PromptMessage::new(Role::Assistant, content.into_content()))
    }
}

/// What can be a content block: a text, or a block.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no content",
    label = "neither a text nor a `ContentBlock`",
    note = "give a `&str`, a `String` or a `doorman::content::ContentBlock`"
)]
pub trait IntoContent {
    /// The block.
    fn into_content(self) -> ContentBlock;
}

impl IntoContent for ContentBlock {
    fn into_content(self) -> ContentBlock {
        self
    }
}

impl IntoContent for String {
    fn into_content(self) -> ContentBlock {
        ContentBlock::text(self)
    }
}

impl IntoContent for &str {
    fn into_content(self) -> ContentBlock {
        ContentBlock::text(self)
    }
}
