//! What filters look at, and when: all that a caller sends and that reaches a function, before it does (step 4); and all that
//! leaves, before it is redacted (step 9), so that a filter sees what was meant to leave.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use base64::Engine;
use rmcp::model::{ContentBlock, PromptMessage};
use serde_json::{Map, Value};

use super::{
    Asked, Found, Guard, Request, Stop,
    aside::{Weighed, aside},
    record::Record,
    release::take_binary,
    rounds::Rounds,
    steps::Step,
};
use crate::{
    call::{HeldContents as Held, Message, Reply},
    filter::{Direction, Findings, Keys, Place, Refused, Screen, Screens, Unscannable},
    input::{Question, Sampling},
    redact::{Counts, Decoded, decode_base64},
};

/// The filters that apply to a call, and what they have found in it.
#[derive(Clone)]
pub(super) struct Screened {
    screens: Arc<Screens>,
    pub(super) findings: Arc<Findings>,
}

impl Guard {
    /// Looks at all that a request brings for a function.
    pub(super) fn filter(
        &self,
        request: &Request,
        found: &Found<'_>,
        rounds: Option<&Rounds>,
        record: &Record<'_>,
    ) -> Result<(), Stop> {
        self.steps.count(Step::Filter);
        let Some(screened) = &record.screened else { return Ok(()) };
        let answers = || rounds.map(Rounds::answers).unwrap_or_default();
        let look = || screened.request(request, found).and_then(|()| screened.answers(answers));
        aside(found.arguments.is_large(), look).map_err(Stop::Filtered)
    }
}

impl Screened {
    pub(super) fn by(screens: &Arc<Screens>) -> Self {
        Self { screens: Arc::clone(screens), findings: Arc::default() }
    }

    /// The same, with what was found until now; the one that it is taken from goes on with nothing.
    pub(super) fn until_now(&self) -> Self {
        Self { screens: Arc::clone(&self.screens), findings: Arc::new(self.findings.take()) }
    }

    fn request(&self, request: &Request, found: &Found<'_>) -> Result<(), Refused> {
        let Some(screen) = &self.screens.arguments else { return Ok(()) };
        let arguments = match &request.asked {
            Asked::Tool { arguments, .. } | Asked::Prompt { arguments, .. } => Cow::Borrowed(arguments),
            Asked::Resource { .. } | Asked::Task { .. } => Cow::Borrowed(&*found.arguments),
            Asked::Completion { argument, partial, .. } => {
                let mut said: Map<String, Value> = partial.others.clone();
                said.insert(argument.clone().into(), partial.text().into());
                Cow::Owned(Value::Object(said))
            }
        };
        screen.inspect(&arguments, Keys::Data, Place::of("/arguments"), &self.findings)
    }

    /// Looks at answers to questions.
    pub(super) fn answers(&self, answers: impl FnOnce() -> BTreeMap<String, Value>) -> Result<(), Refused> {
        match &self.screens.arguments {
            Some(_) => answers().values().try_for_each(|answer| self.answer(answer)),
            None => Ok(()),
        }
    }

    /// Looks at an answer. Of a form, what its user filled in; members that it doesn't have are dropped later.
    pub(super) fn answer(&self, answer: &Value) -> Result<(), Refused> {
        let Some(screen) = &self.screens.arguments else { return Ok(()) };
        let said = match answer.get("action") {
            Some(_) => answer.get("content").unwrap_or(&Value::Null),
            None => answer,
        };
        screen.inspect(said, Keys::Ours, Place::of("/inputResponses/*"), &self.findings)
    }
}

