//! A name server that lies, in a network of its own: whatever it answers, nothing private is reached.

use durward_testkit::Network;

use super::*;

#[test]
fn no_answer_of_a_name_server_leads_inside() {
    let test = "egress::tests::names::no_answer_of_a_name_server_leads_inside";
    Network::run(test, |network| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(every_lie(network));
    });
}

async fn every_lie(network: &Network) {
    let mut settings = EgressSettings::default();
    settings.rules.hosts.push("*".to_owned());
    let connector = Connector::new(settings).unwrap();
    let ask = async |name: String, path: &str| {
        let asked = request(Method::Get, &format!("http://{name}{path}"));
        fetch(&connector, asked).await.map(|answer| answer.status)
    };
    // What is honest is reached: else the rest would say nothing.
    assert_eq!(ask("good.example".to_owned(), "/").await, Ok(200));
    assert_eq!(ask("six.example".to_owned(), "/").await, Ok(200));
    assert_eq!(ask("chain8.good.example".to_owned(), "/").await, Ok(200));
    assert_eq!(network.reached(), 3);
    for (name, fault) in [
        ("none.example", EgressFault::Nxdomain),
        ("empty.example", EgressFault::EmptyAnswer),
        ("many.example", EgressFault::TooManyAnswers),
        ("broken.example", EgressFault::DnsFailed),
        ("stall.example", EgressFault::DnsFailed),
        ("private.example", EgressFault::PrivateIpBlocked),
        ("mixed.example", EgressFault::PrivateIpBlocked),
        ("families.example", EgressFault::PrivateIpBlocked),
        ("chain8.private.example", EgressFault::PrivateIpBlocked),
        ("mapped.example", EgressFault::PrivateIpBlocked),
        ("nat64.example", EgressFault::PrivateIpBlocked),
        // Public addresses, and this machine's own or on its link.
        ("own.example", EgressFault::PrivateIpBlocked),
        ("neighbour.example", EgressFault::PrivateIpBlocked),
    ] {
        assert_eq!(ask(name.to_owned(), "/").await, Err(fault), "{name}");
    }
    assert_eq!(network.reached(), 3);
    // A name that changes its mind at every question, and between one hop and the next.
    let tries = std::env::var("DURWARD_DNS")
        .ok()
        .and_then(|n| n.parse().ok());
    let tries: usize = tries.unwrap_or(200);
    let (mut through, mut blocked) = (0, 0);
    for number in 0..tries {
        let name = match number % 4 {
            0 => format!("flip.n{number}.example"),
            1 => format!("again.n{number}.flip.example"),
            2 => format!("mixed.n{number}.example"),
            _ => format!("chain3.flip.n{}.example", number / 8),
        };
        match ask(name.clone(), if number % 4 == 1 { "/again" } else { "/" }).await {
            Ok(_) => through += 1,
            Err(EgressFault::PrivateIpBlocked) => blocked += 1,
            Err(fault) => panic!("{name}: {fault}"),
        }
    }
    assert!(through > 0 && blocked > 0, "{through} {blocked}");
}
