//! What a build can be asked for, each with the tests that prove it.

/// An option or a context.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    /// As it is written on the command line, in Markdown.
    pub(crate) what: &'static str,
    /// What else there is to say.
    pub(crate) note: &'static str,
    /// `module::test` of `tests/e2e/`, all of which prove it.
    pub(crate) tests: &'static [&'static str],
    /// The engines that have no such thing.
    pub(crate) not_offered_by: &'static [&'static str],
    /// A test of it asks which engine it is on, and proves this row on each of them nevertheless.
    pub(crate) looked_at: bool,
}

impl Row {
    const fn new(section: &'static str, what: &'static str, tests: &'static [&'static str]) -> Self {
        Self { section, what, note: "", tests, not_offered_by: &[], looked_at: false }
    }

    /// Not on Docker's older store.
    const fn without_graphdriver(mut self) -> Self {
        self.not_offered_by = &["graphdriver"];
        self
    }

    /// On no engine that is tested; the tests show what is said then.
    const fn nowhere(mut self) -> Self {
        self.not_offered_by = &["containerd", "graphdriver", "newest"];
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    const fn on_each_store(mut self) -> Self {
        self.looked_at = true;
        self
    }
}

const CONTEXTS: &str = "Contexts";
const NAMED: &str = "Named contexts";
const WHAT: &str = "What to build";
const STEPS: &str = "Steps";
const CACHES: &str = "Caches";
const RESULTS: &str = "Results";
const QUESTIONS: &str = "Questions";
const CLIENTS: &str = "Other clients";

/// In the order of the page.
pub(crate) const SECTIONS: &[&str] = &[CONTEXTS, NAMED, WHAT, STEPS, CACHES, RESULTS, QUESTIONS, CLIENTS];

