//! The seam between the sink and the kernel: what opens a socket, and frames in and out of it.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use socketcan::{
    CanAnyFrame, CanDataFrame, CanFdFrame, CanFdSocket, CanFilter, EmbeddedFrame as _, ExtendedId, Id,
    Socket as _, SocketOptions as _, StandardId, id::FdFlags,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use wire::can::{CanId, Frame};

use super::interfaces::{CanInterface, Found, find};
use crate::PublishError;

/// Opens a socket on a bus, again and again where the bus is lost. Tests put one end of a pair of
/// sockets here that carries the kernel's frames on a kernel without CAN.
pub trait CanPort: Send {
    /// What logs call it.
    fn name(&self) -> &str;

    /// Opens a socket that hears frames with these identifiers and the bus's errors.
    ///
    /// # Errors
    /// Where there is no bus at present.
    fn open(&self, hear: &[Hear]) -> io::Result<OwnedFd>;
}

/// Identifiers to hear: those that agree with `id` in the bits of `mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hear {
    /// An identifier.
    pub id: CanId,
    /// The bits that count.
    pub mask: u32,
}

/// A SocketCAN interface.
#[derive(Debug, Clone)]
pub struct CanInterfacePort {
    interface: String,
}

impl CanInterfacePort {
    /// An interface by its name. It need not be there yet.
    ///
    /// # Errors
    /// [`PublishError::NoCan`] where the kernel has no CAN, [`PublishError::NotCan`] where the
    /// interface is one of another kind.
    pub fn new(interface: &str) -> Result<Self, PublishError> {
        look(interface)?;
        Ok(Self { interface: interface.to_owned() })
    }
}

/// The interface as it is now; `None` where it is not there (yet).
///
/// # Errors
/// As [`CanInterfacePort::new`].
pub fn look(interface: &str) -> Result<Option<CanInterface>, PublishError> {
    match find(interface) {
        Found::Can(found) => Ok(Some(found)),
        Found::Other => Err(PublishError::NotCan { interface: interface.to_owned() }),
        // A socket on all interfaces tells whether the kernel has CAN at all.
        Found::Missing => match CanFdSocket::open_iface(0) {
            Ok(_) => Ok(None),
            Err(source) => Err(PublishError::NoCan { interface: interface.to_owned(), source }),
        },
    }
}

impl CanPort for CanInterfacePort {
    fn name(&self) -> &str {
        &self.interface
    }

    fn open(&self, hear: &[Hear]) -> io::Result<OwnedFd> {
        // Asked by its name, the kernel would start modprobe for an interface that is not there, each time.
        if find(&self.interface) == Found::Missing {
            return Err(Errno::ENODEV.into());
        }
        let socket = CanFdSocket::open(&self.interface)?;
        let filters: Vec<CanFilter> = hear.iter().map(filter).collect();
        if filters.is_empty() {
            socket.set_filter_drop_all()?;
        } else {
            socket.set_filters(&filters)?;
        }
        socket.set_error_filter_accept_all()?;
        socket.as_fd().try_clone_to_owned()
    }
}

fn filter(hear: &Hear) -> CanFilter {
    let (flag, mask) = match hear.id {
        CanId::Standard(_) => (0, CanId::STANDARD_MAX),
        CanId::Extended(_) => (EXTENDED_FLAG, CanId::EXTENDED_MAX),
    };
    // Remote frames bear no data.
    CanFilter::new(hear.id.number() | flag, (hear.mask & mask) | EXTENDED_FLAG | REMOTE_FLAG)
}

/// The kernel's marks in an identifier (linux/can.h).
const EXTENDED_FLAG: u32 = 0x8000_0000;
const REMOTE_FLAG: u32 = 0x4000_0000;

/// What came from a bus.
#[derive(Debug)]
pub(super) enum Received {
    Data(Frame),
    /// The controller is off the bus.
    BusOff,
    /// The controller is back.
    Restarted,
    /// Another fault on the bus that the controller deals with itself.
    Fault,
    /// A frame without data.
    Nothing,
}

/// An open socket that never waits.
#[derive(Debug)]
pub(super) struct Link(AsyncFd<CanFdSocket>);

