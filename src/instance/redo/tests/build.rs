//! Logs built field by field, from the byte maps and not with the readers' code.

use std::fs;
use std::path::Path;

use super::{crc32c, fold};

pub const PHYS: u32 = 0x5048_5953;
pub const PHYS_108: u32 = 0x5068_7973;
pub const ENC_11: u32 = 0xF09F_979D;

pub fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

pub fn seal(block: &mut [u8]) {
    let sum = crc32c(&block[..508]);
    put(block, 508, &sum.to_be_bytes());
}

pub fn header(raw: u32, start: u64, creator: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    put(&mut block, 0, &raw.to_be_bytes());
    if raw == 0 {
        put(&mut block, 4, &start.to_be_bytes());
        put(&mut block, 16, b"    ");
    } else {
        put(&mut block, 8, &start.to_be_bytes());
        put(&mut block, 16, creator.as_bytes());
        seal(&mut block);
    }
    block
}

/// How a log block is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Crc,
    Additive,
    Off,
    Broken,
}

/// The additive sum, written as the description has it.
fn additive(bytes: &[u8]) -> u32 {
    let (mut sum, mut sh) = (1u64, 0);
    for &b in bytes {
        sum = (sum & 0x7FFF_FFFF) + u64::from(b) + (u64::from(b) << sh);
        sh = if sh == 24 { 0 } else { sh + 1 };
    }
    sum as u32
}

pub fn log_block(lsn: u64, len: u16, word_at_8: u32, how: Seal) -> Vec<u8> {
    assert_eq!(lsn % 512, 0);
    let mut block = vec![0; 512];
    let number = ((lsn / 512) & 0x3FFF_FFFF) as u32 + 1;
    // Every third block starts a write and has the top bit.
    let flush = if number.is_multiple_of(3) { 1 << 31 } else { 0 };
    put(&mut block, 0, &(number | flush).to_be_bytes());
    put(&mut block, 4, &len.to_be_bytes());
    put(&mut block, 8, &word_at_8.to_be_bytes());
    for (i, b) in block[12..508].iter_mut().enumerate() {
        *b = (lsn / 512).wrapping_mul(31).wrapping_add(i as u64) as u8;
    }
    let sum = match how {
        Seal::Crc => crc32c(&block[..508]),
        Seal::Additive => additive(&block[..508]),
        Seal::Off => 0xDEAD_BEEF,
        Seal::Broken => !crc32c(&block[..508]),
    };
    put(&mut block, 508, &sum.to_be_bytes());
    block
}

/// A ring of `ib_logfileN`.
#[derive(Debug, Clone)]
pub struct Ring {
    pub raw: u32,
    pub start: u64,
    pub size: usize,
    pub files: Vec<Vec<u8>>,
    pub seal: Seal,
}

impl Ring {
    pub fn new(raw: u32, creator: &str, files: usize, blocks: usize) -> Ring {
        let (size, start) = (2048 + 512 * blocks, 8704);
        let mut file = vec![0; size];
        put(&mut file, 0, &header(raw, start, creator));
        let seal = if raw == 0 { Seal::Additive } else { Seal::Crc };
        Ring { raw, start, size, files: vec![file; files], seal }
    }

    pub fn capacity(&self) -> u64 {
        (self.files.len() * (self.size - 2048)) as u64
    }

    fn place(&self, lsn: u64) -> (usize, usize) {
        let in_ring = ((lsn - self.start) % self.capacity()) as usize;
        (in_ring / (self.size - 2048), 2048 + in_ring % (self.size - 2048))
    }

    /// Sound blocks for everything from the block of `from` up to `end`.
    pub fn fill(&mut self, from: u64, end: u64) -> &mut Ring {
        for at in (from / 512 * 512..end).step_by(512) {
            let len = (end - at).min(512) as u16;
            let (file, place) = self.place(at);
            let block = log_block(at, len, 7, self.seal);
            put(&mut self.files[file], place, &block);
        }
        self
    }

    pub fn offset(&self, lsn: u64) -> u64 {
        let (file, at) = self.place(lsn);
        (file * self.size + at) as u64
    }

    /// Checkpoint block `which` (0 or 1) of the first file.
    pub fn checkpoint(&mut self, which: usize, number: u64, lsn: u64) -> &mut Ring {
        let (offset, mut block) = (self.offset(lsn), vec![0; 512]);
        put(&mut block, 0, &number.to_be_bytes());
        put(&mut block, 8, &lsn.to_be_bytes());
        if self.raw == 0 {
            put(&mut block, 16, &(offset as u32).to_be_bytes());
            put(&mut block, 304, &((offset >> 32) as u32).to_be_bytes());
            let sum = fold(&block[..288]);
            put(&mut block, 288, &sum.to_be_bytes());
            let sum = fold(&block[8..292]);
            put(&mut block, 292, &sum.to_be_bytes());
        } else {
            put(&mut block, 16, &offset.to_be_bytes());
            seal(&mut block);
        }
        put(&mut self.files[0], [512, 1536][which], &block);
        self
    }

