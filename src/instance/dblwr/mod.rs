//! The doublewrite buffer in each of its shapes, and its slots.

pub mod parallel;
pub mod separate;
pub mod slot;
pub mod system;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

pub use crate::instance::dblwr::parallel::{DEFAULT_NAME as PARALLEL_DEFAULT_NAME, locate_parallel};
pub use crate::instance::dblwr::separate::{SeparateFile, find_separate};
pub use crate::instance::dblwr::system::locate_system;

use crate::disk::Image;
use crate::error::{Error, Result};
use crate::instance::note::InstanceNote;
use crate::units::{ByteOffset, PageNo, PageSize};

/// Which shape of buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AreaKind {
    /// Two blocks of pages inside the system tablespace.
    System,
    /// `#ib_<page size>_<id>.dblwr`.
    Separate,
    /// `#ib_<page size>_<id>.bdblwr`: page numbers and LSNs only.
    Reduced,
    /// Percona Server 5.7's `xb_doublewrite`.
    Parallel,
}

impl AreaKind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What became of the magic of the built-in buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Magic {
    /// The one that servers read is right.
    Valid,
    /// The buffer was never created.
    Absent,
    /// The one that servers read is damaged, but a buffer exists.
    Damaged,
}

/// Where the block numbers of the built-in buffer come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeaderCopy {
    /// The fields that servers read.
    First,
    /// Their repeat, which servers never read.
    Repeat,
    /// Nothing on page 5: the slots themselves, at the default position.
    Inferred,
}

/// A run of slots that lie one behind the other in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRun {
    /// The file.
    pub path: PathBuf,
    /// Offset of the first slot.
    pub offset: ByteOffset,
    /// Index of the first slot within its area.
    pub first: u32,
    /// How many slots.
    pub slots: u32,
    /// For slots of the built-in buffer: the page number of the first slot in the system tablespace.
    pub own_page: Option<PageNo>,
}

/// What only the buffer inside of the system tablespace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// First page of each block.
    pub blocks: (PageNo, PageNo),
    /// Where they stand.
    pub header_copy: HeaderCopy,
    /// Whether slots carry space ids (MySQL 4.1.1 on).
    pub space_id_stored: bool,
    /// Whether a server would first set every slot's space id to 0, because page 5 lacks the marker of space ids.
    pub ids_are_reset: bool,
}

/// How an area is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Two blocks of pages inside the system tablespace; `None` where the buffer was never created.
    System(Option<BuiltIn>),
    /// A file of raw pages.
    Separate,
    /// A file of page numbers and LSNs.
    Reduced,
    /// Percona Server 5.7's `xb_doublewrite`.
    Parallel,
}

/// One doublewrite area.
#[derive(Debug, Clone)]
pub struct Area {
    /// Its shape, with what only that one has.
    pub shape: Shape,
    /// The file as printed; for the built-in buffer that of its first block.
    pub file: PathBuf,
    /// Width of a slot: the logical page size. Reduced files: 8192.
    pub slot_size: PageSize,
    /// How many slots.
    pub slots: u32,
    /// Whether a server of this generation would read it.
    pub live: bool,
    /// Where the slots lie.
    pub runs: Vec<SlotRun>,
    /// What is worth saying besides.
    pub notes: Vec<InstanceNote>,
}

impl Area {
    /// An area of raw slots in a file of its own.
    pub(crate) fn of_file(shape: Shape, path: &Path, name: PathBuf, slot_size: PageSize, slots: u32) -> Area {
        let run =
            SlotRun { path: path.to_path_buf(), offset: ByteOffset(0), first: 0, slots, own_page: None };
        Area { shape, file: name, slot_size, slots, live: false, runs: vec![run], notes: Vec::new() }
    }

    /// The name of its shape.
    pub fn kind(&self) -> AreaKind {
        match self.shape {
            Shape::System(_) => AreaKind::System,
            Shape::Separate => AreaKind::Separate,
            Shape::Reduced => AreaKind::Reduced,
            Shape::Parallel => AreaKind::Parallel,
        }
    }

