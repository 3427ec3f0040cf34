//! A databroker for tests: a server made from the same definition as the client, which keeps to what
//! the interface says of ids, types and errors. It is not Eclipse Kuksa's.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests that each use a part of it, and may stop at what they do not expect"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated"
)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/server/kuksa.val.v2.rs"));
}

use proto::open_provider_stream_request::Action as Asked;
use proto::open_provider_stream_response::Action as Answered;
use proto::val_server::{Val, ValServer};
pub use proto::value::TypedValue;
use proto::{
    DataType, ErrorCode, ListMetadataRequest, ListMetadataResponse, Metadata, OpenProviderStreamRequest,
    OpenProviderStreamResponse, PublishValuesResponse,
};

/// A guard against hanging for ever where a test fails; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the broker was told at once, by path; `None` is "not known".
pub type Update = BTreeMap<String, Option<TypedValue>>;

/// How the broker is.
#[derive(Clone)]
pub struct Manner {
    /// Path and type of each signal; ids are given from `first_id` on.
    pub tree: Vec<(String, DataType)>,
    pub first_id: i32,
    /// The token that it wants.
    pub token: Option<String>,
    /// Paths of which it takes no value.
    pub refuses: Vec<String>,
}

impl Manner {
    /// Knows the whole overlay and the head's angles, as the file in docs/ has them.
    pub fn usual() -> Self {
        let overlay = include_str!("../../../../docs/cabinmood.vspec");
        let mut tree = Vec::new();
        let mut path = "";
        for line in overlay.lines() {
            match line.strip_suffix(':') {
                Some(node) if node.starts_with("Vehicle.") => path = node,
                _ => match line.trim() {
                    "datatype: float" => tree.push((path.to_owned(), DataType::Float)),
                    "datatype: string" => tree.push((path.to_owned(), DataType::String)),
                    _ => {}
                },
            }
        }
        for angle in ["Yaw", "Pitch", "Roll"] {
            let path = format!("Vehicle.Occupant.Row1.DriverSide.HeadPosition.{angle}");
            tree.push((path, DataType::Float));
        }
        // What other providers tell, to see that nobody else's is touched.
        tree.push(("Vehicle.Driver.IsEyesOnRoad".to_owned(), DataType::Boolean));
        Self { tree, first_id: 100, token: None, refuses: Vec::new() }
    }

    fn find(&self, id: i32) -> Option<&(String, DataType)> {
        self.tree.get(usize::try_from(id.checked_sub(self.first_id)?).ok()?)
    }

    fn allows<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let wanted = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let shown = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let is_good = wanted.is_none_or(|wanted| shown == Some(&*wanted));
        if is_good { Ok(()) } else { Err(Status::unauthenticated("no token, or a wrong one")) }
    }

    fn judge(&self, id: i32, value: Option<&TypedValue>) -> Result<&str, ErrorCode> {
        let (path, kind) = self.find(id).ok_or(ErrorCode::NotFound)?;
        let fits = match value {
            None => true,
            Some(TypedValue::String(_)) => *kind == DataType::String,
            Some(TypedValue::Bool(_)) => *kind == DataType::Boolean,
            Some(TypedValue::Float(_)) => *kind == DataType::Float,
            Some(TypedValue::Double(_)) => *kind == DataType::Double,
        };
        match (fits, self.refuses.contains(path)) {
            (true, false) => Ok(path),
            (false, _) => Err(ErrorCode::InvalidArgument),
            (true, true) => Err(ErrorCode::PermissionDenied),
        }
    }
}

struct Service {
    manner: Arc<Manner>,
    heard: mpsc::Sender<Update>,
}

