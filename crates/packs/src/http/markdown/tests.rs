use durward_core::Cancel;
use proptest::prelude::*;

use super::of_html;

fn made(html: &str) -> String {
    let made = of_html(
        html.to_owned(),
        "https://example.com/a/b",
        1 << 20,
        &Cancel::new(),
    )
    .unwrap();
    assert!(!made.full);
    made.text
}

#[test]
fn a_page_reads_as_markdown() {
    for (html, markdown) in [
        ("", ""),
        ("plain  text\n here", "plain text here"),
        ("<h1>A</h1><p>b <b>c</b> <i>d</i></p>", "# A\n\nb **c** *d*"),
        ("<p>a<p>b<br>c", "a\n\nb\nc"),
        ("a<strong> b </strong>c", "a **b** c"),
        ("<b></b>x<em> </em>y<h2></h2>z", "x y\n\nz"),
        ("caf&eacute; &amp; &#x1F980; &nosuch;", "café & 🦀 &nosuch;"),
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        (
            "<ol start=3><li><p>a</p></li><li>b</li></ol>",
            "3. a\n\n4. b",
        ),
        (
            "<ul><li>a<ol><li>b<ul><li>c</ul></ol></ul>",
            "- a\n  1. b\n     - c",
        ),
        (
            "<blockquote><p>a</p><p>b</p></blockquote>c",
            "> a\n>\n> b\n\nc",
        ),
        ("<pre>\na\n  b</pre>c", "```\na\n  b\n```\n\nc"),
        (
            "<pre><div>a</div><div>b<br><br>c</div></pre>",
            "```\na\nb\n\nc\n```",
        ),
        ("<p>run <code>x  y</code>.", "run `x y`."),
        (
            "<table><tr><th>a<th>b<tr><td>1|2</td><td><p>3</p></td></tr></table>z",
            "a | b\n--- | ---\n1\\|2 | 3\n\nz",
        ),
        ("<table><tr><td>alone</td></tr></table>", "alone"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<title>T</title><p>a", "T\n\na"),
        (
            "a<!-- b --><script>c</script><style>d</style><iframe>e</iframe>f",
            "af",
        ),
        ("<script>if (a</b) { \"<p>\" }</script>z", "z"),
        ("a<script>never closed", "a"),
        ("<textarea><p>a</textarea>", "<p>a"),
    ] {
        assert_eq!(made(html), markdown, "{html}");
    }
}

#[test]
fn links_lead_where_they_can_be_followed() {
    for (html, markdown) in [
        (
            "<a href=/x?y=1&amp;z=2>t</a>.",
            "[t](https://example.com/x?y=1&z=2).",
        ),
        (
            "see <a href='c'> it </a>now",
            "see [it](https://example.com/a/c) now",
        ),
        ("<a href=//other.test>o</a>", "[o](https://other.test/)"),
        (
            "<a href='javascript:alert(1)'>j</a><a href='data:,x'>d</a>",
            "jd",
        ),
        ("<a href=#top>top</a><a name=x>y</a>", "topy"),
        ("<a href=x></a>z", "z"),
        (
            "<a href=x>a<a href=y>b</a>",
            "[a](https://example.com/a/x)[b](https://example.com/a/y)",
        ),
        (
            "<a href=x><h3>t</h3><p>u</p></a><p>v",
            "### [t u](https://example.com/a/x)\n\nv",
        ),
        (
            "<base href=https://o.test/d/><a href=x>a</a>",
            "[a](https://o.test/d/x)",
        ),
        (
            "<img src=i.png alt='a b'>",
            "![a b](https://example.com/a/i.png)",
        ),
        (
            "<a href=x><img src=i alt=logo></a>",
            "[logo](https://example.com/a/x)",
        ),
        ("<img src=i.png>x", "x"),
    ] {
        assert_eq!(made(html), markdown, "{html}");
    }
}

/// Pages that are made to cost: each is a megabyte.
#[test]
fn hostile_nesting_costs_no_stack_and_no_memory() {
    for piece in [
        "<div>",
        "<b>",
        "<a href=x>",
        "<ul><li>",
        "<ol><li>a",
        "<blockquote>a",
        "<table><tr><td>",
        "<table><tr><td>a|<td>",
        "</ul>",
        "</b>a",
        "<p>",
        "<pre>",
        "<font color=a>x",
        "&amp;",
        "<",
        "<h6>a",
        "<svg><math>",
        "<!--",
        "<a b c d e>",
        "<ul>",
        "<i></b>a",
    ] {
        let html = piece.repeat((1 << 20) / piece.len());
        let made = of_html(
            html.clone(),
            "https://example.com/",
            1 << 20,
            &Cancel::new(),
        )
        .unwrap();
        assert!(made.text.len() <= 1 << 20, "{piece}");
    }
}

#[test]
fn what_grows_is_cut_and_says_so() {
    let html = "<a href=x>y</a>".repeat(1000);
    let base = format!("https://example.com/{}/", "p".repeat(1000));
    let made = of_html(html.clone(), &base, 10_000, &Cancel::new()).unwrap();
    assert!(made.full && made.text.len() <= 10_000 && made.text.len() > 9_000);
}

#[test]
fn it_stops_when_it_is_told() {
    let stop = Cancel::new();
    stop.cancel();
    assert!(of_html("<p>a".to_owned(), "", 100, &stop).is_none());
}

/// The tokenizer compares each attribute of a tag with all before it: this takes more than half a minute.
#[test]
fn a_tag_of_countless_attributes_can_be_stopped() {
    let attributes: Vec<_> = (0..150_000).map(|number| format!("{number:x}")).collect();
    let html = format!("<a {}>", attributes.join(" "));
    let stop = Cancel::new();
    let seen = stop.clone();
    let work = std::thread::spawn(move || of_html(html, "", 1 << 20, &seen).is_none());
    std::thread::sleep(std::time::Duration::from_millis(50));
    stop.cancel();
    assert!(work.join().unwrap(), "it was stopped");
}

proptest! {
    #[test]
    fn nothing_that_looks_like_html_makes_it_panic(
        pieces in prop::collection::vec(
            prop_oneof![
                "<(/)?(a|b|p|td|tr|table|ul|ol|li|pre|code|h1|blockquote|img|script|title)( href=x| alt=é)?>",
                "[ \n|é&;<>\"a-c]{0,8}",
            ],
            0..60,
        )
    ) {
        let html = pieces.concat();
        for most in [0, 7, 1 << 20] {
            let made = of_html(html.clone(), "https://example.com/", most, &Cancel::new()).unwrap();
            prop_assert!(made.text.len() <= most);
        }
    }
}
