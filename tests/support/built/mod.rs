//! Data directories built field by field from the notes on their formats: for servers that cannot be run here.
//!
//! Every world has one redo window ([`CHECKPOINT`] to [`END`]), pages of before it ([`OLD`]) and copies inside it
//! ([`NEW`]).

pub mod page;
pub mod prove;
pub mod redo;

use std::collections::BTreeMap;
use std::path::Path;

use dblwr::internals::format::fil::page_type;
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, crc32c};
use dblwr::internals::units::PageSize;
use page::{Page, put};
use redo::{Phys, Ring, redo_file};

pub const FLUSHED: u64 = 40_000;
pub const OLD: u64 = 30_000;
pub const CHECKPOINT: u64 = 60_000;
pub const NEW: u64 = 70_000;
pub const END: u64 = 90_000;

/// One tablespace or one file of the system tablespace.
#[derive(Debug, Clone)]
pub struct Space {
    pub file: String,
    pub id: u32,
    pub flags: u32,
    pub format: PageFormat,
    pub sum: Algorithm,
    pub first_page: u32,
}

/// Where a copy lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A slot of the built-in buffer.
    System(u32),
    /// A slot of a file.
    File(String, u32),
}

/// A page that is torn, and the copy that mends it.
#[derive(Debug, Clone)]
pub struct Torn {
    pub file: String,
    pub offset: usize,
    pub space: u32,
    pub page: u32,
    pub slot: (String, u32),
    pub after: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct World {
    pub size: usize,
    pub sum: Algorithm,
    pub files: BTreeMap<String, Vec<u8>>,
    pub spaces: Vec<Space>,
    /// First pages of both blocks.
    pub blocks: (u32, u32),
    /// Prev and next of every page 0: `FIL_PAGE_SRV_VERSION` from MySQL 8.0 on.
    pub siblings: (u32, u32),
}

impl World {
    pub fn new(size: usize, sum: Algorithm) -> World {
        World { size, sum, files: BTreeMap::new(), spaces: Vec::new(), blocks: (0, 0), siblings: (0, 0) }
    }

    pub fn page_size(&self) -> PageSize {
        PageSize::new(self.size as u32).unwrap()
    }

    pub fn extent(&self) -> u32 {
        self.page_size().extent_pages()
    }

    /// The system tablespace: used pages up to 8, the rest zero.
    pub fn system(&mut self, files: &[(&str, u32)], flags: u32) -> &mut World {
        let mut first_page = 0;
        for (file, pages) in files {
            let space = self.space_of(file, 0, flags, first_page);
            let mut bytes = vec![0; self.size * *pages as usize];
            let used = if first_page == 0 { 0..9 } else { first_page..first_page + 4 };
            for number in used {
                let page = self.version(&space, number, OLD, *pages);
                put(&mut bytes, (number - first_page) as usize * self.size, &page);
            }
            self.files.insert((*file).into(), bytes);
            self.spaces.push(space);
            first_page += pages;
        }
        self.flushed(FLUSHED)
    }

    /// A tablespace with every page used.
    pub fn table(&mut self, file: &str, id: u32, flags: u32, pages: u32) -> &mut World {
        let space = self.space_of(file, id, flags, 0);
        let bytes = (0..pages).flat_map(|number| self.version(&space, number, OLD, pages)).collect();
        self.files.insert(file.into(), bytes);
        self.spaces.push(space);
        self
    }

    fn space_of(&self, file: &str, id: u32, flags: u32, first_page: u32) -> Space {
        let format = PageFormat::from_flags(flags).unwrap();
        Space { file: file.into(), id, flags, format, sum: self.sum, first_page }
    }

    pub fn space(&self, file: &str) -> Space {
        self.spaces.iter().find(|space| space.file == file).unwrap().clone()
    }

    /// What stands on a page of a tablespace.
    pub fn fields(&self, space: &Space, number: u32, lsn: u64, pages: u32) -> Page {
        let kind = match (space.id, number) {
            (_, 0) => page_type::FSP_HDR,
            (_, 1) => page_type::IBUF_BITMAP,
            (_, 2) => page_type::INODE,
            (0, 5) => page_type::TRX_SYS,
            (0, 3 | 6 | 7) => page_type::SYS,
            _ => page_type::INDEX,
        };
        let (id, flags) = (space.id, space.flags);
        let siblings = self.siblings;
        Page { format: space.format, sum: space.sum, space: id, number, lsn, kind, flags, pages, siblings }
    }

