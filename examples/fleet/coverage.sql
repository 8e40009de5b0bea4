-- Which hosts were not looked at as a whole?
SELECT host, file_count, bytes, unverifiable, complete
FROM summaries
WHERE NOT complete OR unverifiable > 0
ORDER BY host;