type Answers = Pin<Box<dyn tokio_stream::Stream<Item = Result<OpenProviderStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Val for Service {
    async fn list_metadata(
        &self,
        request: Request<ListMetadataRequest>,
    ) -> Result<Response<ListMetadataResponse>, Status> {
        self.manner.allows(&request)?;
        let root = format!("{}.", request.into_inner().root);
        let metadata: Vec<Metadata> = (self.manner.first_id..)
            .zip(&self.manner.tree)
            .filter(|(_, (path, _))| path.starts_with(&root))
            .map(|(id, (path, kind))| Metadata { path: path.clone(), id, data_type: (*kind).into() })
            .collect();
        if metadata.is_empty() {
            return Err(Status::not_found("no such branch"));
        }
        Ok(Response::new(ListMetadataResponse { metadata }))
    }

    type OpenProviderStreamStream = Answers;

    async fn open_provider_stream(
        &self,
        request: Request<Streaming<OpenProviderStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        self.manner.allows(&request)?;
        let (manner, heard) = (Arc::clone(&self.manner), self.heard.clone());
        let mut requests = request.into_inner();
        let (answer, answers) = tokio::sync::mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok(Some(OpenProviderStreamRequest { action: Some(action) })) = requests.message().await
            {
                let Asked::PublishValuesRequest(request) = action;
                let (mut update, mut status) = (Update::new(), HashMap::new());
                for (id, point) in request.data_points {
                    assert!(point.timestamp.is_some());
                    let value = point.value.and_then(|value| value.typed_value);
                    match manner.judge(id, value.as_ref()) {
                        Ok(path) => _ = update.insert(path.to_owned(), value),
                        Err(code) => {
                            let message = "not taken".to_owned();
                            status.insert(id, proto::Error { code: code.into(), message });
                        }
                    }
                }
                // The test may have heard enough.
                let _gone = heard.send(update);
                if !status.is_empty() {
                    let response = PublishValuesResponse { request_id: request.request_id, status };
                    let action = Some(Answered::PublishValuesResponse(response));
                    if answer.send(Ok(OpenProviderStreamResponse { action })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

/// Where it listens.
pub enum Place {
    /// A port of this computer.
    Port(SocketAddr),
    /// The same with TLS: certificate and key, as PEM.
    Tls(SocketAddr, String, String),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A running broker. Dropping it is its death: connections break, nothing is said.
pub struct Databroker {
    heard: mpsc::Receiver<Update>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A port that nobody has.
pub fn free_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], cabinmood_tests::broker::free_port()))
}

impl Databroker {
    pub fn start(place: Place, manner: Manner) -> Self {
        let (sender, heard) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async move {
                let service = ValServer::new(Service { manner: Arc::new(manner), heard: sender });
                let mut server = Server::builder();
                if let Place::Tls(_, certificate, key) = &place {
                    let identity = Identity::from_pem(certificate, key);
                    server = server.tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
                }
                let router = server.add_service(service);
                let serve: Pin<Box<dyn Future<Output = _>>> = match place {
                    Place::Port(address) | Place::Tls(address, ..) => {
                        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                        Box::pin(router.serve_with_incoming(TcpListenerStream::new(listener)))
                    }
                    Place::Socket(path) => {
                        let listener = tokio::net::UnixListener::bind(path).unwrap();
                        Box::pin(router.serve_with_incoming(UnixListenerStream::new(listener)))
                    }
                };
                ready.send(()).unwrap();
                tokio::select! {
                    served = serve => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        is_ready.recv_timeout(PATIENCE).unwrap();
        Self { heard, end: Some(end), thread: Some(thread) }
    }

    /// The next update.
    pub fn update(&self) -> Update {
        self.heard.recv_timeout(PATIENCE).unwrap()
    }

    /// The next update of which this is true.
    pub fn until(&self, is_it: impl Fn(&Update) -> bool) -> Update {
        loop {
            let update = self.update();
            if is_it(&update) {
                return update;
            }
        }
    }

    /// All updates that there still are, when the client has gone.
    pub fn rest(&self) -> Vec<Update> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Databroker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic there is the test's.
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}
