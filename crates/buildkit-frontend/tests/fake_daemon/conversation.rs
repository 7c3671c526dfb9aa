//! A real frontend process against the fake daemon: whatever happens, there is one `Return`, exit code 0, and an end in
//! bounded time; and when the connection breaks, a prompt end.

use std::time::Duration;

use buildkit_frontend::testing::{Action, Call, FakeDaemon, FakeImage, Fault, Outcome};
use buildkit_proto::{gateway, rpc};
use prost::Message as _;
use prost_types::Any;

use super::echo;

/// Long enough for a busy machine, short enough to tell it from hanging.
const PROMPT: Duration = Duration::from_secs(14);

/// The calls that the echo frontend makes, in order of their first appearance.
const CALLS: [Call; 10] = [
    Call::Ping,
    Call::Solve,
    Call::ReadFile,
    Call::ReadDir,
    Call::StatFile,
    Call::Evaluate,
    Call::ResolveSourceMeta,
    Call::Inputs,
    Call::Warn,
    Call::Return,
];

fn daemon() -> FakeDaemon {
    FakeDaemon::new()
        .local("context", [("a", "content"), ("dir/b", "12345")])
        .image("python:3.13-slim", FakeImage::new(r#"{"architecture":"arm64","os":"linux","config":{"Env":["A=b"]}}"#))
}

fn mode(mode: &str) -> FakeDaemon {
    daemon().option("build-arg:MODE", mode)
}

fn report(result: &gateway::Result) -> &str {
    std::str::from_utf8(&result.metadata["frontend.report"]).unwrap()
}

/// The frontend found out by itself that nobody is there, and said so.
#[track_caller]
fn assert_gave_up(outcome: &Outcome, what: &dyn std::fmt::Debug) {
    assert!(!outcome.timed_out && outcome.duration < PROMPT, "{what:?}: {:?}", outcome.duration);
    assert_eq!(outcome.exit_code, Some(1), "{what:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains("connection to BuildKit is lost"), "{what:?}: {}", outcome.stderr);
    assert_eq!(outcome.returns().len(), 0, "{what:?}");
}

#[test]
fn everything_works() {
    let outcome = daemon().run(echo());
    let digest = FakeImage::new(r#"{"architecture":"arm64","os":"linux","config":{"Env":["A=b"]}}"#).digest.unwrap();
    assert_eq!(
        report(outcome.result()),
        format!("a=content missing=true names=a,dir size=5 image=docker.io/library/python:3.13-slim@{digest} inputs=")
    );
    assert_eq!(outcome.image_config(None)["architecture"], "amd64");
    assert_eq!(outcome.image_config(None)["config"]["Env"][0], "A=b");
    assert_eq!(outcome.warnings(), ["EchoRule: hello"]);
    assert_eq!(outcome.graph(None).sources(), ["local://context"]);
    assert_eq!(outcome.stderr, "");
    for call in CALLS {
        assert!(outcome.count(call) > 0, "{call:?}");
    }
}

#[test]
fn several_platforms() {
    let outcome = daemon().option("platform", "linux/arm64,linux/amd64,linux/arm64/v8").run(echo());
    let Some(gateway::result::Result::Refs(refs)) = &outcome.result().result else { panic!() };
    assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    assert_eq!(outcome.graph(Some("linux/arm64")), outcome.graph(Some("linux/amd64")));
}

#[test]
fn cache_imports_go_with_every_solve() {
    let outcome = daemon().option("cache-imports", r#"[{"Type":"registry","Attrs":{"ref":"a/b"}}]"#).run(echo());
    outcome.result();
    let solves = outcome.requests.iter().filter_map(|request| match request {
        buildkit_frontend::testing::Request::Solve(solve) => Some(solve),
        _ => None,
    });
    for solve in solves {
        assert_eq!(solve.cache_imports[0].attrs["ref"], "a/b");
        assert!(solve.allow_result_return && solve.allow_result_array_ref);
    }
}

#[test]
fn sockets_are_as_good_as_pipes() {
    assert!(report(daemon().over_socket().run(echo()).result()).starts_with("a=content"));
    for call in [Call::Ping, Call::Evaluate] {
        let outcome = daemon().over_socket().fault(Fault::at(call, Action::DropBefore)).run(echo());
        assert_gave_up(&outcome, &call);
    }
}

#[test]
fn images_are_resolved_as_the_options_say() {
    for mode in ["default", "pull", "local"] {
        let outcome = daemon().option("image-resolve-mode", mode).run(echo());
        outcome.result();
        let question = outcome.requests.iter().find_map(|request| match request {
            buildkit_frontend::testing::Request::ResolveSourceMeta(question) => Some(question),
            _ => None,
        });
        let question = question.unwrap();
        assert_eq!(question.resolve_mode, mode);
        assert_eq!(question.log_name, "[internal] load metadata for python:3.13-slim");
        let platform = question.platform.as_ref().unwrap();
        assert_eq!((platform.os.as_str(), platform.architecture.as_str()), ("linux", "amd64"));
    }
}

#[test]
fn a_lost_connection_ends_the_process_at_every_step() {
    for call in CALLS.into_iter().filter(|call| *call != Call::Return) {
        for action in [Action::DropBefore, Action::DropAfter, Action::CloseInput, Action::CloseOutput] {
            // Cut behind an answer, the frontend is fast enough to return before; so the next call never gets an answer.
            let mut daemon = daemon().fault(Fault::at(call, action.clone()));
            if matches!((call, &action), (Call::Warn, Action::DropAfter)) {
                continue; // What comes next is `Return`, and that is another story.
            }
            if matches!(action, Action::DropAfter) {
                let later = CALLS.iter().skip_while(|it| **it != call).skip(1);
                daemon = later.fold(daemon, |daemon, later| daemon.fault(Fault::at(*later, Action::Hang)));
            }
            assert_gave_up(&daemon.run(echo()), &(call, action));
        }
    }
}

#[test]
fn a_connection_lost_after_return_was_sent_is_no_failure() {
    for action in [Action::DropBefore, Action::DropAfter, Action::CloseInput] {
        let outcome = daemon().fault(Fault::at(Call::Return, action.clone())).run(echo());
        assert!(!outcome.timed_out && outcome.duration < PROMPT, "{action:?}");
        assert_eq!(outcome.exit_code, Some(0), "{action:?}: {}", outcome.stderr);
        assert_eq!(outcome.count(Call::Return), 1, "{action:?}");
    }
}

#[test]
fn a_frontend_that_waits_for_something_else_ends_with_the_connection() {
    let outcome = mode("sleep").fault(Fault::at(Call::Ping, Action::DropAfter)).run(echo());
    assert_gave_up(&outcome, &"sleep");
}

#[test]
fn a_frontend_that_goes_on_without_a_connection_does_not_succeed() {
    let outcome = mode("stubborn").fault(Fault::at(Call::Solve, Action::DropBefore)).run(echo());
    assert_gave_up(&outcome, &"stubborn");
}

fn failure(size: usize) -> (tonic::Status, Any) {
    let detail = Any { type_url: "github.com/moby/buildkit/errdefs.Source+json".into(), value: vec![b'x'; size] };
    let status = rpc::Status { code: 2, message: "it failed".into(), details: vec![detail.clone()] };
    (tonic::Status::with_details(tonic::Code::Unknown, "it failed", status.encode_to_vec().into()), detail)
}

#[test]
fn an_error_of_each_call_is_returned_with_its_details() {
    for call in CALLS.into_iter().filter(|call| !matches!(call, Call::Return | Call::Warn)) {
        for size in [10, 64 << 10, 2 << 20] {
            let (status, detail) = failure(size);
            let outcome = daemon().fault(Fault::at(call, Action::Fail(status))).run(echo());
            let error = outcome.error();
            assert!(error.message.ends_with("it failed"), "{call:?}: {}", error.message);
            assert_eq!(error.code, 2);
            assert!(error.details == [detail], "{call:?} {size}: {} details", error.details.len());
            assert!(!outcome.timed_out, "{call:?} {size}");
        }
    }
}

#[test]
fn details_that_are_too_large_to_return_are_left_out() {
    let (status, _) = failure(10 << 20);
    let outcome = daemon().fault(Fault::at(Call::Solve, Action::Fail(status))).run(echo());
    assert_eq!(outcome.error().details, []);
    assert_eq!(outcome.error().message, "it failed");
}

#[test]
fn the_context_of_an_error_stands_before_its_message() {
    let (status, _) = failure(1);
    let outcome = daemon().fault(Fault::at(Call::ReadFile, Action::Fail(status))).run(echo());
    assert_eq!(outcome.error().message, "read a: it failed");
}

#[test]
fn a_failed_warning_is_no_error() {
    let (status, _) = failure(1);
    daemon().fault(Fault::at(Call::Warn, Action::Fail(status))).run(echo()).result();
}

#[test]
fn a_refused_return_is_a_failure() {
    let (status, _) = failure(1);
    let outcome = daemon().fault(Fault::at(Call::Return, Action::Fail(status))).run(echo());
    assert_eq!(outcome.exit_code, Some(1));
    assert_eq!(outcome.count(Call::Return), 1);
    assert!(outcome.stderr.contains("it failed"), "{}", outcome.stderr);
}

#[test]
fn unknown_fields_are_ignored() {
    let outcome = daemon().unknown_fields().run(echo());
    assert!(report(outcome.result()).starts_with("a=content missing=true"));
}

#[test]
fn missing_optional_caps() {
    let outcome = daemon().without_cap("source.metaresolver").run(echo());
    outcome.result();
    assert_eq!((outcome.count(Call::ResolveSourceMeta), outcome.count(Call::ResolveImageConfig)), (0, 1));

    let outcome = daemon().without_cap("gateway.warnings").run(echo());
    outcome.result();
    assert_eq!(outcome.count(Call::Warn), 0);

    let outcome = daemon().without_cap("frontend.inputs").run(echo());
    outcome.result();
    assert_eq!(outcome.count(Call::Inputs), 0);

    let outcome = daemon().without_cap("gateway.evaluate").run(echo());
    outcome.result();
    assert_eq!((outcome.count(Call::Evaluate), outcome.count(Call::StatFile)), (0, 2));
}

#[test]
fn missing_required_caps() {
    let outcome = daemon().without_cap("file.base").disabled_cap("source.image", "no images").run(echo());
    assert_eq!(
        outcome.error().message,
        "this build needs BuildKit 0.13 or later (Docker Engine 26.1); this daemon lacks: file.base, source.image"
    );
}

#[test]
fn an_image_without_digest_cannot_be_pinned() {
    let image = FakeImage { digest: None, ..FakeImage::new(r#"{"architecture":"amd64","os":"linux"}"#) };
    let outcome = daemon().image("python:3.13-slim", image).run(echo());
    assert!(report(outcome.result()).contains("image=docker.io/library/python:3.13-slim inputs"));
}

#[test]
fn bad_options_are_an_error_that_names_them() {
    let outcome = daemon().option("shm-size", "lots").run(echo());
    assert_eq!(
        outcome.error().message,
        "invalid value \"lots\" for option shm-size (--shm-size): expected a number of bytes"
    );
}

#[test]
fn subrequests() {
    let outcome = daemon().option("requestid", "frontend.subrequests.describe").run(echo());
    assert!(outcome.result().metadata.contains_key("result.json"));
    let outcome = daemon().option("requestid", "x.y").run(echo());
    let error = outcome.error();
    assert_eq!((error.code, error.message.as_str()), (12, "unsupported request x.y"));
    assert_eq!(error.details[0].type_url, "github.com/moby/buildkit/errdefs.Subrequest+json");
}

#[test]
fn junk_instead_of_an_answer() {
    let junk: [(&str, Vec<u8>); 5] = [
        ("text", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64 << 10]),
        ("ones", vec![0xff; 64 << 10]),
        ("a frame of 16 MiB", b"\xff\xff\xff\x00\x00\x00\x00\x00\x01".repeat(3)),
        ("a push promise", b"\x00\x00\x04\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02".to_vec()),
    ];
    for (name, bytes) in junk {
        let outcome = daemon().only_bytes(bytes.clone()).run(echo());
        assert_gave_up(&outcome, &name);
        for call in [Call::Ping, Call::Solve, Call::Evaluate] {
            let outcome = daemon().fault(Fault::at(call, Action::Junk(bytes.clone()))).run(echo());
            assert_gave_up(&outcome, &(name, call));
        }
    }
}

#[test]
fn a_daemon_that_says_nothing_is_given_up_on() {
    let outcome = daemon().fault(Fault::at(Call::Ping, Action::Hang)).run(echo());
    assert!(!outcome.timed_out && outcome.duration >= Duration::from_secs(15), "{:?}", outcome.duration);
    assert!(outcome.error().message.contains("did not answer the first call within 15 seconds"));
}

#[test]
fn a_daemon_that_says_nothing_at_all_is_given_up_on() {
    let outcome = daemon().only_bytes("").run(echo());
    assert!(!outcome.timed_out && outcome.duration < Duration::from_secs(25), "{:?}", outcome.duration);
    assert_eq!(outcome.exit_code, Some(1));
    assert!(outcome.stderr.contains("did not answer the first call within 15 seconds"), "{}", outcome.stderr);
}

#[test]
fn slow_answers_are_waited_for() {
    let slow = Action::Delay(Duration::from_millis(1500));
    let outcome = daemon().fault(Fault::at(Call::Solve, slow.clone())).fault(Fault::at(Call::Ping, slow)).run(echo());
    outcome.result();
    assert!(outcome.duration >= Duration::from_secs(3));
}

#[test]
fn panics_become_errors() {
    let outcome = mode("panic").run(echo());
    let message = &outcome.error().message;
    assert!(message.starts_with("internal error: the echo frontend panics ("), "{message}");
    assert!(message.contains("examples/echo.rs:") && message.ends_with("please report it"), "{message}");
    assert!(outcome.stderr.contains("panicked at"), "{}", outcome.stderr);
}

/// Also where a panic would only be seen by whoever waits for the task or thread, or by nobody; as in a release, which cannot
/// unwind.
#[test]
fn panics_anywhere_become_errors() {
    for (name, message) in [
        ("panic-in-task", "internal error: in a task ("),
        ("panic-in-thread", "internal error: in a thread ("),
        ("panic-that-is-caught", "internal error: in vain ("),
        ("panic-everywhere", "internal error: everywhere ("),
        ("panic-in-panic", "internal error: bad ("),
    ] {
        let outcome = mode(name).run(echo());
        assert!(outcome.error().message.starts_with(message), "{name}: {}", outcome.error().message);
    }
}

#[test]
fn a_panic_waits_until_the_daemon_has_been_told() {
    let slow = Fault::at(Call::Return, Action::Delay(Duration::from_millis(1500)));
    let outcome = mode("panic").fault(slow).run(echo());
    assert!(outcome.error().message.contains("the echo frontend panics"), "{}", outcome.error().message);
}

#[test]
fn a_panic_after_the_result_does_no_harm() {
    let slow = Fault::at(Call::Return, Action::Delay(Duration::from_millis(1500)));
    let outcome = mode("panic-at-the-end").fault(slow).run(echo());
    outcome.result();
    assert!(outcome.stderr.contains("too late"), "{}", outcome.stderr);
}

#[test]
fn a_panic_without_a_connection_ends_the_process() {
    let outcome = mode("panic-without-connection").fault(Fault::at(Call::Solve, Action::DropBefore)).run(echo());
    assert_gave_up(&outcome, &"panic");
}

#[test]
fn stray_output_goes_to_standard_error_and_input_is_empty() {
    let outcome = mode("print").run(echo());
    outcome.result();
    assert!(outcome.stderr.contains("stray line 999\n"));
    mode("stdin").run(echo()).result();
}

#[test]
fn a_step_that_fails_late_is_an_error_with_context() {
    let outcome = mode("fail").run(echo());
    let message = &outcome.error().message;
    assert!(message.starts_with("as expected: ") && message.ends_with("not found"), "{message}");
}

#[test]
fn big_files_are_read_in_parts() {
    for (size, calls) in [(0, 1), (5 << 20, 1), (15 << 20, 2), (40 << 20, 3)] {
        let outcome = mode("read").local("context", [("big", vec![b'x'; size])]).run(echo());
        assert_eq!(outcome.result().metadata["frontend.size"], size.to_string().into_bytes());
        assert_eq!(outcome.count(Call::ReadFile), calls);
    }
}

#[test]
fn many_calls_at_once() {
    let outcome = mode("concurrent").run(echo());
    assert_eq!(outcome.result().metadata["frontend.size"], (32 * 7).to_string().into_bytes());
}

#[test]
fn what_is_too_large_for_a_message_becomes_an_error() {
    let outcome = mode("huge-result").run(echo());
    assert!(outcome.error().message.contains("too large"), "{}", outcome.error().message);
    // The excerpt is left out, the message gets through.
    let outcome = mode("huge-error").run(echo());
    assert_eq!(outcome.error().message, "a huge error");
    assert_eq!(outcome.error().details, []);
}

#[test]
fn no_wire_no_frontend() {
    let output = std::process::Command::new(echo()).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("standard input is not a pipe or a socket"), "{stderr}");
}
