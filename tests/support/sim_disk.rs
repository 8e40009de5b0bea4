//! A disk in memory that can lose its power anywhere.
//!
//! It keeps, for every file, what a running system sees and what would be left after a power cut: the bytes as of the
//! last fsync, and the sectors written since, any subset of which may have reached the disk. Names are kept the same
//! way: what was created, renamed or removed since the last fsync of the directory may be lost, in order from the end.
//!
//! - [`SimDisk::watch`] collects, before every call and at every sector of every write, all the worlds that a kill or a
//!   power cut at that point could leave.
//! - [`Fault`] fails one call, or every call from one on, or cuts the power for good.
//! - A failed fsync drops what was written, as Linux does: the bytes stay visible, the disk never gets them, and the
//!   next fsync succeeds.
//! - Locks are POSIX locks: closing any handle of a file drops them. Writing to a data file without one is an error.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use dblwr::image::lock::Holder;
use dblwr::restore::disk::{Access, CopyMethod, Disk, ReadBack, Stat};

const SECTOR: usize = 512;
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

fn hash_of(bytes: &[u8]) -> u64 {
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
pub struct Machine(State);

impl Stops {
    pub fn extend(&mut self, more: Stops) {
        self.worlds.extend(more.worlds);
        self.running.extend(more.running);
        self.points += more.points;
    }
}

/// What goes wrong, and at which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// This call answers with this error number, once. A write gets this many sectors done first, a failed fsync
    /// this many.
    Once {
        call: usize,
        errno: i32,
        sectors: usize,
    },
    /// This call and all later ones that need room or the device do.
    From {
        call: usize,
        errno: i32,
        sectors: usize,
    },
    /// A read or write does only this many bytes, once.
    Short {
        call: usize,
        bytes: usize,
    },
    /// The power goes at this call; a write gets this many sectors into the cache before.
    Cut {
        call: usize,
        sectors: usize,
    },
}

#[derive(Clone)]
struct Pending {
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Default)]
struct Inode {
    visible: Vec<u8>,
    durable: Arc<Content>,
    pending: Vec<Pending>,
    data: bool,
}

#[derive(Clone)]
enum NameChange {
    Add(PathBuf, u64),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Clone, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    changes: Vec<NameChange>,
    locks: BTreeSet<u64>,
    next: u64,
    /// Of each call so far, whether it can be done in part: writes and fsyncs.
    calls: Vec<bool>,
    off: bool,
    watched: Option<Stops>,
    changed: bool,
    unlocked_writes: usize,
}

#[derive(Clone)]
pub struct SimDisk {
    state: Rc<RefCell<State>>,
    fault: Fault,
}

pub struct SimFile {
    inode: u64,
    state: Rc<RefCell<State>>,
}

