//! Compressing a page again, in the frame that it was stored in: for redaction, where the contents have changed.

use std::io::Write;

use crate::bytes::{put_u16, u8_at, u16_at, u32_at, u64_at};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::{Codec, Layout, PageFormat};
use crate::page::frame;
use crate::page::transform::codec::needs_exact_length;
use crate::page::transform::mariadb::{
    COMPRESSED_HEADER, ENCRYPTED_HEADER, FIL_PAGE_COMP_ALGO, FIL_PAGE_COMP_SIZE, FIL_PAGE_ENCRYPT_COMP_ALGO,
    FIL_PAGE_FCRC32_CHECKSUM, FULL_CRC32_HEADER,
};
use crate::page::transform::mysql::{FIL_PAGE_ALGORITHM_V1, FIL_PAGE_COMPRESS_SIZE_V1};

/// Stores `clear`, the changed contents of `page`, in the frame of `page`. The checksum of a full_crc32 frame is left
/// to be stamped. `None` where it does not fit or the frame is none of those that servers write.
pub(crate) fn recompress(page: &[u8], format: &PageFormat, clear: &[u8]) -> Option<Vec<u8>> {
    if format.layout == Layout::FullCrc32 {
        return full_crc32(page, format.codec?, clear);
    }
    match u16_at(page, FIL_PAGE_TYPE)? {
        page_type::COMPRESSED => mysql(page, clear),
        page_type::MARIADB_PAGE_COMPRESSED => {
            let codec = u64_at(page, FIL_PAGE_COMP_ALGO).and_then(|n| u32::try_from(n).ok())?;
            mariadb(page, COMPRESSED_HEADER, codec, clear)
        }
        page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED if u32_at(page, FIL_PAGE_FILE_FLUSH_LSN) == Some(0) => {
            let codec = u16_at(page, FIL_PAGE_ENCRYPT_COMP_ALGO).map(u32::from)?;
            mariadb(page, ENCRYPTED_HEADER, codec, clear)
        }
        _ => None,
    }
}

fn frame(page: &[u8], header: usize, payload: &[u8]) -> Option<Vec<u8>> {
    let mut out = page.get(..header)?.to_vec();
    out.extend_from_slice(payload);
    (out.len() <= page.len()).then(|| {
        out.resize(page.len(), 0);
        out
    })
}

fn mysql(page: &[u8], clear: &[u8]) -> Option<Vec<u8>> {
    let codec = match u8_at(page, FIL_PAGE_ALGORITHM_V1)? {
        1 => Codec::Zlib,
        2 => Codec::Lz4,
        _ => return None,
    };
    let payload = compress(codec, clear.get(FIL_PAGE_DATA..)?)?;
    let mut out = frame(page, FIL_PAGE_DATA, &payload)?;
    // The checksum in front is that of the page before compression.
    out.get_mut(..4)?.copy_from_slice(clear.get(..4)?);
    put_u16(&mut out, FIL_PAGE_COMPRESS_SIZE_V1, payload.len())?;
    Some(out)
}

fn mariadb(page: &[u8], header: usize, codec: u32, clear: &[u8]) -> Option<Vec<u8>> {
    let payload = compress(Codec::from_mariadb(codec)?, clear)?;
    let mut out = frame(page, header, &payload)?;
    put_u16(&mut out, FIL_PAGE_COMP_SIZE, payload.len())?;
    Some(out)
}

