//! The plot: a bar for each contender in each scenario, as long as the logarithm of its time, with a whisker from the fastest
//! to the slowest build. It carries its own colours for light and dark pages, and needs no font but the page's.

use std::fmt::Write as _;

use crate::bench::contender;
use crate::bench::report::table::seconds;
use crate::bench::results::Results;
use crate::bench::scenario::Scenario;

const WIDTH: f64 = 860.0;
/// Where bars begin, and how much room the longest one leaves for its label.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 56.0;
const BAR: f64 = 13.0;
const GAP: f64 = 14.0;

/// Fills by contender, in the order of all contenders; pyfront's stands out.
const COLOURS: [(&str, &str); 7] = [
    ("guide", "#9aa5b1"),
    ("tuned", "#5b7083"),
    ("pip", "#c9b88a"),
    (contender::PYFRONT, "#d1495b"),
    ("guide-fallback", "#c4ccd4"),
    ("pyfront-fallback", "#e8a5ae"),
    ("tuned-external", "#7b6d8d"),
];

const STYLE: &str = "\
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.grid { stroke: #d0d7de }
.whisker { stroke: #24292f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #3d444d } .whisker { stroke: #e6edf3 } }
</style>
";

/// The bars of a scenario: contenders with their fastest, median and slowest times.
struct Group<'a> {
    scenario: Scenario,
    bars: Vec<(&'a str, [f64; 3])>,
}

fn groups<'a>(results: &Results, project: &str, contenders: &'a [String]) -> Vec<Group<'a>> {
    let of = |scenario: Scenario, name: &str| {
        let summary = results.summary(project, scenario.name(), name)?;
        Some([summary.fastest, summary.seconds, summary.slowest])
    };
    let groups = Scenario::ALL.into_iter().map(|scenario| Group {
        scenario,
        bars: contenders.iter().filter_map(|name| Some((name.as_str(), of(scenario, name)?))).collect(),
    });
    groups.filter(|group| !group.bars.is_empty()).collect()
}

/// Times of one project.
pub(super) fn plot(results: &Results, project: &str) -> String {
    let contenders = results.contenders();
    let groups = groups(results, project, &contenders);
    let times = || groups.iter().flat_map(|group| group.bars.iter().flat_map(|(_, times)| *times));
    let scale = Scale::of(times());

    let mut body = String::new();
    let mut y = TOP;
    for Group { scenario, bars } in &groups {
        let middle = y + BAR * count(bars.len()) / 2.0 + 4.0;
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            scenario.name()
        );
        for (name, [fastest, median, slowest]) in bars {
            let (end, centre) = (scale.x(*median), y + BAR / 2.0);
            let _ = writeln!(
                body,
                "<rect x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                end - LEFT,
                BAR - 1.5,
                colour(name)
            );
            if slowest > fastest {
                let (from, to) = (scale.x(*fastest), scale.x(*slowest));
                let _ = writeln!(
                    body,
                    "<line class=\"whisker\" x1=\"{from:.1}\" y1=\"{centre:.1}\" x2=\"{to:.1}\" y2=\"{centre:.1}\"/>"
                );
            }
            let label = scale.x(slowest.max(*median)) + 5.0;
            let _ = writeln!(body, "<text x=\"{label:.1}\" y=\"{:.1}\">{}</text>", centre + 4.0, seconds(*median));
            y += BAR;
        }
        y += GAP;
    }

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\">\n\
         <title>{project}: time to an image in the registry, logarithmic, shorter is better</title>\n{STYLE}"
    );
    legend(&mut svg, &contenders);
    for power in scale.low..=scale.high {
        let value = 10_f64.powi(power);
        let x = scale.x(value);
        let _ =
            writeln!(svg, "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\"/>", TOP - 10.0);
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value} s</text>", TOP - 14.0);
    }
    svg + &body + "</svg>\n"
}

fn legend(svg: &mut String, contenders: &[String]) {
    for (index, name) in contenders.iter().enumerate() {
        let x = LEFT + 120.0 * count(index);
        let _ = writeln!(svg, "<rect x=\"{x:.1}\" y=\"8\" width=\"11\" height=\"11\" fill=\"{}\"/>", colour(name));
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"18\">{name}</text>", x + 16.0);
    }
}

fn colour(contender: &str) -> &'static str {
    COLOURS.iter().find(|(name, _)| *name == contender).map_or("#888888", |(_, colour)| colour)
}

fn count(value: usize) -> f64 {
    u32::try_from(value).map_or(f64::INFINITY, f64::from)
}

/// From powers of ten to places on the page.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    /// Whole powers of ten around all times.
    fn of(times: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (0, 1);
        for time in times.filter(|time| *time > 0.0) {
            while 10_f64.powi(low) > time && low > -6 {
                low -= 1;
            }
            while 10_f64.powi(high) < time && high < 6 {
                high += 1;
            }
        }
        Self { low, high }
    }

    fn x(&self, seconds: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let part = (seconds.max(f64::MIN_POSITIVE).log10() - low) / (high - low);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::record;

    #[test]
    fn longer_times_make_longer_bars_on_a_scale_of_whole_powers() {
        let scale = Scale::of([0.2, 40.0].into_iter());
        assert_eq!((scale.low, scale.high), (-1, 2));
        assert!((scale.x(0.1) - LEFT).abs() < 1e-9);
        assert!((scale.x(100.0) - (WIDTH - RIGHT)).abs() < 1e-9);
        assert!(scale.x(1.0) < scale.x(2.0));
    }

    #[test]
    fn every_contender_has_its_colour_and_the_plot_its_parts() {
        for contender in contender::all(Some("stock")) {
            assert!(COLOURS.iter().any(|(name, _)| *name == contender.name), "{}", contender.name);
        }
        let records =
            vec![record("cold", "guide", 4.0), record("cold", "pyfront", 2.0), record("cold", "pyfront", 3.0)];
        let svg = plot(&Results { records, ..Results::default() }, "api");
        assert_eq!(svg.matches("<rect ").count(), 4);
        assert_eq!(svg.matches("class=\"whisker\"").count(), 1);
        assert!(svg.contains(">2.50 s</text>") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
