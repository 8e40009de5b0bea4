//! Every slot of every doublewrite area, used or not, with the file that its page belongs to. Homes are not read.

pub mod extract;
pub mod selection;

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::disk::PageBytes;
use crate::error::{Error, Result};
use crate::format::fil::FilHeader;
use crate::format::fsp::PageFormat;
use crate::format::reduced::ReducedEntry;
use crate::instance::Instance;
use crate::instance::dblwr::slot::SlotRef;
use crate::instance::dblwr::slot::Usage;
use crate::instance::dblwr::{Area, AreaKind};
use crate::instance::locations::Focus;
use crate::instance::spaces::{Owner, Spaces};
use crate::page::transform;
use crate::page::transform::Revealed;
use crate::page::{Judged, judge};
use crate::units::{PageNo, SpaceId};
use crate::verdict::copy::Copy;
use crate::verdict::copy::for_each_usage;
use crate::verdict::copy::{is_hidden, read_copies};
use crate::verdict::owners::find_hidden_owners;

pub use crate::commands::dump::selection::DumpSelection;

/// Unused slots are counted, but not listed any more once this many slots are: a sparse file may pretend to millions.
const MAX_LISTED: usize = 1 << 20;

/// One slot, or one entry of a reduced file.
#[derive(Debug)]
pub struct DumpedSlot {
    /// Index of its area in the instance.
    pub area: usize,
    /// Where it lies.
    pub slot: SlotRef,
    /// What it is used for; a reduced entry counts as a copy.
    pub usage: Usage,
    /// The FIL header in it, unless it is all zero.
    pub header: Option<FilHeader>,
    /// The copy in it, without its bytes.
    pub copy: Option<Copy>,
    /// The whole slot, where it was asked for.
    pub bytes: Vec<u8>,
    /// The reduced entry.
    pub reduced: Option<ReducedEntry>,
    /// The file that the page belongs to, as printed; `None` where no file, or more than one, claims it.
    pub home: Option<PathBuf>,
}

impl DumpedSlot {
    /// The page that it is about, as far as anything tells; the space id may be ciphertext.
    pub fn page(&self) -> Option<(SpaceId, PageNo)> {
        match (&self.copy, &self.reduced) {
            (Some(copy), _) => Some((copy.space.unwrap_or(copy.header.space_id), copy.page_no())),
            (None, Some(entry)) => Some((entry.space_id, entry.page_no)),
            (None, None) => None,
        }
    }

    /// The bytes that belong home: the physical page, without what a slot carries behind it.
    pub fn page_bytes(&self) -> &[u8] {
        let physical = self.copy.as_ref().map(|copy| copy.format.physical.bytes());
        physical.and_then(|len| self.bytes.get(..len)).unwrap_or(&self.bytes)
    }

    /// The page decoded as what it was judged as; unused slots as pages of the system tablespace.
    pub fn judged(&self, instance: &Instance) -> (PageFormat, Judged) {
        if let Some(copy) = &self.copy {
            return (copy.format, copy.judged.clone());
        }
        let slot_size = instance.areas.get(self.area).map_or(instance.page_size, |area| area.slot_size);
        let system = instance.spaces.system().map(|system| system.format);
        let format = system.filter(|format| format.physical == slot_size);
        let format = format.unwrap_or_else(|| PageFormat::classic(slot_size));
        (format, judge(&self.bytes, &format))
    }

    /// The page under its compression and encryption, where it can be told.
    pub fn clear(&self, instance: &Instance) -> Option<Vec<u8>> {
        let copy = self.copy.as_ref()?;
        if copy.judged.clear.is_some() {
            return copy.judged.clear.clone();
        }
        let Owner::One(space) = instance.spaces.owner(copy.space?) else { return None };
        match transform::reveal(self.page_bytes(), &copy.format, space.id?, space.key.as_ref()) {
            Revealed::Page(clear) => Some(clear),
            _ => None,
        }
    }
}

/// How many slots of an area are used for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usages {
    /// Copies, or entries of a reduced file.
    pub copies: usize,
    /// All zero.
    pub zero: usize,
    /// Self-describing.
    pub placeholders: usize,
}

impl Usages {
    fn count(&mut self, usage: Usage) {
        match usage {
            Usage::Copy => self.copies += 1,
            Usage::Zero => self.zero += 1,
            Usage::Placeholder => self.placeholders += 1,
        }
    }
}

/// Everything in the buffers of an instance.
#[derive(Debug)]
pub struct Inventory {
    /// The instance.
    pub instance: Instance,
    /// For every area of the instance its counts.
    pub usages: Vec<Usages>,
    /// Every slot, in the order of areas and slots.
    pub items: Vec<DumpedSlot>,
    /// What was left out.
    pub notes: Vec<DumpNote>,
}

/// What an inventory leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpNote {
    /// A slot could not be read, as the error says.
    Unread(String),
    /// More unused slots than are listed: the file, and how many.
    Unused(PathBuf, usize),
    /// Copies of other tablespaces than this one.
    Others(SpaceId),
}

impl Display for DumpNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DumpNote::Unread(error) => write!(f, "{error}; this slot is not listed"),
            DumpNote::Unused(file, slots) => {
                write!(f, "{}: {slots} more unused slots are not listed", file.display())
            }
            DumpNote::Others(id) => write!(f, "only copies of space {id} are listed"),
        }
    }
}

