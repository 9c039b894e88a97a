-- how likely each receiver of an open or coming campaign is to redeem any coupon; scored again only when input or model changed
{{ scored('campaign_redemption', 'campaign_redemption_features', keys=['campaign_id', 'user_id'], columns=['looks_back_from']) }}