impl Link {
    /// Must be called within the runtime.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = CanFdSocket::from(socket);
        socket.set_nonblocking(true)?;
        // SAFETY: a CanFdSocket owns its descriptor: it stays open, and the same one, until the socket
        // is dropped, which only the AsyncFd that now owns it does.
        let registered = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        registered.map(Self).map_err(|fault| fault.into_parts().1)
    }

    /// Hands a frame to the kernel, or fails at once.
    pub(super) fn send(&self, frame: &Frame) -> io::Result<()> {
        let unfit = || io::Error::from(io::ErrorKind::InvalidInput);
        if frame.fd {
            // The faster rate for the data is what FD is for.
            let frame =
                CanFdFrame::with_flags(id(frame.id)?, frame.data(), FdFlags::BRS).ok_or_else(unfit)?;
            self.0.get_ref().write_frame(&frame)
        } else {
            let frame = CanDataFrame::new(id(frame.id)?, frame.data()).ok_or_else(unfit)?;
            self.0.get_ref().write_frame(&frame)
        }
    }

    /// Waits for a frame. May be dropped and called again without losing one.
    pub(super) async fn receive(&self) -> io::Result<Received> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(read) = ready.try_io(|socket| socket.get_ref().read_frame()) {
                return read.map(received);
            }
        }
    }
}

fn id(id: CanId) -> io::Result<Id> {
    let id = match id {
        CanId::Standard(number) => StandardId::new(number).map(Id::Standard),
        CanId::Extended(number) => ExtendedId::new(number).map(Id::Extended),
    };
    id.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn frame(id: Id, fd: bool, data: &[u8]) -> Received {
    let id = match id {
        Id::Standard(id) => CanId::Standard(id.as_raw()),
        Id::Extended(id) => CanId::Extended(id.as_raw()),
    };
    Frame::new(id, fd, data).map_or(Received::Nothing, Received::Data)
}

fn received(read: CanAnyFrame) -> Received {
    /// The classes of errors (linux/can/error.h).
    const BUS_OFF: u32 = 0x40;
    const RESTARTED: u32 = 0x100;
    match read {
        CanAnyFrame::Normal(data) => frame(data.id(), false, data.data()),
        CanAnyFrame::Fd(data) => frame(data.id(), true, data.data()),
        CanAnyFrame::Remote(_) => Received::Nothing,
        CanAnyFrame::Error(fault) if fault.error_bits() & BUS_OFF != 0 => Received::BusOff,
        CanAnyFrame::Error(fault) if fault.error_bits() & RESTARTED != 0 => Received::Restarted,
        CanAnyFrame::Error(_) => Received::Fault,
    }
}

/// Listens on a bus without sending, blocking, for tools.
#[derive(Debug)]
pub struct CanListener(CanFdSocket);

impl CanListener {
    /// Hears every data frame of an interface.
    ///
    /// # Errors
    /// [`PublishError::NoCan`], [`PublishError::NotCan`], and [`PublishError::Can`] where the
    /// interface is missing or down.
    pub fn open(interface: &str) -> Result<Self, PublishError> {
        let fault = |source| PublishError::Can { interface: interface.to_owned(), source };
        match look(interface)? {
            None => return Err(PublishError::NoInterface { interface: interface.to_owned() }),
            Some(found) if !found.up => return Err(fault(io::ErrorKind::NetworkDown.into())),
            Some(_) => {}
        }
        CanFdSocket::open(interface).map(Self).map_err(fault)
    }

    /// A listener on a socket that is there already.
    #[must_use]
    pub fn on(socket: OwnedFd) -> Self {
        Self(CanFdSocket::from(socket))
    }

    /// The next data frame; `None` where none came in this time, or something that is no data frame.
    ///
    /// # Errors
    /// Where the bus is gone.
    pub fn next(&self, within: Duration) -> io::Result<Option<Frame>> {
        match self.0.read_frame_timeout(within) {
            Ok(read) => match received(read) {
                Received::Data(frame) => Ok(Some(frame)),
                _ => Ok(None),
            },
            Err(late) if matches!(late.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}
