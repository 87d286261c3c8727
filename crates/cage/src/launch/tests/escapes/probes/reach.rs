//! Whom a program may try to reach, and how much it may try to take.

use super::*;

const PATIENCE: Duration = Duration::from_millis(500);

fn connects(address: impl Into<IpAddr>, port: &str) -> Result<()> {
    let port = u16::try_from(number(port)).map_err(Error::other)?;
    let address = SocketAddr::new(address.into(), port);
    #[expect(clippy::disallowed_methods, reason = "a program that means harm")]
    std::net::TcpStream::connect_timeout(&address, PATIENCE).map(drop)
}

fn own_address() -> Result<IpAddr> {
    std::env::var("ADDR")
        .unwrap_or_default()
        .parse()
        .map_err(Error::other)
}

fn echoed(address: IpAddr) -> Result<()> {
    let port = u16::try_from(number("UDP")).map_err(Error::other)?;
    #[expect(clippy::disallowed_methods, reason = "a program that means harm")]
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(b"x", (address, port))?;
    socket.recv(&mut [0; 8]).map(drop)
}

fn socket(family: c_int, kind: c_int, protocol: c_int) -> Result<()> {
    made(call!(libc::SYS_socket, family, kind, protocol)).map(drop)
}

pub(crate) const NETWORK: &[Probe] = &[
    ("reach the machine's loopback", || {
        connects([127, 0, 0, 1], "TCP")
    }),
    ("reach the machine's address", || {
        connects(own_address()?, "TCP")
    }),
    ("reach it by IPv6", || {
        connects([0, 0, 0, 0, 0, 0, 0, 1], "TCP6")
    }),
    ("reach metadata", || {
        connects([169, 254, 169, 254], "METADATA")
    }),
    ("send a datagram", || echoed([127, 0, 0, 1].into())),
    ("send a datagram to the address", || echoed(own_address()?)),
    ("ask for a name", || {
        // The loopback of the machine, as a name server that would carry anything out.
        echoed([127, 0, 0, 1].into())
    }),
    ("ping", || {
        let socket = made(call!(
            libc::SYS_socket,
            libc::AF_INET,
            libc::SOCK_DGRAM,
            libc::IPPROTO_ICMP
        ))?;
        let socket = std::net::UdpSocket::from(socket);
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(&[8, 0, 0, 0, 0, 0, 0, 1], (own_address()?, 0))?;
        socket.recv(&mut [0; 64]).map(drop)
    }),
    ("make a raw socket", || {
        socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
    }),
    ("make a packet socket", || {
        socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
    }),
    ("talk to the kernel's network", || {
        socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)
    }),
    ("hear the kernel's events", || {
        socket(libc::AF_NETLINK, libc::SOCK_RAW, 15)
    }),
    ("talk to the hypervisor", || {
        socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)
    }),
    ("use the kernel's ciphers", || {
        socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)
    }),
    ("reach a service by its path", || {
        UnixStream::connect(out("socket")).map(drop)
    }),
    ("reach a service by its name", || {
        use std::os::linux::net::SocketAddrExt;
        let name = std::env::var("ABSTRACT").unwrap_or_default();
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        UnixStream::connect_addr(&address).map(drop)
    }),
    ("tell a service by a datagram", || {
        UnixDatagram::unbound()?
            .send_to(b"x", out("datagrams"))
            .map(drop)
    }),
    ("tell it by half of a pair", || {
        UnixDatagram::pair()?
            .0
            .send_to(b"x", out("datagrams"))
            .map(drop)
    }),
    ("be a service", || {
        UnixListener::bind(out("service")).map(drop)
    }),
];

pub(crate) const LIMITS: &[Probe] = &[
    ("fork without end", || {
        for _ in 0..300 {
            let child = call!(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0);
            if child == 0 {
                std::thread::sleep(Duration::from_secs(60));
                // SAFETY: the forked process ends here.
                unsafe { libc::_exit(0) };
            }
            done(child)?;
        }
        Ok(())
    }),
    ("open files without end", || {
        let files: Result<Vec<_>> = (0..400).map(|_| fs::File::open("/dev/null")).collect();
        files.map(drop)
    }),
    ("open more than may be", || {
        let more = [100_000_u64; 2];
        let nothing = std::ptr::null::<u64>();
        done(call!(
            libc::SYS_prlimit64,
            0,
            libc::RLIMIT_NOFILE,
            more.as_ptr(),
            nothing
        ))
    }),
    ("take memory without end", || {
        let mut all = Vec::new();
        for _ in 0..24 {
            let mut piece = Vec::new();
            piece.try_reserve_exact(32 << 20).map_err(Error::other)?;
            piece.resize(32 << 20, 1_u8);
            all.push(std::hint::black_box(piece));
        }
        Ok(())
    }),
    ("take it by children", || {
        // Each less than is allowed, all together more.
        let mut children = Vec::new();
        for _ in 0..3 {
            let child = call!(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0);
            if child == 0 {
                let piece = std::hint::black_box(vec![1_u8; 200 << 20]);
                std::thread::sleep(Duration::from_millis(500));
                // SAFETY: the forked process ends here.
                unsafe { libc::_exit(i32::from(piece[0]) - 1) };
            }
            done(child)?;
            children.push(child as c_int);
        }
        for child in children {
            let mut status = 0;
            // SAFETY: it writes a number.
            done(unsafe { libc::waitpid(child, &raw mut status, 0) })?;
            expect(status == 0, "one was killed")?;
        }
        Ok(())
    }),
    ("write without end", || {
        let mut file = fs::File::create(work("large"))?;
        let piece = vec![1; 1 << 20];
        let written = (0..80).try_for_each(|_| file.write_all(&piece));
        let _ = fs::remove_file(work("large"));
        written
    }),
    ("fill the memory by files", || {
        let piece = vec![1; 1 << 20];
        for number in 0..10 {
            let mut file = fs::File::create(format!("/tmp/durward-fill-{number}"))?;
            (0..60).try_for_each(|_| file.write_all(&piece))?;
        }
        Ok(())
    }),
    ("keep a file open that was not given", || {
        let count = fs::read_dir("/proc/self/fd")?.count();
        // The three, and the one that lists.
        expect(count > 4, "none")
    }),
];
