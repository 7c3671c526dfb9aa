import humanize

print("a parcel of", humanize.naturalsize(1_500_000))
