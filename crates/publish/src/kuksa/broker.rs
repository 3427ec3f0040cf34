//! One connection with the broker: asks for its ids, opens the stream, and reads what it refuses.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use wire::{VSS_BRANCHES, VssSignal, VssType, VssValue};

use super::options::{Access, KuksaError, KuksaOptions};
use super::proto::open_provider_stream_request::Action as Asked;
use super::proto::open_provider_stream_response::Action as Answered;
use super::proto::val_client::ValClient;
use super::proto::value::TypedValue;
use super::proto::{
    DataType, Datapoint, Error as ValueError, ErrorCode, ListMetadataRequest, OpenProviderStreamRequest,
    OpenProviderStreamResponse, PublishValuesRequest, Value,
};
use crate::error::chain;

/// Updates that wait for a broker which is slow to take them. One is no use once the next is there; a
/// second evens out a scheduler's hiccup.
const WAITING_UPDATES: usize = 2;

/// Why a connection ended or never was.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Files(#[from] KuksaError),
    #[error("{}", chain(.0))]
    Connect(#[from] tonic::transport::Error),
    #[error("{}", told(.0))]
    Refused(#[from] Status),
    #[error("no answer within {0} s")]
    Silent(u64),
    #[error("the broker knows none of the signals; load the overlay of `cabinmood schema vspec` into it")]
    KnowsNothing,
    /// Of a stream only the code is told: its message may name a value, and no log does.
    #[error("the stream broke: {0}")]
    Broken(Code),
    #[error("the broker ended the stream")]
    Ended,
    #[error("the broker has new ids")]
    NewIds,
    #[error("reading files was broken off")]
    BrokenOff,
}

/// Without the headers of the answer, which tell nobody anything.
fn told(status: &Status) -> String {
    let mut text = status.code().to_string();
    if !status.message().is_empty() {
        text += &format!(": {}", status.message());
    }
    text
}

/// A signal that the broker knows.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) signal: VssSignal,
    id: i32,
    /// Whether the broker has it in twice the precision; ours does not become better by that.
    is_double: bool,
}

/// What a broker knows of the signals that it could be told.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) known: Vec<Known>,
    /// Paths of the others.
    pub(super) unknown: Vec<String>,
}

/// An open stream.
pub(super) struct Link {
    pub(super) knowledge: Knowledge,
    updates: mpsc::Sender<OpenProviderStreamRequest>,
    answers: Streaming<OpenProviderStreamResponse>,
    last_id: u32,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// The connection has it.
    Over,
    /// The broker has not yet taken those before.
    TooSoon,
}

/// Something that the broker refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) path: String,
    /// The code's name. The message is left out, since it may name the value.
    pub(super) why: &'static str,
}

/// Connects and asks what the broker knows. Of what it knows nothing is remembered from before.
pub(super) async fn ask(
    options: &Arc<KuksaOptions>,
    wanted: Vec<VssSignal>,
) -> Result<(ValClient<Channel>, Access, Knowledge), Fault> {
    let shared = Arc::clone(options);
    let reading = tokio::task::spawn_blocking(move || Access::read(&shared));
    let access = reading.await.map_err(|_| Fault::BrokenOff)??;
    let mut client = ValClient::new(access.endpoint.connect().await?);
    let mut ids = HashMap::new();
    for root in VSS_BRANCHES {
        let request = ListMetadataRequest { root: root.to_owned(), filter: String::new() };
        match client.list_metadata(access.request(request)).await {
            Ok(answer) => {
                let metadata = answer.into_inner().metadata;
                ids.extend(metadata.into_iter().map(|one| (one.path, (one.id, one.data_type))));
            }
            // A tree may lack a branch.
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => return Err(status.into()),
        }
    }
    let mut knowledge = Knowledge::default();
    for signal in wanted {
        let found = ids.get(signal.path()).and_then(|(id, kind)| {
            let kind = DataType::try_from(*kind).ok()?;
            let is_double = match (signal.kind(), kind) {
                (VssType::Float, DataType::Float) | (VssType::Text, DataType::String) => false,
                (VssType::Float, DataType::Double) => true,
                _ => return None,
            };
            Some((*id, is_double))
        });
        match found {
            Some((id, is_double)) => knowledge.known.push(Known { signal, id, is_double }),
            None => knowledge.unknown.push(signal.path().to_owned()),
        }
    }
    Ok((client, access, knowledge))
}

