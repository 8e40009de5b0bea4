-- Is it one kind of damage on many hosts: a firmware, a kernel, a cable?
SELECT class, state,
       count(DISTINCT host) AS hosts,
       sum(pages) AS damaged_pages,
       min(byte_offset) AS least_offset,
       count(DISTINCT byte_offset % 4096) AS alignments
FROM findings
GROUP BY class, state
ORDER BY hosts DESC, damaged_pages DESC, class;
