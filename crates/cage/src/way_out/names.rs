//! Names inside a box. Each that may be reached has an address there that means it, and leads to the door:
//! so programs get out that know nothing of proxies. Nobody else is asked: not even a question leaves.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durward_guard::egress::{EgressFault, Host, HostName, Network, Target};
use tokio::{net::UdpSocket, time::sleep};

use super::question::{self, Question};
use crate::{egress::Connector, launch::Door};

/// So many names one box may know.
const MOST: usize = 4096;
/// Between two answers: whoever asks in a loop does not keep us busy.
const PAUSE: Duration = Duration::from_millis(1);
/// A question is shorter (RFC 1035, section 4.2.1).
const LONGEST: usize = 512;

/// The names that a box asked for, and what stands for them there.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<HostName, u32>,
    names: Vec<HostName>,
}

impl Names {
    /// What an address of the box stands for.
    pub(super) fn named(&self, address: Ipv4Addr) -> Option<HostName> {
        let number = u32::from(address).checked_sub(u32::from(Door::NAMED))?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        known.names.get(at).cloned()
    }

    /// The target that is meant: one that names an address of the box means the name that it stands for.
    ///
    /// # Errors
    /// It stands for none.
    pub(super) fn meant(&self, target: Target) -> Result<Target, EgressFault> {
        let own = Network::of(Door::NAMED.into(), Door::NAMED_BITS);
        let address = match target.host() {
            Host::Address(address) if own.contains(*address) => address.to_canonical(),
            _ => return Ok(target),
        };
        let IpAddr::V4(address) = address else {
            return Err(EgressFault::PrivateIpBlocked);
        };
        let name = self.named(address).ok_or(EgressFault::PrivateIpBlocked)?;
        let (scheme, port) = (target.scheme().as_str(), target.port());
        Target::parse(&format!(
            "{scheme}://{name}:{port}{}",
            target.path_and_query()
        ))
    }

    /// What stands for a name; none where the box knows too many.
    fn stand_in(&self, name: HostName) -> Option<Ipv4Addr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match known.numbers.get(&name) {
            Some(number) => *number,
            None if known.names.len() == MOST => return None,
            None => {
                known.names.push(name.clone());
                // At most `MOST`.
                let number = known.names.len() as u32;
                known.numbers.insert(name, number);
                number
            }
        };
        Some(Ipv4Addr::from(u32::from(Door::NAMED) + number))
    }

    /// Answers questions for as long as it is asked to.
    pub(super) async fn answer(&self, socket: &UdpSocket, connector: &Connector) {
        let mut bytes = [0; LONGEST];
        loop {
            if let Ok((length, from)) = socket.recv_from(&mut bytes).await
                && let Some(question) = Question::read(&bytes[..length])
            {
                let answer = match name(&question, connector) {
                    None => question.no_such_name(),
                    Some(_) if question.kind != question::A => question.answer(None),
                    Some(name) => match self.stand_in(name) {
                        None => question.failure(),
                        address => question.answer(address),
                    },
                };
                // Who asked may be gone.
                let _ = socket.try_send_to(&answer, from);
            }
            sleep(PAUSE).await;
        }
    }
}

/// The name that is asked for, if anything at it may be reached by one of the box's own ports.
fn name(question: &Question<'_>, connector: &Connector) -> Option<HostName> {
    let name = question.name.as_deref()?;
    Door::WEB.into_iter().find_map(|port| {
        let target = Target::tunnel(name, port).ok()?;
        match target.host() {
            Host::Name(name) if connector.permits(&target) => Some(name.clone()),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_one_name() {
        let names = Names::default();
        let name = |text: &str| HostName::parse(text).unwrap();
        let first = names.stand_in(name("a.example")).unwrap();
        let second = names.stand_in(name("b.example")).unwrap();
        assert_ne!(first, second);
        assert_eq!(names.stand_in(name("A.example.")), Some(first));
        assert_eq!(names.named(first), Some(name("a.example")));
        assert_eq!(names.named(second), Some(name("b.example")));
        for other in [
            "11.0.0.0",
            "11.0.0.3",
            "10.255.255.255",
            "127.0.0.1",
            "255.255.255.255",
        ] {
            assert_eq!(names.named(other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn who_names_an_address_of_the_box_means_its_name() {
        let names = Names::default();
        let stand_in = names.stand_in(HostName::parse("a.example").unwrap());
        let stand_in = stand_in.unwrap();
        for (written, meant) in [
            (format!("http://{stand_in}/b?c"), Ok("http://a.example/b?c")),
            (
                format!("https://{stand_in}:444/"),
                Ok("https://a.example:444/"),
            ),
            (
                format!("https://[{}]/", stand_in.to_ipv6_mapped()),
                Ok("https://a.example/"),
            ),
            (
                "http://11.0.0.0/".to_owned(),
                Err(EgressFault::PrivateIpBlocked),
            ),
            (
                "http://11.0.255.255/".to_owned(),
                Err(EgressFault::PrivateIpBlocked),
            ),
            ("http://11.1.0.0/".to_owned(), Ok("http://11.1.0.0/")),
            ("http://b.example/".to_owned(), Ok("http://b.example/")),
        ] {
            let target = names.meant(Target::parse(&written).unwrap());
            let target = target.as_ref().map(Target::as_str).map_err(|fault| *fault);
            assert_eq!(target, meant, "{written}");
        }
    }

    #[test]
    fn a_box_knows_so_many_names() {
        let names = Names::default();
        for number in 0..MOST {
            let name = HostName::parse(&format!("n{number}.example")).unwrap();
            assert!(names.stand_in(name).is_some());
        }
        assert_eq!(
            names.stand_in(HostName::parse("one.more.example").unwrap()),
            None
        );
    }
}
