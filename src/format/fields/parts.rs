//! The parts of a page that repeat, or that depend on other fields.

use std::collections::BTreeSet;

use crate::bytes::{slice_at, u16_at, u32_at, u64_at};
use crate::format::dictionary::sdi;
use crate::format::fields::layouts;
use crate::format::fields::{FIRST_KEY, FieldKind, FieldSummary, LAST_KEY, text};
use crate::format::fil::page_type;
use crate::format::fsp::{Layout, xdes_size};
use crate::format::index_header::PAGE_BTR_SEG_LEAF;
use crate::format::index_header::PAGE_DATA;
use crate::format::index_header::PAGE_N_HEAP;
use crate::format::index_header::index_header;
use crate::format::index_page::key_range;
use crate::format::index_page::show_key;
use crate::format::xdes;
use crate::units::{FIL_NULL, PageNo, SpaceId};

/// `FSP_IBUF_TREE_ROOT_PAGE_NO` in the system tablespace.
const CHANGE_BUFFER_ROOT: PageNo = PageNo(4);

impl FieldSummary<'_> {
    pub(super) fn fsp_header(&mut self) {
        self.lines(layouts::FSP_HDR);
        self.extents();
        if let Some(root) = sdi::root(self.page) {
            let at = crate::format::fsp::xdes_array_end(self.format).saturating_add(sdi::SDI_BEHIND_XDES);
            self.push("SDI root page", root.to_string(), at.saturating_add(4), 4);
        }
    }

    /// One field for each extent that was ever used.
    pub(super) fn extents(&mut self) {
        let descriptor = self.header.page_no;
        for index in 0..xdes::extents_per_page(self.format) {
            let Some(extent) = xdes::extent(self.page, self.format, descriptor, index) else { return };
            if extent.state == xdes::ExtentState::NotInitialised {
                continue;
            }
            let owner = match extent.state {
                xdes::ExtentState::Fseg | xdes::ExtentState::FsegFrag => format!(" {}", extent.segment),
                _ => String::new(),
            };
            let last = extent.first.0.saturating_add(self.format.logical.extent_pages() - 1);
            let (first, state, free) = (extent.first, extent.state, extent.free_pages());
            let value = format!("{state}{owner}, {free} free");
            self.push(format!("pages {first}..{last}"), value, extent.offset, xdes_size(self.format.logical));
        }
    }

    /// File segments: page of `FSEG_INODE` entries behind a list node.
    pub(super) fn inodes(&mut self) {
        const FIRST: usize = 50;
        let half_extent = self.format.logical.extent_pages() as usize / 2;
        let size = half_extent.saturating_mul(4).saturating_add(64);
        self.line("FSEG_INODE_PAGE_NODE", 38, FieldKind::Node);
        // The server leaves ten bytes before the trailer unused (`FSP_SEG_INODES_PER_PAGE`).
        let end = self.page.len().saturating_sub(10);
        for at in (FIRST..end).step_by(size) {
            let Some(entry) = slice_at(self.page, at, size).filter(|_| at.saturating_add(size) <= end) else {
                return;
            };
            if let Some((id, value)) = inode(entry).filter(|(id, _)| *id != 0) {
                self.push(format!("segment {id}"), value, at, size);
            }
        }
    }

    /// Four bits a page: two for free space, one for buffered changes, one for pages of the change buffer itself.
    pub(super) fn ibuf_bitmap(&mut self) {
        const BUFFERED: u8 = 0b0100_0100;
        const IBUF: u8 = 0b1000_1000;
        let len = self.format.physical.bytes() / 2;
        let Some(bits) = slice_at(self.page, PAGE_DATA, len) else { return };
        let count = |mask: u8| bits.iter().map(|b| (b & mask).count_ones()).sum::<u32>().to_string();
        let (buffered, ibuf) = (count(BUFFERED), count(IBUF));
        self.push("pages with buffered changes", buffered, PAGE_DATA, len);
        self.push("pages of the change buffer", ibuf, PAGE_DATA, len);
    }

    pub(super) fn trx_sys(&mut self) {
        const SLOTS: usize = 56;
        const N_SLOTS: usize = 128;
        self.lines(layouts::TRX_SYS);
        if let Some(bytes) = slice_at(self.page, SLOTS, N_SLOTS * 8) {
            let slots = bytes.chunks_exact(8).filter_map(|slot| Some((u32_at(slot, 0)?, u32_at(slot, 4)?)));
            let used: Vec<_> = slots.filter(|&(space, page)| space != FIL_NULL && page != FIL_NULL).collect();
            let spaces: BTreeSet<_> = used.iter().map(|(space, _)| *space).collect();
            let spaces = spaces.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
            let value = format!("{} of {N_SLOTS} slots used, in spaces {spaces}", used.len());
            self.push("TRX_SYS_RSEGS", value, SLOTS, bytes.len());
        }
        self.binlog();
        if let Some(base) = self.page.len().checked_sub(200) {
            self.lines_from(layouts::DOUBLEWRITE, base);
        }
    }

    /// Position in the binary log as of the last commit (`TRX_SYS_MYSQL_LOG_INFO`), where one was written.
    fn binlog(&mut self) {
        const MAGIC: u32 = 873_422_344;
        const NAME_LEN: usize = 512;
        let Some(at) = self.page.len().checked_sub(1000) else { return };
        if u32_at(self.page, at) != Some(MAGIC) {
            return;
        }
        let (offset, name) =
            (u64_at(self.page, at.saturating_add(4)), text(self.page, at.saturating_add(12), NAME_LEN));
        if let (Some(offset), Some(name)) = (offset, name) {
            self.push("TRX_SYS_MYSQL_LOG_OFFSET", offset.to_string(), at.saturating_add(4), 8);
            self.push("TRX_SYS_MYSQL_LOG_NAME", name, at.saturating_add(12), NAME_LEN);
        }
    }

    pub(super) fn rseg_header(&mut self) {
        const SLOTS: usize = 72;
        self.lines(layouts::RSEG);
        let slots = self.page.len() / 16;
        let Some(bytes) = slice_at(self.page, SLOTS, slots.saturating_mul(4)) else { return };
        let used = bytes.chunks_exact(4).filter(|slot| *slot != [0xFF; 4]).count();
        self.push("TRX_RSEG_UNDO_SLOTS", format!("{used} of {slots} slots used"), SLOTS, bytes.len());
    }

    pub(super) fn undo_log(&mut self) {
        const PAGE_LIST_FIRST: usize = 74;
        const LAST_LOG: usize = 58;
        self.lines(layouts::UNDO_PAGE);
        // Only the first page of the segment has its header; the list that is kept there begins with that page.
        if u32_at(self.page, PAGE_LIST_FIRST) != Some(self.header.page_no.0) {
            return;
        }
        self.lines(layouts::UNDO_SEGMENT);
        if let Some(log) = u16_at(self.page, LAST_LOG).filter(|&log| log != 0) {
            self.lines_from(layouts::UNDO_LOG, usize::from(log));
        }
    }

    pub(super) fn rseg_array(&mut self) {
        const PAGES: usize = 56;
        const N_PAGES: usize = 128;
        self.lines(layouts::RSEG_ARRAY);
        let Some(bytes) = slice_at(self.page, PAGES, N_PAGES * 4) else { return };
        let used = bytes.chunks_exact(4).filter(|slot| *slot != [0xFF; 4] && *slot != [0; 4]).count();
        self.push("RSEG_ARRAY_PAGES", format!("{used} of {N_PAGES} pages used"), PAGES, bytes.len());
    }

    pub(super) fn index(&mut self, kind: u16) {
        self.lines(layouts::INDEX);
        if let Some(header) = index_header(self.page) {
            let records = if header.compact { "COMPACT" } else { "REDUNDANT" };
            self.push("PAGE_N_HEAP", format!("{}, {records} records", header.heap_records), PAGE_N_HEAP, 2);
        }
        self.lines(layouts::INDEX_REST);
        let alone = self.header.prev == FIL_NULL && self.header.next == FIL_NULL;
        if alone && (self.header.space_id, self.header.page_no) == (SpaceId::SYSTEM, CHANGE_BUFFER_ROOT) {
            self.lines(layouts::INDEX_IBUF_ROOT);
        } else if alone && u32_at(self.page, PAGE_BTR_SEG_LEAF + 4).is_some_and(|page| page != 0) {
            self.lines(layouts::INDEX_ROOT);
        }
        // R-tree keys are boxes, and the records of a compressed page lie in a zlib stream.
        if kind != page_type::RTREE && self.format.layout != Layout::Zip {
            self.keys();
        }
    }

    fn keys(&mut self) {
        let Some(keys) = key_range(self.page) else { return };
        let chain = if keys.complete { "" } else { ", then the chain breaks" };
        let value = format!("{} reached, {} marked deleted{chain}", keys.records, keys.deleted);
        self.push("user records", value, PAGE_DATA, 0);
        // Where the chain breaks lies rubbish, not the greatest key.
        for (name, key) in [(FIRST_KEY, keys.first), (LAST_KEY, keys.last.filter(|_| keys.complete))] {
            if let Some(key) = key {
                self.push(name, show_key(&key.bytes), key.offset, key.bytes.len());
            }
        }
    }

    /// Lines of a structure that begins at `base`.
    fn lines_from(&mut self, lines: &[crate::format::fields::FieldLine], base: usize) {
        for &(name, offset, kind) in lines {
            self.line(name, base.saturating_add(offset), kind);
        }
    }
}

/// Segment id and description of one `FSEG_INODE` entry.
fn inode(entry: &[u8]) -> Option<(u64, String)> {
    const MAGIC: u32 = 97_937_874;
    let fragments = entry.get(64..)?.chunks_exact(4).filter(|page| *page != [0xFF; 4]).count();
    let extents = |at| u32_at(entry, at);
    let (free, not_full, full) = (extents(12)?, extents(28)?, extents(44)?);
    let magic = if u32_at(entry, 60)? == MAGIC { "" } else { ", bad magic" };
    let value = format!(
        "{fragments} single pages, extents: {full} full, {not_full} not full ({} pages used), {free} free{magic}",
        u32_at(entry, 8)?,
    );
    Some((u64_at(entry, 0)?, value))
}