    fn version(&self, space: &Space, number: u32, lsn: u64, pages: u32) -> Vec<u8> {
        self.fields(space, number, lsn, pages).bytes()
    }

    /// How many pages a file holds.
    pub fn pages(&self, space: &Space) -> u32 {
        (self.files[&space.file].len() / space.format.physical.bytes()) as u32
    }

    /// A page as it would be written at this LSN. Page 5 keeps its doublewrite header, page 0 its flush LSN.
    pub fn page(&self, space: &Space, number: u32, lsn: u64) -> Vec<u8> {
        let fields = self.fields(space, number, lsn, self.pages(space));
        let mut page = fields.bytes();
        if let (0, 0 | 5) = (space.id, number) {
            let home = self.home(space, number);
            let header = page.len() - 200;
            let kept = if number == 5 { header..header + 38 } else { 26..34 };
            page[kept.clone()].copy_from_slice(&home[kept]);
            fields.seal(&mut page);
        }
        page
    }

    pub fn offset(&self, space: &Space, number: u32) -> usize {
        (number - space.first_page) as usize * space.format.physical.bytes()
    }

    pub fn home(&self, space: &Space, number: u32) -> &[u8] {
        let at = self.offset(space, number);
        &self.files[&space.file][at..at + space.format.physical.bytes()]
    }

    pub fn write_home(&mut self, space: &Space, number: u32, page: &[u8]) -> &mut World {
        let at = self.offset(space, number);
        put(self.files.get_mut(&space.file).unwrap(), at, page);
        self
    }

    /// Changes bytes of page 5 and seals it again.
    pub fn page5(&mut self, change: impl FnOnce(&mut [u8])) -> &mut World {
        let space = self.spaces[0].clone();
        let mut page = self.home(&space, 5).to_vec();
        change(&mut page);
        self.fields(&space, 5, OLD, 0).seal(&mut page);
        self.write_home(&space, 5, &page)
    }

    /// The doublewrite header with both triples, and from MySQL 4.1.1 on the marker of space ids in the slots.
    pub fn doublewrite(&mut self, blocks: (u32, u32), space_id_stored: bool) -> &mut World {
        self.blocks = blocks;
        self.page5(|page| {
            let header = page.len() - 200;
            put(page, header + 4, &2u32.to_be_bytes());
            put(page, header + 8, &242u16.to_be_bytes());
            for triple in [10, 22] {
                let words = [536_853_855u32, blocks.0, blocks.1];
                words.iter().enumerate().for_each(|(i, word)| {
                    put(page, header + triple + 4 * i, &word.to_be_bytes());
                });
            }
            if space_id_stored {
                put(page, header + 34, &1_783_657_386u32.to_be_bytes());
            }
        })
    }

    /// The header at the position that MySQL 5.5 and later assert, with every slot describing itself.
    pub fn default_doublewrite(&mut self) -> &mut World {
        let extent = self.extent();
        self.doublewrite((extent, 2 * extent), true);
        for slot in 0..2 * extent {
            let space = Space { file: String::new(), ..self.spaces[0].clone() };
            let page = self.fields(&space, extent + slot, OLD, 0).bytes();
            self.copy(&At::System(slot), &page);
        }
        self
    }

    /// File and offset of a slot.
    pub fn slot(&self, at: &At) -> (String, usize) {
        match at {
            At::File(file, index) => (file.clone(), *index as usize * self.size),
            At::System(index) => {
                let extent = self.extent();
                let number =
                    if *index < extent { self.blocks.0 + index } else { self.blocks.1 + index - extent };
                let mut files = self.spaces.iter().filter(|space| space.id == 0).rev();
                let space = files.find(|space| space.first_page <= number).unwrap();
                (space.file.clone(), self.offset(space, number))
            }
        }
    }

