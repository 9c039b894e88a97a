-- what speaks for and against a user's buying from the category that an offer rests on
-- Told again only when input, model or exactness changed.
{{ score_reasons('category_interest') }}