/// In the order of the page.
pub(crate) const ROWS: &[Row] = &[
    Row::new(CONTEXTS, "a directory, `-f pyproject.toml`", &["projects::three_ways_in_make_the_same_image"]),
    Row::new(CONTEXTS, "a one-line `Dockerfile`", &["projects::three_ways_in_make_the_same_image"]),
    Row::new(CONTEXTS, "`--build-arg BUILDKIT_SYNTAX`", &["projects::three_ways_in_make_the_same_image"]),
    Row::new(CONTEXTS, "`.dockerignore`", &["projects::a_project_without_build_system_is_copied"]),
    Row::new(
        CONTEXTS,
        "a git repository",
        &[
            "git::of_a_repository_as_the_context_a_new_lock_builds_nothing_again",
            "git::a_tag_as_the_context_is_the_version",
        ],
    ),
    Row::new(CONTEXTS, "a directory of a git repository", &["contexts::a_directory_of_a_repository_is_the_context"]),
    Row::new(
        CONTEXTS,
        "a directory of a private git repository, with `--secret id=GIT_AUTH_TOKEN`",
        &["git::a_token_opens_the_repository_that_is_the_context"],
    ),
    Row::new(CONTEXTS, "a private git repository over ssh, with `--ssh`", &["git::a_key_opens_a_repository_over_ssh"]),
    Row::new(CONTEXTS, "`--build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1`", &["git::a_tag_as_the_context_is_the_version"]),
    Row::new(CONTEXTS, "an archive by http", &["contexts::an_archive_is_fetched"]),
    Row::new(CONTEXTS, "an archive from standard input, `-`", &["contexts::an_archive_is_piped_in"]),
    Row::new(CONTEXTS, "the entry file from standard input, `-f -`", &["contexts::an_archive_is_piped_in"]),
    Row::new(NAMED, "an image in the place of the base image", &["contexts::images_are_replaced_by_images"]),
    Row::new(NAMED, "an image in the place of uv's", &["contexts::images_are_replaced_by_images"]),
    Row::new(NAMED, "`oci-layout://`", &["contexts::a_layout_on_disk_is_the_base_image"]).without_graphdriver(),
    Row::new(NAMED, "a directory in the place of the base image", &["contexts::a_directory_is_the_base_image"]),
    Row::new(
        NAMED,
        "`target:`, another target of a bake file",
        &["contexts::another_target_of_a_bake_file_is_the_base_image"],
    ),
    Row::new(NAMED, "a dependency outside of the context", &["local::wheels_archives_and_trees_by_path"]),
    Row::new(
        NAMED,
        "the files of the project itself",
        &["contexts::the_project_itself_is_replaced_and_unused_contexts_are_warned_of"],
    ),
    Row::new(NAMED, "what `[[tool.pyfront.copy]]` copies from", &["steps::commands_and_copies_become_layers"]),
    Row::new(
        NAMED,
        "a name that nothing uses",
        &["contexts::the_project_itself_is_replaced_and_unused_contexts_are_warned_of"],
    )
    .note("a warning"),
    Row::new(
        WHAT,
        "`--target`",
        &["targets::files_are_exported", "targets::tests_run_while_building_and_leave_reports"],
    ),
    Row::new(WHAT, "`--platform`", &["platforms::another_platform_alone"]).without_graphdriver(),
    Row::new(WHAT, "`--platform` with several", &["platforms::two_platforms_without_running_anything_of_the_other"])
        .without_graphdriver(),
    Row::new(WHAT, "`--pull`", &["options::pull_takes_what_a_tag_has_become"]),
    Row::new(WHAT, "`--build-arg` that nothing reads", &["questions::a_build_warns_with_the_rule_and_the_line"])
        .note("a warning"),
    Row::new(WHAT, "`--build-arg PYFRONT_PACKAGE`", &["workspace::each_member_has_an_image_of_its_own_from_one_lock"]),
    Row::new(WHAT, "`--label`", &["supply_chain::labels_and_annotations_say_what_the_image_is"]).on_each_store(),
    Row::new(WHAT, "`--build-arg SOURCE_DATE_EPOCH`", &["options::an_image_has_the_time_that_it_is_given"]),
    Row::new(WHAT, "`--build-arg SOURCE_DATE_EPOCH=context`", &["options::an_image_has_the_time_that_it_is_given"])
        .nowhere()
        .note("needs BuildKit 0.29; an error before"),
    Row::new(STEPS, "`--add-host`", &["options::steps_get_the_hosts_limits_and_names_of_the_command_line"]),
    Row::new(STEPS, "`--shm-size`", &["options::steps_get_the_hosts_limits_and_names_of_the_command_line"]),
    Row::new(STEPS, "`--ulimit`", &["options::steps_get_the_hosts_limits_and_names_of_the_command_line"]),
    Row::new(STEPS, "`--cgroup-parent`", &["options::steps_get_the_hosts_limits_and_names_of_the_command_line"]),
    Row::new(
        STEPS,
        "`--build-arg BUILDKIT_SANDBOX_HOSTNAME`",
        &["options::steps_get_the_hosts_limits_and_names_of_the_command_line"],
    ),
    Row::new(
        STEPS,
        "`--network` default, none and host",
        &["options::steps_get_the_network_and_the_proxies_of_the_command_line"],
    ),
    Row::new(
        STEPS,
        "`--build-arg HTTP_PROXY`",
        &["options::steps_get_the_network_and_the_proxies_of_the_command_line"],
    ),
    Row::new(STEPS, "`--secret`", &["private_index::the_right_password_builds_and_is_left_nowhere"]),
    Row::new(STEPS, "`--ssh`", &["git::a_key_opens_a_repository_over_ssh"]),
    Row::new(CACHES, "`--no-cache`", &["options::no_cache_is_for_everything_or_for_a_target"]),
    Row::new(CACHES, "`--no-cache-filter`", &["options::no_cache_is_for_everything_or_for_a_target"])
        .note("a warning for a name that is no target"),
    Row::new(
        CACHES,
        "`--build-arg BUILDKIT_CACHE_MOUNT_NS`",
        &["options::cache_mounts_have_the_namespace_of_the_command_line"],
    ),
    Row::new(CACHES, "`--cache-to` and `--cache-from`, `type=local`", &["options::caches_are_written_and_read"])
        .without_graphdriver(),
    Row::new(CACHES, "`--cache-to type=inline`", &["options::caches_are_written_and_read"]).on_each_store(),
    Row::new(
        CACHES,
        "`--cache-from` of an inline cache, where there is nothing else to build from",
        &["caches::a_build_is_made_from_a_cache_alone"],
    )
    .on_each_store(),
    Row::new(
        CACHES,
        "`--cache-to` and `--cache-from`, `type=local` and `type=registry`, where there is nothing else to build from",
        &["caches::a_build_is_made_from_a_cache_alone"],
    )
    .without_graphdriver(),
    Row::new(CACHES, "`--cache-to` and `--cache-from`, `type=gha`", &["caches::a_build_is_made_from_a_cache_alone"])
        .note("with a server that plays GitHub's part")
        .without_graphdriver(),
    Row::new(RESULTS, "`--output type=local` and `type=tar`", &["options::results_go_where_the_command_line_says"])
        .on_each_store(),
    Row::new(RESULTS, "`--output type=oci`", &["options::results_go_where_the_command_line_says"])
        .without_graphdriver(),
    Row::new(RESULTS, "`--annotation`", &["options::results_go_where_the_command_line_says"]).without_graphdriver(),
    Row::new(RESULTS, "`--build-arg BUILDKIT_MULTI_PLATFORM`", &["options::results_go_where_the_command_line_says"])
        .without_graphdriver(),
    Row::new(RESULTS, "`--sbom`", &["supply_chain::the_list_of_parts_is_that_of_the_image"]).without_graphdriver(),
    Row::new(
        RESULTS,
        "`--attest type=sbom,generator=…`: a scanner's list beside pyfront's",
        &["supply_chain::a_scanner_that_is_named_has_its_list_beside_ours"],
    )
    .without_graphdriver(),
    Row::new(RESULTS, "`--provenance`", &["supply_chain::provenance_has_every_file_with_its_digest_and_no_secret"])
        .without_graphdriver(),
    Row::new(
        QUESTIONS,
        "`--check`",
        &["questions::no_example_is_found_fault_with", "questions::a_check_that_finds_something_ends_with_exit_code_1"],
    )
    .note("`--print lint` of buildx before 0.15"),
    Row::new(QUESTIONS, "`--call outline` and `targets`", &["questions::targets_and_parameters_of_every_example"])
        .note("`--print` of buildx before 0.15"),
    Row::new(
        QUESTIONS,
        "`--call pyfront.plan` and `pyfront.schema`",
        &["questions::the_plan_and_the_schema_are_answers_too"],
    ),
    Row::new(CLIENTS, "`docker buildx bake`", &["clients::bake_builds_what_its_file_says"]),
    Row::new(CLIENTS, "a matrix of bake", &["clients::a_matrix_of_bake_builds_an_image_for_each_python"]),
    Row::new(CLIENTS, "`docker compose up --build`", &["clients::compose_builds_and_starts_a_service"]),
    Row::new(
        CLIENTS,
        "`docker compose watch` on the target `dev`",
        &["clients::compose_brings_edits_into_the_container_for_development"],
    ),
    Row::new(
        CLIENTS,
        "`secrets` of a compose file, `secret` of a bake file",
        &["clients::compose_and_bake_hand_over_the_credentials_of_an_index"],
    ),
    Row::new(
        CLIENTS,
        "buildx with the driver `remote`",
        &["clients::the_remote_driver_builds_on_a_buildkit_of_its_own"],
    )
    .on_each_store(),
];
