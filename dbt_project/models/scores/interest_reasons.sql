-- what speaks for and against a user's interest in a product that is offered or recommended; told again only when input, model or exactness changed
{{ score_reasons('interest') }}
