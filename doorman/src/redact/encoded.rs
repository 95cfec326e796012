//! Text in base64, found by its bytes: whoever can choose an encoding must not choose what is redacted.

use std::borrow::Cow;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Shorter texts than this hold nothing that a detector looks for.
const SHORTEST: usize = 8;

/// The two alphabets of RFC 4648, padded or not.
const ALPHABETS: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&STANDARD, LENIENT), GeneralPurpose::new(&URL_SAFE, LENIENT)];
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// What a text in base64 turned out to be.
pub(crate) enum Decoded {
    /// UTF-8, and the alphabet that it was written in.
    Text(String, &'static GeneralPurpose),
    /// Something else: an image, a hash, a word that only looks like base64, or text with a byte that is none.
    Binary(Vec<u8>, &'static GeneralPurpose),
}

/// The bytes of a text that is base64 from its first character to its last; `None` for any other.
pub(crate) fn decode(text: &str) -> Option<Decoded> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n');
    if text.len() < SHORTEST || text.len() % 4 == 1 && !text.contains(['\r', '\n']) || !text.bytes().all(plain) {
        return None;
    }
    // Base64 for mail has line breaks (RFC 2045).
    let text: Cow<'_, str> =
        if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], "").into() } else { text.into() };
    let (bytes, alphabet) = ALPHABETS.iter().find_map(|alphabet| Some((alphabet.decode(&*text).ok()?, alphabet)))?;
    Some(match String::from_utf8(bytes) {
        Ok(text) => Decoded::Text(text, alphabet),
        Err(error) => Decoded::Binary(error.into_bytes(), alphabet),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_texts_in_base64_are_decoded() {
        for text in
            ["YWRhQGV4YW1wbGUuY29t", "YWRhQGV4YW1wbGUuY29tIQ", "YWRhQGV4YW1wbGUuY29tIQ==", "YWRhQGV4\r\nYW1wbGUuY29t"]
        {
            assert!(
                matches!(decode(text), Some(Decoded::Text(text, _)) if text.starts_with("ada@example.com")),
                "{text}"
            );
        }
        for text in ["", "YWRh", "see YWRhQGV4YW1wbGUuY29t", "YWRhQGV4YW1wbGUuY29t.", "a b c d e f g"] {
            assert!(decode(text).is_none(), "{text}");
        }
        assert!(matches!(decode("iVBORw0KGgo="), Some(Decoded::Binary(..))));
    }
}
