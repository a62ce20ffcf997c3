use super::*;
use crate::clock::Clock;
use crate::diagnostic::Severity;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Long enough for any machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

fn diagnostic(message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "test",
        message: message.into(),
        file: "a.yaml".into(),
        line: 1,
        column: 2,
        pointer: String::new(),
        help: None,
        span: None,
        source: None,
        related: None,
    }
}

/// A configuration as simple as can be: all files of `routes.d` in one text. `bad` anywhere is an error, `secret` lines
/// name a file beside the tree.
fn load(folder: &Path) -> Loaded<String> {
    let mut paths: Vec<_> = fs::read_dir(folder.join("routes.d")).into_iter().flatten().flatten().collect();
    paths.retain(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    paths.sort_by_key(fs::DirEntry::file_name);
    let mut errors = Vec::new();
    let mut files = Vec::new();
    let mut text = String::new();
    for entry in &paths {
        match fs::read_to_string(entry.path()) {
            Ok(content) => text.push_str(&content),
            Err(error) => errors.push(diagnostic(&error.to_string())),
        }
    }
    let named: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("secret ")).map(|name| folder.join(name)).collect();
    for secret in named {
        match fs::read_to_string(&secret) {
            Ok(content) => text.push_str(&content),
            Err(error) => errors.push(diagnostic(&error.to_string())),
        }
        files.push(secret);
    }
    if text.contains("bad") || paths.is_empty() {
        errors.push(diagnostic("bad configuration"));
    }
    Loaded { value: if errors.is_empty() { Ok(text) } else { Err(errors) }, warnings: Vec::new(), files }
}

struct Running {
    folder: TempDir,
    handle: Handle<String>,
    outcomes: Arc<Mutex<Vec<&'static str>>>,
    _stop: DropGuard,
}

/// `slow` leaves only events as a trigger, `fast` leaves looking as the quick one.
fn timing(poll: Duration) -> Timing {
    Timing { settle: Duration::from_millis(10), poll }
}

const SLOW: Duration = Duration::from_secs(3600);
const FAST: Duration = Duration::from_millis(30);

fn start_with(
    folder: TempDir,
    poll: Duration,
    watching: bool,
    load: impl Fn() -> Loaded<String> + Send + Sync + 'static,
) -> Running {
    let stop = CancellationToken::new();
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let counted = Arc::clone(&outcomes);
    let reloader = Reloader::first(Inputs::of_folder(folder.path()), timing(poll), Clock::System, load)
        .unwrap()
        .counted_by(move |outcome| counted.lock().unwrap().push(outcome.name()));
    let handle = reloader.handle();
    tokio::spawn(reloader.run(watching, stop.clone()));
    Running { folder, handle, outcomes, _stop: stop.drop_guard() }
}

fn folder(route: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    fs::write(folder.path().join("routes.d/a.yaml"), route).unwrap();
    folder
}

fn start(folder: TempDir, poll: Duration) -> Running {
    let path = folder.path().to_owned();
    start_with(folder, poll, true, move || load(&path))
}

impl Running {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn text(&self) -> String {
        self.handle.live().load().value.clone()
    }

    async fn until(&self, condition: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.handle.subscribe();
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(condition)).await;
        waited.unwrap_or_else(|_| panic!("still {:?}", self.handle.status())).unwrap().clone()
    }

    async fn until_text(&self, text: &str) {
        let live = self.handle.live().clone();
        self.until(move |_| live.load().value == text).await;
    }
}

#[tokio::test]
async fn a_change_is_noticed_by_its_event() {
    let running = start(folder("one"), SLOW);
    // The first tick of the interval arms the watch; a reload that was asked for comes after it.
    assert_eq!(running.handle.reload().await, Some(ReloadOutcome::Unchanged { generation: 1 }));
    running.write("routes.d/a.yaml", "two");
    running.until_text("two").await;
    running.write("routes.d/b.yaml", "three");
    running.until_text("twothree").await;
    running.write("hookswitch.yaml", "log: {}");
    running.until(|status| status.generation == 4).await;
    assert_eq!(running.outcomes.lock().unwrap()[1..], ["applied"; 3]);
}

#[tokio::test]
async fn a_change_is_noticed_without_any_event() {
    // A file that is written under another name of it sends no event to the directory that is watched.
    let folder = folder("one");
    let elsewhere = TempDir::new_in(folder.path()).unwrap();
    let other_name = elsewhere.path().join("a.yaml");
    fs::hard_link(folder.path().join("routes.d/a.yaml"), &other_name).unwrap();
    let running = start(folder, FAST);
    fs::write(&other_name, "two").unwrap();
    running.until_text("two").await;
}

