//! Standard input and output as the wire to BuildKit. They are moved away from descriptors 0 and 1 at the start, so that a
//! stray `println!` of some library lands in the daemon's log instead of in the middle of an HTTP/2 frame.
//!
//! The descriptors are used without blocking. (`tokio::io::stdin` reads in a thread that cannot be cancelled, and the
//! process would hang at its end.)

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// The two descriptors that BuildKit talks over, moved away from 0 and 1.
#[derive(Debug)]
pub(crate) struct Stdio {
    input: OwnedFd,
    output: OwnedFd,
}

/// Why standard input and output are not a wire to BuildKit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StdioError {
    #[error(
        "standard {0} is not a pipe or a socket. This program is a BuildKit frontend: BuildKit starts it and talks to it over \
         standard input and output"
    )]
    NotAWire(&'static str),
    #[error("cannot set up standard input and output: {0}")]
    Io(#[from] io::Error),
}

/// Moves standard input and output to private descriptors. Afterwards 1 is the same as 2, and 0 is empty.
pub(crate) fn take() -> Result<Stdio, StdioError> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr()).map_err(io::Error::from)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
    Ok(Stdio { input, output })
}

/// A byte stream over the descriptors.
pub(crate) struct Wire {
    reader: Reader,
    writer: Writer,
}

enum Reader {
    Pipe(pipe::Receiver),
    Socket(UnixStream),
}

enum Writer {
    Pipe(pipe::Sender),
    Socket(UnixStream),
}

/// Tells when nobody can read what we write any more, which a process that only waits would never notice.
pub(crate) struct HangUp(Option<pipe::Sender>);

impl Stdio {
    /// Opens the stream. To be called inside a tokio runtime.
    pub(crate) fn open(self) -> Result<(Wire, HangUp), StdioError> {
        let reader = match kind(&self.input)? {
            Kind::Pipe => Reader::Pipe(pipe::Receiver::from_owned_fd(self.input)?),
            Kind::Socket => Reader::Socket(socket(self.input)?),
            Kind::Other => return Err(StdioError::NotAWire("input")),
        };
        let (writer, hang_up) = match kind(&self.output)? {
            Kind::Pipe => {
                let second = pipe::Sender::from_owned_fd(self.output.try_clone()?)?;
                (Writer::Pipe(pipe::Sender::from_owned_fd(self.output)?), HangUp(Some(second)))
            }
            Kind::Socket => (Writer::Socket(socket(self.output)?), HangUp(None)),
            Kind::Other => return Err(StdioError::NotAWire("output")),
        };
        Ok((Wire { reader, writer }, hang_up))
    }
}

impl HangUp {
    /// Waits until the other end of standard output is closed; for ever if that cannot be found out.
    pub(crate) async fn wait(self) {
        match self.0 {
            Some(sender) if sender.ready(Interest::ERROR).await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }
}

enum Kind {
    Pipe,
    Socket,
    Other,
}

fn kind(fd: &OwnedFd) -> io::Result<Kind> {
    let file_type = File::from(fd.try_clone()?).metadata()?.file_type();
    Ok(if file_type.is_fifo() {
        Kind::Pipe
    } else if file_type.is_socket() {
        Kind::Socket
    } else {
        Kind::Other
    })
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = StdUnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().reader {
            Reader::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
            Reader::Socket(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().writer {
            Writer::Pipe(pipe) => Pin::new(pipe).poll_write(cx, buf),
            Writer::Socket(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().writer {
            Writer::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
            Writer::Socket(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().writer {
            Writer::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
            Writer::Socket(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
