//! A disk in memory that can lose its power anywhere.
//!
//! It keeps, for every file, what a running system sees and what would be left after a power cut: the bytes as of the
//! last fsync, and the sectors written since, any subset of which may have reached the disk. Names are kept the same
//! way: what was created, renamed or removed since the last fsync of the directory may be lost, in order from the end.
//!
//! - [`SimDisk::watch`] collects, before every call and at every sector of every write, all the worlds that a kill or a
//!   power cut at that point could leave.
//! - [`Fault`] fails one call, or every call from one on, or cuts the power for good.
//! - A write can lie: the system sees it, the device never gets it.
//! - A failed fsync drops what was written, as Linux does: the bytes stay visible, the disk never gets them, and the
//!   next fsync succeeds.
//! - Locks are POSIX locks: closing any handle of a file drops them. Writing to a data file without one is an error.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use dblwr::internals::disk::calls::{Access, CopyMethod, Disk, ReadBack, Stat};
use dblwr::internals::disk::lock::Holder;

use crate::sim_world::{
    Content, Inode, Machine, NameChange, Pending, SECTOR, State, Stops, World, apply, hash_of, sectors,
};

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
    /// A write claims success, and the device never gets it.
    Lie {
        call: usize,
    },
    /// The power goes at this call; a write gets this many sectors into the cache before.
    Cut {
        call: usize,
        sectors: usize,
    },
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
            Fault::Once { call, .. } | Fault::Short { call, .. } | Fault::Lie { call } if call == number => {
                Ok(Some(self.fault))
            }
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

    fn remove_dir(&self, _path: &Path) -> io::Result<()> {
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
            Some(Fault::Lie { .. }) => {
                let done = self.store(file.inode, &units);
                let mut state = self.state.borrow_mut();
                let pending = &mut state.inodes.get_mut(&file.inode).unwrap().pending;
                pending.truncate(pending.len() - units.len());
                Ok(done)
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