impl Link {
    /// Connects, asks for ids, opens the stream.
    pub(super) async fn open(options: &Arc<KuksaOptions>, wanted: Vec<VssSignal>) -> Result<Self, Fault> {
        let (mut client, access, knowledge) = ask(options, wanted).await?;
        if knowledge.known.is_empty() {
            return Err(Fault::KnowsNothing);
        }
        let (updates, stream) = mpsc::channel(WAITING_UPDATES);
        let answers = client.open_provider_stream(access.request(ReceiverStream::new(stream))).await?;
        Ok(Self { knowledge, updates, answers: answers.into_inner(), last_id: 0 })
    }

    /// Hands over a value, or that it is not known, for every known signal, in their order. Never waits.
    pub(super) fn send(
        &mut self,
        values: Vec<Option<VssValue>>,
        at: prost_types::Timestamp,
    ) -> Result<Handed, Fault> {
        let update = self.update(values, at);
        match self.updates.try_send(update) {
            Ok(()) => Ok(Handed::Over),
            Err(mpsc::error::TrySendError::Full(_)) => Ok(Handed::TooSoon),
            // The answers say why, where the broker does.
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Fault::Ended),
        }
    }

    fn update(
        &mut self,
        values: Vec<Option<VssValue>>,
        at: prost_types::Timestamp,
    ) -> OpenProviderStreamRequest {
        self.last_id = self.last_id.wrapping_add(1);
        let point = |(known, value): (&Known, Option<VssValue>)| {
            let value = value.map(|value| Value { typed_value: Some(typed(value, known.is_double)) });
            (known.id, Datapoint { timestamp: Some(at), value })
        };
        let data_points = self.knowledge.known.iter().zip(values).map(point).collect();
        let values = PublishValuesRequest { request_id: self.last_id, data_points };
        OpenProviderStreamRequest { action: Some(Asked::PublishValuesRequest(values)) }
    }

    /// What the broker refuses next; may be dropped and called again. It ends only with the stream.
    pub(super) async fn refused(&mut self) -> Result<Vec<Refusal>, Fault> {
        let answer = self.answers.message().await.map_err(|status| Fault::Broken(status.code()))?;
        let answer = answer.ok_or(Fault::Ended)?;
        let Some(Answered::PublishValuesResponse(answer)) = answer.action else { return Ok(Vec::new()) };
        if answer.status.values().any(|error| error.code() == ErrorCode::NotFound) {
            return Err(Fault::NewIds);
        }
        let refusal = |(id, error): (i32, ValueError)| {
            let known = self.knowledge.known.iter().find(|known| known.id == id)?;
            Some(Refusal { path: known.signal.path().to_owned(), why: error.code().as_str_name() })
        };
        Ok(answer.status.into_iter().filter_map(refusal).collect())
    }

    /// Takes back all that was told, and waits until the broker has heard it.
    pub(super) async fn take_leave(mut self, at: prost_types::Timestamp) {
        let nothing = vec![None; self.knowledge.known.len()];
        let last = self.update(nothing, at);
        if self.updates.send(last).await.is_ok() {
            drop(self.updates);
            while let Ok(Some(_)) = self.answers.message().await {}
        }
    }
}

fn typed(value: VssValue, is_double: bool) -> TypedValue {
    match value {
        VssValue::Float(number) if is_double => TypedValue::Double(number.into()),
        VssValue::Float(number) => TypedValue::Float(number),
        VssValue::Text(text) => TypedValue::String(text.into_owned()),
    }
}
