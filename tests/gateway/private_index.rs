//! Private indexes and repositories: which secrets stand on which operations, and that nothing but their names does.

use buildkit_frontend::FrontendError;
use buildkit_frontend::testing::{Action, Call, FakeDaemon, Fault, Graph};
use buildkit_proto::pb::{ExecOp, MountType};
use prost::Message as _;

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;

const PASSWORD: &str = "UV_INDEX_IN_HOUSE_PASSWORD";
const USERNAME: &str = "UV_INDEX_IN_HOUSE_USERNAME";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A package, with dependencies from an index that it names.
fn project(settings: &str) -> Project {
    let index = "[[tool.uv.index]]\nname = \"in-house\"\nurl = \"https://index.example/simple\"\n";
    Project::example("hatchling").edit(
        "pyproject.toml",
        "[build-system]",
        &format!("{index}{settings}\n[build-system]"),
    )
}

fn build(project: &Project) -> FakeDaemon {
    project.build("pyproject.toml")
}

/// The ids of the secrets that a step mounts; no step has one in its environment.
fn secrets(exec: &ExecOp) -> Vec<&str> {
    assert!(exec.secretenv.is_empty());
    let secret = |mount: &'_ buildkit_proto::pb::Mount| mount.mount_type == i32::from(MountType::Secret);
    exec.mounts
        .iter()
        .filter(|mount| secret(mount))
        .map(|mount| mount.secret_opt.as_ref().unwrap().id.as_str())
        .collect()
}

/// Steps by name, with the secrets that they mount.
fn steps(graph: &Graph) -> Vec<String> {
    let step = |(digest, exec): (&str, &ExecOp)| {
        let name = graph.name(digest).unwrap();
        format!("{}: {}", name.split(" greeter").next().unwrap(), secrets(exec).join(" "))
    };
    graph.execs().into_iter().map(step).collect()
}

#[test]
fn without_secrets_daemon_fetches_files_itself() {
    let outcome = run(&build(&project("")));
    let graph = outcome.graph(None);
    assert!(graph.sources().iter().any(|source| source.starts_with("https://index.example/")), "{:?}", graph.sources());
    let with_secrets: Vec<_> = steps(&graph).into_iter().filter(|step| !step.ends_with(": ")).collect();
    assert_eq!(with_secrets, ["[project] build and install: ca-certificates"]);
    // The steps are those of a project that declares no index.
    let plain = run(&build(&Project::example("hatchling"))).graph(None);
    let install = |graph: &Graph| -> Vec<String> {
        let deps = |digest: &&str| graph.name(digest).unwrap().starts_with("[deps");
        graph.execs().into_iter().map(|(digest, _)| digest).filter(deps).map(str::to_owned).collect()
    };
    assert_eq!(install(&graph), install(&plain));
}

#[test]
fn given_secrets_are_mounted_where_the_index_is_asked() {
    for given in [PASSWORD, USERNAME] {
        let outcome = run(&build(&project("")).secret(given));
        let graph = outcome.graph(None);
        assert!(!graph.sources().iter().any(|source| source.starts_with("https://")), "{:?}", graph.sources());
        let all = format!("ca-certificates {PASSWORD} {USERNAME}");
        for step in steps(&graph) {
            let (name, secrets) = step.rsplit_once(": ").unwrap();
            let expected = match name {
                name if name.starts_with("[deps] fetch ") => format!("{all} netrc"),
                "[project] build and install" => all.clone(),
                _ => String::new(),
            };
            assert_eq!(secrets, expected, "{name}");
        }
        assert!(steps(&graph).iter().any(|step| step.contains(" from in-house: ")), "{:?}", steps(&graph));
        for (_, exec) in graph.execs() {
            let optional = |mount: &buildkit_proto::pb::Mount| mount.secret_opt.as_ref().is_none_or(|it| it.optional);
            assert!(exec.mounts.iter().all(optional));
        }
        assert_eq!(outcome.count(Call::ReleaseContainer), 1);
    }
}

#[test]
fn authenticate_overrules_what_is_given() {
    let never = run(&build(&project("authenticate = \"never\"\n")).secret(PASSWORD).secret("netrc"));
    assert!(never.graph(None).sources().iter().any(|source| source.starts_with("https://")));
    let always = run(&build(&project("authenticate = \"always\"\n")));
    assert!(!always.graph(None).sources().iter().any(|source| source.starts_with("https://")));
}

