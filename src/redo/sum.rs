//! The two check words of log and checkpoint blocks: CRC-32C since MySQL 5.7.9 and MariaDB 10.2, a fold before.

pub(super) use crate::checksum::crc32c;
/// `ut_fold_binary`, low 32 bits: the sum of checkpoint blocks before MySQL 5.7.9 and MariaDB 10.2.
pub(super) use crate::checksum::fold_binary as fold;
