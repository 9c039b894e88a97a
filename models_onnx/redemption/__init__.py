"""Who redeems coupons: campaign_redemption and coupon_redemption, trained on past campaigns and tested on later ones."""
