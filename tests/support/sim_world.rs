//! What the simulated disk holds: what a running system sees, what a power cut leaves of it, and everything in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

pub const SECTOR: usize = 512;
/// Up to this many pending sectors every subset is tried.
const ALL_SUBSETS: usize = 8;

/// Hashes eight bytes at a time; states are told apart by 64 bits.
#[derive(Default, Clone)]
pub struct Fx(u64);

impl Hasher for Fx {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 31)
    }
}

pub fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = Fx::default();
    hasher.write(bytes);
    hasher.write_u64(bytes.len() as u64);
    hasher.finish()
}

/// The bytes of a file, hashed once.
#[derive(Default)]
pub struct Content {
    bytes: Vec<u8>,
    hash: u64,
}

impl Content {
    pub fn new(bytes: Vec<u8>) -> Arc<Content> {
        Arc::new(Content { hash: hash_of(&bytes), bytes })
    }
}

impl std::ops::Deref for Content {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

/// What is on the platter while nothing runs: names and contents.
#[derive(Clone, Default)]
pub struct World {
    pub files: BTreeMap<PathBuf, Arc<Content>>,
}

/// Told apart by hash.
pub type ByHash<T> = HashMap<u64, T, BuildHasherDefault<Fx>>;

/// What stopping at any of many points can leave.
#[derive(Clone, Default)]
pub struct Stops {
    /// After a power cut, or a kill and then an orderly restart.
    pub worlds: ByHash<World>,
    /// After a kill, on a machine that runs on: what was not synced is still only in its cache.
    pub running: ByHash<Machine>,
    /// How many points there were.
    pub points: usize,
}

/// A machine without a program on it.
#[derive(Clone)]
pub struct Machine(pub State);

impl Stops {
    pub fn extend(&mut self, more: Stops) {
        self.worlds.extend(more.worlds);
        self.running.extend(more.running);
        self.points += more.points;
    }
}

#[derive(Clone)]
pub struct Pending {
    pub offset: usize,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Default)]
pub struct Inode {
    pub visible: Vec<u8>,
    pub durable: Arc<Content>,
    pub pending: Vec<Pending>,
    pub data: bool,
}

#[derive(Clone)]
pub enum NameChange {
    Add(PathBuf, u64),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Clone, Default)]
pub struct State {
    pub inodes: BTreeMap<u64, Inode>,
    pub names: BTreeMap<PathBuf, u64>,
    pub durable_names: BTreeMap<PathBuf, u64>,
    pub changes: Vec<NameChange>,
    pub locks: BTreeSet<u64>,
    pub next: u64,
    /// Of each call so far, whether it can be done in part: writes and fsyncs.
    pub calls: Vec<bool>,
    pub off: bool,
    pub watched: Option<Stops>,
    pub changed: bool,
    pub unlocked_writes: usize,
}

impl World {
    pub fn hash(&self) -> u64 {
        let mut hasher = Fx::default();
        for (path, bytes) in &self.files {
            hasher.write(path.as_os_str().as_encoded_bytes());
            hasher.write_u64(bytes.hash);
        }
        hasher.finish()
    }
}

pub fn apply(bytes: &mut Vec<u8>, pending: &Pending) {
    let end = pending.offset + pending.bytes.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[pending.offset..end].copy_from_slice(&pending.bytes);
}

/// A write in units that reach the disk whole or not at all.
pub fn sectors(offset: usize, bytes: &[u8]) -> Vec<Pending> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let room = SECTOR - (offset + at) % SECTOR;
        let end = (at + room).min(bytes.len());
        units.push(Pending { offset: offset + at, bytes: bytes[at..end].to_vec() });
        at = end;
    }
    units
}

/// Which of `count` pending sectors reached the disk: every subset of a few; of many, each prefix, each suffix, each
/// one alone and each one missing.
fn survivors(count: usize) -> Vec<Vec<bool>> {
    if count <= ALL_SUBSETS {
        return (0..1u32 << count).map(|mask| (0..count).map(|bit| mask >> bit & 1 == 1).collect()).collect();
    }
    let mut sets = Vec::new();
    for cut in 0..=count {
        sets.push((0..count).map(|i| i < cut).collect());
        sets.push((0..count).map(|i| i >= cut).collect());
        sets.push((0..count).map(|i| i == cut).collect());
        sets.push((0..count).map(|i| i != cut).collect());
    }
    sets
}

