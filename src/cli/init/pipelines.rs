//! Pipelines that build, test and push the image: for GitHub Actions and GitLab CI.

use super::compose::yaml;
use super::facts::Facts;

/// A workflow. Which registry is the repository's own affair: it is in variables and secrets.
pub(super) fn github(facts: &Facts) -> String {
    let file = yaml(&facts.file);
    let test = if facts.has_tests {
        format!(
            "      - name: Test\n        uses: docker/build-push-action@v6\n        with:\n          context: .\n          file: \
             {file}\n          target: test\n          outputs: type=local,dest=reports\n          cache-from: type=gha\n          \
             cache-to: type=gha,mode=max\n"
        )
    } else {
        String::new()
    };
    // Wheels need none, whatever they are for.
    let emulator = if facts.builds { "- uses: docker/setup-qemu-action@v3\n      " } else { "" };
    format!(
        "# Wants the variables REGISTRY (its host) and IMAGE (the image's whole name), and the secrets REGISTRY_USERNAME and\n\
         # REGISTRY_PASSWORD.\n\
         name: Image\n\non:\n  push:\n    branches: [main]\n  pull_request:\n\npermissions:\n  contents: read\n\njobs:\n  image:\n    \
         runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          persist-credentials: false\n      \
         {emulator}- uses: docker/setup-buildx-action@v3\n{test}      \
         - name: Log in\n        if: github.event_name != 'pull_request'\n        uses: docker/login-action@v3\n        with:\n          \
         registry: ${{{{ vars.REGISTRY }}}}\n          username: ${{{{ secrets.REGISTRY_USERNAME }}}}\n          password: ${{{{ \
         secrets.REGISTRY_PASSWORD }}}}\n      - name: Build\n        uses: docker/build-push-action@v6\n        with:\n          \
         context: .\n          file: {file}\n          platforms: linux/amd64,linux/arm64\n          push: ${{{{ github.event_name != \
         'pull_request' }}}}\n          tags: |\n            ${{{{ vars.IMAGE }}}}:${{{{ github.sha }}}}\n            ${{{{ vars.IMAGE \
         }}}}:latest\n          sbom: true\n          provenance: mode=max\n          cache-from: type=gha\n          cache-to: \
         type=gha,mode=max\n"
    )
}

/// A pipeline with the project's own registry.
pub(super) fn gitlab(facts: &Facts) -> String {
    let file = yaml(&facts.file);
    let test = if facts.has_tests {
        format!(
            "\ntest:\n  extends: .buildx\n  script:\n    - docker buildx build --file {file} --target test --output reports .\n  \
             artifacts:\n    when: always\n    reports:\n      junit: reports/junit.xml\n"
        )
    } else {
        String::new()
    };
    format!(
        ".buildx:\n  image: docker:28\n  services:\n    - docker:28-dind\n  variables:\n    DOCKER_TLS_CERTDIR: /certs\n  \
         before_script:\n    - docker context create builder\n    - docker buildx create --use builder\n    - echo \
         \"$CI_REGISTRY_PASSWORD\" | docker login --username \"$CI_REGISTRY_USER\" --password-stdin \"$CI_REGISTRY\"\n{test}\n\
         build:\n  extends: .buildx\n  script:\n    - >-\n      docker buildx build --file {file} --platform linux/amd64,linux/arm64\n      \
         --cache-from type=registry,ref=$CI_REGISTRY_IMAGE:cache\n      --cache-to type=registry,ref=$CI_REGISTRY_IMAGE:cache,mode=max\n      \
         --attest type=sbom --attest type=provenance,mode=max\n      --tag $CI_REGISTRY_IMAGE:$CI_COMMIT_SHORT_SHA --push .\n  rules:\n    \
         - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n"
    )
}
