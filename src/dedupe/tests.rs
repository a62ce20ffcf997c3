use super::memory::ENTRY_BYTES;
use super::*;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::advance;

const WINDOW: Duration = Duration::from_secs(600);
const MANY: Bounds = Bounds { entries: 1_000, bytes: 1 << 20 };

fn memory(bounds: Bounds) -> Arc<Memory<&'static str>> {
    Memory::new(bounds)
}

type Texts = Arc<Memory<&'static str>>;

fn turn(memory: &Texts, key: &str) -> Turn<&'static str> {
    match memory.begin(key, WINDOW, Instant::now()) {
        Begun::Turn(turn) => turn,
        Begun::InFlight(_) => panic!("{key} is in flight"),
        Begun::Succeeded(_) => panic!("{key} has succeeded"),
    }
}

fn waiting(memory: &Texts, key: &str) -> Waiting<&'static str> {
    match memory.begin(key, WINDOW, Instant::now()) {
        Begun::InFlight(waiting) => waiting,
        _ => panic!("{key} is not in flight"),
    }
}

fn end(memory: &Texts, key: &str, fate: Fate) -> Option<u64> {
    turn(memory, key).end(fate, "kept", 0, Instant::now())
}

fn is_duplicate(memory: &Texts, key: &str, window: Duration) -> bool {
    matches!(memory.begin(key, window, Instant::now()), Begun::Succeeded(_))
}

