use super::*;

async fn part(place: &Place, mut arguments: Value) -> (String, Value, bool) {
    arguments["path"] = json!("f");
    let read = place.ask("fs_read", arguments).await.unwrap();
    let content = read["content"].as_str().unwrap().to_owned();
    (
        content,
        read["next"].clone(),
        read["truncated"].as_bool().unwrap(),
    )
}

#[tokio::test]
async fn lines_are_counted_from_one() {
    let place = Place::with(&[("f", "one\ntwo\nthree\nfour")]);
    let cases = [
        (
            json!({"offset": 2, "limit": 2}),
            "two\nthree\n",
            json!({"offset": 4}),
        ),
        (json!({"offset": 4}), "four", Value::Null),
        (json!({"offset": 9}), "", Value::Null),
        (json!({"limit": 4}), "one\ntwo\nthree\nfour", Value::Null),
        (json!({"head": 1}), "one\n", json!({"offset": 2})),
        (json!({"tail": 1}), "four", Value::Null),
        (json!({"tail": 2}), "three\nfour", Value::Null),
        (json!({"tail": 99}), "one\ntwo\nthree\nfour", Value::Null),
    ];
    for (arguments, content, next) in cases {
        let truncated = !next.is_null();
        let expected = (content.to_owned(), next, truncated);
        assert_eq!(
            part(&place, arguments.clone()).await,
            expected,
            "{arguments}"
        );
    }
    let place = Place::with(&[("f", "one\ntwo\n")]);
    assert_eq!(part(&place, json!({"tail": 1})).await.0, "two\n");
}

#[tokio::test]
async fn bytes_never_split_a_character() {
    let place = Place::with(&[("f", "aé€x")]);
    let cases = [
        (json!({"byte_limit": 2}), "a", json!({"byte_offset": 1})),
        (
            json!({"byte_offset": 1, "byte_limit": 1}),
            "é",
            json!({"byte_offset": 3}),
        ),
        (
            json!({"byte_offset": 3, "byte_limit": 3}),
            "€",
            json!({"byte_offset": 6}),
        ),
        (json!({"byte_offset": 6}), "x", Value::Null),
        (json!({"byte_offset": 99}), "", Value::Null),
    ];
    for (arguments, content, next) in cases {
        let (got, got_next, _) = part(&place, arguments.clone()).await;
        assert_eq!((got.as_str(), got_next), (content, next), "{arguments}");
    }
    let read = json!({"path": "f", "byte_limit": 2, "encoding": "base64"});
    let read = place.ask("fs_read", read).await.unwrap();
    assert_eq!(
        (&read["content"], &read["next"]["byte_offset"]),
        (&json!("YcM="), &json!(2))
    );
}

#[tokio::test]
async fn a_file_over_the_limit_is_read_in_parts_to_its_end() {
    let mut place = Place::new();
    place.settings.max_read = 1000;
    let whole: String = (0..5000)
        .map(|number| format!("line {number} é\n"))
        .collect();
    place.write("f", &whole);
    for first in [json!({"offset": 1}), json!({"byte_offset": 0})] {
        let mut arguments = first;
        let mut content = String::new();
        loop {
            let (piece, next, truncated) = part(&place, arguments).await;
            assert!(piece.len() <= 1000 && (!truncated || !piece.is_empty()));
            content.push_str(&piece);
            if !truncated {
                break;
            }
            arguments = next;
        }
        assert!(content == whole);
    }
    let (tail, _, truncated) = part(&place, json!({"tail": 3})).await;
    assert_eq!(
        (tail.as_str(), truncated),
        ("line 4997 é\nline 4998 é\nline 4999 é\n", false)
    );
    let (tail, _, truncated) = part(&place, json!({"tail": 4000})).await;
    assert!(truncated && tail.len() <= 1000 && tail.starts_with("line ") && whole.ends_with(&tail));
}

#[tokio::test]
async fn one_huge_line_is_bounded_and_can_be_gone_through() {
    let mut place = Place::new();
    place.settings.max_read = 1000;
    place.write("f", "é".repeat(5000));
    let (piece, next, truncated) = part(&place, json!({"offset": 1, "limit": 1})).await;
    assert_eq!(
        (piece.len(), next, truncated),
        (1000, json!({"byte_offset": 1000}), true)
    );
    let (tail, _, truncated) = part(&place, json!({"tail": 1})).await;
    assert_eq!((tail.len(), truncated), (1000, true));
}

#[tokio::test]
async fn a_part_is_said_in_one_way() {
    let place = Place::with(&[("f", "x")]);
    for bad in [
        json!({"path": "f", "head": 1, "tail": 1}),
        json!({"path": "f", "offset": 1, "byte_offset": 1}),
        json!({"path": "f", "limit": 0}),
        json!({"path": "f", "offset": -1}),
        json!({"path": "f", "nonsense": 1}),
        json!({"path": 7}),
        json!({}),
    ] {
        let refusal = place.refusal("fs_read", bad.clone()).await;
        assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{bad}");
    }
}
