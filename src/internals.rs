//! What the tests, the fuzz targets and the benches reach of the inside, at the places where it stands. No part of the
//! public interface: it changes without notice. An item that stands here and is used by nothing else in the crate is kept
//! for its test alone.
#![allow(missing_docs)]

pub mod cli {
    pub mod resume {
        pub use crate::cli::resume::Resume;
    }
}
pub mod commands {
    pub mod capture {
        pub use crate::commands::capture::{CaptureOptions, save};
    }
    pub mod carve {
        pub use crate::commands::carve::{ProbedSizes, probe, probe_next, probe_reduced};
    }
    pub mod check {
        pub mod baseline {
            pub use crate::commands::check::baseline::{Baseline, BaselineOwner};
        }
    }
    pub mod dump {
        pub use crate::commands::dump::{DumpSelection, Inventory};
    }
    pub mod explain_log {
        pub use crate::commands::explain_log::read;
    }
    pub mod page {
        pub use crate::commands::page::Lookup;
    }
    pub mod restore {
        pub use crate::commands::restore::{
            CopyRef, Here, JournalName, PageOutcome, Pass, Plan, PlannedPage, RestoreRules, RestoreSelection,
            World, apply_plan, choose, run,
        };
        pub mod journal {
            pub use crate::commands::restore::journal::{Journal, JournalFile, JournalPage, Mark, PassKind};
            pub mod read {
                pub use crate::commands::restore::journal::read::open;
            }
            pub mod write {
                pub use crate::commands::restore::journal::write::encode;
            }
        }
        pub mod journal_names {
            pub use crate::commands::restore::journal_names::existing;
        }
        pub mod plan_file {
            pub use crate::commands::restore::plan_file::{PlanFile, export, matches};
        }
        pub mod revert {
            pub use crate::commands::restore::revert::{plan, run};
        }
    }
    pub mod scan {
        pub use crate::commands::scan::{
            Counts, Damage, FileFinding, Ground, Observer, PageRow, RowState, ScanOptions, ScanTarget,
            Scanned, Shown, scan,
        };
        pub mod finding {
            pub use crate::commands::scan::finding::PageRow;
        }
    }
}
pub mod disk {
    pub mod calls {
        pub use crate::disk::calls::{Access, CopyMethod, Disk, ReadBack, Stat};
    }
    pub mod lock {
        pub use crate::disk::lock::Holder;
    }
    pub mod output {
        pub use crate::disk::output::Untouchable;
    }
    pub mod real {
        pub use crate::disk::real::RealDisk;
    }
    pub mod run {
        pub use crate::disk::run::Cache;
    }
}
pub mod format {
    pub use crate::format::{Names, PageSource};
    pub mod crypt_info {
        pub use crate::format::crypt_info::{mariadb_crypt_data, mysql_encryption_info};
    }
    pub mod dictionary {
        pub mod sdi {
            pub use crate::format::dictionary::sdi::{each_json, each_table, root};
        }
        pub mod sys_columns {
            pub use crate::format::dictionary::sys_columns::key;
        }
        pub mod sys_tables {
            pub use crate::format::dictionary::sys_tables::read;
        }
    }
    pub mod fields {
        pub use crate::format::fields::page_fields;
    }
    pub mod fil {
        pub use crate::format::fil::FilHeader;
        pub mod page_type {
            pub use crate::format::fil::page_type::{FSP_HDR, IBUF_BITMAP, INDEX, INODE, SYS, TRX_SYS};
        }
    }
    pub mod fsp {
        pub use crate::format::fsp::{
            Encryption, FspHeader, Layout, PageFormat, XDES_ARR_OFFSET, xdes_array_end, xdes_size,
        };
    }
    pub mod index_header {
        pub use crate::format::index_header::index_header;
    }
    pub mod index_page {
        pub use crate::format::index_page::key_range;
    }
    pub mod key {
        pub use crate::format::key::{ColumnKind, IndexKey, KeyColumn, Width};
    }
    pub mod record {
        pub use crate::format::record::user_records;
    }
    pub mod redo_record {
        pub use crate::format::redo_record::{MtrRecords, PageId, RedoRecord, each_payload};
    }
    pub mod reduced {
        pub use crate::format::reduced::parse_reduced;
    }
    pub mod segment {
        pub use crate::format::segment::segment;
    }
    pub mod trx_sys {
        pub use crate::format::trx_sys::DoublewriteHeader;
    }
    pub mod xdes {
        pub use crate::format::xdes::{descriptor_page, extent_of, page_state};
    }
}
pub mod instance {
    pub mod bundle {
        pub use crate::instance::bundle::{FileEntry, LinkTarget, Manifest, StoredRequest};
        pub mod open {
            pub use crate::instance::bundle::open::open;
        }
        pub mod read {
            pub use crate::instance::bundle::read::{BundleReader, BundleRecord, check};
        }
        pub mod unpack {
            pub use crate::instance::bundle::unpack::Bundle;
        }
        pub mod write {
            pub use crate::instance::bundle::write::Writer;
        }
    }
    pub mod config {
        pub use crate::instance::config::Config;
    }
    pub mod dblwr {
        pub use crate::instance::dblwr::{SeparateFile, locate_parallel};
    }
    pub mod discover {
        pub use crate::instance::discover::{discover, read_isl};
    }
    pub mod identify {
        pub use crate::instance::identify::format_of_page0;
    }
    pub mod identity {
        pub use crate::instance::identity::server_uuid;
    }
    pub mod locations {
        pub use crate::instance::locations::Locations;
    }
    pub mod redo {
        pub use crate::instance::redo::{FoundRedo, read, shutdown};
        pub mod history {
            pub use crate::instance::redo::history::{Census, Change, Changes, Log};
        }
    }
    pub mod request {
        pub use crate::instance::request::Request;
    }
    pub mod spaces {
        pub use crate::instance::spaces::{Owner, Tablespace};
    }
}
pub mod page {
    pub use crate::page::{PageState, judge};
    pub mod checksum {
        pub use crate::page::checksum::{Algorithm, Examined, crc32c, examine, examine_run, stamp};
    }
    pub mod diagnose {
        pub use crate::page::diagnose::classify;
    }
    pub mod forward {
        pub use crate::page::forward::Frame;
    }
    pub mod keyring {
        pub use crate::page::keyring::Keyring;
    }
    pub mod sectors {
        pub use crate::page::sectors::{SectorMatch, sector_match};
    }
    pub mod transform {
        pub use crate::page::transform::{
            Revealed, SpaceKey, candidates, decompress_with, decrypt, encrypt, reveal,
        };
        pub mod cipher {
            pub use crate::page::transform::cipher::AesMode;
        }
        pub mod seal {
            pub use crate::page::transform::seal::{encrypt, key_version, mode_of};
        }
        pub mod codec {
            pub use crate::page::transform::codec::expand;
        }
        pub mod mariadb {
            pub use crate::page::transform::mariadb::classic;
        }
        pub mod mysql {
            pub use crate::page::transform::mysql::transparent;
        }
    }
}
pub mod report {
    pub mod decoded {
        pub use crate::report::decoded::DecodedPage;
    }
    pub mod dump {
        pub use crate::report::dump::DumpReport;
    }
    pub mod explain_log {
        pub use crate::report::explain_log::ExplainReport;
    }
    pub mod locate {
        pub use crate::report::locate::LocateReport;
    }
    pub mod restore {
        pub use crate::report::restore::RestoreReport;
    }
    pub mod verify {
        pub use crate::report::verify::VerifyReport;
    }
}
pub mod units {
    pub use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
}
pub mod verdict {
    pub use crate::verdict::Verdict;
    pub mod home {
        pub use crate::verdict::home::HomeState;
    }
    pub mod predict {
        pub use crate::verdict::predict::Prediction;
    }
    pub mod rebuild {
        pub use crate::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};
    }
    pub mod survey {
        pub use crate::verdict::survey::Survey;
    }
}
