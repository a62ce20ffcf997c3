//! `hookswitch test`: the examples beside the routes, run offline.

use super::offline::{self, Offline};
use crate::config::Written;
use crate::config::spec::{TestFileSpec, TestSpec};
use crate::examples::{self, Failure};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Only examples whose name or file contains this
    filter: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
    Junit,
}

/// One example, run.
#[derive(Debug, Serialize)]
struct Result {
    name: String,
    file: String,
    line: u32,
    ok: bool,
    /// Every difference, a line each; empty when it passed.
    message: String,
}

#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    passed: usize,
    failed: usize,
    tests: &'r [Result],
}

pub fn run(args: Args) -> ExitCode {
    let Some(offline) = offline::load(args.config.as_deref()) else { return ExitCode::FAILURE };
    let mut results = Vec::new();
    for file in &offline.loaded.tests {
        for (position, test) in file.spec.tests.iter().enumerate() {
            let wanted = |filter: &String| test.name.contains(filter.as_str()) || file.file.contains(filter.as_str());
            if args.filter.as_ref().is_none_or(wanted) {
                let place = offline.loaded.sources.place(file.document, &format!("/tests/{position}"), false);
                let path = offline.folder.join(&file.file);
                results.push(run_one(&offline, file, test, path.parent().unwrap_or(&offline.folder), place.line));
            }
        }
    }
    let failed = results.iter().filter(|result| !result.ok).count();
    let report = Report { version: 1, passed: results.len() - failed, failed, tests: &results };
    let printed = match args.format {
        Format::Human => human(&report, args.filter.as_deref()),
        Format::Json => super::json(&report),
        Format::Junit => junit(&report),
    };
    let told = super::print(&printed);
    if failed == 0 { told } else { ExitCode::FAILURE }
}

fn run_one(offline: &Offline, file: &Written<TestFileSpec>, test: &TestSpec, folder: &Path, line: u32) -> Result {
    let failures = examples::run(&offline.rehearsal, test, folder);
    let message: Vec<String> = failures.iter().map(Failure::to_string).collect();
    Result {
        name: test.name.clone(),
        file: file.file.clone(),
        line,
        ok: failures.is_empty(),
        message: offline.hidden(&message.join("\n")),
    }
}

fn human(report: &Report<'_>, filter: Option<&str>) -> String {
    let mut out = Vec::new();
    let mut last_file = "";
    for test in report.tests {
        if test.file != last_file {
            last_file = &test.file;
            let _ = writeln!(out, "{last_file}");
        }
        let mark = if test.ok { "ok  " } else { "FAIL" };
        let _ = writeln!(out, "  {mark} {}", test.name);
        if !test.ok {
            let _ = writeln!(out, "       at {}:{}", test.file, test.line);
            for line in test.message.lines() {
                let _ = writeln!(out, "       {line}");
            }
        }
    }
    if report.tests.is_empty() {
        let _ = match filter {
            Some(filter) => writeln!(out, "no example's name or file contains `{filter}`"),
            None => writeln!(out, "no examples: write some beside the routes, in routes.d/NAME.test.yaml"),
        };
    }
    let _ = writeln!(out, "{} passed, {} failed", report.passed, report.failed);
    String::from_utf8_lossy(&out).into_owned()
}

/// The JUnit dialect that CI systems read: suites by file, a failure's text in its element.
fn junit(report: &Report<'_>) -> String {
    let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let total = report.tests.len();
    out.push_str(&format!("<testsuites tests=\"{total}\" failures=\"{}\">\n", report.failed));
    for tests in report.tests.chunk_by(|left, right| left.file == right.file) {
        let Some(first) = tests.first() else { continue };
        let failures = tests.iter().filter(|test| !test.ok).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">\n",
            escape(&first.file),
            tests.len()
        ));
        for test in tests {
            let (name, file, line) = (escape(&test.name), escape(&test.file), test.line);
            out.push_str(&format!(
                "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\""
            ));
            if test.ok {
                out.push_str("/>\n");
            } else {
                out.push_str(&format!(">\n      <failure>{}</failure>\n    </testcase>\n", escape(&test.message)));
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
