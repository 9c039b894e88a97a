-- what speaks for and against a user's redeeming a coupon that is offered; told again only when input, model or exactness changed
{{ score_reasons('coupon_redemption') }}