#[test]
fn a_netrc_is_for_an_index_that_only_the_lock_knows() {
    let outcome = run(&build(&Project::example("hatchling")).secret("netrc"));
    let steps = steps(&outcome.graph(None));
    assert!(steps.iter().any(|step| step.ends_with(" from https://index.example: ca-certificates netrc")), "{steps:?}");
}

#[test]
fn a_daemon_that_cannot_tell_has_no_secrets() {
    let expected = run(&build(&project(""))).graph(None);
    let without = run(&build(&project("")).secret(PASSWORD).without_cap("gateway.exec"));
    assert_eq!((without.count(Call::NewContainer), without.graph(None)), (0, expected.clone()));
    let status = tonic::Status::unknown("no");
    let failing = build(&project("")).secret(PASSWORD).fault(Fault::at(Call::NewContainer, Action::Fail(status)));
    assert_eq!(run(&failing).graph(None), expected);
}

#[test]
fn a_refusal_says_which_secrets_help() {
    let status = tonic::Status::unknown("digest mismatch sha256:aa: sha256:bb");
    let outcome = run(&build(&project("")).fault(Fault::at(Call::Evaluate, Action::Fail(status))));
    insta::assert_snapshot!(outcome.error().message);
}

#[test]
fn a_password_in_the_url_of_an_index_is_not_repeated() {
    let project = project("").edit("pyproject.toml", "https://index.example", "https://reader:hunter2@index.example");
    let outcome = run(&build(&project));
    let error = outcome.error();
    assert!(error.message.contains("contains credentials") && !error.message.contains("hunter2"), "{}", error.message);
    assert!(error.details.iter().all(|detail| !detail.type_url.contains("Source")), "no line is drawn");
}

/// A project with a dependency from a git repository.
fn git(url: &str) -> Project {
    let entry = format!("\n[[package]]\nname = \"parcel\"\nversion = \"1\"\nsource = {{ git = \"{url}#{COMMIT}\" }}\n");
    let project = Project::example("virtual").edit("pyproject.toml", "[\"humanize\"]", "[\"humanize\", \"parcel\"]");
    let lock = project.text("uv.lock").to_owned() + &entry;
    project
        .with("uv.lock", lock)
        .edit("uv.lock", "{ name = \"humanize\" },", "{ name = \"humanize\" },\n    { name = \"parcel\" },")
        .edit(
            "uv.lock",
            "requires-dist = [{ name = \"humanize\" }",
            "requires-dist = [{ name = \"humanize\" }, { name = \"parcel\" }",
        )
}

fn git_source(url: &str) -> std::collections::BTreeMap<String, String> {
    let graph = run(&build(&git(url))).graph(None);
    let source = graph.sources().into_iter().find(|source| source.starts_with("git://")).unwrap().to_owned();
    graph.source_attrs(&source).unwrap().clone()
}

#[test]
fn git_gets_tokens_over_https_and_an_agent_over_ssh() {
    let https = git_source("https://git.example/parcel.git");
    assert_eq!(https["git.authtokensecret"], "GIT_AUTH_TOKEN");
    assert_eq!(https["git.authheadersecret"], "GIT_AUTH_HEADER");
    assert!(!https.contains_key("git.mountsshsock"));
    let http = git_source("http://git.example/parcel.git");
    assert!(!http.keys().any(|key| key.contains("auth")), "{http:?}");
    let ssh = git_source("ssh://git@git.example/parcel.git");
    assert_eq!(
        (ssh["git.mountsshsock"].as_str(), ssh["git.fullurl"].as_str()),
        ("default", "ssh://git@git.example/parcel.git")
    );
}

#[test]
fn git_lfs_files_are_fetched_with_the_secrets_of_their_repository() {
    let lfs = |url: &str| {
        let graph = run(&build(&git(&format!("{url}?lfs=true")))).graph(None);
        let named = |start: &str| {
            let found = graph.execs().into_iter().find(|(digest, _)| graph.name(digest).unwrap().starts_with(start));
            found.map(|(digest, exec)| (digest.to_owned(), exec.clone())).unwrap()
        };
        let (fetched, fetch) = named("[deps] fetch Git LFS files of parcel 1");
        let (built, build) = named("[deps] build parcel 1");
        assert!(graph.op(&built).unwrap().inputs.iter().any(|input| input.digest == fetched), "that is what is built");
        assert_eq!(secrets(&build), ["ca-certificates"], "no backend sees a token");
        secrets(&fetch).into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        lfs("https://git.example:8443/parcel.git"),
        "ca-certificates GIT_AUTH_HEADER.git.example:8443 GIT_AUTH_TOKEN.git.example:8443 GIT_AUTH_HEADER GIT_AUTH_TOKEN"
    );
    assert_eq!(lfs("http://git.example/parcel.git"), "ca-certificates", "in the clear nothing is sent");
}

