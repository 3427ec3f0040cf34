//! The Unix socket: newline-delimited JSON for everybody on this computer who may read it.

pub(crate) mod place;
mod subscriber;

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{debug, warn};
use wire::Reach;

use crate::counters::count;
use crate::{Counters, Feed, PublishError, Sink, SinkFuture, Tap};
pub(crate) use place::MAX_PATH_BYTES;
use place::SocketFile;
pub use subscriber::REFUSED_SCHEMA;

/// Pause after the system could not hand a connection over (out of file descriptors, mostly):
/// trying again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the socket is and who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketOptions {
    /// The socket's path; its folder must exist.
    pub path: PathBuf,
    /// The group it is given to; `None` leaves the process's own.
    pub group: Option<String>,
    /// Its permissions; who may write may connect.
    pub mode: u32,
    /// Subscribers at most.
    pub max_subscribers: usize,
}

impl SocketOptions {
    /// Owner and group may connect: faces' expressions are not for every process on the computer.
    pub const DEFAULT_MODE: u32 = 0o660;

    /// More than a vehicle's computer has uses for; a leak in one of them shall not take all file
    /// descriptors.
    pub const DEFAULT_MAX_SUBSCRIBERS: usize = 64;

    /// The defaults at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            group: None,
            mode: Self::DEFAULT_MODE,
            max_subscribers: Self::DEFAULT_MAX_SUBSCRIBERS,
        }
    }
}

/// Sends every event to every subscriber of a Unix socket. What subscribers write is not read.
#[derive(Debug)]
pub struct SocketSink {
    listener: UnixListener,
    file: SocketFile,
    max_subscribers: usize,
}

impl SocketSink {
    /// Makes the socket. From here on subscribers may connect; they are served once [`crate::serve`]
    /// runs. The socket's file is removed when the sink ends or is dropped.
    ///
    /// # Errors
    /// Every [`PublishError`] but `Runtime`. A leftover that nobody listens on is replaced; a
    /// running daemon's socket, or anything that is no socket, is left alone.
    pub fn bind(options: &SocketOptions) -> Result<Self, PublishError> {
        let (listener, file) = place::bind("socket", &options.path, options.group.as_deref(), options.mode)?;
        Ok(Self { listener, file, max_subscribers: options.max_subscribers })
    }

    async fn accept(self, mut tap: Tap, counters: Arc<Counters>) -> Result<(), PublishError> {
        let path = self.file.path().to_owned();
        let listener = tokio::net::UnixListener::from_std(self.listener)
            .map_err(|source| PublishError::Socket { section: "socket", path, action: "listen", source })?;
        let mut subscribers = JoinSet::new();
        loop {
            tokio::select! {
                () = tap.ended() => break,
                Some(_) = subscribers.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        while subscribers.try_join_next().is_some() {}
                        if subscribers.len() < self.max_subscribers {
                            subscribers.spawn(subscriber::serve(stream, tap.feed(), Arc::clone(&counters)));
                        } else {
                            subscriber::refuse(&stream, self.max_subscribers, &counters);
                        }
                    }
                    Err(fault) => {
                        count(&counters.accept_failures_total);
                        warn!(%fault, "cannot take on a subscriber");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // The file first: who comes now finds no daemon rather than one that hangs up.
        drop(self.file);
        drop(listener);
        debug!(subscribers = subscribers.len(), "flushing");
        while subscribers.join_next().await.is_some() {}
        Ok(())
    }
}

impl Sink for SocketSink {
    fn name(&self) -> &'static str {
        "socket"
    }

    fn reach(&self) -> Reach {
        Reach::Vehicle
    }

    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture {
        Box::pin(self.accept(feed.into_tap(), counters))
    }
}