    pub fn write(&self, dir: &Path) {
        for (i, file) in self.files.iter().enumerate() {
            fs::write(dir.join(format!("ib_logfile{i}")), file).unwrap();
        }
    }
}

/// One `#ib_redoN` of whole blocks from `start` on; `end` is where the log ends, in this file or beyond it.
pub fn redo_file(start: u64, blocks: usize, end: u64, flags: u32, checkpoints: [u64; 2]) -> Vec<u8> {
    let mut file = header(6, start, "MySQL 9.7.4");
    put(&mut file, 4, &77u32.to_be_bytes());
    put(&mut file, 48, &flags.to_be_bytes());
    seal(&mut file);
    file.resize(2048 + 512 * blocks, 0);
    for (at, lsn) in [512, 1536].into_iter().zip(checkpoints) {
        let mut block = vec![0; 512];
        put(&mut block, 8, &lsn.to_be_bytes());
        seal(&mut block);
        put(&mut file, at, &block);
    }
    for i in 0..blocks {
        let at = start + 512 * i as u64;
        if at < end {
            let epoch = (at / 512 / 0x4000_0000) as u32 + 1;
            put(&mut file, 2048 + 512 * i, &log_block(at, (end - at).min(512) as u16, epoch, Seal::Crc));
        }
    }
    file
}

pub fn write_redo_dir(dir: &Path, files: &[(u32, Vec<u8>)]) {
    let dir = dir.join("#innodb_redo");
    fs::create_dir_all(&dir).unwrap();
    for (n, file) in files {
        fs::write(dir.join(format!("#ib_redo{n}")), file).unwrap();
    }
    fs::write(dir.join("#ib_redo999_tmp"), vec![0; 4096]).unwrap();
}

/// A MariaDB 10.8 log.
#[derive(Debug, Clone)]
pub struct Phys {
    pub bytes: Vec<u8>,
    pub start: u64,
    pub lsn: u64,
    pub nonce: usize,
}

impl Phys {
    /// The next mini-transaction will be written at `lsn`.
    pub fn new(capacity: usize, lsn: u64, encrypted: bool) -> Phys {
        let mut bytes = vec![0; 12288 + capacity];
        let mut head = header(PHYS_108, 12288, "MariaDB 10.11.18");
        if encrypted {
            put(&mut head, 48, &1u32.to_be_bytes());
            seal(&mut head);
        }
        put(&mut bytes, 0, &head);
        Phys { bytes, start: 12288, lsn, nonce: if encrypted { 8 } else { 0 } }
    }

    pub fn capacity(&self) -> u64 {
        self.bytes.len() as u64 - 12288
    }

    pub fn byte_at(&self, lsn: u64) -> usize {
        12288 + ((lsn - self.start) % self.capacity()) as usize
    }

    fn push(&mut self, bytes: &[u8]) {
        for &b in bytes {
            let at = self.byte_at(self.lsn);
            self.bytes[at] = b;
            self.lsn += 1;
        }
    }

    pub fn mtr(&mut self, records: &[u8]) -> &mut Phys {
        self.push(records);
        let odd_lap = (self.lsn - self.start) / self.capacity() % 2;
        self.push(&[1 - odd_lap as u8]);
        let nonce = vec![0xAB; self.nonce];
        self.push(&nonce);
        let sum = crc32c(&[records, &nonce].concat());
        self.push(&sum.to_be_bytes());
        self
    }

    pub fn file_checkpoint(&mut self, lsn: u64) -> &mut Phys {
        let mut record = vec![0xFA, 0, 0];
        record.extend(lsn.to_be_bytes());
        self.mtr(&record)
    }

    pub fn checkpoint(&mut self, which: usize, lsn: u64, record: u64) -> &mut Phys {
        let mut block = vec![0; 64];
        put(&mut block, 0, &lsn.to_be_bytes());
        put(&mut block, 8, &record.to_be_bytes());
        let sum = crc32c(&block[..60]);
        put(&mut block, 60, &sum.to_be_bytes());
        put(&mut self.bytes, [4096, 8192][which], &block);
        self
    }

    pub fn write(&self, dir: &Path) {
        fs::write(dir.join("ib_logfile0"), &self.bytes).unwrap();
    }
}

/// A record with a body of `len` bytes, its length written the short way or as a varint.
pub fn record(len: usize) -> Vec<u8> {
    let mut record = match len {
        1..=15 => vec![0x30 | len as u8],
        // The varint counts among the bytes that follow the first.
        16..=142 => vec![0x30, (len - 15) as u8],
        143..=16526 => (0x8000u16 | (len - 15 - 0x80) as u16).to_be_bytes().to_vec(),
        16527.. => (0xC0_0000u32 | (len - 15 - 0x4080) as u32).to_be_bytes()[1..].to_vec(),
        0 => unreachable!(),
    };
    if len > 142 {
        record.insert(0, 0x30);
    }
    record.resize(1 + len, 0x5A);
    record
}
