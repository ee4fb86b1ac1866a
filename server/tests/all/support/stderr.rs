//! Streams that a process may get as its stderr, dead or alive.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A page: the least that a pipe holds.
const PIPE_BYTES: usize = 4096;

/// A stream that takes no line, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// A pipe whose reader has ended.
    Pipe,
    /// A disk without space.
    Disk,
    /// A terminal that was closed.
    Terminal,
    /// A pipe that is full, and nobody reads it.
    StalledPipe,
    /// A terminal that is full, and nobody reads it.
    StalledTerminal,
}

impl Dead {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Pipe, Self::Disk, Self::Terminal, Self::StalledPipe, Self::StalledTerminal];

    /// Makes one; it is dead for as long as what else is returned is kept.
    pub fn open(self) -> (Stdio, Option<OwnedFd>) {
        match self {
            Self::Pipe => (io::pipe().unwrap().1.into(), None),
            Self::Disk => (OpenOptions::new().write(true).open("/dev/full").unwrap().into(), None),
            Self::Terminal => (terminal().1.into(), None),
            Self::StalledPipe => {
                let (reader, mut writer) = io::pipe().unwrap();
                fcntl_setpipe_size(&writer, PIPE_BYTES).unwrap();
                writer.write_all(&[b'.'; PIPE_BYTES]).unwrap();
                (writer.into(), Some(reader.into()))
            }
            Self::StalledTerminal => {
                let (ours, theirs) = terminal();
                let mut filling = slave(&ours);
                fcntl_setfl(&filling, OFlags::NONBLOCK).unwrap();
                while filling.write(&[b'.'; PIPE_BYTES]).is_ok() {}
                (theirs.into(), Some(ours))
            }
        }
    }
}

/// A terminal: the side of who looks at it, and the side of a process in it.
pub fn terminal() -> (OwnedFd, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let theirs = slave(&ours);
    (ours, theirs)
}

fn slave(ours: &OwnedFd) -> File {
    let name = ptsname(ours, Vec::new()).unwrap().into_string().unwrap();
    let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
    std::os::unix::fs::OpenOptionsExt::custom_flags(OpenOptions::new().read(true).write(true), flags)
        .open(name)
        .unwrap()
}

/// Reads a stream to its end on a thread of its own.
pub fn read(mut stream: impl io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal that nobody holds any more ends by an error.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
