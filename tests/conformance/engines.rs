//! The private engines that the end-to-end tests run on, and which tests: each of them on one engine at least. On Docker's older
//! store it is those of images and layers, and not those of failures, secrets and servers; on both others those that depend on what
//! BuildKit does, rather than on what we tell it, and on one of them what remains, dealt so that both take the same time; on all
//! whatever the table in `docs/conformance.md` has. `cargo xtask test` goes by this, and so does the table.

/// An engine, and the tests on it: those whose names (`module::test`) have a part that is said.
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) engine: &'static str,
    /// One of these; without any of them all tests.
    pub(crate) only: &'static [&'static str],
    /// None of these.
    pub(crate) without: &'static [&'static str],
}

/// In the order in which they begin.
pub(crate) const ENGINES: [Suite; 3] = [
    Suite { engine: "containerd", only: &[], without: &["examples::"] },
    Suite {
        engine: "graphdriver",
        only: &[
            "caches::a_build_is_made_from_a_cache_alone",
            "clients::",
            "contexts::",
            "distroless::",
            "fidelity::",
            "git::a_key_opens_a_repository_over_ssh",
            "git::a_tag_as_the_context_is_the_version",
            "git::a_token_opens_the_repository_that_is_the_context",
            "git::of_a_repository_as_the_context_a_new_lock_builds_nothing_again",
            "image::",
            "layers::",
            "local::wheels_archives_and_trees_by_path",
            "managed::",
            "options::",
            "platforms::",
            "private_index::the_right_password_builds_and_is_left_nowhere",
            "projects::",
            "questions::",
            "runtime::",
            "steps::",
            "supply_chain::",
            "system_packages::",
            "targets::",
            "workspace::",
        ],
        without: &[],
    },
    Suite {
        engine: "newest",
        only: &[
            "caches::a_build_is_made_from_a_cache_alone",
            "clients::",
            "contexts::",
            "examples::",
            "git::a_key_opens_a_repository_over_ssh",
            "git::a_tag_as_the_context_is_the_version",
            "git::a_token_opens_the_repository_that_is_the_context",
            "git::of_a_repository_as_the_context_a_new_lock_builds_nothing_again",
            "layers::",
            "local::wheels_archives_and_trees_by_path",
            "options::",
            "platforms::",
            "private_index::the_right_password_builds_and_is_left_nowhere",
            "projects::a_project_without_build_system_is_copied",
            "projects::three_ways_in_make_the_same_image",
            "questions::",
            "steps::commands_and_copies_become_layers",
            "supply_chain::",
            "targets::files_are_exported",
            "targets::tests_run_while_building_and_leave_reports",
            "workspace::each_member_has_an_image_of_its_own_from_one_lock",
        ],
        without: &[],
    },
];
