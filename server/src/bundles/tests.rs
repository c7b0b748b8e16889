use bienban_core::checklist::TEA;
use bienban_core::model::Timestamp;
use bienban_core::replica::{HubOptions, Projection};
use bienban_core::store::MemoryStore;
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::bundle::{LetterWriter, begin};

use super::*;
use crate::cli::bundle::code_of_rest;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

/// A hub that knows device 1.
fn hub() -> Arc<Hub> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [9; 16], now: NOW };
    let hub = Hub::open(store, key(99), options).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    let entry = PlainEntry {
        device: key(1).device(),
        name: "Lan".to_owned(),
        agency: "Y tế".to_owned(),
        role: Role::Inspector,
        scopes: vec!["06325".parse().unwrap()],
        active: true,
    };
    hub.trust(entry).unwrap();
    Arc::new(hub)
}

/// A letter of device 1 with one pack that nobody can read: a greeting that says nothing, and kind 2.
fn unreadable() -> Vec<u8> {
    let (mut file, maker) = (Vec::new(), key(1));
    begin(&mut file).unwrap();
    let mut letter = LetterWriter::new(&mut file, &maker, key(99).device(), NOW, &[3; 32]).unwrap();
    letter.part(&[0; 6]).unwrap();
    letter.part(&[2, 3, 7, 7, 7]).unwrap();
    letter.finish().unwrap();
    file
}

#[test]
fn a_file_of_which_not_all_is_at_the_hub_is_kept_with_its_answer_and_the_reason() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = dir.join(WORK).join("one");
    folder_of(&path).unwrap();
    fs::write(&path, unreadable()).unwrap();
    take_in(&hub, dir, &path).unwrap();
    let report: Report =
        serde_json::from_slice(&fs::read(dir.join(OUT).join("one.json")).unwrap()).unwrap();
    assert_eq!((report.packs, report.stored, report.left), (1, 0, 1));
    assert_eq!(report.kept, Some(dir.join(REFUSED).join("one")));
    let why = fs::read_to_string(dir.join(REFUSED).join("one.txt")).unwrap();
    let (vi, en) = why.split_once("\n\n").unwrap();
    assert!(vi.starts_with("máy chủ chưa có 1 trong 1 gói thay đổi: không đọc được"), "{vi}");
    assert!(en.starts_with("1 of 1 pack is not at the hub: they cannot be read"), "{en}");
    assert!(dir.join(OUT).join("one").exists(), "there is an answer all the same");
    assert_eq!(code_of_rest(report.failure), 1);
}

#[test]
fn the_reason_of_a_refusal_is_written_in_both_languages_and_told_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = dir.join(WORK).join("other");
    folder_of(&path).unwrap();
    fs::write(&path, b"something else").unwrap();
    take_in(&hub(), dir, &path).unwrap();
    let why = fs::read_to_string(dir.join(REFUSED).join("other.txt")).unwrap();
    let vi = "đây không phải gói dữ liệu: phần đầu không đúng";
    let en = "this is no bundle: it does not begin as one";
    assert_eq!(why, format!("{vi}\n\n{en}\n"));
    for (lang, said) in [(Lang::Vi, vi), (Lang::En, en)] {
        let outcome = outcome(dir, "other", lang).unwrap();
        assert!(matches!(outcome, Some(Outcome::Refused(why, _)) if why == said), "{lang:?}");
    }
    // What an earlier run of the hub wrote in one language is told as it is.
    fs::write(dir.join(REFUSED).join("other.txt"), b"no bundle").unwrap();
    let outcome = outcome(dir, "other", Lang::Vi).unwrap();
    assert!(matches!(outcome, Some(Outcome::Refused(why, _)) if why == "no bundle"));
}

