//! What `docker buildx build` can be told, and where it ends up: in the image's config, in the questions about images, or in
//! the steps.

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Outcome, Request};
use buildkit_proto::gateway;
use buildkit_proto::pb::{self, ExecOp, MountType, NetMode};
use serde_json::json;

use crate::projects::{BASE, BASE_IMAGE, Project, UV_IMAGE, source_of};
use crate::run;

fn hatchling() -> FakeDaemon {
    Project::example("hatchling").build("pyproject.toml")
}

/// The steps with the names that progress shows.
fn steps(outcome: &Outcome) -> Vec<(String, ExecOp)> {
    let graph = outcome.graph(None);
    graph.execs().into_iter().map(|(digest, exec)| (graph.name(digest).unwrap().to_owned(), exec.clone())).collect()
}

fn meta(step: &ExecOp) -> &pb::Meta {
    step.meta.as_ref().unwrap()
}

/// The only step that has to reach the network builds the project.
fn is_networked(name: &str) -> bool {
    name.starts_with("[project]")
}

fn message(daemon: &FakeDaemon) -> String {
    run(daemon).error().message.clone()
}

#[test]
fn labels_of_the_command_line_win() {
    let daemon = Project::example("fastapi").build("pyproject.toml");
    let outcome = run(&daemon.option("label:org.opencontainers.image.vendor", "Other").option("label:empty", ""));
    let config = outcome.image_config(None);
    let labels = &config["config"]["Labels"];
    assert_eq!((&labels["base"], &labels["empty"]), (&json!("yes"), &json!("")));
    assert_eq!(labels["org.opencontainers.image.vendor"], "Other");
}

#[test]
fn no_cache_runs_every_step_again() {
    for (value, again) in [(None, false), (Some(""), true), (Some("runtime"), true), (Some("other"), false)] {
        let daemon = value.into_iter().fold(hatchling(), |daemon, value| daemon.option("no-cache", value));
        let outcome = run(&daemon);
        let graph = outcome.graph(None);
        assert!(graph.execs().len() > 2);
        for (digest, _) in graph.execs() {
            assert_eq!(graph.metadata[digest].ignore_cache, again, "{value:?}: {:?}", graph.name(digest));
        }
    }
}

#[test]
fn images_are_looked_for_where_the_client_says() {
    for mode in ["default", "pull", "local"] {
        let outcome = run(&hatchling().option("image-resolve-mode", mode));
        let graph = outcome.graph(None);
        let mut images = 0;
        for request in &outcome.requests {
            let Request::ResolveSourceMeta(question) = request else { continue };
            images += 1;
            assert_eq!(question.resolve_mode, mode);
        }
        assert_eq!(images, 2);
        for source in graph.sources().into_iter().filter(|source| source.starts_with("docker-image://")) {
            let attribute = graph.source_attrs(source).unwrap().get("image.resolvemode").map(String::as_str);
            assert_eq!(attribute, Some(mode).filter(|mode| *mode != "default"), "{source}");
        }
    }
}

#[test]
fn only_the_projects_step_has_the_network_of_the_client() {
    let modes = [
        (None, NetMode::Unset),
        (Some("sandbox"), NetMode::Unset),
        (Some("none"), NetMode::None),
        (Some("host"), NetMode::Host),
    ];
    for (option, expected) in modes {
        let daemon = option.into_iter().fold(hatchling(), |daemon, mode| daemon.option("force-network-mode", mode));
        let steps = steps(&run(&daemon));
        assert_eq!(steps.iter().filter(|(name, _)| is_networked(name)).count(), 1);
        for (name, step) in steps {
            let expected = if is_networked(&name) { expected } else { NetMode::None };
            assert_eq!(step.network(), expected, "{option:?}: {name}");
        }
    }
    assert!(message(&hatchling().option("force-network-mode", "bridge")).contains("--network"));
}

#[test]
fn hosts_limits_and_shared_memory_reach_every_step() {
    let daemon = hatchling().option("add-hosts", "db=10.0.0.7,v6=::1").option("ulimit", "nofile=10:20");
    let daemon = daemon.option("shm-size", "67108864").option("cgroup-parent", "/builds").option("hostname", "box");
    for (name, step) in steps(&run(&daemon)) {
        let meta = meta(&step);
        let hosts: Vec<_> = meta.extra_hosts.iter().map(|host| (host.host.as_str(), host.ip.as_str())).collect();
        assert_eq!(hosts, [("db", "10.0.0.7"), ("v6", "::1")], "{name}");
        let [limit] = &meta.ulimit[..] else { panic!("{name}: {:?}", meta.ulimit) };
        assert_eq!((limit.name.as_str(), limit.soft, limit.hard), ("nofile", 10, 20), "{name}");
        assert_eq!((meta.cgroup_parent.as_str(), meta.hostname.as_str()), ("/builds", "box"), "{name}");
        let shm = step.mounts.iter().find(|mount| mount.dest == "/dev/shm").unwrap();
        assert_eq!(shm.mount_type(), MountType::Tmpfs, "{name}");
        assert_eq!(shm.tmpfs_opt.as_ref().unwrap().size, 64 << 20, "{name}");
    }
}

