-- what speaks for and against a user's interest in a product that is offered or recommended
{{ score_reasons('interest') }}
