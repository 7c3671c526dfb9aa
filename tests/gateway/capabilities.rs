//! Daemons that can do less: without merges the image is assembled by copying, and what cannot be done without is named in
//! one line.

use std::collections::BTreeSet;

use buildkit_frontend::testing::Graph;
use buildkit_proto::pb::op::Op;

use crate::projects::Project;
use crate::run;

/// How many merges, diffs, and file operations that assemble the image.
fn assembly(graph: &Graph) -> (usize, usize, usize) {
    let count =
        |wanted: &dyn Fn(&Op) -> bool| graph.ops.iter().filter(|(_, op)| op.op.as_ref().is_some_and(wanted)).count();
    let copies = graph.ops.iter().filter(|(digest, op)| {
        matches!(op.op, Some(Op::File(_))) && graph.name(digest).is_some_and(|name| name.contains("assemble"))
    });
    (count(&|op| matches!(op, Op::Merge(_))), count(&|op| matches!(op, Op::Diff(_))), copies.count())
}

#[test]
fn without_merges_layers_are_copied() {
    let build = || Project::example("hatchling").build("pyproject.toml");
    let with = run(&build());
    assert_eq!(assembly(&with.graph(None)), (1, 0, 0));
    let daemons = [
        build().without_cap("mergeop").without_cap("diffop"),
        build().disabled_cap("mergeop", "the store cannot").disabled_cap("diffop", "the store cannot"),
    ];
    for daemon in daemons {
        let without = run(&daemon);
        let graph = without.graph(None);
        let (merges, diffs, copies) = assembly(&graph);
        // One for each layer: those of packages, the runtime's and the project's. One step makes what the others run on.
        assert_eq!((merges, diffs, copies), (0, 0, graph.execs().len() - 1));
        assert_eq!(with.image_config(None), without.image_config(None));
        let steps = |graph: &Graph| graph.execs().into_iter().map(|(digest, _)| digest.to_owned()).collect::<Vec<_>>();
        assert_eq!(steps(&graph), steps(&with.graph(None)), "the steps are the same, so their results can be reused");
    }
}

#[test]
fn a_capability_that_is_missing_is_named_in_one_line() {
    for example in ["virtual", "hatchling"] {
        let project = Project::example(example);
        let used: BTreeSet<String> = run(&project.build("pyproject.toml"))
            .solved()
            .iter()
            .flat_map(|graph| graph.metadata.values())
            .flat_map(|metadata| metadata.caps.keys().cloned())
            .collect();
        assert!(used.len() > 10, "{used:?}");
        let of_gateway = ["readfile", "readdir", "return", "proto.refarray"].map(str::to_owned);
        let mut spared = Vec::new();
        for cap in used.iter().chain(&of_gateway) {
            let outcome = run(&project.build("pyproject.toml").without_cap(cap));
            if outcome.returned().error.is_none() {
                // Then it has been done without it; the fake refuses what is not announced.
                spared.push(cap.as_str());
                continue;
            }
            let message = &outcome.error().message;
            assert!(message.contains(cap.as_str()), "{example}: {cap}: {message}");
            assert!(message.lines().count() == 1 && message.len() < 200, "{example}: {cap}: {message}");
            assert!(!message.contains("experimental"), "{cap}: the daemon had to find it out: {message}");
        }
        let hints = ["constraints", "exec.meta.setsdefaultpath", "mergeop", "meta.description", "platform"];
        assert_eq!(spared, hints, "{example}");
    }
}

#[test]
fn an_old_daemon_is_told_what_is_needed() {
    let daemon = Project::example("virtual").build("pyproject.toml").without_cap("readdir").without_cap("file.base");
    let outcome = run(&daemon);
    let expected =
        "this build needs BuildKit 0.13 or later (Docker Engine 26.1); this daemon lacks: readdir, file.base";
    assert_eq!(outcome.error().message, expected);
}

#[test]
fn without_warnings_and_the_newer_question_about_images_it_works_too() {
    let daemon = Project::example("virtual").build("pyproject.toml");
    let expected = run(&daemon).graph(None);
    for cap in ["source.metaresolver", "gateway.warnings", "frontend.inputs", "gateway.evaluate"] {
        assert_eq!(run(&daemon.clone().without_cap(cap)).graph(None), expected, "{cap}");
    }
}