impl State {
    pub fn names_after(&self, count: usize) -> BTreeMap<PathBuf, u64> {
        let mut names = self.durable_names.clone();
        for change in self.changes.iter().take(count) {
            match change {
                NameChange::Add(path, inode) => drop(names.insert(path.clone(), *inode)),
                NameChange::Remove(path) => drop(names.remove(path)),
                NameChange::Rename(from, to) => {
                    // Moved even where the power cut took the creation: then nothing is there to move.
                    if let Some(inode) = names.remove(from) {
                        names.insert(to.clone(), inode);
                    }
                }
            }
        }
        names
    }

    /// What the running system sees: what a kill leaves.
    pub fn visible(&self) -> World {
        let content = |inode: &u64| {
            let inode = &self.inodes[inode];
            let same = inode.visible == inode.durable.bytes;
            if same { Arc::clone(&inode.durable) } else { Content::new(inode.visible.clone()) }
        };
        World { files: self.names.iter().map(|(path, inode)| (path.clone(), content(inode))).collect() }
    }

    /// One world after a power cut: so many name changes, these pending sectors, and whether lengths grew although
    /// the sectors were lost.
    pub fn after_cut(&self, name_changes: usize, alive: &[bool], lengths: bool) -> World {
        self.named(name_changes, &self.contents_after_cut(alive, lengths))
    }

    pub fn named(&self, name_changes: usize, contents: &BTreeMap<u64, Arc<Content>>) -> World {
        let names = self.names_after(name_changes);
        World {
            files: names.into_iter().map(|(path, inode)| (path, Arc::clone(&contents[&inode]))).collect(),
        }
    }

    pub fn contents_after_cut(&self, alive: &[bool], lengths: bool) -> BTreeMap<u64, Arc<Content>> {
        let mut alive = alive.iter();
        let mut contents = BTreeMap::new();
        for (&number, inode) in &self.inodes {
            if inode.pending.is_empty() {
                contents.insert(number, Arc::clone(&inode.durable));
                continue;
            }
            let mut bytes = inode.durable.to_vec();
            for pending in &inode.pending {
                if alive.next().copied().unwrap_or(false) {
                    apply(&mut bytes, pending);
                }
            }
            if lengths && bytes.len() < inode.visible.len() {
                bytes.resize(inode.visible.len(), 0);
            }
            contents.insert(number, Content::new(bytes));
        }
        contents
    }

    pub fn pending(&self) -> usize {
        self.inodes.values().map(|inode| inode.pending.len()).sum()
    }

    fn grows(&self) -> bool {
        self.inodes
            .values()
            .any(|inode| !inode.pending.is_empty() && inode.visible.len() > inode.durable.len())
    }

    /// This machine when the program on it is gone.
    pub fn alone(&self) -> State {
        State { watched: None, locks: BTreeSet::new(), off: false, calls: Vec::new(), ..self.clone() }
    }

    fn hash(&self) -> u64 {
        let mut hasher = Fx::default();
        hasher.write_u64(self.visible().hash());
        hasher.write_u64(self.after_cut(0, &[], false).hash());
        for (number, inode) in &self.inodes {
            for pending in &inode.pending {
                hasher.write_u64(*number ^ pending.offset as u64);
                hasher.write(&pending.bytes);
            }
        }
        for count in 0..self.changes.len() {
            self.names_after(count).keys().for_each(|path| hasher.write(path.as_os_str().as_encoded_bytes()));
        }
        hasher.finish()
    }

    /// Everything that a stop at this moment could leave.
    pub fn watch(&mut self) {
        let Some(mut stops) = self.watched.take() else { return };
        stops.points += 1;
        if std::mem::take(&mut self.changed) {
            let mut add = |world: World| {
                stops.worlds.entry(world.hash()).or_insert(world);
            };
            add(self.visible());
            let lengths = if self.grows() { &[false, true][..] } else { &[false] };
            for alive in survivors(self.pending()) {
                for &lengths in lengths {
                    let contents = self.contents_after_cut(&alive, lengths);
                    for names in 0..=self.changes.len() {
                        add(self.named(names, &contents));
                    }
                }
            }
            // Without anything unsynced a machine that runs on is one that was restarted.
            if self.pending() > 0 || !self.changes.is_empty() {
                stops.running.entry(self.hash()).or_insert_with(|| Machine(self.alone()));
            }
        }
        self.watched = Some(stops);
    }
}
