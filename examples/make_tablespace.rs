//! Makes a tablespace file of any size for benchmarks: every page used, of random content, with a right checksum.
//!
//! `cargo run --release --example make_tablespace -- FORMAT MIB FILE`, FORMAT being crc32, innodb, none, full_crc32,
//! page_compressed (full_crc32) or zip8. With `--tables COUNT PAGES BYTES`, FILE is a directory that gets COUNT files
//! `many/tN.ibd` of PAGES pages each, with space ids from 1000 on, made BYTES long by a hole.
#![allow(clippy::indexing_slicing, reason = "offsets in a page that was just made")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use dblwr::{
    Algorithm, FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, FSP_FREE_LIMIT, FSP_SIZE,
    FSP_SPACE_FLAGS, FSP_SPACE_ID, PageFormat, PageSize, XDES_ARR_OFFSET, page_type, stamp, xdes_size,
};

const SPACE: u32 = 5;
const FIRST_TABLE: u32 = 1000;
const FSEG: u32 = 4;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (form, mut random) = (args.first().copied().unwrap_or_default(), 1);
    match args.as_slice() {
        [_, mib, path] => {
            let maker = Maker::new(form, SPACE)?;
            let pages = u32::try_from(mib.parse::<u64>()? * (1 << 20) / maker.format.physical.as_u64())?;
            maker.write(path.as_ref(), pages, &mut random)?;
        }
        [_, directory, "--tables", count, pages, bytes] => {
            let folder = Path::new(directory).join("many");
            std::fs::create_dir_all(&folder)?;
            for number in 0..count.parse::<u32>()? {
                let path = folder.join(format!("t{number}.ibd"));
                Maker::new(form, FIRST_TABLE + number)?.write(&path, pages.parse()?, &mut random)?;
                File::options().write(true).open(&path)?.set_len(bytes.parse()?)?;
            }
        }
        _ => bail!("usage: make_tablespace FORMAT MIB FILE, or FORMAT DIRECTORY --tables COUNT PAGES BYTES"),
    }
    Ok(())
}

struct Maker {
    format: PageFormat,
    flags: u32,
    algorithm: Algorithm,
    space: u32,
}

impl Maker {
    fn new(form: &str, space: u32) -> anyhow::Result<Maker> {
        let (flags, algorithm) = match form {
            "crc32" => (0x21, Algorithm::Crc32),
            "innodb" => (0x21, Algorithm::Innodb),
            "none" => (0x21, Algorithm::None),
            "full_crc32" => (0x15, Algorithm::FullCrc32),
            "page_compressed" => (0x35, Algorithm::FullCrc32),
            "zip8" => (0x29, Algorithm::Crc32),
            other => bail!("no such format: {other}"),
        };
        let format = PageFormat::from_flags(flags).context("flags")?;
        Ok(Maker { format, flags, algorithm, space })
    }

    fn write(&self, path: &Path, pages: u32, random: &mut u64) -> anyhow::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for number in 0..pages {
            let mut page = page(&self.format, (self.space, self.flags), number, pages, random);
            stamp(&mut page, &self.format, self.algorithm)
                .context("the layout does not know the algorithm")?;
            out.write_all(&page)?;
        }
        Ok(out.flush()?)
    }
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

fn page(
    format: &PageFormat,
    (space, flags): (u32, u32),
    number: u32,
    pages: u32,
    random: &mut u64,
) -> Vec<u8> {
    let mut page = vec![0; format.physical.bytes()];
    let descriptor = number.is_multiple_of(format.physical.as_u32());
    let kind = match number {
        0 => page_type::FSP_HDR,
        _ if descriptor => page_type::XDES,
        _ if number % format.physical.as_u32() == 1 => page_type::IBUF_BITMAP,
        2 => page_type::INODE,
        // Half of the page is left to a hole.
        _ if format.page_compressed => {
            page_type::FULL_CRC32_COMPRESSED | (format.physical.as_u32() / 512) as u16
        }
        _ => page_type::INDEX,
    };
    if kind == page_type::INDEX || kind & page_type::FULL_CRC32_COMPRESSED != 0 {
        let end = if kind == page_type::INDEX { page.len() } else { page.len() / 2 };
        for word in page[38..end].chunks_exact_mut(8) {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            word.copy_from_slice(&random.to_le_bytes());
        }
    }
    put(&mut page, FIL_PAGE_OFFSET, &number.to_be_bytes());
    put(&mut page, 8, &[0xFF; 8]);
    put(&mut page, FIL_PAGE_LSN, &(1_000_000 + u64::from(number)).to_be_bytes());
    put(&mut page, FIL_PAGE_TYPE, &kind.to_be_bytes());
    if kind & page_type::FULL_CRC32_COMPRESSED == 0 {
        put(&mut page, FIL_PAGE_SPACE_ID, &space.to_be_bytes());
    }
    if number == 0 {
        put(&mut page, FSP_SPACE_ID, &space.to_be_bytes());
        put(&mut page, FSP_SIZE, &pages.to_be_bytes());
        put(&mut page, FSP_FREE_LIMIT, &pages.to_be_bytes());
        put(&mut page, FSP_SPACE_FLAGS, &flags.to_be_bytes());
    }
    if descriptor {
        descriptors(&mut page, format.logical);
    }
    page
}

/// Every extent belongs to one segment, and no page is free.
fn descriptors(page: &mut [u8], logical: PageSize) {
    let extents = page.len() / logical.extent_pages() as usize;
    for extent in 0..extents {
        let at = XDES_ARR_OFFSET + extent * xdes_size(logical);
        put(page, at, &1_u64.to_be_bytes());
        put(page, at + 20, &FSEG.to_be_bytes());
    }
}