    /// What the built-in buffer says of itself, where there is one.
    pub fn built_in(&self) -> Option<BuiltIn> {
        match self.shape {
            Shape::System(built_in) => built_in,
            Shape::Separate | Shape::Reduced | Shape::Parallel => None,
        }
    }

    /// What became of the magic that servers read; `None` where none belongs.
    pub fn magic(&self) -> Option<Magic> {
        match self.shape {
            Shape::System(None) => Some(Magic::Absent),
            Shape::System(Some(BuiltIn { header_copy: HeaderCopy::First, .. })) => Some(Magic::Valid),
            Shape::System(Some(_)) => Some(Magic::Damaged),
            Shape::Separate | Shape::Reduced | Shape::Parallel => None,
        }
    }

    /// Whether slots carry space ids.
    pub fn space_id_stored(&self) -> bool {
        self.built_in().is_none_or(|built_in| built_in.space_id_stored)
    }

    /// Whether a server would first set every slot's space id to 0.
    pub fn ids_are_reset(&self) -> bool {
        self.built_in().is_some_and(|built_in| built_in.ids_are_reset)
    }

    /// Hands every slot that can be read to `visit`, in slot order; stops early where a file ends. What is given back are
    /// the slots that the device could not read.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub fn for_each_slot(&self, mut visit: impl FnMut(Slot<'_>)) -> Result<Vec<Error>> {
        let mut unreadable = Vec::new();
        for run in &self.runs {
            let image = Arc::new(Image::open(&run.path)?);
            let (mut buffer, zeros) = (vec![0; self.slot_size.bytes()], vec![0; self.slot_size.bytes()]);
            let mut hole = ByteOffset(0);
            for index in 0..run.slots {
                let Some(at) = run.offset.checked_add(u64::from(index) * self.slot_size.as_u64()) else {
                    break;
                };
                let end = at.checked_add(self.slot_size.as_u64());
                if at >= hole {
                    hole = image.hole_end(at).unwrap_or(hole);
                }
                let is_hole = end.is_some_and(|end| end <= hole);
                let read = if is_hole { Ok(zeros.len()) } else { image.read_up_to(at, &mut buffer) };
                match read {
                    Ok(read) if read == buffer.len() => {}
                    Ok(_) => break,
                    Err(error) => {
                        unreadable.push(error);
                        continue;
                    }
                }
                let own_page = run.own_page.and_then(|page| page.0.checked_add(index)).map(PageNo);
                visit(Slot {
                    index: run.first.saturating_add(index),
                    path: &run.path,
                    offset: at,
                    own_page,
                    image: &image,
                    bytes: if is_hole { &zeros } else { &buffer },
                });
            }
        }
        Ok(unreadable)
    }

    /// Whether the blocks of the built-in buffer lie elsewhere than MySQL 5.5 and later put them when they create it.
    pub fn lies_elsewhere(&self) -> bool {
        let extent = self.slot_size.extent_pages();
        self.built_in().is_some_and(|built_in| built_in.blocks != (PageNo(extent), PageNo(extent * 2)))
    }

    /// Whether every slot lies in the file of the first one, and there at the offset that its page number says: the
    /// only place where MySQL 5.6 to 8.0.19 and MariaDB look, whatever files the tablespace has.
    pub fn lies_in_first_file(&self) -> bool {
        let raw = |run: &SlotRun| run.own_page.is_none_or(|page| page.offset(self.slot_size) == run.offset);
        self.runs.iter().all(raw)
    }

    /// Whether a page of the system tablespace lies inside this buffer: it must never be written.
    pub fn covers(&self, page: PageNo) -> bool {
        self.runs
            .iter()
            .filter_map(|run| Some((run.own_page?, run.slots)))
            .any(|(first, slots)| page.0.checked_sub(first.0).is_some_and(|distance| distance < slots))
    }
}

/// One slot as it lies in its file.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// Index within the area.
    pub index: u32,
    /// The file it lies in.
    pub path: &'a Path,
    /// Where in the file.
    pub offset: ByteOffset,
    /// Built-in buffer: the number of the page that this slot is.
    pub own_page: Option<PageNo>,
    /// The file, open.
    pub image: &'a Arc<Image>,
    /// Its bytes, one logical page.
    pub bytes: &'a [u8],
}
