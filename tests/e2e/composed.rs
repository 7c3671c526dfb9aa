//! An API with a database and a cache, as `docker compose up` starts them: in order, each when those that it needs are healthy.

use std::process::Command;

use crate::clients::Composed;
use crate::engine::{Engine, example, tag};
use crate::projects::write;

/// Stand-ins for the official images of PostgreSQL and Redis, made of Debian's packages. The database's own package would bring its
/// compiler of queries, LLVM, which is many times as large as the rest: of that package the files are enough.
const SERVICES: &str = r#"
FROM python:3.13-slim AS base
RUN set -e; apt-get update; cd /tmp; apt-get download postgresql-17 postgresql-client-17; \
    libraries=$(apt-cache depends postgresql-17 postgresql-client-17 | awk '/ Depends: lib/ && !/llvm/ {print $2}'); \
    apt-get install -y --no-install-recommends $libraries redis-server; \
    for package in *.deb; do dpkg-deb --extract $package /; done; \
    rm -rf *.deb /var/lib/apt/lists /usr/lib/postgresql/17/lib/bitcode; \
    useradd --system postgres; install -d -o postgres /var/run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:$PATH
FROM base AS redis
WORKDIR /data
CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"]
FROM base AS postgres
COPY start /usr/local/bin/
VOLUME /var/lib/postgresql/data
CMD ["sh", "/usr/local/bin/start"]
"#;

/// What the official image's entrypoint does with its variables.
const START: &str = r#"
set -e
cd /var/lib/postgresql/data
chown postgres .
chmod 700 .
echo "$POSTGRES_PASSWORD" > /run/password
as="setpriv --reuid postgres --regid postgres --clear-groups"
chown postgres /run/password
$as initdb --pgdata=. --username="$POSTGRES_USER" --pwfile=/run/password --auth=scram-sha-256 --no-locale --encoding=UTF8
echo "CREATE DATABASE $POSTGRES_DB" | $as postgres --single -D . postgres
echo "host all all all scram-sha-256" >> pg_hba.conf
exec $as postgres -D . -c listen_addresses='*'
"#;

const POST: &str = "import urllib.request as r; \
                    print(r.urlopen('http://127.0.0.1:8000/visits?name=Ada', data=b'').read().decode())";

#[test]
fn an_api_starts_when_its_database_and_its_cache_are_healthy() {
    let Some(engine) = Engine::get() else { return };
    let project = example("compose");
    let file = project.path().join("compose.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_pyfront"));
    assert!(init.args(["init", "--compose"]).current_dir(project.path()).output().unwrap().status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "the example's compose.yaml is what init writes");

    let services = tempfile::tempdir().unwrap();
    write(services.path(), "Dockerfile", SERVICES);
    write(services.path(), "start", START);
    let stand_in = |name: &str| engine.build(services.path(), &tag(name), &["--target", name]).tag;
    let (postgres, redis) = (stand_in("postgres"), stand_in("redis"));
    // Ports of this machine could be taken.
    let text = text.replace("    ports:\n      - \"8000:8000\"\n", "");
    let text = text.replace("postgres:17-alpine", &postgres).replace("redis:8-alpine", &redis);
    write(project.path(), "compose.yaml", &text);

    let composed = Composed::new(project.path());
    let up = composed.run(&["up", "--build", "--detach", "--wait", "--wait-timeout", "120"]);
    for number in 1..3 {
        let answer = composed.run(&["exec", "-T", "guestbook", "python", "-c", POST]);
        assert_eq!(answer.trim(), format!("{{\"visit\":{number},\"counted\":{number},\"postgres\":17}}"));
    }
    // With `--wait` all of them are said to be healthy once more at the end.
    let said = |service: &str, state: &str| {
        let ends = |line: &str| line.contains(&format!("-{service}-1")) && line.trim_end().ends_with(state);
        up.lines().position(ends).unwrap_or_else(|| panic!("{service} is not {state}:\n{up}"))
    };
    for service in ["postgres", "redis"] {
        assert!(
            said(service, "Healthy") < said("guestbook", "Starting"),
            "the API was started before {service}:\n{up}"
        );
    }
    drop(composed);
    engine.docker(&["image", "rm", "--force", &postgres, &redis]);
}
