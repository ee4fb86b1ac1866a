//! stderr: the one way by which this program writes there.
//!
//! Who writes hands over a line and goes on; one thread writes. So a stderr that is full, broken, gone or not
//! read by anybody ends nothing and holds nobody up. A line that finds no room, or that cannot be written, is
//! lost: a metric counts such lines, and a later line says how many they were. At the end of the process
//! [`settle`] gives the thread a moment for what waits.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, poll};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that wait to be written; what comes on top of them is lost.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Longest time that the start and the end of the process wait for the lines that are left.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

static LINES: OnceLock<Lines> = OnceLock::new();

/// Writes `millchat: ` and a sentence for the person who started this.
pub fn say(sentence: impl Display) {
    lines().push(format!("millchat: {sentence}\n").as_bytes());
}

/// Returns true if a person watches. Who closes a terminal means to end what runs in it.
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes bytes as they are, if there is room for them.
pub fn write(bytes: &[u8]) {
    lines().push(bytes);
}

/// Waits until all is written that was handed over, but for [`SETTLE_TIMEOUT`] at most. For the moment when
/// the server is ready, and for the end of the process.
pub fn settle() {
    if let Some(lines) = LINES.get() {
        lines.wait_until_written(SETTLE_TIMEOUT);
    }
}

/// Returns how many lines were lost since the start.
pub fn lost() -> u64 {
    LINES.get().map_or(0, |lines| lines.lost.load(Ordering::Relaxed))
}

/// Makes the writers of `tracing`'s lines.
#[derive(Debug, Clone, Copy)]
pub struct LogLines;

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> &'static Lines {
    let mut is_new = false;
    let lines = LINES.get_or_init(|| {
        is_new = true;
        Lines::default()
    });
    if is_new {
        // Without the thread all lines are lost; that ends nothing either.
        let _ =
            std::thread::Builder::new().name("millchat-stderr".into()).spawn(|| lines.run(&mut Descriptor));
    }
    lines
}

/// The lines that wait.
#[derive(Default)]
struct Lines {
    /// Held for a copy, and never while anything is written.
    waiting: Mutex<Waiting>,
    /// Something waits, or everything is written.
    changed: Condvar,
    /// Lines that were lost. It guards nothing, so relaxed.
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    is_writing: bool,
}

impl Lines {
    fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting.lock();
        if waiting.bytes.len() + line.len() > WAITING_BYTES_MAX {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes.extend_from_slice(line);
        self.changed.notify_all();
    }

    /// Returns what waits, once something does.
    fn take(&self) -> Vec<u8> {
        let mut waiting = self.waiting.lock();
        waiting.is_writing = false;
        while waiting.bytes.is_empty() {
            self.changed.notify_all();
            self.changed.wait(&mut waiting);
        }
        waiting.is_writing = true;
        std::mem::take(&mut waiting.bytes)
    }

    fn run(&self, out: &mut impl Write) {
        let (mut told, mut is_cut) = (0, false);
        loop {
            let mut is_written = false;
            for line in self.take().split_inclusive(|&byte| byte == b'\n') {
                match write_line(out, line, &mut is_cut) {
                    Ok(()) => is_written = true,
                    Err(_) => {
                        self.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            let lost = self.lost.load(Ordering::Relaxed);
            if is_written && lost > told {
                tracing::warn!(lines = lost - told, "log lines were lost: stderr did not take them");
                told = lost;
            }
        }
    }

    fn wait_until_written(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut waiting = self.waiting.lock();
        while waiting.is_writing || !waiting.bytes.is_empty() {
            if self.changed.wait_until(&mut waiting, deadline).timed_out() {
                return;
            }
        }
    }
}

/// Writes one line whole, or says that it is lost. `is_cut`: a part of a line was written last, so that the
/// next one must begin a line of its own.
fn write_line(out: &mut impl Write, line: &[u8], is_cut: &mut bool) -> io::Result<()> {
    if *is_cut {
        out.write_all(b"\n")?;
        *is_cut = false;
    }
    let mut rest = line;
    while !rest.is_empty() {
        let written = out.write(rest).and_then(|written| match written {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        });
        match written {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *is_cut = rest.len() < line.len();
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The descriptor itself: the standard library's lock would be held for as long as a write waits, and
/// everybody else who takes it would wait too.
struct Descriptor;

impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        loop {
            match rustix::io::write(stderr.as_fd(), bytes) {
                // Whoever shares the descriptor may have set it so.
                Err(rustix::io::Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None)?;
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    /// Takes this many bytes, then nothing.
    struct Disk {
        text: Arc<Mutex<Vec<u8>>>,
        free: Arc<Mutex<usize>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut free = self.free.lock();
            let taken = bytes.len().min(*free);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *free -= taken;
            self.text.lock().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn run(mut out: impl Write + Send + 'static) -> Arc<Lines> {
        let lines = Arc::new(Lines::default());
        let writing = Arc::clone(&lines);
        std::thread::spawn(move || writing.run(&mut out));
        lines
    }

    #[test]
    fn a_line_that_is_cut_off_is_lost_and_the_next_one_begins_a_line() {
        let (text, free) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::new(Mutex::new(8)));
        let lines = run(Disk { text: Arc::clone(&text), free: Arc::clone(&free) });
        let write = |line: &[u8]| {
            lines.push(line);
            lines.wait_until_written(Duration::MAX / 4);
        };
        write(b"first\n");
        write(b"second\n");
        write(b"third\n");
        *free.lock() = 100;
        write(b"fourth\n");
        assert_eq!(text.lock().as_slice(), b"first\nse\nfourth\n");
        assert_eq!(lines.lost.load(Ordering::Relaxed), 2);
    }

    /// Waits with each write until it is let go.
    struct Stalled(mpsc::Receiver<()>, Arc<AtomicU64>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up_and_what_waits_for_it_is_bounded() {
        const LINE: &[u8] = &[b'x'; 1_000];
        let (go, stalled) = mpsc::channel();
        let written = Arc::new(AtomicU64::new(0));
        let lines = run(Stalled(stalled, Arc::clone(&written)));
        let pushed = 10 * WAITING_BYTES_MAX / LINE.len();
        for _ in 0..pushed {
            lines.push(LINE);
        }
        lines.wait_until_written(Duration::from_millis(1));
        drop(go);
        lines.wait_until_written(Duration::MAX / 4);
        let lost = lines.lost.load(Ordering::Relaxed);
        let written = written.load(Ordering::Relaxed);
        assert_eq!(
            written + lost * LINE.len() as u64,
            (pushed * LINE.len()) as u64,
            "none is lost uncounted"
        );
        assert!(written <= 2 * WAITING_BYTES_MAX as u64, "{written} bytes waited");
    }
}
