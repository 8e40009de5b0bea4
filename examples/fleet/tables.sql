-- Which tables are hit, on how many hosts? Rows, or only indexes that can be made anew?
SELECT table_name,
       count(DISTINCT host) AS hosts,
       sum(pages) AS damaged_pages,
       sum(CASE WHEN coalesce(rebuildable, false) THEN 0 ELSE pages END) AS pages_with_rows,
       sum(CASE WHEN coalesce(rebuildable, false) OR NOT coalesce(leaf, true) THEN 0 ELSE coalesce(records, 0) END) AS rows_at_risk
FROM findings
WHERE table_name IS NOT NULL
GROUP BY table_name
ORDER BY hosts DESC, pages_with_rows DESC, table_name;
