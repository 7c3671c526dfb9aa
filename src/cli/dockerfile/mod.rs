//! `pyfront dockerfile`: a Dockerfile that makes an equivalent image without pyfront, for who wants to leave. It is written
//! to be read and kept: two stages, uv as its guide for Docker has it, the same base, user, environment and command.

use std::fmt::Write as _;

use lexopt::Parser;

mod steps;
mod system;

use super::project::Wanted;
use super::{Failure, Terminal};
use crate::gateway::preview::{Install, Preview};
use crate::plan::managed::DIRECTORY;
use crate::plan::target::Kind;
use crate::plan::{Healthcheck, How, Plan, VENV};
use crate::project::config::run::At;
use crate::project::entry::Entry;

pub(super) const ABOUT: &str = "print a Dockerfile that makes an equivalent image without pyfront";
pub(super) const HELP: &str = "[PATH] [OPTIONS]

The Dockerfile is printed, for you to keep:
  pyfront dockerfile > Dockerfile.uv && docker buildx build -f Dockerfile.uv -t api .

";

/// Where the sources lie while building.
const SOURCES: &str = "/src";
/// A cache of uv's that builds share.
const CACHE: &str = "--mount=type=cache,target=/root/.cache/uv";

pub(super) fn run(parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let wanted = Wanted::read(parser, &[], |_, _| Ok(()))?;
    let found = wanted.preview()?;
    let [preview] = found.previews.as_slice() else {
        return Err(Failure::Usage(
            "a Dockerfile is for any platform; leave --platform to docker buildx build".to_owned(),
        ));
    };
    if !wanted.place()?.context.join(".dockerignore").exists() {
        writeln!(
            terminal.err,
            "warning: there is no .dockerignore; pyfront leaves out .git, .venv, .env and caches by itself, Docker does not \
             (pyfront init writes one)"
        )?;
    }
    Ok(write!(terminal.out, "{}", text(preview, found.file.as_str())?)?)
}

/// The Dockerfile. `file` is what it is made from.
fn text(preview: &Preview, file: &str) -> Result<String, Failure> {
    let plan = &preview.plan;
    if plan.target.kind != Kind::Runtime {
        return Err(Failure::Failed(format!(
            "the target {} is no image to run in production, and has no Dockerfile of its own",
            plan.target
        )));
    }
    if let Some(outside) = plan.first_party.iter().find_map(|member| member.tree.context.as_ref()) {
        return Err(Failure::Failed(format!(
            "{outside} lies outside of the build context\n  help: move it into the project, or build it with pyfront"
        )));
    }
    let mut text = format!(
        "# Made by pyfront {} from {file}. It is yours: nothing of pyfront is needed to build it.\n",
        env!("CARGO_PKG_VERSION")
    );
    left_out(&mut text, plan);
    builder(&mut text, preview)?;
    image(&mut text, preview)?;
    Ok(text)
}

/// Says what `.dockerignore` has to have: there is nothing like it in a Dockerfile.
fn left_out(text: &mut String, plan: &Plan) {
    let mut lines = Vec::new();
    for tree in plan.first_party.iter().map(|member| &member.tree) {
        let below = |pattern: &str| match tree.directory.as_str() {
            "" => pattern.to_owned(),
            directory => format!("{directory}/{}", pattern.trim_start_matches('/')),
        };
        if !tree.include.is_empty() {
            lines.push(below("*"));
            let needed = ["pyproject.toml", "uv.lock"].map(str::to_owned);
            lines.extend(tree.include.iter().chain(&needed).map(|pattern| format!("!{}", below(pattern))));
        }
        lines.extend(tree.exclude.iter().map(|pattern| match pattern.strip_prefix('!') {
            Some(pattern) => format!("!{}", below(pattern)),
            None => below(pattern),
        }));
    }
    if !lines.is_empty() {
        text.push_str("# What the image does without belongs on top of .dockerignore:\n");
        for line in lines {
            let _ = writeln!(text, "#   {line}");
        }
    }
}

