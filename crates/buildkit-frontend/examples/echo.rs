//! A frontend that makes every call there is and returns what it saw; this crate's tests run it against the fake daemon.
//! The build arg `MODE` makes it misbehave instead.

use std::process::ExitCode;
use std::sync::Arc;

use buildkit_frontend::context::{NamedContext, Selection};
use buildkit_frontend::image::{ImageConfig, ImageReference};
use buildkit_frontend::subrequest::{Capability, Request, describe};
use buildkit_frontend::{BuildResult, FrontendError, Gateway, PlatformImage, ResolveImage, Warning};
use buildkit_llb::{Annotate as _, Copy, Definition, Digest, File, Local, Location, Range, SCRATCH, SourceFile};

fn main() -> ExitCode {
    buildkit_frontend::run(build)
}

async fn build(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
    match gateway.request() {
        Request::Build => {}
        Request::Describe => return Ok(describe([Capability::new("echo", "Everything")])),
        other => return Err(other.unsupported()),
    }
    match gateway.options().build_args.get("MODE").map(String::as_str) {
        None => everything(gateway).await,
        Some("contexts") => contexts(gateway).await,
        Some("print") => {
            #[expect(clippy::print_stdout, reason = "it must do no harm")]
            for number in 0..1000 {
                println!("stray line {number}");
            }
            std::io::Write::write_all(&mut std::io::stdout(), &[0; 4096])
                .map_err(|error| FrontendError::new(error.to_string()))?;
            everything(gateway).await
        }
        Some("stdin") => {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut std::io::stdin(), &mut text)
                .map_err(|error| FrontendError::new(error.to_string()))?;
            everything(gateway).await
        }
        Some("panic") => {
            gateway.solve(local(gateway, "context")).await?;
            panic!("the {} frontend panics", "echo")
        }
        Some("panic-in-task") => {
            let task = tokio::spawn(async { panic!("in a task") });
            let result: Result<BuildResult, _> = task.await;
            result.map_err(|error| FrontendError::new(format!("a task failed: {error}")))
        }
        Some("panic-that-is-caught") => {
            let _ = std::panic::catch_unwind(|| panic!("in vain"));
            everything(gateway).await
        }
        Some("panic-in-thread") => {
            std::thread::spawn(|| panic!("in a thread"));
            std::future::pending().await
        }
        Some("panic-everywhere") => {
            let all = Arc::new(std::sync::Barrier::new(9));
            for _ in 0..8 {
                let all = Arc::clone(&all);
                std::thread::spawn(move || {
                    all.wait();
                    panic!("everywhere")
                });
            }
            all.wait();
            panic!("everywhere")
        }
        Some("panic-in-panic") => {
            struct Worse;
            impl Drop for Worse {
                fn drop(&mut self) {
                    panic!("even worse")
                }
            }
            let _worse = Worse;
            panic!("bad")
        }
        // While the answer to `Return` is waited for.
        Some("panic-at-the-end") => {
            std::thread::spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(500));
                panic!("too late")
            });
            everything(gateway).await
        }
        Some("panic-without-connection") => {
            let _ = gateway.solve(local(gateway, "context")).await;
            panic!("nobody hears it")
        }
        Some("stubborn") => {
            let _ = gateway.solve(local(gateway, "context")).await;
            Ok(BuildResult::default())
        }
        Some("sleep") => std::future::pending().await,
        Some("read") => {
            let reference = gateway.solve(local(gateway, "context")).await?;
            let data = reference.read_file("big").await?;
            Ok(BuildResult::default().with_metadata("frontend.size", data.len().to_string()))
        }
        // A step that fails, with a place in a file of the size that is given.
        Some("fail") => {
            let size = gateway.options().build_args.get("SIZE").and_then(|size| size.parse().ok()).unwrap_or(0);
            let file = SourceFile::new("big", "", [b"first line\n".as_slice(), &vec![b'x'; size]].concat());
            let source = Local::new("context").session(gateway.session_id()).build()?;
            let failing = File::on(SCRATCH).then(Copy::new(&source, "/missing", "/"));
            let failing = failing.at(Location::new(&file, [Range::line(1)])).build()?;
            let reference = gateway.solve_output(Some(&failing)).await?;
            let error = reference.evaluate().await.err().ok_or_else(|| FrontendError::new("the step did not fail"))?;
            Err(error.context("as expected"))
        }
        Some("huge-error") => {
            let file = SourceFile::new("big", "", vec![b'x'; 12 << 20]);
            Err(FrontendError::new("a huge error").with_source(Location::new(&file, [Range::line(1)])))
        }
        Some("huge-result") => Ok(BuildResult::default().with_metadata("frontend.huge", vec![0; 20 << 20])),
        Some("concurrent") => {
            let definition = local(gateway, "context");
            let reference = gateway.solve(definition).await?;
            let mut tasks = Vec::new();
            for _ in 0..32 {
                let reference = reference.clone();
                tasks.push(tokio::spawn(async move { reference.read_file("a").await }));
            }
            let mut size = 0;
            for task in tasks {
                size += task.await.map_err(|error| FrontendError::new(error.to_string()))??.len();
            }
            Ok(BuildResult::default().with_metadata("frontend.size", size.to_string()))
        }
        Some(other) => Err(FrontendError::new(format!("unknown mode {other}"))),
    }
}