#[tokio::test(start_paused = true)]
async fn what_succeeded_is_a_duplicate_until_its_window_ends() {
    let memory = memory(MANY);
    end(&memory, "a", Fate::Succeeded);
    assert!(!is_duplicate(&memory, "b", WINDOW));
    advance(WINDOW - Duration::from_millis(1)).await;
    assert!(is_duplicate(&memory, "a", WINDOW));
    advance(Duration::from_millis(1)).await;
    assert!(!is_duplicate(&memory, "a", WINDOW));
    assert_eq!(memory.size(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_changed_window_holds_for_what_is_remembered_already() {
    let memory = memory(MANY);
    end(&memory, "a", Fate::Succeeded);
    advance(Duration::from_secs(60)).await;
    assert!(is_duplicate(&memory, "a", Duration::from_secs(61)));
    assert!(!is_duplicate(&memory, "a", Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn what_failed_in_part_runs_again_with_what_was_kept() {
    let memory = memory(MANY);
    let first = turn(&memory, "a");
    assert_eq!(first.before(), None);
    first.end(Fate::Partly, "billing is done", 0, Instant::now());
    let second = turn(&memory, "a");
    assert_eq!(second.before(), Some(&"billing is done"));
    second.end(Fate::Succeeded, "all is done", 0, Instant::now());
    assert!(is_duplicate(&memory, "a", WINDOW));
    end(&memory, "b", Fate::Partly);
    advance(WINDOW).await;
    assert_eq!(turn(&memory, "b").before(), None);
}

#[tokio::test(start_paused = true)]
async fn what_failed_whole_is_forgotten() {
    let memory = memory(MANY);
    end(&memory, "a", Fate::Failed);
    assert_eq!(memory.size(), (0, 0));
    assert_eq!(turn(&memory, "a").before(), None);
}

#[tokio::test(start_paused = true)]
async fn repeats_of_what_is_in_flight_get_its_end() {
    let memory = memory(MANY);
    let first = turn(&memory, "a");
    let joined: Vec<_> = (0..4).map(|_| tokio::spawn(waiting(&memory, "a").ended())).collect();
    yield_now().await;
    assert!(joined.iter().all(|joined| !joined.is_finished()));
    first.end(Fate::Failed, "no", 0, Instant::now());
    for joined in joined {
        assert_eq!(joined.await.unwrap().as_deref(), Some(&"no"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_in_flight_outlives_its_window() {
    let memory = memory(MANY);
    let first = turn(&memory, "a");
    advance(WINDOW * 2).await;
    drop(waiting(&memory, "a"));
    first.end(Fate::Succeeded, "late", 0, Instant::now());
    assert!(is_duplicate(&memory, "a", WINDOW));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_dropped_gives_its_id_back_and_wakes_who_waits() {
    let memory = memory(MANY);
    end(&memory, "a", Fate::Partly);
    let dropped = turn(&memory, "a");
    let joined = waiting(&memory, "a");
    let panicked = tokio::spawn(async move {
        let _held = dropped;
        panic!("as asked");
    });
    assert!(panicked.await.is_err());
    assert_eq!(joined.ended().await, None);
    assert_eq!(turn(&memory, "a").before(), Some(&"kept"), "what was done before is still done");
    drop(turn(&memory, "b"));
    assert_eq!(memory.size().0, 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_go_first_and_that_is_said_once_in_a_while() {
    let memory = memory(Bounds { entries: 3, ..MANY });
    for key in ["a", "b", "c"] {
        assert_eq!(end(&memory, key, Fate::Succeeded), None);
    }
    assert_eq!(end(&memory, "d", Fate::Succeeded), Some(1));
    assert!(!is_duplicate(&memory, "a", WINDOW));
    assert!(["b", "c", "d"].iter().all(|key| is_duplicate(&memory, key, WINDOW)));
    assert_eq!((end(&memory, "e", Fate::Succeeded), end(&memory, "f", Fate::Succeeded)), (None, None));
    advance(Duration::from_secs(60)).await;
    assert_eq!(end(&memory, "g", Fate::Succeeded), Some(3));
    assert_eq!(memory.size(), (3, 3 * ENTRY_BYTES));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_id_is_as_new_as_its_last_end() {
    let memory = memory(Bounds { entries: 2, ..MANY });
    end(&memory, "a", Fate::Partly);
    end(&memory, "b", Fate::Succeeded);
    end(&memory, "a", Fate::Succeeded);
    end(&memory, "c", Fate::Succeeded);
    assert!(is_duplicate(&memory, "a", WINDOW) && !is_duplicate(&memory, "b", WINDOW));
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_and_the_newest_stays_whatever_its_size() {
    let memory = memory(Bounds { entries: 100, bytes: 2 * (ENTRY_BYTES + 50) });
    let store = |key: &str, bytes| turn(&memory, key).end(Fate::Succeeded, "kept", bytes, Instant::now());
    assert_eq!((store("a", 50), store("b", 50)), (None, None));
    assert_eq!(store("c", 50), Some(1));
    assert!(!is_duplicate(&memory, "a", WINDOW) && is_duplicate(&memory, "b", WINDOW));
    store("d", 10_000);
    assert_eq!(memory.size(), (1, ENTRY_BYTES + 10_000));
    assert!(is_duplicate(&memory, "d", WINDOW));
    store("e", 0);
    assert_eq!(memory.size(), (1, ENTRY_BYTES));
}

#[tokio::test(start_paused = true)]
async fn ids_in_flight_are_never_forgotten() {
    let memory = memory(Bounds { entries: 1, ..MANY });
    let first = turn(&memory, "a");
    for number in 0..100 {
        end(&memory, &number.to_string(), Fate::Succeeded);
    }
    drop(waiting(&memory, "a"));
    first.end(Fate::Succeeded, "done", 0, Instant::now());
    assert!(is_duplicate(&memory, "a", WINDOW));
}

#[tokio::test(start_paused = true)]
async fn every_route_has_a_memory_of_its_own_that_stays_while_something_in_it_counts() {
    let memories: Memories<&'static str> = Memories::new(MANY);
    let of = |route: &str| memories.of(&Arc::from(route), Instant::now());
    end(&of("one"), "a", Fate::Succeeded);
    assert!(!is_duplicate(&of("two"), "a", WINDOW));
    assert!(is_duplicate(&of("one"), "a", WINDOW));
    let routes = || memories.by_route.lock().unwrap().len();
    assert_eq!((routes(), drop(of("three"))), (2, ()));
    assert!(is_duplicate(&of("one"), "a", WINDOW), "a new route takes nothing from the others");
    advance(WINDOW).await;
    drop(of("four"));
    assert_eq!(routes(), 1, "what no route has used for a window is gone");
}