/// The stage that installs.
fn builder(text: &mut String, preview: &Preview) -> Result<(), Failure> {
    let plan = &preview.plan;
    let _ = write!(
        text,
        "FROM {} AS build\n\
         COPY --from={} /uv /usr/local/bin/uv\n\
         ENV UV_PROJECT_ENVIRONMENT={VENV} UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never\n",
        plan.base.image.reference, plan.uv.image.reference
    );
    if let Some(managed) = &plan.base.managed_python {
        let _ = write!(text, "ENV UV_PYTHON_INSTALL_DIR={DIRECTORY} UV_PYTHON={}", plan.base.python);
        let settings = [("UV_PYTHON_INSTALL_MIRROR", &managed.mirror), ("UV_PYTHON_DOWNLOADS_JSON_URL", &managed.list)];
        for (name, value) in settings {
            if let Some(value) = value {
                let _ = write!(text, " {name}={}", quoted(name, value)?);
            }
        }
        let _ = writeln!(text, "\nRUN UV_PYTHON_DOWNLOADS=manual uv python install --no-bin {}", managed.download);
    }
    system::install(text, plan, &system::with_headers(plan))?;
    let _ = writeln!(text, "WORKDIR {SOURCES}");
    let copies = plan.first_party.iter().all(|member| matches!(member.how, How::Copy));
    match &preview.install {
        Install::Sync(options) => {
            let options = words(options);
            let separate = if options.is_empty() { String::new() } else { format!(" {options}") };
            if is_single(plan) {
                let _ = writeln!(
                    text,
                    "# The locked packages: a layer that changes with the lock only.\n\
                     RUN {CACHE} \\\n    \
                     --mount=type=bind,source=uv.lock,target=uv.lock \\\n    \
                     --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\\n    \
                     uv sync --frozen --no-install-project{separate}"
                );
            }
            if !(copies && is_single(plan)) {
                let _ = writeln!(
                    text,
                    "# The project itself.\nCOPY . .\nRUN {CACHE} \\\n    uv sync --locked --no-editable{separate}"
                );
            }
        }
        Install::File(name) => {
            let _ = writeln!(text, "RUN uv venv {VENV}");
            // Requirements may name further files; a lock does not.
            let alone = Entry::is_pylock(name);
            let bind =
                if alone { format!(" \\\n    --mount=type=bind,source={name},target={name}") } else { String::new() };
            if !alone {
                text.push_str("COPY . .\n");
            }
            let name = words(std::slice::from_ref(name));
            let _ = writeln!(text, "RUN {CACHE}{bind} \\\n    uv pip install --python {VENV} -r {name}");
            if !copies {
                let copy = if alone { "COPY . .\n" } else { "" };
                let _ = writeln!(text, "{copy}RUN {CACHE} \\\n    uv pip install --python {VENV} --no-deps .");
            }
        }
        Install::Script(name) => {
            let name = words(std::slice::from_ref(name));
            let _ = writeln!(
                text,
                "COPY . .\nRUN uv venv {VENV}\nRUN {CACHE} \\\n    \
                 uv export --frozen --script {name} --output-file /tmp/requirements.txt \\\n    \
                 && uv pip install --python {VENV} --require-hashes -r /tmp/requirements.txt"
            );
        }
    }
    Ok(())
}

