-- how likely each receiver is to redeem each coupon of an open or coming campaign; scored again only when input or model changed
{{ scored('coupon_redemption', 'coupon_redemption_features', keys=['coupon_id', 'user_id'], columns=['campaign_id']) }}
