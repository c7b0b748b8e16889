//! Sealed folders: other keys, taking over, rotation, destruction.

use std::collections::BTreeMap;

use super::*;

fn key(byte: u8) -> StoreKey {
    StoreKey::key(&[byte; 32])
}

fn with(key: &StoreKey) -> OpenWith<'_> {
    OpenWith { key: Some(key), ..OpenWith::default() }
}

/// All bytes below a folder, by path.
fn bytes(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

fn holds(dir: &Path, what: &[u8]) -> bool {
    bytes(dir).values().any(|bytes| bytes.windows(what.len()).any(|part| part == what))
}

#[test]
fn a_sealed_folder_opens_with_its_key_and_another_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let device = Client::init_sealed(dir.path(), &Settings::default(), &key(1)).unwrap();
    let client = Client::open_with(dir.path(), with(&key(1))).unwrap();
    assert_eq!(client.device(), device);
    assert_eq!(client.protection().unwrap(), Protection::Key);
    drop(client);
    let before = bytes(dir.path());
    let wrong = Client::open_with(dir.path(), with(&key(2))).err().unwrap();
    assert!(matches!(wrong, ClientError::Rest(RestError::Wrong { way: Way::Key })), "{wrong}");
    let none = Client::open(dir.path()).err().unwrap();
    assert!(matches!(none, ClientError::Locked { needed: Way::Key, .. }), "{none}");
    let other = StoreKey::passphrase("không phải khoá này");
    let other = Client::open_with(dir.path(), with(&other)).err().unwrap();
    assert!(matches!(other, ClientError::Rest(RestError::OtherWay { needed: Way::Key })));
    assert_eq!(bytes(dir.path()), before);
    assert_eq!(Client::open_with(dir.path(), with(&key(1))).unwrap().device(), device);
}

#[test]
fn a_plain_folder_is_taken_over_and_its_secret_key_is_nowhere_in_plain() {
    let dir = tempfile::tempdir().unwrap();
    let device = Client::init(dir.path(), &Settings::default()).unwrap();
    let client = Client::open(dir.path()).unwrap();
    assert_eq!(client.protection().unwrap(), Protection::Plain);
    let digits = hex::encode(*client.seed);
    drop(client);
    assert!(holds(dir.path(), digits.as_bytes()));
    let client = Client::open_with(dir.path(), with(&key(1))).unwrap();
    assert_eq!(client.device(), device);
    assert!(client.rest.as_ref().unwrap().file.is_whole());
    assert!(!client.rest.as_ref().unwrap().seal.takes_plain());
    assert!(!holds(dir.path(), digits.as_bytes()) && !holds(dir.path(), &*client.seed));
    drop(client);
    assert!(matches!(Client::open(dir.path()), Err(ClientError::Locked { .. })));
    assert_eq!(Client::open_with(dir.path(), with(&key(1))).unwrap().device(), device);
}

#[test]
fn a_new_data_key_leaves_one_and_an_older_key_file_opens_nothing_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let device = Client::init_sealed(dir.path(), &Settings::default(), &key(1)).unwrap();
    let client = Client::open_with(dir.path(), with(&key(1))).unwrap();
    let older = fs::read(dir.path().join(KEYS_FILE)).unwrap();
    let before = client.rest.as_ref().unwrap().file.ring().current();
    let client = client.rotate_key(with(&key(1))).unwrap();
    let ring = client.rest.as_ref().unwrap().file.ring();
    assert_eq!((ring.count(), client.device()), (1, device));
    assert_ne!(ring.current(), before);
    drop(client);
    let path = dir.path().join(KEYS_FILE);
    let newer = fs::read(&path).unwrap();
    fs::write(&path, older).unwrap();
    let refused = Client::open_with(dir.path(), with(&key(1))).err().unwrap();
    let other = matches!(refused, ClientError::Store(store::StoreError::OtherKey { .. }));
    assert!(other, "{refused}");
    fs::write(&path, newer).unwrap();
    assert_eq!(Client::open_with(dir.path(), with(&key(1))).unwrap().device(), device);
}

