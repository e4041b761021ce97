//! The house rules, read off the sources: which way the arrows go, what only the seam may name, that every file says
//! what it is for. Clippy cannot see code that is compiled out; this can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a folder of the workspace, with its path from the root and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push((name(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

/// Code without comments and string literals, line by line. Good enough for this code: no raw strings with quotes in
/// the library, checked by the tests that would otherwise fail.
fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (mut code, mut quoted, mut escaped, mut last) = (String::new(), false, false, ' ');
        for c in line.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' if last != '\'' => quoted = !quoted,
                '/' if !quoted && last == '/' => {
                    code.pop();
                    break;
                }
                _ if !quoted => code.push(c),
                _ => {}
            }
            last = c;
        }
        lines.push((number + 1, code));
    }
    lines
}

/// Whether `word` stands in `line` as a whole path or name.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(line[..place].chars().next_back()) && !part(line[place + word.len()..].chars().next())
    })
}

fn complain(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The layers, lowest first. A file may name its own layer and those before it.
const LAYERS: [&str; 7] = ["model", "state", "book", "journal", "venue", "reconcile", "interop"];

/// The layer of a module or of a file below `src/`; `exits` stands beside `venue`, `analytics` beside `journal`.
fn layer(module: &str) -> Option<usize> {
    let module = match module {
        "exits" => "venue",
        "analytics" => "journal",
        _ => module,
    };
    LAYERS.iter().position(|layer| *layer == module)
}

/// The first path segments that a `use crate::...` or a `crate::...` path in code names.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in code(text) {
        for (place, _) in line.match_indices("crate::") {
            let rest = &line[place + "crate::".len()..];
            let group = rest.strip_prefix('{').map(|g| g.split('}').next().unwrap_or(g));
            let parts: Vec<&str> = group.map_or_else(|| vec![rest], |g| g.split(',').collect());
            for part in parts {
                let word: String =
                    part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.push((number, word));
            }
        }
    }
    found
}

#[test]
fn arrows_go_one_way() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        // The seam takes the time as a value, and a refusal names values: nothing above those.
        let own = match module {
            "sync" | "error" => layer("model"),
            _ => layer(module),
        };
        let Some(own) = own else { continue };
        for (line, used) in crate_paths(&text) {
            if layer(&used).is_some_and(|used| used > own) {
                wrong.push(format!("{file}:{line} names {used}, which is above it"));
            }
            if used == "sync" && module == "model" {
                wrong.push(format!("{file}:{line} names the seam; a value needs none"));
            }
        }
    }
    complain(wrong);
}

/// Names that only `src/sync.rs` and its folder may write. Orderings are words, not types, and may stand elsewhere.
const SEAM: [&str; 30] = [
    "arc_swap",
    "ArcSwap",
    "loom",
    "shuttle",
    "event_listener",
    "crossbeam_utils",
    "crossbeam",
    "parking_lot",
    "Instant",
    "SystemTime",
    "RwLock",
    "Condvar",
    "Barrier",
    "Once",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "mpsc",
    "AtomicBool",
    "AtomicI32",
    "AtomicI64",
    "AtomicU8",
    "AtomicU32",
    "AtomicUsize",
    "AtomicPtr",
    "std::thread",
    "thread::sleep",
    "sleep",
    "spin_loop",
    "yield_now",
];

#[test]
fn only_the_seam_names_shared_memory_locks_and_clocks() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        if file == "src/sync.rs" || file.starts_with("src/sync/") {
            continue;
        }
        // A test inside the library may start threads; what it tests may not.
        let library = text.split("#[cfg(test)]").next().unwrap();
        let library = if file.contains("/tests") { "" } else { library };
        for (number, line) in code(library) {
            let line = line.trim();
            for word in SEAM {
                if names(line, word) {
                    wrong.push(format!("{file}:{number} names {word}: {line}"));
                }
            }
            // The pair of names that exists in both worlds comes through the seam.
            let from_std = names(line, "std::sync::Mutex")
                || names(line, "std::sync::atomic::AtomicU64")
                || names(line, "std::sync::Arc");
            let is_value = file.starts_with("src/model/") || file == "src/error.rs";
            if from_std && !(is_value && names(line, "std::sync::Arc")) {
                wrong.push(format!("{file}:{number} takes it from std, not from the seam: {line}"));
            }
            if names(line, "std::sync::atomic") && !line.contains("atomic::Ordering") {
                wrong.push(format!("{file}:{number} names an atomic type: {line}"));
            }
        }
    }
    complain(wrong);
}

#[test]
fn only_state_names_the_persistent_map() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src").into_iter().chain(sources("cli/src")).chain(sources("tests")) {
        if file.starts_with("src/state/") || file == "tests/house.rs" {
            continue;
        }
        for (number, line) in code(&text) {
            if names(&line, "im") && line.contains("im::") || names(&line, "imbl") {
                wrong.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    complain(wrong);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "cli/src", "loom-tests", "benches", "tests", "examples"] {
        for (file, text) in sources(folder) {
            if file.contains("/target/") {
                continue;
            }
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            if first.trim_start_matches("//!").trim().len() < 10 || !first.starts_with("//!") {
                wrong.push(format!("{file} does not begin with a sentence of documentation: {first:?}"));
            }
        }
    }
    complain(wrong);
}

