//! What a screen makes of values, as a table.

use serde_json::{Value, json};

use super::{
    found::{Findings, Place},
    rule::Filter,
    screen::{Refused, Screen},
    walk::Keys,
};
use crate::redact::Counts;

/// A screen of these filters, for what this schema declares.
pub(crate) fn screen(filters: &[Filter], schema: &Value) -> Screen {
    Screen::of(filters, schema.as_object().cloned().unwrap_or_default())
}

/// What becomes of a value: what is said against it, and what was found where.
pub(super) fn judged(screen: &Screen, value: &Value) -> (Option<&'static str>, Vec<String>) {
    let findings = Findings::default();
    let refused = screen.inspect(value, Keys::Data, Place::of("/arguments"), &findings).err().map(Refused::reason);
    let found = findings.all().into_iter().map(|it| format!("{} {} {}", it.name, it.place, it.action.word()));
    (refused, found.collect())
}

fn schema() -> Value {
    json!({"properties": {
        "path": {"type": "string"}, "password": {"type": "string"}, "n": {"type": "integer"},
        "options": {"properties": {"path": {"type": "string"}, "list": {"type": "array"}}},
    }})
}

#[test]
fn s19_whatever_it_is_written_in() {
    let screen = screen(&[Filter::arguments("f", "password")], &schema());
    for text in [
        "my password is",
        "ｐａｓｓｗｏｒｄ",
        "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝",
        "pass\u{200b}word",
        "pa\u{ad}ss\u{2060}w\u{fe0f}ord",
        "pass\u{202e}word",
        "\u{e0070}\u{e0061}\u{e0073}\u{e0073}\u{e0077}\u{e006f}\u{e0072}\u{e0064}",
        "p\u{0}assword",
        "%70assword",
        "%2570assword",
        "%252570assword",
        "pass%E2%80%8Bword",
        "&#112;assword",
        "&#x70;assword",
        "&#0000000000000112;assword",
        "&#112assword",
        "&amp;#112;assword",
        "&amp;amp;#112;assword",
        "pass&ZeroWidthSpace;word password",
        r"\u0070assword",
        r"\\u0070assword",
        r#"{"a":"\u0070assword"}"#,
        r#"{"password":1}"#,
        "bXkgcGFzc3dvcmQgbGVha2Vk",
        "run bXkgcGFzc3dvcmQgbGVha2Vk now",
        "bXkgcGFz\nc3dvcmQgbGVha2Vk",
        "b X k g c G F z c 3 d v c m Q g b G V h a 2 V k",
        "bXktcGFzc3dvcmQ_X2xlYWtlZA",
        "cGFzc3dvcmQ=",
        "see cGFz c3dvcmQ= there",
        // Base64 of base64, percent in base64, base64 in percent, full-width base64.
        "WW1GemMzQmhjM04zYjNKaw cGFzc3dvcmQ",
        "Y0dGemMzZHZjbVE9",
        "JTcwYXNzd29yZA==",
        "%63GFzc3dvcmQ=",
        "ｃＧＦｚｃ３ｄｖｃｍＱ＝",
        "data:text/plain;base64,cGFzc3dvcmQ=",
    ] {
        let (refused, found) = judged(&screen, &json!({ "path": text }));
        assert_eq!(
            (refused, &*found),
            (Some("argument_filter"), &["f /arguments/path block".to_owned()][..]),
            "{text}"
        );
    }
    for text in
        ["", "pass word", "PASSWORD", "pa55word", "cGFzcw==", "100 % & more", "an ordinary sentence of some length"]
    {
        assert_eq!(judged(&screen, &json!({ "path": text })), (None, vec![]), "{text}");
    }
}

#[test]
fn s19_every_form_counts_by_itself() {
    for (pattern, text) in [
        ("a b", "a+b"),
        ("a b", "a%2Bb"),
        (r"\u{200b}", "a\u{200b}b"),
        ("ｂ", "ａｂ"),
        ("%41", "%41"),
        ("YWJj", "YWJj"),
        (r"\\u0041", r"\u0041"),
        ("(?i)STRASSE", "%73trasse"),
        ("^abc$", "YWJjCg YWJj"),
        ("é", "e\u{301}"),
        ("①", "①"),
    ] {
        let screen = screen(&[Filter::arguments("f", pattern)], &schema());
        assert_eq!(
            judged(&screen, &json!({ "path": text })).0.is_some(),
            !pattern.starts_with('^'),
            "{pattern} {text}"
        );
    }
    let sensitive = screen(&[Filter::arguments("f", "needle")], &schema());
    let insensitive = screen(&[Filter::arguments("f", "needle").case_insensitive()], &schema());
    for text in ["NEEDLE", "ＮＥＥＤＬＥ", "%4EEEDLE", "TkVFRExF"] {
        assert_eq!(judged(&sensitive, &json!({ "path": text })).0, None, "{text}");
        assert!(judged(&insensitive, &json!({ "path": text })).0.is_some(), "{text}");
    }
}