    /// A slot is one logical page wide: what is shorter leaves its rest as it is.
    pub fn copy(&mut self, at: &At, page: &[u8]) -> &mut World {
        let (file, offset) = self.slot(at);
        let bytes = self.files.entry(file).or_default();
        bytes.resize(bytes.len().max(offset + self.size), 0);
        put(bytes, offset, page);
        self
    }

    /// A new version of a page lies in a slot; of its home `written` bytes were written before the crash.
    pub fn tear(&mut self, file: &str, number: u32, at: At, written: usize) -> Torn {
        let space = self.space(file);
        let after = self.page(&space, number, NEW);
        self.tear_with(&space, number, at, written, after)
    }

    pub fn tear_with(&mut self, space: &Space, number: u32, at: At, written: usize, after: Vec<u8>) -> Torn {
        self.copy(&at, &after);
        let mut home = self.home(space, number).to_vec();
        put(&mut home, 0, &after[..written]);
        self.write_home(space, number, &home);
        let index = match at {
            At::System(index) | At::File(_, index) => index,
        };
        Torn {
            file: space.file.clone(),
            offset: self.offset(space, number),
            space: space.id,
            page: number,
            slot: (self.slot(&at).0, index),
            after,
        }
    }

    /// Flush LSN on page 0 of the first system file, outside every checksum but full_crc32's.
    pub fn flushed(&mut self, lsn: u64) -> &mut World {
        let space = self.spaces[0].clone();
        let mut page = self.home(&space, 0).to_vec();
        put(&mut page, 26, &lsn.to_be_bytes());
        self.fields(&space, 0, OLD, 0).seal(&mut page);
        self.write_home(&space, 0, &page)
    }

    /// `ib_logfileN`: format word 0 up to MySQL 5.6.
    pub fn ring(&mut self, raw: u32, creator: &str, files: usize, checkpoint: u64, end: u64) -> &mut World {
        let mut ring = Ring::new(raw, creator, files, 512);
        ring.fill(checkpoint, end).checkpoint(0, 3, checkpoint - 1000).checkpoint(1, 4, checkpoint);
        for (number, bytes) in ring.files.into_iter().enumerate() {
            self.files.insert(format!("ib_logfile{number}"), bytes);
        }
        self
    }

    /// The log of a crashed server.
    pub fn crashed(&mut self, raw: u32, creator: &str, files: usize) -> &mut World {
        self.ring(raw, creator, files, CHECKPOINT, END)
    }

    /// `#innodb_redo` of MySQL 8.0.30 on.
    pub fn redo_directory(&mut self, creator: &str) -> &mut World {
        let start = 32 * 512;
        let mut file = redo_file(start, 512, END, 0, [CHECKPOINT, CHECKPOINT - 1000]);
        file[16..48].fill(0);
        put(&mut file, 16, creator.as_bytes());
        let sum = crc32c(&file[..508]);
        put(&mut file, 508, &sum.to_be_bytes());
        self.files.insert("#innodb_redo/#ib_redo7".into(), file);
        self.files.insert("#innodb_redo/#ib_redo8_tmp".into(), vec![0; 4096]);
        self
    }

    /// `ib_logfile0` of MariaDB 10.8 on: mini-transactions from the checkpoint to about [`END`].
    pub fn phys(&mut self, creator: &str) -> &mut World {
        let mut log = Phys::new(1 << 20, CHECKPOINT, false);
        log.file_checkpoint(CHECKPOINT);
        while log.lsn < END {
            log.mtr(&redo::record(200));
        }
        log.checkpoint(0, CHECKPOINT, CHECKPOINT);
        log.bytes[16..48].fill(0);
        put(&mut log.bytes, 16, creator.as_bytes());
        let sum = crc32c(&log.bytes[..508]);
        put(&mut log.bytes, 508, &sum.to_be_bytes());
        self.files.insert("ib_logfile0".into(), log.bytes);
        self
    }

    /// The directory as these restored pages would leave it.
    pub fn mended(&self, torn: &[Torn]) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        for page in torn {
            put(files.get_mut(&page.file).unwrap(), page.offset, &page.after);
        }
        files
    }

    pub fn write(&self, dir: &Path) {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}
