//! A definition in a form that people can read and tests can compare: JSON, with numbers in place of digests for the
//! inputs, so that a change in one op does not change the text of the others.

use std::collections::HashMap;

use buildkit_proto::pb;
use prost::Message as _;
use serde_json::{Map, Value, json};

use crate::definition::Definition;
use crate::digest::Digest;

/// The ops of a definition in their order, without the terminal one; the last object holds the result.
pub fn inspect(definition: &Definition) -> Value {
    let definition = definition.as_pb();
    let mut numbers = HashMap::new();
    let mut list = Vec::new();
    for (number, bytes) in definition.def.iter().enumerate() {
        let digest = Digest::of(bytes).to_string();
        let Ok(op) = pb::Op::decode(bytes.as_slice()) else { continue };
        let inputs: Vec<String> = op.inputs.iter().map(|input| edge(&numbers, input)).collect();
        let mut entry = Map::new();
        match &op.op {
            None => {
                entry.insert("result".into(), json!(inputs));
            }
            Some(kind) => {
                entry.insert("op".into(), json!(number));
                if !inputs.is_empty() {
                    entry.insert("inputs".into(), json!(inputs));
                }
                if let Some(platform) = &op.platform {
                    entry.insert("platform".into(), json!(crate::Platform::from(platform).to_string()));
                }
                let (name, body) = describe(kind);
                entry.insert(name.into(), body);
            }
        }
        if let Some(metadata) = definition.metadata.get(&digest) {
            describe_metadata(metadata, &mut entry);
        }
        if let Some(locations) = definition.source.as_ref().and_then(|source| source.locations.get(&digest)) {
            let infos = definition.source.as_ref().map_or(&[][..], |source| source.infos.as_slice());
            entry.insert("at".into(), describe_locations(&locations.locations, infos));
        }
        numbers.insert(digest, number);
        list.push(Value::Object(entry));
    }
    Value::Array(list)
}

/// `2` for the first result of op 2, `2#1` for its second one.
fn edge(numbers: &HashMap<String, usize>, input: &pb::Input) -> String {
    let number = numbers.get(&input.digest).map_or_else(|| input.digest.clone(), ToString::to_string);
    if input.index == 0 { number } else { format!("{number}#{}", input.index) }
}

/// An object of those members that say something.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().filter(|(_, value)| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        _ => true,
    });
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn octal(mode: i64) -> Value {
    if mode < 0 { Value::Null } else { json!(format!("{mode:04o}")) }
}

fn describe(op: &pb::op::Op) -> (&'static str, Value) {
    use pb::op::Op;
    match op {
        Op::Source(source) => {
            ("source", object([("identifier", json!(source.identifier)), ("attrs", json!(source.attrs))]))
        }
        Op::Exec(exec) => ("exec", describe_exec(exec)),
        Op::File(file) => ("file", file.actions.iter().map(describe_action).collect()),
        Op::Merge(merge) => ("merge", merge.inputs.iter().map(|input| json!(input.input)).collect()),
        Op::Diff(diff) => (
            "diff",
            json!({
                "lower": diff.lower.as_ref().map(|lower| lower.input),
                "upper": diff.upper.as_ref().map(|upper| upper.input),
            }),
        ),
        Op::Build(build) => ("build", json!(format!("{build:?}"))),
        Op::Passthrough(passthrough) => ("passthrough", json!(format!("{passthrough:?}"))),
    }
}

