//! What progress shows of a graph.

use std::collections::BTreeSet;

use crate::projects::Project;
use crate::run;

#[test]
fn wheels_that_share_a_layer_share_a_line() {
    let graph = run(&Project::example("fastapi").build("pyproject.toml")).graph(None);
    let mut groups = BTreeSet::new();
    let (mut shared, mut alone) = (0, 0);
    for (digest, metadata) in &graph.metadata {
        match &metadata.progress_group {
            Some(group) => {
                assert!(graph.name(digest).unwrap().starts_with("[deps] fetch "), "{metadata:?}");
                groups.insert((group.id.clone(), group.name.clone()));
                shared += 1;
            }
            None => alone += u32::from(graph.name(digest).is_some_and(|name| name.starts_with("[deps] fetch "))),
        }
    }
    let names: Vec<_> = groups.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, [format!("[deps] fetch {shared} packages")]);
    assert!(shared > 5 && alone > 0, "{shared} in the group, {alone} with a layer of their own");
}

#[test]
fn the_start_is_told_once_also_when_commands_come_last() {
    let run_twice = "\n[[tool.pyfront.run]]\ncommand = [\"true\"]\n[[tool.pyfront.run]]\ncommand = [\"id\"]\n";
    let early = "\n[[tool.pyfront.run]]\nat = \"dependencies\"\ncommand = [\"true\"]\n";
    for commands in ["", run_twice, early] {
        let project = Project::example("fastapi");
        let text = format!("{}{commands}", project.text("pyproject.toml"));
        let graph = run(&project.with("pyproject.toml", text).build("pyproject.toml")).graph(None);
        let told = |name: &&str| name.contains("[project] assemble api, start ");
        assert_eq!(graph.names().into_iter().filter(told).count(), 1, "{:#?}", graph.names());
    }
}
