-- The picture baselines of pages.

-- name: of_page
-- Of page $1 as long as it has the version $2.
SELECT visual FROM trapline.page WHERE id = $1 AND version = $2;

-- name: accept
-- Page $1; $2 NULL: the newest good observation with a picture that can be compared.
SELECT trapline.accept_picture($1, $2);
