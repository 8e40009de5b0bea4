//! AES as the servers call it: whole blocks, no padding, and two ways to deal with a last block that is not whole.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyInit, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use zeroize::Zeroizing;

/// Bytes in a block, `MY_AES_BLOCK_SIZE`.
pub const BLOCK: usize = 16;

/// One block encrypted with a key of 16, 24 or 32 bytes; `None` for keys of other lengths.
pub fn ecb_encrypt_block(key: &[u8], block: &[u8; BLOCK]) -> Option<Zeroizing<[u8; BLOCK]>> {
    let mut out = Zeroizing::new(*block);
    match key.len() {
        16 => ecb::Encryptor::<Aes128>::new_from_slice(key).ok()?.encrypt_block_mut((&mut *out).into()),
        24 => ecb::Encryptor::<Aes192>::new_from_slice(key).ok()?.encrypt_block_mut((&mut *out).into()),
        32 => ecb::Encryptor::<Aes256>::new_from_slice(key).ok()?.encrypt_block_mut((&mut *out).into()),
        _ => return None,
    }
    Some(out)
}

/// AES-256-ECB over whole blocks; `None` where key or data have another length.
pub fn ecb256_decrypt(key: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(data.to_vec());
    let cipher = ecb::Decryptor::<Aes256>::new_from_slice(key).ok()?;
    cipher.decrypt_padded_mut::<NoPadding>(&mut out).ok()?;
    Some(out)
}

/// AES-256-CBC over whole blocks, in place; `None` where a length does not fit.
pub fn cbc256_decrypt(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()> {
    let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_mut::<NoPadding>(data).ok().map(|_| ())
}

/// AES-256-CBC over whole blocks, in place; `None` where a length does not fit.
pub fn cbc256_encrypt(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()> {
    let cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, iv).ok()?;
    let len = data.len();
    cipher.encrypt_padded_mut::<NoPadding>(data, len).ok().map(|_| ())
}

/// AES-128-CBC, in place. What is left behind the last whole block is XORed with the encrypted IV (`MyCTX_nopad`,
/// `my_crypt.cc`, MariaDB 10.1 to 11.8).
pub fn cbc128_decrypt_with_tail(key: &[u8], iv: &[u8; BLOCK], data: &mut [u8]) -> Option<()> {
    let whole = data.len() - data.len() % BLOCK;
    let (blocks, tail) = data.split_at_mut_checked(whole)?;
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded_mut::<NoPadding>(blocks).ok()?;
    let mask = ecb_encrypt_block(key, iv)?;
    tail.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    Some(())
}

/// What [`cbc128_decrypt_with_tail`] undoes.
pub fn cbc128_encrypt_with_tail(key: &[u8], iv: &[u8; BLOCK], data: &mut [u8]) -> Option<()> {
    let whole = data.len() - data.len() % BLOCK;
    let (blocks, tail) = data.split_at_mut_checked(whole)?;
    let cipher = cbc::Encryptor::<Aes128>::new_from_slices(key, iv).ok()?;
    cipher.encrypt_padded_mut::<NoPadding>(blocks, whole).ok()?;
    let mask = ecb_encrypt_block(key, iv)?;
    tail.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    Some(())
}

/// How MariaDB's key plugin uses AES (`file_key_management_encryption_algorithm`, CBC unless told otherwise); it stands
/// nowhere in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AesMode {
    /// `AES_CBC`.
    Cbc,
    /// `AES_CTR`.
    Ctr,
}

impl AesMode {
    /// Both, the usual one first.
    pub const ALL: [AesMode; 2] = [AesMode::Cbc, AesMode::Ctr];

    /// In place, with a key of 16 bytes; `None` where a length does not fit.
    pub fn decrypt(self, key: &[u8], iv: &[u8; BLOCK], data: &mut [u8]) -> Option<()> {
        match self {
            AesMode::Cbc => cbc128_decrypt_with_tail(key, iv, data),
            AesMode::Ctr => ctr128(key, iv, data),
        }
    }

    /// The reverse of [`AesMode::decrypt`].
    pub fn encrypt(self, key: &[u8], iv: &[u8; BLOCK], data: &mut [u8]) -> Option<()> {
        match self {
            AesMode::Cbc => cbc128_encrypt_with_tail(key, iv, data),
            AesMode::Ctr => ctr128(key, iv, data),
        }
    }
}

/// AES-128-CTR with a counter of 128 bits, big end first, in place; encrypts and decrypts.
pub fn ctr128(key: &[u8], iv: &[u8; BLOCK], data: &mut [u8]) -> Option<()> {
    let mut cipher = ctr::Ctr128BE::<Aes128>::new_from_slices(key, iv).ok()?;
    cipher.try_apply_keystream(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
            .collect()
    }

    /// NIST SP 800-38A, F.1.1, F.1.3, F.1.5 (ECB), F.2.1 (CBC), F.5.1 (CTR): first block of each.
    #[test]
    fn vectors_of_the_standard() {
        let plain: [u8; 16] = hex("6bc1bee22e409f96e93d7e117393172a").try_into().unwrap();
        let iv: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let key128 = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let key192 = hex("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b");
        let key256 = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        for (key, cipher) in [
            (&key128, "3ad77bb40d7a3660a89ecaf32466ef97"),
            (&key192, "bd334f1d6e45f25ff712a214571fa5cc"),
            (&key256, "f3eed1bdb5d2a03c064b5a7e3db181f8"),
        ] {
            assert_eq!(ecb_encrypt_block(key, &plain).unwrap().to_vec(), hex(cipher));
        }
        assert_eq!(*ecb256_decrypt(&key256, &hex("f3eed1bdb5d2a03c064b5a7e3db181f8")).unwrap(), plain);
        let mut data = hex("7649abac8119b246cee98e9b12e9197d");
        cbc128_decrypt_with_tail(&key128, &iv, &mut data).unwrap();
        assert_eq!(data, plain);
        let mut data = hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6");
        cbc256_decrypt(&key256, &iv, &mut data).unwrap();
        assert_eq!(data, plain);
        cbc256_encrypt(&key256, &iv, &mut data).unwrap();
        assert_eq!(data, hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"));
        let counter: [u8; 16] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let mut data = hex("874d6191b620e3261bef6864990db6ce");
        ctr128(&key128, &counter, &mut data).unwrap();
        assert_eq!(data, plain);
    }

    #[test]
    fn lengths_that_do_not_fit_are_none() {
        assert!(ecb_encrypt_block(&[0; 15], &[0; 16]).is_none());
        assert!(ecb256_decrypt(&[0; 16], &[0; 16]).is_none());
        assert!(ecb256_decrypt(&[0; 32], &[0; 17]).is_none());
        assert!(cbc256_decrypt(&[0; 32], &[0; 16], &mut [0; 17]).is_none());
        assert!(cbc256_decrypt(&[0; 32], &[0; 15], &mut [0; 16]).is_none());
        assert!(ctr128(&[0; 32], &[0; 16], &mut [0; 3]).is_none());
    }
}
