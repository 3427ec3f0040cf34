//! The view, looked at as text.

use types::Expression::{Happy, Neutral, Sad};
use types::Progress;

use super::super::sample::event;
use super::*;

const WIDE: Sheet<'_> = Sheet { columns: 80, rows: 24, socket: "/run/mood.sock", silent_for: Duration::ZERO };

fn text(rows: &[Row]) -> Vec<String> {
    let row = |row: &Row| row.iter().map(|piece| piece.text.as_str()).collect::<String>();
    rows.iter().map(|pieces| row(pieces).trim_end().to_owned()).collect()
}

/// Half a minute of neutral, two seconds on the way, four of happy.
fn history() -> History {
    let mut history = History::default();
    for step in 0..=360 {
        let state = match step {
            0..300 => MoodState::Steady(Neutral),
            300..320 => MoodState::Transition { from: Neutral, to: Happy, progress: Progress::new(0.5) },
            _ => MoodState::Steady(Happy),
        };
        history.add(event(step * 100, state));
    }
    history
}

#[test]
fn the_whole_view() {
    let expected = "
  cabinmood 0.1.0 · net-1 · /run/mood.sock                       10.0 frames/s

  █  █ ▄▀▀▄ █▀▀▄ █▀▀▄ ▀▄ ▄▀
  █▀▀█ █▀▀█ █▀▀  █▀▀    █
  ▀  ▀ ▀  ▀ ▀    ▀      ▀
  for 4.0 s
  confidence █████████████████████████████████████████▊······ 0.87
  intensity  ████████████████▍······························· 0.34
  quality    ███████████████████████████████████████████▋···· 0.91
  yaw -12°  pitch +3°  roll +0°   face 164x164 px   latency 0.0 ms

  angry      █··············································· 0.02
  disgust    ················································ 0.00
  fear       ██▍············································· 0.05
  happy      ████████████████████████████████████············ 0.75
  sad        █▌·············································· 0.03
  surprise   ████▊··········································· 0.10
  neutral    ██▍············································· 0.05

                                N                                     >  H
  -60 s                                                                    now
   A  angry  D  disgust  F  fear  H  happy  S  sad  !  surprise  N  neutral
  > transition  · unknown    361 events, 0 missed    q ends";
    assert_eq!(text(&render(&history(), &WIDE)).join("\n"), expected.trim_start_matches('\n'));
}

/// The rows of one event on a low terminal.
fn low(state: MoodState, sheet: Sheet<'_>) -> Vec<String> {
    let mut history = History::default();
    history.add(event(0, state));
    text(&render(&history, &Sheet { rows: 20, ..sheet }))
}

#[test]
fn a_low_terminal_writes_the_state_small_and_keeps_the_rest() {
    let rows = low(MoodState::Steady(Happy), WIDE);
    assert_eq!(rows[1], "  happy  for 0.0 s");
    assert_eq!(rows.len(), 17);
}

#[test]
fn an_unknown_is_explained_and_has_no_numbers() {
    let rows = low(MoodState::Unknown(Reason::NoFace), WIDE);
    assert_eq!(rows[1], "  unknown  no_face: No face in view");
    assert!(rows[2].starts_with("  confidence ····") && rows[2].ends_with('–'), "{}", rows[2]);
    assert!(rows[9].starts_with("  happy      ····") && rows[9].ends_with('–'), "{}", rows[9]);
}

#[test]
fn what_is_withheld_is_said_to_be() {
    let purpose = wire::Purpose::Research;
    let bare = Event { state: None, purpose, face: None, pose: None, ..event(0, MoodState::Steady(Happy)) };
    let mut history = History::default();
    history.add(bare);
    let rows = text(&render(&history, &Sheet { rows: 20, ..WIDE }));
    assert_eq!(rows[1], "  withheld  socket.carries or the purpose (research) keep it back");
    assert!(rows[2].starts_with("  confidence ····") && rows[2].ends_with('–'), "{}", rows[2]);
    assert!(rows[5].starts_with("  no pose   a face"), "{}", rows[5]);
}

#[test]
fn a_transition_says_where_from_and_how_far() {
    let state = MoodState::Transition { from: Neutral, to: Sad, progress: Progress::new(0.4) };
    assert_eq!(low(state, WIDE)[1], "  → sad  from neutral to sad, 40 % of the way");
}

#[test]
fn a_daemon_that_hangs_is_not_taken_for_a_mood_that_lasts() {
    let rows = low(MoodState::Steady(Happy), Sheet { silent_for: Duration::from_millis(3_200), ..WIDE });
    assert!(rows[1].starts_with("  unknown  no event for 3 s"), "{}", rows[1]);
}

#[test]
fn every_size_of_terminal_is_kept_to() {
    let history = history();
    for columns in [0, 1, 2, 3, 10, 21, 40, 79, 200] {
        for rows in [0, 1, 5, 17, 22, 23, 24, 60] {
            let drawn = text(&render(&history, &Sheet { columns, rows, ..WIDE }));
            assert!(drawn.len() <= rows, "{columns}x{rows}");
            assert!(drawn.iter().all(|row| row.chars().count() <= columns), "{columns}x{rows}: {drawn:?}");
        }
    }
}

#[test]
fn nothing_from_outside_commands_the_terminal() {
    let mut hostile = event(0, MoodState::Steady(Happy));
    hostile.model = "\u{1b}[2Jnet\u{7}".into();
    let mut history = History::default();
    history.add(hostile);
    let rows = render(&history, &Sheet { socket: "/a\u{1b}b", ..WIDE });
    assert!(rows.iter().flatten().all(|piece| !piece.text.contains(char::is_control)));
}

#[test]
fn before_the_first_event_it_says_what_it_waits_for() {
    let rows = text(&render(&History::default(), &WIDE));
    assert_eq!(rows[0], "  connected to /run/mood.sock, waiting for the first event");
}
