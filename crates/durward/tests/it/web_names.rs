//! Names whose answers lie, through the door: in a network of the test's own, where a name server flips its
//! answers and every packet is counted.

use durward_testkit::{Network, refusal};

use crate::{
    times,
    web::{configured, fetch, word},
};

#[test]
fn h08_h09_h10_h11_h30_no_answer_of_a_name_server_leads_inside() {
    let test = "web_names::h08_h09_h10_h11_h30_no_answer_of_a_name_server_leads_inside";
    Network::run(test, every_lie);
}

fn every_lie(network: &Network) {
    let house = configured("hosts: [\"*\"]");
    let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
    // What is honest is reached: else the rest would say nothing.
    for name in ["good.example", "six.example", "chain8.good.example"] {
        let answer = fetch(&mut pipe, &format!("http://{name}/"));
        assert_eq!(
            answer["result"]["structuredContent"]["status"], 200,
            "{answer}"
        );
    }
    assert_eq!(network.reached(), 3);
    for (name, code, decided) in [
        // H08, H11: private alone, straight or at the end of a chain, as IPv4 or dressed as IPv6.
        ("private", "private_ip_blocked", "private_ip_blocked"),
        ("metadata", "private_ip_blocked", "private_ip_blocked"),
        ("chain8.private", "private_ip_blocked", "private_ip_blocked"),
        ("mapped", "private_ip_blocked", "private_ip_blocked"),
        ("nat64", "private_ip_blocked", "private_ip_blocked"),
        // Public, and this machine's own or on its link.
        ("own", "private_ip_blocked", "private_ip_blocked"),
        ("neighbour", "private_ip_blocked", "private_ip_blocked"),
        // H09: one public answer does not excuse a private one.
        ("mixed", "private_ip_blocked", "private_ip_blocked"),
        ("families", "private_ip_blocked", "private_ip_blocked"),
        // H30: no answer that can be used, each with a word of its own.
        ("none", "not_found", "nxdomain"),
        ("empty", "not_found", "empty_answer"),
        ("many", "unavailable", "too_many_answers"),
        ("broken", "unavailable", "dns_failed"),
        ("stall", "unavailable", "dns_failed"),
    ] {
        let refused = fetch(&mut pipe, &format!("http://{name}.example/"));
        assert_eq!(
            (refusal(&refused), word(&refused)),
            (code, decided),
            "{name}: {refused}"
        );
    }
    assert_eq!(network.reached(), 3);
    // H10: a name that changes its mind at every question, and between one hop and the next.
    let (mut through, mut blocked) = (0, 0);
    for number in 0..times("DURWARD_DNS", 100) {
        let url = match number % 4 {
            0 => format!("http://flip.n{number}.example/"),
            1 => format!("http://again.n{number}.flip.example/again"),
            2 => format!("http://mixed.n{number}.example/"),
            _ => format!("http://chain3.flip.n{}.example/", number / 8),
        };
        let answer = fetch(&mut pipe, &url);
        match word(&answer) {
            "" => through += 1,
            "private_ip_blocked" => blocked += 1,
            other => panic!("{url}: {other}: {answer}"),
        }
    }
    assert!(through > 0 && blocked > 0, "{through} {blocked}");
}
