//! Tells the report which compiler and which commit it is of.

use std::process::Command;

fn main() {
    let said = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
        output
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .map_or_else(String::new, |s| s.trim().to_owned())
    };
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    println!("cargo::rustc-env=POSBOOK_COMPILER={}", said(&rustc, &["--version"]));
    println!("cargo::rustc-env=POSBOOK_COMMIT={}", said("git", &["rev-parse", "--short", "HEAD"]));
    println!("cargo::rerun-if-changed=build.rs");
    // Where there is no repository, cargo looks whether this appears.
    println!("cargo::rerun-if-changed=../.git/logs/HEAD");
}