#[test]
fn s19_keys_and_values_at_any_depth() {
    let screen = screen(&[Filter::arguments("f", "password|4711")], &schema());
    for (value, place) in [
        (json!({"path": ["x", {"y": "password"}]}), "/arguments/path/*/*"),
        (json!({"options": {"a password": 1}}), "/arguments/options/*"),
        (json!({"options": {"list": [[["password"]]]}}), "/arguments/options/list/*/*/*"),
        (json!({"cGFzc3dvcmQ=": null}), "/arguments/*"),
        (json!({"n": 47_110}), "/arguments/n"),
        (json!({"n": 0.4711}), "/arguments/n"),
    ] {
        assert_eq!(judged(&screen, &value), (Some("argument_filter"), vec![format!("f {place} block")]), "{value}");
    }
    // The application's own words are no data.
    assert_eq!(judged(&screen, &json!({"password": "x", "options": {"path": true}})), (None, vec![]));
}

#[test]
fn s19_fields_by_name_and_by_pointer() {
    let judge = |fields: &[&str], value: Value| {
        judged(&screen(&[Filter::arguments("f", "x+").fields(fields.iter().copied())], &schema()), &value).0.is_some()
    };
    for (fields, value, blocked) in [
        (&["path"][..], json!({"path": "x"}), true),
        (&["path"], json!({"n": "x"}), false),
        (&["path"], json!({"options": {"path": ["x"]}}), true),
        (&["path"], json!({"options": "{\"path\":\"x\"}"}), true),
        (&["path"], json!({"options": "{\"n\":\"x\"}"}), false),
        (&["path"], json!({"options": "eyJwYXRoIjoieCJ9"}), true),
        (&["path"], json!({"p\u{200b}ath": "x"}), true),
        (&["n", "path"], json!({"path": "x"}), true),
        (&["/path"], json!({"path": "x"}), true),
        (&["/path"], json!({"options": {"path": "x"}}), false),
        (&["/options/path"], json!({"options": {"path": {"deep": "x"}}}), true),
        (&["/*/path"], json!({"options": {"path": "x"}}), true),
        (&["/*/path"], json!({"path": "x"}), false),
        (&["/options/list/1"], json!({"options": {"list": ["x", "y"]}}), false),
        (&["/options/list/1"], json!({"options": {"list": ["y", "x"]}}), true),
        (&["/options/list/*"], json!({"options": {"list": ["x", "y"]}}), true),
        (&["path", "*"], json!({"n": "x"}), true),
    ] {
        assert_eq!(judge(fields, value.clone()), blocked, "{fields:?} {value}");
    }
    // One reader takes the first of two, another the last.
    let screen = screen(&[Filter::arguments("f", "x+").fields(["path"])], &schema());
    let twice = json!({"options": "{\"path\":\"x\",\"path\":\"y\"}"});
    assert_eq!(judged(&screen, &twice).0, Some("unscannable"));
}

#[test]
fn s20_what_is_found_is_told_by_names_of_ours() {
    let filters = [
        Filter::arguments("first", "canary").warn(),
        Filter::arguments("second", "(?i)CANARY-[0-9]").warn(),
        Filter::arguments("third", "nothing"),
    ];
    let value = json!({"path": "canary-1 canary", "canary-2": {"canary-3": "canary-4"}, "n": "x"});
    let (refused, found) = judged(&screen(&filters, &schema()), &value);
    assert_eq!(refused, None);
    assert_eq!(
        found,
        [
            "first /arguments/path warn",
            "second /arguments/path warn",
            "first /arguments/* warn",
            "second /arguments/* warn",
            "first /arguments/*/* warn",
            "second /arguments/*/* warn",
        ]
    );
}

