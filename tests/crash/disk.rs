//! A model of a disk between syncs: what is certain, what is pending, and what a power cut may leave
//! of it.
//!
//! Certain is what a completed sync covered: a file's bytes by a sync of that file, a name by a sync
//! of its folder. Everything else may be kept, dropped, kept out of order, or torn. Names of one
//! folder change in order, as journaling file systems do it; names of two folders do not wait for
//! each other. What a sync that failed was to cover may be gone for good, whatever is synced later.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use crate::log::{Event, Log};

/// A sector: what a disk writes whole.
const SECTOR_BYTES: usize = 512;
/// A page: what the system writes whole.
const PAGE_BYTES: usize = 4096;

type Node = usize;

#[derive(Clone)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Truncate(usize),
}

#[derive(Clone)]
enum NameChange {
    Link(String, Node),
    Unlink(String),
    Rename(String, String),
}

#[derive(Clone, Default)]
struct Object<'a> {
    /// Bytes that are certain.
    bytes: Vec<u8>,
    pending: Vec<Change<'a>>,
    folder: Option<Folder>,
}

#[derive(Clone, Default)]
struct Folder {
    certain: BTreeMap<String, Node>,
    live: BTreeMap<String, Node>,
    pending: Vec<NameChange>,
}

/// What may become of pending writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// All are gone.
    Drop,
    /// All are there, as after a kill.
    Keep,
    /// The first few are there, the last of them torn.
    Prefix,
    /// Any may be there.
    Subset,
    /// Any sector of any may be there.
    Sectors,
    /// Any page of any may be there.
    Pages,
}

/// All styles.
pub(crate) const STYLES: [Style; 6] =
    [Style::Drop, Style::Keep, Style::Prefix, Style::Subset, Style::Sectors, Style::Pages];

/// The disk after some events of a log.
#[derive(Clone)]
pub(crate) struct Disk<'a> {
    root: PathBuf,
    objects: Vec<Object<'a>>,
    by_inode: BTreeMap<u64, Node>,
    /// What a sync that failed left in the system's memory reaches the disk after all. Otherwise it is gone,
    /// though later syncs succeed: the system takes it for written.
    pub(crate) keeps_unsynced: bool,
}

impl<'a> Disk<'a> {
    /// The disk as a folder holds it, all of it certain.
    pub(crate) fn load(root: &Path) -> Self {
        let (root_path, by_inode) = (root.to_path_buf(), BTreeMap::new());
        let mut disk = Disk { root: root_path, objects: vec![], by_inode, keeps_unsynced: true };
        disk.load_folder(root);
        disk
    }

    /// Says which inode each file had, a line each, for [`Disk::rename_inodes`].
    pub(crate) fn inodes(&self) -> String {
        self.by_inode.iter().map(|(inode, node)| format!("{inode} {node}\n")).collect()
    }

    /// Takes a copy of a folder for the folder that [`Disk::inodes`] and a log speak of.
    pub(crate) fn rename_inodes(&mut self, root: &Path, inodes: &str) {
        self.root = root.to_path_buf();
        let pairs = inodes.lines().map(|line| line.split_once(' ').unwrap());
        self.by_inode =
            pairs.map(|(inode, node)| (inode.parse().unwrap(), node.parse().unwrap())).collect();
    }

    fn load_folder(&mut self, path: &Path) -> Node {
        let node = self.add(Object { folder: Some(Folder::default()), ..Object::default() });
        let mut items: Vec<_> = fs::read_dir(path).unwrap().map(Result::unwrap).collect();
        // In the order of names, so that a copy of the folder gives the same numbers.
        items.sort_by_key(fs::DirEntry::file_name);
        for item in items {
            let child = if item.file_type().unwrap().is_dir() {
                self.load_folder(&item.path())
            } else {
                let bytes = fs::read(item.path()).unwrap();
                let child = self.add(Object { bytes, ..Object::default() });
                self.by_inode.insert(item.metadata().unwrap().ino(), child);
                child
            };
            let folder = self.objects[node].folder.as_mut().unwrap();
            let name = item.file_name().into_string().unwrap();
            folder.certain.insert(name.clone(), child);
            folder.live.insert(name, child);
        }
        node
    }

    fn add(&mut self, object: Object<'a>) -> Node {
        self.objects.push(object);
        self.objects.len() - 1
    }

    /// Takes in the first `count` events.
    pub(crate) fn replay(&mut self, log: &'a Log, count: usize) {
        for event in log.events().take(count) {
            self.apply(&event);
        }
    }

