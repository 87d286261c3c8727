//! The tool without a network: what it asks for and what it makes of an answer. What it does with a
//! network is tested through the door.

use bytes::Bytes;
use durward_cage::egress::{Connector, EgressSettings, Response};
use durward_core::{Answer, Call, Cancel, OwnResult, Provider, Refusal};
use durward_guard::{egress::Target, schema::Schema};
use durward_testkit::call;
use serde_json::{Value, json};

use super::{
    HttpPack, HttpSettings, answer,
    arguments::Args,
    content::{self, Format, Source},
    page::Range,
};

fn pack() -> HttpPack {
    let connector = Connector::new(EgressSettings::default()).unwrap();
    HttpPack::new(connector, HttpSettings::default()).unwrap()
}

fn fetch(arguments: &Value) -> Call {
    call("http_fetch", &arguments.to_string())
}

fn response(content_type: &str, body: &[u8]) -> Response {
    Response {
        status: 200,
        target: Target::parse("https://example.com/page").unwrap(),
        redirects: 0,
        headers: vec![("content-type".into(), content_type.into())],
        body: Bytes::copy_from_slice(body),
        truncated: false,
    }
}

/// What is made of a response.
fn answered(response: &Response, format: Format, range: Range) -> Result<OwnResult, Refusal> {
    let source = Source {
        body: response.body.to_vec(),
        content_type: response.header("content-type").map(Box::from),
        base: response.target.as_str().into(),
        cut: response.truncated,
        most: 1 << 20,
    };
    let shape = format.settled(true, &source);
    let content = content::convert(source, shape, &Cancel::new())?;
    match answer::write(response, content, range)? {
        Answer::Own(result) => Ok(result),
        _ => panic!("an answer of our own"),
    }
}

fn structure(result: &OwnResult) -> Value {
    let told: Value = serde_json::from_slice(&result.told().concat()).unwrap();
    let tool = &pack().offer().tools[0];
    let schema = Schema::compile(tool.output_schema.as_ref().unwrap()).unwrap();
    assert!(schema.check(&told).is_ok(), "{told}");
    told
}

