//! The real program, run in a temporary folder.

use super::{PATIENCE, Request, Response};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// Runs a subcommand to its end, in `folder`.
pub fn hookswitch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hookswitch")).args(arguments).current_dir(folder).output().unwrap()
}

pub struct Router {
    child: Child,
    lines: Receiver<String>,
    /// Lines read so far, in order.
    seen: Vec<String>,
    pub webhooks: SocketAddr,
    pub admin: SocketAddr,
    folder: tempfile::TempDir,
}

/// The process is ended by its own id whatever becomes of the test.
impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Router {
    /// Starts with `files` (path and text) and waits until it is ready.
    pub fn start(files: &[(&str, &str)]) -> Router {
        Router::start_with(files, &[], &[])
    }

    pub fn start_with(files: &[(&str, &str)], arguments: &[&str], environment: &[(&str, &str)]) -> Router {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(folder.path(), path, text);
        }
        Router::start_in(folder, arguments, environment)
    }

    pub fn start_in(folder: tempfile::TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Router {
        Router::start_as(Command::new(env!("CARGO_BIN_EXE_hookswitch")), folder, arguments, environment)
    }

    /// With a hosts file of its own, `hosts` in its folder. `None` where the system gives nobody a place of names of their own.
    #[cfg(target_os = "linux")]
    pub fn start_with_hosts(files: &[(&str, &str)]) -> Option<Router> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, text)| write(folder.path(), path, text));
        write(folder.path(), "hosts", "127.0.0.1 localhost\n");
        let bound = format!("mount --bind '{}' /etc/hosts", folder.path().join("hosts").display());
        let tried = Command::new("unshare").args(["-rm", "sh", "-c", &bound]).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            return None;
        }
        let mut command = Command::new("unshare");
        let program = env!("CARGO_BIN_EXE_hookswitch");
        command.args(["-rm", "sh", "-c", &format!("{bound} && exec '{program}' \"$@\""), "sh"]);
        Some(Router::start_as(command, folder, &[], &[]))
    }

    fn start_as(
        mut command: Command,
        folder: tempfile::TempDir,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Router {
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "-c"])
            .arg(folder.path())
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut router = Router { child, lines, seen: Vec::new(), webhooks: nowhere, admin: nowhere, folder };
        router.webhooks = router.listener("webhooks");
        router.admin = router.listener("admin");
        router.wait_for(|line| line["message"] == "ready");
        router
    }

    fn listener(&mut self, name: &str) -> SocketAddr {
        let line = self.wait_for(|line| line["message"] == "listening" && line["listener"] == name);
        line["address"].as_str().unwrap().parse().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a file as an editor does: whole, by renaming.
    pub fn write(&self, path: &str, text: &str) {
        let place: PathBuf = self.folder.path().join(path);
        let beside = place.with_extension("being-written");
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &place).unwrap();
    }

    pub fn send(&self, request: Request) -> Response {
        request.send(self.webhooks)
    }

    pub fn ask_admin(&self, request: Request) -> Response {
        request.header("host", "localhost").send(self.admin)
    }

    /// The first line, of those printed so far or still to come, that fits.
    pub fn wait_for(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut next = 0;
        loop {
            while let Some(line) = self.seen.get(next) {
                next += 1;
                let parsed = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if fits(&parsed) {
                    return parsed;
                }
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no such line within {PATIENCE:?}; it printed:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Lines printed so far fit no more: what is waited for next has not happened yet.
    pub fn forget(&mut self) {
        self.seen.clear();
        while self.lines.try_recv().is_ok() {}
    }

    /// The most memory that the process has had in use at once, in bytes; `None` where the system does not tell.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Ends it as a crash does. The folder is for the next.
    pub fn kill(mut self) -> tempfile::TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Waits for the process to end by itself, and gives what it printed.
    pub fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it did not end within {PATIENCE:?}");
            std::thread::yield_now();
        };
        let mut lines = std::mem::take(&mut self.seen);
        lines.extend(self.lines.iter());
        (status, lines)
    }
}

pub fn write(folder: &Path, path: &str, text: &str) {
    let place = folder.join(path);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, text).unwrap();
}
