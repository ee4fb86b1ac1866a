//! The progress of a command, on stderr when that is a terminal; and its end by a signal.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use millchat::Position;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::terminal::StderrTerminal;
use crate::stderr;

const STYLE: &str = "{msg} {wide_bar} {human_pos}/{human_len} · {per_sec} · {eta} left";

/// A signal came that ends the command. It publishes no other data, so its order is relaxed.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// A bar from the floor to the head. Goes when it is dropped.
pub struct Progress {
    bar: ProgressBar,
    floor: Position,
}

impl Progress {
    /// A bar of which nothing is done.
    pub fn new(what: &'static str, floor: Position, head: Position) -> Self {
        let target = match StderrTerminal::of_process() {
            Some(terminal) => ProgressDrawTarget::term_like(Box::new(terminal)),
            None => ProgressDrawTarget::hidden(),
        };
        let length = (head + 1).saturating_sub(floor);
        let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what);
        let style = ProgressStyle::with_template(STYLE).expect("the template is well formed");
        bar.set_style(style);
        Self { bar, floor }
    }

    /// The bounds become known on the way.
    pub fn bounds(&mut self, floor: Position, head: Position) {
        self.floor = floor;
        // What came before them does not count for the pace.
        self.bar.reset();
        self.bar.set_length((head + 1).saturating_sub(floor));
    }

    /// This position is done.
    pub fn at(&self, position: Position) {
        self.bar.set_position((position + 1).saturating_sub(self.floor));
    }

    /// The same, and fails when the command is to stop, so that it can tidy up.
    pub fn go_on(&self, position: Position) -> Result<(), Failure> {
        self.at(position);
        if STOPPED.load(Ordering::Relaxed) { Err(interrupted()) } else { Ok(()) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Has signals end the command by [`Progress::go_on`], which removes what is half made.
pub fn stop_on_signals() -> Result<(), Failure> {
    let (there, watching) = std::sync::mpsc::channel();
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stopped = watch_signals()?;
            let _ = there.send(());
            stopped.await;
            Ok::<(), std::io::Error>(())
        })?;
        STOPPED.store(true, Ordering::Relaxed);
        Ok::<(), std::io::Error>(())
    };
    // Without it a signal ends the process at once, as by default.
    let watch = std::thread::Builder::new().name("millchat-signals".into()).spawn(watch);
    watch.map(drop).map_err(Failure::refused)?;
    // Nothing is made before signals are watched for. An error means that they cannot be.
    let _ = watching.recv();
    Ok(())
}

/// Resolves when a signal asks the command to end.
pub async fn stopped() -> std::io::Result<()> {
    watch_signals()?.await;
    Ok(())
}

/// Watches for signals from now on, and resolves with the first.
fn watch_signals() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Without a terminal the signal may be ignored on purpose.
    let mut hang_up = stderr::is_terminal().then(|| signal(SignalKind::hangup())).transpose()?;
    Ok(async move {
        let closed = async {
            match &mut hang_up {
                Some(hang_up) => drop(hang_up.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = closed => {}
        }
    })
}

/// The failure of a command that a signal ended.
pub fn interrupted() -> Failure {
    Failure::failed("interrupted; nothing was left behind")
}
