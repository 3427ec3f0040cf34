//! Taking the socket's place in the file system: who may connect, and what is never removed.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use common::{Publisher, event};
use nix::unistd::{Group, getegid};
use publish::{PublishError, SocketOptions, SocketSink};
use types::Expression::Happy;

fn refusal(options: &SocketOptions) -> String {
    let text = SocketSink::bind(options).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn mode_and_group_are_those_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    let own = Group::from_gid(getegid()).unwrap().unwrap();
    let sink = SocketSink::bind(&SocketOptions::new(&path)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    drop(sink);
    let options = SocketOptions { group: Some(own.name), mode: 0o606, ..SocketOptions::new(&path) };
    let _sink = SocketSink::bind(&options).unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.permissions().mode() & 0o777, meta.gid()), (0o606, getegid().as_raw()));
}

#[test]
fn what_cannot_be_a_socket_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    let good = SocketOptions::new(&path);
    let no_group = SocketOptions { group: Some("no-such-group".into()), ..good.clone() };
    assert!(refusal(&no_group).contains("socket.group \"no-such-group\""));
    assert!(refusal(&SocketOptions { mode: 0o10660, ..good.clone() }).contains("socket.mode 10660"));
    let long = folder.path().join("x".repeat(120));
    assert!(refusal(&SocketOptions::new(long)).contains("107 bytes"));
    let no_folder = folder.path().join("missing/mood.sock");
    assert!(refusal(&SocketOptions::new(no_folder)).contains("folder does not exist"));
    assert!(refusal(&SocketOptions::new(folder.path())).contains("not a socket"));
    assert!(!path.exists(), "nothing is left behind");
}

#[test]
fn a_leftover_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(SocketSink::bind(&SocketOptions::new(&path)).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_running_daemon_is_not_pushed_aside() {
    let publisher = Publisher::start();
    publisher.send(event(0, Happy));
    let second = SocketSink::bind(&SocketOptions::new(&publisher.path));
    assert!(matches!(second, Err(PublishError::InUse { .. })));
    assert_eq!(publisher.subscribe().seq(), 0);
}

#[test]
fn daemons_that_start_together_in_one_folder_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let together = std::sync::Barrier::new(16);
    std::thread::scope(|scope| {
        let start = |name: usize| {
            let options = SocketOptions::new(folder.path().join(format!("{name}.sock")));
            together.wait();
            // Each starts and ends many times, so that some of it falls together.
            (0..100).try_for_each(|_| SocketSink::bind(&options).map(drop))
        };
        let all: Vec<_> = (0..16).map(|name| scope.spawn(move || start(name))).collect();
        all.into_iter().for_each(|one| one.join().unwrap().unwrap());
    });
}

#[test]
fn a_daemon_that_hangs_with_a_full_queue_is_still_running() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Unix,
        nix::sys::socket::SockType::Stream,
        nix::sys::socket::SockFlag::empty(),
        None,
    )
    .unwrap();
    let address = nix::sys::socket::UnixAddr::new(&path).unwrap();
    nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &address).unwrap();
    nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _waiting = std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert!(matches!(SocketSink::bind(&SocketOptions::new(&path)), Err(PublishError::InUse { .. })));
}

#[test]
fn a_file_in_the_way_keeps_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    fs::write(&path, "precious").unwrap();
    assert!(refusal(&SocketOptions::new(&path)).contains("not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn only_the_own_socket_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    let sink = SocketSink::bind(&SocketOptions::new(&path)).unwrap();
    // Somebody moved the socket away and put something else there.
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::write(&path, "another's").unwrap();
    drop(sink);
    assert!(path.exists());
}

#[test]
fn two_daemons_that_start_together_do_not_both_get_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mood.sock");
    drop(UnixListener::bind(&path).unwrap());
    let bind = |path: &Path| SocketSink::bind(&SocketOptions::new(path));
    let winners: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| bind(&path))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap().ok()).collect()
    });
    assert_eq!(winners.len(), 1);
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
}