/// Has the hub refuse these bytes under a name.
fn refused(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(WORK).join(name);
    folder_of(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    take_in(&hub(), dir, &path).unwrap();
    assert!(!path.exists(), "{name}");
}

#[test]
fn the_same_bytes_are_kept_once_however_often_they_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (name, bytes) in [("a", "no bundle"), ("b", "no bundle"), ("c", "no other!")] {
        refused(dir, name, bytes.as_bytes());
        assert!(matches!(outcome(dir, name, Lang::En).unwrap(), Some(Outcome::Refused(..))));
    }
    let kept = |name| match outcome(dir, name, Lang::En).unwrap() {
        Some(Outcome::Refused(_, kept)) => kept,
        other => panic!("{name}: {other:?}"),
    };
    let of = |name| dir.join(REFUSED).join(name);
    assert_eq!([kept("a"), kept("b"), kept("c")], [of("a"), of("a"), of("c")]);
    assert_eq!(kept_of(dir).unwrap().len(), 2);
    // Brought again from there, it lies under the name of then.
    fs::copy(of("a"), dir.join(WORK).join("a")).unwrap();
    take_in(&hub(), dir, &dir.join(WORK).join("a")).unwrap();
    assert_eq!((kept("a"), kept_of(dir).unwrap().len()), (of("a"), 2));
    // As it is of a file of which a part was taken in.
    refused(dir, "d", &unreadable());
    refused(dir, "e", &unreadable());
    let report = |name: &str| -> Report {
        let bytes = fs::read(dir.join(OUT).join(format!("{name}.json"))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    assert_eq!([report("d").kept, report("e").kept], [Some(of("d")), Some(of("d"))]);
}

#[test]
fn where_as_many_lie_as_are_kept_no_other_is_taken_up_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for name in 0..REFUSED_MAX {
        let path = dir.join(REFUSED).join(name.to_string());
        folder_of(&path).unwrap();
        fs::write(&path, name.to_string()).unwrap();
        fs::write(beside(&path, WHY), "why").unwrap();
    }
    assert!(claim(dir).unwrap().is_empty(), "nothing was brought");
    let brought = dir.join(IN).join("one");
    folder_of(&brought).unwrap();
    fs::write(&brought, b"bytes").unwrap();
    assert!(refuses_no_more(dir).unwrap());
    assert!(claim(dir).unwrap_err().to_string().contains("bundles/refused holds 256 files"));
    assert!(brought.exists());
    fs::remove_file(dir.join(REFUSED).join("7")).unwrap();
    assert_eq!(claim(dir).unwrap(), [dir.join(WORK).join("one")]);
}

#[test]
fn no_more_is_taken_up_at_once_than_would_find_room_if_all_of_it_were_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let put = |at: &str, name: &str| {
        let path = dir.join(at).join(name);
        folder_of(&path).unwrap();
        fs::write(path, name).unwrap();
    };
    (0..REFUSED_MAX - 3).for_each(|number| put(REFUSED, &format!("kept-{number}")));
    put(WORK, "stuck");
    (0..7).for_each(|number| put(IN, &format!("brought-{number}")));
    let hub = hub();
    let mut rounds = 0;
    while let Ok(claimed) = claim(dir) {
        assert_eq!(claimed.len(), 2, "as many as there is room for");
        claimed.iter().for_each(|path| take_in(&hub, dir, path).unwrap());
        rounds += 1;
    }
    assert_eq!(rounds, 1);
    assert_eq!(kept_of(dir).unwrap().len(), REFUSED_MAX - 1);
    assert_eq!(fs::read_dir(dir.join(IN)).unwrap().count(), 5, "the others wait");
}

