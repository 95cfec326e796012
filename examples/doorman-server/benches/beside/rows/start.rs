//! From the start of a process to its first `tools/list` on stdio, and what it holds after its first call.

use serde_json::json;

use super::{Predecessor, theirs};
use crate::{
    Options, Outcome,
    numbers::median,
    process::Memory,
    stdio::Session,
    table::{Baseline, Row, Unit},
    world::Program,
};

/// The rows, and what one process of the predecessor holds, in MB.
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Baseline,
}

pub(crate) fn rows(options: &Options, doorman: &Program, predecessor: &Predecessor) -> Outcome<Found> {
    let (ours, others) = if options.quick { (5, 2) } else { (25, 5) };
    let other = match predecessor {
        Ok(program) => Ok(Starts::of(program, others)?),
        Err(why) => Err(why),
    };
    let own = Starts::of(doorman, ours)?;
    let beside = |figure: fn(&Starts) -> f64| theirs(other.as_ref().map(figure).map_err(|&why| why));
    let what = "start to first tools/list";
    let rows = vec![
        Row::new(format!("{what}, CPU"), own.cpu, Unit::Millis).beside(beside(|it| it.cpu)).at_most(5.0).stretch(3.0),
        Row::new(format!("{what}, wall"), own.wall, Unit::Millis).beside(beside(|it| it.wall)),
        Row::new("memory after the first call, RSS", own.memory.resident, Unit::Megabytes)
            .beside(beside(|it| it.memory.resident))
            .at_most(10.0),
        Row::new("  of it heap and stacks", own.memory.anonymous, Unit::Megabytes)
            .beside(beside(|it| it.memory.anonymous)),
        Row::new("  the most that it was", own.memory.peak, Unit::Megabytes).beside(beside(|it| it.memory.peak)),
    ];
    Ok(Found { rows, memory: beside(|it| it.memory.resident) })
}

/// What many starts of a program cost, in the middle.
struct Starts {
    cpu: f64,
    wall: f64,
    memory: Memory,
}

impl Starts {
    fn of(program: &Program, count: usize) -> Outcome<Self> {
        // The first reads files into the page cache, and isn't counted.
        Session::start(program)?;
        let (mut cpu, mut wall, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (mut session, start) = Session::start(program)?;
            cpu.push(start.cpu.as_secs_f64() * 1e3);
            wall.push(start.wall.as_secs_f64() * 1e3);
            session.call("filesystem_list_dir", &json!({}))?;
            memory.push(session.memory()?);
        }
        let middle = |figure: fn(&Memory) -> f64| median(memory.iter().map(figure));
        let memory = Memory {
            resident: middle(|it| it.resident),
            peak: middle(|it| it.peak),
            anonymous: middle(|it| it.anonymous),
        };
        Ok(Self { cpu: median(cpu), wall: median(wall), memory })
    }
}
