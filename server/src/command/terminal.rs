//! The terminal on stderr, as the progress bar draws on it: by way of [`stderr`], so that a terminal that is
//! gone or takes nothing holds no command up.

use std::io;

use indicatif::TermLike;
use rustix::termios::tcgetwinsize;

use crate::stderr;

/// Columns of a terminal that does not say how many it has.
const COLUMNS_DEFAULT: u16 = 80;

/// stderr, when it is a terminal.
#[derive(Debug)]
pub struct StderrTerminal(());

impl StderrTerminal {
    /// Returns it if stderr is one.
    pub fn of_process() -> Option<Self> {
        stderr::is_terminal().then_some(Self(()))
    }

    fn steps(count: usize, direction: char) {
        if count > 0 {
            stderr::write(format!("\x1b[{count}{direction}").as_bytes());
        }
    }
}

impl TermLike for StderrTerminal {
    fn width(&self) -> u16 {
        match tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_col > 0 => size.ws_col,
            _ => COLUMNS_DEFAULT,
        }
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        Self::steps(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        Self::steps(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        Self::steps(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        Self::steps(n, 'D');
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        stderr::write(format!("{s}\n").as_bytes());
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        stderr::write(s.as_bytes());
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        stderr::write(b"\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
