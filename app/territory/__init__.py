"""Places, grids, facilities and the QR codes that stand on them."""
