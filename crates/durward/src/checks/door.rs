//! Is the address of the HTTP door free?

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
};

use super::Finding;
use crate::config::{Config, HttpDoor};

/// What keeps `durward serve` from its address; nothing where a durward that has it is running already.
pub(crate) fn door(config: &Config) -> Option<Finding> {
    let HttpDoor::Open(address) = &config.listen.http else {
        return None;
    };
    let running = UnixStream::connect(&config.listen.socket).is_ok();
    let first = *address.addresses().first()?;
    match TcpListener::bind(first) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && running => None,
        Err(error) => Some(closed(first, error.kind())),
        Ok(_) => None,
    }
}

fn closed(address: SocketAddr, kind: ErrorKind) -> Finding {
    let port = address.port();
    match kind {
        ErrorKind::AddrInUse => Finding::new(
            format!("{address} is taken: `durward serve` can't listen there"),
            format!(
                "`ss -ltnp 'sport = :{port}'` says by which program; `listen.http` chooses another port"
            ),
        ),
        ErrorKind::PermissionDenied => Finding::new(
            format!("this user may not listen on port {port}"),
            "`listen.http` with a port from 1024 on needs no rights",
        ),
        ErrorKind::AddrNotAvailable => Finding::new(
            format!("this machine has no address {}", address.ip()),
            "`ip -brief address` lists those that it has",
        ),
        other => Finding::new(
            format!("{address} can't be listened on: {other}"),
            "`listen.http` chooses another address",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_found() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let mut config = Config::default();
        config.listen.http = address.to_string().parse().unwrap();
        config.listen.socket = "/nowhere/durward.sock".into();
        let found = door(&config).unwrap();
        assert!(found.what.contains(&address.to_string()), "{found:?}");
        // The durward of this configuration may have it.
        let home = tempfile::tempdir().unwrap();
        config.listen.socket = home.path().join("durward.sock");
        let _own = std::os::unix::net::UnixListener::bind(&config.listen.socket).unwrap();
        assert_eq!(door(&config), None);
        drop(other);
        assert_eq!(door(&config), None);
        config.listen.http = HttpDoor::Off;
        assert_eq!(door(&config), None);
    }

    #[test]
    fn an_address_of_another_machine_is_found() {
        let mut config = Config::default();
        config.listen.http = "192.0.2.1:8787".parse().unwrap();
        let found = door(&config).unwrap();
        assert!(found.what.contains("192.0.2.1"), "{found:?}");
    }
}
