//! That the gate stands before every sink. What it withholds is decided in wire; the bus has its own
//! test in can.rs.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

mod common;

use std::sync::{Arc, mpsc};

use common::{Publisher, Ticking, event, open_gate};
use publish::{Counters, Feed, Gated, Sink, SinkFuture};
use types::{Expression, FaceBox, MoodState, Pose, Reason};
use wire::{Deployment, Event, Group, Groups, Policy, Purpose, Reach, Released};

/// An event with something in every field that can be withheld.
fn full(seq: u64, expression: Expression) -> Event {
    Event {
        frame_seq: Some(seq),
        intensity: Some(0.5),
        face_present: Some(true),
        face: Some(FaceBox::default()),
        pose: Some(Pose { yaw_deg: 30.0, pitch_deg: 0.0, roll_deg: 0.0 }),
        eye_openness: Some(0.3),
        ..event(seq, expression)
    }
}

/// Passes on what it gets, and reaches as far as it says.
struct Telling(Reach, mpsc::Sender<Released>);

impl Sink for Telling {
    fn name(&self) -> &'static str {
        "telling"
    }

    fn reach(&self) -> Reach {
        self.0
    }

    fn run(self: Box<Self>, mut feed: Feed, _counters: Arc<Counters>) -> SinkFuture {
        Box::pin(async move {
            while let Some(delivery) = feed.next().await {
                let _gone = self.1.send(delivery.published.event.clone());
            }
            Ok(())
        })
    }
}

#[test]
fn no_subscriber_reads_what_the_purpose_withholds() {
    let policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Research };
    let gate = policy.gate(Reach::Vehicle, Groups::ALL);
    let mut publisher = Publisher::start_gated(gate, Arc::new(Ticking::default()), |_| {}, vec![]);
    publisher.send(full(0, Expression::Neutral));
    let mut subscriber = publisher.subscribe();
    let first = subscriber.line();
    assert_eq!((&first["purpose"], first["state"].is_null()), (&"research".into(), true), "{first}");
    for (seq, expression) in (1..).zip(Expression::ALL) {
        publisher.send(full(seq, expression));
    }
    publisher.send(Event { state: Some(MoodState::Unknown(Reason::Dark)), ..full(8, Expression::Sad) });
    publisher.end();
    let rest = subscriber.rest();
    assert_eq!(rest.lines().count(), 8);
    for expression in Expression::ALL {
        assert!(!rest.contains(expression.name()), "{rest}");
    }
    assert!(rest.contains("\"reason\":\"dark\"") && rest.contains("\"yaw_deg\":30.0"), "{rest}");
}

#[test]
fn each_sink_has_its_own_gate_and_none_beyond_the_vehicle_gets_attention() {
    let (sender, receiver) = publish::channel(8);
    sender.send(full(0, Expression::Happy)).unwrap();
    drop(sender);
    let (inside, outside, little) = (mpsc::channel(), mpsc::channel(), mpsc::channel());
    let presence = Policy::default().gate(Reach::Vehicle, [Group::Presence].into_iter().collect());
    let sinks = vec![
        Gated::new(Box::new(Telling(Reach::Vehicle, inside.0)), open_gate()),
        // A mistake in the wiring: this gate was made for a sink within the vehicle.
        Gated::new(Box::new(Telling(Reach::Beyond, outside.0)), open_gate()),
        Gated::new(Box::new(Telling(Reach::Vehicle, little.0)), presence),
    ];
    publish::serve(sinks, receiver, Arc::new(Ticking::default()), Arc::default()).unwrap();
    let told = |events: mpsc::Receiver<Released>| {
        let event = events.recv().unwrap();
        (event.state.is_some(), event.pose.is_some(), event.face.is_some(), event.face_present.is_some())
    };
    assert_eq!(told(inside.1), (true, true, true, true));
    assert_eq!(told(outside.1), (true, false, false, true));
    assert_eq!(told(little.1), (false, false, false, true));
}