#[test]
fn the_library_has_no_unsafe_no_unfinished_code_and_no_floats() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        for (number, line) in code(&text) {
            for word in ["unsafe", "todo!", "unreachable_unchecked", "f64", "f32", "dbg!"] {
                if line.contains(word) && (names(&line, word) || word.ends_with('!')) {
                    wrong.push(format!("{file}:{number} has {word}: {}", line.trim()));
                }
            }
        }
        for (number, line) in text.lines().enumerate() {
            // In comments too: what is not done is an issue, not a comment.
            for word in ["TODO", "FIXME", "XXX", "HACK"] {
                if names(line, word) {
                    wrong.push(format!("{file}:{} has {word}", number + 1));
                }
            }
        }
    }
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.contains("#![forbid(unsafe_code)]"));
    complain(wrong);
}

/// The folders that hold the code of the workspace, and the fuzz targets beside it.
const CODE: [&str; 6] = ["src", "cli", "benches", "loom-tests", "tests", "examples"];

#[test]
fn no_package_has_unsafe_code() {
    let mut wrong = Vec::new();
    let mut files = 0;
    for (file, text) in CODE.into_iter().flat_map(sources).filter(|(file, _)| !file.contains("/target/")) {
        files += 1;
        for (number, line) in code(&text) {
            if names(&line, "unsafe") {
                wrong.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    complain(wrong);
    assert!(files > 100, "only {files} files were read");
    // What reading cannot see, a macro's code, the compiler refuses in every package of the workspace.
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{member} does not take the workspace's lints"
        );
    }
}

/// Every text file that is committed, walked from the root without the build folders.
fn committed() -> Vec<PathBuf> {
    let mut folders = vec![root().to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let last = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if last != "target" && last != ".git" {
                    folders.push(path);
                }
            } else if ["rs", "md", "toml", "yml", "yaml", "sh", "json", "html", "txt"]
                .iter()
                .any(|e| last.ends_with(&format!(".{e}")))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    // Put together here, so that this file does not name them either.
    let machine: Vec<String> =
        ["work/", "tmp/", "home/", "root/"].iter().map(|folder| format!("/{folder}")).collect();
    let mut wrong = Vec::new();
    for path in committed() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            for folder in &machine {
                // A path begins there: not the middle of another one, and not a variable's.
                let begins = line.match_indices(folder.as_str()).any(|(place, _)| {
                    let before = line[..place].chars().next_back();
                    before.is_none_or(|c| !(c.is_alphanumeric() || ".-_}*/".contains(c)))
                });
                if begins {
                    wrong.push(format!("{}:{}: {}", name(&path), number + 1, line.trim()));
                }
            }
        }
    }
    complain(wrong);
}

/// Whether a document has a heading (or, for invariants, a line) that begins with this name.
fn has(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['#', '|', '*', '-', ' ']);
        line.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[test]
fn every_rule_defect_and_invariant_is_written_down() {
    let mut wrong = Vec::new();
    for (file, letter, count) in [
        ("docs/rules.md", 'R', 18),
        ("docs/defects.md", 'D', 32),
        ("ARCHITECTURE.md", 'I', 13),
        ("docs/proof.md", 'R', 18),
        ("docs/proof.md", 'I', 13),
    ] {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            eprintln!("{file} is not written yet: skipped");
            continue;
        };
        for number in 1..=count {
            if !has(&text, &format!("{letter}{number}")) {
                wrong.push(format!("{file} has no {letter}{number}"));
            }
        }
    }
    complain(wrong);
}

/// What `docs/proof.md` leans on must be there: files, models and twins, by their names between backticks.
#[test]
fn what_the_proof_names_is_there() {
    let text = fs::read_to_string(root().join("docs/proof.md")).unwrap();
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let twins: String =
        ["src", "loom-tests/src"].into_iter().flat_map(sources).map(|(_, text)| text).collect();
    let mut wrong = Vec::new();
    let (mut files, mut names) = (0, 0);
    for name in quoted {
        let word = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if name.contains('/') && !name.starts_with("..") && !name.contains(' ') {
            files += 1;
            if !root().join(name).exists() {
                wrong.push(format!("there is no {name}"));
            }
        } else if word && name.contains('_') {
            names += 1;
            let scene = format!("{name}.rs");
            let model = ["models", "recycling"]
                .map(|folder| root().join("loom-tests/tests").join(folder).join(&scene));
            if !model.iter().any(|path| path.exists())
                && !twins.contains(&format!("\"{name}\""))
                && !root().join("tests/properties").join(&scene).exists()
                && !["rust_decimal"].contains(&name)
            {
                wrong.push(format!("there is no model and no twin {name}"));
            }
        }
    }
    complain(wrong);
    assert!(files > 10 && names > 50, "{files} files and {names} names were looked for");
}

#[test]
fn this_reading_of_sources_sees_what_it_should() {
    let text =
        "let a = \"std::sync::Mutex\"; // Instant\nuse std::time::Instant;\nlet c = '\"'; let d = f64::MAX;";
    let code = code(text);
    assert!(!names(&code[0].1, "Mutex") && !names(&code[0].1, "Instant"));
    assert!(names(&code[1].1, "Instant") && !names("Instantly", "Instant") && !names("my_f64", "f64"));
    assert!(names(&code[2].1, "f64"));
    assert_eq!(crate_paths("use crate::{book::Book, model};")[1].1, "model");
}
