use super::*;
use std::fs;
use std::os::unix::fs::symlink;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(folder: &tempfile::TempDir) -> Snapshot {
    Folder::find(Some(folder.path())).read()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files.iter().map(|file| file.shown.as_str()).collect()
}

#[test]
fn routes_tests_and_settings_are_found_in_order() {
    let folder = folder(&[
        ("routes.d/b.yaml", "b"),
        ("routes.d/a.yml", "a"),
        ("routes.d/team/c.yaml", "c"),
        ("routes.d/a.test.yaml", "t"),
        ("routes.d/notes.txt", "no"),
        ("routes.d/.hidden.yaml", "no"),
        ("routes.d/.git/x.yaml", "no"),
        ("docker-compose.yaml", "no"),
        ("hookswitch.yaml", "s"),
    ]);
    let snapshot = read(&folder);
    assert_eq!(
        names(&snapshot),
        ["hookswitch.yaml", "routes.d/a.test.yaml", "routes.d/a.yml", "routes.d/b.yaml", "routes.d/team/c.yaml"]
    );
    let roles: Vec<_> = snapshot.files.iter().map(|file| file.role).collect();
    assert_eq!(roles, [Role::Settings, Role::Test, Role::Route, Role::Route, Role::Route]);
    assert_eq!(snapshot.files.iter().map(File::stem).collect::<Vec<_>>(), ["hookswitch", "a", "a", "b", "c"]);
    assert_eq!(snapshot.problems, []);
}

#[test]
fn a_mounted_config_map_is_read_once() {
    let folder = folder(&[("routes.d/..2026_01/a.yaml", "a"), ("routes.d/..2026_01/b.yaml", "b")]);
    let routes = folder.path().join("routes.d");
    symlink("..2026_01", routes.join("..data")).unwrap();
    symlink("..data/a.yaml", routes.join("a.yaml")).unwrap();
    symlink("..data/b.yaml", routes.join("b.yaml")).unwrap();
    symlink("a.yaml", routes.join("z-again.yaml")).unwrap();
    let before = read(&folder);
    assert_eq!(names(&before), ["routes.d/a.yaml", "routes.d/b.yaml"]);

    fs::create_dir(routes.join("..2026_02")).unwrap();
    fs::write(routes.join("..2026_02/a.yaml"), "changed").unwrap();
    fs::write(routes.join("..2026_02/b.yaml"), "b").unwrap();
    symlink("..2026_02", routes.join("..data_tmp")).unwrap();
    fs::rename(routes.join("..data_tmp"), routes.join("..data")).unwrap();
    let after = read(&folder);
    assert_eq!(after.files[0].text, "changed");
}

#[test]
fn links_in_circles_are_harmless() {
    let folder = folder(&[("routes.d/a.yaml", "a")]);
    symlink("..", folder.path().join("routes.d/up")).unwrap();
    symlink("self", folder.path().join("routes.d/self")).unwrap();
    symlink("self.yaml", folder.path().join("routes.d/self.yaml")).unwrap();
    let snapshot = read(&folder);
    assert_eq!(names(&snapshot)[0], "routes.d/a.yaml");
    assert_eq!(snapshot.problems.len(), 1, "the link to itself cannot be read: {:?}", snapshot.problems);
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = folder(&[("routes.d/a.yaml", "a"), ("routes.d/hookswitch.yaml", "")]);
    let routes = folder.path().join("routes.d");
    fs::write(routes.join("latin.yaml"), b"name: ok\nwho: J\xfcrgen\n").unwrap();
    fs::write(routes.join("large.yaml"), vec![b' '; (4 << 20) + 1]).unwrap();
    symlink("nothing", routes.join("lost.yaml")).unwrap();
    symlink("/dev/zero", routes.join("zero.yaml")).unwrap();
    let snapshot = read(&folder);
    let found: Vec<_> = snapshot.problems.iter().map(|problem| (problem.code, problem.file.as_str())).collect();
    assert_eq!(
        found,
        [
            ("settings-misplaced", "routes.d/hookswitch.yaml"),
            ("file", "routes.d/large.yaml"),
            ("not-utf8", "routes.d/latin.yaml"),
            ("file", "routes.d/lost.yaml"),
            ("file", "routes.d/zero.yaml"),
        ]
    );
    assert_eq!((snapshot.problems[2].line, snapshot.problems[2].column), (2, 7));
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let snapshot = Folder::find(Some(Path::new("/nowhere/at/all"))).read();
    assert_eq!((snapshot.problems[0].code, snapshot.files.len()), ("folder", 0));
}

#[test]
fn two_settings_are_an_error() {
    let folder = folder(&[("hookswitch.yaml", ""), ("hookswitch.yml", "")]);
    assert_eq!(read(&folder).problems[0].code, "settings-twice");
}

#[test]
fn files_named_one_by_one_replace_the_routes() {
    let folder = folder(&[("hookswitch.yaml", "s"), ("routes.d/a.yaml", "a"), ("other/b.yaml", "b")]);
    let given = vec![folder.path().join("other"), folder.path().join("routes.d/../routes.d/a.yaml")];
    let snapshot = Folder::find(Some(folder.path())).with_files(given).read();
    assert_eq!(names(&snapshot), ["hookswitch.yaml", "other/b.yaml", "routes.d/../routes.d/a.yaml"]);
    assert!(snapshot.is_partial);
}