async fn everything(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
    let definition = local(gateway, "context");
    let reference = gateway.solve(definition).await?;
    let content = reference.read_file("a").await.map_err(|error| error.context("read a"))?;
    let missing = reference.read_optional_file("dir/none").await?;
    let names: Vec<String> = reference.read_dir("/", None).await?.into_iter().map(|entry| entry.path).collect();
    let stat = reference.stat_file("dir/b").await?;
    reference.evaluate().await?;
    let python = ImageReference::parse("python:3.13-slim")?;
    let how = ResolveImage { platform: Some(gateway.build_platform()), ..ResolveImage::default() };
    let image = gateway.resolve_image(&python, how).await?;
    let inputs: Vec<String> = gateway.inputs().await?.keys().cloned().collect();
    let file = SourceFile::new("a", "text", content.clone());
    let warning = Warning {
        short: "EchoRule: hello".to_owned(),
        location: Some(Location::new(&file, [Range::line(1)])),
        ..Warning::default()
    };
    gateway.warn(Digest::of(b""), warning).await;
    let report = format!(
        "a={} missing={} names={} size={} image={} inputs={}",
        String::from_utf8_lossy(&content),
        missing.is_none(),
        names.join(","),
        stat.size,
        image.pinned(),
        inputs.join(","),
    );
    let images = gateway.target_platforms().into_iter().map(|platform| PlatformImage {
        base_config: Some(image.config_json.clone()),
        ..PlatformImage::new(
            platform,
            Some(reference.clone()),
            ImageConfig { architecture: String::new(), ..image.config.clone() },
        )
    });
    Ok(BuildResult::images(images).with_metadata("frontend.report", report))
}

/// Reads the entry file, looks into the main context and at the context `extra`, and builds what is in the main context.
async fn contexts(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
    let mut report = Vec::new();
    let entry = gateway.entry("TOML", &["more.toml"]).await?;
    let content = |file: &Arc<SourceFile>| String::from_utf8_lossy(&file.data).into_owned();
    report.push(format!("{}: {:?}", entry.filename(), entry.file().map(content)));
    let more = entry.read_optional_file("more.toml").await?;
    report.push(format!("more: {:?}", more.map(|data| String::from_utf8_lossy(&data).into_owned())));

    let context = gateway.main_context(&entry).await?;
    let manifests =
        Selection::paths(["uv.lock", "pyproject.toml"]).hint("manifests").titled("[internal] load manifests").small();
    let files = context.open(&manifests).await?;
    let lock = files.read_optional_file("uv.lock").await?;
    let why = context.ignore().map(|ignore| match ignore.excluding_rule("uv.lock") {
        Some(rule) => format!("{}:{} {rule}", ignore.name(), rule.line()),
        None => format!("{} lets it through", ignore.name()),
    });
    report.push(format!(
        "local={} lock={} ignore: {}",
        context.is_local(),
        lock.is_some(),
        why.unwrap_or("none".into())
    ));

    let platform = gateway.build_platform();
    report.push(match gateway.named_context("extra", Some(&platform)).await? {
        None => "extra: none".to_owned(),
        Some(NamedContext::Scratch) => "extra: scratch".to_owned(),
        Some(NamedContext::Image { image, output }) => {
            gateway.solve_output(Some(&output)).await?;
            format!("extra: image {}", image.pinned())
        }
        Some(NamedContext::Files { context, config }) => {
            let names = context.open(&Selection::everything()).await?.read_dir("/", None).await?;
            let names: Vec<_> = names.into_iter().map(|entry| entry.path).collect();
            format!("extra: files {} config={}", names.join(","), config.is_some())
        }
    });
    gateway.warn_at(&entry, "EchoRule: hello", None).await;
    let files = context.open(&Selection::everything().exclude_by_default(["**/*.pyc"])).await?;
    let image = PlatformImage::new(platform, Some(files), ImageConfig::default());
    Ok(BuildResult::images([image]).with_metadata("frontend.report", report.join("\n")))
}

fn local(gateway: &Gateway, name: &str) -> Definition {
    let source = Local::new(name).session(gateway.session_id()).build();
    gateway.marshal(Some(&source.expect("a valid op"))).expect("a daemon that can do it")
}
