//! Figures beside their baselines and goals, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Nanos,
    Micros,
    Millis,
    Seconds,
    Instructions,
    CallsPerSecond,
    Kilobytes,
    Megabytes,
    MegabytesPerSecond,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Instructions => "instr",
            Self::CallsPerSecond => "/s",
            Self::Kilobytes => "kB",
            Self::Megabytes => "MB",
            Self::MegabytesPerSecond => "MB/s",
        }
    }
}

/// A number with its unit, in a readable number of digits.
struct Shown(f64, Unit);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, unit) = *self;
        let text = match (unit, number.abs()) {
            (Unit::Instructions, size) if size >= 1e3 => format!("{:.1} k ", number / 1e3),
            (_, size) if size >= 1e3 => format!("{number:.0} "),
            (_, size) if size >= 10.0 => format!("{number:.1} "),
            _ => format!("{number:.2} "),
        };
        f.pad(&format!("{text}{}", unit.name()))
    }
}

/// What is to hold of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so much.
    AtMost(f64),
    /// At most so much more than the baseline.
    Above(f64),
    /// At most so many times the baseline.
    Times(f64),
    /// At least so many times the baseline.
    NotBelow(f64),
    /// Nothing: the figure explains another, or is only to be known.
    Open,
}

/// One line of the table.
pub(crate) struct Row {
    what: String,
    unit: Unit,
    figure: Result<f64, String>,
    baseline: Option<(f64, &'static str)>,
    goal: Goal,
}

impl Row {
    /// A figure.
    pub(crate) fn new(what: impl Into<String>, figure: f64, unit: Unit, goal: Goal) -> Self {
        Self { what: what.into(), unit, figure: Ok(figure), baseline: None, goal }
    }

    /// A figure that could not be taken, and why.
    pub(crate) fn skipped(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), unit: Unit::Seconds, figure: Err(why.into()), baseline: None, goal: Goal::Open }
    }

    /// What the figure is compared with, taken in the same run.
    pub(crate) fn against(mut self, baseline: f64, name: &'static str) -> Self {
        self.baseline = Some((baseline, name));
        self
    }

    /// What the goal is about: the figure itself, or how it stands to its baseline.
    fn compared(&self) -> Option<f64> {
        let figure = *self.figure.as_ref().ok()?;
        let baseline = self.baseline.map_or(f64::NAN, |(baseline, _)| baseline);
        match self.goal {
            Goal::AtMost(_) => Some(figure),
            Goal::Above(_) => Some(figure - baseline),
            Goal::Times(_) | Goal::NotBelow(_) => Some(figure / baseline),
            Goal::Open => None,
        }
    }

    fn verdict(&self) -> &'static str {
        let held = match (self.goal, self.compared(), &self.figure) {
            (.., Err(_)) => return "SKIPPED",
            (Goal::AtMost(most) | Goal::Above(most) | Goal::Times(most), Some(it), _) => it <= most,
            (Goal::NotBelow(least), Some(it), _) => it >= least,
            _ => return "",
        };
        if held { "ok" } else { "short" }
    }

    fn cells(&self) -> [String; 6] {
        let figure = match &self.figure {
            Ok(figure) => Shown(*figure, self.unit).to_string(),
            Err(why) => why.clone(),
        };
        let baseline = self.baseline.map(|(baseline, name)| format!("{} {name}", Shown(baseline, self.unit)));
        let goal = match self.goal {
            Goal::AtMost(most) => format!("≤ {}", Shown(most, self.unit)),
            Goal::Above(most) => format!("≤ +{}", Shown(most, self.unit)),
            Goal::Times(most) => format!("≤ {most} ×"),
            Goal::NotBelow(least) => format!("≥ {least} ×"),
            Goal::Open => String::new(),
        };
        let stands = match (self.goal, self.compared()) {
            (Goal::Above(_), Some(more)) => format!("{}{}", if more < 0.0 { "" } else { "+" }, Shown(more, self.unit)),
            (Goal::Times(_) | Goal::NotBelow(_), Some(times)) => format!("{times:.2} ×"),
            _ => String::new(),
        };
        [self.what.clone(), figure, baseline.unwrap_or_default(), stands, goal, self.verdict().to_owned()]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "unit": self.unit.name(), "figure": self.figure.as_ref().ok(),
            "skipped": self.figure.as_ref().err(), "baseline": self.baseline.map(|(baseline, _)| baseline),
            "baseline_is": self.baseline.map(|(_, name)| name), "compared": self.compared(),
            "goal": self.cells()[4], "verdict": self.verdict(),
        })
    }
}

/// Prints rows, widths fitted to what is in them.
pub(crate) fn print(title: &str, rows: &[Row]) {
    let mut lines = vec![[title, "doorman", "baseline", "stands", "goal", ""].map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    println!();
    for (i, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            1 | 3 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        if i == 0 {
            println!("{}", "─".repeat(widths.iter().sum::<usize>() + 10));
        }
    }
}

/// All rows and the machine that they were taken on.
pub(crate) fn to_json(machine: &str, rows: &[Row]) -> Value {
    json!({ "machine": machine, "rows": rows.iter().map(Row::json).collect::<Vec<_>>() })
}