fn describe_exec(exec: &pb::ExecOp) -> Value {
    let meta = exec.meta.clone().unwrap_or_default();
    object([
        ("args", json!(meta.args)),
        ("env", json!(meta.env)),
        ("cwd", json!(meta.cwd)),
        ("user", json!(meta.user)),
        ("hostname", json!(meta.hostname)),
        (
            "proxy",
            meta.proxy_env.map_or(Value::Null, |proxy| {
                object([
                    ("http", json!(proxy.http_proxy)),
                    ("https", json!(proxy.https_proxy)),
                    ("ftp", json!(proxy.ftp_proxy)),
                    ("no", json!(proxy.no_proxy)),
                    ("all", json!(proxy.all_proxy)),
                ])
            }),
        ),
        ("hosts", meta.extra_hosts.iter().map(|host| json!(format!("{}={}", host.host, host.ip))).collect()),
        (
            "ulimits",
            meta.ulimit.iter().map(|limit| json!(format!("{}={}:{}", limit.name, limit.soft, limit.hard))).collect(),
        ),
        ("cgroup_parent", json!(meta.cgroup_parent)),
        ("valid_exit_codes", json!(meta.valid_exit_codes)),
        ("keeps_mount_stubs", json!(!meta.remove_mount_stubs_recursive)),
        ("network", if exec.network == 0 { Value::Null } else { json!(exec.network().as_str_name()) }),
        ("security", if exec.security == 0 { Value::Null } else { json!(exec.security().as_str_name()) }),
        (
            "secret_env",
            exec.secretenv
                .iter()
                .map(|secret| {
                    let mark = if secret.optional { "?" } else { "" };
                    json!(format!("{}={}{mark}", secret.name, secret.id))
                })
                .collect(),
        ),
        ("devices", exec.cdi_devices.iter().map(|device| json!(device.name)).collect()),
        ("mounts", exec.mounts.iter().map(describe_mount).collect()),
    ])
}

fn describe_mount(mount: &pb::Mount) -> Value {
    let number = |number: i64| if number < 0 { Value::Null } else { json!(number) };
    let kind = mount.mount_type();
    let produces = kind == pb::MountType::Bind;
    let file = |id: &str, uid: u32, gid: u32, mode: u32, optional: bool| {
        object([
            ("id", json!(id)),
            ("owner", if (uid, gid) == (0, 0) { Value::Null } else { json!(format!("{uid}:{gid}")) }),
            ("mode", octal(i64::from(mode))),
            ("optional", json!(optional)),
        ])
    };
    object([
        ("dest", json!(mount.dest)),
        ("type", if produces { Value::Null } else { json!(kind.as_str_name()) }),
        ("input", number(mount.input)),
        ("selector", json!(mount.selector)),
        ("output", if produces { number(mount.output) } else { Value::Null }),
        ("readonly", json!(mount.readonly)),
        (
            "content_cache",
            if mount.content_cache == 0 { Value::Null } else { json!(mount.content_cache().as_str_name()) },
        ),
        (
            "size",
            mount.tmpfs_opt.as_ref().filter(|tmpfs| tmpfs.size != 0).map_or(Value::Null, |tmpfs| json!(tmpfs.size)),
        ),
        (
            "cache",
            mount
                .cache_opt
                .as_ref()
                .map_or(Value::Null, |cache| json!({ "id": cache.id, "sharing": cache.sharing().as_str_name() })),
        ),
        ("secret", mount.secret_opt.as_ref().map_or(Value::Null, |s| file(&s.id, s.uid, s.gid, s.mode, s.optional))),
        ("ssh", mount.ssh_opt.as_ref().map_or(Value::Null, |s| file(&s.id, s.uid, s.gid, s.mode, s.optional))),
    ])
}

fn describe_user(user: Option<&pb::UserOpt>) -> String {
    match user.and_then(|user| user.user.as_ref()) {
        None => String::new(),
        Some(pb::user_opt::User::ById(id)) => id.to_string(),
        Some(pb::user_opt::User::ByName(name)) => format!("{}@{}", name.name, name.input),
    }
}

