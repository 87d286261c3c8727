//! Servers that nobody wants behind a gate: one hangs, one is late, one answers rubbish.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use clap::Parser;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::sleep,
};

#[derive(Parser)]
struct Options {
    /// Takes connections here and never answers
    #[arg(long)]
    hang: SocketAddr,
    /// Passes connections on to `--to`, after `--seconds`
    #[arg(long)]
    late: SocketAddr,
    #[arg(long)]
    to: SocketAddr,
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Answers here with what is neither HTTP nor JSON
    #[arg(long)]
    rubbish: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let hang = TcpListener::bind(options.hang).await?;
    let late = TcpListener::bind(options.late).await?;
    let rubbish = TcpListener::bind(options.rubbish).await?;
    let mut hung = Vec::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = hang.accept() => hung.push(stream),
            Ok((mut stream, _)) = late.accept() => {
                tokio::spawn(async move {
                    sleep(Duration::from_secs(options.seconds)).await;
                    let mut server = TcpStream::connect(options.to).await?;
                    copy_bidirectional(&mut stream, &mut server).await
                });
            }
            Ok((mut stream, _)) = rubbish.accept() => {
                tokio::spawn(async move {
                    let mut heard = [0; 1024];
                    while stream.read(&mut heard).await? > 0 {
                        stream.write_all(b"\x00\xff{{{ no protocol at all\r\n\r\n").await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        }
    }
}
