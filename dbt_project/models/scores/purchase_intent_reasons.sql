-- what speaks for and against each user's buying anything within a week; told again only when input, model or exactness changed
{{ score_reasons('purchase_intent') }}
