//! One subscriber's connection.

use std::io;
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tracing::debug;
use wire::Gap;

use crate::counters::{count, count_many};
use crate::{Counters, Delivery, Feed, Missed};

/// What the kernel may hold for a subscriber. Its default would hold several seconds of events,
/// which a slow subscriber would have to read before it comes to the present.
const SEND_BUFFER_BYTES: usize = 16 * 1024;

/// What `schema` says in the one line that a connection over the limit gets.
pub const REFUSED_SCHEMA: &str = "cabinmood.refused/1";

/// Sends events until the daemon ends or the subscriber is gone, which is no fault.
pub(super) async fn serve(stream: UnixStream, feed: Feed, counters: Arc<Counters>) {
    count(&counters.subscribers_accepted_total);
    if let Err(errno) = setsockopt(&stream, sockopt::SndBuf, &SEND_BUFFER_BYTES) {
        debug!(%errno, "the subscriber's buffer keeps its default size");
    }
    match send_all(stream, feed, &counters).await {
        Ok(()) => debug!("subscriber closed"),
        Err(fault) => debug!(%fault, "subscriber gone"),
    }
    count(&counters.subscribers_gone_total);
}

/// Tells a connection over the limit why it is closed.
pub(super) fn refuse(stream: &UnixStream, limit: usize, counters: &Counters) {
    count(&counters.subscribers_refused_total);
    // A new connection's buffer is empty, so the line fits; if not, closing says enough.
    let line = format!(
        "{{\"schema\":\"{REFUSED_SCHEMA}\",\"reason\":\"{limit} subscribers are connected already\"}}\n"
    );
    let _unsent = stream.try_write(line.as_bytes());
}

async fn send_all(mut stream: UnixStream, mut feed: Feed, counters: &Counters) -> io::Result<()> {
    let mut half_closed = false;
    loop {
        tokio::select! {
            biased;
            delivery = feed.next() => match delivery {
                Some(delivery) => {
                    send(&mut stream, &delivery, counters).await?;
                    feed.handed_on(&delivery.published);
                }
                None => return stream.shutdown().await,
            },
            closing = closing(&stream), if !half_closed => {
                closing?;
                half_closed = true;
            }
        }
    }
}

/// Returns once the subscriber closes; an error unless it only stopped writing (`nc -N`), which
/// subscribers may do. Nothing is read: what a subscriber writes fills its own buffer, and its
/// writing costs the daemon nothing.
async fn closing(stream: &UnixStream) -> io::Result<()> {
    stream.ready(Interest::PRIORITY).await?;
    // Writing nothing fails if and only if nobody can read it any more.
    stream.try_write(&[]).map(drop)
}

async fn send(stream: &mut UnixStream, delivery: &Delivery, counters: &Counters) -> io::Result<()> {
    if let Some(Missed { events, state_changes }) = delivery.missed {
        count_many(&counters.lines_missed_total, events);
        count_many(&counters.state_changes_missed_total, state_changes);
        let mut line = Vec::new();
        Gap { missed: events }.write_json_line(&mut line);
        stream.write_all(&line).await?;
    }
    stream.write_all(delivery.published.line()).await?;
    count(&counters.lines_sent_total);
    Ok(())
}
