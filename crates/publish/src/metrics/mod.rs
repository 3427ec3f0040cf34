//! The metrics' endpoint: HTTP on a Unix socket or on a port of this computer alone, so that
//! Prometheus, or curl, reads how the daemon is. What is told there is health and nothing else: a
//! metric has no way to an event.

mod latency;
mod page;

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tracing::{debug, warn};
use wire::Reach;

use crate::counters::count;
use crate::socket::place::{self, SocketFile};
use crate::{Counters, Feed, PublishError, Sink, SinkFuture, Tap};
pub use latency::{Latency, Octaves};
pub use page::{Figure, Label, Metric, MetricsPage};

/// Scrapers at once: one is usual, and one who only connects shall not take all file descriptors.
const MAX_SCRAPERS: usize = 8;
/// A scrape takes milliseconds. Who has not read it by then never will.
const SCRAPE_LIMIT: Duration = Duration::from_secs(5);
/// Pause after the system could not hand a connection over, as on the events' socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the metrics are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsPlace {
    /// A Unix socket.
    Socket {
        /// Its path; its folder must exist.
        path: PathBuf,
        /// The group it is given to; `None` leaves the process's own.
        group: Option<String>,
        /// Its permissions; who may write may connect.
        mode: u32,
    },
    /// A port of 127.0.0.1, which every process on this computer may read.
    Port(u16),
}

impl fmt::Display for MetricsPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { path, .. } => write!(f, "{}", path.display()),
            Self::Port(port) => write!(f, "{}:{port}", Ipv4Addr::LOCALHOST),
        }
    }
}

/// Serves the page of metrics.
#[derive(Debug)]
pub struct MetricsSink {
    listener: Listener,
    page: Arc<MetricsPage>,
}

#[derive(Debug)]
enum Listener {
    Socket(std::os::unix::net::UnixListener, SocketFile),
    Port(u16, TcpListener),
}

impl MetricsSink {
    /// Its name among the sinks.
    pub const NAME: &'static str = "metrics";

    /// Makes the socket or takes the port.
    ///
    /// # Errors
    /// As [`crate::SocketSink::bind`] has them, and [`PublishError::Port`].
    pub fn bind(place: &MetricsPlace, page: Arc<MetricsPage>) -> Result<Self, PublishError> {
        let listener = match place {
            MetricsPlace::Socket { path, group, mode } => {
                let (listener, file) = place::bind("metrics", path, group.as_deref(), *mode)?;
                Listener::Socket(listener, file)
            }
            MetricsPlace::Port(port) => {
                let fault = |source| PublishError::Port { port: *port, source };
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).map_err(fault)?;
                listener.set_nonblocking(true).map_err(fault)?;
                Listener::Port(*port, listener)
            }
        };
        Ok(Self { listener, page })
    }

    async fn serve(self, mut tap: Tap, counters: Arc<Counters>) -> Result<(), PublishError> {
        let mut scrapers = Scrapers { running: JoinSet::new(), page: self.page, counters };
        match self.listener {
            Listener::Socket(listener, file) => {
                let fault = |source| PublishError::Socket {
                    section: "metrics",
                    path: file.path().to_owned(),
                    action: "listen",
                    source,
                };
                let listener = tokio::net::UnixListener::from_std(listener).map_err(fault)?;
                loop {
                    tokio::select! {
                        () = tap.ended() => return Ok(()),
                        accepted = listener.accept() => scrapers.take(accepted.map(|(stream, _)| stream)).await,
                    }
                }
            }
            Listener::Port(port, listener) => {
                let fault = |source| PublishError::Port { port, source };
                let listener = tokio::net::TcpListener::from_std(listener).map_err(fault)?;
                loop {
                    tokio::select! {
                        () = tap.ended() => return Ok(()),
                        accepted = listener.accept() => scrapers.take(accepted.map(|(stream, _)| stream)).await,
                    }
                }
            }
        }
    }
}

/// The connections being answered. Dropped with the daemon's end: nobody waits for a scraper.
struct Scrapers {
    running: JoinSet<()>,
    page: Arc<MetricsPage>,
    counters: Arc<Counters>,
}

impl Scrapers {
    async fn take<C>(&mut self, accepted: std::io::Result<C>)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        while self.running.try_join_next().is_some() {}
        match accepted {
            Err(fault) => {
                count(&self.counters.accept_failures_total);
                warn!(%fault, "cannot take on a scraper");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Ok(_) if self.running.len() >= MAX_SCRAPERS => {
                count(&self.counters.scrapes_refused_total);
                debug!(limit = MAX_SCRAPERS, "too many scrapers at once");
            }
            Ok(stream) => {
                let (page, counters) = (Arc::clone(&self.page), Arc::clone(&self.counters));
                self.running.spawn(async move {
                    let answer = answer_on(stream, &page, &counters);
                    if tokio::time::timeout(SCRAPE_LIMIT, answer).await.is_err() {
                        count(&counters.scrapes_broken_off_total);
                    }
                });
            }
        }
    }
}

/// Answers one request.
async fn answer_on<C>(stream: C, page: &MetricsPage, counters: &Counters)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), page, counters);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    if let Err(fault) = connection.await {
        debug!(%fault, "a scraper went");
    }
}

fn answer(method: &Method, path: &str, page: &MetricsPage, counters: &Counters) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            count(&counters.scrapes_total);
            (StatusCode::OK, page.text())
        }
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, "only /metrics is here\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = if status == StatusCode::OK { MetricsPage::CONTENT_TYPE } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

impl Sink for MetricsSink {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn reach(&self) -> Reach {
        // Whoever scrapes may send it on.
        Reach::Beyond
    }

    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture {
        Box::pin(self.serve(feed.into_tap(), counters))
    }
}
