//! How programs are told of the way out.

/// What a program in a box finds in its environment. One address does for all: what comes first on a
/// connection says whether it is HTTP or SOCKS. `ALL_PROXY` is an `http://` URL, since there are clients
/// that can't start with a `socks5://` one.
pub const VARIABLES: [(&str, &str); 9] = [
    ("HTTP_PROXY", DOOR),
    ("http_proxy", DOOR),
    ("HTTPS_PROXY", DOOR),
    ("https_proxy", DOOR),
    ("ALL_PROXY", DOOR),
    ("all_proxy", DOOR),
    ("NO_PROXY", BOX),
    ("no_proxy", BOX),
    // Node reads the others only if this says so.
    ("NODE_USE_ENV_PROXY", "1"),
];

const DOOR: &str = "http://127.0.0.1:3128";
/// What a program runs in its own box.
const BOX: &str = "localhost,127.0.0.1,::1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::Network;

    #[test]
    fn they_name_the_door() {
        assert_eq!(DOOR, format!("http://{}", Network::DOOR));
    }
}