/// Does what the kubelet does to a mounted ConfigMap: a new directory, `..data` renamed onto it, links for new names, the
/// old directory removed.
#[cfg(unix)]
fn swap(folder: &Path, stamp: usize, content: &str) {
    use std::os::unix::fs::symlink;
    let routes = folder.join("routes.d");
    let new = format!("..2026_11_22_{stamp:06}");
    fs::create_dir(routes.join(&new)).unwrap();
    fs::write(routes.join(&new).join("a.yaml"), content).unwrap();
    let data = routes.join("..data");
    let old = fs::read_link(&data).ok();
    symlink(&new, routes.join("..data_tmp")).unwrap();
    fs::rename(routes.join("..data_tmp"), &data).unwrap();
    let link = routes.join("a.yaml");
    if link.symlink_metadata().is_err() {
        symlink("..data/a.yaml", &link).unwrap();
    }
    if let Some(old) = old {
        fs::remove_dir_all(routes.join(old)).unwrap();
    }
}

#[tokio::test]
#[cfg(unix)]
async fn a_hundred_config_map_swaps_are_all_noticed_by_events() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    swap(folder.path(), 0, "swap 0");
    let running = start(folder, SLOW);
    running.handle.reload().await;
    for stamp in 1..=100 {
        swap(running.folder.path(), stamp, &format!("swap {stamp}"));
        running.until_text(&format!("swap {stamp}")).await;
    }
    assert_eq!(running.handle.status().generation, 101);
}

#[tokio::test]
#[cfg(unix)]
async fn a_link_far_away_is_followed_to_where_it_is_changed() {
    use std::os::unix::fs::symlink;
    // As git-sync does it: `routes.d` is a link to `current/routes.d`, `current` is a link that is replaced.
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    for (revision, text) in [("r1", "one"), ("r2", "two")] {
        fs::create_dir_all(elsewhere.path().join(revision).join("routes.d")).unwrap();
        fs::write(elsewhere.path().join(revision).join("routes.d/a.yaml"), text).unwrap();
    }
    symlink("r1", elsewhere.path().join("current")).unwrap();
    symlink(elsewhere.path().join("current/routes.d"), folder.path().join("routes.d")).unwrap();
    let running = start(folder, SLOW);
    running.handle.reload().await;
    symlink("r2", elsewhere.path().join("next")).unwrap();
    fs::rename(elsewhere.path().join("next"), elsewhere.path().join("current")).unwrap();
    running.until_text("two").await;
}

#[tokio::test]
async fn the_same_content_again_is_no_reload() {
    let running = start(folder("one"), FAST);
    running.write("routes.d/a.yaml", "one");
    running.write("routes.d/.hidden.yaml", "bad");
    running.write("routes.d/a.yaml", "two");
    running.until_text("two").await;
    assert_eq!(*running.outcomes.lock().unwrap(), ["applied"]);
}

#[tokio::test]
async fn a_bad_one_is_rejected_and_the_old_one_stays_until_it_is_mended() {
    let running = start(folder("one"), FAST);
    running.write("routes.d/a.yaml", "bad");
    let status = running.until(|status| !status.last.is_good()).await;
    let ReloadOutcome::Rejected { generation: 1, diagnostics } = &status.last else { panic!("{status:?}") };
    assert_eq!(diagnostics[0].message, "bad configuration");
    assert_eq!((running.text().as_str(), status.generation), ("one", 1));
    running.write("routes.d/a.yaml", "two");
    running.until_text("two").await;
    assert_eq!(*running.outcomes.lock().unwrap(), ["rejected", "applied"]);
}

#[tokio::test]
async fn going_back_to_what_runs_is_said() {
    let running = start(folder("one"), FAST);
    running.write("routes.d/a.yaml", "bad");
    running.until(|status| !status.last.is_good()).await;
    running.write("routes.d/a.yaml", "one");
    let status = running.until(|status| status.last.is_good()).await;
    assert_eq!(status.last, ReloadOutcome::Unchanged { generation: 1 });
}

