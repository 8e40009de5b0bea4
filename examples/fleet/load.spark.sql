-- Views over scans/*.jsonl for Spark SQL. The columns are named, so that a fleet without any damage has them too.
CREATE TEMPORARY VIEW raw_lines (
    kind STRING, path STRING, space_id BIGINT, page_no BIGINT, pages BIGINT, `offset` BIGINT, length BIGINT, state STRING,
    class STRING, `table` STRING, `index` STRING, rebuildable BOOLEAN, level INT, leaf BOOLEAN, records BIGINT, lsn BIGINT,
    mendable BOOLEAN, copy STRUCT<verdict: STRING, command: STRING>, reason STRING, page_size BIGINT, valid BIGINT,
    zero BIGINT, damaged BIGINT, unverifiable BIGINT, complete BOOLEAN, bytes BIGINT, files BIGINT)
USING json OPTIONS (path 'scans', pathGlobFilter '*.jsonl');

CREATE TEMPORARY VIEW lines AS
SELECT regexp_extract(input_file_name(), '([^/]+)[.]jsonl$', 1) AS host, * FROM raw_lines;

CREATE TEMPORARY VIEW findings AS
SELECT host, path, space_id, page_no, pages, `offset` AS byte_offset, state, class, `table` AS table_name,
       `index` AS index_name, rebuildable, leaf, records, lsn, mendable,
       coalesce(copy.verdict = 'restorable', false) AS restorable, reason
FROM lines WHERE kind = 'damaged';

CREATE TEMPORARY VIEW files AS
SELECT host, path, space_id, page_size, pages, valid, zero, damaged, unverifiable, complete
FROM lines WHERE kind = 'file';

CREATE TEMPORARY VIEW summaries AS
SELECT host, files AS file_count, pages, bytes, damaged, unverifiable, complete FROM lines WHERE kind = 'summary';