/// What leaves. Each gives back what may, with masks in it, or refuses.
impl Screened {
    /// A text of a function's, at a place of the protocol's.
    pub(super) fn text<'t>(&self, text: &'t str, place: &str, counts: &mut Counts) -> Result<Cow<'t, str>, Refused> {
        match &self.screens.responses {
            Some(screen) => screen.text(text, Place::of(place), &self.findings, counts),
            None => Ok(Cow::Borrowed(text)),
        }
    }

    /// What a log message holds.
    pub(super) fn log(&self, data: &mut Value, counts: &mut Counts) -> Result<(), Refused> {
        match &self.screens.responses {
            Some(screen) => screen.value(data, Keys::Data, Place::of("/data"), &self.findings, counts),
            None => Ok(()),
        }
    }

    /// A question. A form is the application's; the address of a page can't have masks.
    pub(super) fn question(&self, question: &Question, counts: &mut Counts) -> Result<Question, Refused> {
        let mut text = |text: &str| self.text(text, "/inputRequests/*", counts).map(Cow::into_owned);
        Ok(match question {
            Question::Form { message, schema } => {
                Question::Form { message: text(message)?, schema: Arc::clone(schema) }
            }
            Question::Url { message, url } => {
                if text(url)? != *url {
                    return Err(Refused::Filtered(Direction::Responses));
                }
                Question::Url { message: text(message)?, url: url.clone() }
            }
            Question::Sample(sampling) => {
                let messages = sampling.messages.iter().map(|(role, said)| Ok((role.clone(), text(said)?)));
                let messages = messages.collect::<Result<_, Refused>>()?;
                let system = sampling.system.as_deref().map(text).transpose()?;
                Question::Sample(Sampling { messages, system, ..sampling.clone() })
            }
            Question::Roots => Question::Roots,
        })
    }

    /// A function's reply; `structured` is where a structured one stands in the result.
    pub(super) fn reply(&self, reply: Reply, structured: &str, counts: &mut Counts) -> Result<Reply, Refused> {
        let Some(screen) = &self.screens.responses else { return Ok(reply) };
        let mut exit = Exit { screen, findings: &self.findings, counts };
        Ok(match reply {
            Reply::Structured(mut value) => {
                exit.value(&mut value, structured)?;
                Reply::Structured(value)
            }
            Reply::Text(text) => Reply::Text(exit.text(text, "/content/*/text")?),
            Reply::Content(blocks) => {
                let blocks = blocks.into_iter().map(|block| exit.block(block, "/content/*"));
                Reply::Content(blocks.collect::<Result<_, _>>()?)
            }
            Reply::Contents(mut contents) => {
                contents.mime = contents.mime.map(|mime| exit.text(mime, "/contents/*/mimeType")).transpose()?;
                contents.held = match contents.held {
                    Held::Text(text) => Held::Text(exit.text(text, "/contents/*/text")?),
                    Held::Blob(bytes) => {
                        let masked = exit.bytes(&bytes, "/contents/*/blob")?;
                        Held::Blob(masked.unwrap_or(bytes))
                    }
                };
                Reply::Contents(contents)
            }
            Reply::Messages(messages) => {
                let messages = messages.into_iter().map(|Message(PromptMessage { role, content, .. })| {
                    Ok(Message(PromptMessage::new(role, exit.block(content, "/messages/*/content")?)))
                });
                Reply::Messages(messages.collect::<Result<_, Refused>>()?)
            }
            Reply::TooDeep => return Err(Refused::Unscannable(Unscannable::TooDeep)),
            Reply::Values(values) => {
                let mut kept = Vec::with_capacity(values.len());
                for value in values {
                    // Who chose one with a mask in it would ask for something else.
                    if let Cow::Borrowed(_) = exit.borrowed(&value, "/completion/values/*")? {
                        kept.push(value);
                    }
                }
                Reply::Values(kept)
            }
        })
    }
}

/// The way out of a reply.
struct Exit<'e> {
    screen: &'e Screen,
    findings: &'e Findings,
    counts: &'e mut Counts,
}

