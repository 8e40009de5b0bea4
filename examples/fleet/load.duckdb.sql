-- Views over scans/*.jsonl for DuckDB. The columns are named, so that a fleet without any damage has them too.
CREATE VIEW lines AS
SELECT regexp_extract(filename, '([^/]+)[.]jsonl$', 1) AS host, *
FROM read_json(
    'scans/*.jsonl', format = 'newline_delimited', filename = true,
    columns = {
        kind: 'VARCHAR', path: 'VARCHAR', space_id: 'BIGINT', page_no: 'BIGINT', pages: 'BIGINT', "offset": 'BIGINT',
        length: 'BIGINT', state: 'VARCHAR', class: 'VARCHAR', "table": 'VARCHAR', "index": 'VARCHAR',
        rebuildable: 'BOOLEAN', level: 'INTEGER', leaf: 'BOOLEAN', records: 'BIGINT', lsn: 'BIGINT', mendable: 'BOOLEAN',
        copy: 'STRUCT(verdict VARCHAR, command VARCHAR)', reason: 'VARCHAR', page_size: 'BIGINT', valid: 'BIGINT',
        zero: 'BIGINT', damaged: 'BIGINT', unverifiable: 'BIGINT', complete: 'BOOLEAN', bytes: 'BIGINT', files: 'BIGINT'
    });

CREATE VIEW findings AS
SELECT host, path, space_id, page_no, pages, "offset" AS byte_offset, state, class, "table" AS table_name,
       "index" AS index_name, rebuildable, leaf, records, lsn, mendable,
       coalesce(copy.verdict = 'restorable', false) AS restorable, reason
FROM lines WHERE kind = 'damaged';

CREATE VIEW files AS
SELECT host, path, space_id, page_size, pages, valid, zero, damaged, unverifiable, complete
FROM lines WHERE kind = 'file';

CREATE VIEW summaries AS
SELECT host, files AS file_count, pages, bytes, damaged, unverifiable, complete FROM lines WHERE kind = 'summary';
