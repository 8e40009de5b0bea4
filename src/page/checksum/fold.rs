//! The legacy fold (`ut_fold_binary` in `ut0rnd.ic`, `ut::hash_binary_ib` in MySQL 8 and 9), one page or many abreast.
//!
//! Arithmetic modulo 2^32 from 0, each byte `x` in order:
//! `h = ((((h ^ x ^ 1653893711) << 8) + h) ^ 1463735687) + x`.
//!
//! Every step waits for the one before, so one page runs at half a gigabyte a second whatever the machine. Pages do
//! not wait for each other: `many` gives each its own 32-bit lane. Tiles of 256 bytes are transposed first, so
//! that word `i` of all pages lies in one row; whole tiles, because equal offsets of pages that are 16 KiB apart
//! share one set of the first-level cache, and a line fetched for half its bytes would be gone before the other half.
//!
//! Measured on one thread of a shared EPYC 7003 at about 2.7 GHz, 16 KiB pages in a 1 MiB buffer, best of many, GB/s:
//! page by page 0.54, 16 abreast in SSE2 4.0, 32 abreast in AVX2 8.0. Hand-written steps reached 8.9, and 11.9 without
//! the transpose; seven operations a byte on four ports end at 12.8. On a Xeon with AVX-512 its vectors took a tenth off
//! a whole scan.

use crate::format::fil::FIL_PAGE_FILE_FLUSH_LSN;
use crate::page::checksum::classic_ranges;

const RANDOM_MASK: u32 = 1_463_735_687;
const RANDOM_MASK2: u32 = 1_653_893_711;

/// Both innodb checksums of a classic page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    /// For offset 0: fold of 4..26 plus fold of 38..`ps-8` (`buf_calc_page_new_checksum`).
    pub new: u32,
    /// For `ps-8`: fold of 0..26, over whatever is stored at 0 (`buf_calc_page_old_checksum`).
    pub old: u32,
}

/// Both sums of one page, byte by byte: the slow twin of [`many`].
pub(super) fn classic(page: &[u8]) -> Sums {
    let (header, body) = classic_ranges(page);
    Sums { new: fold(header).wrapping_add(fold(body)), old: old(page) }
}

/// The sum for `ps-8`, to be taken after the word at 0 is stored.
pub(super) fn old(page: &[u8]) -> u32 {
    fold(page.get(..FIL_PAGE_FILE_FLUSH_LSN).unwrap_or_default())
}

/// `ut_fold_binary`, low 32 bits.
pub(crate) fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |h, &x| step(h, u32::from(x)))
}

#[inline(always)]
fn step(h: u32, x: u32) -> u32 {
    (((h ^ x ^ RANDOM_MASK2) << 8).wrapping_add(h) ^ RANDOM_MASK).wrapping_add(x)
}

/// How many pages [`many`] likes to get at once.
pub const ABREAST: usize = 32;

/// Both sums of each page, for pages of one size. As fast as [`classic`] for one, fourteen times as fast for 32.
pub(super) fn many(pages: &[&[u8]]) -> Vec<Sums> {
    let mut sums = Vec::with_capacity(pages.len());
    let same_size = pages.windows(2).all(|pair| matches!(pair, [a, b] if a.len() == b.len()));
    let tiled = pages.first().is_some_and(|page| page.len() >= 2 * TILE && page.len() % TILE == 0);
    if !same_size || !tiled {
        sums.extend(pages.iter().map(|page| classic(page)));
        return sums;
    }
    for group in pages.chunks(ABREAST) {
        match group {
            [page] => sums.push(classic(page)),
            // A short group fills its lanes with its first page again; measured, this is where it turns.
            group if group.len() <= 8 => extend(&mut sums, group, plain::<8>),
            group => wide(&mut sums, group),
        }
    }
    sums
}

/// The widest way this machine has.
fn wide(sums: &mut Vec<Sums>, group: &[&[u8]]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: as below, of AVX-512.
        return extend(sums, group, |pages: &[&[u8]; ABREAST]| unsafe { avx2::sums_512(pages) });
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the function is made of safe code; all it asks for is a CPU with AVX2, which was just detected.
        // Measured 8.0 GB/s against the 4.0 of the plain lanes.
        return extend(sums, group, |pages: &[&[u8]; ABREAST]| unsafe { avx2::sums(pages) });
    }
    for half in group.chunks(16) {
        extend(sums, half, plain::<16>);
    }
}

