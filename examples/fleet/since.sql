-- Since which LSN at the latest? A damaged page was written when its head says so, or later.
SELECT host, table_name, class,
       min(lsn) AS first_lsn,
       max(lsn) AS last_lsn,
       sum(pages) AS damaged_pages
FROM findings
WHERE lsn IS NOT NULL AND lsn > 0 AND class NOT IN ('ff', 'garbage')
GROUP BY host, table_name, class
ORDER BY host, first_lsn;