fn text(result: &OwnResult) -> String {
    let body: Value = serde_json::from_slice(result.to_raw().bytes()).unwrap();
    body["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_can_t_be_sent_is_refused_with_the_argument() {
    let pack = pack();
    for (arguments, word, path) in [
        (
            json!({"url": "ftp://example.com"}),
            "unsupported_protocol",
            "/url",
        ),
        (json!({"url": "http://a\r\nb"}), "crlf_in_url", "/url"),
        (
            json!({"url": "http://example.com:99999"}),
            "invalid_url",
            "/url",
        ),
        (
            json!({"url": "http://example.com", "headers": {"a b": "c"}}),
            "invalid_header_name",
            "/headers/a b",
        ),
        (
            json!({"url": "http://example.com", "headers": {"Accept": "c\r\nd: e"}}),
            "crlf_in_header",
            "/headers/Accept",
        ),
        (
            json!({"url": "http://example.com", "headers": {"Cookie": "c"}}),
            "header_not_allowed",
            "/headers/Cookie",
        ),
        (
            json!({"url": "http://example.com", "body": "x"}),
            "body_not_allowed",
            "/body",
        ),
        (
            json!({"url": "http://example.com", "method": "POST", "body": "a", "body_encoding": "base64"}),
            "invalid_base64",
            "/body",
        ),
        (
            json!({"url": "http://example.com", "method": "TRACE"}),
            "",
            "",
        ),
    ] {
        let refused = pack.call(&fetch(&arguments)).await.unwrap_err();
        assert_eq!(refused.code.as_str(), "invalid_arguments", "{arguments}");
        assert_eq!(refused.detail.unwrap_or_default(), word, "{arguments}");
        assert_eq!(refused.path.as_deref(), Some(path), "{arguments}");
    }
}

#[test]
fn a_body_is_sent_as_the_bytes_that_it_says() {
    for (encoding, body, bytes) in [("utf8", "é", "é".as_bytes()), ("base64", "AP8=", b"\0\xff")]
    {
        let arguments = json!({"url": "http://example.com", "method": "PUT", "body": body,
            "body_encoding": encoding});
        let request = Args::read(&fetch(&arguments)).unwrap().request().unwrap();
        assert_eq!(&request.body[..], bytes);
    }
}

#[test]
fn every_method_and_alias_is_one_that_can_be_sent() {
    let offer = pack().offer();
    let tool = &offer.tools[0];
    let schema: Value = tool.input_schema.parse().unwrap();
    let properties = &schema["properties"];
    for method in properties["method"]["enum"].as_array().unwrap() {
        let arguments = json!({"url": "http://example.com", "method": method});
        assert!(Args::read(&fetch(&arguments)).is_ok(), "{method}");
    }
    for (alias, name) in tool.argument_aliases {
        assert!(properties.get(alias).is_none() && properties.get(name).is_some());
    }
}

#[test]
fn the_schema_has_the_bounds() {
    let schema = Schema::compile(&pack().offer().tools[0].input_schema).unwrap();
    let url = "http://example.com";
    for (arguments, fits) in [
        (json!({"url": url}), true),
        (json!({}), false),
        (json!({"url": ""}), false),
        (json!({"url": url, "timeout_ms": 0}), false),
        (json!({"url": url, "timeout_ms": 1}), true),
        (json!({"url": url, "timeout_ms": 40000}), false),
        (json!({"url": url, "max_redirects": 6}), false),
        (json!({"url": url, "range": {"limit": 0}}), false),
        (json!({"url": url, "headers": {"a": 1}}), false),
        (json!({"url": url, "method": "get"}), false),
        (json!({"url": url, "cookie": "x"}), false),
    ] {
        assert_eq!(schema.check(&arguments).is_ok(), fits, "{arguments}");
    }
}

#[test]
fn what_comes_is_said_as_what_it_is() {
    let html = b"<h1>T</h1>".as_slice();
    for (kind, body, format, said, encoding) in [
        ("text/html", html, Format::Auto, "# T", "utf8"),
        ("text/html", html, Format::Markdown, "# T", "utf8"),
        ("text/html", html, Format::Text, "<h1>T</h1>", "utf8"),
        (
            "text/html",
            html,
            Format::Base64,
            "PGgxPlQ8L2gxPg==",
            "base64",
        ),
        ("text/plain", html, Format::Markdown, "<h1>T</h1>", "utf8"),
        (
            "image/png",
            b"\x89PNG\0",
            Format::Auto,
            "iVBORwA=",
            "base64",
        ),
        (
            "image/png",
            b"\x89PNG\0",
            Format::Text,
            "iVBORwA=",
            "base64",
        ),
        ("text/html", b"caf\xe9", Format::Auto, "Y2Fm6Q==", "base64"),
        (
            "text/html;charset=latin1",
            b"caf\xe9",
            Format::Auto,
            "café",
            "utf8",
        ),
        ("application/json", b"{}", Format::Auto, "{}", "utf8"),
        ("", b"", Format::Auto, "", "utf8"),
    ] {
        let result = answered(&response(kind, body), format, Range::default()).unwrap();
        let told = structure(&result);
        assert_eq!(
            (told["body"].as_str(), told["encoding"].as_str()),
            (Some(said), Some(encoding)),
            "{kind} as {format:?}"
        );
        assert_eq!(told["content_type"], kind);
        assert!(text(&result).ends_with(said));
    }
}

#[test]
fn a_long_answer_comes_in_parts_of_characters() {
    let whole = "é漢🦀".repeat(100);
    let response = response("text/plain", whole.as_bytes());
    let (mut seen, mut range) = (
        String::new(),
        Range {
            offset: 0,
            limit: Some(7),
        },
    );
    loop {
        let result = answered(&response, Format::Auto, range).unwrap();
        let told = structure(&result);
        seen.push_str(told["body"].as_str().unwrap());
        assert_eq!(told["truncated"], told.get("next").is_some());
        let Some(next) = told.get("next") else { break };
        assert!(text(&result).contains(&format!("{{\"offset\": {}}}", next["offset"])));
        range = serde_json::from_value(next.clone()).unwrap();
    }
    assert_eq!(seen, whole);
    let beyond = Range {
        offset: 301,
        limit: None,
    };
    let refused = answered(&response, Format::Auto, beyond).unwrap_err();
    assert_eq!(refused.path.as_deref(), Some("/range/offset"));
}

#[test]
fn what_was_cut_says_so_and_leaves_out_half_a_character() {
    let mut response = response("text/plain", &"é".as_bytes()[..1]);
    response.truncated = true;
    let result = answered(&response, Format::Auto, Range::default()).unwrap();
    let told = structure(&result);
    assert_eq!(
        (&told["body"], &told["truncated"]),
        (&json!(""), &json!(true))
    );
    assert!(told.get("next").is_none() && text(&result).contains("cut"));
}

#[test]
fn headers_of_one_name_are_joined_and_a_redirect_says_where_to() {
    let mut response = response("text/plain", b"");
    response.status = 302;
    for value in ["a", "b"] {
        response.headers.push(("vary".into(), value.into()));
    }
    response.headers.push(("location".into(), "/next".into()));
    let result = answered(&response, Format::Auto, Range::default()).unwrap();
    assert_eq!(structure(&result)["headers"]["vary"], "a, b");
    assert!(
        text(&result).starts_with("302, text/plain, https://example.com/page\nlocation: /next")
    );
}
