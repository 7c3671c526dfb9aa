import parcel

print(f"Delivers {parcel.NAME}")