/// The image itself.
fn image(text: &mut String, preview: &Preview) -> Result<(), Failure> {
    let plan = &preview.plan;
    let account = &plan.account;
    let _ = writeln!(text, "\nFROM {}", plan.base.image.reference);
    if plan.auto_packages.is_some() {
        text.push_str(
            "# A build with pyfront installs the libraries that packages lack here, and its history names them.\n",
        );
    }
    system::install(text, plan, &plan.packages.iter().map(|package| package.name.clone()).collect::<Vec<_>>())?;
    if account.uid != 0 {
        let (name, uid, gid) = (&account.name, account.uid, account.gid);
        let home = words(std::slice::from_ref(&account.home));
        let add = if is_alpine(plan) {
            format!("addgroup -g {gid} {name} && adduser -D -u {uid} -G {name} -h {home} {name}")
        } else {
            format!(
                "groupadd --gid {gid} {name} \\\n    && useradd --uid {uid} --gid {gid} --home-dir {home} --create-home \
                 --shell /usr/sbin/nologin {name}"
            )
        };
        let _ = writeln!(text, "RUN {add}");
    }
    if !plan.writable.is_empty() {
        let directories = words(&plan.writable);
        let _ = writeln!(text, "RUN install -d -o {} -g {} {directories}", account.uid, account.gid);
    }
    if plan.base.managed_python.is_some() {
        let _ = writeln!(text, "COPY --from=build {DIRECTORY} {DIRECTORY}");
    }
    let _ = writeln!(text, "COPY --from=build {VENV} {VENV}");
    let _ = write!(text, "ENV PATH={VENV}/bin:$PATH");
    for (name, value) in &plan.config.env {
        let _ = write!(text, " \\\n    {name}={}", quoted(name, value)?);
    }
    text.push('\n');
    if !plan.config.labels.is_empty() {
        let mut labels = Vec::new();
        for (name, value) in &plan.config.labels {
            labels.push(format!("{name}={}", quoted(name, value)?));
        }
        let _ = writeln!(text, "LABEL {}", labels.join(" \\\n      "));
    }
    for (path, content) in &plan.config.files {
        let _ = writeln!(text, "COPY <<'EOF' {path}\n{}\nEOF", content.trim_end());
    }
    // A directory that WORKDIR makes belongs to USER.
    let _ = writeln!(text, "USER {}:{}\nWORKDIR {}", account.uid, account.gid, quoted("workdir", &plan.workdir)?);
    steps::write(text, plan, At::Dependencies)?;
    if let Some(member) = plan.first_party.iter().find(|member| matches!(member.how, How::Copy)) {
        let source = match &preview.install {
            Install::Script(script) => script.as_str(),
            _ if member.tree.directory.is_empty() => ".",
            _ => &member.tree.directory,
        };
        let _ = writeln!(text, "COPY {}", steps::paths(&[source.to_owned(), "./".to_owned()]));
    }
    steps::write(text, plan, At::Project)?;
    steps::write(text, plan, At::Runtime)?;
    if !plan.config.volumes.is_empty() {
        let _ = writeln!(text, "VOLUME {}", array(&plan.config.volumes));
    }
    if !plan.config.ports.is_empty() {
        let _ = writeln!(text, "EXPOSE {}", plan.config.ports.join(" "));
    }
    if let Some(signal) = &plan.config.stop_signal {
        let _ = writeln!(text, "STOPSIGNAL {signal}");
    }
    if let Some(check) = &plan.config.healthcheck {
        health(text, check);
    }
    for (instruction, arguments) in [("ENTRYPOINT", &plan.config.entrypoint), ("CMD", &plan.config.command)] {
        if !arguments.is_empty() || instruction == "CMD" {
            let _ = writeln!(text, "{instruction} {}", array(arguments));
        }
    }
    Ok(())
}

fn health(text: &mut String, check: &Healthcheck) {
    if check.command.is_empty() {
        text.push_str("HEALTHCHECK NONE\n");
        return;
    }
    text.push_str("HEALTHCHECK");
    let times = [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start-period", check.start_period),
        ("start-interval", check.start_interval),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            let _ = match time.subsec_millis() {
                0 => write!(text, " --{name}={}s", time.as_secs()),
                _ => write!(text, " --{name}={}ms", time.as_millis()),
            };
        }
    }
    if let Some(retries) = check.retries {
        let _ = write!(text, " --retries={retries}");
    }
    let _ = writeln!(text, " CMD {}", array(&check.command));
}

/// Whether the user has one project, at the context's root: then its lock tells all about the rest.
fn is_single(plan: &Plan) -> bool {
    plan.first_party.len() <= 1
        && plan.local.is_empty()
        && plan.first_party.iter().all(|member| member.tree.directory.is_empty())
}

fn is_alpine(plan: &Plan) -> bool {
    plan.cache_platform().starts_with("musl")
}

/// The exec form of an instruction.
fn array(arguments: &[String]) -> String {
    let texts: Vec<String> =
        arguments.iter().map(|argument| serde_json::to_string(argument).unwrap_or_default()).collect();
    format!("[{}]", texts.join(", "))
}

/// Words for a shell.
fn words(words: &[String]) -> String {
    crate::cli::plan::shown(words)
}

/// A value in an instruction that replaces variables.
fn quoted(name: &str, value: &str) -> Result<String, Failure> {
    if value.contains(['\n', '\r']) {
        return Err(Failure::Failed(format!("{name} has a line break, which a Dockerfile cannot say")));
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@,+=".contains(character);
    if !value.is_empty() && value.chars().all(plain) {
        return Ok(value.to_owned());
    }
    Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")))
}