fn extend<const N: usize>(
    sums: &mut Vec<Sums>,
    group: &[&[u8]],
    fold: impl FnOnce(&[&[u8]; N]) -> [Sums; N],
) {
    let Some(first) = group.first() else { return };
    let mut pages = [*first; N];
    for (lane, page) in pages.iter_mut().zip(group) {
        *lane = page;
    }
    sums.extend(fold(&pages).into_iter().take(group.len()));
}

/// Bytes of each page that are transposed at a time.
const TILE: usize = 256;
const WORDS: usize = TILE / 4;

/// Row `i` holds word `i` (little-endian, so that its low byte comes first) of `N` pages.
type Tile<const N: usize> = [[u32; N]; WORDS];

/// Lanes that the compiler turns into what vectors the target has.
fn plain<const N: usize>(pages: &[&[u8]; N]) -> [Sums; N] {
    abreast(pages, |pages, at, tile: &mut Tile<N>| {
        for (lane, page) in pages.iter().enumerate() {
            let words = tile_of(page, at).as_chunks::<4>().0;
            for (row, word) in tile.iter_mut().zip(words) {
                if let Some(cell) = row.get_mut(lane) {
                    *cell = u32::from_le_bytes(*word);
                }
            }
        }
    })
}

#[inline(always)]
fn tile_of(page: &[u8], at: usize) -> &[u8; TILE] {
    page.as_chunks().0.get(at).unwrap_or(&[0; TILE])
}

/// Pages are folded in rows of a tile: header twice (for both sums), then the body from 38 to `ps-8`.
#[inline(always)]
#[allow(clippy::indexing_slicing, reason = "constant bounds within a Tile, in the hot loop of a scan")]
fn abreast<const N: usize>(
    pages: &[&[u8]; N],
    transpose: impl Fn(&[&[u8]; N], usize, &mut Tile<N>),
) -> [Sums; N] {
    let tiles = pages.first().map_or(0, |page| page.len() / TILE);
    let mut tile: Tile<N> = [[0; N]; WORDS];
    let (mut old, mut new, mut body) = ([0; N], [0; N], [0; N]);
    transpose(pages, 0, &mut tile);
    // 0..24 and 4..24 in whole words, 24..26 is the low half of word 6; 38..40 the high half of word 9.
    fold_words(&mut old, &tile[..6]);
    fold_words(&mut new, &tile[1..6]);
    fold_bytes(&mut old, &tile[6], [0, 8]);
    fold_bytes(&mut new, &tile[6], [0, 8]);
    fold_bytes(&mut body, &tile[9], [16, 24]);
    fold_words(&mut body, &tile[10..]);
    for at in 1..tiles {
        transpose(pages, at, &mut tile);
        let trailer = if at + 1 == tiles { 2 } else { 0 };
        fold_words(&mut body, &tile[..WORDS - trailer]);
    }
    std::array::from_fn(|lane| Sums { new: new[lane].wrapping_add(body[lane]), old: old[lane] })
}

#[inline(always)]
fn fold_words<const N: usize>(h: &mut [u32; N], words: &[[u32; N]]) {
    // A copy, for the compiler to keep in registers.
    let mut lanes = *h;
    for word in words {
        fold_bytes(&mut lanes, word, [0, 8, 16, 24]);
    }
    *h = lanes;
}