fn describe_action(action: &pb::FileAction) -> Value {
    use pb::file_action::Action;
    let owner = |owner: &Option<pb::ChownOpt>| {
        owner.as_ref().map_or(Value::Null, |owner| {
            json!(format!("{}:{}", describe_user(owner.user.as_ref()), describe_user(owner.group.as_ref())))
        })
    };
    let time = |nanos: i64| if nanos == -1 { Value::Null } else { json!(nanos) };
    let number = |number: i64| if number < 0 { Value::Null } else { json!(number) };
    let body = match &action.action {
        None => ("nothing", Value::Null),
        Some(Action::Copy(copy)) => (
            "copy",
            object([
                ("src", json!(copy.src)),
                ("dest", json!(copy.dest)),
                ("owner", owner(&copy.owner)),
                ("mode", if copy.mode_str.is_empty() { octal(i64::from(copy.mode)) } else { json!(copy.mode_str) }),
                ("time", time(copy.timestamp)),
                ("follow_symlinks", json!(copy.follow_symlink)),
                ("contents_only", json!(copy.dir_copy_contents)),
                ("unpack", json!(copy.attempt_unpack_docker_compatibility)),
                ("create_dest_path", json!(copy.create_dest_path)),
                ("wildcard", json!(copy.allow_wildcard)),
                ("empty_wildcard", json!(copy.allow_empty_wildcard)),
                ("always_replace", json!(copy.always_replace_existing_dest_paths)),
                ("include", json!(copy.include_patterns)),
                ("exclude", json!(copy.exclude_patterns)),
                ("required", json!(copy.required_paths)),
            ]),
        ),
        Some(Action::Mkfile(file)) => (
            "mkfile",
            object([
                ("path", json!(file.path)),
                ("mode", octal(i64::from(file.mode))),
                ("data", json!(String::from_utf8_lossy(&file.data))),
                ("owner", owner(&file.owner)),
                ("time", time(file.timestamp)),
            ]),
        ),
        Some(Action::Mkdir(dir)) => (
            "mkdir",
            object([
                ("path", json!(dir.path)),
                ("mode", octal(i64::from(dir.mode))),
                ("parents", json!(dir.make_parents)),
                ("owner", owner(&dir.owner)),
                ("time", time(dir.timestamp)),
            ]),
        ),
        Some(Action::Rm(rm)) => (
            "rm",
            object([
                ("path", json!(rm.path)),
                ("allow_not_found", json!(rm.allow_not_found)),
                ("wildcard", json!(rm.allow_wildcard)),
            ]),
        ),
        Some(Action::Symlink(link)) => (
            "symlink",
            object([
                ("target", json!(link.oldpath)),
                ("path", json!(link.newpath)),
                ("owner", owner(&link.owner)),
                ("time", time(link.timestamp)),
            ]),
        ),
    };
    object([
        ("input", number(action.input)),
        ("from", number(action.secondary_input)),
        ("output", number(action.output)),
        body,
    ])
}

fn describe_metadata(metadata: &pb::OpMetadata, entry: &mut Map<String, Value>) {
    let mut add = |name: &str, value: Value| {
        entry.insert(name.to_owned(), value);
    };
    if metadata.ignore_cache {
        add("ignore_cache", json!(true));
    }
    if !metadata.description.is_empty() {
        add("description", json!(metadata.description));
    }
    if let Some(group) = &metadata.progress_group {
        add("progress_group", json!(format!("{} ({})", group.name, group.id)));
    }
    if let Some(export) = &metadata.export_cache {
        add("export_cache", json!(export.value));
    }
    let caps: Vec<&String> = metadata.caps.keys().collect();
    if !caps.is_empty() {
        add("caps", json!(caps));
    }
}

/// `file:line` or `file:first-last` of each range.
fn describe_locations(locations: &[pb::Location], infos: &[pb::SourceInfo]) -> Value {
    let mut list = Vec::new();
    for location in locations {
        let file = usize::try_from(location.source_index).ok().and_then(|index| infos.get(index));
        let file = file.map_or("?", |info| info.filename.as_str());
        for range in &location.ranges {
            let line = |position: &Option<pb::Position>| position.as_ref().map_or(0, |position| position.line);
            let (first, last) = (line(&range.start), line(&range.end));
            list.push(if first == last { format!("{file}:{first}") } else { format!("{file}:{first}-{last}") });
        }
    }
    json!(list)
}