impl Drop for SimFile {
    /// POSIX: closing any descriptor drops the process's locks on the file.
    fn drop(&mut self) {
        self.state.borrow_mut().locks.remove(&self.inode);
    }
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

fn apply(bytes: &mut Vec<u8>, pending: &Pending) {
    let end = pending.offset + pending.bytes.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[pending.offset..end].copy_from_slice(&pending.bytes);
}

/// A write in units that reach the disk whole or not at all.
fn sectors(offset: usize, bytes: &[u8]) -> Vec<Pending> {
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
    fn names_after(&self, count: usize) -> BTreeMap<PathBuf, u64> {
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
    fn visible(&self) -> World {
        let content = |inode: &u64| {
            let inode = &self.inodes[inode];
            let same = inode.visible == inode.durable.bytes;
            if same { Arc::clone(&inode.durable) } else { Content::new(inode.visible.clone()) }
        };
        World { files: self.names.iter().map(|(path, inode)| (path.clone(), content(inode))).collect() }
    }

    /// One world after a power cut: so many name changes, these pending sectors, and whether lengths grew although
    /// the sectors were lost.
    fn after_cut(&self, name_changes: usize, alive: &[bool], lengths: bool) -> World {
        self.named(name_changes, &self.contents_after_cut(alive, lengths))
    }

    fn named(&self, name_changes: usize, contents: &BTreeMap<u64, Arc<Content>>) -> World {
        let names = self.names_after(name_changes);
        World {
            files: names.into_iter().map(|(path, inode)| (path, Arc::clone(&contents[&inode]))).collect(),
        }
    }

    fn contents_after_cut(&self, alive: &[bool], lengths: bool) -> BTreeMap<u64, Arc<Content>> {
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

    fn pending(&self) -> usize {
        self.inodes.values().map(|inode| inode.pending.len()).sum()
    }

    fn grows(&self) -> bool {
        self.inodes
            .values()
            .any(|inode| !inode.pending.is_empty() && inode.visible.len() > inode.durable.len())
    }

    /// This machine when the program on it is gone.
    fn alone(&self) -> State {
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
    fn watch(&mut self) {
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

fn error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

impl SimDisk {
    pub fn new(world: &World, is_data: impl Fn(&Path) -> bool) -> SimDisk {
        let mut state = State { next: 1 << 40, changed: true, ..State::default() };
        for (path, bytes) in &world.files {
            let inode = hash_of(path.as_os_str().as_encoded_bytes()) >> 1;
            let data = is_data(path);
            let node =
                Inode { visible: bytes.to_vec(), durable: Arc::clone(bytes), pending: Vec::new(), data };
            state.inodes.insert(inode, node);
            state.names.insert(path.clone(), inode);
        }
        state.durable_names = state.names.clone();
        SimDisk { state: Rc::new(RefCell::new(state)), fault: Fault::None }
    }

    /// Collects every world that a stop could leave, from now on.
    pub fn watch(self) -> SimDisk {
        let mut state = self.state.borrow_mut();
        state.watched = Some(Stops::default());
        state.changed = true;
        drop(state);
        self
    }

    /// What was collected, the last moment included.
    pub fn watched(&self) -> Stops {
        let mut state = self.state.borrow_mut();
        state.watch();
        state.watched.take().unwrap_or_default()
    }

    /// A program on a machine that ran on when the last one was killed.
    pub fn on(machine: &Machine) -> SimDisk {
        SimDisk { state: Rc::new(RefCell::new(machine.0.clone())), fault: Fault::None }
    }

    /// What a program sees.
    pub fn visible(&self) -> World {
        self.state.borrow().visible()
    }

    /// What a power cut leaves if nothing pending reached the disk.
    pub fn durable(&self) -> World {
        self.state.borrow().after_cut(0, &[], false)
    }

    /// One world after a power cut, each pending sector and name change surviving by the toss of a coin.
    pub fn power_cut(&self, mut toss: impl FnMut() -> bool) -> World {
        let state = self.state.borrow();
        let alive: Vec<bool> = (0..state.pending()).map(|_| toss()).collect();
        let names = (0..state.changes.len()).take_while(|_| toss()).count();
        state.after_cut(names, &alive, toss())
    }

    /// Of each call so far, whether it can be done in part.
    pub fn calls(&self) -> Vec<bool> {
        self.state.borrow().calls.clone()
    }

    pub fn fault(&self) -> Fault {
        self.fault
    }

    pub fn unlocked_writes(&self) -> usize {
        self.state.borrow().unlocked_writes
    }

    /// Another program on the same machine, with another fault. This one was killed, or has ended.
    pub fn again(&self, fault: Fault) -> SimDisk {
        let state = self.state.borrow().alone();
        SimDisk { state: Rc::new(RefCell::new(state)), fault }
    }

    /// Counts a call, watches, and answers with the fault if it is this call's turn. `device`: whether the call
    /// needs room or the device at all; `partial`: whether it can be done in part.
    fn call(&self, device: bool, partial: bool) -> io::Result<Option<Fault>> {
        let mut state = self.state.borrow_mut();
        if state.off {
            return Err(error(libc::ENXIO));
        }
        state.watch();
        let number = state.calls.len();
        state.calls.push(partial);
        match self.fault {
            Fault::Once { call, .. } | Fault::Short { call, .. } if call == number => Ok(Some(self.fault)),
            Fault::From { call, .. } if call <= number && device => Ok(Some(self.fault)),
            Fault::Cut { call, .. } if call == number => {
                state.off = true;
                Ok(Some(self.fault))
            }
            _ => Ok(None),
        }
    }

    /// A call that fails before it does anything.
    fn plain(&self, device: bool) -> io::Result<()> {
        match self.call(device, false)? {
            Some(Fault::Once { errno, .. } | Fault::From { errno, .. }) => Err(error(errno)),
            Some(Fault::Cut { .. }) => Err(error(libc::ENXIO)),
            _ => Ok(()),
        }
    }

    fn file(&self, inode: u64) -> SimFile {
        SimFile { inode, state: Rc::clone(&self.state) }
    }

    fn store(&self, inode: u64, units: &[Pending]) -> usize {
        let mut state = self.state.borrow_mut();
        if !state.locks.contains(&inode) && state.inodes[&inode].data {
            state.unlocked_writes += 1;
        }
        let mut done = 0;
        for unit in units {
            // A kill in the middle of a write leaves the sectors so far.
            state.watch();
            let node = state.inodes.get_mut(&inode).unwrap();
            apply(&mut node.visible, unit);
            // The disk gets whole sectors: what was written before into this one goes along.
            let (start, end) = (unit.offset / SECTOR * SECTOR, unit.offset + unit.bytes.len());
            node.pending.push(Pending { offset: start, bytes: node.visible[start..end].to_vec() });
            done += unit.bytes.len();
            state.changed = true;
        }
        done
    }

    fn read(bytes: &[u8], buffer: &mut [u8], offset: u64, fault: Option<Fault>) -> io::Result<usize> {
        let most = match fault {
            Some(Fault::Once { errno, .. } | Fault::From { errno, .. }) => return Err(error(errno)),
            Some(Fault::Cut { .. }) => return Err(error(libc::ENXIO)),
            Some(Fault::Short { bytes, .. }) => bytes.max(1),
            _ => usize::MAX,
        };
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len()).min(most);
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn persist(node: &mut Inode) {
        let mut bytes = node.durable.to_vec();
        node.pending.iter().for_each(|pending| apply(&mut bytes, pending));
        node.pending.clear();
        node.durable = Content::new(bytes);
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn open(&self, path: &Path, _access: Access) -> io::Result<SimFile> {
        self.plain(false)?;
        let inode = self.state.borrow().names.get(path).copied().ok_or_else(|| error(libc::ENOENT))?;
        Ok(self.file(inode))
    }

    fn create_new(&self, path: &Path) -> io::Result<SimFile> {
        self.plain(true)?;
        let mut state = self.state.borrow_mut();
        if state.names.contains_key(path) {
            return Err(error(libc::EEXIST));
        }
        let inode = state.next;
        state.next += 1;
        state.changed = true;
        state.inodes.insert(inode, Inode::default());
        state.names.insert(path.to_path_buf(), inode);
        state.changes.push(NameChange::Add(path.to_path_buf(), inode));
        drop(state);
        Ok(self.file(inode))
    }

    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        self.plain(true)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.plain(false)?;
        Ok(self.state.borrow().names.contains_key(path))
    }

    fn stat(&self, file: &SimFile) -> io::Result<Stat> {
        self.plain(false)?;
        let size = self.state.borrow().inodes[&file.inode].visible.len() as u64;
        Ok(Stat { device: 1, inode: file.inode, size })
    }

    fn read_at(&self, file: &SimFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let fault = self.call(false, false)?;
        Self::read(&self.state.borrow().inodes[&file.inode].visible, buffer, offset, fault)
    }

    fn read_back(&self, file: &SimFile, buffer: &mut [u8], offset: u64) -> io::Result<(usize, ReadBack)> {
        let fault = self.call(false, false)?;
        let state = self.state.borrow();
        let node = &state.inodes[&file.inode];
        let mut bytes = node.durable.to_vec();
        node.pending.iter().for_each(|pending| apply(&mut bytes, pending));
        Ok((Self::read(&bytes, buffer, offset, fault)?, ReadBack::Device))
    }

    fn write_at(&self, file: &SimFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let units = sectors(offset as usize, bytes);
        match self.call(true, true)? {
            Some(Fault::Once { errno, sectors, .. } | Fault::From { errno, sectors, .. }) => {
                self.store(file.inode, &units[..sectors.min(units.len())]);
                Err(error(errno))
            }
            Some(Fault::Cut { sectors, .. }) => {
                self.store(file.inode, &units[..sectors.min(units.len())]);
                Err(error(libc::ENXIO))
            }
            Some(Fault::Short { bytes: most, .. }) => {
                // The page cache takes whole sectors of an overwrite.
                let data = self.state.borrow().inodes[&file.inode].data;
                let most = if data { most.next_multiple_of(SECTOR) } else { most };
                let most = most.clamp(1, bytes.len());
                Ok(self.store(file.inode, &sectors(offset as usize, &bytes[..most])))
            }
            _ => Ok(self.store(file.inode, &units)),
        }
    }

    fn fsync(&self, file: &SimFile) -> io::Result<()> {
        let fault = self.call(true, true)?;
        let mut state = self.state.borrow_mut();
        state.changed = true;
        let node = state.inodes.get_mut(&file.inode).unwrap();
        match fault {
            Some(Fault::Once { errno: libc::EINTR, .. }) => Err(error(libc::EINTR)),
            Some(Fault::Once { errno, sectors, .. } | Fault::From { errno, sectors, .. }) => {
                node.pending.truncate(sectors);
                Self::persist(node);
                Err(error(errno))
            }
            Some(Fault::Cut { .. }) => Err(error(libc::ENXIO)),
            _ => {
                Self::persist(node);
                Ok(())
            }
        }
    }

    fn fsync_dir(&self, _path: &Path) -> io::Result<()> {
        self.plain(true)?;
        let mut state = self.state.borrow_mut();
        state.durable_names = state.names.clone();
        state.changes.clear();
        state.changed = true;
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plain(true)?;
        let mut state = self.state.borrow_mut();
        if state.names.contains_key(to) {
            return Err(error(libc::EEXIST));
        }
        let inode = state.names.remove(from).ok_or_else(|| error(libc::ENOENT))?;
        state.names.insert(to.to_path_buf(), inode);
        state.changes.push(NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        state.changed = true;
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.plain(true)?;
        let mut state = self.state.borrow_mut();
        state.names.remove(path).ok_or_else(|| error(libc::ENOENT))?;
        state.changes.push(NameChange::Remove(path.to_path_buf()));
        state.changed = true;
        Ok(())
    }

    fn lock(&self, file: &SimFile) -> io::Result<Option<Holder>> {
        self.plain(false)?;
        self.state.borrow_mut().locks.insert(file.inode);
        Ok(None)
    }

    fn lock_held(&self, file: &SimFile) -> io::Result<Option<bool>> {
        self.plain(false)?;
        Ok(Some(self.state.borrow().locks.contains(&file.inode)))
    }

    fn copy(&self, _from: &SimFile, _to: &SimFile) -> io::Result<CopyMethod> {
        Err(error(libc::ENOSYS))
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }

    fn now(&self) -> i64 {
        1_700_000_000
    }
}