#[test]
fn memory_and_cpu_of_steps_are_limited() {
    let outcome = run(&hatchling().option("memory", "1000000").option("cpusetcpus", "0-1"));
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let graph = outcome.graph(None);
    assert!(!graph.execs().is_empty());
    for (digest, _) in graph.execs() {
        let limits = graph.metadata[digest].linux_resources.as_ref().unwrap();
        assert_eq!((limits.memory, limits.cpuset_cpus.as_str()), (1_000_000, "0-1"));
    }
    assert_eq!(run(&hatchling()).graph(None).result, graph.result, "they are no part of the cache key");
}

#[test]
fn proxies_are_no_environment() {
    let mut daemon = hatchling();
    for name in ["HTTP_PROXY", "https_proxy", "NO_PROXY", "ALL_PROXY"] {
        daemon = daemon.option(format!("build-arg:{name}"), format!("{}.proxy.example", name.to_lowercase()));
    }
    let outcome = run(&daemon);
    for (name, step) in steps(&outcome) {
        let meta = meta(&step);
        assert!(!format!("{:?} {:?}", meta.env, meta.args).contains("proxy.example"), "{name}: {meta:?}");
        if is_networked(&name) {
            let proxy = meta.proxy_env.as_ref().unwrap();
            assert_eq!(proxy.http_proxy, "http_proxy.proxy.example");
            assert_eq!(proxy.https_proxy, "https_proxy.proxy.example");
            assert_eq!((proxy.ftp_proxy.as_str(), proxy.no_proxy.as_str()), ("", "no_proxy.proxy.example"));
            assert_eq!(proxy.all_proxy, "all_proxy.proxy.example");
        } else {
            assert_eq!(meta.proxy_env, None, "{name}");
        }
    }
    assert!(!outcome.image_config(None).to_string().contains("proxy"));
    // Which proxy is used changes nothing that is cached.
    let digests = |outcome: &Outcome| {
        let graph = outcome.graph(None);
        let steps = graph.execs().into_iter().filter(|(digest, _)| !is_networked(graph.name(digest).unwrap()));
        steps.map(|(digest, _)| digest.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(digests(&outcome), digests(&run(&hatchling())));
}

#[test]
fn the_cache_mount_has_the_namespace_of_the_client() {
    for (namespace, expected) in
        [(None, "/pyfront/uv-0.13.8-glibc-x86_64"), (Some("team"), "team/pyfront/uv-0.13.8-glibc-x86_64")]
    {
        let name = "build-arg:BUILDKIT_CACHE_MOUNT_NS";
        let daemon = namespace.into_iter().fold(hatchling(), |daemon, namespace| daemon.option(name, namespace));
        let steps = steps(&run(&daemon));
        let ids: Vec<&str> = steps
            .iter()
            .flat_map(|(_, step)| &step.mounts)
            .filter_map(|mount| mount.cache_opt.as_ref().map(|cache| cache.id.as_str()))
            .collect();
        assert_eq!(ids, [expected]);
    }
}

#[test]
fn a_build_argument_chooses_the_python() {
    let other = FakeImage::new(BASE.replace("3.13.5", "3.12.11"));
    let daemon = hatchling().option("build-arg:PYTHON_VERSION", "3.12").image("python:3.12-slim", other.clone());
    let outcome = run(&daemon);
    let graph = outcome.graph(None);
    assert!(graph.sources().contains(&source_of("python:3.12-slim", &other).as_str()), "{:?}", graph.sources());
    assert!(graph.sources().iter().any(|source| source.contains("markupsafe") && source.contains("-cp312-")));
    assert!(!graph.sources().contains(&source_of(BASE_IMAGE, &FakeImage::new(BASE)).as_str()));

    let refused = |version: &str| message(&hatchling().option("build-arg:PYTHON_VERSION", version));
    insta::assert_snapshot!(["3.10", "three"].map(refused).join("\n\n"));
}

#[test]
fn targets_and_platforms_that_are_not_there() {
    let refused = [
        message(&hatchling().option("target", "prod")),
        message(&hatchling().option("platform", "windows/amd64")),
        message(&hatchling().option("platform", "linux/amd64,linux/mips64le")),
        message(&hatchling().option("platform", "linux/amd64/v9/x")),
    ];
    insta::assert_snapshot!(refused.join("\n"));
    run(&hatchling().option("target", "runtime")).result();
}

#[test]
fn a_list_of_one_platform_is_a_list_if_the_client_wants_one() {
    let outcome = run(&hatchling().option("multi-platform", "true").option("platform", "linux/amd64"));
    let result = outcome.result();
    let Some(gateway::result::Result::Refs(refs)) = &result.result else { panic!("{result:?}") };
    assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["linux/amd64"]);
    assert_eq!(outcome.image_config(Some("linux/amd64")), run(&hatchling()).image_config(None));
    assert_eq!(result.metadata["containerimage.base.config/linux/amd64"], BASE.as_bytes());
}

#[test]
fn the_image_and_its_own_history_have_the_time_of_the_client() {
    let config = |daemon: FakeDaemon| run(&daemon).image_config(None);
    let dated = config(hatchling().option("build-arg:SOURCE_DATE_EPOCH", "1700000000"));
    assert_eq!(dated["created"], "2023-11-14T22:13:20Z");
    let own = dated["history"].as_array().unwrap().iter().filter(|entry| entry["comment"] == "pyfront.v0");
    assert!(own.clone().count() > 1 && own.clone().all(|entry| entry["created"] == "2023-11-14T22:13:20Z"), "{dated}");
    assert_eq!(config(hatchling()).get("created"), None);
}

/// `--build-context python:3.13-slim=…` and `--build-context astral/uv:0.13.8=…`.
#[test]
fn named_contexts_stand_in_for_images() {
    let (base, uv) = (FakeImage::new(BASE.replace("3.13.5", "3.13.9")), FakeImage::new("{}"));
    let daemon = hatchling()
        .option(format!("context:{BASE_IMAGE}"), "docker-image://team/python:1")
        .option(format!("context:{UV_IMAGE}"), "docker-image://team/uv:1")
        .image("team/python:1", base.clone())
        .image("team/uv:1", uv.clone());
    let outcome = run(&daemon);
    let graph = outcome.graph(None);
    let images: Vec<_> = graph.sources().into_iter().filter(|source| source.starts_with("docker-image://")).collect();
    assert_eq!(images, [source_of("team/python:1", &base), source_of("team/uv:1", &uv)]);
    assert_eq!(outcome.result().metadata["containerimage.base.config"], base.config);
    assert!(outcome.image_config(None)["config"]["Env"].to_string().contains("PYTHON_VERSION=3.13.9"));

    // A directory says nothing about its Python, so it is taken on trust, and there is no config to inherit.
    let context = format!("context:{BASE_IMAGE}");
    let rootfs = [("usr/bin/python3", ""), ("usr/lib64/libc.so.6", "GNU C Library version 2.41.\n")];
    let outcome = run(&hatchling().option(&context, "local:rootfs").local("rootfs", rootfs));
    assert!(!outcome.result().metadata.contains_key("containerimage.base.config"));
    assert!(outcome.graph(None).sources().contains(&"local://rootfs"));
    let path = "PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(outcome.image_config(None)["config"]["Env"][0], path);

    insta::assert_snapshot!(message(&hatchling().option(&context, "docker-image://scratch")));
}

/// `--build-context greeter=…`, where that is the project or one of its parts.
#[test]
fn a_named_context_stands_in_for_the_files_of_a_project() {
    let outcome = run(&hatchling().option("context:greeter", "local:elsewhere").local("elsewhere", [("a.py", "")]));
    let graph = outcome.graph(None);
    let locals: Vec<_> = graph.sources().into_iter().filter(|source| source.starts_with("local://")).collect();
    assert_eq!(locals, ["local://elsewhere"]);
    assert_eq!(outcome.warnings(), Vec::<String>::new());
}

#[test]
fn named_contexts_that_nothing_uses_are_told() {
    let unused = |name: &str| {
        let outcome = run(&hatchling().option(format!("context:{name}"), "local:a").local("a", [("b", "")]));
        outcome.warnings().join("\n")
    };
    insta::assert_snapshot!(["greter", "python:3.12-slim", "x::linux/arm64"].map(unused).join("\n"));
    // The daemon has used it to start the frontend.
    let own = hatchling().option("source", "docker.io/org/pyfront:latest").option("context:org/pyfront", "local:a");
    assert_eq!(run(&own).warnings(), Vec::<String>::new());
    // Nothing is built of these.
    let list = hatchling().option("target", "requirements").option("context:greeter", "local:a");
    assert_eq!(run(&list).warnings(), Vec::<String>::new());
}

#[test]
fn triggers_of_the_base_are_not_handed_on() {
    let base = FakeImage::new(BASE.replace(r#""Cmd":"#, r#""OnBuild":["RUN x"],"Cmd":"#));
    let config = run(&hatchling().image(BASE_IMAGE, base)).image_config(None);
    assert_eq!(config["config"].get("OnBuild"), None, "{config}");
}
