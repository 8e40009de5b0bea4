-- Which hosts have damage, how much of it can be mended, and by what?
SELECT host,
       sum(pages) AS damaged_pages,
       sum(CASE WHEN restorable THEN pages ELSE 0 END) AS by_doublewrite,
       sum(CASE WHEN rebuildable AND NOT restorable THEN pages ELSE 0 END) AS by_making_the_index_anew,
       sum(CASE WHEN mendable AND NOT restorable THEN pages ELSE 0 END) AS whole_but_for_a_word,
       count(DISTINCT path) AS files_hit
FROM findings
GROUP BY host
ORDER BY damaged_pages DESC, host;