#[tokio::test]
async fn a_folder_that_has_vanished_is_rejected_and_found_again() {
    let running = start(folder("one"), SLOW);
    running.handle.reload().await;
    fs::remove_dir_all(running.folder.path().join("routes.d")).unwrap();
    running.until(|status| !status.last.is_good()).await;
    assert_eq!(running.text(), "one");
    fs::create_dir(running.folder.path().join("routes.d")).unwrap();
    running.write("routes.d/a.yaml", "two");
    running.until_text("two").await;
    // The new directory is watched, not the one that has gone.
    running.write("routes.d/a.yaml", "three");
    running.until_text("three").await;
}

#[tokio::test]
async fn a_passing_reason_heals_without_anything_changing_on_disk() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let trouble = Arc::new(AtomicBool::new(false));
    let troubled = Arc::clone(&trouble);
    let running = start_with(folder, FAST, true, move || match troubled.load(Ordering::Relaxed) {
        true => Loaded { value: Err(vec![diagnostic("passing")]), warnings: vec![], files: vec![] },
        false => load(&path),
    });
    trouble.store(true, Ordering::Relaxed);
    running.write("routes.d/a.yaml", "two");
    running.until(|status| !status.last.is_good()).await;
    trouble.store(false, Ordering::Relaxed);
    running.until_text("two").await;
    // Tried many times, said once.
    assert_eq!(*running.outcomes.lock().unwrap(), ["rejected", "applied"]);
}

#[tokio::test]
async fn secrets_are_watched_wherever_they_lie_also_before_they_exist() {
    let folder = folder("secret ../missing-secret-of-this-test\n");
    let secret = folder.path().join("../missing-secret-of-this-test");
    let path = folder.path().to_owned();
    assert!(Reloader::first(Inputs::of_folder(&path), timing(SLOW), Clock::System, move || load(&path)).is_err());
    assert!(!secret.exists());

    let elsewhere = TempDir::new().unwrap();
    let token = elsewhere.path().join("token");
    fs::write(&token, "first").unwrap();
    fs::write(folder.path().join("routes.d/a.yaml"), format!("secret {}\n", token.display())).unwrap();
    let running = start(folder, SLOW);
    running.handle.reload().await;
    fs::write(&token, "second").unwrap();
    running.until(|status| status.generation == 2).await;
    assert!(running.text().ends_with("second"));
    fs::remove_file(&token).unwrap();
    running.until(|status| !status.last.is_good()).await;
    fs::write(&token, "third").unwrap();
    running.until(|status| status.generation == 3).await;
    assert!(running.text().ends_with("third"));
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let meddling = Arc::new(AtomicU64::new(0));
    let meddler = Arc::clone(&meddling);
    let loads = Arc::new(Mutex::new(Vec::new()));
    let read = Arc::clone(&loads);
    let running = start_with(folder, FAST, true, move || {
        let loaded = load(&path);
        if let Ok(text) = &loaded.value {
            read.lock().unwrap().push(text.clone());
        }
        if meddler.load(Ordering::Relaxed) == 1 {
            meddler.store(0, Ordering::Relaxed);
            fs::write(path.join("routes.d/a.yaml"), "two, whole").unwrap();
        }
        loaded
    });
    meddling.store(1, Ordering::Relaxed);
    running.write("routes.d/a.yaml", "two");
    running.until_text("two, whole").await;
    assert_eq!(*running.outcomes.lock().unwrap(), ["applied"], "the half was never applied");
    assert!(loads.lock().unwrap().contains(&"two".to_owned()), "although it was read");
}

#[tokio::test]
async fn files_that_never_rest_are_not_read() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let count = AtomicU64::new(0);
    let running = start_with(folder, SLOW, false, move || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        if n > 0 {
            fs::write(path.join("routes.d/a.yaml"), n.to_string()).unwrap();
        }
        load(&path)
    });
    assert_eq!(running.handle.reload().await, Some(ReloadOutcome::Unsettled { generation: 1 }));
    assert_eq!(running.text(), "one");
}

#[tokio::test]
async fn a_panic_while_loading_costs_only_that_load() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let running = start_with(folder, SLOW, false, move || {
        let loaded = load(&path);
        assert!(!loaded.value.as_ref().is_ok_and(|text| text == "panic"), "as asked");
        loaded
    });
    running.write("routes.d/a.yaml", "panic");
    assert_eq!(running.handle.reload().await, Some(ReloadOutcome::Crashed { generation: 1 }));
    running.write("routes.d/a.yaml", "two");
    assert_eq!(running.handle.reload().await, Some(ReloadOutcome::Applied { generation: 2 }));
}

