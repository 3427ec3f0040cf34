//! Takes the socket's place in the file system, and leaves it again.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::unistd::{Gid, Group};
use tracing::debug;

use crate::PublishError;

/// `sun_path` in unix(7) has 108 bytes, the last of which ends the string.
pub(crate) const MAX_PATH_BYTES: usize = 107;

/// The bits that chmod(2) knows as permissions.
const PERMISSION_BITS: u32 = 0o777;

/// The socket's file; removed on drop, if it is still this one.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let meta = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: meta.dev(), inode: meta.ino() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let still_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|meta| meta.dev() == self.device && meta.ino() == self.inode);
        if still_ours && let Err(fault) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %fault, "cannot remove the socket");
        }
    }
}

/// Makes the listening socket of a section of the configuration, which nobody can connect to before its group and mode are right.
pub(crate) fn bind(
    section: &'static str,
    path: &Path,
    group: Option<&str>,
    mode: u32,
) -> Result<(UnixListener, SocketFile), PublishError> {
    let fault =
        |action| move |source| PublishError::Socket { section, path: path.to_owned(), action, source };
    if mode & !PERMISSION_BITS != 0 {
        return Err(PublishError::BadMode { section, mode });
    }
    let group = group.map(|name| find_group(section, name)).transpose()?;
    let address = address(section, path)?;
    let _alone = lock_folder(section, path)?;
    clear_leftover(section, path, &address)?;

    let socket = new_socket().map_err(fault("make a socket"))?;
    socket::bind(socket.as_raw_fd(), &address).map_err(io::Error::from).map_err(fault("bind"))?;
    let file = SocketFile::new(path).map_err(fault("look at it"))?;
    if let Some(group) = group {
        nix::unistd::chown(path, None, Some(group))
            .map_err(io::Error::from)
            .map_err(fault("give it to its group (the daemon's user must be a member)"))?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(fault("set its mode"))?;
    // Only now: until a socket listens, connecting is refused whatever its mode.
    socket::listen(&socket, Backlog::MAXCONN).map_err(io::Error::from).map_err(fault("listen"))?;
    Ok((UnixListener::from(socket), file))
}

fn find_group(section: &'static str, name: &str) -> Result<Gid, PublishError> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) | Err(_) => Err(PublishError::NoSuchGroup { section, group: name.to_owned() }),
    }
}

fn address(section: &'static str, path: &Path) -> Result<UnixAddr, PublishError> {
    UnixAddr::new(path).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => PublishError::PathTooLong { section, path: path.to_owned() },
        other => {
            PublishError::Socket { section, path: path.to_owned(), action: "use it", source: other.into() }
        }
    })
}

/// A non-blocking stream socket that no child process inherits.
fn new_socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?)
}

/// Locks the folder until the socket listens. Two daemons that start together would otherwise
/// each see the other's socket before it listens, and take it for a leftover. One that starts in the same
/// folder holds it for a moment only, whatever its socket's name, so it is waited for.
fn lock_folder(section: &'static str, path: &Path) -> Result<Flock<File>, PublishError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fault = |action, source| PublishError::Socket { section, path: path.to_owned(), action, source };
    let handle = File::open(folder).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => PublishError::NoFolder { section, path: path.to_owned() },
        _ => fault("open its folder", source),
    })?;
    let handle = match Flock::lock(handle, FlockArg::LockExclusiveNonblock) {
        Err((handle, Errno::EWOULDBLOCK)) => handle,
        done => return done.map_err(|(_, errno)| fault("lock its folder", errno.into())),
    };
    debug!(folder = %folder.display(), "another program holds the folder's lock; waiting for it");
    Flock::lock(handle, FlockArg::LockExclusive).map_err(|(_, errno)| fault("lock its folder", errno.into()))
}

/// Removes the socket of a daemon that ended without removing it, and nothing else.
fn clear_leftover(section: &'static str, path: &Path, address: &UnixAddr) -> Result<(), PublishError> {
    let fault =
        |action| move |source| PublishError::Socket { section, path: path.to_owned(), action, source };
    match fs::symlink_metadata(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(fault("look at it")(source)),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(PublishError::NotASocket { section, path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let probe = new_socket().map_err(fault("make a socket"))?;
    match socket::connect(probe.as_raw_fd(), address) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path).map_err(fault("remove the leftover socket")),
        // EAGAIN: its queue is full of connections; a daemon that hangs is running nevertheless.
        // EPROTOTYPE: a socket of another type, with an owner.
        Ok(()) | Err(Errno::EAGAIN | Errno::EPROTOTYPE) => {
            Err(PublishError::InUse { section, path: path.to_owned() })
        }
        Err(errno) => Err(fault("ask who listens there")(errno.into())),
    }
}
