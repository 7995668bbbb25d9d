"""The invented district: places, people and words made for showing the product."""