#[inline(always)]
fn fold_bytes<const N: usize, const B: usize>(h: &mut [u32; N], word: &[u32; N], shifts: [u32; B]) {
    for shift in shifts {
        for (h, word) in h.iter_mut().zip(word) {
            *h = step(*h, (word >> shift) & 0xFF);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! The same with a transpose in registers; the compiler makes AVX2 of the steps as they stand.

    use std::arch::x86_64::*;

    use super::{ABREAST, Sums, TILE, Tile, abreast, tile_of};

    #[target_feature(enable = "avx2")]
    pub(super) fn sums(pages: &[&[u8]; ABREAST]) -> [Sums; ABREAST] {
        abreast(pages, |pages, at, tile| transpose(pages, at, tile))
    }

    /// The steps in vectors twice as wide, with one operation for two exclusive ors.
    #[target_feature(enable = "avx512f,avx2")]
    pub(super) fn sums_512(pages: &[&[u8]; ABREAST]) -> [Sums; ABREAST] {
        abreast(pages, |pages, at, tile| transpose(pages, at, tile))
    }

    /// Eight pages and four words at a time.
    #[inline]
    #[target_feature(enable = "avx2")]
    #[allow(clippy::indexing_slicing, reason = "constant bounds within a Tile, in the hot loop of a scan")]
    fn transpose(pages: &[&[u8]; ABREAST], at: usize, tile: &mut Tile<ABREAST>) {
        for (eighth, group) in pages.as_chunks::<8>().0.iter().enumerate() {
            let p = group.map(|page| tile_of(page, at).as_chunks::<16>().0);
            for column in 0..TILE / 16 {
                let row = |i: usize| pair(&p[i][column], &p[i + 4][column]);
                let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
                let (low01, high01) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
                let (low23, high23) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
                let words = [
                    _mm256_unpacklo_epi64(low01, low23),
                    _mm256_unpackhi_epi64(low01, low23),
                    _mm256_unpacklo_epi64(high01, high23),
                    _mm256_unpackhi_epi64(high01, high23),
                ];
                for (i, word) in words.into_iter().enumerate() {
                    tile[column * 4 + i].as_chunks_mut::<8>().0[eighth] = lanes(word);
                }
            }
        }
    }

    /// 16 bytes of page `i` below, 16 of page `i + 4` above: one load each.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pair(low: &[u8; 16], high: &[u8; 16]) -> __m256i {
        _mm256_set_m128i(load(high), load(low))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; 16]) -> __m128i {
        let all = u128::from_le_bytes(*bytes);
        _mm_set_epi64x((all >> 64) as i64, all as i64)
    }

    /// The eight lanes as numbers: one store, once the compiler has seen through it.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn lanes(vector: __m256i) -> [u32; 8] {
        let [a, b] = two(_mm256_castsi256_si128(vector));
        let [c, d] = two(_mm256_extracti128_si256::<1>(vector));
        let (low, high) = (|w: u64| w as u32, |w: u64| (w >> 32) as u32);
        [low(a), high(a), low(b), high(b), low(c), high(c), low(d), high(d)]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn two(half: __m128i) -> [u64; 2] {
        [_mm_cvtsi128_si64(half) as u64, _mm_extract_epi64::<1>(half) as u64]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folds_known_by_heart() {
        assert_eq!(fold(&[]), 0);
        assert_eq!(fold(&[0]), 0xC354_9A87);
        assert_eq!(fold(b"abc"), 0x7666_C7B9);
        assert_eq!(fold(b"123456789"), 0xBFC5_157C);
    }

    fn slow(pages: &[&[u8]]) -> Vec<Sums> {
        pages.iter().map(|page| classic(page)).collect()
    }

    fn plain_abreast<const N: usize>(group: &[&[u8]]) -> Vec<Sums> {
        let mut sums = Vec::new();
        for group in group.chunks(N) {
            extend(&mut sums, group, plain::<N>);
        }
        sums
    }

    /// Bytes without a pattern that lanes could hide behind.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn any_number_of_pages_of_any_size_abreast() {
        for size in [1024, 2048, 4096, 8192, 16384, 32768, 65536] {
            let bytes = noise(size * 67);
            let pages: Vec<&[u8]> = bytes.chunks(size).collect();
            let slow = slow(&pages);
            for count in [0, 1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 40, 41, 63, 64, 65, 67] {
                assert_eq!(many(&pages[..count]), slow[..count], "{count} pages of {size}");
            }
            assert_eq!(plain_abreast::<16>(&pages), slow);
            assert_eq!(plain_abreast::<8>(&pages), slow);
        }
    }

    /// Where AVX-512 is there, [`many`] never comes to AVX2.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn narrower_vectors_of_the_same_machine() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let bytes = noise(4096 * ABREAST);
        let pages: Vec<&[u8]> = bytes.chunks(4096).collect();
        let mut sums = Vec::new();
        // SAFETY: AVX2 was just detected.
        extend(&mut sums, &pages, |pages: &[&[u8]; ABREAST]| unsafe { avx2::sums(pages) });
        assert_eq!(sums, slow(&pages));
    }

    #[test]
    fn odd_pages_take_the_slow_way() {
        let bytes = noise(5000);
        for pages in [[&bytes[..1000], &bytes[..1000]], [&bytes[..1024], &bytes[..2048]], [&[], &[]]] {
            assert_eq!(many(&pages), slow(&pages));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn fast_equals_slow(bytes in proptest::collection::vec(any::<u8>(), 1024 * 40), count in 0..41_usize) {
            let pages: Vec<&[u8]> = bytes.chunks(1024).take(count).collect();
            prop_assert_eq!(many(&pages), slow(&pages));
            prop_assert_eq!(plain_abreast::<16>(&pages), slow(&pages));
        }
    }
}
