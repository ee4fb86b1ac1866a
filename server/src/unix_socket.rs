//! A listening socket in the file system, for the people of this machine.
//!
//! Only its owner, the server's user, may connect to it (mode 0600). A socket of its name to which nobody
//! listens was left by a process that was killed, and is replaced; whatever else has the name is left alone.
//! It is removed at the end, if it is still the one that was made.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// Connections that the kernel holds for us before they are accepted.
const BACKLOG: i32 = 64;
/// Tries to lock the directory.
const LOCK_TRIES_MAX: u32 = 100;
/// Time between two of them.
const LOCK_TRY_EVERY: Duration = Duration::from_millis(20);
/// The mode of the socket: only its owner may connect.
const MODE: u32 = 0o600;

/// The name of a socket that was made; removes it when it is dropped.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Another process may have made a socket of this name since.
    file: FileId,
}

/// Device, inode and time of the last change of a file. An inode alone is soon used again.
#[derive(Debug, PartialEq, Eq)]
struct FileId(u64, u64, (i64, i64));

impl FileId {
    fn of(metadata: &fs::Metadata) -> Self {
        Self(metadata.dev(), metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()))
    }
}

/// Makes the socket and listens on it.
pub fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    // Held until it listens: of two processes that find a socket of the dead, one replaces it. Whoever else
    // holds this lock for long keeps no server from its start.
    let directory = File::open(path.parent().unwrap_or(Path::new("/")))?;
    for _ in 0..LOCK_TRIES_MAX {
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_TRY_EVERY),
            locked => {
                locked?;
                break;
            }
        }
    }
    remove_dead(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before it listens.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    let name = SocketFile { path: path.to_owned(), file: FileId::of(&fs::symlink_metadata(path)?) };
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket.into(), name))
}

/// Removes a socket to which nobody listens.
fn remove_dead(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket has this name"));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // With a full backlog, the connection would wait.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

impl SocketFile {
    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| FileId::of(&metadata) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_is_its_owners_and_goes_with_its_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let (listener, name) = bind(&path).unwrap();
        assert_eq!(path.symlink_metadata().unwrap().mode() & 0o777, MODE);
        UnixStream::connect(&path).unwrap();
        let directory_lock = File::open(directory.path()).unwrap();
        directory_lock.lock().unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse, "somebody listens");
        drop(directory_lock);
        UnixStream::connect(&path).expect("and goes on to");
        drop((listener, name));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let (listener, name) = bind(&path).unwrap();
        drop(listener);
        let (_listener, newer) = bind(&path).expect("nobody listens to the one of before");
        drop(name);
        assert!(path.exists(), "the name is the newer one's");
        UnixStream::connect(&path).unwrap();
        drop(newer);
        fs::write(&path, "precious").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(bind(&path).is_err() && path.is_symlink());
        assert_eq!(bind(&directory.path().join("no/dir")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
