//! Figures beside their baselines and goals, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Micros,
    Millis,
    CallsPerSecond,
    Megabytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::CallsPerSecond => "/s",
            Self::Megabytes => "MB",
        }
    }
}

/// A number with its unit, in a readable number of digits.
struct Shown(f64, Unit);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, unit) = *self;
        let digits = match number.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        f.pad(&format!("{number:.digits$} {}", unit.name()))
    }
}

/// What a figure stands beside.
#[derive(Clone)]
pub(crate) enum Baseline {
    /// A number taken in the same run, and of what.
    Taken(f64, &'static str),
    /// It could not be taken, and why.
    Missing(String),
    /// There is none.
    None,
}

/// One line of the table.
pub(crate) struct Row {
    what: String,
    unit: Unit,
    figure: f64,
    baseline: Baseline,
    /// The most that the figure may be, if anything is to hold of it, and what would be better still.
    goal: Option<(f64, Option<f64>)>,
}

impl Row {
    /// A figure.
    pub(crate) fn new(what: impl Into<String>, figure: f64, unit: Unit) -> Self {
        Self { what: what.into(), unit, figure, baseline: Baseline::None, goal: None }
    }

    /// What the figure is compared with.
    pub(crate) fn beside(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// The most that it may be.
    pub(crate) fn at_most(mut self, most: f64) -> Self {
        self.goal = Some((most, None));
        self
    }

    /// What would be better than the goal.
    pub(crate) fn stretch(mut self, most: f64) -> Self {
        self.goal = self.goal.map(|(goal, _)| (goal, Some(most)));
        self
    }

    fn ratio(&self) -> Option<f64> {
        match self.baseline {
            Baseline::Taken(baseline, _) => Some(self.figure / baseline),
            Baseline::Missing(_) | Baseline::None => None,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.goal {
            Some((_, Some(stretch))) if self.figure <= stretch => "ok, stretch too",
            Some((goal, _)) if self.figure <= goal => "ok",
            Some(_) => "short",
            None => "",
        }
    }

    fn cells(&self) -> [String; 6] {
        let baseline = match &self.baseline {
            Baseline::Taken(baseline, name) => format!("{} {name}", Shown(*baseline, self.unit)),
            Baseline::Missing(why) => format!("NOT MEASURED: {why}"),
            Baseline::None => String::new(),
        };
        let ratio = self.ratio().map_or_else(String::new, |ratio| match ratio {
            _ if ratio < 0.1 => format!("1/{:.0}", 1.0 / ratio),
            _ if ratio >= 10.0 => format!("{ratio:.0} ×"),
            _ => format!("{ratio:.2} ×"),
        });
        let goal = self.goal.map_or_else(String::new, |(goal, stretch)| {
            let stretch = stretch.map_or_else(String::new, |stretch| format!(" ({stretch})"));
            format!("≤ {goal} {}{stretch}", self.unit.name())
        });
        let figure = Shown(self.figure, self.unit).to_string();
        [self.what.clone(), figure, baseline, ratio, goal, self.verdict().to_owned()]
    }

    fn json(&self) -> Value {
        let (baseline, name, missing) = match &self.baseline {
            Baseline::Taken(baseline, name) => (Some(baseline), Some(name), None),
            Baseline::Missing(why) => (None, None, Some(why)),
            Baseline::None => (None, None, None),
        };
        json!({
            "what": self.what, "unit": self.unit.name(), "figure": self.figure,
            "baseline": baseline, "baseline_is": name, "baseline_missing": missing, "ratio": self.ratio(),
            "goal": self.goal.map(|(goal, _)| goal), "stretch": self.goal.and_then(|(_, stretch)| stretch),
            "verdict": self.verdict(),
        })
    }
}

/// Prints rows, widths fitted to what is in them.
pub(crate) fn print(title: &str, rows: &[Row]) {
    let mut lines = vec![[title, "doorman-server", "beside", "ratio", "goal (stretch)", ""].map(str::to_owned)];
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