#[test]
fn a_bundle_that_ends_as_a_file_of_the_hub_is_counted_and_kept_once_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let brought = |name: &str, bytes: &str| {
        let path = dir.join(IN).join(name);
        folder_of(&path).unwrap();
        fs::write(path, bytes).unwrap();
        let claimed = claim(dir).unwrap();
        let [path] = &claimed[..] else { panic!("{name} is not taken up: {claimed:?}") };
        let taken = path.file_name().unwrap().to_string_lossy().into_owned();
        take_in(&hub(), dir, path).unwrap();
        taken
    };
    assert_eq!(brought("x.txt", "no bundle"), "x.txt.bundle");
    assert_eq!(kept_of(dir).unwrap(), [dir.join(REFUSED).join("x.txt.bundle")]);
    assert!(dir.join(REFUSED).join("x.txt.bundle.txt").exists(), "the reason");
    // Its bytes are kept once, whatever it is called.
    for name in ["y.txt", "x.again", "x.json", "x.kept", "x"] {
        let taken = brought(name, "no bundle");
        assert_eq!(kept_of(dir).unwrap().len(), 1, "{name}");
        assert!(matches!(outcome(dir, &taken, Lang::En).unwrap(), Some(Outcome::Refused(..))));
    }
    // One that lies there from an earlier program has its reason beside it, and a reason has none.
    for name in ["z.txt", "z.txt.txt", "gone.txt"] {
        fs::write(dir.join(REFUSED).join(name), name).unwrap();
    }
    assert_eq!(kept_of(dir).unwrap().len(), 2);
}

#[test]
fn a_full_hub_is_told_apart_by_the_exit_code() {
    assert_eq!(code_of_rest(Some(FailureCode::Full)), 7);
    for other in [None, Some(FailureCode::Busy), Some(FailureCode::TooLarge)] {
        assert_eq!(code_of_rest(other), 1);
    }
}

#[test]
fn what_nobody_has_taken_up_is_taken_back_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let file = dir.join("brought");
    fs::write(&file, b"bytes").unwrap();
    let first = hand_in(dir, File::open(&file).unwrap()).unwrap();
    assert!(take_back(dir, &first));
    assert!(claim(dir).unwrap().is_empty(), "it is not there any more");
    let second = hand_in(dir, File::open(&file).unwrap()).unwrap();
    assert_eq!(claim(dir).unwrap(), [dir.join(WORK).join(&second)]);
    assert!(!take_back(dir, &second), "the hub is at it");
    assert_eq!(fs::read(dir.join(WORK).join(&second)).unwrap(), b"bytes");
    assert!(file.exists());
}

#[tokio::test]
async fn a_panic_at_one_file_puts_it_aside_and_the_next_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_owned();
    for name in ["bad", "good"] {
        let path = dir.join(IN).join(name);
        folder_of(&path).unwrap();
        fs::write(path, name).unwrap();
    }
    let take = |file: &Path| {
        assert!(fs::read(file)? != b"bad", "a defect of the program");
        fs::remove_file(file)
    };
    let (stop, stopped) = watch::channel(false);
    let watching = tokio::spawn(each(dir.clone(), Arc::new(take), || {}, stopped));
    let (aside, work) = (dir.join(REFUSED).join("bad.txt"), dir.join(WORK));
    for _ in 0..200 {
        let at_work = fs::read_dir(&work).map_or(1, Iterator::count);
        if aside.exists() && at_work == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!watching.is_finished(), "it goes on");
    assert!(fs::read_to_string(&aside).unwrap().contains("failed while it took this in"));
    assert!(dir.join(REFUSED).join("bad").exists());
    assert_eq!(fs::read_dir(&work).unwrap().count(), 0, "the other is taken in");
    stop.send_replace(true);
    watching.await.unwrap();
}

/// Puts files of these names where the hub works, and says of some that it was interrupted at them before.
fn at_work(dir: &Path, names: &[&str], again: &[&str]) -> PathBuf {
    let work = dir.join(WORK);
    fs::create_dir_all(&work).unwrap();
    names.iter().for_each(|name| fs::write(work.join(name), unreadable()).unwrap());
    again.iter().for_each(|name| fs::write(beside(&work.join(name), AGAIN), b"").unwrap());
    work
}

#[test]
fn a_file_that_cannot_be_put_aside_keeps_no_other_from_being_taken_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let work = at_work(dir, &["one", "two", "three"], &["two"]);
    // No folder can be made under this name.
    fs::write(dir.join(REFUSED), b"").unwrap();
    let mut again = interrupted(dir).unwrap();
    again.sort();
    assert_eq!(again, [work.join("one"), work.join("three")]);
    assert!(work.join("two").exists(), "it is where it was");
}

