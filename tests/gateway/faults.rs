//! A daemon that fails, at each call that a build makes: one `Return` if there is anybody to tell, a prompt end if there is
//! not, and never anything but gRPC on standard output.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use buildkit_frontend::testing::{Action, Call, FakeDaemon, Fault, Outcome};
use buildkit_proto::rpc;
use prost::Message as _;
use prost_types::Any;

use crate::projects::Project;
use crate::run;

/// Long enough for a busy machine, short enough to tell it from hanging.
const PROMPT: Duration = Duration::from_secs(10);

/// This project makes pyfront do all that it can do: look for files that are not there, and for the start command.
fn project() -> Project {
    Project::example("virtual").without(".python-version")
}

fn daemon() -> FakeDaemon {
    project().build("pyproject.toml").option("build-arg:PYTHON_VERSION", "3.13")
}

/// The calls of a build, each with its number among those of its kind.
fn calls() -> Vec<(Call, usize)> {
    let outcome = run(&daemon());
    outcome.result();
    let received = &outcome.received;
    let nth = |index: usize| received[..=index].iter().filter(|call| **call == received[index]).count();
    let calls: Vec<_> = (0..received.len()).map(|index| (received[index], nth(index))).collect();
    assert_eq!(calls.last(), Some(&(Call::Return, 1)));
    for kind in [Call::Ping, Call::Solve, Call::ReadFile, Call::ReadDir, Call::ResolveSourceMeta] {
        assert!(received.contains(&kind), "{kind:?} would not be tested: {received:?}");
    }
    calls
}

/// Checks every case on a few threads: most of the time a case waits.
fn each<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(case);
                }
            });
        }
    });
}

/// The frontend found out by itself that nobody is there, and said so.
#[track_caller]
fn assert_gave_up(outcome: &Outcome, what: &dyn std::fmt::Debug) {
    assert!(!outcome.timed_out && outcome.duration < PROMPT, "{what:?}: {:?}", outcome.duration);
    assert_eq!(outcome.exit_code, Some(1), "{what:?}: {}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{what:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains("connection to BuildKit is lost"), "{what:?}: {}", outcome.stderr);
    assert_eq!(outcome.count(Call::Return), 0, "{what:?}");
}

#[test]
fn connection_lost_instead_of_an_answer() {
    let mut cases = Vec::new();
    for call in calls() {
        cases.extend([Action::DropBefore, Action::CloseInput, Action::CloseOutput].map(|action| (call, action)));
    }
    each(&cases, |((call, nth), action)| {
        let outcome = run(&daemon().fault(Fault::at_nth(*call, *nth, action.clone())));
        match call {
            // It was sent, and nothing is left to do.
            Call::Return => {
                assert!(!outcome.timed_out && outcome.duration < PROMPT, "{action:?}");
                assert_eq!(outcome.count(Call::Return), 1, "{action:?}");
                assert_eq!(outcome.exit_code, Some(0), "{action:?}: {}", outcome.stderr);
            }
            _ => assert_gave_up(&outcome, &(call, nth, action)),
        }
    });
}

#[test]
fn connection_lost_behind_an_answer() {
    let calls = calls();
    let cases: Vec<usize> = (0..calls.len()).collect();
    each(&cases, |index| {
        let (call, nth) = calls[*index];
        // What comes next never gets an answer, so that the frontend is still there when the connection is cut.
        let later = calls[index + 1..].iter().map(|(call, nth)| Fault::at_nth(*call, *nth, Action::Hang));
        let daemon = later.fold(daemon().fault(Fault::at_nth(call, nth, Action::DropAfter)), FakeDaemon::fault);
        let outcome = run(&daemon);
        if outcome.count(Call::Return) == 0 {
            assert_gave_up(&outcome, &(call, nth));
        } else {
            assert!(index + 2 >= calls.len(), "{call:?} {nth}: {:?}", outcome.received);
            assert!(!outcome.timed_out && outcome.duration < PROMPT, "{call:?}");
            assert_eq!((outcome.count(Call::Return), outcome.exit_code), (1, Some(0)), "{}", outcome.stderr);
        }
    });
}

fn failure(size: usize) -> (tonic::Status, Any) {
    let detail = Any { type_url: "example/detail".to_owned(), value: vec![b'x'; size] };
    let status = rpc::Status { code: 2, message: "it failed".to_owned(), details: vec![detail.clone()] };
    (tonic::Status::with_details(tonic::Code::Unknown, "it failed", status.encode_to_vec().into()), detail)
}

#[test]
fn a_failed_call_is_returned_with_its_details() {
    let mut cases = Vec::new();
    // A daemon that cannot tell which secrets there are is no reason to fail.
    let told = |(call, _): &(Call, usize)| !matches!(call, Call::Return | Call::NewContainer);
    for call in calls().into_iter().filter(told) {
        cases.extend([64 << 10, 2 << 20].map(|size| (call, size)));
    }
    each(&cases, |((call, nth), size)| {
        let (status, detail) = failure(*size);
        let outcome = run(&daemon().fault(Fault::at_nth(*call, *nth, Action::Fail(status))));
        assert!(outcome.returned().error.is_some(), "{call:?} {nth}: the failure is not told: {:?}", outcome.received);
        let error = outcome.error();
        assert!(error.message.lines().any(|line| line.ends_with("it failed")), "{call:?} {nth}: {}", error.message);
        assert_eq!(error.code, 2);
        assert!(error.details.first() == Some(&detail), "{call:?} {nth}, {size}: {} details", error.details.len());
        assert!(outcome.duration < PROMPT, "{call:?} {nth}, {size}: {:?}", outcome.duration);
    });
}

#[test]
fn a_refused_return_is_a_failure() {
    let outcome = run(&daemon().fault(Fault::at(Call::Return, Action::Fail(failure(1).0))));
    assert_eq!((outcome.exit_code, outcome.count(Call::Return)), (Some(1), 1));
    assert!(outcome.stderr.contains("it failed"), "{}", outcome.stderr);
}

#[test]
fn fields_from_the_future_change_nothing() {
    let (expected, outcome) = (run(&daemon()), run(&daemon().unknown_fields()));
    assert_eq!(outcome.result().metadata, expected.result().metadata);
    assert_eq!(outcome.graph(None), expected.graph(None));
}

#[test]
fn junk_instead_of_an_answer() {
    let junk = [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![0xff; 64 << 10]];
    let mut cases = Vec::new();
    for call in calls().into_iter().filter(|(call, nth)| *call != Call::Return && *nth == 1) {
        cases.extend(junk.clone().map(|bytes| (call.0, bytes)));
    }
    each(&cases, |(call, bytes)| {
        assert_gave_up(&run(&daemon().fault(Fault::at(*call, Action::Junk(bytes.clone())))), &(call, bytes[0]));
    });
}

#[test]
fn slow_answers_are_waited_for() {
    let expected = run(&daemon());
    let slow = |daemon: FakeDaemon, call| daemon.fault(Fault::at(call, Action::Delay(Duration::from_millis(100))));
    let outcome = run(&Call::ALL.into_iter().fold(daemon(), slow));
    assert_eq!(outcome.result().metadata, expected.result().metadata);
    assert_eq!(outcome.graph(None), expected.graph(None));
}

/// Started as BuildKit does it but without a connection, it says what it is for, and nothing on standard output.
#[test]
fn no_wire_no_build() {
    let mut frontend = Command::new(env!("CARGO_BIN_EXE_pyfront"));
    let output = frontend.env("BUILDKIT_SESSION_ID", "s").stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}
