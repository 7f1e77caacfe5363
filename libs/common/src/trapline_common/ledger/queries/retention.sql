-- name: retire
SELECT runs, rows FROM trapline.retire($1, $2, $3);