#[test]
fn an_answer_that_an_interrupted_run_had_not_reported_is_given_anew_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let work = at_work(dir, &["one", "two", "twice"], &["twice"]);
    let out = dir.join(OUT);
    fs::create_dir_all(&out).unwrap();
    for name in ["one", "two", "two.1", "twice", "of-another"] {
        fs::write(out.join(name), b"interrupted").unwrap();
    }
    fs::write(out.join("two.json"), b"{}").unwrap();
    for name in ["one", "two", "twice"] {
        assert!(outcome(dir, name, Lang::En).is_ok_and(|it| it.is_none()) || name == "two");
    }
    let again = interrupted(dir).unwrap();
    assert_eq!(again.len(), 2);
    let hub = hub();
    again.iter().for_each(|path| take_in(&hub, dir, path).unwrap());
    assert!(matches!(outcome(dir, "one", Lang::En), Ok(Some(Outcome::Answered(..)))));
    assert!(matches!(outcome(dir, "twice", Lang::En), Ok(Some(Outcome::Refused(..)))));
    // What was reported is another file's, and stays, as does what no file here is answered by.
    for (name, is_there) in
        [("two", true), ("two.1.json", true), ("two.2", false), ("one.1", false)]
    {
        assert_eq!(out.join(name).exists(), is_there, "{name}");
    }
    assert_eq!(fs::read(out.join("two")).unwrap(), b"interrupted");
    assert_eq!(fs::read(out.join("of-another")).unwrap(), b"interrupted");
    assert_eq!(fs::read_dir(&work).unwrap().count(), 0);
}

#[test]
fn a_file_goes_only_once_it_is_said_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = at_work(dir, &["one"], &[]).join("one");
    // It cannot be put aside, so it stays; the report says where it is.
    fs::write(dir.join(REFUSED), b"").unwrap();
    assert!(take_in(&hub(), dir, &path).is_err());
    let Ok(Some(Outcome::Answered(_, report))) = outcome(dir, "one", Lang::En) else {
        panic!("it is not said");
    };
    assert_eq!(report.kept, Some(path.clone()));
    assert!(path.exists());
}

/// A letter of device 1 that asks the hub to enter a decision that is none.
fn undecidable() -> Vec<u8> {
    let (mut file, maker) = (Vec::new(), key(1));
    begin(&mut file).unwrap();
    let mut letter = LetterWriter::new(&mut file, &maker, key(99).device(), NOW, &[3; 32]).unwrap();
    letter.part(&[0; 6]).unwrap();
    // Kind 1; request 6 with one act of one byte; kind 0 of errands with its act's id; a digest of rights.
    letter.part(&[&[1, 6, 1, 1, 7][..], &[0; 1 + 32 + 32]].concat()).unwrap();
    letter.finish().unwrap();
    file
}

#[test]
fn a_file_with_a_decision_that_the_hub_refused_is_kept_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = at_work(dir, &["one"], &[]).join("one");
    fs::write(&path, undecidable()).unwrap();
    take_in(&hub(), dir, &path).unwrap();
    let Ok(Some(Outcome::Answered(_, report))) = outcome(dir, "one", Lang::En) else {
        panic!("there is no answer");
    };
    assert_eq!((report.packs, report.left, report.unentered), (0, 0, 1));
    assert_eq!(report.kept, Some(dir.join(REFUSED).join("one")));
    let why = fs::read_to_string(dir.join(REFUSED).join("one.txt")).unwrap();
    let (vi, en) = why.split_once("\n\n").unwrap();
    assert!(vi.starts_with("máy chủ không nhận 1 quyết định, biên bản trong gói"), "{vi}");
    assert!(en.starts_with("the hub does not have 1 decision or set of minutes in it"), "{en}");
    // A report of an earlier program says nothing of such.
    let old =
        r#"{"answer":"a","packs":1,"stored":1,"declined":0,"left":0,"failure":null,"kept":null}"#;
    assert_eq!(serde_json::from_str::<Report>(old).unwrap().unentered, 0);
}