#[tokio::test]
async fn without_watching_only_asking_reloads() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let running = start_with(folder, FAST, false, move || load(&path));
    running.write("routes.d/a.yaml", "two");
    assert_eq!(running.text(), "one");
    assert_eq!(running.handle.reload().await, Some(ReloadOutcome::Applied { generation: 2 }));
    running.write("routes.d/a.yaml", "bad");
    assert!(matches!(running.handle.reload().await, Some(ReloadOutcome::Rejected { generation: 2, .. })));
    assert_eq!((running.text().as_str(), running.handle.status().generation), ("two", 2));
}

#[tokio::test]
#[cfg(unix)]
async fn sighup_rereads_disk_and_secrets() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let running = start_with(folder, SLOW, false, move || load(&path));
    // The answer shows that the loop runs, and with it the handler: before that a SIGHUP would end this process.
    running.handle.reload().await;
    running.write("routes.d/a.yaml", "two");
    let sent = std::process::Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status().unwrap();
    assert!(sent.success());
    running.until_text("two").await;
}

#[tokio::test]
async fn who_holds_a_generation_keeps_it() {
    let running = start(folder("one"), FAST);
    let held = running.handle.live().load();
    running.write("routes.d/a.yaml", "two");
    running.until_text("two").await;
    assert_eq!((held.value.as_str(), held.number), ("one", 1));
}

#[tokio::test]
async fn a_reloader_that_has_ended_says_so() {
    let folder = folder("one");
    let path = folder.path().to_owned();
    let reloader = Reloader::first(Inputs::of_folder(&path), timing(SLOW), Clock::System, move || load(&path)).unwrap();
    let handle = reloader.handle();
    let stop = CancellationToken::new();
    stop.cancel();
    reloader.run(true, stop).await;
    assert_eq!(handle.reload().await, None);
}

/// Reading is what every look does: a watch that took it for a change would never rest.
#[test]
fn reading_is_no_hint_to_look() {
    use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind};
    let access = |kind| watch::may_be_a_change(EventKind::Access(kind));
    let reading = [
        AccessKind::Any,
        AccessKind::Read,
        AccessKind::Open(AccessMode::Any),
        AccessKind::Open(AccessMode::Read),
        AccessKind::Close(AccessMode::Read),
    ];
    assert!(!reading.into_iter().any(access));
    assert!(access(AccessKind::Close(AccessMode::Write)));
    let changes = [
        EventKind::Any,
        EventKind::Other,
        EventKind::Create(CreateKind::Any),
        EventKind::Modify(ModifyKind::Any),
        EventKind::Remove(RemoveKind::Any),
    ];
    assert!(changes.into_iter().all(watch::may_be_a_change));
}

#[test]
fn a_digest_tells_contents_names_and_absence_apart() {
    let folder = folder("one");
    let inputs = Inputs::of_folder(folder.path());
    let mut digests = vec![inputs.digest()];
    let mut note = |inputs: &Inputs| digests.push(inputs.digest());
    fs::write(folder.path().join("hookswitch.yaml"), "").unwrap();
    note(&inputs);
    fs::rename(folder.path().join("routes.d/a.yaml"), folder.path().join("routes.d/b.yaml")).unwrap();
    note(&inputs);
    fs::write(folder.path().join("routes.d/a.yaml"), "").unwrap();
    note(&inputs);
    fs::remove_dir_all(folder.path().join("routes.d")).unwrap();
    note(&inputs);
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    note(&inputs);
    let distinct: std::collections::HashSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len());
}

#[test]
#[cfg(unix)]
fn loops_of_links_end() {
    use std::os::unix::fs::symlink;
    let folder = folder("one");
    symlink("..", folder.path().join("routes.d/up")).unwrap();
    symlink("self.yaml", folder.path().join("routes.d/self.yaml")).unwrap();
    let inputs = Inputs::of_folder(folder.path());
    assert_eq!(inputs.digest(), inputs.digest());
    assert!(inputs.directories().contains(&folder.path().join("routes.d")));
}

#[test]
fn an_outcome_is_json_for_who_asked() {
    let outcome = ReloadOutcome::Rejected { generation: 3, diagnostics: vec![diagnostic("no")].into() };
    let json = serde_json::to_value(outcome).unwrap();
    assert_eq!((&json["outcome"], &json["generation"]), (&"rejected".into(), &3.into()));
    assert_eq!(json["diagnostics"][0]["message"], "no");
}
