//! `pyfront graph`: steps and layers as a picture, in the languages of Graphviz and Mermaid.

use std::fmt::Write as _;

use lexopt::{Parser, ValueExt as _};

use super::plan::{Layer, Made, layers, shown};
use super::project::Wanted;
use super::size::human;
use super::{Failure, Terminal};
use crate::gateway::preview::Preview;

pub(super) const ABOUT: &str = "draw steps and layers, for Graphviz or Mermaid";
pub(super) const HELP: &str = "[PATH] [OPTIONS]

  --format dot|mermaid     the language of the picture (default: dot)
";

/// The longest list of packages that stands in a node.
const LONGEST: usize = 60;

pub(super) fn run(parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let mut format = Graph::dot as fn(&Graph) -> String;
    let wanted = Wanted::read(parser, &["format"], |_, parser| {
        let value = parser.value()?.string()?;
        format = match value.as_str() {
            "dot" => Graph::dot,
            "mermaid" => Graph::mermaid,
            _ => return Err(Failure::Usage(format!("--format {value}: write dot or mermaid"))),
        };
        Ok(())
    })?;
    let found = wanted.preview()?;
    match found.previews.as_slice() {
        [preview] => Ok(write!(terminal.out, "{}", format(&Graph::of(preview)))?),
        _ => Err(Failure::Usage("a graph is of one platform; pass one with --platform".to_owned())),
    }
}

/// What a node is, which is how it looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Source,
    Step,
    Image,
}

struct Node {
    id: String,
    shape: Shape,
    lines: Vec<String>,
}

/// What is made of what.
struct Graph {
    title: String,
    nodes: Vec<Node>,
    /// From, to, and whether it only takes part in the making.
    edges: Vec<(String, String, bool)>,
}

impl Graph {
    fn of(preview: &Preview) -> Self {
        let plan = &preview.plan;
        let node = |id: &str, shape, lines| Node { id: id.to_owned(), shape, lines };
        let mut nodes = vec![
            node("base", Shape::Source, vec![plan.base.image.reference.clone()]),
            node("uv", Shape::Source, vec![format!("uv {}", plan.uv.version)]),
        ];
        let mut edges = vec![("base".to_owned(), "image".to_owned(), false)];
        let mut edge = |from: &str, to: &str, tool| edges.push((from.to_owned(), to.to_owned(), tool));
        for (number, layer) in (1..).zip(layers(preview)) {
            let id = format!("layer{number}");
            match &layer.made {
                Made::ByUv => {
                    edge("base", &id, true);
                    edge("uv", &id, true);
                }
                Made::OnBase => edge("base", &id, true),
                Made::InImage => {
                    edge("base", &id, true);
                    (1..number).for_each(|below| edge(&format!("layer{below}"), &id, true));
                }
                Made::Copied(None) => {}
                Made::Copied(Some(from)) => {
                    let source = format!("source{number}");
                    edge(&source, &id, true);
                    nodes.push(node(&source, Shape::Source, vec![from.clone()]));
                }
            }
            edge(&id, "image", false);
            nodes.push(node(&id, Shape::Step, describe(&layer)));
        }
        let mut lines = vec![format!("{} ({})", plan.project, plan.platform)];
        lines.push(format!("user {}:{}", plan.account.uid, plan.account.gid));
        let start: Vec<String> = plan.config.entrypoint.iter().chain(&plan.config.command).cloned().collect();
        if !start.is_empty() {
            lines.push(short(&shown(&start)));
        }
        nodes.push(node("image", Shape::Image, lines));
        Self { title: plan.project.clone(), nodes, edges }
    }

    fn dot(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = format!(
            "digraph {} {{\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n",
            quoted(&self.title)
        );
        for Node { id, shape, lines } in &self.nodes {
            let style = match shape {
                Shape::Source => ", shape=cylinder",
                Shape::Step => "",
                Shape::Image => ", shape=box3d",
            };
            let label =
                lines.iter().map(|line| quoted(line).trim_matches('"').to_owned()).collect::<Vec<_>>().join("\\n");
            let _ = writeln!(text, "  {id} [label=\"{label}\"{style}];");
        }
        for (from, to, tool) in &self.edges {
            let style = if *tool { " [style=dashed]" } else { "" };
            let _ = writeln!(text, "  {from} -> {to}{style};");
        }
        text.push_str("}\n");
        text
    }

    fn mermaid(&self) -> String {
        let escaped = |text: &str| {
            let text = text.replace('&', "&amp;").replace('#', "#35;").replace('"', "#quot;");
            text.replace('<', "&lt;").replace('>', "&gt;")
        };
        let mut text = "flowchart LR\n".to_owned();
        for Node { id, shape, lines } in &self.nodes {
            let (open, close) = match shape {
                Shape::Source => ("[(", ")]"),
                Shape::Step => ("[", "]"),
                Shape::Image => ("[[", "]]"),
            };
            let label = lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>");
            let _ = writeln!(text, "  {id}{open}\"{label}\"{close}");
        }
        for (from, to, tool) in &self.edges {
            let _ = writeln!(text, "  {from} {} {to}", if *tool { "-.->" } else { "-->" });
        }
        text
    }
}

fn describe(layer: &Layer) -> Vec<String> {
    let mut lines = vec![short(&layer.contents)];
    lines.extend(layer.size.map(|size| format!("{} to fetch", human(size))));
    lines
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let cut: String = text.chars().take(LONGEST).collect();
    let end = cut.rfind(", ").or_else(|| cut.rfind(' ')).unwrap_or(cut.len());
    format!("{}, …", cut[..end].trim_end_matches(','))
}