#[test]
fn s19_what_cannot_be_looked_at_is_refused() {
    let screen = screen(&[Filter::arguments("f", "needle")], &schema());
    let judge = |value: Value| judged(&screen, &value).0;
    let nested = |levels: usize| (0..levels).fold(json!("x"), |inner, _| json!([inner]));
    assert_eq!(judge(nested(100)), None);
    assert_eq!(judge(nested(200)), Some("unscannable"));
    let base64 = |levels: usize| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        (0..levels).fold("a needle in a stack of hay".to_owned(), |text, _| STANDARD.encode(text))
    };
    for levels in 0..=4 {
        assert_eq!(judge(json!({ "path": base64(levels) })), Some("argument_filter"), "{levels}");
    }
    for levels in 5..9 {
        assert_eq!(judge(json!({ "path": base64(levels) })), Some("unscannable"), "{levels}");
    }
    let percent = |levels: usize| format!("%{}41", "25".repeat(levels));
    assert_eq!(judge(json!({ "path": percent(4) })), None);
    assert_eq!(judge(json!({ "path": percent(40) })), Some("unscannable"));
    assert_eq!(judge(json!({ "path": format!("&{}lt;", "amp;".repeat(40)) })), Some("unscannable"));
    assert_eq!(judge(json!({ "path": "x".repeat(17 << 20) })), Some("unscannable"));
    let many: Vec<Value> = (0..2_000_001).map(Value::from).collect();
    assert_eq!(judge(json!({ "path": many })), Some("unscannable"));
    // Many backslashes are a drawing.
    assert_eq!(judge(json!({"path": "\\".repeat(100)})), None);
}

/// What leaves, and how much was masked.
fn leaves(pattern: &str, mut value: Value) -> Value {
    let screen = screen(&[Filter::responses("f", pattern).redact()], &schema());
    let (findings, mut counts) = (Findings::default(), Counts::default());
    screen.value(&mut value, Keys::Data, Place::of("/structuredContent"), &findings, &mut counts).expect("may leave");
    assert_eq!(counts.is_empty(), findings.all().is_empty());
    value
}

#[test]
fn s19_a_match_is_masked_in_its_place() {
    for (text, left) in [
        ("a ghp_1 b ghp_2", "a «redacted:filter» b «redacted:filter»"),
        ("a ｇｈｐ_1 é", "a «redacted:filter» é"),
        ("a ghp\u{200b}_1 é", "a «redacted:filter» é"),
        ("a %67hp_1%20é", "a «redacted:filter»%20é"),
        ("a &#103;hp_1, é", "a «redacted:filter», é"),
        ("see eCBnaHBfMSB5 there", "see «redacted:filter» there"),
        ("see eCBnaHBf MSB5IHg= there", "see «redacted:filter» there"),
        ("eCBnaHBfMSB5", "«redacted:filter»"),
        ("a %2567hp_1 b", "a «redacted:filter» b"),
        ("«redacted:secret» ghp_1", "«redacted:secret» «redacted:filter»"),
        ("nothing", "nothing"),
    ] {
        assert_eq!(leaves("ghp_[0-9]+", json!(text)), json!(left), "{text}");
        assert_eq!(leaves("ghp_[0-9]+", json!(left)), json!(left), "masked twice");
    }
    assert_eq!(leaves("secret|red", json!("«redacted:secret»")), json!("«redacted:secret»"), "a mask says nothing");
    assert_eq!(leaves("4711", json!({"n": 47_110})), json!({"n": "«redacted:filter»0"}));
    assert_eq!(
        leaves("pass", json!({"path": ["pass"], "password": 1, "my pass": 2, "our pass": {"passes": 3}})),
        json!({
            "path": ["«redacted:filter»"], "password": 1, "my «redacted:filter»": 2,
            "our «redacted:filter»": {"«redacted:filter»es": 3},
        })
    );
    assert_eq!(leaves("pass", json!({"pass1": 1, "pass2": 2, "pass1 ": 3}))["«redacted:filter»1"], 1);
    assert_eq!(leaves("p[0-9]", json!({"p1": 1, "p2": 2})), json!({"«redacted:filter»": 1, "«redacted:filter»#2": 2}));
}

#[test]
fn s19_bytes_that_are_text_are_looked_at() {
    let screen = screen(&[Filter::responses("f", "needle").redact()], &schema());
    let look = |bytes: &[u8]| {
        let (findings, mut counts) = (Findings::default(), Counts::default());
        screen.bytes(bytes, &Place::of("/contents"), &findings, &mut counts).map_err(Refused::reason)
    };
    assert_eq!(look(b"a needle"), Ok(Some("a «redacted:filter»".as_bytes().to_vec())));
    assert_eq!(look(b"a thread"), Ok(None));
    assert_eq!(look(b"\xff\x00a needle in a stack of hay\xfe"), Err("response_filter"));
    assert_eq!(look(b"\xff\x00a thread in a stack of hay\xfe"), Ok(None));
}