    fn apply(&mut self, event: &Event<'a>) {
        match *event {
            Event::Create { inode, path } => {
                let node = self.add(Object::default());
                self.by_inode.insert(inode, node);
                self.link(path, node);
            }
            Event::Mkdir { path } => {
                let folder = Some(Folder::default());
                let node = self.add(Object { folder, ..Object::default() });
                self.link(path, node);
            }
            Event::Write { inode, offset, data } => {
                self.file(inode).pending.push(Change::Write(offset, data));
            }
            Event::Truncate { inode, length } => {
                self.file(inode).pending.push(Change::Truncate(length));
            }
            Event::Sync { inode } => {
                let file = self.file(inode);
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.bytes);
                }
            }
            Event::SyncFailed { inode } => {
                let keeps = self.keeps_unsynced;
                let pending = &mut self.file(inode).pending;
                pending.retain(|change| keeps || matches!(change, Change::Truncate(_)));
            }
            Event::SyncFolder { path } => {
                let node = self.find(path);
                let folder = self.objects[node].folder.as_mut().unwrap();
                folder.pending.clear();
                folder.certain = folder.live.clone();
            }
            Event::Rename { from, to } => self.rename(from, to),
            Event::Unlink { path } | Event::Rmdir { path } => {
                let (folder, name) = self.parent(path);
                folder.change(NameChange::Unlink(name));
            }
            Event::Ack { .. } => {}
        }
    }

    fn file(&mut self, inode: u64) -> &mut Object<'a> {
        let node = self.by_inode[&inode];
        &mut self.objects[node]
    }

    fn link(&mut self, path: &str, node: Node) {
        let (folder, name) = self.parent(path);
        folder.change(NameChange::Link(name, node));
    }

    fn rename(&mut self, from: &str, to: &str) {
        let same = Path::new(from).parent() == Path::new(to).parent();
        assert!(same, "the model knows no renames between folders: {from} to {to}");
        let (folder, old) = self.parent(from);
        let new = Path::new(to).file_name().unwrap().to_str().unwrap().to_owned();
        folder.change(NameChange::Rename(old, new));
    }

    fn find(&self, path: &str) -> Node {
        let relative = Path::new(path).strip_prefix(&self.root).unwrap();
        relative.iter().fold(0, |node, name| {
            self.objects[node].folder.as_ref().unwrap().live[name.to_str().unwrap()]
        })
    }

    fn parent(&mut self, path: &str) -> (&mut Folder, String) {
        let path = Path::new(path);
        let node = self.find(path.parent().unwrap().to_str().unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (self.objects[node].folder.as_mut().unwrap(), name)
    }

    /// Writes into an empty folder what a power cut now may leave. `names_kept` leaves all names as
    /// they are, as if every change of a name were certain at once.
    pub(crate) fn crash(&self, rng: &mut SmallRng, style: Style, names_kept: bool, into: &Path) {
        self.crash_folder(0, rng, style, names_kept, into);
    }

    fn crash_folder(&self, node: Node, rng: &mut SmallRng, style: Style, kept: bool, into: &Path) {
        let folder = self.objects[node].folder.as_ref().unwrap();
        let names = if kept || folder.pending.is_empty() {
            folder.live.clone()
        } else {
            let count = match style {
                Style::Drop => 0,
                Style::Keep => folder.pending.len(),
                _ => rng.random_range(0..=folder.pending.len()),
            };
            let mut names = folder.certain.clone();
            folder.pending[..count].iter().for_each(|change| change.apply(&mut names));
            names
        };
        for (name, child) in names {
            let path = into.join(name);
            if self.objects[child].folder.is_some() {
                fs::create_dir(&path).unwrap();
                self.crash_folder(child, rng, style, kept, &path);
            } else {
                fs::write(&path, self.objects[child].after_crash(rng, style)).unwrap();
            }
        }
    }
}

impl Folder {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Link(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Write(offset, data) => write_at(bytes, offset, data),
            Self::Truncate(length) => bytes.resize(length, 0),
        }
    }

    /// Applies some blocks only; a write may make the file longer without its bytes.
    fn apply_torn(&self, bytes: &mut Vec<u8>, rng: &mut SmallRng, block: usize, chance: f64) {
        let Self::Write(offset, data) = *self else {
            if rng.random_bool(chance) {
                self.apply(bytes);
            }
            return;
        };
        let mut at = 0;
        while at < data.len() {
            // Blocks lie where the disk has them, not where the write begins.
            let next = (((offset + at) / block + 1) * block - offset).min(data.len());
            if rng.random_bool(chance) {
                write_at(bytes, offset + at, &data[at..next]);
            }
            at = next;
        }
        if rng.random_bool(0.5) && bytes.len() < offset + data.len() {
            bytes.resize(offset + data.len(), 0);
        }
    }
}

fn write_at(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Object<'_> {
    fn after_crash(&self, rng: &mut SmallRng, style: Style) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let chance = *[0.1, 0.5, 0.9].choose(rng).unwrap();
        let count = rng.random_range(0..=self.pending.len());
        for (nth, change) in self.pending.iter().enumerate() {
            match style {
                Style::Drop => {}
                Style::Keep => change.apply(&mut bytes),
                Style::Prefix if nth < count => change.apply(&mut bytes),
                Style::Prefix if nth == count => {
                    change.apply_torn(&mut bytes, rng, SECTOR_BYTES, 0.5);
                }
                Style::Prefix => {}
                Style::Subset if rng.random_bool(chance) => change.apply(&mut bytes),
                Style::Subset => {}
                Style::Sectors => change.apply_torn(&mut bytes, rng, SECTOR_BYTES, chance),
                Style::Pages => change.apply_torn(&mut bytes, rng, PAGE_BYTES, chance),
            }
        }
        bytes
    }
}