/// The size stays as it was where the stream marks its own end, so that the page type does not change.
fn full_crc32(page: &[u8], codec: Codec, clear: &[u8]) -> Option<Vec<u8>> {
    let payload = compress(codec, clear)?;
    let exact = needs_exact_length(codec);
    let used = FULL_CRC32_HEADER + payload.len() + usize::from(exact) + FIL_PAGE_FCRC32_CHECKSUM;
    let least = used.div_ceil(frame::COMPRESSED_UNIT) * frame::COMPRESSED_UNIT;
    let size =
        if exact { least } else { least.max(u16_at(page, FIL_PAGE_TYPE).and_then(frame::full_crc32_size)?) };
    if size >= page.len() {
        return None;
    }
    let mut out = frame(page, FULL_CRC32_HEADER, &payload)?;
    put_u16(
        &mut out,
        FIL_PAGE_TYPE,
        usize::from(page_type::FULL_CRC32_COMPRESSED) | (size / frame::COMPRESSED_UNIT),
    )?;
    if exact {
        *out.get_mut(size.checked_sub(5)?)? = u8::try_from(used % frame::COMPRESSED_UNIT).ok()?;
    }
    Some(out)
}

fn compress(codec: Codec, data: &[u8]) -> Option<Vec<u8>> {
    match codec {
        Codec::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
            encoder.write_all(data).ok()?;
            encoder.finish().ok()
        }
        Codec::Lz4 => Some(lz4_flex::block::compress(data)),
        Codec::Lzo => lzokay::compress::compress(data).ok(),
        Codec::Lzma => {
            use liblzma::stream::{Action, Check, Stream};
            let mut stream = Stream::new_easy_encoder(6, Check::None).ok()?;
            let mut out = vec![0; data.len() + 1024];
            stream.process(data, &mut out, Action::Finish).ok()?;
            out.truncate(usize::try_from(stream.total_out()).ok()?);
            Some(out)
        }
        Codec::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(data).ok()?;
            encoder.finish().ok()
        }
        Codec::Snappy => snap::raw::Encoder::new().compress_vec(data).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::transform::{Decompressed, decompress};
    use crate::units::PageSize;

    const CODECS: [(u32, Codec); 6] = [
        (1, Codec::Zlib),
        (2, Codec::Lz4),
        (3, Codec::Lzo),
        (4, Codec::Lzma),
        (5, Codec::Bzip2),
        (6, Codec::Snappy),
    ];

    fn clear() -> Vec<u8> {
        let mut page = vec![0u8; 16384];
        page[4..8].copy_from_slice(&7u32.to_be_bytes());
        page[16..24].copy_from_slice(&99u64.to_be_bytes());
        page[38..4000].iter_mut().enumerate().for_each(|(i, byte)| *byte = (i % 8) as u8);
        page
    }

    fn outer(page_type: u16) -> Vec<u8> {
        let mut page = vec![0u8; 16384];
        page[..24].copy_from_slice(&clear()[..24]);
        page[24..26].copy_from_slice(&page_type.to_be_bytes());
        page
    }

    #[test]
    fn every_frame_and_codec_gives_back_the_new_contents() {
        let size = PageSize::DEFAULT;
        for (number, codec) in CODECS {
            let full =
                PageFormat { codec: Some(codec), page_compressed: true, ..PageFormat::full_crc32(size) };
            let stored = recompress(&outer(0x8000 | 8), &full, &clear()).unwrap();
            assert_eq!(decompress(&stored, &full), Decompressed::Page(clear()), "{codec:?} full_crc32");

            let classic = PageFormat::classic(size);
            let mut page = outer(page_type::MARIADB_PAGE_COMPRESSED);
            page[..4].copy_from_slice(&0xDEAD_BEEFu32.to_be_bytes());
            page[26..34].copy_from_slice(&u64::from(number).to_be_bytes());
            let stored = recompress(&page, &classic, &clear()).unwrap();
            assert_eq!(decompress(&stored, &classic), Decompressed::Page(clear()), "{codec:?} classic");
        }
        let mut page = outer(page_type::COMPRESSED);
        page[26..34].copy_from_slice(&[1, 1, 0, 0, 0x3F, 0xDA, 0, 0]);
        let stored = recompress(&page, &PageFormat::classic(size), &clear()).unwrap();
        let Decompressed::Page(back) = decompress(&stored, &PageFormat::classic(size)) else { panic!() };
        assert_eq!(back[38..], clear()[38..]);
    }
}