impl Exit<'_> {
    fn value(&mut self, value: &mut Value, place: &str) -> Result<(), Refused> {
        self.screen.value(value, Keys::Data, Place::of(place), self.findings, self.counts)
    }

    fn borrowed<'t>(&mut self, text: &'t str, place: &str) -> Result<Cow<'t, str>, Refused> {
        self.screen.text(text, Place::of(place), self.findings, self.counts)
    }

    fn text(&mut self, text: Cow<'static, str>, place: &str) -> Result<Cow<'static, str>, Refused> {
        Ok(match self.borrowed(&text, place)? {
            Cow::Owned(masked) => Cow::Owned(masked),
            Cow::Borrowed(_) => text,
        })
    }

    fn bytes(&mut self, bytes: &[u8], place: &str) -> Result<Option<Vec<u8>>, Refused> {
        self.screen.bytes(bytes, &Place::of(place), self.findings, self.counts)
    }

    /// A content block: its texts, what its bytes spell, and what an author adds. A block that would be none with a mask in it
    /// is refused.
    fn block(&mut self, block: ContentBlock, place: &str) -> Result<ContentBlock, Refused> {
        /// The protocol's own words.
        const WORDS: [&str; 3] = ["/type", "/annotations/audience", "/resource/annotations/audience"];
        const ADDED: [&str; 2] = ["/_meta", "/resource/_meta"];
        let unfit = |_| Refused::Filtered(Direction::Responses);
        let mut value = serde_json::to_value(block).map_err(unfit)?;
        let mut aside = Vec::new();
        if let Some((path, data)) = take_binary(&mut value) {
            aside.push((path, self.media(data, place)?.into()));
        }
        for path in WORDS.into_iter().chain(ADDED) {
            if let Some(part) = value.pointer_mut(path) {
                let mut part = part.take();
                if ADDED.contains(&path) {
                    self.value(&mut part, &format!("{place}{path}"))?;
                }
                aside.push((path, part));
            }
        }
        self.screen.value(&mut value, Keys::Ours, Place::of(place), self.findings, self.counts)?;
        for (path, part) in aside {
            if let Some(slot) = value.pointer_mut(path) {
                *slot = part;
            }
        }
        serde_json::from_value(value).map_err(unfit)
    }

    /// Base64: what its bytes spell, or as a text if it is none.
    fn media(&mut self, mut data: String, place: &str) -> Result<String, Refused> {
        let place = &format!("{place}/data");
        // A line break could part a word.
        data.retain(|c| !c.is_ascii_whitespace());
        let (bytes, alphabet) = match decode_base64(&data) {
            None => return Ok(self.text(data.into(), place)?.into_owned()),
            Some(Decoded::Text(text, alphabet)) => (text.into_bytes(), alphabet),
            Some(Decoded::Binary(bytes, alphabet)) => (bytes, alphabet),
        };
        let masked = self.bytes(&bytes, place)?;
        Ok(masked.map_or(data, |masked| alphabet.encode(masked)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{call::Contents, filter::Filter};

    /// What a reply of this block becomes, or why it is refused.
    fn left(filter: Filter, block: ContentBlock) -> Result<Value, &'static str> {
        let responses = Some(Screen::of(&[filter], Map::new()));
        let screened = Screened::by(&Arc::new(Screens { arguments: None, responses }));
        let reply = screened.reply(Reply::Content(vec![block]), "/structuredContent", &mut Counts::default());
        match reply.map_err(Refused::reason)? {
            Reply::Content(blocks) => Ok(serde_json::to_value(&blocks[0]).expect("JSON")),
            _ => panic!("content stays content"),
        }
    }

    fn needle() -> Filter {
        Filter::responses("f", "needle")
    }

    fn with_meta() -> ContentBlock {
        let block =
            json!({"type": "text", "text": "hay", "annotations": {"audience": ["user"]}, "_meta": {"a needle": 1}});
        serde_json::from_value(block).expect("a block")
    }

    #[test]
    fn s19_a_block_is_looked_at_in_all_its_parts() {
        let encoded = base64::engine::general_purpose::STANDARD.encode("a needle in a stack of hay");
        let noise = base64::engine::general_purpose::STANDARD.encode(b"\x89PNG\xff\x00a needle in a stack of hay\xfe");
        let blocks = [
            ContentBlock::text("a needle"),
            ContentBlock::image(encoded.clone(), "text/plain"),
            ContentBlock::image(noise.clone(), "image/png"),
            ContentBlock::embedded_text("memo://1", "a needle"),
            ContentBlock::embedded_text("memo://needle", "hay"),
            Contents::blob("a needle").embedded("memo://1"),
            crate::content::link("memo://1", "needle"),
            with_meta(),
        ];
        for block in blocks {
            assert_eq!(left(needle(), block.clone()), Err("response_filter"), "{block:?}");
        }
        // What can't have a mask is refused.
        assert_eq!(left(needle().redact(), ContentBlock::image(noise, "image/png")), Err("response_filter"));
        let image = left(needle().redact(), ContentBlock::image(encoded, "text/plain")).expect("may leave");
        let data = base64::engine::general_purpose::STANDARD.decode(image["data"].as_str().expect("data"));
        assert_eq!(data.ok(), Some("a «redacted:filter» in a stack of hay".as_bytes().to_vec()));
        let meta = left(needle().redact(), with_meta()).expect("may leave");
        assert_eq!(meta["_meta"], json!({"a «redacted:filter»": 1}));
    }

    #[test]
    fn the_protocols_own_words_are_no_data() {
        for word in ["text|type|audience|user|annotations", "_meta"] {
            let filter = Filter::responses("f", word);
            assert!(left(filter.clone(), ContentBlock::image("iVBORw0KGgo=", "image/png")).is_ok(), "{word}");
            assert!(left(filter, with_meta()).is_ok(), "{word}");
        }
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        let responses = Some(Screen::of(&[needle()], Map::new()));
        let screened = Screened::by(&Arc::new(Screens { arguments: None, responses }));
        let reply = screened.reply(Reply::TooDeep, "/structuredContent", &mut Counts::default());
        assert_eq!(reply.map(drop).map_err(Refused::reason), Err("unscannable"));
    }
}
