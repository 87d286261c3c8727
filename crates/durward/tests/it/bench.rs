//! `durward bench` beside another gateway, which here is a durward too.

use crate::house;

#[test]
fn another_gateway_is_measured_beside_the_hop_and_the_walk() {
    let house = house();
    let key = house.key("reader");
    let daemon = house.serve(&["--set", "limits.calls=1000000/s"]);
    let url = format!("http://{}/mcp", daemon.address);
    let header = format!("authorization: Bearer {key}");
    let bench = |tool| {
        let options = [
            "--header",
            &header,
            "--tool",
            tool,
            "--seconds",
            "1",
            "-c",
            "4",
        ];
        let all = [&["bench", "--json", "--against", &url][..], &options].concat();
        house.run(&all)
    };
    let said = bench("fs_list").ok().json();
    for side in ["bare_hop", "walk", "against"] {
        let calls = said[side]["calls"].as_u64();
        assert!(calls.is_some_and(|calls| calls > 0), "{said}");
    }
    assert!(said["against"]["cpu_us_a_call"].is_null(), "{said}");
    // What refuses its calls is not fast.
    let refused = bench("fs_read");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("`path` is missing"), "{refused:?}");
}
