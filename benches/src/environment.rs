//! Where something was measured, and whether others used the machine meanwhile.

use std::fs;

use serde_json::{Value, json};

/// What a figure depends on besides the code.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// The processor's name.
    pub cpu: String,
    /// Hardware threads.
    pub threads: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler.
    pub compiler: &'static str,
    /// The commit; empty: it was not built from a repository.
    pub commit: &'static str,
    /// Who hands out memory.
    pub allocator: &'static str,
    /// Runnable processes over the last minute, before measuring.
    pub load: String,
}

impl Environment {
    /// This machine's, as far as it says; the program knows its allocator.
    pub fn here(allocator: &'static str) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let cpu = info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
        let known = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
        Self {
            cpu: known(cpu.unwrap_or_default().trim().to_owned()),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: known(read("/proc/sys/kernel/osrelease").trim().to_owned()),
            compiler: env!("POSBOOK_COMPILER"),
            commit: env!("POSBOOK_COMMIT"),
            allocator,
            load: known(read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned()),
        }
    }

    /// Names and values, for a reader.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            ("processor", self.cpu.clone()),
            ("hardware threads", self.threads.to_string()),
            ("kernel", self.kernel.clone()),
            ("compiler", self.compiler.to_owned()),
            ("commit", if self.commit.is_empty() { "unknown".to_owned() } else { self.commit.to_owned() }),
            ("allocator", self.allocator.to_owned()),
            ("load before", self.load.clone()),
        ]
    }

    /// As one object.
    pub fn as_json(&self) -> Value {
        json!({
            "cpu": self.cpu, "threads": self.threads, "kernel": self.kernel, "compiler": self.compiler,
            "commit": self.commit, "allocator": self.allocator, "load": self.load,
        })
    }
}

/// Ticks of processor time, at one moment: of the whole machine, and of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocked {
    busy: u64,
    all: u64,
    own: u64,
}

/// Others may use this share of the machine before its figures are called doubtful.
pub const QUIET: f64 = 0.05;

impl Clocked {
    /// Now. `None`: this system does not say.
    pub fn now() -> Option<Self> {
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let ticks: Vec<u64> = machine
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .filter_map(|n| n.parse().ok())
            .take(8)
            .collect();
        let all: u64 = ticks.iter().sum();
        let idle = ticks.get(3)? + ticks.get(4)?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // The name may contain anything, a bracket too: fields are counted behind the last one.
        let fields: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
        let own = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Self { busy: all - idle, all, own })
    }

    /// The share of the machine that others have used since, 0 to 1; stolen time of a virtual machine counts as others'.
    pub fn others_since(self) -> Option<f64> {
        let now = Self::now()?;
        let all = now.all.checked_sub(self.all).filter(|all| *all > 0)?;
        let others = (now.busy - self.busy).saturating_sub(now.own - self.own);
        Some(others as f64 / all as f64)
    }
}