#[test]
fn git_failures_say_what_to_pass() {
    let said = |url: &str, message: &str| {
        let status = tonic::Status::unknown(message);
        run(&build(&git(url)).fault(Fault::at(Call::Evaluate, Action::Fail(status)))).error().message.clone()
    };
    let https = said("https://git.example/parcel.git", "fatal: could not read Username for 'https://git.example'");
    assert!(https.ends_with("--secret id=GIT_AUTH_TOKEN,env=…"), "{https}");
    let http = said("http://git.example/parcel.git", "fatal: could not read Username for 'http://git.example'");
    assert!(http.contains("credentials are not sent over http") && http.ends_with("run uv lock"), "{http}");
    let ssh = said("ssh://git@git.example/parcel.git", "no SSH key \"default\" forwarded from the client");
    assert!(ssh.ends_with("docker buildx build --ssh default …"), "{ssh}");
    let program = said("ssh://git@git.example/parcel.git", "error: cannot run ssh: No such file or directory");
    assert!(program.contains("help: install an ssh client"), "{program}");
    assert_eq!(said("ssh://git@git.example/parcel.git", "disk full"), "disk full");

    // When BuildKit says where it failed, who wants it is told as well, with the help of git itself.
    let lock = git("https://git.example/parcel.git").text("uv.lock").to_owned();
    let line = lock.lines().position(|line| line == "name = \"parcel\"").unwrap();
    let place = |line: usize| {
        let file = buildkit_llb::SourceFile::new("uv.lock", "TOML", lock.clone());
        let line = i32::try_from(line).unwrap();
        FrontendError::new("x").with_source(buildkit_llb::Location::new(&file, [buildkit_llb::Range::line(line)]))
    };
    let at = |message: &str| {
        let details = place(line).to_status().encode_to_vec();
        let status = tonic::Status::with_details(tonic::Code::Unknown, message, details.into());
        run(&build(&git("https://git.example/parcel.git")).fault(Fault::at(Call::Evaluate, Action::Fail(status))))
    };
    insta::assert_snapshot!(
        [
            "fatal: could not read Username for 'https://git.example'",
            "process \"python3 build.py timeout-decorator\" did not complete successfully: exit code: 1",
        ]
        .map(|message| shown(&at(message)))
        .join("\n\n")
    );
}

#[test]
fn an_outline_lists_what_can_be_passed() {
    let listed = |project: &Project, kind: &str| {
        let outcome = run(&build(project).option("requestid", "frontend.outline"));
        let json: serde_json::Value = serde_json::from_slice(&outcome.result().metadata["result.json"]).unwrap();
        let names = json[kind].as_array().into_iter().flatten().map(|it| it["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed(&project(""), "secrets"), format!("ca-certificates {PASSWORD} {USERNAME} netrc"));
    assert_eq!(listed(&Project::example("hatchling"), "secrets"), "ca-certificates");
    assert_eq!(listed(&git("https://git.example/parcel.git"), "secrets"), "GIT_AUTH_HEADER GIT_AUTH_TOKEN");
    assert_eq!(listed(&git("ssh://git@git.example/parcel.git"), "ssh"), "default");
}

#[test]
fn a_file_that_does_not_arrive_is_told_with_who_wants_it() {
    let project = Project::example("virtual");
    let digest = project.text("uv.lock").split("sha256:").nth(2).unwrap()[..64].to_owned();
    let mut said = Vec::new();
    for message in [
        format!("digest mismatch sha256:aa: sha256:{digest}"),
        format!("failed to load cache key: invalid response status 404: sha256:{digest}"),
        format!("failed to load cache key: invalid response status 500: sha256:{digest}"),
        format!("sha256:{digest}: tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        format!("sha256:{digest}: dial tcp: lookup files.example: no such host"),
        "write /var/lib/docker/tmp/ingest: no space left on device".to_owned(),
    ] {
        let fault = Fault::at(Call::Evaluate, Action::Fail(tonic::Status::unknown(&message)));
        let outcome = run(&build(&Project::example("virtual")).fault(fault));
        let error = outcome.error();
        let draws = error.details.iter().any(|detail| detail.type_url.contains("Source"));
        assert!(draws || message.contains("no space"), "the line of pyproject.toml is drawn: {error:?}");
        said.push(error.message.replace(&digest, "HASH"));
    }
    insta::assert_snapshot!(said.join("\n"));
}
