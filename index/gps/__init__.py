"""A picture file as it is, but for where it was taken: nothing is decoded or encoded again.

removal: by format; tiff is EXIF, xmp is XMP, jpeg, png and webp are what they lie in.
"""