impl Inventory {
    /// Lists the slots of an instance. The bytes are kept of those for which `keep` says so.
    ///
    /// # Errors
    /// A file of an area cannot be read.
    pub fn of(mut instance: Instance, keep: impl Fn(&DumpedSlot, &Instance) -> bool) -> Result<Inventory> {
        instance.learn_from_copies()?;
        let mut inventory = Inventory { usages: Vec::new(), items: Vec::new(), notes: Vec::new(), instance };
        for at in 0..inventory.instance.areas.len() {
            inventory.add_area(at, &keep)?;
        }
        Ok(inventory)
    }

    /// The slots that a selection names: all where it is empty.
    pub fn named_by(&self, selection: &DumpSelection) -> impl Iterator<Item = &DumpedSlot> {
        self.items.iter().filter(|item| selection.is_empty() || selection.names(item, &self.instance))
    }

    fn add_area(&mut self, at: usize, keep: &impl Fn(&DumpedSlot, &Instance) -> bool) -> Result<()> {
        let Some(area) = self.instance.areas.get(at) else { return Ok(()) };
        let mut unreadable = Vec::new();
        let (usages, items, left_out) = match area.kind() {
            AreaKind::Reduced => reduced_items(&self.instance, at, area),
            _ => full_items(&self.instance, at, area, keep, &mut unreadable)?,
        };
        self.notes.extend(unreadable.iter().map(|error| DumpNote::Unread(error.to_string())));
        if left_out > 0 {
            self.notes.push(DumpNote::Unused(area.file.clone(), left_out));
        }
        self.usages.push(usages);
        self.items.extend(items);
        Ok(())
    }

    /// Where the request named a tablespace, keeps its copies only.
    pub fn only_the_named_tablespace(&mut self) {
        let Focus::Tablespace(file) = &self.instance.locations.focus else { return };
        let only = self.instance.spaces.of_file(file).and_then(|space| space.id);
        self.items.retain(|item| item.page().is_some_and(|(space, _)| Some(space) == only));
        if let Some(id) = only {
            self.notes.push(DumpNote::Others(id));
        }
    }
}

fn full_items(
    instance: &Instance,
    at: usize,
    area: &Area,
    keep: &impl Fn(&DumpedSlot, &Instance) -> bool,
    unreadable: &mut Vec<Error>,
) -> Result<(Usages, Vec<DumpedSlot>, usize)> {
    let (mut usages, mut items, mut left_out) = (Usages::default(), Vec::new(), 0);
    let owners = hidden_owners(area, instance)?;
    *unreadable = for_each_usage(area, &instance.spaces, |found, usage, mut copy| {
        usages.count(usage);
        if items.len() >= MAX_LISTED && usage != Usage::Copy {
            left_out += 1;
            return;
        }
        if let Some(copy) = &mut copy
            && let Some(&(space, format)) = owners.get(&copy.slot)
        {
            (copy.space, copy.format) = (space, format);
        }
        let slot = SlotRef {
            file: area.file_of(found),
            index: found.index,
            path: found.path.to_path_buf(),
            offset: found.offset,
        };
        let home = copy.as_ref().and_then(|copy| home_file(&instance.spaces, copy.space?, copy.page_no()));
        let header = FilHeader::parse(found.bytes).filter(|_| usage != Usage::Zero);
        let mut item =
            DumpedSlot { area: at, slot, usage, header, copy, bytes: Vec::new(), reduced: None, home };
        if keep(&item, instance) {
            item.bytes = found.bytes.to_vec();
        } else if let Some(copy) = &mut item.copy {
            copy.judged.clear = None;
        }
        if let Some(copy) = &mut item.copy {
            copy.bytes = PageBytes::default();
        }
        items.push(item);
    })?;
    Ok((usages, items, left_out))
}

/// Slots whose space id is ciphertext, and whose page they are: all at once, so that every file is opened once.
fn hidden_owners(
    area: &Area,
    instance: &Instance,
) -> Result<HashMap<SlotRef, (Option<SpaceId>, PageFormat)>> {
    let (mut copies, _) = read_copies(area, &instance.spaces)?;
    copies.retain(is_hidden);
    find_hidden_owners(&mut copies, instance);
    Ok(copies.into_iter().map(|copy| (copy.slot, (copy.space, copy.format))).collect())
}

fn reduced_items(instance: &Instance, at: usize, area: &Area) -> (Usages, Vec<DumpedSlot>, usize) {
    let entries = instance.reduced.iter().filter(|(of, _)| *of == at).flat_map(|(_, file)| &file.entries);
    let items: Vec<DumpedSlot> = entries
        .map(|entry| DumpedSlot {
            area: at,
            slot: SlotRef {
                file: area.file.clone(),
                index: entry.index,
                path: area.runs.first().map(|run| run.path.clone()).unwrap_or_default(),
                offset: entry.offset(),
            },
            usage: Usage::Copy,
            header: None,
            copy: None,
            bytes: Vec::new(),
            reduced: Some(*entry),
            home: home_file(&instance.spaces, entry.space_id, entry.page_no),
        })
        .collect();
    (Usages { copies: items.len(), ..Usages::default() }, items, 0)
}

fn home_file(spaces: &Spaces, space: SpaceId, page_no: PageNo) -> Option<PathBuf> {
    match spaces.owner(space) {
        Owner::One(space) => space.place(page_no).map(|place| place.file.name.clone()),
        Owner::Nobody | Owner::Several(_) => None,
    }
}
