//! What an index is for.

/// What an index is for; decides whether its loss can be mended from the table itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// Holds the rows.
    Clustered,
    /// Secondary, unique.
    Unique,
    /// Secondary.
    Secondary,
    /// Full text (its own tree is empty, the words lie in auxiliary tables).
    FullText,
    /// R-tree.
    Spatial,
    /// The dictionary's own copy inside a tablespace (MySQL 8.0+ SDI).
    Sdi,
    /// The change buffer of the system tablespace.
    ChangeBuffer,
}

impl IndexKind {
    /// Can be made anew from the clustered index: `DROP INDEX` and `ADD INDEX` lose nothing.
    pub fn is_rebuildable(self) -> bool {
        matches!(self, Self::Unique | Self::Secondary | Self::FullText | Self::Spatial)
    }
}