#[test]
fn another_key_takes_the_place_of_the_folders_own() {
    let dir = tempfile::tempdir().unwrap();
    let device = Client::init_with_own_key(dir.path(), &Settings::default()).unwrap();
    let mut client = Client::open(dir.path()).unwrap();
    assert_eq!(client.protection().unwrap(), Protection::OwnKey);
    let short = client.change_key(&StoreKey::passphrase("ngắn")).err().unwrap();
    assert!(matches!(short, ClientError::Rest(RestError::Short { .. })));
    client.change_key(&key(3)).unwrap();
    assert_eq!(client.protection().unwrap(), Protection::Key);
    drop(client);
    assert!(!dir.path().join(OWN_KEY_FILE).exists());
    assert!(matches!(Client::open(dir.path()), Err(ClientError::Locked { .. })));
    assert_eq!(Client::open_with(dir.path(), with(&key(3))).unwrap().device(), device);
}

#[test]
fn a_key_that_could_not_be_written_is_not_taken_up_later() {
    let dir = tempfile::tempdir().unwrap();
    let device = Client::init_sealed(dir.path(), &Settings::default(), &key(1)).unwrap();
    let mut client = Client::open_with(dir.path(), with(&key(1))).unwrap();
    // The file is written beside the old one, where a folder stands in the way.
    let in_the_way = dir.path().join(KEYS_FILE).with_extension("new");
    fs::create_dir(&in_the_way).unwrap();
    let failed = client.change_key(&key(2)).err().unwrap();
    assert!(matches!(failed, ClientError::File { .. }), "{failed}");
    fs::remove_dir(&in_the_way).unwrap();
    drop(client.rotate_key(with(&key(1))).unwrap());
    assert_eq!(Client::open_with(dir.path(), with(&key(1))).unwrap().device(), device);
}

#[test]
fn a_folder_whose_key_was_destroyed_says_so_whatever_key_is_given() {
    for sealed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        if sealed {
            Client::init_with_own_key(dir.path(), &Settings::default()).unwrap();
        } else {
            Client::init(dir.path(), &Settings::default()).unwrap();
        }
        let client = Client::open(dir.path()).unwrap();
        let digits = hex::encode(*client.seed);
        client.destroy_key().unwrap();
        assert!(!holds(dir.path(), digits.as_bytes()));
        assert_eq!(dir.path().join("store").exists(), sealed, "what was plain is removed");
        for opened in [Client::open(dir.path()), Client::open_with(dir.path(), with(&key(1)))] {
            let error = opened.err().unwrap();
            assert!(matches!(error, ClientError::Rest(RestError::Destroyed)), "{error}");
        }
        let again = Client::init(dir.path(), &Settings::default()).err().unwrap();
        assert!(matches!(again, ClientError::HasDevice { .. }), "{again}");
    }
}

#[test]
fn a_folder_without_a_name_is_refused_and_nothing_is_written() {
    let (unnamed, settings) = (Path::new(""), Settings::default());
    let refused = [
        Client::init(unnamed, &settings).err(),
        Client::init_sealed(unnamed, &settings, &key(1)).err(),
        Client::init_with_own_key(unnamed, &settings).err(),
        Client::open_with(unnamed, with(&key(1))).err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(ClientError::NoFolderName)), "{error:?}");
    }
    for file in [KEYS_FILE, OWN_KEY_FILE, KEYS_LOCK, "device.key", "settings.json"] {
        assert!(!Path::new(file).exists(), "{file} lies in the current folder");
    }
}

#[test]
fn a_missing_key_file_is_told_and_none_is_made_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    Client::init_sealed(dir.path(), &Settings::default(), &key(1)).unwrap();
    fs::remove_file(dir.path().join(KEYS_FILE)).unwrap();
    let missing = Client::open_with(dir.path(), with(&key(1))).err().unwrap();
    assert!(matches!(missing, ClientError::NoKeyFile { .. }), "{missing}");
    assert!(!dir.path().join(KEYS_FILE).exists());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_not_taken() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, hex::encode([5; 32])).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let open = read_key(&path).err().unwrap();
    assert!(matches!(open, ClientError::KeyReadable { mode: 0o640, .. }), "{open}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(read_key(&path).unwrap(), StoreKey::Key(bytes) if *bytes == [5; 32]));
    fs::write(&path, "no key").unwrap();
    assert!(matches!(read_key(&path), Err(ClientError::KeyText { .. })));
}
