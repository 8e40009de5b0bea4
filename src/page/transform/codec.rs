//! The compressors that servers use for whole pages, each bounded by the size that must come out.
//!
//! Nothing here trusts a length inside the stream: the output buffer is one byte larger than the page, and a stream
//! that does not fill exactly the page is a fault. So no input can make more than a page of memory, except LZMA, whose
//! dictionary is allocated up front, with a limit of 80 MiB.
//!
//! Source: `fil_page_decompress_low` (MariaDB 10.3 and 10.5), `os_file_decompress_page` (MySQL 9.7).

use crate::format::fsp::Codec;
use crate::page::transform::TransformFault;

/// What an LZMA stream may allocate, in bytes: level 9, the highest that servers write, needs 64 MiB and a little.
const LZMA_MEMORY: u64 = 80 << 20;

/// Expands `input` to exactly `len` bytes; the error says what the stream did instead.
///
/// # Errors
/// The stream is damaged, or does not end after `len` bytes.
pub fn expand(codec: Codec, input: &[u8], len: usize) -> Result<Vec<u8>, TransformFault> {
    // One spare byte: a stream that is too long is then seen as such, not as one that ends well.
    let mut out = vec![0; len.saturating_add(1)];
    let written = match codec {
        Codec::Zlib => zlib(input, &mut out),
        Codec::Lz4 => lz4_flex::block::decompress_into(input, &mut out).map_err(told(codec)),
        Codec::Lzo => lzokay::decompress::decompress(input, &mut out).map_err(told(codec)),
        Codec::Lzma => lzma(input, &mut out),
        Codec::Bzip2 => bzip2(input, &mut out),
        Codec::Snappy => snappy(input, &mut out),
    }?;
    if written != len {
        return Err(TransformFault::Holds(codec, written, len));
    }
    out.truncate(len);
    Ok(out)
}

/// Whether the stream does not mark its own end, so that its exact length must be known
/// (`fil_space_t::full_crc32_page_compressed_len`, MariaDB 10.5).
pub fn needs_exact_length(codec: Codec) -> bool {
    matches!(codec, Codec::Lz4 | Codec::Lzo | Codec::Snappy)
}

/// What a decoder says of its stream.
fn told<E: ToString>(codec: Codec) -> impl Fn(E) -> TransformFault {
    move |error| TransformFault::Stream(codec, error.to_string())
}

fn zlib(input: &[u8], out: &mut [u8]) -> Result<usize, TransformFault> {
    let mut stream = flate2::Decompress::new(true);
    match stream.decompress(input, out, flate2::FlushDecompress::Finish) {
        Ok(flate2::Status::StreamEnd) => Ok(usize::try_from(stream.total_out()).unwrap_or(usize::MAX)),
        Ok(_) => Err(TransformFault::NoEnd(Codec::Zlib)),
        Err(e) => Err(TransformFault::Stream(Codec::Zlib, e.to_string())),
    }
}

fn lzma(input: &[u8], out: &mut [u8]) -> Result<usize, TransformFault> {
    use liblzma::stream::{Action, Status, Stream};
    let mut stream = Stream::new_stream_decoder(LZMA_MEMORY, 0).map_err(told(Codec::Lzma))?;
    match stream.process(input, out, Action::Finish) {
        Ok(Status::StreamEnd) => Ok(usize::try_from(stream.total_out()).unwrap_or(usize::MAX)),
        Ok(_) => Err(TransformFault::NoEnd(Codec::Lzma)),
        Err(e) => Err(TransformFault::Stream(Codec::Lzma, e.to_string())),
    }
}

fn bzip2(input: &[u8], out: &mut [u8]) -> Result<usize, TransformFault> {
    let mut stream = bzip2::Decompress::new(false);
    match stream.decompress(input, out) {
        Ok(bzip2::Status::StreamEnd) => Ok(usize::try_from(stream.total_out()).unwrap_or(usize::MAX)),
        Ok(_) => Err(TransformFault::NoEnd(Codec::Bzip2)),
        Err(e) => Err(TransformFault::Stream(Codec::Bzip2, e.to_string())),
    }
}

fn snappy(input: &[u8], out: &mut [u8]) -> Result<usize, TransformFault> {
    let stated = snap::raw::decompress_len(input).map_err(told(Codec::Snappy))?;
    if stated > out.len() {
        return Ok(stated);
    }
    snap::raw::Decoder::new().decompress(input, out).map_err(told(Codec::Snappy))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    pub const ALL: [Codec; 6] =
        [Codec::Zlib, Codec::Lz4, Codec::Lzo, Codec::Lzma, Codec::Bzip2, Codec::Snappy];

    /// What the servers' compressors write, by the libraries' own encoders.
    pub fn compress(codec: Codec, data: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Lz4 => lz4_flex::block::compress(data),
            Codec::Lzo => lzokay::compress::compress(data).unwrap(),
            Codec::Lzma => {
                let mut stream =
                    liblzma::stream::Stream::new_easy_encoder(6, liblzma::stream::Check::None).unwrap();
                let mut out = vec![0; data.len() + 1024];
                stream.process(data, &mut out, liblzma::stream::Action::Finish).unwrap();
                out.truncate(stream.total_out() as usize);
                out
            }
            Codec::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Snappy => snap::raw::Encoder::new().compress_vec(data).unwrap(),
        }
    }

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|i| if i % 7 < 4 { b'a' } else { (i / 97) as u8 }).collect()
    }

    #[test]
    fn every_codec_gives_back_what_went_in_and_nothing_else() {
        let data = text(16384);
        for codec in ALL {
            let packed = compress(codec, &data);
            assert!(packed.len() < 8192, "{codec:?}");
            assert_eq!(expand(codec, &packed, data.len()).unwrap(), data, "{codec:?}");
            assert!(expand(codec, &packed, data.len() - 1).is_err(), "{codec:?}: one byte too much");
            assert!(expand(codec, &packed, data.len() + 1).is_err(), "{codec:?}: one byte too little");
            assert!(expand(codec, &packed[..packed.len() / 2], data.len()).is_err(), "{codec:?}: cut");
            assert!(expand(codec, &[], data.len()).is_err(), "{codec:?}: empty");
        }
    }

    #[test]
    fn a_bomb_ends_at_the_page() {
        let bomb = vec![0; 32 << 20];
        for codec in [Codec::Zlib, Codec::Lz4, Codec::Bzip2, Codec::Lzma, Codec::Snappy] {
            assert!(expand(codec, &compress(codec, &bomb), 16384).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn streams_that_mark_their_end_may_be_followed_by_padding() {
        let data = text(4096);
        for codec in ALL.into_iter().filter(|&c| !needs_exact_length(c)) {
            let mut packed = compress(codec, &data);
            packed.extend_from_slice(&[0; 100]);
            assert_eq!(expand(codec, &packed, 4096).unwrap(), data, "{codec:?}");
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let data = text(4096);
        for codec in ALL {
            let packed = compress(codec, &data);
            for at in 0..packed.len().min(600) {
                for flip in [0x01, 0x80, 0xFF] {
                    let mut bad = packed.clone();
                    bad[at] ^= flip;
                    let _ = expand(codec, &bad, 4096);
                }
            }
        }
    }
}
